/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The table is read first and changed afterwards: a walk over a hash that changes may repeat itself. */
#include "daemon/janitor.h"
#include "base/log.h"
#include "daemon/shares.h"

#define COMPONENT "names"
#define NS_PER_MS 1000000u

struct aeg_janitor {
	struct aeg_datapath *datapath;
	struct aeg_watch *sweep;
	uint64_t due_ns; /* of the next sweep; 0: asleep */
	uint64_t renewals[AEG_RENEWAL_MAX];
	bool failing;
};

const char *const aeg_renewal_words[AEG_RENEWAL_MAX] = {
	[AEG_RENEWAL_DONE] = "done",
	[AEG_RENEWAL_FAILED] = "failed",
};

uint32_t aeg_now_s(void)
{
	return (uint32_t)(aeg_now_ns() / 1000000000u);
}

const uint64_t *aeg_janitor_renewals(const struct aeg_janitor *janitor)
{
	return janitor->renewals;
}

/* ---- sweeping ---- */

struct dead_one {
	struct aeg_addr addr;
	uint32_t workload;
};
struct sweep {
	struct aeg_lapse lapse;
	AEG_VEC(struct dead_one) dead;
	size_t alive;
	/* As they were before the table was read. */
	uint32_t counted;
	struct aeg_shares shares;
};

static void sweep_done(struct sweep *sweep)
{
	AEG_VEC_DONE(sweep->dead);
	aeg_shares_done(&sweep->shares);
}

static uint32_t period_ms(const struct aeg_janitor *janitor)
{
	return aeg_lapse_period_ms(aeg_datapath_ttl_min(janitor->datapath));
}

static void arm(struct aeg_janitor *janitor, uint64_t after_ms)
{
	janitor->due_ns = aeg_now_ns() + after_ms * NS_PER_MS;
	aeg_timer_arm(janitor->sweep, after_ms);
}

static void look(void *arg, const struct aeg_learned *learned)
{
	struct sweep *sweep = arg;
	struct aeg_share *share = aeg_shares_find(&sweep->shares, learned->workload);
	bool dead = aeg_lapse_look(&sweep->lapse, learned);
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

/* What connections use stays. Says what goes wrong once, until it goes well again. */
static void renew(struct aeg_janitor *janitor)
{
	int err = aeg_datapath_renew(janitor->datapath);

	janitor->renewals[err ? AEG_RENEWAL_FAILED : AEG_RENEWAL_DONE]++;
	if (err && !janitor->failing)
		aeg_log(AEG_LOG_ERROR, COMPONENT,
			"addresses that connections use cannot be found, and expire: %s",
			strerror(-err));
	janitor->failing = err;
}

/*
 * Expired members let nobody through, so where nobody knows what is in use they wait for a while to be found
 * in use after all; not for ever, or the table would fill up.
 */
static bool remove_one(const struct aeg_janitor *janitor, const struct aeg_addr *addr, uint32_t now)
{
	uint32_t after = janitor->failing ? AEG_LAPSE_UNCERTAIN : AEG_LAPSE_LINGER;
	struct aeg_learned learned;

	return aeg_datapath_learned_get(janitor->datapath, addr, &learned) == 0 &&
	       aeg_lapse_over(&learned, now, after) &&
	       aeg_datapath_learned_delete(janitor->datapath, addr->bytes) == 0;
}

/* Of those that seemed to be over; what stays still counts. */
static void remove_dead(const struct aeg_janitor *janitor, struct sweep *sweep)
{
	for (size_t i = 0; i < sweep->dead.n; i++) {
		const struct dead_one *one = &sweep->dead.items[i];
		struct aeg_share *share;

		if (remove_one(janitor, &one->addr, sweep->lapse.now))
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

static int sweep_once(struct aeg_janitor *janitor, struct sweep *sweep)
{
	int err = aeg_shares_read(janitor->datapath, &sweep->shares);

	sweep->counted = aeg_datapath_learned_count(janitor->datapath);
	if (!err)
		err = aeg_datapath_learned(janitor->datapath, look, sweep);
	if (err)
		return err;
	/* Before anything is deleted, which the datapath counts itself. */
	aeg_datapath_learned_settle(janitor->datapath, sweep->counted,
				    (uint32_t)(sweep->alive + sweep->dead.n));
	if (sweep->lapse.due || janitor->failing)
		renew(janitor);
	remove_dead(janitor, sweep);
	return settle(janitor->datapath, &sweep->shares);
}

int aeg_janitor_sweep(struct aeg_janitor *janitor, size_t *ret_left)
{
	uint32_t period = period_ms(janitor);
	AEG_CLEANUP(sweep_done)
	struct sweep sweep = {
		.lapse = {.now = aeg_now_s(),
			  .period = (period + 999) / 1000,
			  .next = AEG_LAPSE_FAR},
	};
	int err = sweep_once(janitor, &sweep);

	*ret_left = sweep.alive + sweep.shares.list.n;
	janitor->due_ns = 0;
	if (err || sweep.lapse.due || janitor->failing)
		arm(janitor, period);
	else if (*ret_left)
		arm(janitor, sweep.lapse.next * 1000);
	return err;
}

static void on_sweep(void *arg)
{
	static struct aeg_log_limit limit = {.burst = 1, .seconds = 600};
	size_t left;
	int err = aeg_janitor_sweep(arg, &left);

	if (err && aeg_log_allowed(&limit, aeg_now_ns()))
		aeg_log(AEG_LOG_ERROR, COMPONENT, "learned addresses cannot be swept: %s",
			strerror(-err));
}

void aeg_janitor_wake(struct aeg_janitor *janitor)
{
	uint32_t after = period_ms(janitor);

	if (!janitor->due_ns || janitor->due_ns > aeg_now_ns() + (uint64_t)after * NS_PER_MS)
		arm(janitor, after);
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
	/* While nobody looked names may have expired by which connections are decided again soon. */
	if (aeg_datapath_adopted(datapath))
		renew(janitor);
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
