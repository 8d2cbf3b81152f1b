/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The table is read first and changed afterwards: a walk over a hash that changes may repeat itself. */
#include "daemon/janitor.h"
#include "base/log.h"

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

struct dead {
	uint32_t now;
	size_t alive;
	AEG_VEC(struct aeg_addr) list;
};

static bool is_dead(const struct aeg_learned *learned, uint32_t now)
{
	for (size_t i = 0; i < AEG_MEMBERS_MAX; i++) {
		const struct aeg_member *member = &learned->members[i];

		if (member->node && (int32_t)(member->expires + LINGER_S - now) > 0)
			return false;
	}
	return true;
}

static void collect_dead(void *arg, const struct aeg_learned *learned)
{
	struct dead *dead = arg;

	if (is_dead(learned, dead->now))
		memcpy(AEG_VEC_PUSH(dead->list), learned->addr, sizeof(struct aeg_addr));
	else
		dead->alive++;
}

static void sweep(void *arg)
{
	struct aeg_janitor *janitor = arg;
	struct dead dead = {.now = aeg_now_s()};
	int err = aeg_datapath_learned(janitor->datapath, collect_dead, &dead);

	for (size_t i = 0; i < dead.list.n; i++)
		aeg_datapath_learned_delete(janitor->datapath, dead.list.items[i].bytes);
	AEG_VEC_DONE(dead.list);
	janitor->awake = err || dead.alive;
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
	int err = aeg_loop_timer(loop, sweep, janitor, &janitor->sweep);

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
