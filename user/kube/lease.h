/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Leases of coordination.k8s.io: each node's own says what it enforces, one says who writes status.
 * Pure: objects in, objects and decisions out.
 */
#ifndef AEG_KUBE_LEASE_H
#define AEG_KUBE_LEASE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define AEG_LEASE_NODE_S 60   /* a node that does not renew for so long is not counted */
#define AEG_LEASE_LEADER_S 30 /* and a leader is followed by another one */
#define AEG_LEASE_REPORT "aegress.dev/report"
#define AEG_LEASE_FORGET_S 600 /* a lease that nobody renews for so long is deleted */
/* An object may have 256 KiB of annotations: what does not fit is not told. */
#define AEG_LEASE_PODS_BYTES (96u << 10)
#define AEG_LEASE_MARKS_BYTES (128u << 10)
#define AEG_LEASE_MARK                                                                             \
	8 /* characters that stand for one document; that two share one is harmless */

struct aeg_mark {
	char text[AEG_LEASE_MARK + 1];
};

/* What a node says: which documents it has in force, and how many of its pods each policy selects. */
struct aeg_report {
	char *in_force; /* their marks, sorted, one after the other; owned; NULL: none yet */
	json_t *pods;	/* {"AIEgressPolicy ml/chat": 3}; owned; NULL: none */
	size_t pods_bytes;
};
void aeg_report_done(struct aeg_report *report);
/* In any order; they are sorted. */
void aeg_report_set_marks(struct aeg_report *report, struct aeg_mark *marks, size_t n);
bool aeg_report_has(const struct aeg_report *report, const struct aeg_mark *mark);
/* Whether one more policy of that name has room. */
bool aeg_report_add_pods(struct aeg_report *report, const char *policy, unsigned int pods);
char *aeg_report_text(const struct aeg_report *report);
/* Anything else than a report is an empty one. */
void aeg_report_read(const char *text, struct aeg_report *ret);

/* NULL lease: make one. The object to be sent: what is there, held by holder from now on. */
json_t *aeg_lease_object(json_t *lease, const char *ns, const char *name, const char *holder,
			 unsigned int duration_s, uint64_t now_ns);
const char *aeg_lease_holder(json_t *lease); /* "": nobody */

/*
 * Clocks of nodes differ, so that a renewal counts from when it was seen here, not from the time that is
 * written in it.
 */
struct aeg_lease_seen {
	char *version;	/* resourceVersion when last looked; NULL: never */
	uint64_t at_ns; /* CLOCK_MONOTONIC, when that was new */
};
void aeg_lease_look(struct aeg_lease_seen *seen, json_t *lease, uint64_t now_ns);
/*
 * The same, but for one that is seen for the first time: what is written in it is all that there is to
 * know, and one that was left alone long ago is not taken for a fresh one.
 */
void aeg_lease_look_first(struct aeg_lease_seen *seen, json_t *lease, uint64_t now_ns,
			  uint64_t realtime_ns);
/* Whether holder may take the lease, or renew it: it is his, nobody's, or was left alone too long. */
bool aeg_lease_mine(const struct aeg_lease_seen *seen, json_t *lease, const char *holder,
		    uint64_t now_ns);

#endif
