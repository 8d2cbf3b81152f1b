/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * awake: after a wake-up the rings are emptied every GATHER_MS, without asking the kernel to wake
 * anybody. dozing: a round that found nothing asks for a wake-up at the next event.
 */
#include "daemon/events.h"
#include "base/log.h"
#include "observe/flow.h"

#include <assert.h>

#define COMPONENT "events"
#define GATHER_MS 20
#define NS_PER_MS 1000000u
#define NS_PER_SEC UINT64_C(1000000000)
#define NAME_TEXT 255  /* of a name event, and a NUL */
#define TOP_MAX 1024   /* pairs of workload and endpoint that are summed up at once */
#define FOLDS_MAX 4096 /* different denials whose repeats are counted at once */

/* Names in records are canonical; a record that is not as it should be must not break a line. */
static void copy_name(const struct aeg_event *event, size_t size, char ret[NAME_TEXT])
{
	const struct aeg_name_event *named = (const void *)event;

	ret[0] = '\0';
	if (size == sizeof(*event))
		return;
	for (size_t i = 0; i < named->len && i < sizeof(named->name); i++) {
		bool plain = named->name[i] > ' ' && named->name[i] < 0x7f;

		ret[i] = (char)(plain ? named->name[i] : '?');
		ret[i + 1] = '\0';
	}
}

/* What cannot wait for a line of text. */
static void act(struct aeg_events *events, const struct aeg_event *event)
{
	if (event->type == AEG_EVENT_NAME)
		aeg_janitor_wake(events->reconciler->janitor);
	if (event->type != AEG_EVENT_DENY)
		return;
	events->denials++;
	if (event->hook == AEG_HOOK_HELLO || event->hook == AEG_HOOK_REVOKE ||
	    (event->hook == AEG_HOOK_QUESTION && event->proto == AEG_PROTO_TCP))
		aeg_killer_kill(events->killer, event);
}

/* Whether somebody wants to read of it. */
static bool is_record(const struct aeg_events *events, const struct aeg_event *event)
{
	return event->type != AEG_EVENT_NAME ||
	       events->reconciler->config->flows_dns != AEG_FLOWS_DNS_OFF;
}

static void tell_event(struct aeg_events *events, const struct aeg_flow *flow)
{
	for (size_t i = 0; i < events->nobservers; i++) {
		const struct aeg_observer *observer = &events->observers[i];

		if (observer->event)
			observer->event(observer->arg, flow);
	}
}

static void tell_settle(void *arg)
{
	struct aeg_events *events = arg;

	for (size_t i = 0; i < events->nobservers; i++) {
		const struct aeg_observer *observer = &events->observers[i];

		if (observer->settle)
			observer->settle(observer->arg);
	}
}

static void tell_drained(struct aeg_events *events)
{
	for (size_t i = 0; i < events->nobservers; i++) {
		const struct aeg_observer *observer = &events->observers[i];

		if (observer->drained)
			observer->drained(observer->arg);
	}
}

/* Gives the record its number. The history first: who is told may look there. */
static void add_record(void *arg, struct aeg_flow *flow)
{
	struct aeg_events *events = arg;

	aeg_history_add(events->history, flow);
	for (size_t i = 0; i < events->nobservers; i++) {
		const struct aeg_observer *observer = &events->observers[i];

		if (observer->record)
			observer->record(observer->arg, flow);
	}
}

void aeg_events_observe(struct aeg_events *events, const struct aeg_observer *observer)
{
	assert(events->nobservers < AEG_OBSERVERS_MAX);
	events->observers[events->nobservers++] = *observer;
}

/* A record a event, but for the repeats of a denial. */
static void add_event(void *arg, const struct aeg_event *event, size_t size)
{
	struct aeg_events *events = arg;
	char name[NAME_TEXT];
	struct aeg_flow flow = {
		.time_ns = event->time + (uint64_t)events->clock.offset,
		.event = *event,
		.node = events->reconciler->config->node,
	};

	events->read++;
	if (event->type == AEG_EVENT_KILL) { /* its record was written when it was denied */
		aeg_killer_kill(events->killer, event);
		return;
	}
	act(events, event);
	copy_name(event, size, name);
	flow.name = *name ? name : NULL;
	aeg_words_lend(aeg_namer_words(&events->namer, event), &flow);
	aeg_top_add(events->top, &flow);
	tell_event(events, &flow);
	if (is_record(events, event) && !aeg_fold_add(events->fold, &flow))
		add_record(events, &flow);
}

/* One line now and then: who was denied is in the flow records. */
static void log_denials(struct aeg_events *events)
{
	static struct aeg_log_limit limit = {.burst = 1, .seconds = 10};

	if (!events->denials || !aeg_log_allowed(&limit, aeg_now_ns()))
		return;
	aeg_log(AEG_LOG_INFO, COMPONENT,
		"connections denied since the last such line: %llu; see 'aegress flows'",
		(unsigned long long)events->denials);
	events->denials = 0;
}

/* What each ring had to drop so far. */
static int read_lost(struct aeg_events *events, uint64_t ret[AEG_LOST_READER])
{
	uint64_t errors[AEG_ERROR_MAX];
	int err = aeg_datapath_errors(events->reconciler->datapath, errors);

	if (err)
		return err;
	ret[AEG_LOST_EVENTS] = errors[AEG_ERROR_EVENT_LOST];
	ret[AEG_LOST_DENIALS] = errors[AEG_ERROR_DENIAL_LOST];
	return 0;
}

/* A gap is a record of its own, so that followers and files know of it. */
static void note_lost(struct aeg_events *events)
{
	uint64_t lost[AEG_LOST_READER];

	if (read_lost(events, lost))
		return;
	for (enum aeg_lost_where where = 0; where < AEG_LOST_READER; where++) {
		struct aeg_flow flow = {
			.time_ns = aeg_realtime_ns(),
			.node = events->reconciler->config->node,
			.lost = aeg_losses_tell(&events->losses, where, lost[where]),
			.lost_where = where,
		};

		if (!flow.lost)
			continue;
		if (where == AEG_LOST_DENIALS)
			aeg_killer_look_again(events->killer);
		add_record(events, &flow);
		aeg_janitor_wake(events->reconciler->janitor); /* it may have been a name */
	}
}

/* Sleeps until the next window ends; without an open one for ever. */
static void fold_wait(struct aeg_events *events)
{
	uint64_t due = aeg_fold_due(events->fold), now = aeg_now_ns();

	if (due == events->fold_due)
		return;
	events->fold_due = due;
	if (!due)
		aeg_timer_disarm(events->fold_timer);
	else
		aeg_timer_arm(events->fold_timer, due > now ? (due - now) / NS_PER_MS + 1 : 0);
}

/* There is something new for those who read: records, or a gap. */
static void tell_all(struct aeg_events *events)
{
	log_denials(events);
	tell_drained(events);
	if (events->grew)
		events->grew(events->grew_arg);
	fold_wait(events);
}

/* Records have the wall clock's time, whatever it is set to; a reader must be able to know why they
 * do not follow each other. */
static void watch_clock(struct aeg_events *events)
{
	int64_t jump = aeg_clock_look(&events->clock, aeg_now_ns(), aeg_realtime_ns());

	if (jump)
		aeg_log(AEG_LOG_WARNING, COMPONENT,
			"the wall clock jumped by %+.3f s, or the machine slept: the times of "
			"records do, too",
			(double)jump / (double)NS_PER_SEC);
}

/* What was lost before this daemon began is told in the first round, whatever is in the rings. */
static size_t drain(struct aeg_events *events)
{
	size_t n;

	watch_clock(events);
	n = aeg_datapath_consume(events->reconciler->datapath, add_event, events);
	if (!n && events->looked)
		return 0;
	events->looked = true;
	note_lost(events);
	tell_all(events);
	aeg_losses_save(&events->losses);
	return n;
}

static void on_fold_due(void *arg)
{
	struct aeg_events *events = arg;

	events->fold_due = 0;
	aeg_fold_expire(events->fold, aeg_now_ns());
	tell_all(events);
}

static void gather(void *arg)
{
	struct aeg_events *events = arg;

	if (drain(events) || !aeg_datapath_doze(events->reconciler->datapath))
		aeg_timer_arm(events->gather, GATHER_MS);
}

static void on_ready(void *arg, int fd, uint32_t ready)
{
	struct aeg_events *events = arg;

	drain(events);
	aeg_timer_arm(events->gather, GATHER_MS);
}

/* Whoever is to end has waited long enough. What woke this process may be read by now: it is awake. */
static void on_revoked(void *arg)
{
	struct aeg_events *events = arg;

	drain(events);
	aeg_timer_arm(events->gather, GATHER_MS);
}

static void on_swapped(void *arg)
{
	struct aeg_events *events = arg;

	aeg_namer_reset(&events->namer);
	aeg_names_reset(&events->names, &events->reconciler->numbers, events->reconciler->ruleset);
}

int aeg_events_open(struct aeg_reconciler *reconciler, struct aeg_loop *loop,
		    struct aeg_events **ret)
{
	const struct aeg_config *config = reconciler->config;
	struct aeg_events *events = aeg_xcalloc(1, sizeof(*events));
	int err;

	events->reconciler = reconciler;
	events->history = aeg_history_new(config->history, config->node);
	events->fold =
		aeg_fold_new(FOLDS_MAX, config->fold_seconds * NS_PER_SEC, add_record, events);
	events->top = aeg_top_new(TOP_MAX, aeg_now_ns());
	events->namer.names = &events->names;
	aeg_losses_open(&events->losses, config);
	err = aeg_killer_open(reconciler, loop, &events->killer);
	if (!err)
		err = aeg_loop_timer(loop, gather, events, &events->gather);
	if (!err)
		err = aeg_loop_timer(loop, on_fold_due, events, &events->fold_timer);
	if (!err)
		err = aeg_loop_fd(loop, aeg_datapath_fd(reconciler->datapath), EPOLLIN, on_ready,
				  events, &events->watch);
	if (err) {
		aeg_events_close(events);
		return err;
	}
	aeg_datapath_settle(reconciler->datapath, tell_settle, events);
	reconciler->swapped = on_swapped;
	reconciler->revoked = on_revoked;
	reconciler->swapped_arg = events;
	on_swapped(events);
	aeg_timer_arm(events->gather, GATHER_MS);
	*ret = events;
	return 0;
}

void aeg_events_finish(struct aeg_events *events)
{
	events->grew = NULL;
	drain(events);
	aeg_fold_flush(events->fold);
	tell_all(events);
}

void aeg_events_close(struct aeg_events *events)
{
	if (!events)
		return;
	events->reconciler->swapped = events->reconciler->revoked = NULL;
	aeg_killer_close(events->killer);
	aeg_datapath_settle(events->reconciler->datapath, NULL, NULL);
	aeg_watch_remove(events->watch);
	aeg_watch_remove(events->gather);
	aeg_watch_remove(events->fold_timer);
	aeg_fold_free(events->fold);
	aeg_top_free(events->top);
	aeg_namer_reset(&events->namer);
	aeg_names_done(&events->names);
	aeg_history_free(events->history);
	aeg_losses_done(&events->losses);
	free(events);
}
