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
#define NAME_TEXT 255	/* of a name event, and a NUL */
#define LINE_BYTES 1024 /* of history memory a line; usual ones are around 600 */

/* Its label says who a workload was that no document declares any more; label is cut in two. */
static void name_former_workload(struct aeg_flow *flow, char *label)
{
	char *slash = strchr(label, '/');

	if (!slash)
		return;
	*slash = '\0';
	flow->ns = label;
	flow->workload = slash + 1;
}

static void name_workload(struct aeg_flow *flow, const struct aeg_workload *workload)
{
	if (!workload)
		return;
	flow->ns = workload->ns;
	flow->workload = workload->name;
	flow->uid = workload->uid;
	flow->service_account = workload->service_account;
}

static void name_rules(struct aeg_flow *flow, struct aeg_names *names)
{
	const struct aeg_decision *decision = &flow->event.decision;
	const struct aeg_rule_names *rule = aeg_names_rule(names, decision->rule);

	flow->policy = rule->policy;
	flow->rule = rule->rule;
	rule = aeg_names_rule(names, decision->other_rule);
	flow->other_policy = rule->policy;
	flow->other_rule = rule->rule;
}

static void name_endpoint(struct aeg_flow *flow, struct aeg_names *names)
{
	const struct aeg_endpoint *endpoint =
		aeg_names_endpoint(names, flow->event.decision.rule, flow->event.node);

	flow->pattern = aeg_numbers_text(names->numbers, flow->event.node);
	if (!endpoint)
		return;
	flow->endpoint = endpoint->name;
	flow->class = aeg_class_names[endpoint->class];
	flow->region = endpoint->region;
	flow->vendor = endpoint->vendor;
}

/* Names in records are canonical; a record that is not as it should be must not break a line. */
static void copy_name(const struct aeg_event *event, size_t size, char ret[NAME_TEXT])
{
	const struct aeg_name_event *named = (const void *)event;

	ret[0] = '\0';
	if (size != sizeof(*named))
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
	if (event->hook == AEG_HOOK_HELLO)
		aeg_datapath_kill(events->reconciler->datapath, event);
}

static void tell_event(struct aeg_events *events, const struct aeg_flow *flow)
{
	for (size_t i = 0; i < events->nobservers; i++) {
		const struct aeg_observer *observer = &events->observers[i];

		if (observer->event)
			observer->event(observer->arg, flow);
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
static void add_record(struct aeg_events *events, struct aeg_flow *flow)
{
	struct aeg_buf line = {0};

	flow->seq = aeg_history_next(events->history);
	aeg_flow_json(flow, &line);
	aeg_history_add(events->history, flow->seq, line.data, line.len);
	aeg_buf_done(&line);
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

static void add_event(void *arg, const struct aeg_event *event, size_t size)
{
	struct aeg_events *events = arg;
	char name[NAME_TEXT];
	struct aeg_flow flow = {
		.time_ns = event->time + (uint64_t)events->realtime_offset_ns,
		.event = *event,
		.node = events->reconciler->config->node,
	};
	const struct aeg_workload *workload = aeg_names_workload(&events->names, event->workload);
	const char *text = aeg_numbers_text(events->names.numbers, event->workload);
	AEG_AUTO_FREE char *label = text && !workload ? aeg_xstrdup(text) : NULL;

	act(events, event);
	copy_name(event, size, name);
	flow.name = *name ? name : NULL;
	name_workload(&flow, workload);
	if (label)
		name_former_workload(&flow, label);
	name_rules(&flow, &events->names);
	name_endpoint(&flow, &events->names);
	tell_event(events, &flow);
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
			.lost = lost[where] - events->lost[where],
			.lost_where = where,
		};

		events->lost[where] = lost[where];
		if (!flow.lost)
			continue;
		add_record(events, &flow);
		aeg_janitor_wake(events->reconciler->janitor); /* it may have been a name */
	}
}

static size_t drain(struct aeg_events *events)
{
	size_t n;

	events->realtime_offset_ns = (int64_t)(aeg_realtime_ns() - aeg_now_ns());
	n = aeg_datapath_consume(events->reconciler->datapath, add_event, events);
	if (!n)
		return 0;
	note_lost(events);
	log_denials(events);
	tell_drained(events);
	if (events->grew)
		events->grew(events->grew_arg);
	return n;
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

static void on_swapped(void *arg)
{
	struct aeg_events *events = arg;

	aeg_names_reset(&events->names, &events->reconciler->numbers, events->reconciler->ruleset);
}

int aeg_events_open(struct aeg_reconciler *reconciler, struct aeg_loop *loop,
		    struct aeg_events **ret)
{
	const struct aeg_config *config = reconciler->config;
	struct aeg_events *events = aeg_xcalloc(1, sizeof(*events));
	int err;

	events->reconciler = reconciler;
	events->history = aeg_history_new(config->history, config->history * LINE_BYTES);
	(void)read_lost(events,
			events->lost); /* zeroes, then: what was lost before is told again */
	err = aeg_loop_timer(loop, gather, events, &events->gather);
	if (!err)
		err = aeg_loop_fd(loop, aeg_datapath_fd(reconciler->datapath), EPOLLIN, on_ready,
				  events, &events->watch);
	if (err) {
		aeg_events_close(events);
		return err;
	}
	reconciler->swapped = on_swapped;
	reconciler->swapped_arg = events;
	on_swapped(events);
	aeg_timer_arm(events->gather, GATHER_MS);
	*ret = events;
	return 0;
}

void aeg_events_close(struct aeg_events *events)
{
	if (!events)
		return;
	events->reconciler->swapped = NULL;
	aeg_watch_remove(events->watch);
	aeg_watch_remove(events->gather);
	aeg_names_done(&events->names);
	aeg_history_free(events->history);
	free(events);
}
