// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Whether scratch stays one run's own: every packet fills it with a number of its own and looks for a
 * long while whether it is still there. Without claiming, softirqs and preemption show.
 */
#include "bpf/scratch.bpf.h"
#include "tests/parsers/claims.h"

char LICENSE[] SEC("license")
= "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct claims);
} claims SEC(".maps");

/* How many of the words in scratch are not `token`. */
static __always_inline __u64 foreign(struct aeg_scratch *scratch, __u64 token)
{
	__u64 n = 0;

	for (__u32 round = 0; round < CLAIMS_ROUNDS; round++) {
		volatile __u64 *words = (volatile __u64 *)scratch->data;

		for (__u32 i = 0; i < CLAIMS_WORDS; i++)
			n |= aeg_hidden(words[i] ^ token);
	}
	return n;
}

static __always_inline int run(void)
{
	__u32 key = 0, slot = bpf_get_smp_processor_id() * AEG_SCRATCH_CPU;
	struct claims *state = bpf_map_lookup_elem(&claims, &key);
	struct aeg_scratch *scratch;
	__u64 token = (__u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32();

	if (!state)
		return 1;
	scratch = state->claim ? aeg_scratch_claim(&slot) : aeg_scratch_get(slot);
	if (!scratch) {
		__sync_fetch_and_add(&state->refused, 1);
		return 1;
	}
	for (__u32 i = 0; i < CLAIMS_WORDS; i++)
		((volatile __u64 *)scratch->data)[i] = token;
	if (foreign(scratch, token))
		__sync_fetch_and_add(&state->corrupted, 1);
	__sync_fetch_and_add(&state->runs, 1);
	if (state->claim)
		aeg_scratch_release(scratch);
	return 1;
}

SEC("cgroup_skb/egress")
int claim_egress(struct __sk_buff *skb)
{
	return run();
}

SEC("cgroup_skb/ingress")
int claim_ingress(struct __sk_buff *skb)
{
	return run();
}
