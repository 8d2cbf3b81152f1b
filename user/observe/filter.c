// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Two tables: keys that take patterns, and keys that take words of a list. */
#include "observe/filter.h"
#include "base/addr.h"
#include "base/diag.h"
#include "base/timestamp.h"
#include "observe/glob.h"

#include <errno.h>
#include <stdlib.h>

#define NS_PER_SEC UINT64_C(1000000000)
#define WORDS_MAX 64 /* bits of a set */
#define NAME_MAX_TEXT 600
#define DNS_EVENTS 0 /* no event's number: stands for all that are about what resolvers say */

const char *const aeg_filter_keys[] = {
	[AEG_FILTER_NAMESPACE] = "namespace",
	[AEG_FILTER_WORKLOAD] = "workload",
	[AEG_FILTER_SERVICE_ACCOUNT] = "serviceAccount",
	[AEG_FILTER_ENDPOINT] = "endpoint",
	[AEG_FILTER_NAME] = "name",
	[AEG_FILTER_POLICY] = "policy",
	[AEG_FILTER_TEXTS + AEG_FILTER_EVENT] = "event",
	[AEG_FILTER_TEXTS + AEG_FILTER_VERDICT] = "verdict",
	[AEG_FILTER_TEXTS + AEG_FILTER_REASON] = "reason",
	[AEG_FILTER_TEXTS + AEG_FILTER_CLASS] = "class",
	NULL,
};

static int key_find(const char *key)
{
	for (int i = 0; aeg_filter_keys[i]; i++) {
		if (aeg_streq(aeg_filter_keys[i], key))
			return i;
	}
	return -1;
}

void aeg_filter_init(struct aeg_filter *filter, const char *const *classes)
{
	*filter = (struct aeg_filter){.classes = classes};
}

void aeg_filter_done(struct aeg_filter *filter)
{
	for (int key = 0; key < AEG_FILTER_TEXTS; key++) {
		for (size_t i = 0; i < filter->texts[key].n; i++)
			free(filter->texts[key].items[i]);
		AEG_VEC_DONE(filter->texts[key]);
	}
}

/* ---- words ---- */

/* The words of a key by number; NULL: no such word. Returns how many numbers there are. */
static unsigned int list_words(const struct aeg_filter *filter, enum aeg_filter_word key,
			       const char *ret[WORDS_MAX])
{
	static const unsigned int counts[AEG_FILTER_WORDS] = {
		[AEG_FILTER_EVENT] = AEG_EVENT_MAX,
		[AEG_FILTER_VERDICT] = AEG_VERDICT_MAX,
		[AEG_FILTER_REASON] = AEG_REASON_MAX,
	};
	unsigned int n = counts[key];

	_Static_assert(AEG_REASON_MAX <= WORDS_MAX, "a bit a reason");
	for (unsigned int i = 0; i < n; i++) {
		ret[i] = key == AEG_FILTER_EVENT     ? aeg_event_word(i)
			 : key == AEG_FILTER_VERDICT ? aeg_flow_verdict_word(i)
						     : aeg_flow_reason_word(i);
		if (aeg_streq(ret[i], "?"))
			ret[i] = NULL;
	}
	if (key == AEG_FILTER_EVENT)
		ret[DNS_EVENTS] = "dns";
	for (; key == AEG_FILTER_CLASS && n < WORDS_MAX && filter->classes[n]; n++)
		ret[n] = filter->classes[n];
	return n;
}

static int refuse_word(const char *key, const char *value, const char *const *words, size_t n,
		       struct aeg_buf *error)
{
	const char *known[WORDS_MAX], *close;
	size_t nknown = 0;

	aeg_buf_printf(error, "%s: '%s' is not one of ", key, value);
	for (size_t i = 0; i < n; i++) {
		if (!words[i])
			continue;
		aeg_buf_printf(error, "%s%s", nknown ? ", " : "", words[i]);
		known[nknown++] = words[i];
	}
	close = aeg_closest(value, known, nknown);
	if (close)
		aeg_buf_printf(error, "; did you mean '%s'?", close);
	return -EINVAL;
}

static int add_word(struct aeg_filter *filter, enum aeg_filter_word key, const char *value,
		    struct aeg_buf *error)
{
	const char *words[WORDS_MAX];
	unsigned int n = list_words(filter, key, words);

	for (unsigned int i = 0; i < n; i++) {
		if (words[i] && aeg_streq(words[i], value)) {
			filter->words[key] |= UINT64_C(1) << i;
			return 0;
		}
	}
	return refuse_word(aeg_filter_keys[AEG_FILTER_TEXTS + key], value, words, n, error);
}

/* ---- adding ---- */

static int refuse_key(const char *key, struct aeg_buf *error)
{
	aeg_buf_printf(error, "there is no filter '%s'; filters are", key);
	for (size_t i = 0; aeg_filter_keys[i]; i++)
		aeg_buf_printf(error, "%s %s", i ? "," : "", aeg_filter_keys[i]);
	return -EINVAL;
}

static int add_value(struct aeg_filter *filter, int key, const char *value, struct aeg_buf *error)
{
	if (!*value) {
		aeg_buf_printf(error, "%s: a value is empty", aeg_filter_keys[key]);
		return -EINVAL;
	}
	if (key >= AEG_FILTER_TEXTS)
		return add_word(filter, (enum aeg_filter_word)(key - AEG_FILTER_TEXTS), value,
				error);
	*AEG_VEC_PUSH(filter->texts[key]) = aeg_xstrdup(value);
	return 0;
}

int aeg_filter_add(struct aeg_filter *filter, const char *key, const char *values,
		   struct aeg_buf *error)
{
	int found = key_find(key), err = 0;

	if (found < 0)
		return refuse_key(key, error);
	for (bool more = true; more && !err;) {
		size_t len = strcspn(values, ",");
		AEG_AUTO_FREE char *value = aeg_xstrndup(values, len);

		err = add_value(filter, found, value, error);
		more = values[len] == ',';
		values += len + more;
	}
	return err;
}

static uint64_t unit_seconds(char unit)
{
	switch (unit) {
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 3600;
	case 'd':
		return 86400;
	default:
		return 0;
	}
}

/* "90s", "10m", "36h", "7d". */
static bool read_ago(const char *text, uint64_t *ret_seconds)
{
	unsigned long long number;
	uint64_t unit;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	number = strtoull(text, &end, 10);
	unit = unit_seconds(*end);
	if (errno || !unit || end[1] || number > UINT32_MAX)
		return false;
	*ret_seconds = number * unit;
	return true;
}

int aeg_filter_since(struct aeg_filter *filter, const char *text, uint64_t now_ns,
		     struct aeg_buf *error)
{
	uint64_t seconds, ns;

	if (read_ago(text, &seconds)) {
		filter->since_ns = seconds < now_ns / NS_PER_SEC ? now_ns - seconds * NS_PER_SEC
								 : 0;
		return 0;
	}
	if (aeg_time_parse(text, &ns) == 0) {
		filter->since_ns = ns;
		return 0;
	}
	aeg_buf_printf(error,
		       "since: '%s' is neither the number of a record, nor how long ago (90s, 10m, "
		       "36h, 7d), nor a time like 2026-11-20T12:00:00Z",
		       text);
	return -EINVAL;
}

/* ---- matching ---- */

static bool text_passes(const struct aeg_filter *filter, enum aeg_filter_text key, const char *text)
{
	if (!filter->texts[key].n)
		return true;
	for (size_t i = 0; text && i < filter->texts[key].n; i++) {
		if (aeg_glob_matches(filter->texts[key].items[i], text))
			return true;
	}
	return false;
}

static bool workload_passes(const struct aeg_filter *filter, const struct aeg_flow *flow)
{
	char whole[NAME_MAX_TEXT];

	if (!filter->texts[AEG_FILTER_WORKLOAD].n)
		return true;
	if (!flow->workload)
		return false;
	snprintf(whole, sizeof(whole), "%s/%s", flow->ns ? flow->ns : "", flow->workload);
	return text_passes(filter, AEG_FILTER_WORKLOAD, flow->workload) ||
	       text_passes(filter, AEG_FILTER_WORKLOAD, whole);
}

/* What a person would call the destination: its name, else what it was matched by, or its address. */
static bool name_passes(const struct aeg_filter *filter, const struct aeg_flow *flow)
{
	struct aeg_addr addr;
	char text[AEG_ADDR_TEXT];

	if (!filter->texts[AEG_FILTER_NAME].n)
		return true;
	memcpy(addr.bytes, flow->event.daddr, sizeof(addr.bytes));
	aeg_addr_format(&addr, text);
	return text_passes(filter, AEG_FILTER_NAME, flow->name ? flow->name : flow->pattern) ||
	       text_passes(filter, AEG_FILTER_NAME, text);
}

static bool bit_passes(uint64_t set, unsigned int bit)
{
	return !set || (bit < WORDS_MAX && set >> bit & 1);
}

static bool event_passes(const struct aeg_filter *filter, unsigned int type)
{
	uint64_t set = filter->words[AEG_FILTER_EVENT];

	return bit_passes(set, type) || (set >> DNS_EVENTS & 1 && !aeg_event_decides(type));
}

static bool class_passes(const struct aeg_filter *filter, const char *class)
{
	uint64_t set = filter->words[AEG_FILTER_CLASS];

	for (unsigned int i = 0; set && class && filter->classes[i]; i++) {
		if (set >> i & 1 && aeg_streq(filter->classes[i], class))
			return true;
	}
	return !set;
}

/* Nothing was decided about what a resolver said. */
static bool decision_passes(const struct aeg_filter *filter, const struct aeg_event *event)
{
	if (!aeg_event_decides(event->type))
		return !filter->words[AEG_FILTER_VERDICT] && !filter->words[AEG_FILTER_REASON];
	return bit_passes(filter->words[AEG_FILTER_VERDICT], event->decision.verdict) &&
	       bit_passes(filter->words[AEG_FILTER_REASON], event->decision.reason);
}

bool aeg_filter_passes(const struct aeg_filter *filter, const struct aeg_flow *flow)
{
	if (flow->time_ns < filter->since_ns)
		return false;
	if (flow->lost)
		return true;
	return event_passes(filter, flow->event.type) && decision_passes(filter, &flow->event) &&
	       class_passes(filter, flow->class) &&
	       text_passes(filter, AEG_FILTER_NAMESPACE, flow->ns) &&
	       workload_passes(filter, flow) &&
	       text_passes(filter, AEG_FILTER_SERVICE_ACCOUNT, flow->service_account) &&
	       text_passes(filter, AEG_FILTER_ENDPOINT, flow->endpoint) &&
	       text_passes(filter, AEG_FILTER_POLICY, flow->policy) && name_passes(filter, flow);
}
