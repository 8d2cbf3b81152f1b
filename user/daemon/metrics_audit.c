/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The audit log: does it keep up, and is anything wrong with its disk? All zero when it is off. */
#include "daemon/auditing.h"
#include "daemon/metrics.h"

static const struct aeg_metric families[] = {
	{"aegress_audit_ok", AEG_METRIC_GAUGE, NULL,
	 "1: the audit log is written, made durable and kept as it should be, or switched off."},
	{"aegress_audit_records", AEG_METRIC_COUNTER, NULL, "Records written to the audit log."},
	{"aegress_audit_written_bytes", AEG_METRIC_COUNTER, "bytes",
	 "Bytes written to the audit log."},
	{"aegress_audit_lost", AEG_METRIC_COUNTER, NULL,
	 "Events whose records found no room while nothing could be written."},
	{"aegress_audit_errors", AEG_METRIC_COUNTER, NULL,
	 "Failures to write, sync, rotate, compress or remove a file of the audit log."},
	{"aegress_audit_rotations", AEG_METRIC_COUNTER, NULL, "Files of the audit log completed."},
	{"aegress_audit_expired", AEG_METRIC_COUNTER, NULL,
	 "Files of the audit log removed, since they were too old or too many."},
	{"aegress_audit_vanished", AEG_METRIC_COUNTER, NULL,
	 "Times that the audit log or the state directory was not where it was."},
	{"aegress_audit_waiting_bytes", AEG_METRIC_GAUGE, "bytes",
	 "Bytes that wait to be written to the audit log."},
};

void aeg_metrics_put_audit(const struct aeg_collector *collector, struct aeg_metrics *metrics)
{
	struct aeg_audit_stats stats = {0};
	const bool on = aeg_auditing_stats(collector->daemon->auditing, &stats);
	const uint64_t values[] = {
		!on || (!stats.error && !stats.failing),
		stats.records,
		stats.bytes,
		stats.lost,
		stats.errors,
		stats.rotations,
		stats.expired,
		stats.vanished,
		stats.waiting,
	};

	_Static_assert(AEG_ARRAY_SIZE(values) == AEG_ARRAY_SIZE(families), "one each");
	for (size_t i = 0; i < AEG_ARRAY_SIZE(families); i++) {
		aeg_metrics_family(metrics, &families[i]);
		aeg_metrics_u64(metrics, NULL, values[i]);
	}
}
