/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The TC program on crafted frames, by test_run: every class that is told apart to every kind of
 * destination, its verdict, its reason, and that every frame is counted exactly once. What real frames
 * do on real interfaces, tests/e2e shows.
 */
#include "tests/lib/frames.h"
#include "tests/prog/stage.h"
#include "tests/prog/tests.h"
#include <bpf/bpf.h>
#include <stdio.h>

#define NEXT (-1)
#define DROP 2
#define LO 1 /* test_run's interface unless it is told another one */

static const struct aeg_addr sources[] = {
	{{[10] = 0xff, [11] = 0xff, 10, 9, 9, 2}},
	{{0x20, 0x01, 0x0d, 0xb8, [15] = 0x99}},
};
static int tc_fd = -1;

static void find_program(void)
{
	struct aeg_prog_stat stats[16];
	size_t n = aeg_datapath_programs(datapath, stats, AEG_ARRAY_SIZE(stats));

	for (size_t i = 0; i < n; i++) {
		if (aeg_streq(stats[i].name, "veth_ingress"))
			tc_fd = bpf_prog_get_fd_by_id(stats[i].id);
	}
	CHECK(tc_fd >= 0);
}

static bool start(void)
{
	struct aeg_datapath_config config = stage_config();
	struct aeg_veth_row row = {.ifindex = LO,
				   .cgroup = stage_cgroup("managed/a"),
				   .sources = sources,
				   .nsources = AEG_ARRAY_SIZE(sources)};

	config.tc = true;
	if (!datapath_start(&config))
		return false;
	CHECK_EQUAL(aeg_datapath_set_veths(datapath, &row, 1), 0);
	CHECK_EQUAL(row.err, 0);
	find_program();
	happened_reset();
	return tc_fd >= 0;
}

static void stop(void)
{
	aeg_closep(&tc_fd);
	tc_fd = -1;
	datapath_stop();
}

static int run(const struct wire *wire)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = wire->data,
		    .data_size_in = (uint32_t)wire->len);

	return CHECK_EQUAL(bpf_prog_test_run_opts(tc_fd, &opts), 0) ? (int)opts.retval : 0;
}

static struct frame_ends ends_to(enum dest dest, enum frame_form form)
{
	struct frame_ends ends = {.dport = 443};

	memcpy(ends.saddr, sources[form].bytes, sizeof(ends.saddr));
	stage_key(dest, form == FRAME_IP6 ? FORM_V6 : FORM_FAR, ends.daddr);
	return ends;
}

/*
 * test_run's dummy socket is one of the kernel's, of the packet's family: what does not open a TCP
 * connection passes as the kernel's own.
 */
static bool is_kernels(const struct frame_case *test)
{
	return !test->reason && test->proto == AEG_PROTO_TCP && !test->opening;
}

/* test_run itself refuses what is shorter than the header of the IP that the frame says it carries. */
static bool is_runnable(const struct frame_case *test)
{
	return !aeg_streq(test->name, "short4") && !aeg_streq(test->name, "short6");
}

/* Only the policy that A's are audited by knows the third destination's verdict. */
static uint8_t verdict_of(const struct frame_case *test, enum dest dest)
{
	bool rules = !test->reason &&
		     (test->proto == AEG_PROTO_TCP || test->proto == AEG_PROTO_UDP);

	if (test->local || is_kernels(test))
		return AEG_VERDICT_ALLOWED;
	if (test->hidden)
		return AEG_VERDICT_DENIED;
	if (dest == DEST_FREE)
		return AEG_VERDICT_ALLOWED;
	if (!rules || dest == DEST_DENIED)
		return AEG_VERDICT_DENIED;
	if (dest == DEST_AUDITED)
		return AEG_VERDICT_AUDITED;
	/* UDP is allowed to UDP_PORT only */
	return test->proto == AEG_PROTO_UDP ? AEG_VERDICT_DENIED : AEG_VERDICT_ALLOWED;
}

static uint8_t reason_of(const struct frame_case *test, enum dest dest)
{
	if (test->reason)
		return test->reason;
	if (test->proto != AEG_PROTO_TCP && test->proto != AEG_PROTO_UDP)
		return AEG_REASON_PROTOCOL;
	return dest == DEST_ALLOWED ? AEG_REASON_UDP : AEG_REASON_DENY_RULE;
}

static uint64_t frames_seen(uint64_t ret[AEG_RESULTS_ROOM])
{
	uint64_t sum = 0;

	CHECK_EQUAL(aeg_datapath_frames(datapath, ret), 0);
	for (int i = 0; i < AEG_FRAME_MAX; i++)
		sum += ret[i];
	return sum;
}

static void check_frame(const struct frame_case *test, enum dest dest)
{
	struct frame_ends ends = ends_to(dest, test->form);
	uint64_t before[AEG_RESULTS_ROOM], after[AEG_RESULTS_ROOM];
	uint64_t seen = frames_seen(before);
	uint8_t verdict = verdict_of(test, dest);
	struct happened happened;
	static struct wire wire;

	check_context("%s to %s", test->name, dest_names[dest]);
	test->build(&wire, &ends);
	happened_reset();
	CHECK_EQUAL(run(&wire), verdict == AEG_VERDICT_DENIED ? DROP : NEXT);
	CHECK_EQUAL(frames_seen(after), seen + 1);
	happened = happened_take();
	if (verdict == AEG_VERDICT_ALLOWED)
		check_no_decision(&happened);
	else if (verdict == AEG_VERDICT_AUDITED)
		check_total(&happened, verdict, AEG_REASON_DENY_RULE, AEG_HOOK_FRAME, 1);
	else
		check_total(&happened, verdict, reason_of(test, dest), AEG_HOOK_FRAME, 1);
	CHECK_EQUAL(after[AEG_FRAME_LOCAL] - before[AEG_FRAME_LOCAL], test->local);
	CHECK_EQUAL(after[AEG_FRAME_KERNEL] - before[AEG_FRAME_KERNEL], is_kernels(test));
}

static void test_every_class(void)
{
	if (start()) {
		for (size_t i = 0; i < FRAME_CASES; i++) {
			for (int dest = 0; is_runnable(&frame_cases[i]) && dest < DEST_MAX; dest++)
				check_frame(&frame_cases[i], (enum dest)dest);
		}
	}
	stop();
}

/* Somebody else's address in front of what a rule allows. */
static void test_spoofed(void)
{
	static struct wire wire;

	if (start()) {
		struct frame_ends ends = ends_to(DEST_ALLOWED, FRAME_IP4);
		struct happened happened;

		frame_syn4(&wire, &ends);
		CHECK_EQUAL(run(&wire), NEXT);
		ends.saddr[15]++;
		frame_syn4(&wire, &ends);
		happened_reset();
		CHECK_EQUAL(run(&wire), DROP);
		happened = happened_take();
		check_total(&happened, AEG_VERDICT_DENIED, AEG_REASON_SPOOFED_SOURCE,
			    AEG_HOOK_FRAME, 1);
	}
	stop();
}

/* One frame, and what becomes of it; reason 0: it passes. */
static void check_one(const char *what, const struct wire *wire, uint8_t reason)
{
	struct happened happened;

	check_context("%s", what);
	happened_reset();
	CHECK_EQUAL(run(wire), reason ? DROP : NEXT);
	happened = happened_take();
	if (reason)
		check_total(&happened, AEG_VERDICT_DENIED, reason, AEG_HOOK_FRAME, 1);
	else
		check_no_decision(&happened);
}

/* Wherever it goes: to what nobody governs, and what is no TCP or UDP. */
static void test_spoofed_anywhere(void)
{
	static struct wire wire;

	if (start()) {
		struct frame_ends ends4 = ends_to(DEST_FREE, FRAME_IP4);
		struct frame_ends ends6 = ends_to(DEST_FREE, FRAME_IP6);

		frame_udp4(&wire, &ends4);
		check_one("its own, UDP", &wire, 0);
		frame_ping6(&wire, &ends6);
		check_one("its own, ping", &wire, 0);
		ends4.saddr[15]++;
		ends6.saddr[15]++;
		frame_udp4(&wire, &ends4);
		check_one("spoofed UDP", &wire, AEG_REASON_SPOOFED_SOURCE);
		frame_syn4(&wire, &ends4);
		check_one("spoofed SYN", &wire, AEG_REASON_SPOOFED_SOURCE);
		frame_ping6(&wire, &ends6);
		check_one("spoofed ping", &wire, AEG_REASON_SPOOFED_SOURCE);
		frame_first4(&wire, &ends4);
		check_one("spoofed fragment", &wire, AEG_REASON_SPOOFED_SOURCE);
	}
	stop();
}

/* Who has no address yet asks for one, by DHCP or duplicate address detection, and for nothing else. */
static void test_no_address_yet(void)
{
	static struct wire wire;

	if (start()) {
		struct frame_ends ends4 = ends_to(DEST_FREE, FRAME_IP4);
		struct frame_ends ends6 = ends_to(DEST_FREE, FRAME_IP6);

		memset(ends4.saddr + 12, 0, 4);
		memset(ends6.saddr, 0, 16);
		ends4.dport = 67;
		frame_udp4(&wire, &ends4);
		check_one("DHCP", &wire, 0);
		ends4.dport = 443;
		frame_udp4(&wire, &ends4);
		check_one("another port", &wire, AEG_REASON_SPOOFED_SOURCE);
		frame_solicit6(&wire, &ends6);
		check_one("duplicate address detection", &wire, 0);
		frame_ping6(&wire, &ends6);
		check_one("ping", &wire, AEG_REASON_SPOOFED_SOURCE);
	}
	stop();
}

static void set_flags(uint32_t flags)
{
	struct aeg_ident_row row = ident_row("managed/a", WORKLOAD_A, 1);

	row.ident.flags |= flags;
	CHECK_EQUAL(aeg_datapath_set_ident(datapath, &row), 0);
}

/* Contained strictly: neighbour discovery stays on the link, or it is a tunnel with 96 bytes of room. */
static void test_discovery_stays(void)
{
	static const char neighbour[16] = "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01";
	static const char afar[16] = "\x20\x01\x0d\xb9\0\0\0\0\0\0\0\0\0\0\0\x01";
	static struct wire wire;

	if (start()) {
		struct frame_ends ends = ends_to(DEST_FREE, FRAME_IP6);

		set_flags(AEG_IDENT_STRICT | AEG_IDENT_STRICT_UNION);
		for (unsigned int type = 133; type <= 136; type++) {
			frame_link6(&wire, &ends, type, neighbour, false);
			check_one("to a neighbour", &wire, 0);
			frame_link6(&wire, &ends, type, afar, false);
			check_one("to afar", &wire, AEG_REASON_STRICT);
		}
		memcpy(ends.saddr, afar, 16);
		frame_link6(&wire, &ends, 136, afar, false);
		check_one("to afar, as if from there", &wire, AEG_REASON_SPOOFED_SOURCE);
	}
	stop();
}

/* The kernel's own segments, of accepted connections for instance, stop as well; its RST does not. */
static void test_quarantined(void)
{
	static struct wire wire;

	if (start()) {
		struct frame_ends ends = ends_to(DEST_FREE, FRAME_IP4);

		frame_ack4(&wire, &ends);
		check_one("before", &wire, 0);
		set_flags(AEG_IDENT_QUARANTINED);
		check_one("a segment", &wire, AEG_REASON_QUARANTINED);
		wire.data[FRAME_ETHER + 33] |= 4;
		check_one("RST", &wire, 0);
		wire_fill(&wire, 7, 10);
		frame_close4(&wire);
		check_one("RST with payload", &wire, AEG_REASON_QUARANTINED);
	}
	stop();
}

/* Every denial is counted; of those in one second a few are reported. */
static void test_reports_are_few(void)
{
	enum { SENT = 200 };
	static struct wire wire;

	if (start()) {
		struct frame_ends ends = ends_to(DEST_DENIED, FRAME_IP6);
		struct happened happened;

		frame_syn6(&wire, &ends);
		for (int i = 0; i < SENT; i++)
			CHECK_EQUAL(run(&wire), DROP);
		happened = happened_take();
		check_total(&happened, AEG_VERDICT_DENIED, AEG_REASON_DENY_RULE, AEG_HOOK_FRAME,
			    SENT);
		CHECK(happened.nevents > 0 && happened.nevents < SENT);
		CHECK_EQUAL(happened.events[0].workload, WORKLOAD_A);
		CHECK_EQUAL(happened.events[0].dport, ends.dport);
		CHECK_EQUAL(memcmp(happened.events[0].daddr, ends.daddr, 16), 0);
	}
	stop();
}

/* An interface that is no workload's any more lets everything through, and is detached. */
static void test_given_up(void)
{
	static struct wire wire;

	if (start()) {
		struct frame_ends ends = ends_to(DEST_DENIED, FRAME_IP6);
		struct happened happened;

		frame_syn6(&wire, &ends);
		CHECK_EQUAL(aeg_datapath_set_veths(datapath, NULL, 0), 0);
		happened_reset();
		CHECK_EQUAL(run(&wire), NEXT);
		happened = happened_take();
		check_no_decision(&happened);
	}
	stop();
}

const struct test tc_tests[] = {
	{"tc: a source that is not the workload's", test_spoofed},
	{"tc: such a source, whatever the destination", test_spoofed_anywhere},
	{"tc: no source yet", test_no_address_yet},
	{"tc: neighbour discovery stays on the link", test_discovery_stays},
	{"tc: quarantine", test_quarantined},
	{"tc: all denials are counted, few reported", test_reports_are_few},
	{"tc: an interface that is given up", test_given_up},
	{"tc: every class of frame to every destination", test_every_class},
	{0},
};
