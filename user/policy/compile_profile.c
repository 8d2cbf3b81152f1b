/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Profiles: which policies select a workload, and what they decide together. This is where deny
 * wins; the work done is proportional to what the policies of the profile refer to.
 */
#include "policy/compile.h"
#include "bpf/verdict.h"
#include "policy/compiler.h"
#include "policy/read.h"
#include <errno.h>

/* ---- cells of one class ---- */

struct decider {
	const struct aeg_compiler *compiler;
	AEG_VEC(const struct aeg_reference *) references; /* of profile and class, in model order */
	AEG_VEC(uint32_t) words;			  /* ports they name */
};

static void decider_done(struct decider *decider)
{
	AEG_VEC_DONE(decider->references);
	AEG_VEC_DONE(decider->words);
}

/* An exact port is also what a reference to all ports of the protocol means. */
static bool names_port(const struct aeg_compiler *compiler, const struct aeg_reference *reference,
		       uint32_t word)
{
	struct aeg_set ports = aeg_sets_get(&compiler->ports, reference->ports);

	for (size_t i = 0; i < ports.n; i++)
		if (ports.items[i] == word || ports.items[i] == aeg_port_word_any(word))
			return true;
	return false;
}

/* What the allowing policies demand of TLS together: what is said counts, the strictest of it. */
struct demands {
	uint8_t flags;
	bool ech_allowed, ech_denied;
};

static void add_demands(const struct aeg_tls *tls, struct demands *demands)
{
	demands->flags |= tls->min_version;
	if (tls->required)
		demands->flags |= AEG_TLS_DEMAND;
	demands->ech_allowed |= tls->ech == AEG_ECH_ALLOW;
	demands->ech_denied |= tls->ech == AEG_ECH_DENY;
}

static uint8_t demanded_flags(const struct demands *demands)
{
	uint8_t flags = demands->flags;

	if (flags & AEG_TLS_MIN13)
		flags &= (uint8_t)~AEG_TLS_MIN12;
	if (demands->ech_allowed && !demands->ech_denied)
		flags |= AEG_TLS_ECH_ALLOW;
	return flags;
}

/* The first deny rule that matches, else the first allow rule, else no answer. */
static struct aeg_answer decide(const struct decider *decider, uint32_t word, bool auditing)
{
	const struct aeg_model *model = decider->compiler->model;
	struct aeg_answer answer = {.verdict = AEG_VERDICT_NONE};
	struct demands demands = {0};

	for (size_t i = 0; i < decider->references.n; i++) {
		const struct aeg_reference *reference = decider->references.items[i];

		if ((reference->audit && !auditing) ||
		    !names_port(decider->compiler, reference, word))
			continue;
		if (reference->deny)
			return (struct aeg_answer){.verdict = AEG_VERDICT_DENIED,
						   .reason = AEG_REASON_DENY_RULE,
						   .rule = reference->rule};
		if (answer.verdict == AEG_VERDICT_NONE)
			answer = (struct aeg_answer){.verdict = AEG_VERDICT_ALLOWED,
						     .reason = AEG_REASON_RULE,
						     .rule = reference->rule};
		add_demands(&model->policies.items[reference->policy]->tls, &demands);
	}
	if (aeg_port_word_proto(word) == AEG_PROTO_TCP)
		answer.tls = demanded_flags(&demands);
	return answer;
}

static void collect_words(struct decider *decider)
{
	decider->words.n = 0;
	for (size_t i = 0; i < decider->references.n; i++) {
		struct aeg_set ports = aeg_sets_get(&decider->compiler->ports,
						    decider->references.items[i]->ports);

		for (size_t j = 0; j < ports.n; j++)
			*AEG_VEC_PUSH(decider->words) = ports.items[j];
	}
	if (decider->words.n)
		decider->words.n = aeg_u32_sort_unique(decider->words.items, decider->words.n);
}

struct cells {
	AEG_VEC(struct aeg_cell_row) list;
};

static void cells_done(struct cells *cells)
{
	AEG_VEC_DONE(cells->list);
}

/* Whether some port that the reference names can be reached, whatever else is denied. */
static bool leads_anywhere(const struct decider *decider, const struct aeg_reference *reference,
			   bool auditing)
{
	struct aeg_set ports = aeg_sets_get(&decider->compiler->ports, reference->ports);

	for (size_t i = 0; i < ports.n; i++)
		if (decide(decider, ports.items[i], auditing).verdict == AEG_VERDICT_ALLOWED)
			return true;
	return false;
}

/* The first allow rule by which the name can be reached on some port, else the first deny rule. */
static struct aeg_answer decide_named(const struct decider *decider, bool auditing)
{
	struct aeg_answer answer = {.verdict = AEG_VERDICT_NONE};

	for (size_t i = 0; i < decider->references.n; i++) {
		const struct aeg_reference *reference = decider->references.items[i];

		if (reference->audit && !auditing)
			continue;
		if (!reference->deny && leads_anywhere(decider, reference, auditing))
			return (struct aeg_answer){.verdict = AEG_VERDICT_ALLOWED,
						   .reason = AEG_REASON_RULE,
						   .rule = reference->rule};
		if (reference->deny && answer.verdict == AEG_VERDICT_NONE)
			answer = (struct aeg_answer){.verdict = AEG_VERDICT_DENIED,
						     .reason = AEG_REASON_DNS_NAME,
						     .rule = reference->rule};
	}
	return answer;
}

static void add_named_cell(const struct decider *decider, uint32_t profile, uint32_t class,
			   struct cells *ret)
{
	*AEG_VEC_PUSH(ret->list) = (struct aeg_cell_row){
		.key = {.profile = profile, .class = class, .proto = AEG_PROTO_NAMED},
		.cell = {.enforce = decide_named(decider, false),
			 .all = decide_named(decider, true)},
	};
}

static void add_cells(struct decider *decider, uint32_t profile, uint32_t class, struct cells *ret)
{
	collect_words(decider);
	for (size_t i = 0; i < decider->words.n; i++) {
		uint32_t word = decider->words.items[i];

		*AEG_VEC_PUSH(ret->list) = (struct aeg_cell_row){
			.key = {.profile = profile,
				.class = class,
				.port = (uint16_t)(word >> 8),
				.proto = aeg_port_word_proto(word)},
			.cell = {.enforce = decide(decider, word, false),
				 .all = decide(decider, word, true)},
		};
	}
}

/* ---- all classes that the profile's policies touch ---- */

static int compare_touches(const void *a, const void *b)
{
	const struct aeg_touch *x = a, *y = b;

	if (x->class != y->class)
		return x->class < y->class ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

static void collect_touches(const struct aeg_compiler *compiler, const struct aeg_profile *profile,
			    struct aeg_touches *ret)
{
	for (size_t i = 0; i < profile->policies.n; i++) {
		const struct aeg_touches *touched = &compiler->touched[profile->policies.items[i]];

		for (size_t j = 0; j < touched->list.n; j++)
			*AEG_VEC_PUSH(ret->list) = touched->list.items[j];
	}
	if (ret->list.n)
		qsort(ret->list.items, ret->list.n, sizeof(*ret->list.items), compare_touches);
}

static void profile_cells(const struct aeg_compiler *compiler, const struct aeg_tables *tables,
			  uint32_t number, struct cells *ret)
{
	AEG_CLEANUP(decider_done) struct decider decider = {.compiler = compiler};
	struct aeg_touches touches = {0};

	collect_touches(compiler, &tables->profiles.items[number], &touches);
	for (size_t i = 0; i < touches.list.n; i++) {
		const struct aeg_touch *touch = &touches.list.items[i];
		struct aeg_set class = aeg_sets_get(&compiler->classes, touch->class);

		for (uint32_t j = 0; j < touch->n; j++)
			*AEG_VEC_PUSH(decider.references) =
				&compiler->references.items[class.items[touch->start + j]];
		if (i + 1 == touches.list.n || touch[1].class != touch->class) {
			add_cells(&decider, number, touch->class, ret);
			if (tables->profiles.items[number].flags & AEG_IDENT_NAMES_UNION)
				add_named_cell(&decider, number, touch->class, ret);
			decider.references.n = 0;
		}
	}
	AEG_VEC_DONE(touches.list);
}

/*
 * Where no more fit it is those whose policies want so many that suffer, not everybody: without cells an
 * isolated profile reaches nothing that is governed.
 */
static void compile_cells(struct aeg_tables *tables, uint32_t number)
{
	AEG_CLEANUP(cells_done) struct cells cells = {0};
	struct aeg_profile *profile = &tables->profiles.items[number];

	profile_cells(tables->compiler, tables, number, &cells);
	profile->compiled = true;
	if (cells.list.n > AEG_MAX_CELLS - tables->cells.n) {
		profile->flags |= AEG_IDENT_ISOLATED | AEG_IDENT_ISOLATED_UNION;
		profile->overflowed = true;
		return;
	}
	for (size_t i = 0; i < cells.list.n; i++)
		aeg_tables_add_cell(tables, &cells.list.items[i]);
}

/* ---- who is selected ---- */

struct selection {
	AEG_VEC(uint32_t) list;
};

static void selection_done(struct selection *selection)
{
	AEG_VEC_DONE(selection->list);
}

/* Policies are sorted: cluster policies, then by namespace. The first of this namespace or later. */
static size_t first_of_namespace(const struct aeg_model *model, const char *ns)
{
	size_t low = 0, high = model->policies.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const char *there = model->policies.items[middle]->ns;

		if (!there || strcmp(there, ns) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* ns NULL: of the cluster */
static bool is_of_namespace(const struct aeg_policy *policy, const char *ns)
{
	if (!policy->ns || !ns)
		return policy->ns == ns;
	return aeg_streq(policy->ns, ns);
}

/* Of the run of policies of one namespace that begins at `first`. */
static void select_policies(const struct aeg_model *model, size_t first, const char *ns,
			    const struct aeg_subject *subject, struct selection *ret)
{
	for (size_t i = first; i < model->policies.n; i++) {
		const struct aeg_policy *policy = model->policies.items[i];

		if (!is_of_namespace(policy, ns))
			return;
		if (aeg_policy_selects(policy, subject))
			*AEG_VEC_PUSH(ret->list) = (uint32_t)i;
	}
}

/* What an isolating policy adds to one layer. */
static uint32_t layer_flags(const struct aeg_policy *policy, uint32_t isolated)
{
	uint32_t flags = isolated;

	if (policy->containment == AEG_STRICT)
		flags |= AEG_IDENT_STRICT_OF(isolated);
	if (aeg_dns_given(&policy->dns))
		flags |= AEG_IDENT_ASKS_OF(isolated);
	if (policy->dns.allowed_names)
		flags |= AEG_IDENT_NAMES_OF(isolated);
	return flags;
}

/* The lower rate of two; of equal ones the one that lets less through at once. */
static bool asks_less(const struct aeg_dns_caps *a, const struct aeg_dns_caps *b)
{
	uint32_t x = (uint32_t)a->questions * b->seconds, y = (uint32_t)b->questions * a->seconds;

	return x != y ? x < y : a->questions < b->questions;
}

static void add_caps(const struct aeg_dns_caps *caps, struct aeg_dns_caps *ret)
{
	if (caps->questions && (!ret->questions || asks_less(caps, ret))) {
		ret->questions = caps->questions;
		ret->seconds = caps->seconds;
	}
	if (caps->name_len && (!ret->name_len || caps->name_len < ret->name_len))
		ret->name_len = caps->name_len;
}

static void profile_caps(const struct aeg_model *model, const struct selection *selection,
			 struct aeg_dns_caps ret[AEG_LAYERS])
{
	for (size_t i = 0; i < selection->list.n; i++) {
		const struct aeg_policy *policy = model->policies.items[selection->list.items[i]];

		if (policy->mode == AEG_MODE_ENFORCE)
			add_caps(&policy->dns.caps, &ret[0]);
		add_caps(&policy->dns.caps, &ret[1]);
	}
}

static uint32_t profile_flags(const struct aeg_model *model, const struct selection *selection)
{
	uint32_t flags = selection->list.n ? AEG_IDENT_SELECTED : 0;

	for (size_t i = 0; i < selection->list.n; i++) {
		const struct aeg_policy *policy = model->policies.items[selection->list.items[i]];

		if (!policy->has_allow)
			continue;
		flags |= layer_flags(policy, AEG_IDENT_ISOLATED_UNION);
		if (policy->mode != AEG_MODE_ENFORCE)
			continue;
		flags |= layer_flags(policy, AEG_IDENT_ISOLATED);
		if (policy->require_tc)
			flags |= AEG_IDENT_NEEDS_TC;
	}
	return flags;
}

static uint32_t profile_number(struct aeg_tables *tables, const struct selection *selection)
{
	struct aeg_compiler *compiler = tables->compiler;
	uint32_t number =
		aeg_sets_intern(&compiler->profiles, selection->list.items, selection->list.n);

	if (number == tables->profiles.n) {
		struct aeg_profile *profile = AEG_VEC_PUSH(tables->profiles);

		profile->flags = profile_flags(compiler->model, selection);
		profile_caps(compiler->model, selection, profile->caps);
		for (size_t i = 0; i < selection->list.n; i++)
			*AEG_VEC_PUSH(profile->policies) = selection->list.items[i];
	}
	return number;
}

int aeg_compile_profile(struct aeg_tables *tables, const struct aeg_subject *subject,
			uint32_t *ret_profile, uint32_t *ret_flags, struct aeg_buf *error)
{
	AEG_CLEANUP(selection_done) struct selection selection = {0};
	const struct aeg_model *model = tables->compiler->model;
	uint32_t number;

	select_policies(model, 0, NULL, subject, &selection);
	select_policies(model, first_of_namespace(model, subject->ns), subject->ns, subject,
			&selection);
	number = profile_number(tables, &selection);
	if (!tables->profiles.items[number].compiled)
		compile_cells(tables, number);
	*ret_profile = number;
	*ret_flags = tables->profiles.items[number].flags;
	return 0;
}
