/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * awake: after a wake-up the rings are emptied every GATHER_MS, without asking the kernel to wake
 * anybody. dozing: a round that found nothing asks for a wake-up at the next event.
 */
#include "daemon/events.h"
#include "base/log.h"
#include "observe/flow.h"

#include <time.h>

#define COMPONENT "events"
#define GATHER_MS 20
#define NAME_TEXT 255	/* of a name event, and a NUL */
#define LINE_BYTES 1024 /* of history memory a line; usual ones are around 600 */

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

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

static void add_event(void *arg, const struct aeg_event *event, size_t size)
{
	struct aeg_events *events = arg;
	char name[NAME_TEXT];
	struct aeg_flow flow = {
		.seq = aeg_history_next(events->history),
		.time_ns = event->time + (uint64_t)events->realtime_offset_ns,
		.event = *event,
		.node = events->reconciler->config->node,
	};
	const struct aeg_workload *workload = aeg_names_workload(&events->names, event->workload);
	const char *text = aeg_numbers_text(events->names.numbers, event->workload);
	AEG_AUTO_FREE char *label = text && !workload ? aeg_xstrdup(text) : NULL;
	struct aeg_buf line = {0};

	act(events, event);
	copy_name(event, size, name);
	flow.name = *name ? name : NULL;
	name_workload(&flow, workload);
	if (label)
		name_former_workload(&flow, label);
	name_rules(&flow, &events->names);
	name_endpoint(&flow, &events->names);
	aeg_flow_json(&flow, &line);
	aeg_history_add(events->history, flow.seq, line.data, line.len);
	aeg_buf_done(&line);
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

/* A gap is a line of its own, so that followers and files know of it. */
static void note_lost(struct aeg_events *events)
{
	uint64_t errors[AEG_ERROR_MAX], lost;
	struct aeg_buf line = {0};

	if (aeg_datapath_errors(events->reconciler->datapath, errors) < 0)
		return;
	lost = errors[AEG_ERROR_EVENT_LOST] + errors[AEG_ERROR_DENIAL_LOST];
	if (lost > events->lost) {
		aeg_flow_lost_json(lost - events->lost, &line);
		aeg_history_add(events->history, aeg_history_next(events->history), line.data,
				line.len);
		aeg_buf_done(&line);
		aeg_janitor_wake(events->reconciler->janitor); /* a lost one may have been a name */
	}
	events->lost = lost;
}

static size_t drain(struct aeg_events *events)
{
	size_t n;

	events->realtime_offset_ns =
		(int64_t)(clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC));
	n = aeg_datapath_consume(events->reconciler->datapath, add_event, events);
	if (!n)
		return 0;
	note_lost(events);
	log_denials(events);
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
	uint64_t errors[AEG_ERROR_MAX];
	int err;

	events->reconciler = reconciler;
	events->history = aeg_history_new(config->history, config->history * LINE_BYTES);
	if (aeg_datapath_errors(reconciler->datapath, errors) == 0)
		events->lost = errors[AEG_ERROR_EVENT_LOST] + errors[AEG_ERROR_DENIAL_LOST];
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
