/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Any text as policy documents: read, check, select, expand. Beside what the sanitizers see, what
 * rules stand for must be canonical patterns that the named endpoint covers.
 */
#include "policy/model.h"
#include "policy/pattern.h"
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds, const char *what, const char *text)
{
	if (holds)
		return;
	fprintf(stderr, "%s: %s\n", what, text);
	abort();
}

static bool endpoint_covers(const struct aeg_endpoint *endpoint, const char *host)
{
	for (size_t i = 0; i < endpoint->hosts.n; i++)
		if (aeg_pattern_covers(endpoint->hosts.items[i].pattern, host))
			return true;
	return false;
}

static void check_host(const struct aeg_endpoint *endpoint, const char *host)
{
	char pattern[AEG_PATTERN_TEXT];

	expect(aeg_pattern_parse(host, true, pattern) == AEG_PATTERN_OK, "not a pattern", host);
	expect(aeg_streq(host, pattern), "not canonical", host);
	expect(!endpoint || endpoint_covers(endpoint, host), "beyond its endpoint", host);
}

static void check_to(const struct aeg_model *model, const struct aeg_to *to)
{
	struct aeg_expansion expansion;
	size_t index = 0;

	for (; aeg_to_expand(model, to, index, &expansion); index++) {
		expect(expansion.ports->list.n > 0, "no ports", "");
		expect(expansion.hosts.list.n + expansion.cidrs.n > 0, "stands for nothing", "");
		for (size_t i = 0; i < expansion.hosts.list.n; i++)
			check_host(expansion.endpoint, expansion.hosts.list.items[i]);
		aeg_expansion_done(&expansion);
	}
	expect(index > 0, "names nothing", to->endpoint ? to->endpoint : "");
}

static void check_policy(const struct aeg_model *model, const struct aeg_policy *policy)
{
	struct aeg_subject subject = {.ns = "ns", .service_account = "default"};
	bool selected = aeg_policy_selects(policy, &subject);

	expect(!selected || !policy->ns || aeg_streq(policy->ns, "ns"), "selects beyond",
	       policy->name);
	for (size_t i = 0; i < policy->rules.n; i++)
		for (size_t j = 0; j < policy->rules.items[i].to.n; j++)
			check_to(model, &policy->rules.items[i].to.items[j]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct aeg_model *model = aeg_model_new();
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf out = {0};
	struct aeg_diags diags = {0};
	int result;

	aeg_model_add_text(model, "fuzz.yaml", (const char *)data, size, &diags);
	result = aeg_model_check(model, 1795176000, &diags); /* the same for every run */
	expect((result == 0) == (diags.nerrors == 0), "wrong result", "");
	for (size_t i = 0; result == 0 && i < model->policies.n; i++)
		check_policy(model, model->policies.items[i]);
	aeg_diags_print(&diags, &out, false);
	aeg_diags_done(&diags);
	aeg_model_free(model);
	return 0;
}
