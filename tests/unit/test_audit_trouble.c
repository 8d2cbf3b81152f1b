/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the writer makes of what it finds and of what fails: tails, strangers, disks, other writers. */
#include "base/file.h"
#include "observe/audit_file.h"
#include "observe/audit_head.h"
#include "util_audit.h"
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void test_torn_tail(void **state)
{
	struct audit_fixture *fixture = *state;
	struct aeg_audit_head head = {0};

	audit_open_log(fixture);
	audit_deny(fixture, 1);
	audit_close_log(fixture);
	assert_int_equal(aeg_audit_head_read(fixture->head, &head), 0);
	head.running = true;
	assert_int_equal(aeg_audit_head_write(fixture->head, &head), 0);
	audit_append(fixture->current, "{\"schema\":\"aegress.fl");
	audit_open_log(fixture);
	assert_int_equal(audit_stats(fixture).unclean, 1);
	audit_deny(fixture, 2);
	audit_close_log(fixture);
	audit_assert_seen(fixture, 2, "file opened opened ");
	audit_assert_in_log(fixture, "\"previousRun\":\"unclean\",\"tornBytes\":21");
}

/* The log was cut at a line's end: only the head knows, and the chain shows it for ever. */
static void test_cut_tail(void **state)
{
	struct audit_fixture *fixture = *state;
	AEG_AUTO_FREE char *whole = NULL, *all = NULL;
	struct aeg_chain chain;
	const char *second;

	audit_open_log(fixture);
	audit_deny(fixture, 1);
	audit_deny(fixture, 2);
	audit_close_log(fixture);
	audit_read_log(fixture, &whole);
	assert_int_equal(truncate(fixture->current, strchr(whole, '\n') - whole + 1), 0);
	audit_open_log(fixture);
	audit_close_log(fixture);
	audit_assert_in_log(fixture, "\"missing\":{\"from\":2,\"to\":4}");
	audit_read_log(fixture, &all);
	second = strchr(all, '\n') + 1;
	aeg_chain_init(&chain, NULL, 0);
	assert_int_equal(aeg_chain_follow(&chain, all, strcspn(all, "\n")), AEG_CHAIN_OK);
	assert_int_equal(aeg_chain_follow(&chain, second, strcspn(second, "\n")), AEG_CHAIN_GAP);
	assert_int_equal(chain.last.n, 5);
}

static void test_rewritten_tail(void **state)
{
	struct audit_fixture *fixture = *state;
	struct aeg_audit_head head;

	audit_open_log(fixture);
	audit_deny(fixture, 1);
	audit_close_log(fixture);
	assert_int_equal(aeg_audit_head_read(fixture->head, &head), 0);
	head.link.hash[0] = head.link.hash[0] == '0' ? '1' : '0';
	assert_int_equal(aeg_audit_head_write(fixture->head, &head), 0);
	audit_open_log(fixture);
	audit_close_log(fixture);
	audit_assert_in_log(fixture, "\"rewritten\":3");
}

static void test_foreign_file_is_set_aside(void **state)
{
	struct audit_fixture *fixture = *state;
	AEG_AUTO_FREE char *command =
		aeg_xasprintf("grep -q precious '%s'/audit.jsonl.unreadable-*", fixture->log);

	assert_int_equal(aeg_mkdir_p(fixture->log, 0755), 0);
	assert_int_equal(aeg_file_replace(fixture->current, "precious\n", 9, 0644), 0);
	audit_open_log(fixture);
	audit_deny(fixture, 1);
	audit_close_log(fixture);
	audit_assert_seen(fixture, 1, "file opened ");
	audit_assert_in_log(fixture, "\"unreadableBytes\":9");
	assert_int_equal(system(command), 0);
}

/* Small files: a batch goes over several; all that is kept is one chain. */
static void test_directory_vanishes(void **state)
{
	struct audit_fixture *fixture = *state;
	AEG_AUTO_FREE char *command = aeg_xasprintf("rm -r '%s'", fixture->log);
	AEG_AUTO_FREE char *all = NULL;

	audit_open_log(fixture);
	audit_deny(fixture, 1);
	aeg_audit_flush(fixture->audit);
	assert_int_equal(system(command), 0);
	audit_deny(fixture, 2);
	aeg_audit_flush(fixture->audit);
	audit_read_log(fixture, &all);
	assert_non_null(strstr(all, "\"event\":\"file\",\"previous\":{\"n\":3,"));
	assert_non_null(strstr(all, "\"event\":\"moved\""));
	assert_non_null(strstr(all, "\"pid\":2"));
	assert_int_equal(audit_stats(fixture).lost, 0);
	assert_int_equal(audit_stats(fixture).vanished, 1);
	assert_int_equal(fixture->problems, 1); /* told, but nothing fails */
	assert_int_equal(fixture->last_problem, -ENOENT);
	assert_int_equal(audit_stats(fixture).error, 0);
}

/* `sed -i` and the like: the path leads to another file. What is there is never cut off. */
static void test_file_is_replaced(void **state)
{
	struct audit_fixture *fixture = *state;
	AEG_AUTO_FREE char *before = NULL, *after = NULL;

	audit_open_log(fixture);
	audit_deny(fixture, 1);
	aeg_audit_flush(fixture->audit);
	audit_read_log(fixture, &before);
	assert_int_equal(aeg_file_replace(fixture->current, before, strlen(before), 0640), 0);
	audit_deny(fixture, 2);
	aeg_audit_flush(fixture->audit);
	audit_close_log(fixture);
	audit_read_log(fixture, &after);
	assert_memory_equal(before, after, strlen(before));
	audit_assert_seen(fixture, 2, "file opened moved ");
}

/* A directory that cannot be made: everything waits, and is written when it can be. */
static void test_waits(void **state)
{
	struct audit_fixture *fixture = *state;

	assert_int_equal(aeg_file_replace(fixture->log, "", 0, 0600), 0); /* a file is in the way */
	audit_open_log(fixture);
	assert_int_equal(fixture->problems, 1);
	assert_int_equal(fixture->last_problem, -ENOTDIR);
	audit_deny(fixture, 1);
	aeg_audit_flush(fixture->audit);
	audit_deny(fixture, 2);
	assert_int_equal(audit_stats(fixture).records, 0);
	assert_int_equal(audit_stats(fixture).error, -ENOTDIR);
	assert_int_equal(unlink(fixture->log), 0);
	audit_close_log(fixture);
	assert_int_equal(fixture->problems, 1);
	assert_int_equal(fixture->recoveries, 1);
	audit_assert_seen(fixture, 2, "file opened ");
}

/* What has no room is counted to the record, and said as soon as there is room; notes have room. */
static void test_loss(void **state)
{
	struct audit_fixture *fixture = *state;
	struct aeg_audit_stats now;
	struct audit_seen seen;
	uint64_t n = 0;

	assert_int_equal(aeg_file_replace(fixture->log, "", 0, 0600), 0);
	audit_open_log(fixture);
	do {
		audit_deny(fixture, (uint32_t)n++);
		now = audit_stats(fixture);
		assert_true(now.waiting <= AEG_AUDIT_PENDING_MAX);
	} while (now.lost < 10);
	assert_int_equal(unlink(fixture->log), 0);
	audit_close_log(fixture);
	audit_assert_in_log(fixture, "\"event\":\"lost\",");
	audit_assert_in_log(fixture, "\"lost\":10");
	seen = audit_walk(fixture);
	assert_int_equal(seen.denials, n - 10);
	assert_non_null(strstr(aeg_buf_text(&seen.events), "file opened lost "));
	aeg_buf_done(&seen.events);
}

/* Records that stand for many, and what the rings lost, have no room either. */
static void test_loss_of_many(void **state)
{
	struct audit_fixture *fixture = *state;
	struct aeg_flow folded = audit_denial(1);
	uint64_t lost;

	assert_int_equal(aeg_file_replace(fixture->log, "", 0, 0600), 0);
	audit_open_log(fixture);
	while (!audit_stats(fixture).lost)
		audit_deny(fixture, 0);
	lost = audit_stats(fixture).lost;
	folded.count = 1000;
	aeg_audit_flow(fixture->audit, &folded);
	assert_int_equal(audit_stats(fixture).lost, lost + 1000);
	/* What was lost is said with the log's own notes, which have room. */
	aeg_audit_flow(fixture->audit, &(struct aeg_flow){.lost = 77});
	assert_int_equal(audit_stats(fixture).lost, lost + 1000);
	assert_int_equal(unlink(fixture->log), 0);
	audit_close_log(fixture);
	audit_assert_in_log(fixture, "\"lost\":77");
}

static int wait_for(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void test_second_writer(void **state)
{
	struct audit_fixture *fixture = *state;
	struct aeg_audit_file other = {.dir = fixture->log, .path = fixture->current, .mode = 0640};
	pid_t pid;

	audit_open_log(fixture);
	audit_deny(fixture, 1);
	aeg_audit_flush(fixture->audit);
	pid = fork(); /* the lock is one of processes */
	if (pid == 0)
		_exit(aeg_audit_file_open(&other, 0, 0) == -EAGAIN ? 0 : 1);
	assert_int_equal(wait_for(pid), 0);
	audit_close_log(fixture);
	audit_assert_seen(fixture, 1, "file opened ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		AUDIT_CASE(torn_tail),
		AUDIT_CASE(cut_tail),
		AUDIT_CASE(rewritten_tail),
		AUDIT_CASE(foreign_file_is_set_aside),
		AUDIT_CASE(directory_vanishes),
		AUDIT_CASE(file_is_replaced),
		AUDIT_CASE(waits),
		AUDIT_CASE(loss),
		AUDIT_CASE(loss_of_many),
		AUDIT_CASE(second_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
