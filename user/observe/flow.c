/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* aegress.flow/v1: the order and the meaning of the keys are a promise; see docs/api.md. */
#include "observe/flow.h"
#include "base/addr.h"
#include "base/json.h"

#include <stdio.h>

#define SCHEMA "aegress.flow/v1"
#define NS_PER_SEC 1000000000u

static const char *const event_words[] = {
	[AEG_EVENT_OPEN] = "open", [AEG_EVENT_DENY] = "deny",	    [AEG_EVENT_CLOSE] = "close",
	[AEG_EVENT_NAME] = "name", [AEG_EVENT_REFUSED] = "refused",
};
static const char *const hook_words[AEG_HOOK_MAX] = {
	[AEG_HOOK_CONNECT] = "connect", [AEG_HOOK_DATAGRAM] = "datagram",
	[AEG_HOOK_PROBE] = "probe",	[AEG_HOOK_HELLO] = "hello",
	[AEG_HOOK_PACKET] = "packet",	[AEG_HOOK_FRAME] = "frame",
	[AEG_HOOK_REVOKE] = "revoke",	[AEG_HOOK_QUESTION] = "question",
};
static const char *const lost_words[AEG_LOST_MAX] = {
	[AEG_LOST_EVENTS] = "events",
	[AEG_LOST_DENIALS] = "denials",
	[AEG_LOST_READER] = "reader",
};
static const char *const verdict_words[AEG_VERDICT_MAX] = {
	[AEG_VERDICT_ALLOWED] = "allowed",
	[AEG_VERDICT_AUDITED] = "audited",
	[AEG_VERDICT_DENIED] = "denied",
};
static const char *const reason_words[AEG_REASON_MAX] = {
#define REASON_WORD(number, symbol, word, sentence) [number] = (word),
	AEG_REASONS(REASON_WORD)
#undef REASON_WORD
};

#define RESULT_WORD(symbol, word, sentence) word,
static const char *const learning_words[] = {AEG_LEARNINGS(RESULT_WORD)};
static const char *const message_words[] = {AEG_DNS_RESULTS(RESULT_WORD)};
#undef RESULT_WORD

static const char *word(const char *const *words, size_t n, unsigned int i)
{
	return i < n && words[i] ? words[i] : "?";
}

const char *aeg_event_word(unsigned int type)
{
	return word(event_words, AEG_ARRAY_SIZE(event_words), type);
}

const char *aeg_flow_verdict_word(unsigned int verdict)
{
	return word(verdict_words, AEG_VERDICT_MAX, verdict);
}

const char *aeg_flow_reason_word(unsigned int reason)
{
	return word(reason_words, AEG_REASON_MAX, reason);
}

bool aeg_event_decides(unsigned int type)
{
	return type != AEG_EVENT_NAME && type != AEG_EVENT_REFUSED;
}

const char *aeg_refusal_word(uint8_t refusal)
{
	if (refusal & AEG_REFUSED_MESSAGE)
		return word(message_words, AEG_ARRAY_SIZE(message_words),
			    refusal & ~AEG_REFUSED_MESSAGE);
	return word(learning_words, AEG_ARRAY_SIZE(learning_words), refusal);
}

const char *aeg_lost_word(enum aeg_lost_where where)
{
	return word(lost_words, AEG_LOST_MAX, where);
}

const char *aeg_hook_word(unsigned int hook)
{
	return word(hook_words, AEG_HOOK_MAX, hook);
}

static void put_u64(struct aeg_json *json, const char *key, uint64_t value)
{
	if (value)
		aeg_json_u64(json, key, value);
}

static void put_verdict(struct aeg_json *json, uint8_t verdict, uint8_t reason)
{
	aeg_json_str(json, "verdict", aeg_flow_verdict_word(verdict));
	aeg_json_str(json, "reason", aeg_flow_reason_word(reason));
}

/* What the other layer, enforcing or auditing, would have said. */
static void put_other(struct aeg_json *json, const struct aeg_flow *flow)
{
	const struct aeg_decision *decision = &flow->event.decision;

	if (decision->other_verdict == AEG_VERDICT_NONE)
		return;
	aeg_json_object(json, "other");
	put_verdict(json, decision->other_verdict, decision->other_reason);
	aeg_json_str(json, "policy", flow->other_policy);
	aeg_json_str(json, "rule", flow->other_rule);
	aeg_json_object_end(json);
}

static void put_decision(struct aeg_json *json, const struct aeg_flow *flow)
{
	const struct aeg_decision *decision = &flow->event.decision;

	put_verdict(json, decision->verdict, decision->reason);
	aeg_json_str(json, "mode", decision->mode == AEG_MODE_AUDIT ? "Audit" : "Enforce");
	aeg_json_str(json, "policy", flow->policy);
	aeg_json_str(json, "rule", flow->rule);
	put_other(json, flow);
}

static void put_workload(struct aeg_json *json, const struct aeg_flow *flow)
{
	if (!flow->workload && !flow->event.cgroup)
		return;
	aeg_json_object(json, "workload");
	aeg_json_str(json, "namespace", flow->ns);
	aeg_json_str(json, "name", flow->workload);
	aeg_json_str(json, "uid", flow->uid);
	aeg_json_str(json, "serviceAccount", flow->service_account);
	put_u64(json, "cgroupId", flow->event.cgroup);
	aeg_json_object_end(json);
}

static void put_process(struct aeg_json *json, const struct aeg_event *event)
{
	char comm[AEG_COMM_LEN + 1] = {0};

	if (!event->pid)
		return;
	memcpy(comm, event->comm, AEG_COMM_LEN);
	aeg_json_object(json, "process");
	aeg_json_u64(json, "pid", event->pid);
	aeg_json_str(json, "comm", comm);
	aeg_json_object_end(json);
}

static void put_ip(struct aeg_json *json, const char *key, const uint8_t bytes[16])
{
	struct aeg_addr addr;
	char text[AEG_ADDR_TEXT];

	memcpy(addr.bytes, bytes, sizeof(addr.bytes));
	aeg_addr_format(&addr, text);
	aeg_json_str(json, key, text);
}

static void put_addr(struct aeg_json *json, const uint8_t bytes[16], uint16_t port)
{
	put_ip(json, "ip", bytes);
	aeg_json_u64(json, "port", port);
}

static bool is_zero(const uint8_t bytes[16])
{
	static const uint8_t zero[16];

	return memcmp(bytes, zero, sizeof(zero)) == 0;
}

/* What a resolver said has no port; a refused answer may be for no address, and one unread for no name. */
static void put_destination(struct aeg_json *json, const struct aeg_flow *flow)
{
	if (flow->event.type == AEG_EVENT_REFUSED && !flow->name)
		return;
	aeg_json_object(json, "destination");
	if (aeg_event_decides(flow->event.type))
		put_addr(json, flow->event.daddr, flow->event.dport);
	else if (!is_zero(flow->event.daddr))
		put_ip(json, "ip", flow->event.daddr);
	aeg_json_str(json, "name", flow->name);
	aeg_json_str(json, "pattern", flow->pattern);
	aeg_json_str(json, "endpoint", flow->endpoint);
	aeg_json_str(json, "class", flow->class);
	aeg_json_str(json, "region", flow->region);
	aeg_json_str(json, "vendor", flow->vendor);
	aeg_json_object_end(json);
}

static void put_protocol(struct aeg_json *json, uint8_t proto)
{
	char number[4];

	snprintf(number, sizeof(number), "%u", proto);
	aeg_json_str(json, "protocol",
		     proto == AEG_PROTO_TCP   ? "tcp"
		     : proto == AEG_PROTO_UDP ? "udp"
					      : number);
}

/* Not bound yet at connect(). */
static void put_source(struct aeg_json *json, const struct aeg_event *event)
{
	if (!event->sport)
		return;
	aeg_json_object(json, "source");
	put_addr(json, event->saddr, event->sport);
	aeg_json_object_end(json);
}

static void put_close(struct aeg_json *json, const struct aeg_event *event)
{
	if (event->type != AEG_EVENT_CLOSE)
		return;
	aeg_json_object(json, "bytes");
	aeg_json_u64(json, "sent", event->sent);
	aeg_json_u64(json, "received", event->received);
	aeg_json_object_end(json);
	aeg_json_decimal(json, "durationMs", event->duration, 6);
	put_u64(json, "connectUs", event->connect_us);
	put_u64(json, "rttUs", event->rtt_us);
	aeg_json_u64(json, "retransmits", event->retransmits);
}

/* Of a connection, or of an attempt at one. */
static void put_connection(struct aeg_json *json, const struct aeg_event *event)
{
	put_protocol(json, event->proto);
	aeg_json_str(json, "hook", aeg_hook_word(event->hook));
	put_u64(json, "cookie", event->cookie);
	put_source(json, event);
	put_close(json, event);
}

static void put_time(struct aeg_json *json, const char *key, uint64_t ns)
{
	char text[AEG_TIME_TEXT];

	aeg_time_format(ns, text);
	aeg_json_str(json, key, text);
}

static void put_count(struct aeg_json *json, const struct aeg_flow *flow)
{
	if (!flow->count)
		return;
	aeg_json_u64(json, "count", flow->count);
	put_time(json, "firstSeen", flow->first_ns);
	put_time(json, "lastSeen", flow->last_ns);
}

/* Nothing was decided about what a resolver said: it was learned for some time, or refused. */
static void put_answer(struct aeg_json *json, const struct aeg_event *event)
{
	if (event->type == AEG_EVENT_NAME)
		aeg_json_u64(json, "ttl", event->duration / NS_PER_SEC);
	if (!is_zero(event->saddr))
		put_ip(json, "resolver", event->saddr);
}

static void put_event(struct aeg_json *json, const struct aeg_flow *flow)
{
	bool decided = aeg_event_decides(flow->event.type);

	aeg_json_str(json, "event", aeg_event_word(flow->event.type));
	if (decided)
		put_decision(json, flow);
	if (flow->event.type == AEG_EVENT_REFUSED)
		aeg_json_str(json, "refusal", aeg_refusal_word(flow->event.refusal));
	put_u64(json, "generation", flow->event.generation);
	put_workload(json, flow);
	put_process(json, &flow->event);
	put_destination(json, flow);
	if (decided)
		put_connection(json, &flow->event);
	else
		put_answer(json, &flow->event);
	put_count(json, flow);
}

static void put_lost(struct aeg_json *json, const struct aeg_flow *flow)
{
	aeg_json_str(json, "event", "lost");
	aeg_json_u64(json, "lost", flow->lost);
	aeg_json_str(json, "where", aeg_lost_word(flow->lost_where));
}

void aeg_flow_json(const struct aeg_flow *flow, struct aeg_buf *ret)
{
	struct aeg_json json;

	aeg_json_begin(&json, ret);
	aeg_json_object(&json, NULL);
	aeg_json_str(&json, "schema", SCHEMA);
	put_u64(&json, "seq", flow->seq);
	put_time(&json, "time", flow->time_ns);
	aeg_json_str(&json, "node", flow->node);
	if (flow->lost)
		put_lost(&json, flow);
	else
		put_event(&json, flow);
	aeg_json_object_end(&json);
}
