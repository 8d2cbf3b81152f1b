/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Who made a socket. The kernel keeps the cgroup of the task that called socket() with the socket,
 * wherever that goes, so nothing of ours has to run there. Before 5.15 it can forget (net_cls and
 * net_prio used the same word): there, and only there, sock_create stamps sockets.
 */
#ifndef AEG_MAKER_BPF_H
#define AEG_MAKER_BPF_H

#include "bpf/identity.bpf.h"

#define AEG_MAKER_KEPT bpf_core_field_exists(((struct sock_cgroup_data *)NULL)->cgroup)

/* Its cgroup, as a number: what is read through it is read with calls, since it is indexed. */
static __always_inline __u64 aeg_maker_cgroup(const struct bpf_sock_addr *ctx)
{
	const struct bpf_sock_addr_kern *kernel = (const void *)ctx;
	struct cgroup *cgroup = NULL;
	struct sock *sk = NULL;

	if (bpf_core_read(&sk, sizeof(sk), &kernel->sk) ||
	    bpf_core_read(&cgroup, sizeof(cgroup), &sk->sk_cgrp_data.cgroup)) {
		aeg_failed(AEG_ERROR_MAKER_READ);
		return 0;
	}
	return (__u64)cgroup;
}

static __always_inline __u64 aeg_cgroup_id(__u64 address)
{
	const struct cgroup *cgroup = (const struct cgroup *)address;
	struct kernfs_node *kn = NULL;
	__u64 id = 0;

	if (bpf_core_read(&kn, sizeof(kn), &cgroup->kn) ||
	    bpf_core_read(&id, sizeof(id), &kn->id)) {
		aeg_failed(AEG_ERROR_MAKER_READ);
		return 0;
	}
	return id;
}

/* The id of the cgroup that made the socket; 0: the kernel does not say. */
static __always_inline __u64 aeg_maker_leaf(const struct bpf_sock_addr *ctx, struct bpf_sock *sk)
{
	const struct sock *kernel;

	if (!AEG_MAKER_KEPT)
		return 0;
	if (!AEG_CASTS)
		return aeg_cgroup_id(aeg_maker_cgroup(ctx));
	kernel = AEG_CAST(struct sock, sk);
	return kernel->sk_cgrp_data.cgroup->kn->id;
}

/* The id of the cgroup above it on this level; 0: it is not that deep. */
static __always_inline __u64 aeg_maker_above(__u64 address, __u32 level)
{
	const struct cgroup *cgroup = (const struct cgroup *)address;
	const struct cgroup___before_6_1 *former = (const void *)address;
	__u64 at = level * sizeof(__u64), id = 0;
	int depth = -1;

	if (bpf_core_read(&depth, sizeof(depth), &cgroup->level))
		aeg_failed(AEG_ERROR_MAKER_READ);
	if (depth < (int)level)
		return 0;
	at += bpf_core_field_exists(cgroup->ancestors)
		      ? bpf_core_field_offset(cgroup->ancestors)
		      : bpf_core_field_offset(former->ancestor_ids);
	if (bpf_probe_read_kernel(&id, sizeof(id), (void *)(address + at))) {
		aeg_failed(AEG_ERROR_MAKER_READ);
		return 0;
	}
	return bpf_core_field_exists(cgroup->ancestors) ? aeg_cgroup_id(id) : id;
}

static __always_inline bool aeg_maker_managed(const struct aeg_ctl *control, __u64 cgroup)
{
	for (__u32 i = 0; i < AEG_ROOTS_MAX; i++) {
		__u64 id;

		if (i >= READ_ONCE(control->nroots))
			break;
		id = READ_ONCE(control->roots[i].cgroup);
		if (id && aeg_maker_above(cgroup, control->roots[i].level) == id)
			return true;
	}
	return false;
}

#define AEG_MAKER_NOBODY (~0ull) /* it was not made in a managed directory */

/* The nearest cgroup, this one or one above it, that has an identity; 0: none has. */
static __always_inline __u64 aeg_cgroup_pod(__u64 cgroup)
{
	struct aeg_ctl *control = aeg_ctl_get();
	void *table;

	if (!control || !cgroup || !aeg_maker_managed(control, cgroup))
		return AEG_MAKER_NOBODY;
	table = aeg_inner(&idents, READ_ONCE(control->now.slot), AEG_ERROR_NO_IDENTS);
	if (!table)
		return 0;
#pragma clang loop unroll(disable)
	for (int level = AEG_LEVELS_MAX - 1; level >= 0; level--) {
		__u64 id;

		if (!(READ_ONCE(control->levels) & (1u << level)))
			continue;
		id = aeg_maker_above(cgroup, (__u32)level);
		if (id && bpf_map_lookup_elem(table, &id))
			return id;
	}
	return 0;
}

/* The same of its maker. */
static __always_inline __u64 aeg_maker_pod(const struct bpf_sock_addr *ctx)
{
	return aeg_cgroup_pod(aeg_maker_cgroup(ctx));
}

#endif
