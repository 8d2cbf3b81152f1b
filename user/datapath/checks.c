/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Every prerequisite on its own: what was found, or what is wrong and what to do about it. */
#include "base/file.h"
#include "datapath/internal.h"
#include <errno.h>
#include <linux/magic.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

#define KERNEL_MAJOR 5
#define KERNEL_MINOR 10

/* From linux/capability.h of kernels that have them; Debian's older headers may not. */
enum { CAP_BIT_NET_ADMIN = 12, CAP_BIT_SYS_ADMIN = 21, CAP_BIT_PERFMON = 38, CAP_BIT_BPF = 39 };

static bool release_is(const char *release, unsigned long major, unsigned long minor)
{
	unsigned long have_major, have_minor;
	char *end;

	have_major = strtoul(release, &end, 10);
	have_minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
	return have_major > major || (have_major == major && have_minor >= minor);
}

bool aeg_kernel_is(unsigned long major, unsigned long minor)
{
	struct utsname uts;

	return uname(&uts) == 0 && release_is(uts.release, major, minor);
}

struct asked { /* what each check is told */
	const struct aeg_machine *machine;
	const struct aeg_datapath_config *config;
};

static struct aeg_check check_kernel(const struct asked *asked)
{
	const char *release = asked->machine->release;
	struct aeg_check check = {.name = "kernel"};

	if (!release) {
		check.detail = aeg_xstrdup("the kernel's version cannot be read");
		return check;
	}
	check.ok = release_is(release, KERNEL_MAJOR, KERNEL_MINOR);
	check.detail = check.ok ? aeg_xstrdup(release)
				: aeg_xasprintf("%s is too old; boot %d.%d or newer", release,
						KERNEL_MAJOR, KERNEL_MINOR);
	return check;
}

static struct aeg_check check_btf(const struct asked *asked)
{
	const char *btf = asked->machine->btf;
	struct aeg_check check = {.name = "btf", .ok = access(btf, R_OK) == 0};

	check.detail = check.ok ? aeg_xstrdup(btf)
				: aeg_xasprintf("%s: %s; boot a kernel built with "
						"CONFIG_DEBUG_INFO_BTF=y",
						btf, strerror(errno));
	return check;
}

static struct aeg_check check_cgroup2(const struct asked *asked)
{
	const char *root = asked->config->cgroup_root;
	struct aeg_check check = {.name = "cgroup2"};
	struct statfs fs;

	if (statfs(root, &fs) < 0) {
		check.detail = aeg_xasprintf("'%s': %s; mount cgroup2 or name its mount point in "
					     "the configuration",
					     root, strerror(errno));
		return check;
	}
	check.ok = (unsigned long)fs.f_type == CGROUP2_SUPER_MAGIC;
	check.detail = check.ok ? aeg_xstrdup(root)
				: aeg_xasprintf("'%s' is not cgroup2; on a hybrid system it is "
						"often /sys/fs/cgroup/unified",
						root);
	return check;
}

static struct aeg_check check_bpffs(const struct asked *asked)
{
	const char *pin_dir = asked->config->pin_dir;
	struct aeg_check check = {.name = "bpffs"};
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};

	check.ok = aeg_pins_bpffs(pin_dir, &error) == 0;
	check.detail = check.ok ? aeg_xstrdup(pin_dir) : aeg_buf_take(&error);
	return check;
}

/* The effective capabilities, as a bit mask; 0 when they cannot be read. */
static uint64_t effective_capabilities(const char *path)
{
	AEG_AUTO_FREE char *status = NULL;
	const char *line;
	size_t len;

	if (aeg_file_read(path, 1 << 16, &status, &len) < 0)
		return 0;
	line = strstr(status, "CapEff:");
	return line ? strtoull(line + strlen("CapEff:"), NULL, 16) : 0;
}

static struct aeg_check check_capabilities(const struct asked *asked)
{
	static const struct {
		int bit;
		const char *name;
	} needed[] = {
		{CAP_BIT_BPF, "CAP_BPF"},
		{CAP_BIT_NET_ADMIN, "CAP_NET_ADMIN"},
		{CAP_BIT_PERFMON, "CAP_PERFMON"},
	};
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf missing = {0};
	uint64_t have = effective_capabilities(asked->machine->status);
	struct aeg_check check = {.name = "capabilities"};

	/* CAP_SYS_ADMIN implies CAP_BPF and CAP_PERFMON, not CAP_NET_ADMIN. */
	for (size_t i = 0; i < AEG_ARRAY_SIZE(needed); i++) {
		bool implied = needed[i].bit != CAP_BIT_NET_ADMIN && have >> CAP_BIT_SYS_ADMIN & 1;

		if (!(have >> needed[i].bit & 1) && !implied)
			aeg_buf_printf(&missing, "%s%s", missing.len ? ", " : "", needed[i].name);
	}
	check.ok = missing.len == 0;
	check.detail = check.ok ? aeg_xstrdup("CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON")
				: aeg_xasprintf("missing: %s; run as root or grant them in the "
						"service's AmbientCapabilities",
						aeg_buf_text(&missing));
	return check;
}

size_t aeg_machine_checks(const struct aeg_machine *machine,
			  const struct aeg_datapath_config *config, struct aeg_check *ret,
			  size_t max)
{
	struct aeg_check (*const all[])(const struct asked *asked) = {
		check_kernel, check_btf, check_cgroup2, check_bpffs, check_capabilities,
	};
	const struct asked asked = {.machine = machine, .config = config};
	size_t n = 0;

	while (n < AEG_ARRAY_SIZE(all) && n < max) {
		ret[n] = all[n](&asked);
		n++;
	}
	return n;
}

size_t aeg_datapath_checks(const struct aeg_datapath_config *config, struct aeg_check *ret,
			   size_t max)
{
	struct utsname uts;
	const struct aeg_machine machine = {
		.release = uname(&uts) == 0 ? uts.release : NULL,
		.btf = "/sys/kernel/btf/vmlinux",
		.status = "/proc/self/status",
	};

	return aeg_machine_checks(&machine, config, ret, max);
}

bool aeg_datapath_has_retval(void)
{
	aeg_chatter_start();
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_FUNC_set_retval, NULL) ==
	       1;
}
