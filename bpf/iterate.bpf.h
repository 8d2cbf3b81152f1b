/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What programs share that user space has run over every socket that has storage. */
#ifndef AEG_ITERATE_BPF_H
#define AEG_ITERATE_BPF_H

#include "bpf/close.bpf.h"

struct bpf_iter_meta;
struct bpf_map;

/* include/net/bpf_sk_storage.h; the last call of a run has neither socket nor value. */
struct bpf_iter__bpf_sk_storage_map {
	struct bpf_iter_meta *meta __attribute__((aligned(8)));
	struct bpf_map *map __attribute__((aligned(8)));
	struct sock *sk __attribute__((aligned(8)));
	void *value __attribute__((aligned(8)));
};

/* Whether it ended, or ends in the kernel's own time: nobody can hold it open. */
static __always_inline bool aeg_iterated_over(struct sock *sk)
{
	__u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);

	return state == AEG_TCP_CLOSE || state == AEG_TCP_TIME_WAIT;
}

#endif
