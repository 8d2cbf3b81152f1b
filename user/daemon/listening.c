/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* No look where nothing failed: an idle daemon sleeps. */
#include "daemon/listening.h"
#include "base/log.h"

#define COMPONENT "dns"
#define SOON_MS 20
#define RETRY_MAX_MS 10000

struct aeg_listening {
	struct aeg_datapath *datapath;
	struct aeg_watch *timer;
	uint64_t retry_ms; /* 0: nobody waits for it */
};

static void complain(void *arg, const char *path, int err)
{
	static struct aeg_log_limit limit = {.burst = 5, .seconds = 60};

	if (aeg_log_allowed(&limit, aeg_now_ns()))
		aeg_log(AEG_LOG_WARNING, COMPONENT,
			"cgroup '%s': attaching skb_ingress: %s; names that it asks for are not learned",
			path, strerror(-err));
}

static void look(void *arg)
{
	struct aeg_listening *listening = arg;

	if (!aeg_datapath_retry_listeners(listening->datapath, complain, NULL)) {
		listening->retry_ms = 0;
		return;
	}
	listening->retry_ms *= 2;
	if (listening->retry_ms > RETRY_MAX_MS)
		listening->retry_ms = RETRY_MAX_MS;
	aeg_timer_arm(listening->timer, listening->retry_ms);
}

void aeg_listening_wake(struct aeg_listening *listening)
{
	size_t attached, failed;

	aeg_datapath_listeners(listening->datapath, &attached, &failed);
	if (!failed || listening->retry_ms)
		return;
	listening->retry_ms = SOON_MS;
	aeg_timer_arm(listening->timer, SOON_MS);
}

int aeg_listening_open(struct aeg_datapath *datapath, struct aeg_loop *loop,
		       struct aeg_listening **ret)
{
	struct aeg_listening *listening = aeg_xcalloc(1, sizeof(*listening));
	int err;

	listening->datapath = datapath;
	err = aeg_loop_timer(loop, look, listening, &listening->timer);
	if (err) {
		aeg_listening_close(listening);
		return err;
	}
	*ret = listening;
	return 0;
}

void aeg_listening_close(struct aeg_listening *listening)
{
	if (!listening)
		return;
	aeg_watch_remove(listening->timer);
	free(listening);
}
