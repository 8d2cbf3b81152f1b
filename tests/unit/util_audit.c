/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "util_audit.h"
#include "base/file.h"
#include "base/value.h"
#include "observe/audit_file.h"
#include "observe/lines.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>

#define NEVER_MS 3600000

static void on_problem(void *arg, const char *what, int err)
{
	struct audit_fixture *fixture = arg;

	fixture->problems += err != 0;
	fixture->recoveries += err == 0;
	fixture->last_problem = err;
}

int audit_setup(void **state)
{
	struct audit_fixture *fixture = aeg_xcalloc(1, sizeof(*fixture));

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

int audit_teardown(void **state)
{
	struct audit_fixture *fixture = *state;
	AEG_AUTO_FREE char *command = aeg_xasprintf("rm -rf '%s'", fixture->dir);

	aeg_audit_close(fixture->audit);
	aeg_loop_free(fixture->loop);
	free(fixture->log);
	free(fixture->head);
	free(fixture->current);
	free(fixture);
	return system(command);
}

void audit_open_log(struct audit_fixture *fixture)
{
	assert_int_equal(aeg_audit_open(&fixture->settings, fixture->loop, &fixture->audit), 0);
}

void audit_close_log(struct audit_fixture *fixture)
{
	aeg_audit_close(AEG_TAKE_PTR(fixture->audit));
}

struct aeg_flow audit_denial(uint32_t pid)
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

void audit_deny(struct audit_fixture *fixture, uint32_t pid)
{
	struct aeg_flow flow = audit_denial(pid);

	aeg_audit_flow(fixture->audit, &flow);
}

struct aeg_audit_stats audit_stats(const struct audit_fixture *fixture)
{
	struct aeg_audit_stats now;

	aeg_audit_stats(fixture->audit, &now);
	return now;
}

static void take(struct audit_seen *seen, const char *line, size_t len)
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

static void walk_file(const char *path, struct aeg_chain *chain, struct audit_seen *seen)
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

struct audit_seen audit_walk(const struct audit_fixture *fixture)
{
	struct aeg_segments segments = {0};
	struct audit_seen seen = {0};
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

void audit_assert_seen(const struct audit_fixture *fixture, uint64_t denials, const char *events)
{
	struct audit_seen seen = audit_walk(fixture);

	assert_int_equal(seen.denials, denials);
	if (events)
		assert_string_equal(aeg_buf_text(&seen.events), events);
	assert_int_equal(seen.last, seen.records);
	aeg_buf_done(&seen.events);
}

void audit_read_log(const struct audit_fixture *fixture, char **ret)
{
	assert_int_equal(aeg_file_read(fixture->current, 1 << 24, ret, NULL), 0);
}

void audit_assert_in_log(const struct audit_fixture *fixture, const char *text)
{
	AEG_AUTO_FREE char *all = NULL;

	audit_read_log(fixture, &all);
	assert_non_null(strstr(all, text));
}

void audit_append(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

	assert_int_equal(aeg_write_all(fd, text, strlen(text)), 0);
	close(fd);
}
