/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the kernel did with a triple, beside what the slow evaluator says of it. */
#include "bpf/verdict.h"
#include "live.h"
#include "compare.h"
#include "live_stage.h"
#include "random.h"
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#define FAILURES_SHOWN 5

static volatile sig_atomic_t interrupted;

struct events {
	AEG_VEC(struct aeg_event) list;
};
struct expected_count {
	struct aeg_count_key key;
	uint64_t decisions, closed;
};
struct counts {
	AEG_VEC(struct expected_count) list;
};

struct live {
	struct stage stage;
	struct random random;
	struct tally *tally;
	struct compiled compiled;
	struct events events; /* of the attempt that was just made */
	struct counts counts; /* what the counter table must hold */
	uint64_t totals[AEG_TOTALS];
	bool attached;
	bool ping; /* this kernel asks connect4/6 about ping sockets */
};

/* A triple on its way: what is asked, expected and found. */
struct trial {
	const struct world_subject *who;
	const struct aeg_target *target; /* as the evaluator sees it */
	const struct aeg_dest *dest;
	struct attempt attempt;
	struct aeg_decision decision; /* of the tables: numbers for the events' */
	uint64_t cgroup;
	uint32_t workload; /* 0: unknown */
	pid_t pid;
	int result;
	uint8_t hook;
};

static bool kernel_at_least(unsigned int major, unsigned int minor)
{
	unsigned long have_major, have_minor;
	struct utsname name;
	char *end;

	if (uname(&name) < 0)
		return false;
	have_major = strtoul(name.release, &end, 10);
	have_minor = *end ? strtoul(end + 1, NULL, 10) : 0;
	return have_major > major || (have_major == major && have_minor >= minor);
}

/* ---- the tables in force ---- */

static uint32_t workload_number(const struct world *world, size_t who)
{
	return world->subjects.items[who].known ? (uint32_t)who + 1 : 0;
}

/* Identities of the known subjects; their cells are in the tables afterwards. */
static size_t make_idents(struct live *live, struct aeg_ident_row *ret)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
	const struct world *world = live->compiled.world;
	size_t n = 0;

	for (size_t i = 0; i < world->subjects.n; i++) {
		const struct world_subject *who = &world->subjects.items[i];
		struct aeg_subject subject = world_subject(live->compiled.model, who);
		struct aeg_ident_row *row = &ret[n];

		if (!who->known)
			continue;
		*row = (struct aeg_ident_row){.cgroup = live->stage.cgroups[i]};
		if (aeg_compile_profile(live->compiled.tables, &subject, &row->ident.profile,
					&row->ident.flags, &error) < 0)
			abort(); /* only limits can be exceeded, and worlds are small */
		row->ident.workload = workload_number(world, i);
		n++;
	}
	return n;
}

static int install(struct live *live, struct world *world, struct aeg_buf *error)
{
	static const uint32_t errnos[] = {0, EACCES, EHOSTUNREACH, EPERM};
	struct aeg_ident_row idents[STAGE_WORKERS];
	struct aeg_generation generation = {.idents = idents};

	if (aeg_datapath_has_retval())
		world->settings.deny_errno = RANDOM_OF(&live->random, errnos);
	world->settings.reports = AEG_REPORT_UNGOVERNED | AEG_REPORT_CLOSES;
	generation.nidents = make_idents(live, idents);
	generation.tables = live->compiled.tables;
	generation.settings = world->settings;
	return aeg_datapath_install(live->stage.datapath, &generation, error);
}

/* ---- what must be seen ---- */

static void complain(struct aeg_buf *ret, const char *what, uint64_t expected, uint64_t found)
{
	if (expected != found)
		aeg_buf_printf(ret, "  %s: expected %llu, found %llu\n", what,
			       (unsigned long long)expected, (unsigned long long)found);
}

/* The trials send nothing: where a ClientHello decides, only the end is reported. */
static bool waits_for_hello(const struct trial *trial)
{
	return trial->hook == AEG_HOOK_CONNECT && trial->decision.verdict != AEG_VERDICT_DENIED &&
	       aeg_watch_of(&trial->decision, 0, trial->attempt.port) == AEG_WATCH_DEMAND;
}

static bool is_reported(const struct trial *trial)
{
	if (trial->hook == AEG_HOOK_PROBE || waits_for_hello(trial))
		return false;
	return trial->decision.reason != AEG_REASON_NOT_GOVERNED || trial->hook == AEG_HOOK_CONNECT;
}

static bool is_denied(const struct trial *trial)
{
	return trial->decision.verdict == AEG_VERDICT_DENIED;
}

static bool has_close(const struct trial *trial)
{
	return !is_denied(trial) && trial->hook == AEG_HOOK_CONNECT;
}

static int expected_result(const struct live *live, const struct trial *trial)
{
	int deny_errno = (int)live->compiled.world->settings.deny_errno;

	if (is_denied(trial))
		return deny_errno ? deny_errno : EPERM;
	if (trial->hook != AEG_HOOK_CONNECT || trial->attempt.port == STAGE_LISTEN_PORT)
		return 0;
	return ECONNREFUSED; /* the SYN went out, and nobody listens */
}

static void check_event(const struct live *live, const struct trial *trial,
			const struct aeg_event *event, struct aeg_buf *ret)
{
	uint8_t type = is_denied(trial) ? AEG_EVENT_DENY : AEG_EVENT_OPEN;

	complain(ret, "event type", type, event->type);
	complain(ret, "generation", aeg_datapath_generation(live->stage.datapath),
		 event->generation);
	complain(ret, "cgroup", trial->cgroup, event->cgroup);
	complain(ret, "workload", trial->workload, event->workload);
	complain(ret, "node", trial->dest ? trial->dest->node : 0, event->node);
	complain(ret, "pid", (uint64_t)trial->pid, event->pid);
	complain(ret, "port", trial->attempt.port, event->dport);
	complain(ret, "protocol", trial->attempt.proto, event->proto);
	complain(ret, "hook", trial->hook, event->hook);
	complain(ret, "family", trial->attempt.inet6 ? AF_INET6 : AF_INET, event->family);
	if (memcmp(event->daddr, trial->attempt.addr.bytes, 16) != 0)
		aeg_buf_puts(ret, "  event: another address\n");
	if (!decision_agrees(&live->compiled, trial->who, trial->target, &event->decision, ret))
		aeg_buf_puts(ret, "  (that was the event)\n");
}

static void check_close(const struct trial *trial, const struct aeg_event *open,
			const struct aeg_event *event, struct aeg_buf *ret)
{
	complain(ret, "close: event type", AEG_EVENT_CLOSE, event->type);
	complain(ret, "close: workload", trial->workload, event->workload);
	if (!open)
		return;
	complain(ret, "close: cookie", open->cookie, event->cookie);
	complain(ret, "close: node", open->node, event->node);
	if (memcmp(&open->decision, &event->decision, sizeof(open->decision)) != 0)
		aeg_buf_puts(ret, "  close: another decision\n");
}

static void check_trial(const struct live *live, const struct trial *trial, struct aeg_buf *ret)
{
	const struct events *events = &live->events;
	size_t wanted = (is_reported(trial) ? 1u : 0u) + (has_close(trial) ? 1u : 0u);

	if (!decision_agrees(&live->compiled, trial->who, trial->target, &trial->decision, ret))
		aeg_buf_puts(ret, "  (that was the tables' answer)\n");
	if (trial->result != expected_result(live, trial))
		aeg_buf_printf(ret, "  errno: expected %s, found %s\n",
			       strerrorname_np(expected_result(live, trial)),
			       strerrorname_np(trial->result));
	complain(ret, "events", wanted, events->list.n);
	if (events->list.n != wanted)
		return;
	if (is_reported(trial))
		check_event(live, trial, &events->list.items[0], ret);
	if (has_close(trial))
		check_close(trial, is_reported(trial) ? &events->list.items[0] : NULL,
			    &events->list.items[wanted - 1], ret);
}

/* ---- counters ---- */

static void expect_count(struct live *live, const struct trial *trial)
{
	const struct aeg_decision *decision = &trial->decision;
	struct expected_count *count = NULL;
	struct aeg_count_key key = {
		.workload = trial->workload,
		.node = trial->dest ? trial->dest->node : 0,
		.rule = decision->rule,
		.verdict = decision->verdict,
		.reason = decision->reason,
		.hook = trial->hook,
	};

	for (size_t i = 0; i < live->counts.list.n && !count; i++)
		if (memcmp(&live->counts.list.items[i].key, &key, sizeof(key)) == 0)
			count = &live->counts.list.items[i];
	if (!count) {
		count = AEG_VEC_PUSH(live->counts.list);
		count->key = key;
	}
	count->decisions++;
	count->closed += has_close(trial) ? 1 : 0;
	live->totals[aeg_total_index(decision->verdict, decision->reason, trial->hook)]++;
}

struct count_check {
	const struct counts *expected;
	size_t rows, right;
};

static void check_count(void *arg, const struct aeg_count_key *key, const struct aeg_count *count)
{
	struct count_check *check = arg;

	check->rows++;
	for (size_t i = 0; i < check->expected->list.n; i++) {
		const struct expected_count *expected = &check->expected->list.items[i];

		if (memcmp(&expected->key, key, sizeof(*key)) == 0 &&
		    expected->decisions == count->decisions && expected->closed == count->closed)
			check->right++;
	}
}

/* Every row of the counters is as often as it was provoked, and nothing failed inside. */
static void check_counters(struct live *live)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf wrong = {0};
	struct count_check check = {.expected = &live->counts};
	uint64_t totals[AEG_TOTALS] = {0}, errors[AEG_ERROR_MAX] = {0};

	if (aeg_datapath_counts(live->stage.datapath, check_count, &check) < 0 ||
	    aeg_datapath_totals(live->stage.datapath, totals) < 0 ||
	    aeg_datapath_errors(live->stage.datapath, errors) < 0)
		aeg_buf_puts(&wrong, "  the counters cannot be read\n");
	complain(&wrong, "rows of counts", live->counts.list.n, check.rows);
	complain(&wrong, "rows of counts that are right", live->counts.list.n, check.right);
	for (size_t i = 0; i < AEG_TOTALS; i++)
		complain(&wrong, "total", live->totals[i], totals[i]);
	for (size_t i = 0; i < AEG_ERROR_MAX; i++)
		complain(&wrong, "failed helpers", 0, errors[i]);
	if (wrong.len == 0)
		return;
	live->tally->failed++;
	printf("FAILED counters:\n%s", aeg_buf_text(&wrong));
}

/* ---- running ---- */

static void keep_event(void *arg, const struct aeg_event *event, size_t size)
{
	struct live *live = arg;

	*AEG_VEC_PUSH(live->events.list) = *event;
}

/* What the destination is for a socket: the way to reach it, and protocols that sockets have. */
static struct attempt make_attempt(struct live *live, const struct aeg_target *target)
{
	bool v4 = aeg_addr_is_v4(&target->addr);
	struct attempt attempt = {
		.addr = target->addr,
		.port = target->port,
		.proto = target->proto,
		.inet6 = !v4 || random_percent(&live->random, 40),
	};

	if (target->proto == AEG_PROTO_UDP)
		attempt.datagram = random_percent(&live->random, 60);
	if (target->proto == AEG_PROTO_TCP || target->proto == AEG_PROTO_UDP)
		return attempt;
	attempt.inet6 = !v4; /* ping sockets refuse mapped addresses */
	attempt.proto = v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	return attempt;
}

static uint8_t hook_of(const struct attempt *attempt)
{
	if (attempt->proto == AEG_PROTO_TCP)
		return AEG_HOOK_CONNECT;
	return attempt->datagram ? AEG_HOOK_DATAGRAM : AEG_HOOK_PROBE;
}

static void finish_trial(struct live *live, const struct trial *trial)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf wrong = {0};

	check_trial(live, trial, &wrong);
	expect_count(live, trial);
	if (wrong.len == 0) {
		live->tally->passed++;
		live->tally->reasons[trial->decision.reason]++;
		return;
	}
	if (live->tally->failed++ < FAILURES_SHOWN) {
		AEG_CLEANUP(aeg_buf_done) struct aeg_buf text = {0};

		triple_describe(trial->who, trial->target, &text);
		printf("FAILED %s%s%s\n%s", aeg_buf_text(&text),
		       trial->attempt.datagram ? ", sendto" : "",
		       trial->attempt.inet6 ? ", IPv6 socket" : "", aeg_buf_text(&wrong));
		aeg_buf_reset(&text);
		world_text(live->compiled.world, &text);
		printf("%s\n", aeg_buf_text(&text));
	}
}

/* Contained strictly: socket() is refused and counted, and there is no destination to report. */
static int run_refused(struct live *live, struct trial *trial)
{
	if (worker_try(&live->stage.workers[trial->who - live->compiled.world->subjects.items],
		       &trial->attempt) != -EPERM)
		return -EBADE;
	trial->dest = NULL;
	trial->hook = AEG_HOOK_PACKET;
	trial->decision =
		(struct aeg_decision){.verdict = AEG_VERDICT_DENIED, .reason = AEG_REASON_PROTOCOL};
	expect_count(live, trial);
	live->tally->passed++;
	live->tally->reasons[AEG_REASON_PROTOCOL]++;
	return 0;
}

static int run_trial(struct live *live, size_t who, const struct aeg_target *target)
{
	const struct world *world = live->compiled.world;
	struct aeg_target seen = *target;
	struct aeg_subject subject =
		world_subject(live->compiled.model, &world->subjects.items[who]);
	struct trial trial = {
		.who = &world->subjects.items[who],
		.target = &seen,
		.dest = aeg_tables_addr(live->compiled.tables, &target->addr),
		.attempt = make_attempt(live, target),
		.cgroup = live->stage.cgroups[who],
		.workload = workload_number(world, who),
		.pid = live->stage.workers[who].pid,
	};

	trial.hook = hook_of(&trial.attempt);
	seen.proto = trial.attempt.proto;
	if (seen.proto != AEG_PROTO_TCP && seen.proto != AEG_PROTO_UDP) {
		if (trial.who->known && compiled_strict(&live->compiled, &subject))
			return run_refused(live, &trial);
		if (!live->ping)
			return 0;
	}
	compiled_decide(&live->compiled, trial.who->known ? &subject : NULL, &seen,
			&trial.decision);
	trial.result = worker_try(&live->stage.workers[who], &trial.attempt);
	if (trial.result < 0)
		return trial.result;
	stage_drain_listener(&live->stage);
	live->events.list.n = 0;
	aeg_datapath_consume(live->stage.datapath, keep_event, live);
	finish_trial(live, &trial);
	return 0;
}

static int run_trials(struct live *live, struct aeg_buf *error)
{
	const struct world *world = live->compiled.world;

	for (size_t who = 0; who < world->subjects.n; who++)
		for (size_t i = 0; i < world->targets.n; i++) {
			int err = 0;

			if (!world->targets.items[i].host)
				err = run_trial(live, who, &world->targets.items[i]);
			if (err) {
				aeg_buf_printf(error, "a worker failed: %s", strerror(-err));
				return err;
			}
		}
	return 0;
}

static int run_world(struct live *live, uint64_t seed, struct aeg_buf *error)
{
	AEG_CLEANUP(world_done) struct world world;
	int err;

	world_generate(seed, &world);
	if (world.subjects.n > STAGE_WORKERS || !compiled_make(&world, &live->compiled, error))
		return -EINVAL;
	err = install(live, &world, error);
	if (!err && !live->attached) {
		err = aeg_datapath_attach(live->stage.datapath, error);
		live->attached = !err;
	}
	if (!err)
		err = run_trials(live, error);
	compiled_done(&live->compiled);
	return err;
}

static int run_worlds(struct live *live, unsigned long triples, struct aeg_buf *error)
{
	int err = 0;

	while (!err && !interrupted && live->tally->passed + live->tally->failed < triples)
		err = run_world(live, random_next(&live->random), error);
	if (interrupted) {
		aeg_buf_reset(error);
		aeg_buf_puts(error, "interrupted");
		return -EINTR;
	}
	if (err)
		return err;
	check_counters(live);
	return 0;
}

static int run_on_stage(struct live *live, unsigned long triples, struct aeg_buf *error)
{
	int err = stage_open(&live->stage, error);

	if (!err)
		err = run_worlds(live, triples, error);
	stage_close(&live->stage);
	AEG_VEC_DONE(live->events.list);
	AEG_VEC_DONE(live->counts.list);
	return err;
}

static void on_signal(int signo)
{
	(void)signo;
	interrupted = 1;
}

/* What the child has to tell: shared memory. */
struct report {
	struct tally tally;
	int err;
	char error[512];
};

static void __attribute__((noreturn)) child_main(struct live *live, unsigned long triples,
						 struct report *report)
{
	struct aeg_buf error = {0};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	live->tally = &report->tally;
	report->err = run_on_stage(live, triples, &error);
	snprintf(report->error, sizeof(report->error), "%s", aeg_buf_text(&error));
	aeg_buf_done(&error);
	fflush(stdout);
	_exit(0);
}

/* In a child with namespaces of its own: pins and links go with it, however it ends. */
int live_run(uint64_t seed, unsigned long triples, struct tally *ret, struct aeg_buf *error)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct live live = {.random = {.state = seed}, .ping = kernel_at_least(6, 1)};
	struct report *report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int err = report == MAP_FAILED ? -errno : stage_prepare(&live.stage, error);
	pid_t child;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (!err) {
		report->err = -ECHILD;
		fflush(stdout);
		child = fork();
		if (child == 0)
			child_main(&live, triples, report);
		while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
			kill(child, SIGTERM);
		err = report->err;
		aeg_buf_puts(error, report->error);
		*ret = report->tally;
	}
	stage_cleanup(&live.stage);
	if (report != MAP_FAILED)
		munmap(report, sizeof(*report));
	return err;
}
