/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * `aegress doctor`: what this machine lacks, found by reading /proc and /sys and asking the daemon;
 * each finding with what to do. Changes nothing, needs no daemon and as few rights as possible.
 */
#include "base/json.h"
#include "base/places.h"
#include "cli/client.h"
#include "cli/offline.h"
#include "cli/status.h"
#include "cli/text.h"
#include <errno.h>
#include <linux/magic.h>
#include <mntent.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/utsname.h>

#define KERNEL_MAJOR 5
#define KERNEL_MINOR 10
#define DEFAULT_PINS "/sys/fs/bpf/aegress"

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
	struct aeg_response answer;
	struct aeg_buf unreachable; /* why there is no answer; empty: there is one */
	json_t *status;		    /* of the daemon; NULL: it gave none */
	const char *pins;	    /* where the pins are or would be */
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

/* The file system that a path is on, or will be on when it is made. */
static bool on_bpffs(const char *path)
{
	AEG_AUTO_FREE char *parent = aeg_xstrdup(path);
	struct statfs fs;

	while (statfs(parent, &fs) < 0) {
		char *slash = strrchr(parent, '/');

		if (errno != ENOENT || !slash || slash == parent)
			return false;
		*slash = '\0';
	}
	return fs.f_type == BPF_FS_MAGIC;
}

static void check_bpffs(struct doctor *doctor)
{
	if (on_bpffs(doctor->pins))
		found(doctor, LEVEL_OK, "bpffs", "%s is on one", doctor->pins);
	else
		found(doctor, LEVEL_FAIL, "bpffs",
		      "%s is on none: mount -t bpf bpf /sys/fs/bpf (systemd does it at boot)",
		      doctor->pins);
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
	const char *pins = doctor->pins;

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
		      strerror(errno),
		      errno == ENOENT ? ": aegressd uses its defaults, or was given another" : "");
}

/* Where aegressd looks when its configuration names nothing else. */
static void default_paths(struct aeg_opt_list *ret)
{
	const char *const paths[] = {AEG_PLACE_POLICIES, aeg_place_catalogue(),
				     AEG_PLACE_WORKLOADS};

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

static void check_status(struct doctor *doctor)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf problems = {0}, version = {0};

	aeg_text_clean(&version, aeg_value_str(doctor->status, "version"));
	if (aeg_status_healthy(doctor->status, &problems))
		found(doctor, LEVEL_OK, "daemon", "aegressd %s, generation %llu",
		      aeg_buf_text(&version),
		      (unsigned long long)aeg_value_u64(doctor->status, "generation"));
	else
		found(doctor, LEVEL_FAIL, "daemon", "aegressd %s: %s: see 'aegress status'",
		      aeg_buf_text(&version), aeg_buf_text(&problems));
}

/* Asked first, since its answer says where the rest is to be looked for. */
static void ask_daemon(struct doctor *doctor)
{
	const char *socket = aeg_cli_socket(&doctor->options->common);
	struct aeg_request request = {.method = "GET", .path = "/v1/status"};
	struct aeg_response *answer = &doctor->answer;

	if (aeg_http_call(socket, &request, answer, &doctor->unreachable) < 0)
		return;
	if (answer->status == 200)
		doctor->status = json_loadb(aeg_buf_text(&answer->body), answer->body.len, 0, NULL);
}

static void check_daemon(struct doctor *doctor)
{
	if (doctor->unreachable.len) {
		found(doctor, LEVEL_FAIL, "socket", "%s", aeg_buf_text(&doctor->unreachable));
		check_policies(doctor);
		return;
	}
	found(doctor, LEVEL_OK, "socket", "%s", aeg_cli_socket(&doctor->options->common));
	if (json_is_object(doctor->status))
		check_status(doctor);
	else
		found(doctor, LEVEL_FAIL, "daemon",
		      "answers, but not with its status (HTTP status %ld): is it aegressd?",
		      doctor->answer.status);
}

static void find_pins(struct doctor *doctor)
{
	const char *of_daemon = aeg_value_str(doctor->status, "pins");

	if (doctor->options->pins)
		doctor->pins = doctor->options->pins;
	else
		doctor->pins = *of_daemon ? of_daemon : DEFAULT_PINS;
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
	json_decref(doctor->status);
	aeg_response_done(&doctor->answer);
	aeg_buf_done(&doctor->unreachable);
}

static int doctor_run(const void *target, const struct aeg_opt_list *operands)
{
	AEG_CLEANUP(doctor_done) struct doctor doctor = {.options = target};

	(void)operands;
	ask_daemon(&doctor);
	find_pins(&doctor);
	check_kernel(&doctor);
	check_btf(&doctor);
	check_jit(&doctor);
	check_cgroup2(&doctor);
	check_bpffs(&doctor);
	check_pins(&doctor);
	check_config(&doctor);
	check_daemon(&doctor);
	return report(&doctor) ? AEG_EXIT_OK : AEG_EXIT_FOUND;
}

static const char *const doctor_usage[] = {"[-o json]", NULL};
static const char *const doctor_words[] = {NULL};
static const struct aeg_opt doctor_options[] = {
	{"config", 0, AEG_OPT_TEXT, "PATH",
	 "the daemon's configuration (default /etc/aegress/aegressd.yaml)", NULL,
	 offsetof(struct doctor_options, config)},
	{"pins", 0, AEG_OPT_TEXT, "DIR",
	 "its pins (default: what the daemon says, else " DEFAULT_PINS ")", NULL,
	 offsetof(struct doctor_options, pins)},
	{0},
};
static const struct doctor_options doctor_defaults = {
	.config = "/etc/aegress/aegressd.yaml",
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
