/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What is learned from answers, at once, and what from none. A's pod asks; the world answers. */
#include "base/loop.h"
#include "tests/prog/names_policy.h"
#include "tests/prog/tests.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>

/* Connects and leaves; 0 or the errno. */
static int try_connect(const char *addr, uint16_t port)
{
	int fd = world_connect(addr, port);

	if (fd < 0)
		return -fd;
	close(fd);
	return 0;
}

static void test_learned_at_once(void)
{
	const struct named *named;

	if (names_enter()) {
		CHECK_EQUAL(try_connect("5.1.0.1", TLS_PORT), 0); /* nobody knows it yet */
		CHECK(world_ask("a-5-1-0-1.rival.test"));
		CHECK(world_learned("5.1.0.1"));
		CHECK_EQUAL(try_connect("5.1.0.1", TLS_PORT), EPERM);
		check_denied(AEG_HOOK_CONNECT, AEG_REASON_NO_RULE, "");
		named = named_last(AEG_EVENT_NAME);
		CHECK(named != NULL);
		if (named) {
			CHECK(strcmp(named->name, "a-5-1-0-1.rival.test") == 0);
			CHECK_EQUAL(named->base.node, NODE_RIVALS);
			CHECK_EQUAL(named->base.workload, WORKLOAD_A);
			CHECK_EQUAL(named->base.duration, 300ull * 1000000000);
		}
		CHECK(world_ask("a-5-1-0-2.wild.test"));
		CHECK_EQUAL(try_connect("5.1.0.2", TLS_PORT), 0);
		CHECK(world_ask("a-5-1-0-3.free.test"));
		CHECK(!world_learned("5.1.0.3")); /* no pattern */
		CHECK_EQUAL(learnings(AEG_LEARNING_NO_PATTERN), 1);
	}
	names_leave();
}

static void test_case_and_families(void)
{
	uint8_t addrs[4][16];

	if (names_enter()) {
		CHECK(world_ask("a-5-1-1-1.RiVaL.tEsT"));
		CHECK(world_learned("5.1.1.1"));
		CHECK_EQUAL(world_resolve("a-5-1-1-2.rival.test", 28, addrs, 4), 1);
		CHECK(world_learned("2a00::501:102"));
		CHECK_EQUAL(try_connect("2a00::501:102", TLS_PORT), EPERM);
		CHECK_EQUAL(try_connect("2a00::501:103", TLS_PORT), 0);
		CHECK_EQUAL(try_connect("::ffff:5.1.1.1", TLS_PORT), EPERM);
	}
	names_leave();
}

#define RACES 1000

/* Each round an address that never was; were it not known at connect(), that would go through. */
static void test_race(void)
{
	unsigned int missed = 0;

	if (names_enter()) {
		for (int i = 0; i < RACES; i++) {
			char name[64], addr[32];

			snprintf(name, sizeof(name), "a-5-2-%d-%d.rival.test", i / 250, i % 250);
			snprintf(addr, sizeof(addr), "5.2.%d.%d", i / 250, i % 250);
			CHECK(world_ask(name));
			missed += try_connect(addr, OTHER_PORT) != EPERM;
		}
		CHECK_EQUAL(missed, 0);
		CHECK_EQUAL(learnings(AEG_LEARNING_NEW), RACES);
	}
	names_leave();
}

static void test_lies(void)
{
	char name[64], addr[32];

	if (names_enter()) {
		for (int i = 0; i < MANNERS; i++) {
			check_context("%s", manner_names[i]);
			snprintf(name, sizeof(name), "a-5-3-0-%d.rival.test", i + 1);
			snprintf(addr, sizeof(addr), "5.3.0.%d", i + 1);
			world->manner = (enum manner)i;
			CHECK_EQUAL(world_ask(name), i != SILENTLY);
			CHECK_EQUAL(world_learned(addr), i == HONESTLY);
		}
		CHECK_EQUAL(learnings(AEG_LEARNING_NEW), 1);
		CHECK(learnings(AEG_LEARNING_UNASKED) >= 3);
		CHECK_EQUAL(dns_results(AEG_DNS_TRUNCATED), 1);
		CHECK_EQUAL(dns_results(AEG_DNS_FAILED), 1);
		CHECK_EQUAL(dns_results(AEG_DNS_SHORT), 1);
		CHECK_EQUAL(dns_results(AEG_DNS_NOT_ANSWER), 1);
		CHECK_EQUAL(dns_results(AEG_DNS_BAD_LABEL), 2);
		CHECK_EQUAL(dns_results(AEG_DNS_BAD_RECORD), 1);
	}
	names_leave();
}

/* Of so many bytes, whatever it takes. */
static const char *long_name(const char *front, size_t len, char ret[300])
{
	size_t at = (size_t)snprintf(ret, 300, "%s", front);

	while (at < len - strlen(".rival.test")) {
		ret[at] = at % 50 == 49 ? '.' : 'x';
		at++;
	}
	snprintf(ret + at, 300 - at, ".rival.test");
	return ret;
}

/* All lengths that a name can have are learned, and no longer one. */
static void test_lengths(void)
{
	char name[300], addr[32];

	if (names_enter()) {
		for (int len = 30; len <= 255; len += len < 250 ? 11 : 1) {
			char front[32];

			snprintf(front, sizeof(front), "a-5-3-%d-1.", len);
			snprintf(addr, sizeof(addr), "5.3.%d.1", len);
			check_context("%d bytes", len);
			CHECK(world_ask(long_name(front, (size_t)len, name)));
			CHECK_EQUAL(strlen(name), len);
			CHECK_EQUAL(world_learned(addr), len <= 253);
		}
		CHECK_EQUAL(dns_results(AEG_DNS_BAD_NAME), 2);
		CHECK_EQUAL(learnings(AEG_LEARNING_UNASKED), 0);
	}
	names_leave();
}

static void test_special_use(void)
{
	if (names_enter()) {
		CHECK(world_ask("a-169-254-169-254.wild.test"));
		CHECK(!world_learned("169.254.169.254"));
		CHECK(world_ask("a-10-0-0-1.wild.test"));
		CHECK(!world_learned("10.0.0.1"));
		CHECK_EQUAL(learnings(AEG_LEARNING_SPECIAL), 2);
		CHECK(world_ask("a-5-4-0-1.wild.test"));
		CHECK(world_learned("5.4.0.1"));
	}
	names_leave();
}

/* By the endpoint that has the name, and by nobody else's. */
static void test_declared(void)
{
	if (names_enter()) {
		CHECK(world_ask("a-10-7-0-1.wild.test"));
		CHECK(world_ask("a-10-7-0-2.other-link.test"));
		CHECK(world_ask("a-10-8-0-1.link.test")); /* not in its CIDR */
		CHECK_EQUAL(learnings(AEG_LEARNING_SPECIAL), 3);
		CHECK(!world_learned("10.7.0.1") && !world_learned("10.7.0.2") &&
		      !world_learned("10.8.0.1"));
		CHECK(world_ask("a-10-7-0-3.link.test"));
		CHECK(world_learned("10.7.0.3"));
		CHECK_EQUAL(learnings(AEG_LEARNING_NEW), 1);
	}
	names_leave();
}

static int count_members(const char *text)
{
	struct aeg_learned learned = learned_of(text);
	int n = 0;

	for (int i = 0; i < AEG_MEMBERS_MAX; i++)
		n += learned.members[i].node != 0;
	return n;
}

/* One address for several patterns: the most lenient lets it through until the name is known. */
static void test_shared_address(void)
{
	if (names_enter()) {
		CHECK(world_ask("a-5-5-0-1.rival.test"));
		CHECK_EQUAL(try_connect("5.5.0.1", TLS_PORT), EPERM);
		CHECK(world_ask("a-5-5-0-1.wild.test"));
		CHECK_EQUAL(count_members("5.5.0.1"), 2);
		CHECK_EQUAL(try_connect("5.5.0.1", TLS_PORT), 0);
		CHECK(world_ask("a-5-5-0-1.wild.test"));
		CHECK(world_ask("a-5-5-0-1.x.wild.test"));
		CHECK_EQUAL(count_members("5.5.0.1"), 2); /* one a pattern */
	}
	names_leave();
}

/* As if the answer had been given so long ago that only these seconds are left; then it comes again. */
static uint32_t renewed(const char *addr, uint32_t left, const char *name)
{
	struct aeg_learned learned = learned_of(addr);
	uint32_t now = (uint32_t)(aeg_now_ns() / 1000000000u);

	learned.members[0].expires = now + left;
	learned_put(&learned);
	aeg_datapath_set_ttl_min(datapath, AEG_TTL_MIN); /* nothing is proved any more */
	CHECK(world_ask(name));
	learned = learned_of(addr);
	CHECK_EQUAL(learned.members[0].node, NODE_RIVALS);
	CHECK_EQUAL(learned.members[1].node, 0);
	return learned.members[0].expires - now;
}

/* Much time left, little, none; more than the answer gives; another name of the pattern. */
static void test_renewed(void)
{
	uint64_t name;
	uint32_t left;

	if (names_enter()) {
		CHECK(world_ask("a-5-7-0-1.rival.test"));
		name = learned_of("5.7.0.1").members[0].name;
		for (uint32_t had = 0; had <= 100; had += had < 4 ? 1 : 32) {
			left = renewed("5.7.0.1", had, "a-5-7-0-1.rival.test");
			check_context("%u s left, then %u", had, left);
			CHECK(left >= 300 && left < 360);
		}
		CHECK_EQUAL(renewed("5.7.0.1", 1000, "a-5-7-0-1.rival.test"), 1000);
		CHECK_EQUAL(learned_of("5.7.0.1").members[0].name, name);
		CHECK_EQUAL(renewed("5.7.0.1", 1000, "a-5-7-0-1.x.rival.test"), 1000);
		CHECK(learned_of("5.7.0.1").members[0].name != name);
		CHECK_EQUAL(learnings(AEG_LEARNING_NEW), 1);
	}
	names_leave();
}

static void test_untrusted_resolver(void)
{
	if (names_enter()) {
		CHECK_EQUAL(aeg_datapath_set_resolvers(datapath, NULL, 0), 0);
		CHECK(world_ask("a-5-6-0-1.rival.test"));
		CHECK(!world_learned("5.6.0.1"));
		stage_leave();
		stage_enter(OUTSIDE);
		CHECK(world_ask("a-5-6-0-2.rival.test"));
		CHECK(!world_learned("5.6.0.2"));
	}
	names_leave();
}

/* ---- answers that were read in this second already ---- */

static uint32_t now_s(void)
{
	return (uint32_t)(aeg_now_ns() / 1000000000u);
}

/* So many seconds are left of the address from now on, behind the programs' back. */
static void set_left(const char *addr, uint32_t left)
{
	struct aeg_learned learned = learned_of(addr);

	learned.members[0].expires = now_s() + left;
	learned_put(&learned);
}

static uint32_t left_of(const char *addr)
{
	return learned_of(addr).members[0].expires - now_s();
}

/* Asks twice within one second; false: the second time nothing was renewed, as set_left() shows. */
static bool twice(const char *first, const char *second, const char *addr, void (*between)(void))
{
	for (;;) {
		uint32_t begin = now_s();

		world->records = 0;
		aeg_datapath_set_ttl_min(datapath, AEG_TTL_MIN); /* nothing is proved any more */
		CHECK(world_ask(first));
		set_left(addr, 100);
		if (between)
			between();
		CHECK(world_ask(second));
		if (now_s() == begin)
			return left_of(addr) > 100;
	}
}

static void flip(void)
{
	CHECK(names_install());
}

static void more_records(void)
{
	world->records = 2;
}

static void test_same_second(void)
{
	uint64_t before, again;

	if (names_enter()) {
		CHECK(world_ask("a-5-8-0-1.rival.test"));
		CHECK(world_ask("a-5-8-0-9.free.test"));
		before = dns_results(AEG_DNS_OK);
		again = learnings(AEG_LEARNING_AGAIN);
		CHECK(!twice("a-5-8-0-1.rival.test", "a-5-8-0-1.rival.test", "5.8.0.1", NULL));
		CHECK_EQUAL(dns_results(AEG_DNS_OK) - before,
			    learnings(AEG_LEARNING_AGAIN) - again);
		CHECK(learnings(AEG_LEARNING_AGAIN) - again >= 2);
		CHECK_EQUAL(learnings(AEG_LEARNING_UNASKED), 0);
		/* Other bytes, other tables, other addresses: read. */
		CHECK(twice("a-5-8-0-1.rival.test", "a-5-8-0-1.rivaL.test", "5.8.0.1", NULL));
		CHECK(twice("a-5-8-0-1.rival.test", "a-5-8-0-1.rival.test", "5.8.0.1", flip));
		CHECK(twice("a-5-8-0-1.rival.test", "a-5-8-0-1.rival.test", "5.8.0.1",
			    more_records));
		CHECK(world_learned("5.8.0.2"));
	}
	names_leave();
}

/* What no pattern covers is counted alike, and is learned once there is one. */
static void test_same_second_no_pattern(void)
{
	if (names_enter()) {
		for (int i = 0; i < 10; i++)
			CHECK(world_ask("a-5-8-1-1.free.test"));
		CHECK_EQUAL(learnings(AEG_LEARNING_NO_PATTERN), 10);
		CHECK_EQUAL(dns_results(AEG_DNS_OK), 10);
		CHECK(!world_learned("5.8.1.1"));
	}
	names_leave();
}

/* In another second the address is renewed. */
static void test_next_second(void)
{
	uint32_t begin;

	if (names_enter()) {
		CHECK(world_ask("a-5-8-2-1.rival.test"));
		set_left("5.8.2.1", 100);
		begin = now_s();
		do {
			CHECK(world_ask("a-5-8-2-1.rival.test"));
		} while (now_s() < begin + 2);
		CHECK(left_of("5.8.2.1") > 290);
	}
	names_leave();
}

/* ---- sockets with many questions ---- */

/* musl asks all name servers from one socket, and reads then. */
static void test_beside_a_stranger(void)
{
	AEG_AUTO_CLOSE int fd = -1;

	if (names_enter()) {
		fd = world_asker();
		world->hold = true;
		world_query(fd, RESOLVER, "a-5-9-0-1.rival.test", 1);
		world_query(fd, STRANGER, "a-5-9-0-1.rival.test", 1);
		world->hold = false;
		CHECK(world_answered(fd));
		CHECK(world_learned("5.9.0.1"));
	}
	names_leave();
}

static void ask_many(unsigned int n)
{
	AEG_AUTO_CLOSE int fd = world_asker();
	char name[64];

	world->hold = true;
	for (unsigned int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "a-5-9-%u-%u.rival.test", n, i + 1);
		world_query(fd, RESOLVER, name, (uint16_t)(i + 1));
	}
	world->hold = false;
	for (unsigned int i = 0; i < n; i++)
		CHECK(world_answered(fd));
}

/* As many as are remembered; one more. */
static void test_many_open(void)
{
	if (names_enter()) {
		ask_many(AEG_ASKED);
		CHECK_EQUAL(learnings(AEG_LEARNING_NEW), AEG_ASKED);
		CHECK_EQUAL(learnings(AEG_LEARNING_EVICTED), 0);
		ask_many(AEG_ASKED + 1);
		CHECK_EQUAL(learnings(AEG_LEARNING_NEW), 2 * AEG_ASKED);
		CHECK_EQUAL(learnings(AEG_LEARNING_EVICTED), 1);
		CHECK_EQUAL(learnings(AEG_LEARNING_UNASKED), 1);
		CHECK(!world_learned("5.9.33.1") && world_learned("5.9.33.2"));
	}
	names_leave();
}

/* ---- limits ---- */

static void test_crowded(void)
{
	char name[64];

	if (names_enter()) {
		for (int i = 0; i < CROWD; i++) {
			snprintf(name, sizeof(name), "a-5-10-0-1.c%d.test", i);
			CHECK(world_ask(name));
		}
		CHECK_EQUAL(count_members("5.10.0.1"), AEG_MEMBERS_MAX);
		CHECK_EQUAL(learnings(AEG_LEARNING_CROWDED), 1);
		for (int i = 0; i < 5; i++) /* not something to prove */
			CHECK(world_ask(name));
		CHECK_EQUAL(learnings(AEG_LEARNING_CROWDED), 6);
	}
	names_leave();
}

/* Who connects keeps the address for a while. */
static void test_renewed_by_connecting(void)
{
	if (names_enter()) {
		aeg_datapath_set_ttl_min(datapath, 60);
		CHECK(world_ask("a-5-10-1-1.wild.test"));
		set_left("5.10.1.1", 5);
		CHECK_EQUAL(try_connect("5.10.1.1", TLS_PORT), 0);
		CHECK(left_of("5.10.1.1") >= 59 && left_of("5.10.1.1") <= 60);
		set_left("5.10.1.1", 200);
		CHECK_EQUAL(try_connect("5.10.1.1", TLS_PORT), 0);
		CHECK(left_of("5.10.1.1") > 190);
	}
	names_leave();
}

/* 64 records do not fit one packet of 600 bytes. */
static void test_fragments(void)
{
	if (names_enter()) {
		world_mtu(600);
		world->records = 64;
		CHECK(world_ask("a-5-10-2-1.rival.test"));
		CHECK(world_learned("5.10.2.1") && world_learned("5.10.2.64"));
		CHECK_EQUAL(learnings(AEG_LEARNING_NEW), 64);
		CHECK(world_ask("a-5-10-2-1.rival.test"));
		CHECK_EQUAL(learnings(AEG_LEARNING_AGAIN), 64);
	}
	names_leave();
}

const struct test dns_tests[] = {
	{"dns: an address is known before its answer is read", test_learned_at_once},
	{"dns: letter case, both families, mapped addresses", test_case_and_families},
	{"dns: 1,000 new addresses, none missed", test_race},
	{"dns: lies teach nothing", test_lies},
	{"dns: names of all lengths", test_lengths},
	{"dns: special-use addresses are not believed", test_special_use},
	{"dns: those that the name's endpoint declares are", test_declared},
	{"dns: one address, several names", test_shared_address},
	{"dns: an answer that repeats itself renews", test_renewed},
	{"dns: an answer is read once a second", test_same_second},
	{"dns: so is one that no pattern covers", test_same_second_no_pattern},
	{"dns: the next second it is read again", test_next_second},
	{"dns: a resolver beside a stranger, from one socket", test_beside_a_stranger},
	{"dns: as many open questions as fit, and one more", test_many_open},
	{"dns: a ninth pattern at one address", test_crowded},
	{"dns: connecting renews", test_renewed_by_connecting},
	{"dns: an answer in fragments", test_fragments},
	{"dns: other resolvers and other processes teach nothing", test_untrusted_resolver},
	{NULL, NULL},
};
