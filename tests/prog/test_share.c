/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One workload's share of the learned addresses: what counts against it, when it binds, and that all of
 * it comes back.
 */
#include "daemon/janitor.h"
#include "daemon/shares.h"
#include "tests/prog/names_policy.h"
#include "tests/prog/tests.h"
#include <bpf/bpf.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHARE 20
#define LONG_DEAD 120 /* s after it expired that nobody waits for an answer any more */

static void move_to(const char *cgroup)
{
	stage_leave();
	stage_enter(cgroup);
}

static void set_count(uint32_t n)
{
	aeg_datapath_learned_settle(datapath, aeg_datapath_learned_count(datapath), n);
	CHECK_EQUAL(aeg_datapath_learned_count(datapath), n);
}

static bool start_empty(void)
{
	world_start();
	if (!names_start())
		return false;
	aeg_datapath_set_share(datapath, SHARE);
	stage_enter(IN_A);
	return true;
}

/* As if others had all of the table that is common, so that the share binds: until it is swept. */
static bool start(void)
{
	bool started = start_empty();

	if (started)
		set_count(AEG_LEARNED_COMMON);
	return started;
}

static void stop(void)
{
	stage_leave();
	datapath_stop();
	world_stop();
}

static int open_map(const char *name)
{
	AEG_AUTO_FREE char *path = aeg_xasprintf("%s/maps/%s", stage.pin_dir, name);

	return needed(bpf_obj_get(path));
}

/* Asks for names with the addresses 5.NET.0.FROM and on; whether the last of them is known now. */
static bool ask_for(int net, int from, int n)
{
	char text[64], addr[32];

	for (int i = from; i < from + n; i++) {
		snprintf(text, sizeof(text), "a-5-%d-%d-%d.wild.test", net, i / 250, i % 250);
		snprintf(addr, sizeof(addr), "5.%d.%d.%d", net, i / 250, i % 250);
		CHECK(world_ask(text));
	}
	return world_learned(addr);
}

static uint64_t used_by(uint32_t workload)
{
	AEG_CLEANUP(aeg_shares_done) struct aeg_shares shares = {0};
	const struct aeg_share *share;

	CHECK_EQUAL(aeg_shares_read(datapath, &shares), 0);
	share = aeg_shares_find(&shares, workload);
	return share ? aeg_share_used(share) : 0;
}

struct entries {
	uint32_t workload;
	uint64_t n, all;
};

static void count_entry(void *arg, const struct aeg_learned *learned)
{
	struct entries *entries = arg;

	entries->n += learned->workload == entries->workload;
	entries->all++;
}

/* What the table itself says: used_by() must agree. */
static struct entries entries_of(uint32_t workload)
{
	struct entries entries = {.workload = workload};

	CHECK_EQUAL(aeg_datapath_learned(datapath, count_entry, &entries), 0);
	return entries;
}

static void check_used(uint32_t workload, uint64_t n)
{
	CHECK_EQUAL(entries_of(workload).n, n);
	CHECK_EQUAL(used_by(workload), n);
}

static void check_all(uint64_t n)
{
	CHECK_EQUAL(entries_of(0).all, n);
	CHECK_EQUAL(aeg_datapath_learned_count(datapath), n);
}

/* Finds out how many addresses there are. */
static size_t sweep_and_count(void)
{
	struct aeg_janitor *janitor = NULL;
	struct aeg_loop *loop = NULL;
	size_t left = 0;

	CHECK_EQUAL(aeg_loop_new(&loop), 0);
	CHECK_EQUAL(aeg_janitor_open(datapath, loop, &janitor), 0);
	CHECK_EQUAL(aeg_janitor_sweep(janitor, &left), 0);
	aeg_janitor_close(janitor);
	aeg_loop_free(loop);
	return left;
}

/* The share binds afterwards, as it did before. */
static size_t sweep(void)
{
	size_t left = sweep_and_count();

	set_count(AEG_LEARNED_COMMON);
	return left;
}

/* Else an answer that was read in this second is not read again: it cannot have expired. */
static void forget_proofs(void)
{
	aeg_datapath_set_ttl_min(datapath, AEG_TTL_MIN);
}

/* As if these had expired long ago. */
static void expire(int net, int from, int n)
{
	AEG_AUTO_CLOSE int map = open_map("learned");

	for (int i = from; i < from + n; i++) {
		struct aeg_learned learned;
		struct aeg_addr addr;
		char text[32];

		snprintf(text, sizeof(text), "5.%d.%d.%d", net, i / 250, i % 250);
		addr = world_addr(text);
		CHECK_EQUAL(aeg_datapath_learned_get(datapath, &addr, &learned), 0);
		learned.members[0].expires = aeg_now_s() - LONG_DEAD;
		CHECK_EQUAL(bpf_map_update_elem(map, &addr, &learned, BPF_EXIST), 0);
	}
	forget_proofs();
}

/* ---- what counts ---- */

static void test_starved(void)
{
	if (start()) {
		CHECK(ask_for(20, 0, SHARE));
		CHECK_EQUAL(learnings(AEG_LEARNING_SHARE), 0);
		CHECK(!ask_for(20, SHARE, 5));
		CHECK_EQUAL(learnings(AEG_LEARNING_NEW), SHARE);
		CHECK_EQUAL(learnings(AEG_LEARNING_SHARE), 5);
		CHECK(!ask_for(20, SHARE + 4, 1)); /* not something to prove */
		CHECK_EQUAL(learnings(AEG_LEARNING_SHARE), 6);
		check_used(WORKLOAD_A, SHARE);

		move_to(IN_B);
		CHECK(ask_for(21, 0, SHARE));
		CHECK(!ask_for(21, SHARE, 1));
		check_used(WORKLOAD_B, SHARE);
		check_used(WORKLOAD_A, SHARE);
	}
	stop();
}

/* Whoever has its share goes on while a part of the table is common, others when that is over. */
static void test_room(void)
{
	if (start_empty()) {
		CHECK(ask_for(18, 0, SHARE + 10));
		check_used(WORKLOAD_A, SHARE + 10);
		check_all(SHARE + 10);

		set_count(AEG_LEARNED_COMMON - 1);
		CHECK(ask_for(18, SHARE + 10, 1));
		CHECK_EQUAL(learnings(AEG_LEARNING_SHARE), 0);
		CHECK(!ask_for(18, SHARE + 11, 1));
		CHECK_EQUAL(learnings(AEG_LEARNING_SHARE), 1);

		move_to(IN_B);
		CHECK(ask_for(19, 0, SHARE));
		CHECK(!ask_for(19, SHARE, 1));
		check_used(WORKLOAD_B, SHARE);
		CHECK_EQUAL(learnings(AEG_LEARNING_SHARE), 2);
		set_count(AEG_LEARNED_COMMON - 1);
		CHECK(ask_for(19, SHARE, 1));
	}
	stop();
}

/* An address that is known costs nobody anything, whoever taught it, and whatever his share. */
static void test_shared(void)
{
	if (start()) {
		CHECK(ask_for(22, 0, SHARE));
		CHECK(!ask_for(23, 0, 1));
		move_to(IN_B);
		CHECK(ask_for(22, 0, SHARE));
		check_used(WORKLOAD_B, 0);
		CHECK(ask_for(23, 0, 1));
		check_used(WORKLOAD_B, 1);
		move_to(IN_A);
		CHECK(ask_for(23, 0, 1));
		CHECK(world_ask("a-5-22-0-1.rival.test")); /* another name at one that is known */
		CHECK_EQUAL(learnings(AEG_LEARNING_SHARE), 1);
		check_used(WORKLOAD_A, SHARE);
		check_used(WORKLOAD_B, 1);
	}
	stop();
}

/* Of one answer as much is learned as there is room for. */
static void test_one_answer(void)
{
	if (start()) {
		world->records = SHARE + 4;
		CHECK(world_ask("a-5-24-0-1.wild.test"));
		CHECK(world_learned("5.24.0.20") && !world_learned("5.24.0.21"));
		CHECK_EQUAL(learnings(AEG_LEARNING_SHARE), 4);
		aeg_datapath_set_share(datapath, SHARE + 4);
		CHECK(world_ask("a-5-24-0-1.wild.test"));
		CHECK(world_learned("5.24.0.24"));
	}
	stop();
}

/* ---- what comes back ---- */

static void test_given_back(void)
{
	if (start()) {
		CHECK(ask_for(26, 0, SHARE));
		expire(26, 3, 7);
		CHECK(!ask_for(27, 0, 1)); /* they are in the table still */
		CHECK_EQUAL(sweep(), SHARE - 7 + 1);
		check_used(WORKLOAD_A, SHARE - 7);
		CHECK(ask_for(27, 0, 7));
		CHECK(!ask_for(27, 7, 1));
		check_used(WORKLOAD_A, SHARE);
		/* Renewed before it is swept: it stays. */
		expire(26, 0, 1);
		CHECK(ask_for(26, 0, 1));
		sweep();
		check_used(WORKLOAD_A, SHARE);
	}
	stop();
}

/* Nothing is left of a workload that has nothing, so that no number of them fills the map. */
static void test_forgotten(void)
{
	if (start()) {
		AEG_CLEANUP(aeg_shares_done) struct aeg_shares shares = {0};

		CHECK(ask_for(28, 0, 5));
		expire(28, 0, 5);
		CHECK_EQUAL(sweep(), 1);
		CHECK_EQUAL(sweep(), 1);
		CHECK_EQUAL(sweep(), 0);
		CHECK_EQUAL(aeg_shares_read(datapath, &shares), 0);
		CHECK_EQUAL(shares.list.n, 0);
		CHECK(ask_for(28, 0, SHARE));
		check_used(WORKLOAD_A, SHARE);
	}
	stop();
}

static void delete_uncounted(int net, int n)
{
	AEG_AUTO_CLOSE int map = open_map("learned");

	for (int i = 0; i < n; i++) {
		char text[32];
		struct aeg_addr addr;

		snprintf(text, sizeof(text), "5.%d.0.%d", net, i);
		addr = world_addr(text);
		CHECK_EQUAL(bpf_map_delete_elem(map, &addr), 0);
	}
	forget_proofs();
}

/*
 * A daemon that was killed when it had deleted and not yet counted; a count that is wrong both ways. The
 * next one finds the pins like this.
 */
static void test_killed(void)
{
	if (start()) {
		static const uint64_t wrong[] = {3, 1000, (uint64_t)-1000};

		CHECK(ask_for(29, 0, SHARE));
		delete_uncounted(29, 4);
		CHECK(!ask_for(29, 0, 1));
		sweep();
		check_used(WORKLOAD_A, SHARE - 4);
		for (size_t i = 0; i < AEG_ARRAY_SIZE(wrong); i++) {
			CHECK_EQUAL(aeg_datapath_share_back(datapath, WORKLOAD_A, wrong[i]), 0);
			sweep();
			check_used(WORKLOAD_A, SHARE - 4);
		}
		CHECK(ask_for(29, 0, 4));
		CHECK(!ask_for(30, 0, 1));
	}
	stop();
}

/* The same for the count of all addresses. One that has run below nothing keeps everybody to his share. */
static void test_killed_sum(void)
{
	static const uint32_t wrong[] = {0, SHARE, AEG_LEARNED_COMMON, UINT32_MAX};
	const struct aeg_datapath_config config = stage_config();

	if (start_empty()) {
		CHECK(ask_for(35, 0, SHARE));
		delete_uncounted(35, 4);
		aeg_datapath_close(datapath);
		CHECK(datapath_start(&config) && names_install());
		CHECK_EQUAL(aeg_datapath_learned_count(datapath), SHARE);
		sweep_and_count();
		check_all(SHARE - 4);
		for (size_t i = 0; i < AEG_ARRAY_SIZE(wrong); i++) {
			set_count(wrong[i]);
			sweep_and_count();
			check_all(SHARE - 4);
		}
		CHECK(ask_for(36, 0, 4));
		set_count(UINT32_MAX - 1);
		CHECK(!ask_for(36, 4, 1));
		sweep_and_count();
		CHECK(ask_for(36, 4, 1));
		check_all(SHARE + 1);
	}
	stop();
}

/* The next daemon goes on with the pinned counts. */
static void test_adopted(void)
{
	const struct aeg_datapath_config config = stage_config();

	if (start()) {
		CHECK(ask_for(31, 0, SHARE));
		aeg_datapath_close(datapath);
		CHECK(datapath_start(&config) && names_install());
		check_used(WORKLOAD_A, SHARE);
		CHECK(!ask_for(31, SHARE, 1));
		expire(31, 0, 2);
		sweep();
		CHECK(ask_for(31, SHARE, 2));
		check_used(WORKLOAD_A, SHARE);
	}
	stop();
}

/* ---- while it is swept ---- */

#define SWEEPS 200
#define ASKED_FOR 5000

/* Asks for what is new, or was until it was swept, until it is killed. */
static pid_t ask_without_end(void)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	for (int i = 0;; i = (i + 1) % ASKED_FOR)
		(void)ask_for(40, i, 1);
}

static void expire_all(void *arg, const struct aeg_learned *learned)
{
	struct aeg_learned dead = *learned;
	const int *map = arg;

	dead.members[0].expires = aeg_now_s() - LONG_DEAD;
	(void)bpf_map_update_elem(*map, learned->addr, &dead, BPF_EXIST | BPF_F_LOCK);
}

static void test_while_learning(void)
{
	pid_t pid;

	if (start_empty()) {
		AEG_AUTO_CLOSE int map = open_map("learned");

		pid = ask_without_end();
		for (int i = 0; i < SWEEPS; i++) {
			CHECK_EQUAL(aeg_datapath_learned(datapath, expire_all, &map), 0);
			sweep_and_count();
			/* One that was just put in may be counted twice until the next sweep. */
			CHECK(aeg_datapath_learned_count(datapath) <= ASKED_FOR + 1);
		}
		CHECK(learnings(AEG_LEARNING_NEW) > SWEEPS);
		kill(pid, SIGKILL);
		CHECK_EQUAL(waitpid(pid, NULL, 0), pid);
		sweep_and_count();
		check_used(WORKLOAD_A, entries_of(WORKLOAD_A).n);
		check_all(entries_of(WORKLOAD_A).n);
	}
	stop();
}

/* ---- no room ---- */

/* Of the table itself: nobody learns, and nobody is charged. */
static void test_full_table(void)
{
	if (start()) {
		AEG_AUTO_CLOSE int map = open_map("learned");
		struct aeg_learned other = {.workload = 1000};

		for (uint32_t i = 0; i < AEG_LEARNED_MAX; i++) {
			memcpy(other.addr, &i, sizeof(i));
			CHECK_EQUAL(bpf_map_update_elem(map, other.addr, &other, BPF_NOEXIST), 0);
		}
		CHECK(!ask_for(33, 0, 1));
		CHECK_EQUAL(learnings(AEG_LEARNING_FULL), 1);
		check_used(WORKLOAD_A, 0);
		sweep_and_count(); /* they stand for nothing */
		check_all(0);
		CHECK(ask_for(33, 0, 1));
		check_used(WORKLOAD_A, 1);
		check_all(1);
	}
	stop();
}

static void test_no_room(void)
{
	if (start()) {
		AEG_AUTO_CLOSE int map = open_map("shares");
		uint64_t errors[AEG_ERROR_MAX], zero = 0;

		for (uint32_t i = 0; i < AEG_SHARES_MAX; i++) {
			const struct aeg_share_key key = {.workload = 1000 + i / 2, .side = i % 2};

			CHECK_EQUAL(bpf_map_update_elem(map, &key, &zero, BPF_ANY), 0);
		}
		CHECK(!ask_for(32, 0, 1));
		CHECK_EQUAL(learnings(AEG_LEARNING_SHARE), 1);
		CHECK_EQUAL(aeg_datapath_errors(datapath, errors), 0);
		CHECK(errors[AEG_ERROR_SHARE_FULL] >= 1);
		sweep(); /* those workloads have nothing */
		CHECK(ask_for(32, 0, 1));
	}
	stop();
}

const struct test share_tests[] = {
	{"share: one that is used up teaches nothing new, others learn", test_starved},
	{"share: beyond it while there is room", test_room},
	{"share: a known address costs nothing", test_shared},
	{"share: an answer of more than there is room for", test_one_answer},
	{"share: what expires comes back", test_given_back},
	{"share: a workload without addresses is forgotten", test_forgotten},
	{"share: what a killed daemon left uncounted", test_killed},
	{"share: a killed daemon's count of all", test_killed_sum},
	{"share: counts are adopted", test_adopted},
	{"share: swept while it is learned", test_while_learning},
	{"share: a full table", test_full_table},
	{"share: no room to count", test_no_room},
	{NULL, NULL},
};
