/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Every failure is counted by place; what a program does then is said in AEG_ERRORS of abi.h. */
#ifndef AEG_ERRORS_BPF_H
#define AEG_ERRORS_BPF_H

#include "bpf/maps.bpf.h"

static __always_inline void aeg_failed(enum aeg_error place)
{
	__u32 key = place;
	__u64 *count = bpf_map_lookup_elem(&errors, &key);

	if (count)
		__sync_fetch_and_add(count, 1);
}

/* The same for what is no failure: results of parsing and learning, each in an array of its own. */
static __always_inline void aeg_result_add(void *results, __u32 result, __u32 n)
{
	__u64 *count = bpf_map_lookup_elem(results, &result);

	if (count)
		__sync_fetch_and_add(count, n);
}

static __always_inline void aeg_result_count(void *results, __u32 result)
{
	aeg_result_add(results, result, 1);
}

#endif
