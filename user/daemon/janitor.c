/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The table is read first and changed afterwards: a walk over a hash that changes may repeat itself. */
#include "daemon/janitor.h"
#include "base/log.h"
#include "daemon/shares.h"

#define COMPONENT "names"
#define SWEEP_MS 60000
#define LINGER_S 60 /* after the last member expired: an answer may be on its way */

struct aeg_janitor {
	struct aeg_datapath *datapath;
	struct aeg_watch *sweep;
	bool awake;
};

uint32_t aeg_now_s(void)
{
	return (uint32_t)(aeg_now_ns() / 1000000000u);
}

uint32_t aeg_member_left(const struct aeg_member *member, uint32_t now)
{
	int32_t left = (int32_t)(member->expires - now);

	return member->node && left > 0 ? (uint32_t)left : 0;
}

/* ---- sweeping ---- */

struct dead_one {
	struct aeg_addr addr;
	uint32_t workload;
};
struct sweep {
	uint32_t now;
	size_t alive;
	AEG_VEC(struct dead_one) dead;
	struct aeg_shares shares; /* as they were before the table was read */
};

static void sweep_done(struct sweep *sweep)
{
	AEG_VEC_DONE(sweep->dead);
	aeg_shares_done(&sweep->shares);
}

static bool is_dead(const struct aeg_learned *learned, uint32_t now)
{
	for (size_t i = 0; i < AEG_MEMBERS_MAX; i++) {
		const struct aeg_member *member = &learned->members[i];

		if (member->node && (int32_t)(member->expires + LINGER_S - now) > 0)
			return false;
	}
	return true;
}

static void collect(void *arg, const struct aeg_learned *learned)
{
	struct sweep *sweep = arg;
	struct aeg_share *share = aeg_shares_find(&sweep->shares, learned->workload);
	bool dead = is_dead(learned, sweep->now);
	struct dead_one *one;

	sweep->alive += !dead;
	if (share && dead)
		share->dead++;
	else if (share)
		share->alive++;
	if (!dead)
		return;
	one = AEG_VEC_PUSH(sweep->dead);
	memcpy(&one->addr, learned->addr, sizeof(one->addr));
	one->workload = learned->workload;
}

/* What cannot be deleted still counts. */
static void delete_dead(struct aeg_datapath *datapath, struct sweep *sweep)
{
	for (size_t i = 0; i < sweep->dead.n; i++) {
		const struct dead_one *one = &sweep->dead.items[i];
		struct aeg_share *share;

		if (aeg_datapath_learned_delete(datapath, one->addr.bytes) == 0)
			continue;
		sweep->alive++;
		share = aeg_shares_find(&sweep->shares, one->workload);
		if (!share)
			continue;
		share->dead--;
		share->alive++;
	}
}

/*
 * A row that is deleted was idle for a minute. If its workload learns an address in this very moment, that
 * may go uncounted, until the next sweep counts anew.
 */
static int settle_one(struct aeg_datapath *datapath, const struct aeg_share *share,
		      const struct aeg_share *later)
{
	uint64_t taken = later ? later->taken : share->taken;
	uint64_t back = aeg_share_settle(share, taken);

	if (aeg_share_idle(share, taken))
		return aeg_datapath_share_delete(datapath, share->workload);
	return back == share->back ? 0 : aeg_datapath_share_back(datapath, share->workload, back);
}

static int settle(struct aeg_datapath *datapath, const struct aeg_shares *shares)
{
	AEG_CLEANUP(aeg_shares_done) struct aeg_shares later = {0};
	int err = aeg_shares_read(datapath, &later);

	for (size_t i = 0; i < shares->list.n && !err; i++) {
		const struct aeg_share *share = &shares->list.items[i];

		err = settle_one(datapath, share, aeg_shares_find(&later, share->workload));
	}
	return err;
}

int aeg_janitor_sweep(struct aeg_datapath *datapath, size_t *ret_left)
{
	AEG_CLEANUP(sweep_done) struct sweep sweep = {.now = aeg_now_s()};
	int err = aeg_shares_read(datapath, &sweep.shares);

	if (!err)
		err = aeg_datapath_learned(datapath, collect, &sweep);
	if (err)
		return err;
	delete_dead(datapath, &sweep);
	*ret_left = sweep.alive + sweep.shares.list.n;
	return settle(datapath, &sweep.shares);
}

static void on_sweep(void *arg)
{
	static struct aeg_log_limit limit = {.burst = 1, .seconds = 600};
	struct aeg_janitor *janitor = arg;
	size_t left = 0;
	int err = aeg_janitor_sweep(janitor->datapath, &left);

	if (err && aeg_log_allowed(&limit, aeg_now_ns()))
		aeg_log(AEG_LOG_ERROR, COMPONENT, "learned addresses cannot be swept: %s",
			strerror(-err));
	janitor->awake = err || left;
	if (janitor->awake)
		aeg_timer_arm(janitor->sweep, SWEEP_MS);
}

void aeg_janitor_wake(struct aeg_janitor *janitor)
{
	if (janitor->awake)
		return;
	janitor->awake = true;
	aeg_timer_arm(janitor->sweep, SWEEP_MS);
}

/* ---- another ruleset ---- */

struct move {
	struct aeg_addr addr;
	struct aeg_member member;
	uint32_t node;
};
struct moves {
	struct aeg_datapath *datapath;
	const struct aeg_tables *tables;
	AEG_VEC(struct move) list;
};

/*
 * The node that matches the name now; 0: the name's text was forgotten, or nothing matches any more.
 * Then the member stays as it is: a node that is in no table counts for nothing, and may come back.
 */
static uint32_t node_now(const struct moves *moves, const struct aeg_member *member)
{
	const struct aeg_dest *dest;
	struct aeg_spoken spoken;

	if (!member->node || aeg_datapath_spoken(moves->datapath, member->name, &spoken))
		return 0;
	dest = aeg_tables_name(moves->tables, spoken.text);
	return dest ? dest->node : 0;
}

static void collect_moves(void *arg, const struct aeg_learned *learned)
{
	struct moves *moves = arg;

	for (size_t i = 0; i < AEG_MEMBERS_MAX; i++) {
		const struct aeg_member *member = &learned->members[i];
		uint32_t node = node_now(moves, member);
		struct move *move;

		if (!node || node == member->node)
			continue;
		move = AEG_VEC_PUSH(moves->list);
		memcpy(&move->addr, learned->addr, sizeof(move->addr));
		move->member = *member;
		move->node = node;
	}
}

size_t aeg_janitor_rematch(struct aeg_janitor *janitor, const struct aeg_tables *tables)
{
	struct moves moves = {.datapath = janitor->datapath, .tables = tables};
	size_t moved = 0;

	aeg_datapath_learned(janitor->datapath, collect_moves, &moves);
	for (size_t i = 0; i < moves.list.n; i++) {
		const struct move *move = &moves.list.items[i];

		moved += aeg_datapath_learned_move(janitor->datapath, move->addr.bytes,
						   &move->member, move->node) == 0;
	}
	AEG_VEC_DONE(moves.list);
	if (moved)
		aeg_log(AEG_LOG_DEBUG, COMPONENT, "%zu learned names have another pattern now",
			moved);
	return moved;
}

/* ---- life ---- */

int aeg_janitor_open(struct aeg_datapath *datapath, struct aeg_loop *loop, struct aeg_janitor **ret)
{
	struct aeg_janitor *janitor = aeg_xcalloc(1, sizeof(*janitor));
	int err = aeg_loop_timer(loop, on_sweep, janitor, &janitor->sweep);

	janitor->datapath = datapath;
	if (err) {
		aeg_janitor_close(janitor);
		return err;
	}
	aeg_janitor_wake(janitor); /* adopted pins may hold names */
	*ret = janitor;
	return 0;
}

void aeg_janitor_close(struct aeg_janitor *janitor)
{
	if (!janitor)
		return;
	aeg_watch_remove(janitor->sweep);
	free(janitor);
}
