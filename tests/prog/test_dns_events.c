/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What is told of answers: each that teaches, and of those that are refused a few a second. */
#include "base/loop.h"
#include "tests/prog/names_policy.h"
#include "tests/prog/tests.h"
#include <bpf/bpf.h>
#include <stdio.h>

static bool start_with(const struct aeg_datapath_config *config)
{
	world_start();
	if (!names_start_with(config))
		return false;
	stage_enter(IN_A);
	named_reset();
	return true;
}

static bool start(void)
{
	const struct aeg_datapath_config config = stage_config();

	return start_with(&config);
}

static void stop(void)
{
	stage_leave();
	datapath_stop();
	world_stop();
}

static bool same_addr(const uint8_t bytes[16], const char *text)
{
	struct aeg_addr addr = world_addr(text);

	return memcmp(bytes, addr.bytes, sizeof(addr.bytes)) == 0;
}

/* The last of its type is about this; addr "::": about none. */
static const struct named *check_told(uint8_t type, const char *name, uint32_t node,
				      const char *addr)
{
	const struct named *named = named_last(type);

	CHECK(named != NULL);
	if (!named)
		return NULL;
	CHECK(strcmp(named->name, name) == 0);
	CHECK(same_addr(named->base.daddr, addr));
	CHECK(same_addr(named->base.saddr, RESOLVER));
	CHECK_EQUAL(named->base.node, node);
	CHECK_EQUAL(named->base.workload, WORKLOAD_A);
	CHECK(named->base.cgroup != 0);
	return named;
}

static void check_refused(const char *name, uint32_t node, const char *addr, uint8_t refusal)
{
	const struct named *named = check_told(AEG_EVENT_REFUSED, name, node, addr);

	if (named)
		CHECK_EQUAL(named->base.refusal, refusal);
}

static void test_learned(void)
{
	const struct named *named;

	if (start()) {
		world->records = 3;
		CHECK(world_ask("a-5-11-0-1.wild.test"));
		named = check_told(AEG_EVENT_NAME, "a-5-11-0-1.wild.test", NODE_WILD, "5.11.0.3");
		CHECK(named && named->base.duration == 300ull * 1000000000);
		CHECK_EQUAL(named_count(AEG_EVENT_NAME), 3);
		world->records = 4; /* one of them is new */
		CHECK(world_ask("a-5-11-0-1.wild.test"));
		check_told(AEG_EVENT_NAME, "a-5-11-0-1.wild.test", NODE_WILD, "5.11.0.4");
		CHECK_EQUAL(named_count(AEG_EVENT_NAME), 4);
		CHECK(world_ask("a-5-11-0-1.wild.test"));
		CHECK_EQUAL(named_count(AEG_EVENT_NAME), 4);
		CHECK_EQUAL(named_count(AEG_EVENT_REFUSED), 0);
	}
	stop();
}

/* Nothing is new but the name: once, with the first address. */
static void test_new_name(void)
{
	if (start()) {
		world->records = 3;
		CHECK(world_ask("a-5-11-1-1.wild.test"));
		CHECK_EQUAL(named_count(AEG_EVENT_NAME), 3);
		CHECK(world_ask("a-5-11-1-1.x.wild.test"));
		check_told(AEG_EVENT_NAME, "a-5-11-1-1.x.wild.test", NODE_WILD, "5.11.1.1");
		CHECK_EQUAL(named_count(AEG_EVENT_NAME), 4);
		CHECK(world_ask("a-5-11-1-1.wild.test"));
		CHECK(world_ask("a-5-11-1-1.x.wild.test"));
		CHECK_EQUAL(named_count(AEG_EVENT_NAME), 4);
	}
	stop();
}

static void test_refused(void)
{
	static const struct {
		enum manner manner;
		uint8_t refusal;
	} lies[] = {
		{WRONG_ID, AEG_LEARNING_UNASKED},
		{TRUNCATED, AEG_REFUSED_MESSAGE | AEG_DNS_TRUNCATED},
		{CUT, AEG_REFUSED_MESSAGE | AEG_DNS_SHORT},
		{POINTER_LOOP, AEG_REFUSED_MESSAGE | AEG_DNS_BAD_LABEL},
		{BAD_LABEL, AEG_REFUSED_MESSAGE | AEG_DNS_BAD_LABEL},
		{BAD_LENGTH, AEG_REFUSED_MESSAGE | AEG_DNS_BAD_RECORD},
	};
	char name[64];

	if (start()) {
		for (size_t i = 0; i < AEG_ARRAY_SIZE(lies); i++) {
			check_context("%s", manner_names[lies[i].manner]);
			world->manner = lies[i].manner;
			snprintf(name, sizeof(name), "a-5-12-0-%zu.rival.test", i);
			CHECK(world_ask(name));
			check_refused(name, NODE_RIVALS, "::", lies[i].refusal);
			CHECK_EQUAL(named_count(AEG_EVENT_REFUSED), i + 1);
		}
		check_context("nobody's business");
		CHECK(world_ask("a-5-12-0-99.free.test")); /* no pattern covers it */
		world->manner = NO_SUCH_NAME;		   /* the resolver's word */
		CHECK(world_ask("a-5-12-0-99.rival.test"));
		CHECK_EQUAL(named_count(AEG_EVENT_REFUSED), AEG_ARRAY_SIZE(lies));
		CHECK_EQUAL(named_count(AEG_EVENT_NAME), 0);
	}
	stop();
}

/* Once an answer, for the first of its addresses that was. */
static void test_refused_addresses(void)
{
	char name[64];

	if (start()) {
		world->records = 3;
		CHECK(world_ask("a-10-12-1-1.wild.test"));
		check_refused("a-10-12-1-1.wild.test", NODE_WILD, "10.12.1.1",
			      AEG_LEARNING_SPECIAL);
		CHECK_EQUAL(learnings(AEG_LEARNING_SPECIAL), 3);
		CHECK_EQUAL(named_count(AEG_EVENT_REFUSED), 1);
		world->records = 0;
		for (int i = 0; i < CROWD; i++) {
			snprintf(name, sizeof(name), "a-5-12-1-1.c%d.test", i);
			CHECK(world_ask(name));
		}
		check_refused(name, NODE_CROWD + CROWD - 1, "5.12.1.1", AEG_LEARNING_CROWDED);
		CHECK_EQUAL(named_count(AEG_EVENT_REFUSED), 2);
	}
	stop();
}

#define FLOOD 200

/* A forger: all is counted, little is told. */
static void test_flood(void)
{
	uint64_t begun = aeg_now_ns(), seconds;
	size_t told;

	if (start()) {
		world->manner = WRONG_ID;
		for (int i = 0; i < FLOOD; i++)
			CHECK(world_ask("a-5-12-2-1.rival.test"));
		seconds = (aeg_now_ns() - begun) / 1000000000 + 2;
		told = named_count(AEG_EVENT_REFUSED);
		CHECK(told >= 16 && told <= 16 * seconds);
		CHECK_EQUAL(learnings(AEG_LEARNING_UNASKED), FLOOD);
		CHECK_EQUAL(learnings(AEG_LEARNING_QUIET), FLOOD - told);
	}
	stop();
}

/* What anybody can bring about leaves the other half of the ring alone. */
static void test_half_full(void)
{
	struct aeg_datapath_config config = stage_config();
	char name[64];

	config.ring_bytes = (size_t)sysconf(_SC_PAGESIZE);
	if (start_with(&config)) {
		for (int i = 0; i < 12; i++) {
			snprintf(name, sizeof(name), "a-5-12-3-%d.rival.test", i);
			CHECK(world_ask(name));
		}
		world->manner = WRONG_ID;
		CHECK(world_ask("a-5-12-3-99.rival.test"));
		CHECK_EQUAL(learnings(AEG_LEARNING_QUIET), 1);
		CHECK_EQUAL(named_count(AEG_EVENT_REFUSED), 0); /* and the ring is empty */
		CHECK_EQUAL(named_count(AEG_EVENT_NAME), 12);
		CHECK(world_ask("a-5-12-3-99.rival.test"));
		CHECK_EQUAL(learnings(AEG_LEARNING_QUIET), 1);
		check_refused("a-5-12-3-99.rival.test", NODE_RIVALS, "::", AEG_LEARNING_UNASKED);
	}
	stop();
}

static void want_nothing(void)
{
	AEG_AUTO_FREE char *path = aeg_xasprintf("%s/maps/gens", stage.pin_dir);
	AEG_AUTO_CLOSE int map = bpf_obj_get(path);
	struct aeg_gen gen;

	for (uint32_t slot = 0; slot < AEG_SLOTS; slot++) {
		CHECK_EQUAL(bpf_map_lookup_elem(map, &slot, &gen), 0);
		gen.reports = 0;
		CHECK_EQUAL(bpf_map_update_elem(map, &slot, &gen, BPF_EXIST), 0);
	}
}

static void test_unwanted(void)
{
	if (start()) {
		want_nothing();
		world->manner = WRONG_ID;
		CHECK(world_ask("a-5-12-4-1.rival.test"));
		world->manner = HONESTLY;
		CHECK(world_ask("a-10-12-4-1.rival.test"));
		CHECK_EQUAL(named_count(AEG_EVENT_REFUSED), 0);
		CHECK_EQUAL(learnings(AEG_LEARNING_UNASKED), 1);
		CHECK_EQUAL(learnings(AEG_LEARNING_SPECIAL), 1);
		CHECK_EQUAL(learnings(AEG_LEARNING_QUIET), 0);
	}
	stop();
}

const struct test dns_event_tests[] = {
	{"dns events: what is new is told, once", test_learned},
	{"dns events: a new name for what is known", test_new_name},
	{"dns events: refused answers, and why", test_refused},
	{"dns events: refused addresses", test_refused_addresses},
	{"dns events: a flood is counted, not told", test_flood},
	{"dns events: half of the ring is for others", test_half_full},
	{"dns events: nobody wants to know", test_unwanted},
	{0},
};
