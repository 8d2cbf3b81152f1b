/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Memory for one run of a program. Per-CPU maps do not do at egress: a softirq, or with full preemption
 * another task, may run the same program in the middle of ours. Here a run claims one of its CPU's
 * slots and gives it back, so whoever comes in between takes the next one. The lock is what makes
 * claiming one step: 5.10 has no atomics that return something.
 */
#ifndef AEG_SCRATCH_BPF_H
#define AEG_SCRATCH_BPF_H

#include "bpf/lookup.bpf.h"
#include "bpf/parse_dns.h"
#include "bpf/parse_tls.h"

/* What the addresses of an answer are learned for. */
struct aeg_lesson {
	__u32 node;
	__u32 now; /* s */
	__u32 ttl_min;
	__u32 workload;
	__u64 leaf;
	__u64 generation;
	__u64 proof;	 /* of the message, see proofs.bpf.h; 0: none */
	__u32 learned;	 /* of the addresses, that are known now */
	__u32 declarers; /* of the name's pattern */
	__u32 unheard;	 /* 1: the name was not known, and no event has told of it yet */
	__u32 refusal;	 /* enum aeg_learning of the first address that was refused; 0: none was */
	__u32 refused;	 /* which one */
};

#define AEG_HEARD 16	 /* hellos that a place remembers; a power of two */
#define AEG_HEARD_KEY 20 /* words */

struct aeg_heard_key {
	__u64 words[AEG_HEARD_KEY];
};

/* What was decided about a hello, see heard.bpf.h. */
struct aeg_heard {
	struct aeg_heard_key key;
	struct aeg_outcome outcome;
};

struct aeg_scratch {
	struct bpf_spin_lock lock;
	__u32 busy;
	__u32 len;	      /* bytes of data in use */
	__u32 taken;	      /* bytes of a segment in which many records are stepped over */
	struct aeg_seed seed; /* copy of ctl's */
	struct aeg_name name;
	struct aeg_hello hello;
	struct aeg_question question;
	struct aeg_answers answers;
	struct aeg_lesson lesson;
	__u8 resolver[16];			 /* that a message goes to or comes from */
	__u64 sock[sizeof(struct aeg_sock) / 8]; /* of a hello's; in words as `first` is */
	struct aeg_outcome outcome;		 /* of a hello */
	struct aeg_outcome weighed, trial;
	__u64 time; /* at which it is judged, ns */
	struct aeg_heard_key asked;
	struct aeg_heard heard[AEG_HEARD];
	struct aeg_name_event event;
	__u64 first[sizeof(struct aeg_learned) /
		    8]; /* its type has a lock, of which one a value may be */
	__u8 data[AEG_DATA_ROOM];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, AEG_SCRATCH_CPU);
	__type(key, __u32);
	__type(value, struct aeg_scratch);
} scratches __weak SEC(".maps");

/*
 * Global functions take scalars only on 5.10: pass the slot's number and get the memory again.
 * NULL: no such slot.
 */
static __always_inline struct aeg_scratch *aeg_scratch_get(__u32 slot)
{
	return bpf_map_lookup_elem(&scratches, &slot);
}

static __always_inline struct aeg_sock *aeg_scratch_sock(struct aeg_scratch *scratch)
{
	return (struct aeg_sock *)scratch->sock;
}

static __always_inline bool aeg_scratch_try(struct aeg_scratch *scratch)
{
	bool got;

	bpf_spin_lock(&scratch->lock);
	got = !scratch->busy;
	scratch->busy = 1;
	bpf_spin_unlock(&scratch->lock);
	return got;
}

/* Sets *ret_slot. NULL: all slots of this CPU are claimed (count it, drop: TCP and resolvers repeat). */
static __always_inline struct aeg_scratch *aeg_scratch_claim(__u32 *ret_slot)
{
	__u32 first = bpf_get_smp_processor_id() * AEG_SCRATCH_CPU;

	for (__u32 i = 0; i < AEG_SCRATCH_CPU; i++) {
		__u32 slot = first + i;
		struct aeg_scratch *scratch = bpf_map_lookup_elem(&scratches, &slot);

		if (scratch && aeg_scratch_try(scratch)) {
			*ret_slot = slot;
			return scratch;
		}
	}
	return NULL;
}

/*
 * No lock: programs stay on their CPU, and so all that ever claim this slot see our stores in order.
 */
static __always_inline void aeg_scratch_release(struct aeg_scratch *scratch)
{
	WRITE_ONCE(scratch->busy, 0);
}

static __always_inline void aeg_scratch_seed(struct aeg_scratch *scratch,
					     const struct aeg_ctl *control)
{
	scratch->seed.basis = control->seed_basis;
	scratch->seed.factor = control->seed_factor;
}

#endif
