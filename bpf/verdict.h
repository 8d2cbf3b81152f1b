/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The verdict: what the tables say becomes what is done. One pure function, compiled into the
 * programs that enforce and into the tools that explain; it looks nothing up and keeps nothing.
 */
#ifndef AEG_VERDICT_H
#define AEG_VERDICT_H

#include "bpf/abi.h"

/*
 * In a cell's key: every protocol but TCP and UDP. Only deny rules without ports have cells for it,
 * since they deny every protocol and nothing can allow one of these.
 */
#define AEG_PROTO_OTHER 0

/*
 * In a cell's key, port 0: may the name be asked for? It may if some port of it may be reached. Only
 * profiles with AEG_IDENT_NAMES_UNION have such cells.
 */
#define AEG_PROTO_NAMED 255

static inline __u8 aeg_cell_proto(__u8 proto)
{
	return proto == AEG_PROTO_TCP || proto == AEG_PROTO_UDP ? proto : AEG_PROTO_OTHER;
}

/* Where a destination lies that no endpoint covers, as far as strict containment cares. */
enum aeg_way {
	AEG_WAY_OUT,
	AEG_WAY_LOOPBACK,
	AEG_WAY_RESOLVER,      /* a trusted one's port */
	AEG_WAY_OTHER_RESOLVER /* the same port of anybody else */
};

/* What the caller looked up. All pointers are borrowed. */
struct aeg_facts {
	const struct aeg_gen *gen;
	const struct aeg_ident *ident; /* NULL: managed, but unknown */
	const struct aeg_cell *cell;   /* NULL: no rule of the workload's policies touches it */
	__u8 governed;		       /* an AI endpoint covers the destination */
	__u8 proto;
	__u8 way; /* enum aeg_way; only looked at where aeg_way_matters() */
	__u8 pad[5];
};

/* Whoever looks things up can save this look-up for everybody else. */
static inline int aeg_way_matters(const struct aeg_ident *ident)
{
	return ident && ident->flags & AEG_IDENT_STRICT_UNION;
}

static inline struct aeg_answer aeg_answer_default(__u32 verdict, __u8 reason)
{
	struct aeg_answer answer = {.verdict = (__u8)verdict, .reason = reason};

	return answer;
}

/* Why nothing allowed it: protocols get their own word, since a rule for TCP may well exist. */
static inline __u8 aeg_no_rule_reason(__u8 proto)
{
	if (proto == AEG_PROTO_UDP)
		return AEG_REASON_UDP;
	return proto == AEG_PROTO_TCP ? AEG_REASON_NO_RULE : AEG_REASON_PROTOCOL;
}

/* No endpoint covers it. Contained strictly, a workload may still ask for names and talk to itself. */
static inline struct aeg_answer aeg_layer_ungoverned(const struct aeg_facts *facts, __u32 isolated)
{
	if (!(facts->ident->flags & AEG_IDENT_STRICT_OF(isolated)))
		return aeg_answer_default(AEG_VERDICT_ALLOWED, AEG_REASON_NOT_GOVERNED);
	if (facts->way == AEG_WAY_LOOPBACK)
		return aeg_answer_default(AEG_VERDICT_ALLOWED, AEG_REASON_LOOPBACK);
	if (facts->way == AEG_WAY_RESOLVER)
		return aeg_answer_default(AEG_VERDICT_ALLOWED, AEG_REASON_DNS);
	if (facts->way == AEG_WAY_OTHER_RESOLVER)
		return aeg_answer_default(AEG_VERDICT_DENIED, AEG_REASON_RESOLVER);
	return aeg_answer_default(AEG_VERDICT_DENIED, AEG_REASON_STRICT);
}

/*
 * One layer's answer, in this order:
 * 1. a rule of the layer decided (deny rules won when the cell was compiled);
 * 2. not governed -> allowed, unless the layer contains the workload strictly;
 * 3. the layer isolates the workload -> denied;
 * 4. auditing policies isolate it -> the enforcing layer stands back and allows;
 * 5. nobody isolates it -> the default for unselected workloads.
 */
static inline struct aeg_answer aeg_layer(const struct aeg_facts *facts,
					  const struct aeg_answer *rule, __u32 isolated)
{
	__u32 flags = facts->ident->flags;

	if (rule && rule->verdict != AEG_VERDICT_NONE)
		return *rule;
	if (!facts->governed)
		return aeg_layer_ungoverned(facts, isolated);
	if (flags & isolated)
		return aeg_answer_default(AEG_VERDICT_DENIED, aeg_no_rule_reason(facts->proto));
	if (flags & AEG_IDENT_ISOLATED_UNION)
		return aeg_answer_default(AEG_VERDICT_ALLOWED, AEG_REASON_UNSELECTED);
	return aeg_answer_default(facts->gen->unselected, AEG_REASON_UNSELECTED);
}

static inline __u8 aeg_mode_of(__u8 verdict)
{
	return verdict == AEG_VERDICT_AUDITED ? AEG_MODE_AUDIT : AEG_MODE_ENFORCE;
}

static inline int aeg_answer_differs(const struct aeg_answer *a, const struct aeg_answer *b)
{
	return a->verdict != b->verdict || a->reason != b->reason || a->rule != b->rule;
}

static inline void aeg_decision_set(struct aeg_decision *ret, const struct aeg_answer *main,
				    const struct aeg_answer *other, __u8 mode)
{
	ret->verdict = main->verdict;
	ret->reason = main->reason;
	ret->mode = mode;
	ret->tls = main->tls;
	ret->rule = main->rule;
	if (!aeg_answer_differs(main, other))
		return;
	ret->other_verdict = other->verdict;
	ret->other_reason = other->reason;
	ret->other_rule = other->rule;
}

/*
 * The enforcing layer's denial is applied. Otherwise a denial of the layer that also counts
 * auditing policies is reported as audited. Otherwise it is allowed; where enforcing policies have
 * nothing to say, the auditing rule that allows it is named.
 */
static inline void aeg_layers_combine(struct aeg_answer *enforce, struct aeg_answer *all,
				      struct aeg_decision *ret)
{
	if (enforce->verdict == AEG_VERDICT_DENIED) {
		aeg_decision_set(ret, enforce, all, AEG_MODE_ENFORCE);
	} else if (all->verdict == AEG_VERDICT_DENIED) {
		all->verdict = AEG_VERDICT_AUDITED;
		aeg_decision_set(ret, all, enforce, AEG_MODE_AUDIT);
	} else if (enforce->rule == 0 && all->rule != 0) {
		aeg_decision_set(ret, all, enforce, AEG_MODE_AUDIT);
	} else {
		aeg_decision_set(ret, enforce, all, aeg_mode_of(enforce->verdict));
	}
}

/* Unknown workloads: only governed destinations follow the default, or no pod could ever start. */
static inline void aeg_decide_unknown(const struct aeg_facts *facts, struct aeg_decision *ret)
{
	ret->verdict = (__u8)(facts->governed ? facts->gen->unknown : AEG_VERDICT_ALLOWED);
	ret->reason = facts->governed ? AEG_REASON_UNKNOWN_WORKLOAD : AEG_REASON_NOT_GOVERNED;
	ret->mode = aeg_mode_of(ret->verdict);
}

/* Fills ret completely; always leaves a verdict other than NONE. */
static inline void aeg_decide(const struct aeg_facts *facts, struct aeg_decision *ret)
{
	struct aeg_answer enforce, all;

	*ret = (struct aeg_decision){};
	if (!facts->ident) {
		aeg_decide_unknown(facts, ret);
		return;
	}
	enforce = aeg_layer(facts, facts->cell ? &facts->cell->enforce : 0, AEG_IDENT_ISOLATED);
	all = aeg_layer(facts, facts->cell ? &facts->cell->all : 0, AEG_IDENT_ISOLATED_UNION);
	aeg_layers_combine(&enforce, &all, ret);
}

/* Stopped by hand: nothing leaves its namespace. */
static inline int aeg_quarantined(const struct aeg_ident *ident, int loopback)
{
	return ident && ident->flags & AEG_IDENT_QUARANTINED && !loopback;
}

/* A policy requires that TC sees the workload, which it does not, and a rule or a default allows this. */
static inline int aeg_uncovered(const struct aeg_ident *ident, const struct aeg_decision *decision)
{
	__u32 needs = ident ? ident->flags & (AEG_IDENT_NEEDS_TC | AEG_IDENT_HAS_TC) : 0;

	return needs == AEG_IDENT_NEEDS_TC && decision->verdict != AEG_VERDICT_DENIED &&
	       decision->reason != AEG_REASON_NOT_GOVERNED &&
	       decision->reason != AEG_REASON_LOOPBACK;
}

/*
 * The last word: what no rule can open. Apart from aeg_decide(), which verifiers follow into every
 * branch for every candidate.
 */
static inline void aeg_decide_last(const struct aeg_ident *ident, int loopback,
				   struct aeg_decision *decision)
{
	if (aeg_quarantined(ident, loopback))
		*decision = (struct aeg_decision){.verdict = AEG_VERDICT_DENIED,
						  .reason = AEG_REASON_QUARANTINED};
	else if (aeg_uncovered(ident, decision))
		*decision = (struct aeg_decision){.verdict = AEG_VERDICT_DENIED,
						  .reason = AEG_REASON_LAYER};
}

static inline __u32 aeg_layer_verdict(const struct aeg_facts *facts, __u32 rule, __u32 isolated)
{
	__u32 flags = facts->ident->flags;

	if (rule != AEG_VERDICT_NONE)
		return rule;
	if (!facts->governed)
		return aeg_layer_ungoverned(facts, isolated).verdict;
	if (flags & isolated)
		return AEG_VERDICT_DENIED;
	return flags & AEG_IDENT_ISOLATED_UNION ? AEG_VERDICT_ALLOWED : facts->gen->unselected;
}

/* The verdict that aeg_decide() comes to, and nothing else of it: to compare many candidates. */
static inline __u32 aeg_decide_verdict(const struct aeg_facts *facts)
{
	__u32 enforce, all;

	if (!facts->ident)
		return facts->governed ? facts->gen->unknown : AEG_VERDICT_ALLOWED;
	enforce = aeg_layer_verdict(facts, facts->cell ? facts->cell->enforce.verdict : 0,
				    AEG_IDENT_ISOLATED);
	all = aeg_layer_verdict(facts, facts->cell ? facts->cell->all.verdict : 0,
				AEG_IDENT_ISOLATED_UNION);
	if (enforce != AEG_VERDICT_DENIED && all == AEG_VERDICT_DENIED)
		return AEG_VERDICT_AUDITED;
	return enforce;
}

/* What a program does when it cannot look something up: deny, and say that it was not a rule. */
static inline void aeg_decide_internal(struct aeg_decision *ret)
{
	*ret = (struct aeg_decision){
		.verdict = AEG_VERDICT_DENIED,
		.reason = AEG_REASON_INTERNAL,
	};
}

/* Whether a rule allowed it: what is let through by default makes no demands. */
static inline int aeg_allowed_by_rule(const struct aeg_decision *decision)
{
	return decision->verdict != AEG_VERDICT_DENIED && decision->reason == AEG_REASON_RULE;
}

/*
 * What a connection that may begin with a ClientHello has to show. by_name: it was let through for a
 * name that its address was learned for, and by no CIDR.
 */
static inline __u8 aeg_watch_of(const struct aeg_decision *decision, int by_name, __u16 dport)
{
	if (decision->tls & AEG_TLS_DEMAND)
		return AEG_WATCH_DEMAND;
	if (by_name && dport == AEG_PORT_TLS && aeg_allowed_by_rule(decision))
		return AEG_WATCH_DEMAND;
	return AEG_WATCH_HELLO;
}

/*
 * A connection that was let through fails at its ClientHello. Who only audits what let it through
 * only audits this, too.
 */
static inline void aeg_decide_hello(struct aeg_decision *decision, __u8 reason)
{
	__u8 mode = decision->mode;

	decision->verdict =
		(__u8)(mode == AEG_MODE_AUDIT ? AEG_VERDICT_AUDITED : AEG_VERDICT_DENIED);
	decision->reason = reason;
}

/* TLS as it was offered: version 0x0301 .. 0x0304, ech: an encrypted ClientHello was there. */
static inline void aeg_decide_demands(struct aeg_decision *decision, __u16 version, int ech)
{
	if (!aeg_allowed_by_rule(decision))
		return;
	if (ech && !(decision->tls & AEG_TLS_ECH_ALLOW))
		aeg_decide_hello(decision, AEG_REASON_ECH);
	else if ((decision->tls & AEG_TLS_MIN13 && version < 0x0304) ||
		 (decision->tls & AEG_TLS_MIN12 && version < 0x0303))
		aeg_decide_hello(decision, AEG_REASON_TLS_VERSION);
}

/* The stricter of two decisions about one connection: DENIED > AUDITED > ALLOWED; a stays on a tie. */
static inline int aeg_stricter(const struct aeg_decision *a, const struct aeg_decision *b)
{
	return b->verdict > a->verdict;
}

#endif
