/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Connections that stand, which are decided again after every change: see revoke.bpf.c. */
#ifndef AEG_STANDING_BPF_H
#define AEG_STANDING_BPF_H

#include "bpf/errors.bpf.h"

/* Unconnected datagrams are decided anew by themselves, and raw sockets packet by packet. */
static __always_inline bool aeg_stands(const struct aeg_sock *sock)
{
	return (sock->hook == AEG_HOOK_CONNECT || sock->hook == AEG_HOOK_PROBE) &&
	       sock->watch != AEG_WATCH_PACKETS;
}

/*
 * Whether the walks since the last change did not meet this one's storage, though all that was decided
 * before was stored by then. It can happen only where the kernel lets nobody go over the storage itself,
 * and the walk is over what processes hold open: a socket on its way from one to another, say.
 */
static __always_inline bool aeg_unseen(const struct aeg_sock *storage)
{
	const struct aeg_ctl *control = aeg_ctl_get();

	return control && (__s32)(READ_ONCE(control->walked) - storage->walk) > 0 &&
	       aeg_stands(storage);
}

#endif
