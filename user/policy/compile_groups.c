/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * From the model to groups, nodes and references. A destination that many rules name is expanded
 * once: with a thousand policies it is this that keeps compiling fast.
 */
#include "bpf/verdict.h"
#include "policy/compiler.h"

/* What one `to` means, apart from its own ports. */
struct target {
	uint32_t group;
	const struct aeg_ports *ports; /* when the rule names none */
};
struct targets {
	AEG_VEC(struct target) list;
};
struct memo {
	struct aeg_strmap rows; /* to_key() -> row of list */
	AEG_VEC(struct targets) list;
};

static void memo_done(struct memo *memo)
{
	for (size_t i = 0; i < memo->list.n; i++)
		AEG_VEC_DONE(memo->list.items[i].list);
	AEG_VEC_DONE(memo->list);
	aeg_strmap_done(&memo->rows);
}

static uint32_t new_group(struct aeg_build *build)
{
	(void)AEG_VEC_PUSH(build->groups);
	return (uint32_t)build->groups.n - 1;
}

/* ---- nodes ---- */

static struct aeg_node_groups *name_node(struct aeg_build *build, const char *pattern)
{
	uintptr_t row;

	if (!aeg_strmap_get(&build->name_rows, pattern, &row)) {
		row = build->names.n;
		AEG_VEC_PUSH(build->names)->pattern = aeg_xstrdup(pattern);
		aeg_strmap_put(&build->name_rows, pattern, row);
	}
	return &build->names.items[row].groups;
}

static struct aeg_node_groups *cidr_node(struct aeg_build *build, const struct aeg_cidr *cidr)
{
	char text[AEG_ADDR_TEXT];
	uintptr_t row;

	aeg_cidr_format(cidr, text);
	if (!aeg_strmap_get(&build->cidr_rows, text, &row)) {
		row = build->cidrs.n;
		AEG_VEC_PUSH(build->cidrs)->cidr = *cidr;
		aeg_strmap_put(&build->cidr_rows, text, row);
	}
	return &build->cidrs.items[row].groups;
}

static void join_group(struct aeg_node_groups *node, uint32_t group, bool governed)
{
	*AEG_VEC_PUSH(node->groups) = group;
	node->governed |= governed;
}

static void add_endpoint(struct aeg_build *build, const struct aeg_endpoint *endpoint)
{
	uint32_t group = new_group(build);

	if (endpoint->cidrs.n)
		build->groups.items[group].declarer = 1u << build->ndeclarers++ % 32;
	aeg_strmap_put(&build->endpoint_groups, endpoint->name, group);
	for (size_t i = 0; i < endpoint->hosts.n; i++)
		join_group(name_node(build, endpoint->hosts.items[i].pattern), group, true);
	for (size_t i = 0; i < endpoint->cidrs.n; i++)
		join_group(cidr_node(build, &endpoint->cidrs.items[i].cidr), group, true);
}

/* ---- what a `to` means ---- */

static bool whole_endpoint(const struct aeg_to *to)
{
	return to->ids.list.n == 0 && to->regions.list.n == 0 && to->vendors.list.n == 0;
}

static uint32_t expansion_group(struct aeg_build *build, const struct aeg_to *to,
				const struct aeg_expansion *expansion)
{
	uintptr_t known;
	uint32_t group;

	if (expansion->endpoint && whole_endpoint(to) &&
	    aeg_strmap_get(&build->endpoint_groups, expansion->endpoint->name, &known))
		return (uint32_t)known;
	group = new_group(build);
	for (size_t i = 0; i < expansion->hosts.list.n; i++)
		join_group(name_node(build, expansion->hosts.list.items[i]), group, false);
	for (size_t i = 0; i < expansion->cidrs.n; i++)
		join_group(cidr_node(build, &expansion->cidrs.items[i]), group, false);
	return group;
}

static void expand(struct aeg_build *build, const struct aeg_to *to, struct targets *ret)
{
	struct aeg_to bare = *to;
	struct aeg_expansion expansion = {0};

	bare.ports_given =
		false; /* the defaults are wanted; the rule's own are not part of the key */
	for (size_t i = 0; aeg_to_expand(build->compiler->model, &bare, i, &expansion); i++) {
		*AEG_VEC_PUSH(ret->list) = (struct target){
			.group = expansion_group(build, to, &expansion),
			.ports = expansion.ports,
		};
		aeg_expansion_done(&expansion);
		expansion = (struct aeg_expansion){0};
	}
}

static void key_strings(struct aeg_buf *key, const struct aeg_strings *strings)
{
	for (size_t i = 0; i < strings->list.n; i++)
		aeg_buf_printf(key, "\x1f%s", strings->list.items[i]);
	aeg_buf_putc(key, '\x1e');
}

/* Two `to` with the same key mean the same destinations. */
static void to_key(const struct aeg_to *to, struct aeg_buf *key)
{
	char cidr[AEG_ADDR_TEXT];

	aeg_buf_reset(key);
	switch (to->kind) {
	case AEG_TO_ENDPOINT:
		aeg_buf_printf(key, "endpoint\x1f%s\x1e", to->endpoint);
		key_strings(key, &to->ids);
		key_strings(key, &to->regions);
		key_strings(key, &to->vendors);
		return;
	case AEG_TO_CLASS:
		aeg_buf_printf(key, "class\x1f%d\x1f%s", to->class,
			       to->provider ? to->provider : "");
		return;
	case AEG_TO_HOST:
		aeg_buf_printf(key, "host\x1f%s", to->host);
		return;
	case AEG_TO_CIDR:
		aeg_cidr_format(&to->cidr, cidr);
		aeg_buf_printf(key, "cidr\x1f%s", cidr);
		return;
	}
}

static const struct targets *to_targets(struct aeg_build *build, struct memo *memo,
					const struct aeg_to *to)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf key = {0};
	uintptr_t row;

	to_key(to, &key);
	if (!aeg_strmap_get(&memo->rows, aeg_buf_text(&key), &row)) {
		row = memo->list.n;
		(void)AEG_VEC_PUSH(memo->list);
		aeg_strmap_put(&memo->rows, aeg_buf_text(&key), row);
		expand(build, to, &memo->list.items[row]);
	}
	return &memo->list.items[row];
}

/* ---- references ---- */

static uint32_t port_set(struct aeg_compiler *compiler, const struct aeg_ports *ports)
{
	AEG_VEC(uint32_t) words = {0};
	uint32_t set;

	for (size_t i = 0; i < ports->list.n; i++)
		*AEG_VEC_PUSH(words) =
			aeg_port_word(ports->list.items[i].port, ports->list.items[i].proto);
	words.n = aeg_u32_sort_unique(words.items, words.n);
	set = aeg_sets_intern(&compiler->ports, words.items, words.n);
	AEG_VEC_DONE(words);
	return set;
}

static uint32_t every_port(struct aeg_compiler *compiler)
{
	const uint32_t words[] = {
		aeg_port_word(AEG_PORT_ANY, AEG_PROTO_OTHER),
		aeg_port_word(AEG_PORT_ANY, AEG_PROTO_TCP),
		aeg_port_word(AEG_PORT_ANY, AEG_PROTO_UDP),
	};

	return aeg_sets_intern(&compiler->ports, words, AEG_ARRAY_SIZE(words));
}

static uint32_t rule_ports(struct aeg_compiler *compiler, const struct aeg_rule *rule,
			   const struct aeg_to *to, const struct aeg_ports *otherwise)
{
	if (to->ports_given)
		return port_set(compiler, &to->ports);
	if (rule->deny)
		return every_port(compiler);
	return port_set(compiler, otherwise);
}

/* The rule's reference with these ports; references from `first` on are the rule's. */
static uint32_t rule_reference(struct aeg_compiler *compiler, size_t first,
			       const struct aeg_reference *wanted)
{
	for (size_t i = first; i < compiler->references.n; i++)
		if (compiler->references.items[i].ports == wanted->ports)
			return (uint32_t)i;
	*AEG_VEC_PUSH(compiler->references) = *wanted;
	return (uint32_t)compiler->references.n - 1;
}

static void add_rule(struct aeg_build *build, struct memo *memo, uint32_t policy,
		     const struct aeg_rule *rule)
{
	struct aeg_compiler *compiler = build->compiler;
	const struct aeg_policy *owner = compiler->model->policies.items[policy];
	AEG_AUTO_FREE char *label = aeg_rule_label(owner, rule);
	size_t first = compiler->references.n;
	struct aeg_reference reference = {
		.policy = policy,
		.rule = aeg_numbers_get(build->numbers, AEG_LABEL_RULE, label),
		.deny = rule->deny,
		.audit = owner->mode == AEG_MODE_AUDIT,
	};

	for (size_t i = 0; i < rule->to.n; i++) {
		const struct targets *targets = to_targets(build, memo, &rule->to.items[i]);

		for (size_t j = 0; j < targets->list.n; j++) {
			const struct target *target = &targets->list.items[j];

			reference.ports =
				rule_ports(compiler, rule, &rule->to.items[i], target->ports);
			*AEG_VEC_PUSH(build->groups.items[target->group].references) =
				rule_reference(compiler, first, &reference);
		}
	}
}

void aeg_build_groups(struct aeg_build *build)
{
	AEG_CLEANUP(memo_done) struct memo memo = {0};
	const struct aeg_model *model = build->compiler->model;

	for (size_t i = 0; i < model->endpoints.n; i++)
		add_endpoint(build, model->endpoints.items[i]);
	for (uint32_t i = 0; i < model->policies.n; i++) {
		const struct aeg_policy *policy = model->policies.items[i];

		for (size_t j = 0; j < policy->rules.n; j++) {
			if (!policy->rules.items[j].expired)
				add_rule(build, &memo, i, &policy->rules.items[j]);
		}
	}
}
