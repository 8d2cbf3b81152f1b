/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * `aegress doctor`: what this machine lacks, found by reading /proc and /sys and asking the daemon;
 * each finding with what to do. Changes nothing, needs no daemon and as few rights as possible.
 */
#include "base/json.h"
#include "cli/client.h"
#include "cli/offline.h"
#include "cli/status.h"
#include "cli/text.h"
#include <errno.h>
#include <mntent.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/utsname.h>

#define KERNEL_MAJOR 5
#define KERNEL_MINOR 10

enum level { LEVEL_OK, LEVEL_WARN, LEVEL_FAIL };
static const char *const level_words[] = {"ok", "warn", "FAIL"};
static const char *const level_colours[] = {"\033[32m", "\033[33m", "\033[31m"};

struct doctor_options {
	struct aeg_common common;
	const char *config, *pins;
};

struct finding {
	enum level level;
	const char *name;
	char *detail;
};

struct doctor {
	const struct doctor_options *options;
	AEG_VEC(struct finding) findings;
};

static void AEG_PRINTF(4, 5)
	found(struct doctor *doctor, enum level level, const char *name, const char *format, ...)
{
	struct finding *finding = AEG_VEC_PUSH(doctor->findings);
	va_list args;

	finding->level = level;
	finding->name = name;
	va_start(args, format);
	if (vasprintf(&finding->detail, format, args) < 0)
		finding->detail = aeg_xstrdup("?");
	va_end(args);
}

/* "6.18.44-…" -> 6, 18; false: not of that form. */
static bool parse_release(const char *release, unsigned long *ret_major, unsigned long *ret_minor)
{
	char *end;

	*ret_major = strtoul(release, &end, 10);
	if (end == release || *end != '.')
		return false;
	release = end + 1;
	*ret_minor = strtoul(release, &end, 10);
	return end != release;
}

static void check_kernel(struct doctor *doctor)
{
	unsigned long major, minor;
	struct utsname name;

	if (uname(&name) < 0 || !parse_release(name.release, &major, &minor))
		found(doctor, LEVEL_WARN, "kernel", "its version cannot be read; %d.%d is needed",
		      KERNEL_MAJOR, KERNEL_MINOR);
	else if (major < KERNEL_MAJOR || (major == KERNEL_MAJOR && minor < KERNEL_MINOR))
		found(doctor, LEVEL_FAIL, "kernel", "%s is too old: update to %d.%d or newer",
		      name.release, KERNEL_MAJOR, KERNEL_MINOR);
	else
		found(doctor, LEVEL_OK, "kernel", "%s on %s", name.release, name.machine);
}

static void check_btf(struct doctor *doctor)
{
	static const char path[] = "/sys/kernel/btf/vmlinux";

	if (access(path, R_OK) == 0)
		found(doctor, LEVEL_OK, "btf", "%s", path);
	else
		found(doctor, LEVEL_FAIL, "btf",
		      "%s: %s: use a kernel with CONFIG_DEBUG_INFO_BTF=y (every distribution's since "
		      "2021)",
		      path, strerror(errno));
}

/* The first mount of this type; NULL: none. */
static char *find_mount(const char *type)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *entry;
	char *path = NULL;

	while (mounts && !path && (entry = getmntent(mounts)))
		if (aeg_streq(entry->mnt_type, type))
			path = aeg_xstrdup(entry->mnt_dir);
	if (mounts)
		endmntent(mounts);
	return path;
}

static void check_cgroup2(struct doctor *doctor)
{
	AEG_AUTO_FREE char *path = find_mount("cgroup2");

	if (path)
		found(doctor, LEVEL_OK, "cgroup2", "mounted at %s", path);
	else
		found(doctor, LEVEL_FAIL, "cgroup2",
		      "not mounted: boot with systemd.unified_cgroup_hierarchy=1, or mount -t cgroup2 "
		      "none /sys/fs/cgroup/unified");
}

static void check_bpffs(struct doctor *doctor)
{
	AEG_AUTO_FREE char *path = find_mount("bpf");

	if (path)
		found(doctor, LEVEL_OK, "bpffs", "mounted at %s", path);
	else
		found(doctor, LEVEL_FAIL, "bpffs",
		      "not mounted: mount -t bpf bpf /sys/fs/bpf (systemd does it at boot)");
}

static void check_jit(struct doctor *doctor)
{
	FILE *file = fopen("/proc/sys/net/core/bpf_jit_enable", "re");
	int value = file ? fgetc(file) : EOF;

	if (file)
		fclose(file);
	if (value == '0')
		found(doctor, LEVEL_WARN, "jit",
		      "off, so that programs are interpreted: sysctl net.core.bpf_jit_enable=1");
	else if (value != EOF)
		found(doctor, LEVEL_OK, "jit", "on");
}

static void check_pins(struct doctor *doctor)
{
	const char *pins = doctor->options->pins;

	if (access(pins, F_OK) == 0)
		found(doctor, LEVEL_OK, "pins", "%s exists: the kernel enforces, daemon or not",
		      pins);
	else if (errno == EACCES)
		found(doctor, LEVEL_WARN, "pins", "%s cannot be seen: run doctor as root", pins);
	else
		found(doctor, LEVEL_WARN, "pins",
		      "%s: %s: nothing is enforced until aegressd has started once", pins,
		      strerror(errno));
}

static void check_config(struct doctor *doctor)
{
	const char *path = doctor->options->config;

	if (access(path, R_OK) == 0)
		found(doctor, LEVEL_OK, "config", "%s", path);
	else
		found(doctor, errno == ENOENT ? LEVEL_WARN : LEVEL_FAIL, "config", "%s: %s%s", path,
		      strerror(errno), errno == ENOENT ? ": aegressd uses its defaults" : "");
}

/* Where aegressd looks when its configuration names nothing else. */
static void default_paths(struct aeg_opt_list *ret)
{
	static const char *const paths[] = {"/etc/aegress/policies", "/usr/share/aegress/catalogue",
					    "/etc/aegress/workloads"};

	for (size_t i = 0; i < AEG_ARRAY_SIZE(paths); i++)
		if (access(paths[i], F_OK) == 0)
			*AEG_VEC_PUSH(ret->list) = paths[i];
}

/* Only without a daemon: one that answers has read the right files and tells. */
static void check_policies(struct doctor *doctor)
{
	AEG_CLEANUP(aeg_offline_done) struct aeg_offline offline = {0};
	struct aeg_opt_list paths = {0};

	default_paths(&paths);
	if (access(doctor->options->config, F_OK) == 0)
		found(doctor, LEVEL_WARN, "policies",
		      "not checked, since %s says where they are: 'aegressd --check-config' does",
		      doctor->options->config);
	else if (paths.list.n == 0)
		found(doctor, LEVEL_WARN, "policies",
		      "none: put some into /etc/aegress/policies, or 'aegress apply' them");
	else if (aeg_offline_load(&offline, &paths) == 0)
		found(doctor, LEVEL_OK, "policies", "%zu policies, %zu endpoints, %zu workloads",
		      offline.model->policies.n, offline.model->endpoints.n,
		      offline.model->workloads.n);
	else
		found(doctor, LEVEL_FAIL, "policies",
		      "%zu errors: 'aegressd --check-config' shows them", offline.diags.nerrors);
	AEG_VEC_DONE(paths.list);
}

static void check_status(struct doctor *doctor, const struct aeg_response *response)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf problems = {0}, version = {0};
	AEG_AUTO_JSON json_t *status =
		json_loadb(aeg_buf_text(&response->body), response->body.len, 0, NULL);

	if (response->status != 200 || !json_is_object(status)) {
		found(doctor, LEVEL_FAIL, "daemon",
		      "answers, but not with its status (HTTP status %ld): is it aegressd?",
		      response->status);
		return;
	}
	aeg_text_clean(&version, aeg_value_str(status, "version"));
	if (aeg_status_healthy(status, &problems))
		found(doctor, LEVEL_OK, "daemon", "aegressd %s, generation %llu",
		      aeg_buf_text(&version),
		      (unsigned long long)aeg_value_u64(status, "generation"));
	else
		found(doctor, LEVEL_FAIL, "daemon", "aegressd %s: %s: see 'aegress status'",
		      aeg_buf_text(&version), aeg_buf_text(&problems));
}

static void check_daemon(struct doctor *doctor)
{
	const char *socket = aeg_cli_socket(&doctor->options->common);
	struct aeg_request request = {.method = "GET", .path = "/v1/status"};
	AEG_AUTO_RESPONSE struct aeg_response response = {0};
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};

	if (aeg_http_call(socket, &request, &response, &error) < 0) {
		found(doctor, LEVEL_FAIL, "socket", "%s", aeg_buf_text(&error));
		check_policies(doctor);
		return;
	}
	found(doctor, LEVEL_OK, "socket", "%s", socket);
	check_status(doctor, &response);
}

static void print_table(const struct doctor *doctor, bool colour)
{
	for (size_t i = 0; i < doctor->findings.n; i++) {
		const struct finding *finding = &doctor->findings.items[i];

		printf("%s%-4s%s %s: %s\n", colour ? level_colours[finding->level] : "",
		       level_words[finding->level], colour ? "\033[0m" : "", finding->name,
		       finding->detail);
	}
}

static void print_json(const struct doctor *doctor, bool ok)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf out = {0};
	struct aeg_json json;

	aeg_json_begin(&json, &out);
	aeg_json_object(&json, NULL);
	aeg_json_bool(&json, "ok", ok);
	aeg_json_array(&json, "checks");
	for (size_t i = 0; i < doctor->findings.n; i++) {
		const struct finding *finding = &doctor->findings.items[i];

		aeg_json_object(&json, NULL);
		aeg_json_str(&json, "name", finding->name);
		aeg_json_str(&json, "result",
			     finding->level == LEVEL_FAIL ? "fail" : level_words[finding->level]);
		aeg_json_str(&json, "detail", finding->detail);
		aeg_json_object_end(&json);
	}
	aeg_json_array_end(&json);
	aeg_json_object_end(&json);
	puts(aeg_buf_text(&out));
}

static bool report(const struct doctor *doctor)
{
	const struct aeg_common *common = &doctor->options->common;
	bool ok = true;

	for (size_t i = 0; i < doctor->findings.n; i++)
		ok = ok && doctor->findings.items[i].level != LEVEL_FAIL;
	if (common->output == AEG_OUTPUT_JSON)
		print_json(doctor, ok);
	else
		print_table(doctor, aeg_cli_colour(common, stdout));
	return ok;
}

static void doctor_done(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->findings.n; i++)
		free(doctor->findings.items[i].detail);
	AEG_VEC_DONE(doctor->findings);
}

static int doctor_run(const void *target, const struct aeg_opt_list *operands)
{
	static void (*const checks[])(struct doctor *) = {
		check_kernel, check_btf,  check_jit,	check_cgroup2,
		check_bpffs,  check_pins, check_config, check_daemon,
	};
	AEG_CLEANUP(doctor_done) struct doctor doctor = {.options = target};

	(void)operands;
	for (size_t i = 0; i < AEG_ARRAY_SIZE(checks); i++)
		checks[i](&doctor);
	return report(&doctor) ? AEG_EXIT_OK : AEG_EXIT_FOUND;
}

static const char *const doctor_usage[] = {"[-o json]", NULL};
static const char *const doctor_words[] = {NULL};
static const struct aeg_opt doctor_options[] = {
	{"config", 0, AEG_OPT_TEXT, "PATH",
	 "the daemon's configuration (default /etc/aegress/aegressd.yaml)", NULL,
	 offsetof(struct doctor_options, config)},
	{"pins", 0, AEG_OPT_TEXT, "DIR", "its pins (default /sys/fs/bpf/aegress)", NULL,
	 offsetof(struct doctor_options, pins)},
	{0},
};
static const struct doctor_options doctor_defaults = {
	.config = "/etc/aegress/aegressd.yaml",
	.pins = "/sys/fs/bpf/aegress",
};
static const struct aeg_example doctor_examples[] = {
	{"doctor", "what is missing on this machine, and what to do"},
	{"doctor -o json", "the same for scripts: ok and checks[]"},
	{0},
};

const struct aeg_verb aeg_verb_doctor = {
	.name = "doctor",
	.summary = "check this machine and the daemon's surroundings",
	.usage = doctor_usage,
	.text = "Every line is ok, warn or FAIL with what to do; the exit status is 1 if something\n"
		"FAILs. Nothing is changed.\n",
	.examples = doctor_examples,
	.options = doctor_options,
	.options_size = sizeof(struct doctor_options),
	.defaults = &doctor_defaults,
	.words = doctor_words,
	.no_operands = true,
	.run = doctor_run,
};
