/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What connections keep of what was learned, and what they do not. A's pod asks and connects. */
#include "base/loop.h"
#include "tests/prog/say.h"
#include "tests/prog/tests.h"
#include <sys/socket.h>
#include <unistd.h>

#define ADDR "5.30.0.1"
#define ADDR6 "2a00::51e:1" /* the same in AAAA */
#define ALLOWED "a-5-30-0-1.wild.test"
#define DENIED "a-5-30-0-1.rival.test"
#define DECLARED "a-5-200-0-2.wild.test" /* at OPEN_ADDR */
#define EXPIRED (-30)
#define LITTLE 5
#define ALL AEG_TTL_MIN

static bool start(void)
{
	world_start();
	if (!names_start())
		return false;
	stage_enter(IN_A);
	named_reset();
	return true;
}

static void stop(void)
{
	stage_leave();
	datapath_stop();
	world_stop();
}

static uint32_t now_s(void)
{
	return (uint32_t)(aeg_now_ns() / 1000000000u);
}

/* So many seconds are left of all that the address stands for. */
static void set_left(const char *addr, int left)
{
	struct aeg_learned learned = learned_of(addr);

	for (int i = 0; i < AEG_MEMBERS_MAX; i++)
		learned.members[i].expires = now_s() + (uint32_t)left;
	learned_put(&learned);
}

/* Of the name that this pattern matched, to a few seconds: it is as it was set, or has ALL. */
static bool has_left(const char *addr, uint32_t node, int left)
{
	struct aeg_learned learned = learned_of(addr);

	for (int i = 0; i < AEG_MEMBERS_MAX; i++) {
		int32_t has = (int32_t)(learned.members[i].expires - now_s());

		if (learned.members[i].node == node)
			return has <= left && has > left - 5;
	}
	return false;
}

/* A connection by this name that has shown it, and is open. */
static int connection(const char *addr, const char *name)
{
	int fd = say_connect(addr, TLS_PORT);
	struct wire wire;

	wire_hello(name, 0, 0, &wire);
	CHECK_EQUAL(say(fd, &wire, wire.len), wire.len);
	return fd;
}

/* Ends it at once, at both ends. */
static void end(int fd)
{
	const struct linger at_once = {.l_onoff = 1};

	CHECK_EQUAL(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
	close(fd);
}

/* The names expire; whether this one comes back. */
static bool kept(const char *addr, uint32_t node)
{
	set_left(addr, EXPIRED);
	CHECK_EQUAL(aeg_datapath_renew(datapath), 0);
	return !has_left(addr, node, EXPIRED);
}

static void test_its_name_alone(void)
{
	static const char *const addrs[] = {ADDR, "::ffff:" ADDR, ADDR6};
	uint8_t found[4][16];

	if (start()) {
		CHECK(world_ask(ALLOWED) && world_ask(DENIED));
		CHECK_EQUAL(world_resolve(ALLOWED, 28, found, 4), 1);
		CHECK_EQUAL(world_resolve(DENIED, 28, found, 4), 1);
		for (size_t i = 0; i < AEG_ARRAY_SIZE(addrs); i++) {
			int fd;

			check_context("%s", addrs[i]);
			set_left(addrs[i], ALL);
			fd = connection(addrs[i], ALLOWED);
			CHECK(kept(addrs[i], NODE_WILD));
			CHECK(has_left(addrs[i], NODE_WILD, ALL));
			CHECK(has_left(addrs[i], NODE_RIVALS, EXPIRED));
			CHECK_EQUAL(learnings(AEG_LEARNING_HELD), i + 1);
			end(fd);
			CHECK(!kept(addrs[i], NODE_WILD));
			CHECK_EQUAL(learnings(AEG_LEARNING_HELD), i + 1);
		}
	}
	stop();
}

/* More time than that is nobody's to take away. */
static void test_never_less(void)
{
	if (start()) {
		int fd;

		CHECK(world_ask(ALLOWED));
		fd = connection(ADDR, ALLOWED);
		set_left(ADDR, 3 * ALL);
		CHECK_EQUAL(aeg_datapath_renew(datapath), 0);
		CHECK(has_left(ADDR, NODE_WILD, 3 * ALL));
		CHECK_EQUAL(learnings(AEG_LEARNING_HELD), 0);
		set_left(ADDR, LITTLE);
		CHECK_EQUAL(aeg_datapath_renew(datapath), 0);
		CHECK(has_left(ADDR, NODE_WILD, ALL));
		end(fd);
	}
	stop();
}

/* After a reload the names may be another pattern's: what is good still stays good, all of it. */
static void test_other_patterns(void)
{
	if (start()) {
		int fd;
		struct aeg_learned learned;

		CHECK(world_ask(ALLOWED));
		fd = connection(ADDR, ALLOWED);
		CHECK(world_ask(DENIED));
		learned = learned_of(ADDR);
		CHECK_EQUAL(aeg_datapath_learned_move(datapath, learned.addr, &learned.members[0],
						      NODE_NAMES),
			    0);
		CHECK(!kept(ADDR, NODE_NAMES));
		set_left(ADDR, LITTLE);
		CHECK_EQUAL(aeg_datapath_renew(datapath), 0);
		CHECK(has_left(ADDR, NODE_NAMES, ALL));
		CHECK(has_left(ADDR, NODE_RIVALS, ALL));
		end(fd);
	}
	stop();
}

/* By an address that a rule allows as such, and at one that was learned too late. */
static void test_not_by_name(void)
{
	if (start()) {
		int early = connection(ADDR, ALLOWED), declared;

		CHECK(world_ask(ALLOWED) && world_ask(DECLARED));
		declared = connection(OPEN_ADDR, DECLARED);
		CHECK(!kept(OPEN_ADDR, NODE_WILD));
		CHECK(!kept(ADDR, NODE_WILD));
		CHECK_EQUAL(learnings(AEG_LEARNING_HELD), 0);
		end(declared);
		end(early);
	}
	stop();
}

static void test_denied(void)
{
	if (start()) {
		int fd;

		CHECK(world_ask(ALLOWED));
		fd = connection(ADDR, ALLOWED);
		CHECK(kept(ADDR, NODE_WILD));
		CHECK(names_revoke_wild());
		CHECK(!kept(ADDR, NODE_WILD));
		end(fd);
	}
	stop();
}

/* What was removed is not made again. */
static void test_nothing_is_learned(void)
{
	if (start()) {
		int fd;
		struct aeg_addr addr = world_addr(ADDR);

		CHECK(world_ask(ALLOWED));
		fd = connection(ADDR, ALLOWED);
		CHECK_EQUAL(aeg_datapath_learned_delete(datapath, addr.bytes), 0);
		CHECK_EQUAL(aeg_datapath_renew(datapath), 0);
		CHECK(!world_learned(ADDR));
		end(fd);
	}
	stop();
}

const struct test renew_tests[] = {
	{"renew: the name that the connection was let through for", test_its_name_alone},
	{"renew: never less than it had", test_never_less},
	{"renew: names that are another pattern's now", test_other_patterns},
	{"renew: connections that need no name", test_not_by_name},
	{"renew: a connection that was revoked", test_denied},
	{"renew: nothing is learned", test_nothing_is_learned},
	{NULL, NULL},
};
