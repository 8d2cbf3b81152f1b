/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Exact counts. `totals` is an array and cannot fill up; `counts` has a row for every (workload,
 * node, rule, verdict, reason, hook) and may, which is itself counted. Programs of one CPU preempt
 * each other, hence the atomic adds; their results are never used, since 5.10 knows none that
 * return one.
 */
#ifndef AEG_COUNTERS_BPF_H
#define AEG_COUNTERS_BPF_H

#include "bpf/errors.bpf.h"
#include "bpf/lookup.bpf.h"

static __always_inline void aeg_total_add(const struct aeg_decision *decision, __u8 hook)
{
	__u32 index = aeg_total_index(decision->verdict, decision->reason, hook);
	__u64 *total = bpf_map_lookup_elem(&totals, &index);

	if (total)
		__sync_fetch_and_add(total, 1);
}

static __always_inline struct aeg_count_key aeg_count_key_of(const struct aeg_outcome *outcome,
							     __u8 hook)
{
	struct aeg_count_key key = {
		.workload = outcome->workload,
		.node = outcome->node,
		.rule = outcome->decision.rule,
		.verdict = outcome->decision.verdict,
		.reason = outcome->decision.reason,
		.hook = hook,
	};

	return key;
}

/* The row of a key, made when it is not there; NULL: the table is full, and that is counted. */
static __always_inline struct aeg_count *aeg_count_get(const struct aeg_count_key *key)
{
	static const struct aeg_count zero;
	struct aeg_count *count = bpf_map_lookup_elem(&counts, key);

	if (count)
		return count;
	/* -EEXIST: another CPU was faster. */
	bpf_map_update_elem(&counts, key, &zero, BPF_NOEXIST);
	count = bpf_map_lookup_elem(&counts, key);
	if (!count)
		aeg_failed(AEG_ERROR_COUNT_FULL);
	return count;
}

static __always_inline void aeg_count_decision(const struct aeg_outcome *outcome, __u8 hook)
{
	struct aeg_count_key key = aeg_count_key_of(outcome, hook);
	struct aeg_count *count;

	aeg_total_add(&outcome->decision, hook);
	count = aeg_count_get(&key);
	if (count)
		__sync_fetch_and_add(&count->decisions, 1);
}

static __always_inline void aeg_count_close(const struct aeg_outcome *outcome, __u8 hook,
					    __u64 sent, __u64 received)
{
	struct aeg_count_key key = aeg_count_key_of(outcome, hook);
	struct aeg_count *count = aeg_count_get(&key);

	if (!count)
		return;
	__sync_fetch_and_add(&count->closed, 1);
	/* clang makes an atomic OR of an addition of zero; 5.10 knows none. */
	if (sent)
		__sync_fetch_and_add(&count->sent, sent);
	if (received)
		__sync_fetch_and_add(&count->received, received);
}

#endif
