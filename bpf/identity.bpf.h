/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Whose task and whose socket is it? A socket carries the identity it was made with (maker.bpf.h);
 * helpers that name the current task are trusted in process context only, so nothing else asks them.
 */
#ifndef AEG_IDENTITY_BPF_H
#define AEG_IDENTITY_BPF_H

#include "bpf/errors.bpf.h"

static __always_inline struct aeg_ctl *aeg_ctl_get(void)
{
	__u32 key = 0;
	struct aeg_ctl *found = bpf_map_lookup_elem(&ctl, &key);

	if (!found)
		aeg_failed(AEG_ERROR_NO_CTL);
	return found;
}

static __always_inline struct aeg_moment aeg_now(const struct aeg_ctl *control)
{
	union {
		__u64 word;
		struct aeg_moment now;
	} both = {.word = READ_ONCE(*(const __u64 *)&control->now)};

	return both.now;
}

static __always_inline __u64 aeg_current_leaf(void)
{
	const struct task_struct *task;

	if (!AEG_CASTS)
		return bpf_get_current_cgroup_id();
	task = AEG_CAST(struct task_struct, (void *)bpf_get_current_task());
	return task->cgroups->dfl_cgrp->kn->id;
}

/* Whether the current task is in or below a managed directory. */
static __always_inline bool aeg_current_managed(const struct aeg_ctl *control)
{
	for (__u32 i = 0; i < AEG_ROOTS_MAX; i++) {
		__u64 id;

		if (i >= READ_ONCE(control->nroots))
			break;
		id = READ_ONCE(control->roots[i].cgroup);
		/* The helper answers 0 for levels that the task does not have. */
		if (id && bpf_get_current_ancestor_cgroup_id((int)control->roots[i].level) == id)
			return true;
	}
	return false;
}

/*
 * The cgroup, the task's own or the nearest above it, that has an identity, and that identity; 0:
 * none has.
 */
static __always_inline __u64 aeg_current_pod(const struct aeg_ctl *control, void *table,
					     const struct aeg_ident **ret)
{
	__u32 levels = READ_ONCE(control->levels);

	*ret = NULL;

	for (int level = AEG_LEVELS_MAX - 1; level >= 0; level--) {
		__u64 id;

		if (!(levels & (1u << level)))
			continue;
		id = bpf_get_current_ancestor_cgroup_id(level);
		if (!id)
			continue;
		*ret = bpf_map_lookup_elem(table, &id);
		if (*ret)
			return id;
	}
	return 0;
}

/* The stamp of a socket. epoch was read before pod was looked for. */
struct aeg_stamp {
	__u64 leaf; /* 0: it has none yet */
	__u64 pod;
	__u32 epoch;
};

static __always_inline void aeg_stamp_write(struct aeg_sock *sock, const struct aeg_stamp *stamp)
{
	sock->leaf = stamp->leaf;
	sock->pod = stamp->pod;
	sock->epoch = stamp->epoch;
}

/* Stamps a socket; where another thread was faster, its stamp stays. */
static __always_inline void aeg_stamp_put(struct aeg_sock *sock, const struct aeg_stamp *stamp)
{
	bpf_spin_lock(&sock->lock);
	if (!sock->leaf)
		aeg_stamp_write(sock, stamp);
	bpf_spin_unlock(&sock->lock);
}

/* locked: the kernel holds the socket's lock, as it does while it connects a stream. */
static __always_inline void aeg_stamp_read(struct aeg_sock *sock, bool locked,
					   struct aeg_stamp *ret)
{
	if (locked) {
		ret->leaf = sock->leaf;
		ret->pod = sock->pod;
		ret->epoch = sock->epoch;
		return;
	}
	bpf_spin_lock(&sock->lock);
	ret->leaf = sock->leaf;
	ret->pod = sock->pod;
	ret->epoch = sock->epoch;
	bpf_spin_unlock(&sock->lock);
}

/*
 * The one network namespace in which this resolver may answer through lo. The host's is looked up
 * here, since packet programs cannot before 6.12.
 */
static __always_inline __u64 aeg_resolver_netns(struct aeg_ctl *control,
						const struct aeg_resolver *resolver)
{
	if (!READ_ONCE(control->host_netns))
		WRITE_ONCE(control->host_netns, bpf_get_netns_cookie(NULL));
	return resolver->netns ? resolver->netns : READ_ONCE(control->host_netns);
}

/* Whether what a resolver says to sockets of this namespace is believed. */
static __always_inline bool aeg_resolver_trusted(struct aeg_ctl *control,
						 const struct aeg_resolver *resolver, __u64 netns)
{
	__u64 home = aeg_resolver_netns(control, resolver);

	return !(resolver->flags & AEG_RESOLVER_LOOPBACK) || netns == home;
}

#endif
