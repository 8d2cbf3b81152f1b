/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Rings and counters at their limits: what is lost is counted exactly, and nobody sleeps through. */
#include "tests/prog/stage.h"
#include "tests/prog/tests.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>

#define ATTEMPTS 100

static void connect_many(enum dest dest, int n)
{
	stage_enter(IN_A);
	for (int i = 0; i < n; i++) {
		AEG_AUTO_CLOSE int fd = stage_socket(FORM_V4, SOCK_STREAM);

		(void)stage_connect(fd, dest, FORM_V4, TCP_PORT);
	}
	stage_leave();
}

/* ---- loss ---- */

/* The smallest ring; what does not fit is counted, and every decision is in the totals. */
static void lost_denials(void)
{
	struct aeg_datapath_config config = stage_config();
	struct happened happened;

	config.ring_bytes = (size_t)sysconf(_SC_PAGESIZE);
	if (datapath_start(&config)) {
		connect_many(DEST_DENIED, ATTEMPTS);
		happened = happened_take();
		CHECK(happened.nevents > 0);
		CHECK(happened.errors[AEG_ERROR_DENIAL_LOST] > 0);
		CHECK_EQUAL(happened.nevents + happened.errors[AEG_ERROR_DENIAL_LOST], ATTEMPTS);
		happened.errors[AEG_ERROR_DENIAL_LOST] = 0;
		check_total(&happened, AEG_VERDICT_DENIED, AEG_REASON_DENY_RULE, AEG_HOOK_CONNECT,
			    ATTEMPTS);
		/* The ring is empty again. */
		connect_many(DEST_DENIED, 1);
		CHECK_EQUAL(happened_take().nevents, 1);
	}
	datapath_stop();
}

/* Opens and closes share a ring; a flood of them takes no denial's place. */
static void lost_events(void)
{
	struct aeg_datapath_config config = stage_config();
	struct happened happened;

	config.ring_bytes = (size_t)sysconf(_SC_PAGESIZE);
	if (datapath_start(&config)) {
		connect_many(DEST_ALLOWED, ATTEMPTS);
		connect_many(DEST_DENIED, 1);
		happened = happened_take();
		CHECK(happened.errors[AEG_ERROR_EVENT_LOST] > 0);
		CHECK_EQUAL(happened.nevents + happened.errors[AEG_ERROR_EVENT_LOST],
			    2 * ATTEMPTS + 1);
		CHECK_EQUAL(happened.events[0].type, AEG_EVENT_DENY);
		CHECK_EQUAL(happened.errors[AEG_ERROR_DENIAL_LOST], 0);
	}
	datapath_stop();
}

/* ---- counters ---- */

struct sums {
	struct aeg_count a_allowed, all;
	size_t rows;
};

static void add_count(void *arg, const struct aeg_count_key *key, const struct aeg_count *count)
{
	struct sums *sums = arg;

	sums->rows++;
	sums->all.decisions += count->decisions;
	if (key->workload == WORKLOAD_A && key->node == NODE_ALLOWED &&
	    key->rule == RULE_A_ALLOWS && key->verdict == AEG_VERDICT_ALLOWED &&
	    key->reason == AEG_REASON_RULE && key->hook == AEG_HOOK_CONNECT)
		sums->a_allowed = *count;
}

static void counts_by_key(void)
{
	const struct aeg_datapath_config config = stage_config();
	struct sums sums = {0};

	if (datapath_start(&config)) {
		connect_many(DEST_ALLOWED, 7);
		connect_many(DEST_DENIED, 5);
		connect_many(DEST_FREE, 3);
		CHECK_EQUAL(aeg_datapath_counts(datapath, add_count, &sums), 0);
		CHECK_EQUAL(sums.rows, 3);
		CHECK_EQUAL(sums.all.decisions, 15);
		CHECK_EQUAL(sums.a_allowed.decisions, 7);
		CHECK_EQUAL(sums.a_allowed.closed, 7);
	}
	datapath_stop();
}

struct found {
	const struct aeg_count_key *key;
	struct aeg_count count;
	size_t rows;
};

static void find_count(void *arg, const struct aeg_count_key *key, const struct aeg_count *count)
{
	struct found *found = arg;

	if (memcmp(key, found->key, sizeof(*key)) != 0)
		return;
	found->count = *count;
	found->rows++;
}

static struct found count_of(const struct aeg_count_key *key)
{
	struct found found = {.key = key};

	CHECK_EQUAL(aeg_datapath_counts(datapath, find_count, &found), 0);
	return found;
}

#define SUM_OF_GONE 4242 /* no workload of the scene */

/* What a workload that is gone has counted goes to a sum, once and completely, even in a table that is full. */
static void counts_are_folded(void)
{
	const struct aeg_count_key row = {
		.workload = WORKLOAD_A,
		.node = NODE_ALLOWED,
		.rule = RULE_A_ALLOWS,
		.verdict = AEG_VERDICT_ALLOWED,
		.reason = AEG_REASON_RULE,
		.hook = AEG_HOOK_CONNECT,
	};
	struct aeg_datapath_config config = stage_config();
	struct aeg_count_key sum = row;
	struct found found;

	sum.workload = SUM_OF_GONE;
	config.counts_max = 2;
	if (datapath_start(&config)) {
		connect_many(DEST_ALLOWED, 7);
		connect_many(DEST_DENIED, 1);
		CHECK_EQUAL(aeg_datapath_fold_count(datapath, &row, SUM_OF_GONE), 0);
		CHECK_EQUAL(count_of(&row).rows, 0);
		found = count_of(&sum);
		CHECK_EQUAL(found.count.decisions, 7);
		CHECK_EQUAL(found.count.closed, 7);
		CHECK_EQUAL(aeg_datapath_fold_count(datapath, &row, SUM_OF_GONE), -ENOENT);
		CHECK_EQUAL(count_of(&sum).count.decisions, 7);

		/* It came back, and has a row of its own, from zero. */
		CHECK_EQUAL(aeg_datapath_fold_count(datapath, &sum, WORKLOAD_A + SUM_OF_GONE), 0);
		CHECK_EQUAL(count_of(&sum).rows, 0);
		sum.workload = WORKLOAD_A + SUM_OF_GONE;
		connect_many(DEST_FREE, 1); /* no room */
		CHECK_EQUAL(happened_take().errors[AEG_ERROR_COUNT_FULL] > 0, true);
		CHECK_EQUAL(aeg_datapath_fold_count(datapath, &sum, 0), 0);
		CHECK_EQUAL(count_of(&sum).rows, 0);
		connect_many(DEST_ALLOWED, 3);
		CHECK_EQUAL(count_of(&row).count.decisions, 3);
		CHECK_EQUAL(happened_take().errors[AEG_ERROR_COUNT_FULL], 0);
		CHECK_EQUAL(aeg_datapath_fold_count(datapath, &row, SUM_OF_GONE), 0);
		sum.workload = SUM_OF_GONE;
		CHECK_EQUAL(count_of(&sum).count.decisions, 3);
	}
	datapath_stop();
}

static void counts_are_full(void)
{
	struct aeg_datapath_config config = stage_config();
	struct sums sums = {0};
	struct happened happened;

	config.counts_max = 1;
	if (datapath_start(&config)) {
		connect_many(DEST_DENIED, 4);
		connect_many(DEST_FREE, 3);
		CHECK_EQUAL(aeg_datapath_counts(datapath, add_count, &sums), 0);
		CHECK_EQUAL(sums.all.decisions, 4);
		happened = happened_take();
		CHECK_EQUAL(happened.errors[AEG_ERROR_COUNT_FULL], 3);
		CHECK_EQUAL(
			happened.totals[aeg_total_index(AEG_VERDICT_ALLOWED,
							AEG_REASON_NOT_GOVERNED, AEG_HOOK_CONNECT)],
			3);
	}
	datapath_stop();
}

/* ---- sleeping ---- */

static bool woken(void)
{
	struct pollfd wait = {.fd = aeg_datapath_fd(datapath), .events = POLLIN};

	return poll(&wait, 1, 5000) == 1;
}

static struct aeg_ctl read_ctl(void)
{
	AEG_AUTO_FREE char *path = aeg_xasprintf("%s/maps/ctl", stage.pin_dir);
	AEG_AUTO_CLOSE int fd = bpf_obj_get(path);
	struct aeg_ctl ctl = {0};
	uint32_t key = 0;

	CHECK_EQUAL(bpf_map_lookup_elem(fd, &key, &ctl), 0);
	return ctl;
}

/* Waits until a process sleeps in the kernel. */
static void await_sleep(pid_t pid)
{
	AEG_AUTO_FREE char *path = aeg_xasprintf("/proc/%d/stat", (int)pid);
	char text[256], *state;

	do {
		AEG_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n = read(fd, text, sizeof(text) - 1);

		text[n > 0 ? n : 0] = '\0';
		state = strrchr(text, ')');
	} while (!state || state[2] != 'S');
}

/* The event comes while poll() sleeps: only a wake-up ends it in time. */
static void event_wakes(void)
{
	const struct aeg_datapath_config config = stage_config();
	int status = 0;
	pid_t pid;

	if (datapath_start(&config)) {
		CHECK(aeg_datapath_doze(datapath));
		CHECK_EQUAL(read_ctl().doze, 1);
		pid = fork();
		if (pid == 0) {
			await_sleep(getppid());
			connect_many(DEST_DENIED, 1);
			_exit(0);
		}
		CHECK(woken());
		CHECK_EQUAL(read_ctl().doze, 0);
		CHECK_EQUAL(happened_take().nevents, 1);
		CHECK(waitpid(pid, &status, 0) == pid);
	}
	datapath_stop();
}

static void no_sleep_beside_events(void)
{
	const struct aeg_datapath_config config = stage_config();

	if (datapath_start(&config)) {
		connect_many(DEST_DENIED, 1);
		CHECK(!aeg_datapath_doze(datapath));
		CHECK_EQUAL(read_ctl().doze, 0);
		CHECK_EQUAL(happened_take().nevents, 1);
		CHECK(aeg_datapath_doze(datapath));
	}
	datapath_stop();
}

const struct test event_tests[] = {
	{"events: lost denials are counted exactly", lost_denials},
	{"events: lost events are counted exactly, denials are kept apart", lost_events},
	{"events: counters by workload, node, rule", counts_by_key},
	{"events: a full counter table is counted", counts_are_full},
	{"events: counters of who is gone are folded", counts_are_folded},
	{"events: the next one wakes who dozes", event_wakes},
	{"events: nobody dozes beside unread ones", no_sleep_beside_events},
	{NULL, NULL},
};
