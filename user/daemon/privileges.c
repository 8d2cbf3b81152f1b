/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The capabilities that stay, and what each is for:
 *   CAP_BPF        makes the inner maps of a new generation, where unprivileged bpf(2) is off
 *   CAP_NET_ADMIN  attaches programs to the cgroup when the first documents that check come later
 * CAP_PERFMON was for loading programs, which is over. Files need none: /etc/aegress, the state
 * directory and the pins belong to the daemon's own user.
 */
#include "daemon/privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KEEP ((1ull << CAP_BPF) | (1ull << CAP_NET_ADMIN))

static int drop_bounding(void)
{
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++) {
		/* EINVAL: a capability that this kernel does not have */
		if (!(KEEP >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 &&
		    errno != EINVAL && errno != EPERM)
			return -errno;
	}
	return 0;
}

static int keep_permitted(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		data[i].permitted &= (__u32)(KEEP >> (32 * i));
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

int aeg_privileges_drop(void)
{
	int err = 0;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	err = drop_bounding();
	return err ? err : keep_permitted();
}
