/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The table is read first and changed afterwards: a walk over a hash that changes may repeat itself. */
#include "daemon/janitor.h"
#include "base/log.h"

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

struct sweep {
	struct aeg_lapse lapse;
	size_t n;
	AEG_VEC(struct aeg_addr) dead;
};

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

	sweep->n++;
	if (aeg_lapse_look(&sweep->lapse, learned))
		memcpy(AEG_VEC_PUSH(sweep->dead), learned->addr, sizeof(struct aeg_addr));
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
 * Of those that seemed to be over. Expired members let nobody through, so where nobody knows what is in use
 * they wait for a while to be found in use after all; not for ever, or the table would fill up.
 */
static size_t remove_dead(struct aeg_janitor *janitor, const struct sweep *sweep)
{
	uint32_t after = janitor->failing ? AEG_LAPSE_UNCERTAIN : AEG_LAPSE_LINGER;
	size_t removed = 0;

	for (size_t i = 0; i < sweep->dead.n; i++) {
		const struct aeg_addr *addr = &sweep->dead.items[i];
		struct aeg_learned learned;

		if (aeg_datapath_learned_get(janitor->datapath, addr, &learned) == 0 &&
		    aeg_lapse_over(&learned, sweep->lapse.now, after))
			removed += aeg_datapath_learned_delete(janitor->datapath, addr->bytes) == 0;
	}
	return removed;
}

static void sweep(void *arg)
{
	struct aeg_janitor *janitor = arg;
	uint32_t period = period_ms(janitor);
	struct sweep found = {
		.lapse = {.now = aeg_now_s(),
			  .period = (period + 999) / 1000,
			  .next = AEG_LAPSE_FAR},
	};
	int err = aeg_datapath_learned(janitor->datapath, look, &found);
	bool left;

	if (found.lapse.due || janitor->failing)
		renew(janitor);
	left = remove_dead(janitor, &found) < found.n;
	AEG_VEC_DONE(found.dead);
	janitor->due_ns = 0;
	if (err || left)
		arm(janitor,
		    err || found.lapse.due || janitor->failing ? period : found.lapse.next * 1000);
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
	int err = aeg_loop_timer(loop, sweep, janitor, &janitor->sweep);

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
