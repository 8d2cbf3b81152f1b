/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What follows the first ClientHello. A server that asks for another one (HelloRetryRequest) goes by
 * the second, and steps over what may lie between the two: so do we, however it is cut.
 */
#include "tests/prog/say.h"
#include "tests/prog/tests.h"
#include "base/mem.h"
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define UNKNOWN "5.31.0.1" /* nobody learned it */
#define GOOD "a.wild.test"
#define BAD "x.rival.test"
#define WHOLE 8192

#define CCS "\x14\x03\x03\x00\x01\x01"
#define USER_CANCELED "\x15\x03\x03\x00\x02\x01\x5a"
#define DATA "\x17\x03\x03\x00\x12seventeen-or-more."
#define CCS4 CCS CCS CCS CCS
#define DATA4 DATA DATA DATA DATA
#define DATA16 DATA4 DATA4 DATA4 DATA4

/* A connection whose first hello was let through. */
static int greeted(const char *addr, unsigned int flags)
{
	int fd = say_connect(addr, TLS_PORT);
	struct wire first;

	wire_hello(GOOD, flags, 0, &first);
	CHECK_EQUAL(world_send(fd, first.data, first.len), 0);
	return fd;
}

struct second {
	const char *what;
	unsigned int first; /* flags of the first hello */
	const char *between;
	size_t len;
	unsigned int flags; /* of the second */
	size_t size;
	uint8_t minor; /* of its legacy_version */
	uint8_t reason;
};

#define BETWEEN(bytes) bytes, sizeof(bytes) - 1
#define NAME_OF(row) ((row)->reason == AEG_REASON_NAME_NOT_ALLOWED ? BAD : "")

static const struct second seconds[] = {
	{"nothing", 0, BETWEEN(""), 0, 0, 3, AEG_REASON_NAME_NOT_ALLOWED},
	{"CCS", 0, BETWEEN(CCS), 0, 0, 3, AEG_REASON_NAME_NOT_ALLOWED},
	{"CCS, CCS", 0, BETWEEN(CCS CCS), 0, 0, 3, AEG_REASON_NAME_NOT_ALLOWED},
	{"32 CCS", 0, BETWEEN(CCS4 CCS4 CCS4 CCS4 CCS4 CCS4 CCS4 CCS4), 0, 0, 3,
	 AEG_REASON_NAME_NOT_ALLOWED},
	{"CCS, warning", 0, BETWEEN(CCS USER_CANCELED), 0, 0, 3, AEG_REASON_NAME_NOT_ALLOWED},
	{"warning", 0, BETWEEN(USER_CANCELED), 0, 0, 3, AEG_REASON_NAME_NOT_ALLOWED},
	{"warning, CCS", 0, BETWEEN(USER_CANCELED CCS), 0, 0, 3, AEG_REASON_NAME_NOT_ALLOWED},
	{"an empty record", 0, BETWEEN("\x16\x03\x03\x00\x00"), 0, 0, 3, AEG_REASON_TLS_MALFORMED},
	{"CCS, an empty record", 0, BETWEEN(CCS "\x16\x03\x03\x00\x00"), 0, 0, 3,
	 AEG_REASON_TLS_MALFORMED},
	{"a heartbeat", 0, BETWEEN("\x18\x03\x03\x00\x03\x01\x00\x00"), 0, 0, 3,
	 AEG_REASON_TLS_MALFORMED},
	{"a long CCS", 0, BETWEEN("\x14\x03\x03\x00\x07\x01\x17\x03\x03\x00\x00\x00"), 0, 0, 3,
	 AEG_REASON_TLS_MALFORMED},
	{"an odd version", 0, BETWEEN("\x14\x04\x03\x00\x01\x01"), 0, 0, 3,
	 AEG_REASON_TLS_MALFORMED},
	{"too long", 0, BETWEEN(""), 0, 5000, 3, AEG_REASON_HELLO_TOO_LONG},
	{"CCS, too long", 0, BETWEEN(CCS), 0, 5000, 3, AEG_REASON_HELLO_TOO_LONG},
	{"CCS, too long, old", 0, BETWEEN(CCS), 0, 5000, 1, AEG_REASON_HELLO_TOO_LONG},
	{"CCS, old", 0, BETWEEN(CCS), 0, 0, 1, AEG_REASON_NAME_NOT_ALLOWED},
	{"without a name", 0, BETWEEN(""), WIRE_NO_NAME, 0, 3, AEG_REASON_NAME_MISSING},
	{"CCS, without a name, old", 0, BETWEEN(CCS), WIRE_NO_NAME, 0, 2, AEG_REASON_NAME_MISSING},
	{"early data", WIRE_EARLY, BETWEEN(DATA), 0, 0, 3, AEG_REASON_NAME_NOT_ALLOWED},
	{"CCS, early data, CCS", WIRE_EARLY, BETWEEN(CCS DATA4 CCS), 0, 0, 3,
	 AEG_REASON_NAME_NOT_ALLOWED},
	{"64 records of early data", WIRE_EARLY, BETWEEN(DATA16 DATA16 DATA16 DATA16), 0, 0, 3,
	 AEG_REASON_NAME_NOT_ALLOWED},
};

static void second_wire(const struct second *row, const char *name, struct wire *ret)
{
	struct wire hello;

	wire_hello(name, row->flags, row->size, &hello);
	hello.data[10] = row->minor;
	ret->len = 0;
	wire_append(ret, row->between, row->len);
	wire_append(ret, hello.data, hello.len);
}

/* The same is said of it in one segment and in pieces of any size. */
static void second_denied(const struct second *row, const char *addr, size_t piece)
{
	AEG_AUTO_CLOSE int fd = greeted(addr, row->first);
	struct wire wire;

	check_context("%s, denied, pieces of %zu, %s", row->what, piece, addr);
	second_wire(row, BAD, &wire);
	if (piece >= wire.len) {
		say_denied(fd, &wire, row->reason, NAME_OF(row));
		return;
	}
	CHECK(say(fd, &wire, piece) < wire.len);
	check_denied(AEG_HOOK_HELLO, row->reason, NAME_OF(row));
}

static void second_passes(const struct second *row, const char *addr, size_t piece)
{
	AEG_AUTO_CLOSE int fd = greeted(addr, row->first);
	struct wire wire;

	check_context("%s, allowed, pieces of %zu, %s", row->what, piece, addr);
	second_wire(row, GOOD, &wire);
	CHECK_EQUAL(say(fd, &wire, piece), wire.len);
	CHECK(!named_last(AEG_EVENT_DENY));
}

static void test_denied(void)
{
	static const size_t pieces[] = {WHOLE, 600, 3, 1};

	if (say_enter()) {
		for (size_t i = 0; i < AEG_ARRAY_SIZE(seconds); i++)
			for (size_t j = 0; j < AEG_ARRAY_SIZE(pieces); j++)
				if (pieces[j] > 3 || seconds[i].size + seconds[i].len < 100)
					second_denied(&seconds[i], SHARED, pieces[j]);
	}
	names_leave();
}

/* The controls: with the name of the first, a server gets what it gets today. */
static void test_allowed(void)
{
	static const size_t pieces[] = {WHOLE, 50};

	if (say_enter()) {
		for (size_t i = 0; i < AEG_ARRAY_SIZE(seconds); i++)
			for (size_t j = 0; j < AEG_ARRAY_SIZE(pieces); j++)
				if (seconds[i].reason == AEG_REASON_NAME_NOT_ALLOWED)
					second_passes(&seconds[i], SHARED, pieces[j]);
	}
	names_leave();
}

/* No name is demanded of an address that nobody knows; but one that was given stays. */
static void test_unknown_address(void)
{
	struct wire wire;

	if (say_enter()) {
		AEG_AUTO_CLOSE int fd = say_connect(UNKNOWN, TLS_PORT);

		for (size_t i = 0; i < AEG_ARRAY_SIZE(seconds); i++)
			second_denied(&seconds[i], UNKNOWN, WHOLE);
		check_context("never a name");
		wire_hello("", WIRE_NO_NAME, 0, &wire);
		CHECK_EQUAL(say(fd, &wire, WHOLE), wire.len);
		CHECK_EQUAL(say(fd, &wire, WHOLE), wire.len);
	}
	names_leave();
}

/* An address that a rule allows: names that no deny rule is about may be any, but the same. */
static void test_open_address(void)
{
	struct wire rival, good;

	wire_hello(BAD, 0, 0, &rival);
	wire_hello(GOOD, 0, 0, &good);
	if (say_enter()) {
		AEG_AUTO_CLOSE int same = say_connect(OPEN_ADDR, TLS_PORT);
		AEG_AUTO_CLOSE int other = say_connect(OPEN_ADDR, TLS_PORT);

		for (int i = 0; i < 2; i++)
			CHECK_EQUAL(say(same, &rival, WHOLE), rival.len);
		CHECK_EQUAL(say(other, &good, WHOLE), good.len);
		say_denied(other, &rival, AEG_REASON_NAME_NOT_ALLOWED, BAD);
	}
	names_leave();
}

/* What cannot be read for sure is no second hello. */
static void test_urgent(void)
{
	struct wire wire;

	if (say_enter()) {
		AEG_AUTO_CLOSE int fd = greeted(SHARED, 0);

		wire_hello(GOOD, 0, 0, &wire);
		named_reset();
		CHECK_EQUAL(send(fd, wire.data, wire.len, MSG_OOB | MSG_NOSIGNAL), wire.len);
		CHECK(say_unacked(fd));
		check_denied(AEG_HOOK_HELLO, AEG_REASON_TLS_MALFORMED, "");
	}
	names_leave();
}

/* What a client goes on with that was not asked for a second hello; behind it anything may come. */
static const struct ordinary {
	const char *what, *bytes;
	size_t len;
	unsigned int first;
	bool over; /* nothing more is read */
} ordinary[] = {
	{"TLS 1.3", BETWEEN(CCS DATA), 0, true},
	{"TLS 1.3, not compatible", BETWEEN(DATA), 0, true},
	{"TLS 1.2", BETWEEN("\x16\x03\x03\x00\x08\x10\x00\x00\x04wxyz" CCS), 0, true},
	{"TLS 1.2 resumed", BETWEEN(CCS "\x16\x03\x03\x00\x28\x00sixteen sixteen sixteen sixteen."),
	 0, true},
	{"TLS 1.2 resumed, like a hello",
	 BETWEEN(CCS "\x16\x03\x03\x00\x28\x01\x04\x00\x00ixteen sixteen sixteen sixteen sixt"), 0,
	 true},
	{"an alert", BETWEEN("\x15\x03\x03\x00\x02\x02\x28"), 0, false},
	{"early data", BETWEEN(CCS DATA16 DATA), WIRE_EARLY, false},
};

static void goes_on(const struct ordinary *row, size_t piece)
{
	AEG_AUTO_CLOSE int fd = greeted(SHARED, row->first);
	struct wire wire = {0};

	check_context("%s, pieces of %zu", row->what, piece);
	wire_append(&wire, row->bytes, row->len);
	CHECK_EQUAL(say(fd, &wire, piece), wire.len);
	CHECK(!named_last(AEG_EVENT_DENY));
	wire_hello(BAD, 0, 0, &wire);
	if (row->over)
		CHECK_EQUAL(say(fd, &wire, WHOLE), wire.len);
	else
		say_denied(fd, &wire, AEG_REASON_NAME_NOT_ALLOWED, BAD);
}

static void test_ordinary(void)
{
	static const size_t pieces[] = {WHOLE, 20, 1};

	if (say_enter()) {
		for (size_t i = 0; i < AEG_ARRAY_SIZE(ordinary); i++)
			for (size_t j = 0; j < AEG_ARRAY_SIZE(pieces); j++)
				goes_on(&ordinary[i], pieces[j]);
	}
	names_leave();
}

/* One segment with more records than one look takes: all of them are stepped over. */
static void test_much_early_data(void)
{
	struct wire data = {0}, hello;

	if (say_enter()) {
		AEG_AUTO_CLOSE int fd = greeted(SHARED, WIRE_EARLY);

		while (data.len + sizeof(DATA) <= sizeof(data.data))
			wire_append(&data, DATA, sizeof(DATA) - 1);
		CHECK_EQUAL(say(fd, &data, WHOLE), data.len);
		wire_hello(BAD, 0, 0, &hello);
		say_denied(fd, &hello, AEG_REASON_NAME_NOT_ALLOWED, BAD);
	}
	names_leave();
}

/* Both in one segment. */
static void test_at_once(void)
{
	struct wire first, second;

	if (say_enter()) {
		for (int i = 0; i < 4; i++) {
			AEG_AUTO_CLOSE int fd = say_connect(SHARED, TLS_PORT);

			check_context("at once, %d", i);
			wire_hello(GOOD, 0, 0, &first);
			if (i & 1)
				wire_append(&first, CCS, sizeof(CCS) - 1);
			wire_hello(i & 2 ? GOOD : BAD, 0, 0, &second);
			wire_append(&first, second.data, second.len);
			if (i & 2)
				CHECK_EQUAL(say(fd, &first, WHOLE), first.len);
			else
				say_denied(fd, &first, AEG_REASON_NAME_NOT_ALLOWED, BAD);
		}
	}
	names_leave();
}

const struct test second_tests[] = {
	{"hello: the one after a HelloRetryRequest, denied", test_denied},
	{"hello: the one after a HelloRetryRequest, allowed", test_allowed},
	{"hello: a second one to an address that nobody knows", test_unknown_address},
	{"hello: a second one to an address that a rule allows", test_open_address},
	{"hello: a second one with an urgent byte", test_urgent},
	{"hello: both in one segment", test_at_once},
	{"hello: what else follows one", test_ordinary},
	{"hello: much early data", test_much_early_data},
	{NULL, NULL},
};
