/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * May a workload ask a trusted resolver this? Data can leave in the names that are asked for, so a
 * policy that contains strictly may let through only names that its workload may reach, only so many a
 * second, and none that is too long. Pure: the programs decide by it, and explain answers with it.
 */
#ifndef AEG_ASK_H
#define AEG_ASK_H

#include "bpf/verdict.h"

/* One question. Pointers are borrowed. */
struct aeg_ask {
	const struct aeg_ident *ident;
	const struct aeg_cell *cell; /* of the name, key AEG_PROTO_NAMED; NULL: no rule covers it */
	__u32 name_len;		     /* of the whole name as text */
	__u8 unreadable;	     /* 1: what it asks cannot be told, or could still be changed */
	__u8 late; /* AEG_IDENT_ISOLATED*: in these layers the cap on questions is used up */
	__u8 pad[2];
};

static inline int aeg_asks_judged(const struct aeg_ident *ident)
{
	return ident && ident->flags & AEG_IDENT_ASKS_UNION;
}

/* isolated: the flag of the layer, AEG_IDENT_ISOLATED or its UNION. */
static inline __u32 aeg_layer_index(__u32 isolated)
{
	return isolated >> 1 & 1;
}

static inline struct aeg_answer aeg_ask_refused(__u8 reason, __u32 rule)
{
	return (struct aeg_answer){.verdict = AEG_VERDICT_DENIED, .reason = reason, .rule = rule};
}

/*
 * One layer's answer, in this order; questions that are refused for their names use up nothing:
 * 1. nobody judges them -> allowed;
 * 2. not readable -> denied;
 * 3. only allowed names may be asked for, and this is none -> denied;
 * 4. too long -> denied;
 * 5. too many -> denied.
 */
static inline struct aeg_answer aeg_layer_ask(const struct aeg_ask *ask, struct aeg_answer rule,
					      __u32 isolated)
{
	const struct aeg_ident *ident = ask->ident;
	__u32 name_len = ident->caps[aeg_layer_index(isolated)].name_len;
	int named = ident->flags & AEG_IDENT_NAMES_OF(isolated);

	if (!(ident->flags & AEG_IDENT_ASKS_OF(isolated)))
		return aeg_answer_default(AEG_VERDICT_ALLOWED, AEG_REASON_DNS);
	if (ask->unreadable)
		return aeg_ask_refused(AEG_REASON_DNS_NAME, 0);
	if (named && rule.verdict != AEG_VERDICT_ALLOWED)
		return aeg_ask_refused(AEG_REASON_DNS_NAME, rule.rule);
	if (name_len && ask->name_len > name_len)
		return aeg_ask_refused(AEG_REASON_DNS_SIZE, 0);
	if (ask->late & isolated)
		return aeg_ask_refused(AEG_REASON_DNS_RATE, 0);
	return named ? rule : aeg_answer_default(AEG_VERDICT_ALLOWED, AEG_REASON_DNS);
}

/* A question that no checked socket asks, so that nobody can judge it. */
static inline void aeg_decide_unasked(const struct aeg_ident *ident, struct aeg_decision *decision)
{
	int enforced = (ident->flags & AEG_IDENT_ASKS) != 0;

	*decision = (struct aeg_decision){
		.verdict = enforced ? AEG_VERDICT_DENIED : AEG_VERDICT_AUDITED,
		.reason = AEG_REASON_UNVERIFIED,
		.mode = enforced ? AEG_MODE_ENFORCE : AEG_MODE_AUDIT,
	};
}

/* Fills ret completely. The enforcing layer's denial is applied, that of auditing ones reported. */
static inline void aeg_decide_ask(const struct aeg_ask *ask, struct aeg_decision *ret)
{
	struct aeg_answer enforce = {}, all = {};

	*ret = (struct aeg_decision){};
	/* By value: verifiers lose a NULL check that other conditions stand between. */
	if (ask->cell) {
		enforce = ask->cell->enforce;
		all = ask->cell->all;
	}
	enforce = aeg_layer_ask(ask, enforce, AEG_IDENT_ISOLATED);
	all = aeg_layer_ask(ask, all, AEG_IDENT_ISOLATED_UNION);
	aeg_layers_combine(&enforce, &all, ret);
}

#define AEG_NS 1000000000ull

/*
 * Pays for a question at `now` (ns): a bucket of `questions`, filled evenly in `seconds`, told by the one
 * number of when it would be full again. So another cap applies from the next question on, and nothing
 * has to be filled meanwhile. false: it is empty.
 */
static inline int aeg_asker_pay(const struct aeg_dns_caps *caps, __u64 now, __u64 *due)
{
	__u64 period = caps->seconds * AEG_NS, price, full = *due > now ? *due : now;

	if (!caps->questions)
		return 1;
	price = period / caps->questions;
	if (full > now + period) /* paid by another cap */
		*due = full = now + period;
	if (full + price > now + period)
		return 0;
	*due = full + price;
	return 1;
}

#endif
