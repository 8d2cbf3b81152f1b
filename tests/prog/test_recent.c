/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Decisions that are found again within their second (recent.bpf.h): nothing that changes meanwhile may
 * go unnoticed. Each test connects first, so that there is something to find.
 */
#include "bpf/verdict.h"
#include "tests/prog/names_policy.h"
#include "tests/prog/say.h"
#include "tests/prog/tests.h"
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>

#define HTTPS 443
#define SOON 5	     /* s: less than the time that a use gives */
#define ROUNDS 40    /* of what must never go wrong */
#define FEW 4	     /* of what takes its time */
#define PATIENCE 100 /* attempts at what must happen within one second */

static cpu_set_t every_cpu;

/* Each CPU finds what was decided there. */
static bool start(void)
{
	cpu_set_t one;

	CHECK_EQUAL(sched_getaffinity(0, sizeof(every_cpu), &every_cpu), 0);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	CHECK_EQUAL(sched_setaffinity(0, sizeof(one), &one), 0);
	return names_enter();
}

static void stop(void)
{
	names_leave();
	CHECK_EQUAL(sched_setaffinity(0, sizeof(every_cpu), &every_cpu), 0);
}

/* 0, or a positive errno. */
static int try(const char *addr)
{
	int fd = world_connect(addr, HTTPS);

	if (fd < 0)
		return -fd;
	close(fd);
	return 0;
}

static uint64_t allowed(void)
{
	uint64_t totals[AEG_TOTALS];

	CHECK_EQUAL(aeg_datapath_totals(datapath, totals), 0);
	return totals[aeg_total_index(AEG_VERDICT_ALLOWED, AEG_REASON_RULE, AEG_HOOK_CONNECT)];
}

static uint32_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint32_t)now.tv_sec;
}

/*
 * Whether the second of two connections was let through without a look at what the address was learned
 * for: a look gives that more time. Asked again where a second ended meanwhile.
 */
static bool is_found_again(const char *addr)
{
	for (int i = 0; i < PATIENCE; i++) {
		struct aeg_learned learned = learned_of(addr);
		uint32_t second = now_s();

		CHECK_EQUAL(try(addr), 0);
		learned.members[0].expires = second + SOON;
		learned_put(&learned);
		CHECK_EQUAL(try(addr), 0);
		learned = learned_of(addr);
		if (now_s() == second)
			return learned.members[0].expires == second + SOON;
	}
	return false;
}

static void test_found(void)
{
	if (start()) {
		CHECK(world_ask("a-5-40-0-1.wild.test"));
		CHECK(is_found_again("5.40.0.1"));
	}
	stop();
}

/* One count and one event for each, that say what those of the first say. */
static void test_told(void)
{
	if (start()) {
		uint64_t before = allowed();

		named_reset();
		for (int i = 0; i < ROUNDS; i++)
			CHECK_EQUAL(try(OPEN_ADDR), 0);
		CHECK_EQUAL(allowed() - before, ROUNDS);
		CHECK_EQUAL(named_count(AEG_EVENT_OPEN), ROUNDS);
		CHECK_EQUAL(named_count(AEG_EVENT_CLOSE), ROUNDS);
		CHECK_EQUAL(named_last(AEG_EVENT_OPEN)->base.decision.rule, RULE_OPEN);
		CHECK_EQUAL(named_last(AEG_EVENT_OPEN)->base.node, NODE_OPEN);
		CHECK_EQUAL(named_last(AEG_EVENT_OPEN)->base.workload, WORKLOAD_A);
		CHECK_EQUAL(named_last(AEG_EVENT_CLOSE)->base.node, NODE_OPEN);
	}
	stop();
}

/* An address that nobody governs, until an answer says whose it is. */
static void test_learned(void)
{
	char name[64], addr[32];

	if (!start()) {
		stop();
		return;
	}
	for (int i = 0; i < ROUNDS; i++) {
		snprintf(name, sizeof(name), "a-5-41-0-%d.rival.test", i);
		snprintf(addr, sizeof(addr), "5.41.0.%d", i);
		check_context("%s", name);
		CHECK_EQUAL(try(addr), 0);
		CHECK_EQUAL(try(addr), 0);
		CHECK(world_ask(name));
		CHECK_EQUAL(try(addr), EPERM);
		snprintf(name, sizeof(name), "a-5-41-0-%d.wild.test", i);
		CHECK(world_ask(name));
		CHECK_EQUAL(try(addr), 0);
	}
	stop();
}

/* What was learned is over, and is said again; of another name, or the answer would be the one of this second. */
static void test_expired(void)
{
	if (start()) {
		struct aeg_learned learned;

		CHECK(world_ask("a-5-42-0-1.rival.test"));
		learned = learned_of("5.42.0.1");
		learned.members[0].expires = now_s() - 1;
		learned_put(&learned);
		CHECK_EQUAL(try("5.42.0.1"), 0);
		CHECK_EQUAL(try("5.42.0.1"), 0);
		CHECK_EQUAL(try("5.42.0.1"), 0);
		CHECK_EQUAL(try("5.42.0.1"), 0);
		CHECK(world_ask("a-5-42-0-1.b.rival.test"));
		CHECK_EQUAL(try("5.42.0.1"), EPERM);
	}
	stop();
}

static void test_tables(void)
{
	if (start()) {
		CHECK(world_ask("a-5-43-0-1.wild.test"));
		for (int i = 0; i < ROUNDS; i++) {
			CHECK_EQUAL(try("5.43.0.1"), 0);
			CHECK_EQUAL(try("5.43.0.1"), 0);
			CHECK(names_revoke_wild());
			CHECK_EQUAL(try("5.43.0.1"), EPERM);
			CHECK(names_install());
		}
	}
	stop();
}

static void put_a(uint32_t profile, uint32_t flags)
{
	struct aeg_ident_row a = ident_row("managed/a", WORKLOAD_A, profile);

	a.ident.flags |= flags;
	CHECK_EQUAL(aeg_datapath_set_ident(datapath, &a), 0);
}

static void test_identity(void)
{
	if (start()) {
		for (int i = 0; i < ROUNDS; i++) {
			CHECK_EQUAL(try(OPEN_ADDR), 0);
			CHECK_EQUAL(try(OPEN_ADDR), 0);
			put_a(i % 2 ? 1 : 2, i % 2 ? AEG_IDENT_QUARANTINED : 0);
			CHECK_EQUAL(try(OPEN_ADDR), EPERM);
			put_a(1, 0);
		}
	}
	stop();
}

/* What is like it, but for one thing, is another question. */
static void test_alike(void)
{
	if (start()) {
		for (int i = 0; i < ROUNDS; i++) {
			CHECK_EQUAL(try(OPEN_ADDR), 0);
			CHECK_EQUAL(try(OPEN_ADDR), 0);
			CHECK_EQUAL(try(CIDR_ADDR), EPERM);
			stage_leave();
			stage_enter(IN_B);
			CHECK_EQUAL(try(OPEN_ADDR), EPERM);
			stage_leave();
			stage_enter(IN_A);
		}
	}
	stop();
}

/* ---- ClientHellos ---- */

#define HEARD_ADDR "5.44.0.1"
#define HEARD_NAME "a-5-44-0-1.wild.test"

static int greet(int fd, const char *name)
{
	struct wire wire;

	wire_hello(name, 0, 0, &wire);
	return world_send(fd, wire.data, wire.len);
}

static int greet_new(const char *addr, const char *name)
{
	AEG_AUTO_CLOSE int fd = say_connect(addr, TLS_PORT);

	return greet(fd, name);
}

static void deny_on(int fd, const char *name, uint8_t reason)
{
	struct wire wire;

	wire_hello(name, 0, 0, &wire);
	say_denied(fd, &wire, reason, name);
}

/*
 * Whether the second of two hellos was let through without a look at what the address was learned for,
 * which is something else by then. Asked again where a second ended meanwhile.
 */
static bool is_heard_again(void)
{
	for (int i = 0; i < FEW; i++) {
		struct aeg_learned learned = learned_of(HEARD_ADDR), other = learned;
		uint32_t second = now_s();
		int again;

		CHECK_EQUAL(greet_new(HEARD_ADDR, HEARD_NAME), 0);
		other.members[0].node = NODE_RIVAL;
		learned_put(&other);
		again = greet_new(HEARD_ADDR, HEARD_NAME);
		learned_put(&learned);
		if (now_s() == second)
			return !again;
	}
	return false;
}

static void test_heard(void)
{
	if (start()) {
		CHECK(world_ask(HEARD_NAME));
		CHECK(is_heard_again());
		CHECK(strcmp(named_last(AEG_EVENT_OPEN)->name, HEARD_NAME) == 0);
		CHECK_EQUAL(named_last(AEG_EVENT_OPEN)->base.node, NODE_WILD);
		CHECK_EQUAL(named_last(AEG_EVENT_OPEN)->base.decision.rule, RULE_WILD);
	}
	stop();
}

/* What is like it, but for the name or the address, is another question. */
static void test_heard_alike(void)
{
	if (start()) {
		CHECK(world_ask(HEARD_NAME));
		CHECK(world_ask("a-5-44-0-2.names.test"));
		for (int i = 0; i < FEW; i++) {
			AEG_AUTO_CLOSE int name = say_connect(HEARD_ADDR, TLS_PORT);
			AEG_AUTO_CLOSE int addr = say_connect(OPEN_ADDR, TLS_PORT);

			CHECK_EQUAL(greet_new(HEARD_ADDR, HEARD_NAME), 0);
			CHECK_EQUAL(greet_new(HEARD_ADDR, HEARD_NAME), 0);
			deny_on(name, "a-5-44-0-1.rival.test", AEG_REASON_NAME_ADDRESS_MISMATCH);
			deny_on(addr, "bad.wild.test", AEG_REASON_DENY_RULE);
		}
	}
	stop();
}

/* Connected before, and heard after a change that no walk has told the connection of yet. */
static void test_heard_identity(void)
{
	if (start()) {
		CHECK(world_ask(HEARD_NAME));
		for (int i = 0; i < FEW; i++) {
			AEG_AUTO_CLOSE int fd = say_connect(HEARD_ADDR, TLS_PORT);

			CHECK_EQUAL(greet_new(HEARD_ADDR, HEARD_NAME), 0);
			CHECK_EQUAL(greet_new(HEARD_ADDR, HEARD_NAME), 0);
			put_a(i % 2 ? 1 : 2, i % 2 ? AEG_IDENT_QUARANTINED : 0);
			deny_on(fd, HEARD_NAME,
				i % 2 ? AEG_REASON_QUARANTINED : AEG_REASON_NAME_NOT_ALLOWED);
			put_a(1, 0);
		}
	}
	stop();
}

/* ---- */

/* What is denied is asked again, by a socket that meanwhile is allowed what may share its place. */
static void deny_then_allow(const char *addr, uint16_t port)
{
	struct sockaddr_in denied = {.sin_family = AF_INET, .sin_port = htons(HTTPS)};
	struct sockaddr_in other = {.sin_family = AF_INET, .sin_port = htons(port)};
	AEG_AUTO_CLOSE int fd =
		needed(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));

	CHECK_EQUAL(inet_pton(AF_INET, CIDR_ADDR, &denied.sin_addr), 1);
	CHECK_EQUAL(inet_pton(AF_INET, addr, &other.sin_addr), 1);
	CHECK_EQUAL(connect(fd, (struct sockaddr *)&denied, sizeof(denied)), -1);
	CHECK_EQUAL(errno, EPERM);
	CHECK(!connect(fd, (struct sockaddr *)&other, sizeof(other)) || errno != EPERM);
	CHECK_EQUAL(try(CIDR_ADDR), EPERM);
}

/*
 * Places are chosen by a sum in which the address counts as one little-endian word: with the difference of
 * the ports added to it, both questions have the same place. And by chance, however they are chosen.
 */
static void test_denied_stays(void)
{
	char addr[32];

	if (start()) {
		for (int i = 0; i < ROUNDS; i++) {
			deny_then_allow("139.201.0.1", 53);
			deny_then_allow("6.200.0.1", 442);
		}
		for (int i = 0; i < 8 * AEG_RECENT_CPU; i++) {
			snprintf(addr, sizeof(addr), "139.0.%d.%d", i / 256, i % 256);
			deny_then_allow(addr, 53);
		}
	}
	stop();
}

const struct test recent_tests[] = {
	{"recent: what was denied stays denied", test_denied_stays},
	{"recent: found again", test_found},
	{"recent: counted and told each time", test_told},
	{"recent: what is learned holds at once", test_learned},
	{"recent: what was over and is learned again", test_expired},
	{"recent: new tables hold at once", test_tables},
	{"recent: a new identity holds at once", test_identity},
	{"recent: another workload, another address", test_alike},
	{"recent: a hello is heard again", test_heard},
	{"recent: another name, another address", test_heard_alike},
	{"recent: a new identity holds for what is heard", test_heard_identity},
	{NULL, NULL},
};
