/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Takes rules out of force when their time is up. A reload does that; where it fails, because some file
 * is wrong just now, what is in force is compiled anew, and that is tried until it works: no mistake
 * makes a grant longer.
 */
#include "daemon/expirer.h"
#include "base/log.h"
#include "policy/expiry.h"

#include <errno.h>

#define COMPONENT "expiry"
#define AGAIN_S 2

struct aeg_expirer {
	struct aeg_reconciler *reconciler;
	struct aeg_watch *alarm;
	bool behind; /* rules are marked as expired that the kernel still goes by */
};

static bool is_due(const struct aeg_expirer *expirer)
{
	const struct aeg_ruleset *ruleset = expirer->reconciler->ruleset;

	return expirer->behind || aeg_model_next_expiry(ruleset->model) <= aeg_realtime_s();
}

void aeg_expirer_arm(struct aeg_expirer *expirer)
{
	uint64_t next = aeg_model_next_expiry(expirer->reconciler->ruleset->model);

	expirer->behind = false;
	if (next == AEG_EXPIRY_NEVER)
		aeg_timer_disarm(expirer->alarm);
	else
		aeg_alarm_set(expirer->alarm, next);
}

static void expire(struct aeg_expirer *expirer)
{
	static const struct aeg_cause cause = {.source = "expiry"};
	struct aeg_reconciler *reconciler = expirer->reconciler;
	struct aeg_buf error = {0};
	int err;

	(void)aeg_reconciler_reload(reconciler, &cause); /* a good one arms the next alarm */
	if (!is_due(expirer))
		return;
	err = aeg_reconciler_expire(reconciler, &cause, &error);
	expirer->behind = err != 0;
	if (err) {
		aeg_log(AEG_LOG_ERROR, COMPONENT,
			"expired rules are still in force, and it is tried again in %d s: %s",
			AGAIN_S, error.len ? aeg_buf_text(&error) : strerror(-err));
		aeg_alarm_set(expirer->alarm, aeg_realtime_s() + AGAIN_S);
	} else {
		aeg_log(AEG_LOG_WARNING, COMPONENT,
			"what is in force stays in force, without the rules that have expired");
	}
	aeg_buf_done(&error);
}

static void on_alarm(void *arg)
{
	struct aeg_expirer *expirer = arg;

	if (is_due(expirer))
		expire(expirer);
	else /* the clock was set back just now */
		aeg_expirer_arm(expirer);
}

int aeg_expirer_open(struct aeg_reconciler *reconciler, struct aeg_loop *loop,
		     struct aeg_expirer **ret)
{
	struct aeg_expirer *expirer = aeg_xcalloc(1, sizeof(*expirer));
	int err = aeg_loop_alarm(loop, on_alarm, expirer, &expirer->alarm);

	if (err) {
		free(expirer);
		return err;
	}
	expirer->reconciler = reconciler;
	*ret = expirer;
	return 0;
}

void aeg_expirer_close(struct aeg_expirer *expirer)
{
	if (!expirer)
		return;
	aeg_watch_remove(expirer->alarm);
	free(expirer);
}
