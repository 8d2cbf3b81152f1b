/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The share of the table of learned addresses that a workload is sure of, so that no one fills it for
 * all. Only an address that is new to the table is asked for here: one that is known costs nothing,
 * whoever put it there. The daemon's side, which gives back: user/daemon/shares.h.
 */
#ifndef AEG_SHARE_BPF_H
#define AEG_SHARE_BPF_H

#include "bpf/errors.bpf.h"

static __always_inline __u64 *aeg_share_row(__u32 workload, __u32 side)
{
	const struct aeg_share_key key = {.workload = workload, .side = side};
	const __u64 zero = 0;
	__u64 *row = bpf_map_lookup_elem(&shares, &key);

	if (row)
		return row;
	/* -EEXIST: another CPU was faster. */
	bpf_map_update_elem(&shares, &key, &zero, BPF_NOEXIST);
	row = bpf_map_lookup_elem(&shares, &key);
	if (!row)
		aeg_failed(AEG_ERROR_SHARE_FULL);
	return row;
}

/*
 * Where an address that is put into the table is counted, by aeg_share_take(). CPUs that do so at the
 * same time may each go beyond the bound by the one address that they have in hand. NULL: the workload
 * has its share, and no more than a quarter of the table is free.
 */
static __always_inline __u64 *aeg_share_find(const struct aeg_ctl *control, __u32 workload)
{
	__u64 *taken = aeg_share_row(workload, AEG_SHARE_TAKEN);
	const __u64 *back = aeg_share_row(workload, AEG_SHARE_BACK);

	if (!taken || !back)
		return NULL;
	if ((__s64)(READ_ONCE(*taken) - READ_ONCE(*back)) < (__s64)READ_ONCE(control->share))
		return taken;
	return READ_ONCE(control->learned) < AEG_LEARNED_COMMON ? taken : NULL;
}

/* Once the address is in the table, so that nothing has to be undone where it did not get there. */
static __always_inline void aeg_share_take(struct aeg_ctl *control, __u64 *taken)
{
	__sync_fetch_and_add(taken, 1);
	__sync_fetch_and_add(&control->learned, 1);
}

#endif
