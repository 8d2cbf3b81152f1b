/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * ArcSight's Common Event Format, version 0: a header of seven fields, in which | and \ are escaped,
 * then key=value pairs, in which = and \ are escaped and newlines written as \n.
 */
#include "gen/version.h"
#include "observe/export.h"

#define CEF_VERSION "CEF:0"

static void add_escaped(struct aeg_buf *out, const char *text, char separator)
{
	for (; *text; text++) {
		if (*text == '\n' || *text == '\r') {
			aeg_buf_puts(out, separator == '=' ? (*text == '\n' ? "\\n" : "\\r") : " ");
			continue;
		}
		if (*text == separator || *text == '\\')
			aeg_buf_putc(out, '\\');
		aeg_buf_putc(out, *text);
	}
}

static void add_header(struct aeg_buf *out, const char *field)
{
	add_escaped(out, field, '|');
	aeg_buf_putc(out, '|');
}

static void add_text(struct aeg_buf *out, const char *key, const char *text)
{
	if (!*text)
		return;
	aeg_buf_putc(out, ' ');
	aeg_buf_puts(out, key);
	aeg_buf_putc(out, '=');
	add_escaped(out, text, '=');
}

static void add_number(struct aeg_buf *out, const char *key, uint64_t number)
{
	AEG_AUTO_FREE char *text = aeg_xasprintf("%llu", (unsigned long long)number);

	if (number)
		add_text(out, key, text);
}

/* cs1=… cs1Label=…: of the custom fields only those that are set are named. */
static void add_custom(struct aeg_buf *out, int slot, const char *label, const char *text)
{
	AEG_AUTO_FREE char *key = aeg_xasprintf("cs%d", slot);
	AEG_AUTO_FREE char *label_key = aeg_xasprintf("cs%dLabel", slot);

	if (!*text)
		return;
	add_text(out, label_key, label);
	add_text(out, key, text);
}

struct kind {
	const char *word, *name, *severity; /* 0..10 */
};

static const struct kind *kind_of(const json_t *record)
{
	static const struct kind kinds[] = {
		{"denied", "Connection denied", "6"},
		{"audited", "Connection would be denied", "4"},
		{"allowed", "Connection allowed", "1"},
		{"policy", "Policy changed", "5"},
		{"policy-refused", "Policy refused", "6"},
		{"quarantine", "Workload quarantined", "7"},
		{"release", "Quarantine ended", "5"},
		{"lost", "Records lost", "7"},
		{"start", "Daemon started", "3"},
		{"stop", "Daemon stopped", "4"},
		{"opened", "Audit log opened", "3"},
		{"expired", "Audit file removed", "3"},
		{NULL, "Audit record", "2"},
	};
	const char *word = aeg_value_str(record, aeg_export_is_flow(record) ? "verdict" : "event");
	size_t i = 0;

	while (kinds[i].word && !aeg_streq(kinds[i].word, word))
		i++;
	return &kinds[i];
}

static void add_addresses(struct aeg_buf *out, const json_t *record)
{
	const char *ip = aeg_value_str(record, "destination.ip");
	bool v6 = strchr(ip, ':') != NULL;

	if (v6) { /* dst and src take IPv4 only */
		add_text(out, "c6a3Label", "Destination IPv6 Address");
		add_text(out, "c6a3", ip);
		add_text(out, "c6a2Label",
			 *aeg_value_str(record, "source.ip") ? "Source IPv6 Address" : "");
		add_text(out, "c6a2", aeg_value_str(record, "source.ip"));
	} else {
		add_text(out, "dst", ip);
		add_text(out, "src", aeg_value_str(record, "source.ip"));
	}
	add_number(out, "dpt", aeg_value_u64(record, "destination.port"));
	add_number(out, "spt", aeg_value_u64(record, "source.port"));
	add_text(out, "dhost", aeg_value_str(record, "destination.name"));
	add_text(out, "proto", aeg_value_str(record, "protocol"));
}

static void add_flow(struct aeg_buf *out, const json_t *record)
{
	AEG_AUTO_FREE char *workload = aeg_export_workload(record);

	add_text(out, "act", aeg_value_str(record, "verdict"));
	add_text(out, "outcome",
		 aeg_streq(aeg_value_str(record, "verdict"), "denied") ? "failure" : "success");
	add_text(out, "reason", aeg_value_str(record, "reason"));
	add_text(out, "deviceDirection", "1"); /* outbound */
	add_addresses(out, record);
	add_number(out, "spid", aeg_value_u64(record, "process.pid"));
	add_text(out, "sproc", aeg_value_str(record, "process.comm"));
	add_text(out, "suser", aeg_value_str(record, "workload.serviceAccount"));
	add_custom(out, 1, "policy", aeg_value_str(record, "policy"));
	add_custom(out, 2, "rule", aeg_value_str(record, "rule"));
	add_custom(out, 3, "workload", workload);
	add_custom(out, 4, "endpoint", aeg_value_str(record, "destination.endpoint"));
	add_custom(out, 5, "mode", aeg_value_str(record, "mode"));
}

static void add_life(struct aeg_buf *out, const json_t *record)
{
	AEG_AUTO_FREE char *workload = aeg_export_workload(record);
	AEG_AUTO_FREE char *changes = aeg_export_changes(record);
	AEG_AUTO_FREE char *uid =
		aeg_xasprintf("%llu", (unsigned long long)aeg_value_u64(record, "by.uid"));

	const char *why = aeg_value_str(record, "error");

	add_text(out, "act", aeg_value_str(record, "event"));
	add_text(out, "reason", *why ? why : aeg_value_str(record, "reason"));
	add_number(out, "spid", aeg_value_u64(record, "by.pid"));
	if (aeg_value_u64(record, "by.pid"))
		add_text(out, "suid", uid);
	add_custom(out, 1, "source", aeg_value_str(record, "by.source"));
	add_custom(out, 2, "request", aeg_value_str(record, "by.request"));
	add_custom(out, 3, *workload ? "workload" : "file",
		   *workload ? workload : aeg_value_str(record, "file"));
	add_custom(out, 4, "digest", aeg_value_str(record, "digest"));
	add_custom(out, 5, "changes", changes ? changes : "");
	add_number(out, "cnt", aeg_value_u64(record, "lost"));
}

void aeg_export_cef(const json_t *record, struct aeg_buf *ret)
{
	const struct kind *kind = kind_of(record);
	AEG_AUTO_FREE char *message = aeg_export_message(record);
	bool flow = aeg_export_is_flow(record);

	add_header(ret, CEF_VERSION);
	add_header(ret, AEG_EXPORT_VENDOR);
	add_header(ret, AEG_EXPORT_PRODUCT);
	add_header(ret, AEG_VERSION);
	add_header(ret, flow ? aeg_value_str(record, "verdict") : aeg_value_str(record, "event"));
	add_header(ret, kind->name);
	add_header(ret, kind->severity);
	aeg_buf_puts(ret, "cat=audit");
	add_number(ret, "rt", aeg_export_ms(record, "time"));
	add_number(ret, "start", aeg_export_ms(record, "firstSeen"));
	add_number(ret, "end", aeg_export_ms(record, "lastSeen"));
	add_number(ret, "cnt", aeg_value_u64(record, "count"));
	add_text(ret, "dvchost", aeg_value_str(record, "node"));
	add_text(ret, "externalId", aeg_value_str(record, "audit.hash"));
	if (flow)
		add_flow(ret, record);
	else
		add_life(ret, record);
	add_text(ret, "msg", message);
}
