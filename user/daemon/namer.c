/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The cache is direct-mapped: a combination that finds its place taken takes it over. */
#include "daemon/namer.h"
#include "policy/words.h"

#include <string.h>

/* Its label says who a workload was that no document declares any more; label is cut in two. */
static void name_former_workload(struct aeg_flow *flow, char *label)
{
	char *slash = strchr(label, '/');

	if (!slash)
		return;
	*slash = '\0';
	flow->ns = label;
	flow->workload = slash + 1;
}

static void name_workload(struct aeg_flow *flow, const struct aeg_workload *workload)
{
	flow->ns = workload->ns;
	flow->workload = workload->name;
	flow->uid = workload->uid;
	flow->service_account = workload->service_account;
}

static void name_rules(struct aeg_flow *flow, struct aeg_names *names,
		       const struct aeg_decision *decision)
{
	const struct aeg_rule_names *rule = aeg_names_rule(names, decision->rule);

	flow->policy = rule->policy;
	flow->rule = rule->rule;
	rule = aeg_names_rule(names, decision->other_rule);
	flow->other_policy = rule->policy;
	flow->other_rule = rule->rule;
}

static void name_endpoint(struct aeg_flow *flow, struct aeg_names *names,
			  const struct aeg_event *event)
{
	const struct aeg_endpoint *endpoint =
		aeg_names_endpoint(names, event->decision.rule, event->node);

	flow->pattern = aeg_numbers_text(names->numbers, event->node);
	if (!endpoint)
		return;
	flow->endpoint = endpoint->name;
	flow->class = aeg_class_names[endpoint->class];
	flow->region = endpoint->region;
	flow->vendor = endpoint->vendor;
}

static struct aeg_words *find_words(struct aeg_names *names, const struct aeg_event *event)
{
	const struct aeg_workload *workload = aeg_names_workload(names, event->workload);
	const char *text = aeg_numbers_text(names->numbers, event->workload);
	AEG_AUTO_FREE char *label = text && !workload ? aeg_xstrdup(text) : NULL;
	struct aeg_flow flow = {0};

	if (workload)
		name_workload(&flow, workload);
	else if (label)
		name_former_workload(&flow, label);
	name_rules(&flow, names, &event->decision);
	name_endpoint(&flow, names, event);
	return aeg_words_new(&flow);
}

static size_t cache_slot(const struct aeg_event *event)
{
	uint64_t hash = event->workload * 0x9e3779b97f4a7c15u + event->node;

	hash = hash * 0xc2b2ae3d27d4eb4fu + event->decision.rule;
	hash = hash * 0x9e3779b97f4a7c15u + event->decision.other_rule;
	return hash >> 40 & (AEG_NAMER_CACHE - 1);
}

struct aeg_words *aeg_namer_words(struct aeg_namer *namer, const struct aeg_event *event)
{
	typeof(*namer->cache) *entry = &namer->cache[cache_slot(event)];

	if (entry->words && entry->workload == event->workload && entry->node == event->node &&
	    entry->rule == event->decision.rule && entry->other_rule == event->decision.other_rule)
		return entry->words;
	aeg_words_drop(entry->words);
	entry->workload = event->workload;
	entry->node = event->node;
	entry->rule = event->decision.rule;
	entry->other_rule = event->decision.other_rule;
	entry->words = find_words(namer->names, event);
	return entry->words;
}

void aeg_namer_reset(struct aeg_namer *namer)
{
	for (size_t i = 0; i < AEG_NAMER_CACHE; i++)
		aeg_words_drop(namer->cache[i].words);
	memset(namer->cache, 0, sizeof(namer->cache));
}
