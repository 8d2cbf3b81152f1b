/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Runs bpf/verdict.h in the kernel: every run of the program decides the next vector. */
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>

#include "tests/prog/vector.h"

char LICENSE[] SEC("license")
= "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, VECTORS_MAX);
	__type(key, __u32);
	__type(value, struct vector);
} vectors SEC(".maps");

__u32 next_vector;

SEC("socket")
int verdict_test(struct __sk_buff *skb)
{
	__u32 index = next_vector++;
	struct vector *vector = bpf_map_lookup_elem(&vectors, &index);

	if (!vector)
		return 0;
	vector_decide(vector);
	return 1;
}
