/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "daemon/killer.h"
#include "base/log.h"
#include "daemon/instances.h"

#include <errno.h>

#define COMPONENT "killer"
#define AGAIN_MS 100  /* after the first failure; twice as long after each that follows */
#define AGAIN_TIMES 8 /* without a round in which all went well: 25 s */

const char *const aeg_kill_words[AEG_KILL_MAX] = {
	[AEG_KILL_ENDED] = "ended",
	[AEG_KILL_GONE] = "gone",
	[AEG_KILL_FAILED] = "failed",
};

struct aeg_killer {
	struct aeg_reconciler *reconciler;
	struct aeg_watch *timer;
	bool armed;
	unsigned int rounds;
	uint64_t counts[AEG_KILL_MAX];
};

void aeg_killer_look_again(struct aeg_killer *killer)
{
	if (killer->armed || killer->rounds >= AGAIN_TIMES)
		return;
	aeg_timer_arm(killer->timer, AGAIN_MS << killer->rounds);
	killer->armed = true;
}

/* What is still open comes as events, and they are read before this returns. */
static void look(void *arg)
{
	struct aeg_killer *killer = arg;
	uint64_t failed = killer->counts[AEG_KILL_FAILED];

	killer->armed = false;
	killer->rounds++;
	aeg_instances_remind(killer->reconciler);
	if (killer->counts[AEG_KILL_FAILED] == failed)
		killer->rounds = 0;
}

static void complain(const struct aeg_event *event, int err)
{
	static struct aeg_log_limit limit = {.burst = 5, .seconds = 60};

	if (aeg_log_allowed(&limit, aeg_now_ns()))
		aeg_log(AEG_LOG_WARNING, COMPONENT,
			"a denied connection of process %u cannot be ended, its packets are dropped: "
			"%s",
			event->pid, strerror(-err));
}

void aeg_killer_kill(struct aeg_killer *killer, const struct aeg_event *event)
{
	int err = aeg_datapath_kill(killer->reconciler->datapath, event);

	if (!err || err == -ENOENT) {
		killer->counts[err ? AEG_KILL_GONE : AEG_KILL_ENDED]++;
		return;
	}
	killer->counts[AEG_KILL_FAILED]++;
	complain(event, err);
	if (err != -EOPNOTSUPP) /* a kernel without INET_DIAG_DESTROY */
		aeg_killer_look_again(killer);
}

const uint64_t *aeg_killer_counts(const struct aeg_killer *killer)
{
	return killer->counts;
}

int aeg_killer_open(struct aeg_reconciler *reconciler, struct aeg_loop *loop,
		    struct aeg_killer **ret)
{
	struct aeg_killer *killer = aeg_xcalloc(1, sizeof(*killer));
	int err = aeg_loop_timer(loop, look, killer, &killer->timer);

	if (err) {
		free(killer);
		return err;
	}
	killer->reconciler = reconciler;
	*ret = killer;
	return 0;
}

void aeg_killer_close(struct aeg_killer *killer)
{
	if (!killer)
		return;
	aeg_watch_remove(killer->timer);
	free(killer);
}
