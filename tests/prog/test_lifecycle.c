/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* From nothing to pins and back: opening, adopting, refusing, cleaning up. */
#include "datapath/internal.h"
#include "tests/prog/stage.h"
#include "tests/prog/tests.h"
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

static int connect_from_a(enum dest dest)
{
	AEG_AUTO_CLOSE int fd = -1;
	int result;

	stage_enter(IN_A);
	fd = stage_socket(FORM_V4, SOCK_STREAM);
	result = stage_connect(fd, dest, FORM_V4, TCP_PORT);
	stage_leave();
	return result;
}

/* Opening fails with this error, and the sentence mentions that. */
static void check_refused(const struct aeg_datapath_config *config, int want, const char *mention)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
	struct aeg_datapath *other = NULL;

	CHECK_EQUAL(aeg_datapath_open(config, &other, &error), want);
	if (!CHECK(strstr(aeg_buf_text(&error), mention)))
		printf("# '%s' does not mention '%s'\n", aeg_buf_text(&error), mention);
	aeg_datapath_close(other);
}

/* Every enforcing program lives in the kernel for as long as its pin does. */
static void outlives_its_daemon(void)
{
	const struct aeg_datapath_config config = stage_config();
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
	uint64_t generation;

	CHECK_EQUAL(connect_from_a(DEST_DENIED), 0);
	if (!datapath_start(&config))
		return;
	CHECK(!aeg_datapath_adopted(datapath));
	generation = aeg_datapath_generation(datapath);
	CHECK_EQUAL(generation, 1);
	CHECK_EQUAL(connect_from_a(DEST_DENIED), EPERM);
	aeg_datapath_close(datapath);
	CHECK_EQUAL(connect_from_a(DEST_DENIED), EPERM);
	CHECK_EQUAL(connect_from_a(DEST_ALLOWED), 0);

	CHECK_EQUAL(aeg_datapath_open(&config, &datapath, &error), 0);
	CHECK(aeg_datapath_adopted(datapath));
	CHECK_EQUAL(aeg_datapath_generation(datapath), generation);
	CHECK_EQUAL(connect_from_a(DEST_DENIED), EPERM);
	CHECK_EQUAL(aeg_datapath_attach(datapath, &error), 0);
	CHECK_EQUAL(connect_from_a(DEST_DENIED), EPERM);
	install(default_settings(), RULE_A_ALLOWS);
	CHECK_EQUAL(aeg_datapath_generation(datapath), generation + 1);
	CHECK_EQUAL(connect_from_a(DEST_DENIED), EPERM);
	datapath_stop();
	CHECK_EQUAL(connect_from_a(DEST_DENIED), 0);
}

static void keeps_what_was_counted(void)
{
	const struct aeg_datapath_config config = stage_config();
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
	struct happened happened;

	if (!datapath_start(&config))
		return;
	aeg_datapath_close(datapath);
	CHECK_EQUAL(connect_from_a(DEST_DENIED), EPERM);
	CHECK_EQUAL(aeg_datapath_open(&config, &datapath, &error), 0);
	happened = happened_take();
	check_total(&happened, AEG_VERDICT_DENIED, AEG_REASON_DENY_RULE, AEG_HOOK_CONNECT, 1);
	CHECK_EQUAL(happened.nevents, 1);
	datapath_stop();
}

static void attach_needs_a_generation(void)
{
	const struct aeg_datapath_config config = stage_config();
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};

	if (CHECK_EQUAL(aeg_datapath_open(&config, &datapath, &error), 0)) {
		CHECK_EQUAL(aeg_datapath_attach(datapath, &error), -EINVAL);
		CHECK(aeg_buf_text(&error)[0]);
	}
	datapath_stop();
}

/* ---- refusals ---- */

static void second_daemon(void)
{
	const struct aeg_datapath_config config = stage_config();
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};

	if (datapath_start(&config)) {
		check_refused(&config, -EBUSY, "another daemon");
		CHECK_EQUAL(aeg_datapath_cleanup(stage.pin_dir, &error), -EBUSY);
		CHECK_EQUAL(connect_from_a(DEST_DENIED), EPERM);
	}
	datapath_stop();
}

static void wrong_places(void)
{
	struct aeg_datapath_config config = stage_config();

	config.cgroup_root = "/tmp";
	check_refused(&config, -EINVAL, "not a cgroup2");
	config.cgroup_root = "/sys/fs/cgroup/there-is-none";
	check_refused(&config, -ENOENT, "there-is-none");
	config = stage_config();
	config.pin_dir = "/tmp/aegress-no-bpffs";
	check_refused(&config, -EINVAL, "mount -t bpf");
	CHECK(access("/tmp/aegress-no-bpffs", F_OK) < 0);
}

static char *pin(const char *name)
{
	return aeg_xasprintf("%s/maps/%s", stage.pin_dir, name);
}

static void other_abi(void)
{
	const struct aeg_datapath_config config = stage_config();
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
	AEG_AUTO_FREE char *path = pin("ctl");
	AEG_AUTO_CLOSE int fd = -1;
	struct aeg_ctl ctl;
	uint32_t key = 0;

	if (!datapath_start(&config))
		return;
	aeg_datapath_close(datapath);
	fd = bpf_obj_get(path);
	CHECK_EQUAL(bpf_map_lookup_elem(fd, &key, &ctl), 0);
	CHECK_EQUAL(ctl.abi, AEG_ABI);
	ctl.abi = AEG_ABI + 1;
	CHECK_EQUAL(bpf_map_update_elem(fd, &key, &ctl, BPF_ANY), 0);
	check_refused(&config, -EPROTO, "--cleanup");
	CHECK_EQUAL(connect_from_a(DEST_DENIED), EPERM);
	CHECK_EQUAL(aeg_datapath_cleanup(stage.pin_dir, &error), 0);
	CHECK_EQUAL(connect_from_a(DEST_DENIED), 0);
}

static void other_layout(void)
{
	const struct aeg_datapath_config config = stage_config();
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
	AEG_AUTO_FREE char *path = pin("labels");
	AEG_AUTO_CLOSE int fd = -1;

	if (!datapath_start(&config))
		return;
	aeg_datapath_close(datapath);
	fd = bpf_map_create(BPF_MAP_TYPE_HASH, "labels", 4, 8, 16, NULL);
	CHECK(fd >= 0);
	CHECK_EQUAL(unlink(path), 0);
	CHECK_EQUAL(bpf_obj_pin(fd, path), 0);
	check_refused(&config, -EPROTO, "'labels'");
	CHECK_EQUAL(connect_from_a(DEST_DENIED), EPERM);
	CHECK_EQUAL(aeg_datapath_cleanup(stage.pin_dir, &error), 0);
}

/* A former version may have pinned what this one does not know. */
static void cleanup_takes_all(void)
{
	const struct aeg_datapath_config config = stage_config();
	AEG_AUTO_FREE char *path = pin("of_another_version");
	AEG_AUTO_CLOSE int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "foreign", 4, 8, 16, NULL);

	if (datapath_start(&config))
		CHECK_EQUAL(bpf_obj_pin(fd, path), 0);
	datapath_stop();
	CHECK(access(stage.pin_dir, F_OK) < 0);
	CHECK_EQUAL(aeg_datapath_cleanup(stage.pin_dir, NULL), 0);
}

/* Sizes are taken from the pins, whatever the configuration says now. */
static void sizes_are_adopted(void)
{
	struct aeg_datapath_config config = stage_config();
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
	struct aeg_map_fill fill[16];
	uint64_t counts = 0;
	size_t n;

	if (!datapath_start(&config))
		return;
	aeg_datapath_close(datapath);
	config.ring_bytes *= 2;
	config.counts_max *= 2;
	if (CHECK_EQUAL(aeg_datapath_open(&config, &datapath, &error), 0)) {
		n = aeg_datapath_fill(datapath, fill, AEG_ARRAY_SIZE(fill));
		for (size_t i = 0; i < n; i++) {
			if (aeg_streq(fill[i].name, "counts"))
				counts = fill[i].capacity;
		}
		CHECK_EQUAL(counts, stage_config().counts_max);
	}
	datapath_stop();
}

/* A first start that fails leaves nothing behind; a later one leaves what is in force. */
static void failed_start(void)
{
	struct aeg_datapath_config config = stage_config();
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
	AEG_AUTO_FREE char *path = pin("labels");

	config.counts_max = 0;
	check_refused(&config, -EINVAL, "counts");
	CHECK(access(stage.pin_dir, F_OK) < 0);
	config = stage_config();
	if (!datapath_start(&config))
		return;
	aeg_datapath_close(datapath);
	config.cgroup_root = "/tmp";
	check_refused(&config, -EINVAL, "not a cgroup2");
	CHECK(access(path, F_OK) == 0);
	CHECK_EQUAL(connect_from_a(DEST_DENIED), EPERM);
	CHECK_EQUAL(aeg_datapath_cleanup(stage.pin_dir, &error), 0);
}

static void sockops_is_switched(void)
{
	struct aeg_datapath_config config = stage_config();
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
	AEG_AUTO_FREE char *link = aeg_xasprintf("%s/links/sock_ops", stage.pin_dir);

	config.sockops = true;
	if (!datapath_start(&config))
		return;
	CHECK(access(link, F_OK) == 0);
	aeg_datapath_close(datapath);
	config.sockops = false;
	CHECK_EQUAL(aeg_datapath_open(&config, &datapath, &error), 0);
	CHECK_EQUAL(aeg_datapath_attach(datapath, &error), 0);
	CHECK(access(link, F_OK) < 0);
	datapath_stop();
}

static bool pinned_sock_create(void)
{
	AEG_AUTO_FREE char *link = aeg_xasprintf("%s/links/sock_create", stage.pin_dir);

	return access(link, F_OK) == 0;
}

static bool makes_raw_sockets(void)
{
	AEG_AUTO_CLOSE int fd = -1;

	stage_enter(IN_A);
	fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP);
	stage_leave();
	return fd >= 0;
}

static void contain_a(uint32_t flags)
{
	struct aeg_ident_row row = ident_row("managed/a", WORKLOAD_A, 1);

	row.ident.flags |= flags;
	CHECK_EQUAL(aeg_datapath_set_ident(datapath, &row), 0);
}

/* Every socket() would pay for it, and before 5.15 has to. */
static void sock_create_is_for_the_strict(void)
{
	struct aeg_datapath_config config = stage_config();
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
	bool always = !aeg_kernel_is(5, 15);
	AEG_AUTO_CLOSE int other = -1;

	if (!datapath_start(&config))
		return;
	CHECK_EQUAL(pinned_sock_create(), always);
	CHECK(makes_raw_sockets());
	contain_a(AEG_IDENT_STRICT);
	CHECK(pinned_sock_create());
	CHECK(!makes_raw_sockets());
	aeg_datapath_close(datapath);
	CHECK(!makes_raw_sockets());
	CHECK_EQUAL(aeg_datapath_open(&config, &datapath, &error), 0);
	CHECK_EQUAL(aeg_datapath_attach(datapath, &error), 0);
	CHECK(!makes_raw_sockets());
	install(default_settings(), RULE_A_ALLOWS);
	CHECK(makes_raw_sockets());
	CHECK_EQUAL(pinned_sock_create(), always);
	/* Whoever has the descriptor's number now keeps it. */
	other = dup(STDOUT_FILENO);
	contain_a(AEG_IDENT_STRICT);
	CHECK(fcntl(other, F_GETFD) >= 0);
	CHECK(!makes_raw_sockets());
	datapath_stop();
}

/* The calling process's cgroup in the hierarchy that accounts memory. */
static bool at_the_root(const char *line)
{
	const char *path = strrchr(line, ':');

	return path && strcmp(path, ":/\n") == 0;
}

static int look_where_memory_goes(void *arg)
{
	char line[512], found[512] = ""; /* of cgroup v1 if memory is counted there, else of v2 */
	FILE *file = fopen("/proc/self/cgroup", "re");
	bool v1 = false;

	while (file && fgets(line, sizeof(line), file)) {
		bool memory = strstr(line, ":memory:") != NULL;

		if (memory || (!v1 && strncmp(line, "0::", 3) == 0))
			snprintf(found, sizeof(found), "%s", line);
		v1 |= memory;
	}
	if (file)
		fclose(file);
	return at_the_root(found) ? 0 : -EXDEV;
}

/* Pods' sockets must not use up the daemon's memory. */
static void storage_is_charged_to_nobody(void)
{
	const struct aeg_datapath_config config = stage_config();

	CHECK_EQUAL(aeg_memory_uncharged(look_where_memory_goes, NULL), 0);
	if (datapath_start(&config)) {
		CHECK_EQUAL(connect_from_a(DEST_DENIED), EPERM);
		CHECK_EQUAL(connect_from_a(DEST_ALLOWED), 0);
	}
	datapath_stop();
}

static void programs_are_shown(void)
{
	const struct aeg_datapath_config config = stage_config();
	struct aeg_prog_stat stats[16];

	if (datapath_start(&config)) {
		size_t n = aeg_datapath_programs(datapath, stats, AEG_ARRAY_SIZE(stats));

		CHECK_EQUAL(n,
			    aeg_kernel_is(5, 15) ? 7 : 8); /* all but sock_ops, and sock_create */
		for (size_t i = 0; i < n; i++) {
			check_context("%s", stats[i].name);
			CHECK(stats[i].attached);
			CHECK(stats[i].id != 0);
		}
	}
	datapath_stop();
}

/* ---- environment ---- */

static void environment(void)
{
	struct aeg_datapath_config config = stage_config();
	struct aeg_check checks[8];
	size_t n;

	n = aeg_datapath_checks(&config, checks, AEG_ARRAY_SIZE(checks));
	CHECK_EQUAL(n, 5);
	for (size_t i = 0; i < n; i++) {
		check_context("%s: %s", checks[i].name, checks[i].detail);
		CHECK(checks[i].ok);
		free(checks[i].detail);
	}
	config.cgroup_root = "/tmp";
	config.pin_dir = "/tmp/aegress-no-bpffs";
	n = aeg_datapath_checks(&config, checks, AEG_ARRAY_SIZE(checks));
	for (size_t i = 0; i < n; i++) {
		bool bad = aeg_streq(checks[i].name, "cgroup2") ||
			   aeg_streq(checks[i].name, "bpffs");

		check_context("%s: %s", checks[i].name, checks[i].detail);
		CHECK_EQUAL(checks[i].ok, !bad);
		free(checks[i].detail);
	}
}

/* ---- the helper ---- */

static pid_t only_child(void)
{
	AEG_AUTO_FREE char *path = aeg_xasprintf("/proc/self/task/%d/children", (int)getpid());
	FILE *file = fopen(path, "re");
	char line[64] = "";

	if (file && !fgets(line, sizeof(line), file))
		line[0] = '\0';
	if (file)
		fclose(file);
	return (pid_t)strtol(line, NULL, 10);
}

/* An answer that comes when nobody waits for it any more is not the next one's. */
static void late_answers(void)
{
	const struct aeg_datapath_config config = stage_config();
	uint64_t a = stage_cgroup("managed/a");
	struct aeg_links links;
	int status;

	if (datapath_start(&config) && CHECK_EQUAL(aeg_datapath_delegate(datapath), 0)) {
		pid_t helper = only_child();

		stage_enter(IN_A);
		CHECK_EQUAL(aeg_datapath_set_home(datapath, a), 0);
		if (CHECK(helper > 0) && CHECK_EQUAL(kill(helper, SIGSTOP), 0))
			CHECK_EQUAL(waitpid(helper, &status, WUNTRACED), helper);
		CHECK_EQUAL(aeg_datapath_set_home(datapath, a), -EAGAIN);
		kill(helper, SIGCONT);
		CHECK_EQUAL(aeg_datapath_find_links(datapath, UINT32_MAX, &links), -ESRCH);
		CHECK_EQUAL(aeg_datapath_find_links(datapath, a, &links), 0);
		stage_leave();
		datapath_stop();
		CHECK_EQUAL(waitpid(helper, &status, 0), helper);
		return;
	}
	datapath_stop();
}

const struct test lifecycle_tests[] = {
	{"lifecycle: late answers of the helper are nobody's", late_answers},
	{"lifecycle: enforcement outlives its daemon and is adopted", outlives_its_daemon},
	{"lifecycle: counters and events of the time without a daemon", keeps_what_was_counted},
	{"lifecycle: attaching needs a generation", attach_needs_a_generation},
	{"lifecycle: a second daemon is refused", second_daemon},
	{"lifecycle: wrong directories are refused", wrong_places},
	{"lifecycle: pins of another ABI are refused", other_abi},
	{"lifecycle: pins of another layout are refused", other_layout},
	{"lifecycle: cleanup removes everything", cleanup_takes_all},
	{"lifecycle: pinned sizes are kept", sizes_are_adopted},
	{"lifecycle: a failed start leaves things as they were", failed_start},
	{"lifecycle: sockops is detached when unwanted", sockops_is_switched},
	{"lifecycle: sock_create is attached for the strict", sock_create_is_for_the_strict},
	{"lifecycle: the storage of sockets is charged to nobody", storage_is_charged_to_nobody},
	{"lifecycle: programs are shown", programs_are_shown},
	{"lifecycle: the environment is checked", environment},
	{NULL, NULL},
};
