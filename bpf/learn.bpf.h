/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* How an address and what it is learned for get into `learned`, and get more time. */
#ifndef AEG_LEARN_BPF_H
#define AEG_LEARN_BPF_H

#include "bpf/learned.bpf.h"
#include "bpf/scratch.bpf.h"
#include "bpf/share.bpf.h"

#define AEG_RENEW_S 2 /* of a member's time that must be left: more than it takes to renew it */

/*
 * The usual case, an answer that says what the last one said: gives its member more time. No lock, since
 * a member whose time is not over is not given away, and an address that has one stays in the table.
 */
static __always_inline bool aeg_member_renew(struct aeg_learned *entry, const __u8 *addr,
					     const struct aeg_member *fresh, __u32 now)
{
	struct aeg_member *member = entry->members;

	/* Most addresses have one member; the others are in cache lines of their own. */
	if (READ_ONCE(member->node) != fresh->node || READ_ONCE(member->name) != fresh->name ||
	    (__s32)(READ_ONCE(member->expires) - now) < AEG_RENEW_S ||
	    !aeg_addr_equal(entry->addr, addr))
		return false;
	if ((__s32)(fresh->expires - READ_ONCE(member->expires)) > 0)
		WRITE_ONCE(member->expires, fresh->expires);
	return true;
}

/* Under the lock: the member of this node, else one whose time is over, takes it. */
static __always_inline enum aeg_learning aeg_member_put(struct aeg_learned *entry, const __u8 *addr,
							const struct aeg_member *fresh, __u32 now)
{
	enum aeg_learning result = AEG_LEARNING_CROWDED;
	int found = -1;

	bpf_spin_lock(&entry->lock);
#pragma clang loop unroll(full)
	for (int i = AEG_MEMBERS_MAX - 1; i >= 0; i--) {
		const struct aeg_member *member = &entry->members[i];

		if (member->node == fresh->node) {
			result = AEG_LEARNING_AGAIN;
			found = i;
		} else if (result != AEG_LEARNING_AGAIN &&
			   (!member->node || (__s32)(member->expires - now) < 0)) {
			result = AEG_LEARNING_NEW;
			found = i;
		}
	}
	if (!aeg_addr_equal(entry->addr, addr))
		result = AEG_LEARNING_FULL; /* freed and given away meanwhile */
	else if (found >= 0) {
		struct aeg_member *member = &entry->members[found & (AEG_MEMBERS_MAX - 1)];

		if (result == AEG_LEARNING_NEW || (__s32)(fresh->expires - member->expires) > 0)
			member->expires = fresh->expires;
		member->node = fresh->node;
		member->name = fresh->name;
	}
	bpf_spin_unlock(&entry->lock);
	return result;
}

/* An address that nobody has learned yet. AGAIN: another CPU was faster. */
static __always_inline enum aeg_learning aeg_learn_first(struct aeg_ctl *control,
							 struct aeg_scratch *scratch,
							 const __u8 *addr,
							 const struct aeg_member *fresh)
{
	struct aeg_learned *first = (struct aeg_learned *)scratch->first; /* no room on the stack */
	__u32 workload = scratch->lesson.workload;
	__u64 *taken = aeg_share_find(control, workload);

	if (!taken)
		return AEG_LEARNING_SHARE;
	__builtin_memset(first, 0, sizeof(*first));
	__builtin_memcpy(first->addr, addr, sizeof(first->addr));
	first->workload = workload;
	first->members[0] = *fresh;
	if (bpf_map_update_elem(&learned, addr, first, BPF_NOEXIST))
		return AEG_LEARNING_AGAIN;
	aeg_share_take(control, taken);
	return AEG_LEARNING_NEW;
}

/*
 * Decisions that were made without what is in the table now hold no longer (recent.bpf.h). The lock is for
 * the order of the stores, here and where it was put into the table.
 */
static __always_inline void aeg_learn_announce(struct aeg_ctl *control, struct aeg_scratch *scratch)
{
	bpf_spin_lock(&scratch->lock);
	__sync_fetch_and_add(&control->taught, 1);
	bpf_spin_unlock(&scratch->lock);
}

/* entry: of this address; NULL: it has none. */
static __always_inline enum aeg_learning aeg_learn_more(struct aeg_ctl *control,
							struct aeg_scratch *scratch,
							struct aeg_learned *entry, const __u8 *addr,
							const struct aeg_member *fresh)
{
	if (!entry) {
		enum aeg_learning result = aeg_learn_first(control, scratch, addr, fresh);

		if (result != AEG_LEARNING_AGAIN)
			return result;
		entry = bpf_map_lookup_elem(&learned, addr);
		if (!entry)
			return AEG_LEARNING_FULL;
	}
	return aeg_member_put(entry, addr, fresh, scratch->lesson.now);
}

static __always_inline enum aeg_learning aeg_learn(struct aeg_ctl *control,
						   struct aeg_scratch *scratch, const __u8 *addr,
						   const struct aeg_member *fresh)
{
	struct aeg_learned *entry = bpf_map_lookup_elem(&learned, addr);
	enum aeg_learning result;

	if (entry && aeg_member_renew(entry, addr, fresh, scratch->lesson.now))
		return AEG_LEARNING_AGAIN;
	result = aeg_learn_more(control, scratch, entry, addr, fresh);
	if (result == AEG_LEARNING_NEW || result == AEG_LEARNING_AGAIN)
		aeg_learn_announce(control, scratch);
	return result;
}

#endif
