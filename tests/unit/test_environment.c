/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What is said of a machine that aegress cannot run on: each prerequisite has a sentence of its own. */
#include "datapath/internal.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/mman.h>

#define BPF_ADMIN_PERFMON "000000c000001000" /* CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON */
#define CHECKS 5

/* Directories that are neither cgroup2 nor a bpffs, wherever the test runs. */
#define NO_CGROUP "/proc"
#define NO_BPFFS "/proc/aegress"

/* A file with this text, under a name that lasts as long as the process. */
static const char *file_of(const char *text)
{
	static char paths[64][32];
	static size_t n;
	int fd = memfd_create("status", MFD_CLOEXEC);

	assert_true(fd >= 0 && n < AEG_ARRAY_SIZE(paths));
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	snprintf(paths[n], sizeof(paths[n]), "/proc/self/fd/%d", fd);
	return paths[n++];
}

static struct aeg_machine good_machine(void)
{
	return (struct aeg_machine){
		.release = "5.10.0",
		.btf = file_of("types"),
		.status = file_of("Name:\tx\nCapEff:\t" BPF_ADMIN_PERFMON "\nSeccomp:\t0\n"),
	};
}

static void assert_check(const struct aeg_machine *machine, const char *name, bool ok,
			 const char *sentence)
{
	const struct aeg_datapath_config config = {.cgroup_root = NO_CGROUP, .pin_dir = NO_BPFFS};
	struct aeg_check checks[CHECKS + 1];
	size_t n = aeg_machine_checks(machine, &config, checks, AEG_ARRAY_SIZE(checks));
	bool found = false;

	assert_int_equal(n, CHECKS);
	for (size_t i = 0; i < n; i++) {
		if (aeg_streq(checks[i].name, name)) {
			assert_string_equal(checks[i].detail, sentence);
			assert_int_equal(checks[i].ok, ok);
			found = true;
		}
		free(checks[i].detail);
	}
	assert_true(found);
}

static void assert_release(const char *release, bool ok)
{
	AEG_AUTO_FREE char *old = aeg_xasprintf("%s is too old; boot 5.10 or newer", release);
	struct aeg_machine machine = good_machine();

	machine.release = release;
	assert_check(&machine, "kernel", ok, ok ? release : old);
}

static void test_kernel(void **state)
{
	struct aeg_machine machine = good_machine();

	assert_release("5.9.16", false);
	assert_release("4.19.0-27-amd64", false);
	assert_release("5.1.21", false); /* 1 is less than 10, whatever the texts say */
	assert_release("5", false);
	assert_release("garbage", false);
	assert_release("5.10.0", true);
	assert_release("5.10", true);
	assert_release("6.1.0-18-amd64", true);
	assert_release("6.1-rc1", true);
	assert_release("10.0", true);
	machine.release = NULL;
	assert_check(&machine, "kernel", false, "the kernel's version cannot be read");
}

static void test_btf(void **state)
{
	struct aeg_machine machine = good_machine();

	assert_check(&machine, "btf", true, machine.btf);
	machine.btf = "/proc/aegress/vmlinux";
	assert_check(&machine, "btf", false,
		     "/proc/aegress/vmlinux: No such file or directory; boot a kernel built with "
		     "CONFIG_DEBUG_INFO_BTF=y");
}

static void assert_capabilities(const char *status, const char *missing)
{
	AEG_AUTO_FREE char *sentence =
		missing ? aeg_xasprintf("missing: %s; run as root or grant them in the service's "
					"AmbientCapabilities",
					missing)
			: aeg_xstrdup("CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON");
	struct aeg_machine machine = good_machine();

	machine.status = status;
	assert_check(&machine, "capabilities", !missing, sentence);
}

static void test_capabilities(void **state)
{
	assert_capabilities(file_of("CapEff:\t" BPF_ADMIN_PERFMON "\n"), NULL);
	assert_capabilities(file_of("CapEff:\t000001ffffffffff\n"), NULL);
	assert_capabilities(file_of("CapEff:\t0000004000001000\n"), "CAP_BPF");
	assert_capabilities(file_of("CapEff:\t0000008000001000\n"), "CAP_PERFMON");
	assert_capabilities(file_of("CapEff:\t000000c000000000\n"), "CAP_NET_ADMIN");
	/* what they were before 5.8: CAP_SYS_ADMIN stands for two of them, not for the third */
	assert_capabilities(file_of("CapEff:\t0000000000201000\n"), NULL);
	assert_capabilities(file_of("CapEff:\t0000000000200000\n"), "CAP_NET_ADMIN");
	/* permitted is not effective; nothing that can be read is nothing that is there */
	assert_capabilities(file_of("CapPrm:\t000001ffffffffff\nCapEff:\t0000000000000000\n"),
			    "CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON");
	assert_capabilities(file_of("Name:\tx\n"), "CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON");
	assert_capabilities("/proc/aegress/status", "CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON");
}

static void assert_directories(const struct aeg_datapath_config *config, const char *cgroup2,
			       const char *bpffs)
{
	const struct aeg_machine machine = good_machine();
	struct aeg_check checks[CHECKS];

	assert_int_equal(aeg_machine_checks(&machine, config, checks, CHECKS), CHECKS);
	assert_string_equal(checks[2].name, "cgroup2");
	assert_string_equal(checks[2].detail, cgroup2);
	assert_false(checks[2].ok);
	assert_string_equal(checks[3].name, "bpffs");
	assert_string_equal(checks[3].detail, bpffs);
	assert_false(checks[3].ok);
	for (size_t i = 0; i < CHECKS; i++)
		free(checks[i].detail);
}

/* That good ones are found good needs root: tests/prog. */
static void test_directories(void **state)
{
	assert_directories(
		&(struct aeg_datapath_config){.cgroup_root = "/proc", .pin_dir = "/proc/aegress"},
		"'/proc' is not cgroup2; on a hybrid system it is often /sys/fs/cgroup/unified",
		"pin directory '/proc/aegress' is not on a BPF file system; mount one: mount -t "
		"bpf bpf /sys/fs/bpf");
	assert_directories(
		&(struct aeg_datapath_config){.cgroup_root = "/proc/aegress",
					      .pin_dir = "/proc/version/aegress"},
		"'/proc/aegress': No such file or directory; mount cgroup2 or name its mount point "
		"in the configuration",
		"pin directory '/proc/version/aegress': Not a directory");
}

/* No more than there is room for, and in the order in which they are said. */
static void test_room(void **state)
{
	const struct aeg_datapath_config config = {.cgroup_root = NO_CGROUP, .pin_dir = NO_BPFFS};
	const struct aeg_machine machine = good_machine();
	struct aeg_check checks[2] = {{NULL}};

	assert_int_equal(aeg_machine_checks(&machine, &config, checks, 1), 1);
	assert_string_equal(checks[0].name, "kernel");
	assert_null(checks[1].name);
	free(checks[0].detail);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel),	     cmocka_unit_test(test_btf),
		cmocka_unit_test(test_capabilities), cmocka_unit_test(test_directories),
		cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
