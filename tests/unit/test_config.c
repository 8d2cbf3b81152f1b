// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The daemon's configuration: defaults, file, flags over it, and every mistake at its place. */
#include "base/file.h"
#include "base/log.h"
#include "daemon/config.h"
#include "observe/audit.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

struct fixture {
	char path[32];
	struct aeg_options options;
	struct aeg_diags diags;
	struct aeg_config config;
};

static int setup(void **state)
{
	struct fixture *fixture = aeg_xcalloc(1, sizeof(*fixture));
	int fd;

	strcpy(fixture->path, "/tmp/aegress-config-XXXXXX");
	fd = mkstemp(fixture->path);
	fixture->options =
		(struct aeg_options){.config = fixture->path, .log_level = -1, .log_format = -1};
	*state = fixture;
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	unlink(fixture->path);
	aeg_options_done(&fixture->options);
	aeg_diags_done(&fixture->diags);
	aeg_config_done(&fixture->config);
	free(fixture);
	return 0;
}

static int load(struct fixture *fixture, const char *text)
{
	assert_int_equal(aeg_file_replace(fixture->path, text, strlen(text), 0600), 0);
	return aeg_config_load(&fixture->options, &fixture->diags, &fixture->config);
}

/* The text has exactly one mistake: "LINE:COL: MESSAGE" and the hint, if there is one. */
static void assert_mistake(struct fixture *fixture, const char *text, const char *expected,
			   const char *hint)
{
	const struct aeg_diag *diag;
	AEG_AUTO_FREE char *found = NULL;

	assert_int_equal(load(fixture, text), -EINVAL);
	assert_int_equal(fixture->diags.list.n, 1);
	diag = &fixture->diags.list.items[0];
	assert_string_equal(diag->file, fixture->path);
	found = aeg_xasprintf("%u:%u: %s", diag->line, diag->col, diag->message);
	assert_string_equal(found, expected);
	if (hint)
		assert_string_equal(diag->hint, hint);
	aeg_diags_done(&fixture->diags);
	fixture->diags = (struct aeg_diags){0};
	aeg_config_done(&fixture->config);
}

static void test_defaults(void **state)
{
	struct fixture *fixture = *state;
	const struct aeg_config *config = &fixture->config;
	char host[256] = "";

	assert_int_equal(load(fixture, "# nothing\n"), 0);
	assert_int_equal(config->managed.list.n, 2);
	assert_string_equal(config->managed.list.items[0], "kubepods.slice");
	assert_string_equal(config->managed.list.items[1], "kubepods");
	assert_string_equal(config->pin_dir, "/sys/fs/bpf/aegress");
	assert_string_equal(config->socket, "/run/aegress/aegressd.sock");
	assert_string_equal(config->socket_group, "aegress");
	assert_string_equal(config->state_dir, "/var/lib/aegress");
	assert_string_equal(config->policies.list.items[0], "/etc/aegress/policies");
	assert_non_null(strstr(config->policies.list.items[1], "/share/aegress/catalogue"));
	assert_string_equal(config->workloads.list.items[0], "/etc/aegress/workloads");
	assert_false(config->policies_given);
	assert_false(config->workloads_given);
	assert_int_equal(config->defaults.unselected, AEG_VERDICT_AUDITED);
	assert_int_equal(config->defaults.unknown, AEG_VERDICT_DENIED);
	assert_int_equal(config->defaults.deny_errno, 0);
	assert_int_equal(config->defaults.reports,
			 AEG_REPORT_UNGOVERNED | AEG_REPORT_REFUSED | AEG_REPORT_CLOSES);
	assert_int_equal(config->flows_dns, AEG_FLOWS_DNS_ALL);
	assert_int_equal(config->ring_bytes, 16777216);
	assert_int_equal(config->history, 8192);
	assert_false(config->handshake);
	assert_int_equal(config->tc, AEG_TC_AUTO);
	assert_false(config->backstop);
	assert_int_equal(config->log_level, AEG_LOG_INFO);
	assert_true(config->metrics.listen.on);
	assert_true(aeg_listen_is_local(&config->metrics.listen));
	assert_int_equal(config->metrics.listen.port, 9477);
	assert_false(config->metrics.workload_label);
	assert_int_equal(config->metrics.series_max, 10000);
	assert_int_equal(config->metrics.keep_gone, 3600);
	gethostname(host, sizeof(host) - 1);
	assert_string_equal(config->node, host);
}

static void test_everything(void **state)
{
	struct fixture *fixture = *state;
	const struct aeg_config *config = &fixture->config;

	assert_int_equal(
		load(fixture,
		     "cgroup:\n"
		     "  root: /cg\n"
		     "  managed: [a.slice, b]\n"
		     "pins: /bpf\n"
		     "socket: /s\n"
		     "socketGroup: wheel\n"
		     "policies: [/p]\n"
		     "workloads: []\n"
		     "stateDir: /state\n"
		     "node: n1\n"
		     "tc: require\n"
		     "defaults: {unselected: Deny, unknown: Allow, denyErrno: "
		     "ECONNREFUSED, backstop: true}\n"
		     "flows: {ungoverned: false, closes: false, dns: learned, handshake: true, ringBytes: "
		     "65536, history: 1}\n"
		     "metrics: {listen: \"[::]:80\", workloadLabel: true, "
		     "seriesMax: 100, keepGone: 2m}\n"
		     "log: {level: debug, format: json}\n"),
		0);
	assert_string_equal(config->cgroup_root, "/cg");
	assert_int_equal(config->managed.list.n, 2);
	assert_string_equal(config->managed.list.items[0], "a.slice");
	assert_string_equal(config->pin_dir, "/bpf");
	assert_string_equal(config->socket, "/s");
	assert_string_equal(config->socket_group, "wheel");
	assert_int_equal(config->policies.list.n, 1);
	assert_true(config->policies_given);
	assert_int_equal(config->workloads.list.n, 0);
	assert_true(config->workloads_given);
	assert_string_equal(config->state_dir, "/state");
	assert_string_equal(config->node, "n1");
	assert_int_equal(config->tc, AEG_TC_REQUIRE);
	assert_int_equal(config->defaults.unselected, AEG_VERDICT_DENIED);
	assert_int_equal(config->defaults.unknown, AEG_VERDICT_ALLOWED);
	assert_int_equal(config->defaults.deny_errno, ECONNREFUSED);
	assert_int_equal(config->defaults.reports, 0);
	assert_true(config->handshake);
	assert_true(config->backstop);
	assert_int_equal(config->flows_dns, AEG_FLOWS_DNS_LEARNED);
	assert_int_equal(config->ring_bytes, 65536);
	assert_int_equal(config->history, 1);
	assert_int_equal(config->metrics.listen.port, 80);
	assert_true(config->metrics.workload_label);
	assert_int_equal(config->metrics.series_max, 100);
	assert_int_equal(config->metrics.keep_gone, 120);
	assert_int_equal(config->log_level, AEG_LOG_DEBUG);
	assert_int_equal(config->log_format, AEG_LOG_JSON);
}

static void test_audit(void **state)
{
	struct fixture *fixture = *state;
	const struct aeg_audit_config *audit = &fixture->config.audit;

	assert_int_equal(load(fixture, "# nothing\n"), 0);
	assert_true(audit->enabled);
	assert_string_equal(audit->directory, "/var/log/aegress");
	assert_null(audit->group);
	assert_null(audit->key_file);
	assert_int_equal(audit->mode, 0640);
	assert_int_equal(audit->rotation.bytes, 64 << 20);
	assert_int_equal(audit->rotation.seconds, 86400);
	assert_int_equal(audit->rotation.total, 1 << 30);
	assert_true(audit->compress);
	assert_int_equal(audit->sync, AEG_AUDIT_SYNC_INTERVAL);
	assert_int_equal(audit->sync_interval, 1);
	aeg_config_done(&fixture->config);
	assert_int_equal(load(fixture, "audit: {enabled: false, directory: /a, mode: \"0600\", "
				       "group: g, maxSize: 16KiB, maxAge: 2d, maxTotal: 2GiB, "
				       "compress: false, sync: always, syncInterval: 5s, "
				       "keyFile: /k}\n"),
			 0);
	assert_false(audit->enabled);
	assert_string_equal(audit->directory, "/a");
	assert_string_equal(audit->group, "g");
	assert_string_equal(audit->key_file, "/k");
	assert_int_equal(audit->mode, 0600);
	assert_int_equal(audit->rotation.bytes, 16384);
	assert_int_equal(audit->rotation.seconds, 172800);
	assert_int_equal(audit->rotation.total, UINT64_C(2) << 30);
	assert_false(audit->compress);
	assert_int_equal(audit->sync, AEG_AUDIT_SYNC_ALWAYS);
	assert_int_equal(audit->sync_interval, 5);
}

static void test_audit_mistakes(void **state)
{
	assert_mistake(*state, "audit: {maxSize: 64}\n", "1:18: '64': from 16KiB to 16GiB", NULL);
	assert_mistake(*state, "audit: {maxSize: 1 MiB}\n",
		       "1:18: '1 MiB' is not a size: write 64KiB, 10MiB or 1GiB", NULL);
	assert_mistake(*state, "audit: {maxTotal: 99999999999999999999GiB}\n",
		       "1:19: '99999999999999999999GiB': from 16KiB to 16384GiB", NULL);
	assert_mistake(*state, "audit: {maxAge: 9}\n",
		       "1:17: '9' is not a duration: write 60s, 5m or 1h", NULL);
	assert_mistake(*state, "audit: {mode: 0644}\n", "1:15: '0644' is not one of 0640, 0600",
		       NULL);
	assert_mistake(*state, "audit: {directory: log}\n", "1:20: 'log' is not an absolute path",
		       NULL);
	assert_mistake(*state, "audit: {maxSize: 1GiB, maxTotal: 1MiB}\n",
		       "0:0: audit.maxTotal is less than audit.maxSize: nothing would be kept",
		       NULL);
}

static void test_flags_win(void **state)
{
	struct fixture *fixture = *state;
	const char *argv[] = {"aegressd",
			      "--config",
			      fixture->path,
			      "--socket=/t",
			      "--managed",
			      "x",
			      "--managed",
			      "y",
			      "--policies",
			      "rel",
			      "--pin-dir",
			      "/q",
			      "--state-dir",
			      "/st",
			      "--log-level",
			      "error",
			      "--cgroup-root",
			      "/cg2",
			      "--workloads=w",
			      "--metrics=off",
			      NULL};
	const struct aeg_config *config = &fixture->config;
	struct aeg_buf error = {0};

	assert_int_equal(aeg_options_parse(AEG_ARRAY_SIZE(argv) - 1, (char **)argv,
					   &fixture->options, &error),
			 0);
	assert_int_equal(load(fixture, "socket: /s\npolicies: [/p, /q]\nlog: {level: debug}\n"), 0);
	assert_string_equal(config->socket, "/t");
	assert_string_equal(config->pin_dir, "/q");
	assert_string_equal(config->state_dir, "/st");
	assert_string_equal(config->cgroup_root, "/cg2");
	assert_int_equal(config->managed.list.n, 2);
	assert_string_equal(config->managed.list.items[1], "y");
	assert_int_equal(config->policies.list.n, 1);
	assert_string_equal(config->policies.list.items[0], "rel");
	assert_true(config->workloads_given);
	assert_false(config->metrics.listen.on);
	assert_int_equal(config->log_level, AEG_LOG_ERROR);
}

static void test_unexpected_operand(void **state)
{
	const char *argv[] = {"aegressd", "start", NULL};
	struct aeg_options options;
	struct aeg_buf error = {0};

	assert_int_equal(aeg_options_parse(2, (char **)argv, &options, &error), -EINVAL);
	assert_string_equal(aeg_buf_text(&error), "unexpected argument 'start'");
	aeg_options_done(&options);
	aeg_buf_done(&error);
}

static void test_mistakes(void **state)
{
	struct fixture *fixture = *state;

	assert_mistake(fixture, "sokcet: /s\n", "1:1: unknown key 'sokcet'",
		       "did you mean 'socket'?");
	assert_mistake(fixture, "cgroup: {roots: /x}\n", "1:10: unknown key 'roots'",
		       "did you mean 'root'?");
	assert_mistake(fixture, "socket: run/s\n", "1:9: 'run/s' is not an absolute path", NULL);
	assert_mistake(fixture, "policies: [/a, b]\n", "1:16: 'b' is not an absolute path", NULL);
	assert_mistake(fixture, "defaults: {unknown: deny}\n",
		       "1:21: 'deny' is not one of Allow, Audit, Deny", "did you mean 'Deny'?");
	assert_mistake(fixture, "defaults:\n  denyErrno: EIO\n",
		       "2:14: 'EIO' is not one of EPERM, ECONNREFUSED, EACCES, EHOSTUNREACH", NULL);
	assert_mistake(fixture, "log: {level: loud}\n",
		       "1:14: 'loud' is not one of debug, info, warning, error", NULL);
	assert_mistake(fixture, "flows: {ungoverned: 1}\n", "1:21: expected true or false", NULL);
	assert_mistake(fixture, "flows: {closes: 1}\n", "1:17: expected true or false", NULL);
	assert_mistake(fixture, "flows: {history: 0}\n",
		       "1:18: expected a number from 1 to 1000000", NULL);
	assert_mistake(fixture, "flows: {ringBytes: 5000}\n",
		       "1:20: expected a power of two from 4096 to 1073741824", NULL);
	assert_mistake(fixture, "metrics: {listen: 9477}\n",
		       "1:19: '9477': write 127.0.0.1:9477, \"[::1]:9477\" or \"off\"", NULL);
	assert_mistake(fixture, "metrics: {seriesMax: 1}\n",
		       "1:22: expected a number from 10 to 100000", NULL);
	assert_mistake(fixture, "metrics: {keepGone: 31d}\n", "1:21: '31d': from 1s to 30d", NULL);
	assert_mistake(fixture, "metrics: {workloadLabel: maybe}\n", "1:26: expected true or false",
		       NULL);
	assert_mistake(fixture, "node: ''\n", "1:7: empty; leave the key out to get its default",
		       NULL);
	assert_mistake(fixture, "cgroup: {managed: []}\n",
		       "0:0: cgroup.managed is empty: nothing would be policed", NULL);
	assert_mistake(fixture, "node: a\n---\nnode: b\n",
		       "3:1: a second document; the configuration is one", NULL);
}

static void test_all_mistakes_at_once(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(load(fixture, "pins: x\nsocket: y\nlog: {level: z}\n"), -EINVAL);
	assert_int_equal(fixture->diags.nerrors, 3);
}

static void test_given_file_must_exist(void **state)
{
	struct fixture *fixture = *state;

	fixture->options.config = "/nowhere/aegressd.yaml";
	assert_int_equal(aeg_config_load(&fixture->options, &fixture->diags, &fixture->config),
			 -EINVAL);
	assert_int_equal(fixture->diags.nerrors, 1);
}

static void test_words(void **state)
{
	assert_string_equal(aeg_config_verdict_word(AEG_VERDICT_AUDITED), "Audit");
	assert_string_equal(aeg_config_errno_word(0), "EPERM");
	assert_string_equal(aeg_config_errno_word(EACCES), "EACCES");
	assert_string_equal(aeg_config_verdict_word(99), "?");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_defaults),
		TEST(test_everything),
		TEST(test_audit),
		TEST(test_audit_mistakes),
		TEST(test_flags_win),
		TEST(test_unexpected_operand),
		TEST(test_mistakes),
		TEST(test_all_mistakes_at_once),
		TEST(test_given_file_must_exist),
		TEST(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
