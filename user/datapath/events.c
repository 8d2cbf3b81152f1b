/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Events from both rings, and falling asleep without missing one. */
#include "datapath/internal.h"

struct consumer {
	struct aeg_datapath *datapath;
	aeg_event_fn *fn;
	void *arg;
};

static bool is_named(const struct aeg_name_event *named, size_t size)
{
	const size_t head = offsetof(struct aeg_name_event, name);

	return size >= head && size == head + named->len;
}

static void hand_over(void *arg, const void *record, size_t size)
{
	const struct consumer *consumer = arg;
	const struct aeg_event *event = record;

	/* The guess stands where it cannot be checked. */
	if (size == sizeof(*event) && event->type == AEG_EVENT_HOME)
		(void)aeg_datapath_set_home(consumer->datapath, event->cgroup);
	else if (size == sizeof(*event) || is_named(record, size))
		consumer->fn(consumer->arg, record, size);
}

static void settle(void *arg)
{
	const struct consumer *consumer = arg;

	if (consumer->datapath->settle)
		consumer->datapath->settle(consumer->datapath->settle_arg);
}

void aeg_datapath_settle(struct aeg_datapath *datapath, aeg_events_settle_fn *fn, void *arg)
{
	datapath->settle = fn;
	datapath->settle_arg = arg;
}

int aeg_datapath_fd(const struct aeg_datapath *datapath)
{
	return datapath->epoll_fd;
}

size_t aeg_datapath_consume(struct aeg_datapath *datapath, aeg_event_fn *fn, void *arg)
{
	struct consumer consumer = {.datapath = datapath, .fn = fn, .arg = arg};
	size_t n = 0;

	for (int i = 0; i < AEG_RING_MAX; i++)
		n += aeg_ring_consume(&datapath->rings[i], hand_over, settle, &consumer);
	return n;
}

/*
 * The store of doze must be seen before the rings are looked at: a program commits its record, which
 * is a full barrier, and then looks at doze. A record that is not complete yet does not count, since
 * its writer will look.
 */
bool aeg_datapath_doze(struct aeg_datapath *datapath)
{
	__atomic_store_n(&datapath->ctl->doze, 1, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (int i = 0; i < AEG_RING_MAX; i++) {
		if (aeg_ring_waiting(&datapath->rings[i])) {
			__atomic_store_n(&datapath->ctl->doze, 0, __ATOMIC_RELAXED);
			return false;
		}
	}
	return true;
}
