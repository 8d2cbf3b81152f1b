/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The table is read first and changed afterwards: a walk over a hash that changes may repeat itself. */
#include "daemon/reclaimer.h"
#include "base/log.h"
#include "daemon/cluster.h"
#include "daemon/departed.h"

#include <errno.h>

#define COMPONENT "counters"
#define ROWS_AT_ONCE 4096 /* of some microseconds each; a workload is never taken apart */
#define MORE_MS 100

struct aeg_reclaimer {
	struct aeg_reconciler *reconciler;
	struct aeg_watch *sweep;
	struct aeg_departures departed; /* as the last sweep found them */
	uint64_t rounds;
	bool awake;
};

/* ---- who is gone ---- */

struct row {
	struct aeg_count_key key;
	uint64_t sum;
};

struct look {
	const struct aeg_numbers *numbers;
	uint8_t *alive;		  /* by number */
	AEG_VEC(struct row) rows; /* of those who are not */
};

static void look_done(struct look *look)
{
	free(look->alive);
	AEG_VEC_DONE(look->rows);
}

static void mark(struct look *look, const char *ns, const char *name)
{
	AEG_AUTO_FREE char *text = aeg_xasprintf("%s/%s", ns, name);

	look->alive[aeg_numbers_find(look->numbers, AEG_LABEL_WORKLOAD, text)] = 1;
}

/* Workloads, and the sums of their namespaces. */
static void mark_alive(struct look *look, const struct aeg_model *model)
{
	look->alive = aeg_xcalloc((size_t)look->numbers->last + 1, sizeof(*look->alive));
	look->alive[0] = 1; /* nobody that is known */
	for (size_t i = 0; i < model->workloads.n; i++) {
		const struct aeg_workload *workload = model->workloads.items[i];

		if (workload->gone)
			continue;
		mark(look, workload->ns, workload->name);
		mark(look, workload->ns, "");
	}
}

static void collect(void *arg, const struct aeg_count_key *key, const struct aeg_count *count)
{
	struct look *look = arg;

	if (key->workload > look->numbers->last || look->alive[key->workload] ||
	    !aeg_numbers_text(look->numbers, key->workload))
		return;
	*AEG_VEC_PUSH(look->rows) = (struct row){
		.key = *key,
		.sum = count->decisions + count->closed + count->sent + count->received,
	};
}

static int by_workload(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return x->key.workload < y->key.workload ? -1 : x->key.workload > y->key.workload;
}

/* Of rows that are sorted. */
static void sum_up(const struct look *look, struct aeg_departures *ret)
{
	struct aeg_departure *last = NULL;

	for (size_t i = 0; i < look->rows.n; i++) {
		const struct row *row = &look->rows.items[i];

		if (!last || last->number != row->key.workload) {
			last = AEG_VEC_PUSH(ret->list);
			*last = (struct aeg_departure){.number = row->key.workload};
		}
		last->sum += row->sum;
	}
}

/* ---- what becomes of their rows ---- */

/* Where a workload's rows are added up; 0: nowhere, since they are such sums themselves. */
static int find_sum(struct aeg_reconciler *reconciler, uint32_t number, uint32_t *ret)
{
	const char *text = aeg_numbers_text(&reconciler->numbers, number);
	const char *slash = text ? strchr(text, '/') : NULL;
	AEG_AUTO_FREE char *label = NULL;

	*ret = 0;
	if (!slash || !slash[1])
		return 0;
	label = aeg_xstrndup(text, (size_t)(slash + 1 - text));
	*ret = aeg_numbers_find(&reconciler->numbers, AEG_LABEL_WORKLOAD, label);
	if (*ret)
		return 0;
	/* One that cannot be stored would keep every reload from being installed. */
	if (reconciler->numbers.list.n >= AEG_LABELS_MAX)
		return -ENOSPC;
	*ret = aeg_numbers_get(&reconciler->numbers, AEG_LABEL_WORKLOAD, label);
	return aeg_datapath_store_numbers(reconciler->datapath, &reconciler->numbers);
}

/* rows: the first of a workload's. Returns how many it has. *failed is set if one stays. */
static size_t reclaim_one(struct aeg_reconciler *reconciler, const struct row *rows, size_t n,
			  bool *failed)
{
	static struct aeg_log_limit limit = {.burst = 5, .seconds = 60};
	uint32_t number = rows->key.workload, sum;
	int err = find_sum(reconciler, number, &sum);
	size_t i;

	for (i = 0; i < n && rows[i].key.workload == number; i++) {
		if (!err)
			err = aeg_datapath_fold_count(reconciler->datapath, &rows[i].key, sum);
	}
	*failed |= err != 0;
	if (err && aeg_log_allowed(&limit, aeg_now_ns()))
		aeg_log(AEG_LOG_WARNING, COMPONENT,
			"rows of workload '%s', which is gone, cannot be taken away: %s",
			aeg_numbers_text(&reconciler->numbers, number), strerror(-err));
	return i;
}

/* Returns whether there is more to do at once. */
static bool reclaim(struct aeg_reclaimer *reclaimer, const struct look *look, uint64_t now)
{
	uint64_t keep_ns = reclaimer->reconciler->config->metrics.keep_gone * 1000000000u;
	size_t row = 0, done = 0;
	bool failed = false;

	for (size_t i = 0; i < reclaimer->departed.list.n; i++) {
		const struct aeg_departure *departure = &reclaimer->departed.list.items[i];

		while (look->rows.items[row].key.workload != departure->number)
			row++;
		if (departure->since + keep_ns > now)
			continue;
		if (done >= ROWS_AT_ONCE)
			break;
		done += reclaim_one(reclaimer->reconciler, &look->rows.items[row],
				    look->rows.n - row, &failed);
	}
	reclaimer->rounds += done > 0;
	if (done)
		aeg_log(AEG_LOG_DEBUG, COMPONENT, "%zu rows of workloads that are gone%s", done,
			failed ? ", not all of which could be taken away" : " make room");
	return done >= ROWS_AT_ONCE && !failed;
}

/* ---- sweeping ---- */

static void arm(struct aeg_reclaimer *reclaimer, bool soon)
{
	uint64_t keep_ms = reclaimer->reconciler->config->metrics.keep_gone * 1000u;

	aeg_timer_arm(reclaimer->sweep, soon ? MORE_MS : keep_ms);
}

/* false: nobody is gone. *ret_soon: there is more to do at once. */
static bool look_around(struct aeg_reclaimer *reclaimer, bool *ret_soon)
{
	struct aeg_reconciler *reconciler = reclaimer->reconciler;
	AEG_CLEANUP(look_done) struct look look = {.numbers = &reconciler->numbers};
	struct aeg_departures seen = {0};
	uint64_t now = aeg_now_ns();

	mark_alive(&look, reconciler->ruleset->model);
	if (aeg_datapath_counts(reconciler->datapath, collect, &look))
		return true; /* as little as is known now was seen */
	if (look.rows.n)
		qsort(look.rows.items, look.rows.n, sizeof(*look.rows.items), by_workload);
	sum_up(&look, &seen);
	aeg_departures_look(&reclaimer->departed, &seen, now);
	AEG_VEC_DONE(reclaimer->departed.list);
	reclaimer->departed = seen;
	*ret_soon = reclaim(reclaimer, &look, now);
	return seen.list.n > 0;
}

/* Before the documents are read and the API server has answered, nobody is known, and nobody gone. */
static void sweep(void *arg)
{
	struct aeg_reclaimer *reclaimer = arg;
	const struct aeg_reconciler *reconciler = reclaimer->reconciler;
	bool soon = false;

	reclaimer->awake = !reconciler->ruleset || !aeg_cluster_synced(reconciler->cluster) ||
			   look_around(reclaimer, &soon);
	if (reclaimer->awake)
		arm(reclaimer, soon);
}

void aeg_reclaimer_wake(struct aeg_reclaimer *reclaimer)
{
	if (!reclaimer || reclaimer->awake)
		return;
	reclaimer->awake = true;
	arm(reclaimer, false);
}

uint64_t aeg_reclaimer_rounds(const struct aeg_reclaimer *reclaimer)
{
	return reclaimer->rounds;
}

/* ---- life ---- */

int aeg_reclaimer_open(struct aeg_reconciler *reconciler, struct aeg_loop *loop,
		       struct aeg_reclaimer **ret)
{
	struct aeg_reclaimer *reclaimer = aeg_xcalloc(1, sizeof(*reclaimer));
	int err = aeg_loop_timer(loop, sweep, reclaimer, &reclaimer->sweep);

	reclaimer->reconciler = reconciler;
	if (err) {
		aeg_reclaimer_close(reclaimer);
		return err;
	}
	aeg_reclaimer_wake(reclaimer); /* adopted counters may be of anybody */
	*ret = reclaimer;
	return 0;
}

void aeg_reclaimer_close(struct aeg_reclaimer *reclaimer)
{
	if (!reclaimer)
		return;
	aeg_watch_remove(reclaimer->sweep);
	AEG_VEC_DONE(reclaimer->departed.list);
	free(reclaimer);
}
