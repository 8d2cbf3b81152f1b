// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Which cgroup is a pod's own: every driver, runtime and QoS class, and names that a container made up. */
#include "workload/pod.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#define UID "0a1b2c3d-0000-4000-8000-00000000beef"
#define SLICE_UID "0a1b2c3d_0000_4000_8000_00000000beef"

static void assert_pod(const char *below, const char *uid)
{
	char found[AEG_POD_UID_MAX + 1];

	if (!aeg_pod_of_cgroup(below, found))
		fail_msg("'%s' is no pod's", below);
	assert_string_equal(found, uid);
}

static void assert_no_pod(const char *below)
{
	char found[AEG_POD_UID_MAX + 1];

	if (aeg_pod_of_cgroup(below, found))
		fail_msg("'%s' is the cgroup of pod '%s'", below, found);
}

static void test_systemd(void **state)
{
	assert_pod("kubepods-pod" SLICE_UID ".slice", UID);
	assert_pod("kubepods-burstable.slice/kubepods-burstable-pod" SLICE_UID ".slice", UID);
	assert_pod("kubepods-besteffort.slice/kubepods-besteffort-pod" SLICE_UID ".slice", UID);
	/* a kubelet below a slice of its own, as in kind */
	assert_pod("kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
		   "kubelet-kubepods-burstable-pod" SLICE_UID ".slice",
		   UID);
	/* of a static pod: the hash of its file */
	assert_pod("kubepods-burstable-pod0123456789abcdef0123456789abcdef.slice",
		   "0123456789abcdef0123456789abcdef");
}

static void test_cgroupfs(void **state)
{
	assert_pod("pod" UID, UID);
	assert_pod("burstable/pod" UID, UID);
	assert_pod("besteffort/pod" UID, UID);
}

static void test_above(void **state)
{
	assert_no_pod("");
	assert_no_pod("kubepods-burstable.slice");
	assert_no_pod("burstable");
}

/* Containers lie inside: their pod's identity covers them, so that they are nobody of their own. */
static void test_containers(void **state)
{
	static const char *const names[] = {
		"cri-containerd-0123.scope",
		"crio-0123.scope",
		"crio-0123.scope/container",
		"crio-conmon-0123.scope",
		"0123",
		"docker-0123.scope/init.scope",
	};
	char below[512];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(below, sizeof(below), "kubepods-pod" SLICE_UID ".slice/%s", names[i]);
		assert_no_pod(below);
		snprintf(below, sizeof(below), "burstable/pod" UID "/%s", names[i]);
		assert_no_pod(below);
	}
}

/* Whoever may make cgroups in a pod must not become another pod. */
static void test_made_up(void **state)
{
	assert_no_pod("kubepods-pod" SLICE_UID ".slice/kubepods-podffff.slice");
	assert_no_pod("kubepods-pod" SLICE_UID ".slice/cri-containerd-1.scope/podffff");
	assert_no_pod("burstable/pod" UID "/burstable/podffff");
	assert_no_pod("pod" UID "/pod" UID);
}

static void test_not_quite(void **state)
{
	assert_no_pod("pod");
	assert_no_pod("kubepods-pod.slice");
	assert_no_pod("kubepods-pod" UID ".slice"); /* dashes nest */
	assert_no_pod("kubepods-pod..slice");
	assert_no_pod("podé");
	assert_no_pod("pod1:2");
	assert_no_pod("kubepods-xpod1.slice");
	assert_no_pod("pod0123456789012345678901234567890123456789012345678901234567890123");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_systemd), cmocka_unit_test(test_cgroupfs),
		cmocka_unit_test(test_above),	cmocka_unit_test(test_containers),
		cmocka_unit_test(test_made_up), cmocka_unit_test(test_not_quite),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
