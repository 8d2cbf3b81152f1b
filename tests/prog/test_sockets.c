/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Real sockets: every destination by every way to reach it, and for each the errno, the counter and
 * the event. What A is denied, B or the outside reach: the positive controls.
 */
#include "tests/prog/stage.h"
#include "tests/prog/tests.h"
#include <errno.h>
#include <stdio.h>

enum way { WAY_TCP, WAY_UDP_SEND, WAY_UDP_CONNECT, WAY_MAX };

static const struct {
	const char *name;
	int type;
	uint8_t proto, hook;
	uint16_t port;
} ways[WAY_MAX] = {
	[WAY_TCP] = {"tcp connect", SOCK_STREAM, AEG_PROTO_TCP, AEG_HOOK_CONNECT, TCP_PORT},
	[WAY_UDP_SEND] = {"udp sendto", SOCK_DGRAM, AEG_PROTO_UDP, AEG_HOOK_DATAGRAM, UDP_PORT},
	[WAY_UDP_CONNECT] = {"udp connect", SOCK_DGRAM, AEG_PROTO_UDP, AEG_HOOK_PROBE, UDP_PORT},
};

struct expected {
	uint8_t verdict, reason, mode, other_verdict;
	uint32_t workload, node, rule;
};

/* What policy.c says of A and B, by destination. */
static const struct expected of_a[DEST_MAX] = {
	[DEST_ALLOWED] = {AEG_VERDICT_ALLOWED, AEG_REASON_RULE, AEG_MODE_ENFORCE, 0, WORKLOAD_A,
			  NODE_ALLOWED, RULE_A_ALLOWS},
	[DEST_DENIED] = {AEG_VERDICT_DENIED, AEG_REASON_DENY_RULE, AEG_MODE_ENFORCE, 0, WORKLOAD_A,
			 NODE_DENIED, RULE_A_DENIES},
	[DEST_AUDITED] = {AEG_VERDICT_AUDITED, AEG_REASON_DENY_RULE, AEG_MODE_AUDIT,
			  AEG_VERDICT_ALLOWED, WORKLOAD_A, NODE_AUDITED, RULE_A_AUDITS},
	[DEST_FREE] = {AEG_VERDICT_ALLOWED, AEG_REASON_NOT_GOVERNED, AEG_MODE_ENFORCE, 0,
		       WORKLOAD_A, 0, 0},
};
static const struct expected of_b[DEST_MAX] = {
	[DEST_ALLOWED] = {AEG_VERDICT_DENIED, AEG_REASON_DENY_RULE, AEG_MODE_ENFORCE, 0, WORKLOAD_B,
			  NODE_ALLOWED, RULE_B_DENIES},
	[DEST_DENIED] = {AEG_VERDICT_ALLOWED, AEG_REASON_RULE, AEG_MODE_ENFORCE, 0, WORKLOAD_B,
			 NODE_DENIED, RULE_B_ALLOWS},
	[DEST_AUDITED] = {AEG_VERDICT_DENIED, AEG_REASON_NO_RULE, AEG_MODE_ENFORCE, 0, WORKLOAD_B,
			  NODE_AUDITED, 0},
	[DEST_FREE] = {AEG_VERDICT_ALLOWED, AEG_REASON_NOT_GOVERNED, AEG_MODE_ENFORCE, 0,
		       WORKLOAD_B, 0, 0},
};
static const struct expected of_stranger[DEST_MAX] = {
	[DEST_ALLOWED] = {AEG_VERDICT_DENIED, AEG_REASON_UNKNOWN_WORKLOAD, AEG_MODE_ENFORCE, 0, 0,
			  NODE_ALLOWED, 0},
	[DEST_DENIED] = {AEG_VERDICT_DENIED, AEG_REASON_UNKNOWN_WORKLOAD, AEG_MODE_ENFORCE, 0, 0,
			 NODE_DENIED, 0},
	[DEST_AUDITED] = {AEG_VERDICT_DENIED, AEG_REASON_UNKNOWN_WORKLOAD, AEG_MODE_ENFORCE, 0, 0,
			  NODE_AUDITED, 0},
	[DEST_FREE] = {AEG_VERDICT_ALLOWED, AEG_REASON_NOT_GOVERNED, AEG_MODE_ENFORCE, 0, 0, 0, 0},
};

static int attempt(enum way way, enum dest dest, enum form form)
{
	AEG_AUTO_CLOSE int fd = stage_socket(form, ways[way].type);

	if (way == WAY_UDP_SEND)
		return stage_send(fd, dest, form, ways[way].port);
	return stage_connect(fd, dest, form, ways[way].port);
}

/* ---- events ---- */

static void check_identity(const struct aeg_event *event, const struct expected *want)
{
	char comm[AEG_COMM_LEN] = {0};

	CHECK_EQUAL(event->workload, want->workload);
	CHECK_EQUAL(event->node, want->node);
	CHECK_EQUAL(event->decision.verdict, want->verdict);
	CHECK_EQUAL(event->decision.reason, want->reason);
	CHECK_EQUAL(event->decision.mode, want->mode);
	CHECK_EQUAL(event->decision.rule, want->rule);
	CHECK_EQUAL(event->decision.other_verdict, want->other_verdict);
	CHECK_EQUAL(event->generation, aeg_datapath_generation(datapath));
	CHECK(event->cookie != 0);
	if (event->type == AEG_EVENT_CLOSE)
		return;
	CHECK_EQUAL(event->pid, getpid());
	snprintf(comm, sizeof(comm), "%s", program_invocation_short_name);
	CHECK(memcmp(event->comm, comm, sizeof(comm)) == 0);
}

static void check_event(const struct aeg_event *event, uint8_t type, enum way way, enum dest dest,
			enum form form, const struct expected *want)
{
	uint8_t key[16];

	stage_key(dest, form, key);
	CHECK_EQUAL(event->type, type);
	CHECK(memcmp(event->daddr, key, sizeof(key)) == 0);
	CHECK_EQUAL(event->dport, ways[way].port);
	CHECK_EQUAL(event->proto, ways[way].proto);
	CHECK_EQUAL(event->hook, ways[way].hook);
	CHECK_EQUAL(event->family, form == FORM_V4 ? AF_INET : AF_INET6);
	check_identity(event, want);
}

/* Probes are silent, denials come alone, an opened TCP connection is closed too. */
static void check_events(const struct happened *happened, enum way way, enum dest dest,
			 enum form form, const struct expected *want)
{
	bool denied = want->verdict == AEG_VERDICT_DENIED;
	bool silent = way == WAY_UDP_CONNECT || want->reason == AEG_REASON_NOT_GOVERNED;
	bool closes = way == WAY_TCP && !denied;

	if (!CHECK_EQUAL(happened->nevents, silent ? 0 : 1 + closes) || silent)
		return;
	check_event(&happened->events[0], denied ? AEG_EVENT_DENY : AEG_EVENT_OPEN, way, dest, form,
		    want);
	if (!closes)
		return;
	check_event(&happened->events[1], AEG_EVENT_CLOSE, way, dest, form, want);
	CHECK_EQUAL(happened->events[1].cookie, happened->events[0].cookie);
}

/* ---- every destination by every way ---- */

static void check_attempt(const char *who, enum way way, enum dest dest, enum form form,
			  const struct expected *want)
{
	struct happened happened;
	int got;

	check_context("%s, %s, %s, %s", who, ways[way].name, dest_names[dest], form_names[form]);
	got = attempt(way, dest, form);
	CHECK_EQUAL(got, want->verdict == AEG_VERDICT_DENIED ? EPERM : 0);
	happened = happened_take();
	check_total(&happened, want->verdict, want->reason, ways[way].hook, 1);
	check_events(&happened, way, dest, form, want);
}

/* want NULL: not managed, nothing is decided. */
static void check_every_attempt(const char *cgroup, const struct expected *want)
{
	stage_enter(cgroup);
	for (int way = 0; way < WAY_MAX; way++) {
		for (int dest = 0; dest < DEST_MAX; dest++) {
			for (int form = 0; form < FORM_MAX; form++) {
				struct expected one = want[dest];

				/* No rule for UDP has its own reason. */
				if (one.reason == AEG_REASON_NO_RULE && way != WAY_TCP)
					one.reason = AEG_REASON_UDP;
				check_attempt(cgroup, (enum way)way, (enum dest)dest,
					      (enum form)form, &one);
			}
		}
	}
	stage_leave();
}

static void every_way(void)
{
	const struct aeg_datapath_config config = stage_config();

	if (datapath_start(&config)) {
		check_every_attempt(IN_A, of_a);
		check_every_attempt(IN_B, of_b);
		check_every_attempt(IN_STRAY, of_stranger);
	}
	datapath_stop();
}

static void unmanaged_passes(void)
{
	const struct aeg_datapath_config config = stage_config();

	if (datapath_start(&config)) {
		stage_enter(OUTSIDE);
		for (int way = 0; way < WAY_MAX; way++) {
			for (int dest = 0; dest < DEST_MAX; dest++) {
				for (int form = 0; form < FORM_MAX; form++) {
					struct happened happened;

					check_context("%s, %s", ways[way].name, dest_names[dest]);
					CHECK_EQUAL(attempt((enum way)way, (enum dest)dest,
							    (enum form)form),
						    0);
					happened = happened_take();
					check_no_decision(&happened);
				}
			}
		}
		stage_leave();
	}
	datapath_stop();
}

/* ---- errno ---- */

static void deny_errno(void)
{
	const struct aeg_datapath_config config = stage_config();
	struct aeg_gen settings = default_settings();
	int want = aeg_datapath_has_retval() ? EHOSTUNREACH : EPERM;

	if (datapath_start(&config)) {
		settings.deny_errno = EHOSTUNREACH;
		install(settings, RULE_A_ALLOWS);
		stage_enter(IN_A);
		for (int way = 0; way < WAY_MAX; way++) {
			for (int form = 0; form < FORM_MAX; form++) {
				check_context("%s, %s", ways[way].name, form_names[form]);
				CHECK_EQUAL(attempt((enum way)way, DEST_DENIED, (enum form)form),
					    want);
				CHECK_EQUAL(attempt((enum way)way, DEST_ALLOWED, (enum form)form),
					    0);
			}
		}
		stage_leave();
	}
	datapath_stop();
}

/* ---- ports, protocols ---- */

static void ports(void)
{
	const struct aeg_datapath_config config = stage_config();
	struct happened happened;

	if (datapath_start(&config)) {
		AEG_AUTO_CLOSE int fd = -1;

		stage_enter(IN_A);
		fd = stage_socket(FORM_V4, SOCK_DGRAM);
		CHECK_EQUAL(stage_send(fd, DEST_ALLOWED, FORM_V4, UDP_PORT_BAD), EPERM);
		happened = happened_take();
		check_total(&happened, AEG_VERDICT_DENIED, AEG_REASON_UDP, AEG_HOOK_DATAGRAM, 1);
		CHECK_EQUAL(stage_send(fd, DEST_ALLOWED, FORM_V4, UDP_PORT), 0);
		happened = happened_take();
		check_total(&happened, AEG_VERDICT_ALLOWED, AEG_REASON_RULE, AEG_HOOK_DATAGRAM, 1);
		stage_leave();
	}
	datapath_stop();
}

/* Multipath TCP is TCP to the rules, whatever its protocol number is. */
static void multipath(void)
{
	const struct aeg_datapath_config config = stage_config();
	AEG_AUTO_CLOSE int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);
	struct happened happened;

	if (probe < 0) {
		check_skip("the kernel has no multipath TCP");
		return;
	}
	if (datapath_start(&config)) {
		AEG_AUTO_CLOSE int denied = -1, allowed = -1;

		stage_enter(IN_A);
		denied = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);
		CHECK_EQUAL(stage_connect(denied, DEST_DENIED, FORM_V4, TCP_PORT), EPERM);
		happened = happened_take();
		check_total(&happened, AEG_VERDICT_DENIED, AEG_REASON_DENY_RULE, AEG_HOOK_CONNECT,
			    1);
		CHECK_EQUAL(happened.nevents, 1);
		allowed = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);
		CHECK_EQUAL(stage_connect(allowed, DEST_ALLOWED, FORM_V4, TCP_PORT), 0);
		happened = happened_take();
		check_total(&happened, AEG_VERDICT_ALLOWED, AEG_REASON_RULE, AEG_HOOK_CONNECT, 1);
		CHECK_EQUAL(happened.nevents, 1);
		CHECK_EQUAL(happened.events[0].proto, AEG_PROTO_TCP);
		stage_leave();
	}
	datapath_stop();
}

/* ---- what counts once ---- */

/* A datagram to the destination of the one before it is counted, but not reported again. */
static void datagrams_fold(void)
{
	const struct aeg_datapath_config config = stage_config();
	struct happened happened;

	if (datapath_start(&config)) {
		AEG_AUTO_CLOSE int fd = -1;

		stage_enter(IN_A);
		fd = stage_socket(FORM_V4, SOCK_DGRAM);
		for (int i = 0; i < 5; i++)
			CHECK_EQUAL(stage_send(fd, DEST_DENIED, FORM_V4, UDP_PORT), EPERM);
		happened = happened_take();
		check_total(&happened, AEG_VERDICT_DENIED, AEG_REASON_DENY_RULE, AEG_HOOK_DATAGRAM,
			    5);
		CHECK_EQUAL(happened.nevents, 1);

		CHECK_EQUAL(stage_send(fd, DEST_ALLOWED, FORM_V4, UDP_PORT), 0);
		CHECK_EQUAL(stage_send(fd, DEST_ALLOWED, FORM_V4, UDP_PORT_BAD), EPERM);
		CHECK_EQUAL(stage_send(fd, DEST_DENIED, FORM_V4, UDP_PORT), EPERM);
		CHECK_EQUAL(happened_take().nevents, 3);

		install(default_settings(), RULE_A_ALLOWS);
		CHECK_EQUAL(stage_send(fd, DEST_DENIED, FORM_V4, UDP_PORT), EPERM);
		CHECK_EQUAL(happened_take().nevents, 1);
		stage_leave();
	}
	datapath_stop();
}

static void bind_any(int fd)
{
	const struct sockaddr_in any = {.sin_family = AF_INET};

	CHECK_EQUAL(bind(fd, (const struct sockaddr *)&any, sizeof(any)), 0);
}

/* Whoever binds a UDP socket before connect() has more in mind than to sort addresses. */
static void bound_probe(void)
{
	const struct aeg_datapath_config config = stage_config();
	struct happened happened;

	if (datapath_start(&config)) {
		AEG_AUTO_CLOSE int fd = -1, other = -1;

		stage_enter(IN_A);
		fd = stage_socket(FORM_V4, SOCK_DGRAM);
		bind_any(fd);
		CHECK_EQUAL(stage_connect(fd, DEST_DENIED, FORM_V4, UDP_PORT), EPERM);
		happened = happened_take();
		check_total(&happened, AEG_VERDICT_DENIED, AEG_REASON_DENY_RULE, AEG_HOOK_PROBE, 1);
		if (CHECK_EQUAL(happened.nevents, 1))
			check_event(&happened.events[0], AEG_EVENT_DENY, WAY_UDP_CONNECT,
				    DEST_DENIED, FORM_V4, &of_a[DEST_DENIED]);
		CHECK_EQUAL(stage_connect(fd, DEST_AUDITED, FORM_V4, UDP_PORT), 0);
		happened = happened_take();
		if (CHECK_EQUAL(happened.nevents, 1))
			check_event(&happened.events[0], AEG_EVENT_OPEN, WAY_UDP_CONNECT,
				    DEST_AUDITED, FORM_V4, &of_a[DEST_AUDITED]);
		CHECK_EQUAL(stage_connect(fd, DEST_ALLOWED, FORM_V4, UDP_PORT), 0);
		CHECK_EQUAL(stage_connect(fd, DEST_FREE, FORM_V4, UDP_PORT), 0);
		CHECK_EQUAL(happened_take().nevents, 0);
		other = stage_socket(FORM_V4, SOCK_DGRAM);
		bind_any(other);
		CHECK_EQUAL(stage_connect(other, DEST_ALLOWED, FORM_V4, UDP_PORT_BAD), EPERM);
		happened = happened_take();
		CHECK_EQUAL(happened.nevents, 1);
		CHECK_EQUAL(happened.events[0].decision.reason, AEG_REASON_UDP);
		stage_leave();
	}
	datapath_stop();
}

/* As glibc sorts addresses: one socket for all of them, to the port that is meant for TCP. */
static void sorting_is_silent(void)
{
	const struct aeg_datapath_config config = stage_config();
	const struct sockaddr none = {.sa_family = AF_UNSPEC};
	struct happened happened;

	if (datapath_start(&config)) {
		AEG_AUTO_CLOSE int fd = -1;

		stage_enter(IN_A);
		fd = stage_socket(FORM_V4, SOCK_DGRAM);
		for (int i = 0; i < 2; i++) {
			CHECK_EQUAL(stage_connect(fd, DEST_ALLOWED, FORM_V4, UDP_PORT), 0);
			CHECK_EQUAL(connect(fd, &none, sizeof(none)), 0);
			CHECK_EQUAL(stage_connect(fd, DEST_DENIED, FORM_V4, UDP_PORT), EPERM);
			CHECK_EQUAL(connect(fd, &none, sizeof(none)), 0);
		}
		happened = happened_take();
		CHECK_EQUAL(happened.totals[aeg_total_index(AEG_VERDICT_DENIED,
							    AEG_REASON_DENY_RULE, AEG_HOOK_PROBE)],
			    2);
		CHECK_EQUAL(happened.nevents, 0);
		stage_leave();
	}
	datapath_stop();
}

/* A probe that was let through does not keep the first datagram silent. */
static void probe_then_send(void)
{
	const struct aeg_datapath_config config = stage_config();
	struct happened happened;

	if (datapath_start(&config)) {
		AEG_AUTO_CLOSE int fd = -1;

		stage_enter(IN_A);
		fd = stage_socket(FORM_V4, SOCK_DGRAM);
		CHECK_EQUAL(stage_connect(fd, DEST_ALLOWED, FORM_V4, UDP_PORT), 0);
		CHECK_EQUAL(happened_take().nevents, 0);
		CHECK_EQUAL(stage_send(fd, DEST_ALLOWED, FORM_V4, UDP_PORT), 0);
		happened = happened_take();
		check_total(&happened, AEG_VERDICT_ALLOWED, AEG_REASON_RULE, AEG_HOOK_DATAGRAM, 1);
		CHECK_EQUAL(happened.nevents, 1);
		stage_leave();
	}
	datapath_stop();
}

/* A full backlog leaves a connection in the making; asking for it again is not another one. */
static void connect_in_progress(void)
{
	const struct aeg_datapath_config config = stage_config();
	uint16_t port;
	AEG_AUTO_CLOSE int server = stage_listen(&port);
	AEG_AUTO_CLOSE int first = stage_socket(FORM_V4, SOCK_STREAM);
	AEG_AUTO_CLOSE int waiting = -1;
	struct happened happened;

	CHECK_EQUAL(stage_connect(first, DEST_ALLOWED, FORM_V4, port), 0);
	if (datapath_start(&config)) {
		stage_enter(IN_A);
		waiting = stage_socket(FORM_V4, SOCK_STREAM | SOCK_NONBLOCK);
		CHECK_EQUAL(stage_connect(waiting, DEST_ALLOWED, FORM_V4, port), EINPROGRESS);
		CHECK_EQUAL(stage_connect(waiting, DEST_ALLOWED, FORM_V4, port), EALREADY);
		happened = happened_take();
		check_total(&happened, AEG_VERDICT_ALLOWED, AEG_REASON_RULE, AEG_HOOK_CONNECT, 1);
		CHECK_EQUAL(happened.nevents, 1);
		stage_leave();
	}
	datapath_stop();
}

static void ungoverned_reported(void)
{
	const struct aeg_datapath_config config = stage_config();
	struct aeg_gen settings = default_settings();
	struct happened happened;

	if (datapath_start(&config)) {
		settings.reports = AEG_REPORT_UNGOVERNED | AEG_REPORT_CLOSES;
		install(settings, RULE_A_ALLOWS);
		stage_enter(IN_A);
		CHECK_EQUAL(attempt(WAY_TCP, DEST_FREE, FORM_V6), 0);
		happened = happened_take();
		check_total(&happened, AEG_VERDICT_ALLOWED, AEG_REASON_NOT_GOVERNED,
			    AEG_HOOK_CONNECT, 1);
		if (CHECK_EQUAL(happened.nevents, 2)) {
			check_event(&happened.events[0], AEG_EVENT_OPEN, WAY_TCP, DEST_FREE,
				    FORM_V6, &of_a[DEST_FREE]);
			check_event(&happened.events[1], AEG_EVENT_CLOSE, WAY_TCP, DEST_FREE,
				    FORM_V6, &of_a[DEST_FREE]);
		}
		stage_leave();
	}
	datapath_stop();
}

const struct test socket_tests[] = {
	{"sockets: every destination by every way, A, B and a stranger", every_way},
	{"sockets: what is not managed passes and leaves no trace", unmanaged_passes},
	{"sockets: the errno of a denial", deny_errno},
	{"sockets: exact ports and other ports", ports},
	{"sockets: multipath TCP is TCP", multipath},
	{"sockets: repeated datagrams are counted, not repeated", datagrams_fold},
	{"sockets: a probe does not silence the first datagram", probe_then_send},
	{"sockets: a bound UDP socket that is denied is reported", bound_probe},
	{"sockets: sorting of addresses is silent", sorting_is_silent},
	{"sockets: connect() while connecting is counted once", connect_in_progress},
	{"sockets: ungoverned connections on request", ungoverned_reported},
	{NULL, NULL},
};
