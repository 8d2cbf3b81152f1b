// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The audit log's writer on real files: what it leaves behind, and what it makes of what it finds. */
#include "base/file.h"
#include "base/value.h"
#include "observe/audit.h"
#include "observe/audit_file.h"
#include "observe/audit_head.h"
#include "observe/lines.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define NEVER_MS 3600000

struct fixture {
	char dir[32];
	char *log, *head, *current;
	struct aeg_loop *loop;
	struct aeg_audit *audit;
	struct aeg_audit_settings settings;
	unsigned int problems, recoveries;
	int last_problem;
};

static void on_problem(void *arg, const char *what, int err)
{
	struct fixture *fixture = arg;

	fixture->problems += err != 0;
	fixture->recoveries += err == 0;
	fixture->last_problem = err;
}

static int setup(void **state)
{
	struct fixture *fixture = aeg_xcalloc(1, sizeof(*fixture));

	*state = fixture;
	strcpy(fixture->dir, "/tmp/aegress-audit-XXXXXX");
	if (!mkdtemp(fixture->dir) || aeg_loop_new(&fixture->loop))
		return -1;
	fixture->log = aeg_xasprintf("%s/log", fixture->dir);
	fixture->head = aeg_xasprintf("%s/state/audit.head", fixture->dir);
	fixture->current = aeg_xasprintf("%s/" AEG_AUDIT_CURRENT, fixture->log);
	fixture->settings = (struct aeg_audit_settings){
		.directory = fixture->log,
		.head = fixture->head,
		.node = "n1",
		.mode = 0640,
		.rotation = {.bytes = 1 << 20, .total = 1 << 30},
		.sync = AEG_AUDIT_SYNC_INTERVAL,
		.sync_ms = NEVER_MS,
		.problem = on_problem,
		.problem_arg = fixture,
	};
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	AEG_AUTO_FREE char *command = aeg_xasprintf("rm -rf '%s'", fixture->dir);

	aeg_audit_close(fixture->audit);
	aeg_loop_free(fixture->loop);
	free(fixture->log);
	free(fixture->head);
	free(fixture->current);
	free(fixture);
	return system(command);
}

static void open_log(struct fixture *fixture)
{
	assert_int_equal(aeg_audit_open(&fixture->settings, fixture->loop, &fixture->audit), 0);
}

static void close_log(struct fixture *fixture)
{
	aeg_audit_close(AEG_TAKE_PTR(fixture->audit));
}

static struct aeg_flow denial(uint32_t pid)
{
	return (struct aeg_flow){
		.time_ns = 1,
		.event = {.type = AEG_EVENT_DENY,
			  .pid = pid,
			  .dport = 443,
			  .proto = AEG_PROTO_TCP,
			  .decision = {.verdict = AEG_VERDICT_DENIED,
				       .reason = AEG_REASON_NO_RULE}},
	};
}

static void deny(struct fixture *fixture, uint32_t pid)
{
	struct aeg_flow flow = denial(pid);

	aeg_audit_flow(fixture->audit, &flow);
}

static struct aeg_audit_stats stats(const struct fixture *fixture)
{
	struct aeg_audit_stats now;

	aeg_audit_stats(fixture->audit, &now);
	return now;
}

struct seen { /* of a walk through all files */
	uint64_t records, denials, first, last;
	struct aeg_buf events; /* every event but denials */
};

static void take(struct seen *seen, const char *line, size_t len)
{
	json_t *record = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(record);
	seen->records++;
	seen->first = seen->first ? seen->first : aeg_value_u64(record, "audit.n");
	seen->last = aeg_value_u64(record, "audit.n");
	if (aeg_streq(aeg_value_str(record, "event"), "deny"))
		seen->denials++;
	else
		aeg_buf_printf(&seen->events, "%s ", aeg_value_str(record, "event"));
	json_decref(record);
}

static void walk_file(const char *path, struct aeg_chain *chain, struct seen *seen)
{
	struct aeg_lines lines;
	const char *line;
	bool whole;
	size_t len;

	assert_int_equal(aeg_lines_open(&lines, path), 0);
	while (aeg_lines_next(&lines, &line, &len, &whole) > 0) {
		assert_true(whole);
		assert_int_equal(aeg_chain_follow(chain, line, len), AEG_CHAIN_OK);
		take(seen, line, len);
	}
	aeg_lines_done(&lines);
}

/* The whole log is one unbroken chain. */
static struct seen walk(const struct fixture *fixture)
{
	struct aeg_segments segments = {0};
	struct seen seen = {0};
	struct aeg_chain chain;

	aeg_chain_init(&chain, fixture->settings.key, fixture->settings.key_len);
	assert_int_equal(aeg_segments_read(fixture->log, &segments), 0);
	for (size_t i = 0; i < segments.list.n; i++) {
		AEG_AUTO_FREE char *path =
			aeg_xasprintf("%s/%s", fixture->log, segments.list.items[i].name);

		walk_file(path, &chain, &seen);
	}
	AEG_VEC_DONE(segments.list);
	if (access(fixture->current, F_OK) == 0)
		walk_file(fixture->current, &chain, &seen);
	return seen;
}

static void assert_seen(const struct fixture *fixture, uint64_t denials, const char *events)
{
	struct seen seen = walk(fixture);

	assert_int_equal(seen.denials, denials);
	if (events)
		assert_string_equal(aeg_buf_text(&seen.events), events);
	assert_int_equal(seen.last, seen.records);
	aeg_buf_done(&seen.events);
}

static void read_log(const struct fixture *fixture, char **ret)
{
	assert_int_equal(aeg_file_read(fixture->current, 1 << 24, ret, NULL), 0);
}

static void assert_in_log(const struct fixture *fixture, const char *text)
{
	AEG_AUTO_FREE char *all = NULL;

	read_log(fixture, &all);
	assert_non_null(strstr(all, text));
}

static void append(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

	assert_int_equal(aeg_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

/* ---- the cases ---- */

static void test_what_is_recorded(void **state)
{
	struct fixture *fixture = *state;
	struct aeg_flow flow = denial(1);
	struct aeg_audit_head head;
	struct stat st;

	open_log(fixture);
	deny(fixture, 1);
	flow.event.type = AEG_EVENT_OPEN;
	flow.event.decision.verdict = AEG_VERDICT_AUDITED;
	aeg_audit_flow(fixture->audit, &flow);
	flow.event.decision.verdict = AEG_VERDICT_ALLOWED;
	aeg_audit_flow(fixture->audit, &flow); /* not here */
	flow.event.decision.verdict = AEG_VERDICT_AUDITED;
	flow.event.type = AEG_EVENT_CLOSE;
	aeg_audit_flow(fixture->audit, &flow); /* it was recorded when it was opened */
	aeg_audit_flow(fixture->audit, &(struct aeg_flow){.lost = 7});
	aeg_audit_note(fixture->audit, "start", NULL, NULL);
	aeg_audit_flush(fixture->audit);
	assert_int_equal(stats(fixture).records, 6);
	close_log(fixture);
	assert_seen(fixture, 1, "file opened open lost start ");
	assert_int_equal(stat(fixture->current, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(aeg_audit_head_read(fixture->head, &head), 0);
	assert_int_equal(head.link.n, 6);
	assert_false(head.running);
}

static void test_goes_on_after_a_restart(void **state)
{
	struct fixture *fixture = *state;

	open_log(fixture);
	deny(fixture, 1);
	close_log(fixture);
	open_log(fixture);
	assert_int_equal(stats(fixture).unclean, 0);
	deny(fixture, 2);
	close_log(fixture);
	assert_seen(fixture, 2, "file opened opened ");
	assert_in_log(fixture, "\"previousRun\":\"clean\"");
}

/* As after kill -9 in the middle of a write. */
static void test_torn_tail(void **state)
{
	struct fixture *fixture = *state;
	struct aeg_audit_head head = {0};

	open_log(fixture);
	deny(fixture, 1);
	close_log(fixture);
	assert_int_equal(aeg_audit_head_read(fixture->head, &head), 0);
	head.running = true;
	assert_int_equal(aeg_audit_head_write(fixture->head, &head), 0);
	append(fixture->current, "{\"schema\":\"aegress.fl");
	open_log(fixture);
	assert_int_equal(stats(fixture).unclean, 1);
	deny(fixture, 2);
	close_log(fixture);
	assert_seen(fixture, 2, "file opened opened ");
	assert_in_log(fixture, "\"previousRun\":\"unclean\",\"tornBytes\":21");
}

/* The log was cut at a line's end: only the head knows, and the chain shows it for ever. */
static void test_cut_tail(void **state)
{
	struct fixture *fixture = *state;
	AEG_AUTO_FREE char *whole = NULL, *all = NULL;
	struct aeg_chain chain;
	const char *second;

	open_log(fixture);
	deny(fixture, 1);
	deny(fixture, 2);
	close_log(fixture);
	read_log(fixture, &whole);
	assert_int_equal(truncate(fixture->current, strchr(whole, '\n') - whole + 1), 0);
	open_log(fixture);
	close_log(fixture);
	assert_in_log(fixture, "\"missing\":{\"from\":2,\"to\":4}");
	read_log(fixture, &all);
	second = strchr(all, '\n') + 1;
	aeg_chain_init(&chain, NULL, 0);
	assert_int_equal(aeg_chain_follow(&chain, all, strcspn(all, "\n")), AEG_CHAIN_OK);
	assert_int_equal(aeg_chain_follow(&chain, second, strcspn(second, "\n")), AEG_CHAIN_GAP);
	assert_int_equal(chain.last.n, 5);
}

static void test_rewritten_tail(void **state)
{
	struct fixture *fixture = *state;
	struct aeg_audit_head head;

	open_log(fixture);
	deny(fixture, 1);
	close_log(fixture);
	assert_int_equal(aeg_audit_head_read(fixture->head, &head), 0);
	head.link.hash[0] = head.link.hash[0] == '0' ? '1' : '0';
	assert_int_equal(aeg_audit_head_write(fixture->head, &head), 0);
	open_log(fixture);
	close_log(fixture);
	assert_in_log(fixture, "\"rewritten\":3");
}

static void test_foreign_file_is_set_aside(void **state)
{
	struct fixture *fixture = *state;
	AEG_AUTO_FREE char *command =
		aeg_xasprintf("grep -q precious '%s'/audit.jsonl.unreadable-*", fixture->log);

	assert_int_equal(aeg_mkdir_p(fixture->log, 0755), 0);
	assert_int_equal(aeg_file_replace(fixture->current, "precious\n", 9, 0644), 0);
	open_log(fixture);
	deny(fixture, 1);
	close_log(fixture);
	assert_seen(fixture, 1, "file opened ");
	assert_in_log(fixture, "\"unreadableBytes\":9");
	assert_int_equal(system(command), 0);
}

/* Small files: a batch goes over several; all that is kept is one chain. */
static void test_rotation(void **state)
{
	struct fixture *fixture = *state;
	struct aeg_audit_stats now;
	struct aeg_segments segments = {0};

	fixture->settings.rotation.bytes = 4096;
	open_log(fixture);
	for (uint32_t pid = 0; pid < 100; pid++)
		deny(fixture, pid);
	aeg_audit_flush(fixture->audit);
	now = stats(fixture);
	close_log(fixture);
	assert_int_equal(aeg_segments_read(fixture->log, &segments), 0);
	assert_int_equal(segments.list.n, now.rotations);
	assert_true(now.rotations > 5);
	for (size_t i = 0; i < segments.list.n; i++)
		assert_in_range(segments.list.items[i].bytes, 2048, 4096);
	AEG_VEC_DONE(segments.list);
	assert_seen(fixture, 100, NULL);
	open_log(fixture); /* the current file is the last one of the chain */
	deny(fixture, 0);
	close_log(fixture);
	assert_seen(fixture, 101, NULL);
}

/* A crash between closing a file and beginning the next one. */
static void test_no_current_file(void **state)
{
	struct fixture *fixture = *state;
	AEG_AUTO_FREE char *segment = NULL;
	char name[AEG_SEGMENT_TEXT];

	open_log(fixture);
	deny(fixture, 1);
	close_log(fixture);
	aeg_segment_name(1, aeg_realtime_ns(), name);
	segment = aeg_xasprintf("%s/%s", fixture->log, name);
	assert_int_equal(rename(fixture->current, segment), 0);
	assert_int_equal(unlink(fixture->head), 0);
	open_log(fixture);
	deny(fixture, 2);
	close_log(fixture);
	assert_seen(fixture, 2, "file opened file opened ");
	assert_in_log(fixture, "\"previousRun\":\"unknown\"");
}

static void test_total(void **state)
{
	struct fixture *fixture = *state;
	struct aeg_segments segments = {0};
	uint64_t total = 0;

	fixture->settings.rotation = (struct aeg_rotation){.bytes = 4096, .total = 16384};
	open_log(fixture);
	for (uint32_t pid = 0; pid < 200; pid++) {
		deny(fixture, pid);
		aeg_audit_flush(fixture->audit);
	}
	assert_true(stats(fixture).expired > 5);
	close_log(fixture);
	assert_int_equal(aeg_segments_read(fixture->log, &segments), 0);
	for (size_t i = 0; i < segments.list.n; i++)
		total += segments.list.items[i].bytes;
	assert_in_range(total, 8192, 16384);
	AEG_VEC_DONE(segments.list);
	assert_in_log(fixture, "\"event\":\"expired\",\"file\":\"audit-");
}

static bool compressed(const struct fixture *fixture)
{
	struct aeg_segments segments = {0};
	bool all = true;

	assert_int_equal(aeg_segments_read(fixture->log, &segments), 0);
	for (size_t i = 0; i < segments.list.n; i++)
		all &= segments.list.items[i].compressed;
	all &= segments.list.n > 0;
	AEG_VEC_DONE(segments.list);
	return all;
}

static void stop_when_compressed(void *arg)
{
	struct fixture *fixture = arg;

	if (compressed(fixture))
		aeg_loop_stop(fixture->loop);
}

static void test_compression(void **state)
{
	struct fixture *fixture = *state;

	fixture->settings.rotation.bytes = 4096;
	fixture->settings.compress = true;
	open_log(fixture);
	for (uint32_t pid = 0; pid < 40; pid++)
		deny(fixture, pid);
	aeg_audit_flush(fixture->audit);
	assert_int_equal(aeg_loop_run(fixture->loop, stop_when_compressed, fixture), 0);
	close_log(fixture);
	assert_true(compressed(fixture));
	assert_seen(fixture, 40, NULL);
}

static void test_key(void **state)
{
	struct fixture *fixture = *state;

	fixture->settings.key = "0123456789abcdef";
	fixture->settings.key_len = 16;
	open_log(fixture);
	deny(fixture, 1);
	close_log(fixture);
	assert_seen(fixture, 1, "file opened ");
}

static void test_directory_vanishes(void **state)
{
	struct fixture *fixture = *state;
	AEG_AUTO_FREE char *command = aeg_xasprintf("rm -r '%s'", fixture->log);
	AEG_AUTO_FREE char *all = NULL;

	open_log(fixture);
	deny(fixture, 1);
	aeg_audit_flush(fixture->audit);
	assert_int_equal(system(command), 0);
	deny(fixture, 2);
	aeg_audit_flush(fixture->audit);
	read_log(fixture, &all);
	assert_non_null(strstr(all, "\"event\":\"file\",\"previous\":{\"n\":3,"));
	assert_non_null(strstr(all, "\"event\":\"moved\""));
	assert_non_null(strstr(all, "\"pid\":2"));
	assert_int_equal(stats(fixture).lost, 0);
}

/* `sed -i` and the like: the path leads to another file. What is there is never cut off. */
static void test_file_is_replaced(void **state)
{
	struct fixture *fixture = *state;
	AEG_AUTO_FREE char *before = NULL, *after = NULL;

	open_log(fixture);
	deny(fixture, 1);
	aeg_audit_flush(fixture->audit);
	read_log(fixture, &before);
	assert_int_equal(aeg_file_replace(fixture->current, before, strlen(before), 0640), 0);
	deny(fixture, 2);
	aeg_audit_flush(fixture->audit);
	close_log(fixture);
	read_log(fixture, &after);
	assert_memory_equal(before, after, strlen(before));
	assert_seen(fixture, 2, "file opened moved ");
}

/* A directory that cannot be made: everything waits, and is written when it can be. */
static void test_waits(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(aeg_file_replace(fixture->log, "", 0, 0600), 0); /* a file is in the way */
	open_log(fixture);
	assert_int_equal(fixture->problems, 1);
	assert_int_equal(fixture->last_problem, -ENOTDIR);
	deny(fixture, 1);
	aeg_audit_flush(fixture->audit);
	deny(fixture, 2);
	assert_int_equal(stats(fixture).records, 0);
	assert_int_equal(stats(fixture).error, -ENOTDIR);
	assert_int_equal(unlink(fixture->log), 0);
	close_log(fixture);
	assert_int_equal(fixture->problems, 1);
	assert_int_equal(fixture->recoveries, 1);
	assert_seen(fixture, 2, "file opened ");
}

/* What has no room is counted to the record, and said as soon as there is room. */
static void test_loss(void **state)
{
	struct fixture *fixture = *state;
	struct aeg_audit_stats now;
	struct seen seen;
	uint64_t n = 0;

	assert_int_equal(aeg_file_replace(fixture->log, "", 0, 0600), 0);
	open_log(fixture);
	do {
		deny(fixture, (uint32_t)n++);
		now = stats(fixture);
		assert_true(now.waiting <= AEG_AUDIT_PENDING_MAX);
	} while (now.lost < 10);
	assert_int_equal(unlink(fixture->log), 0);
	fixture->settings.rotation.bytes = 1 << 30;
	close_log(fixture);
	seen = walk(fixture);
	assert_int_equal(seen.denials, n - 10);
	aeg_buf_done(&seen.events);
}

static int wait_for(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void test_second_writer(void **state)
{
	struct fixture *fixture = *state;
	struct aeg_audit_file other = {.dir = fixture->log, .path = fixture->current, .mode = 0640};
	pid_t pid;

	open_log(fixture);
	deny(fixture, 1);
	aeg_audit_flush(fixture->audit);
	pid = fork(); /* the lock is one of processes */
	if (pid == 0)
		_exit(aeg_audit_file_open(&other, 0, 0) == -EAGAIN ? 0 : 1);
	assert_int_equal(wait_for(pid), 0);
	close_log(fixture);
	assert_seen(fixture, 1, "file opened ");
}

static void test_sync_always(void **state)
{
	struct fixture *fixture = *state;
	struct aeg_audit_head head;

	fixture->settings.sync = AEG_AUDIT_SYNC_ALWAYS;
	open_log(fixture);
	deny(fixture, 1);
	aeg_audit_flush(fixture->audit);
	assert_int_equal(aeg_audit_head_read(fixture->head, &head), 0);
	assert_int_equal(head.link.n, stats(fixture).head.n);
	assert_true(head.running);
}

static void stop_when_synced(void *arg)
{
	struct fixture *fixture = arg;
	struct aeg_audit_head head;

	if (aeg_audit_head_read(fixture->head, &head) == 0 && head.link.n == stats(fixture).head.n)
		aeg_loop_stop(fixture->loop);
}

static void test_sync_interval(void **state)
{
	struct fixture *fixture = *state;

	fixture->settings.sync_ms = 1;
	open_log(fixture);
	deny(fixture, 1);
	aeg_audit_flush(fixture->audit);
	assert_int_equal(aeg_loop_run(fixture->loop, stop_when_synced, fixture), 0);
	assert_int_equal(fixture->problems, 0);
}

static void test_links(void **state)
{
	struct aeg_link link;
	char text[80];

	snprintf(text, sizeof(text), "7:%064d", 0);
	assert_true(aeg_link_from_text(text, &link));
	assert_int_equal(link.n, 7);
	text[10] = 'G';
	assert_false(aeg_link_from_text(text, &link));
	assert_false(aeg_link_from_text("7:00", &link));
	assert_false(aeg_link_from_text("", &link));
	assert_false(aeg_link_from_text(":", &link));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(what_is_recorded),
		CASE(goes_on_after_a_restart),
		CASE(torn_tail),
		CASE(cut_tail),
		CASE(rewritten_tail),
		CASE(foreign_file_is_set_aside),
		CASE(rotation),
		CASE(no_current_file),
		CASE(total),
		CASE(compression),
		CASE(key),
		CASE(directory_vanishes),
		CASE(file_is_replaced),
		CASE(waits),
		CASE(loss),
		CASE(second_writer),
		CASE(sync_always),
		CASE(sync_interval),
		cmocka_unit_test(test_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
