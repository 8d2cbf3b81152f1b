/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The first component that looks like a pod's is the pod: whatever follows is inside of it. */
#include "workload/pod.h"
#include "base/mem.h"

#define SLICE ".slice"
#define SLICE_LEN (sizeof(SLICE) - 1)

static bool is_uid_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '-';
}

/* systemd's names use '-' for nesting, so the kubelet writes '_' in its place. */
static bool take_uid(const char *text, size_t len, bool systemd, char *ret)
{
	if (len == 0 || len > AEG_POD_UID_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		ret[i] = systemd && text[i] == '_' ? '-' : text[i];
		if (!is_uid_char(ret[i]) || (systemd && text[i] == '-'))
			return false;
	}
	ret[len] = '\0';
	return true;
}

static bool pod_of_slice(const char *name, size_t len, char *ret)
{
	static const char mark[] = "-pod";
	const size_t mark_len = sizeof(mark) - 1;

	for (size_t at = len; at-- > 0;) {
		if (name[at] != '-')
			continue;
		return len - at > mark_len && memcmp(name + at, mark, mark_len) == 0 &&
		       take_uid(name + at + mark_len, len - at - mark_len, true, ret);
	}
	return false;
}

static bool pod_of_component(const char *name, size_t len, char *ret)
{
	if (len > SLICE_LEN && memcmp(name + len - SLICE_LEN, SLICE, SLICE_LEN) == 0)
		return pod_of_slice(name, len - SLICE_LEN, ret);
	return len > 3 && memcmp(name, "pod", 3) == 0 && take_uid(name + 3, len - 3, false, ret);
}

bool aeg_pod_of_cgroup(const char *below, char ret[AEG_POD_UID_MAX + 1])
{
	for (;;) {
		size_t len = strcspn(below, "/");

		if (pod_of_component(below, len, ret))
			return below[len] == '\0';
		if (below[len] == '\0')
			return false;
		below += len + 1;
	}
}
