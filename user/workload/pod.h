/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The cgroup of a pod, as kubelets name it: by its UID. Nothing else of a path is believed: a container
 * that may make cgroups can name one as it likes, but only inside its own pod's.
 */
#ifndef AEG_WORKLOAD_POD_H
#define AEG_WORKLOAD_POD_H

#include <stdbool.h>

#define AEG_POD_UID_MAX 63

/*
 * below: a cgroup's path below the managed directory. True when it is a pod's own cgroup, neither above
 * nor inside of one; ret is the UID with its dashes.
 *   kubepods-burstable.slice/kubepods-burstable-pod0a1b_2c.slice   systemd driver
 *   burstable/pod0a1b-2c                                           cgroupfs driver
 */
bool aeg_pod_of_cgroup(const char *below, char ret[AEG_POD_UID_MAX + 1]);

#endif
