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
#define AEG_LEASE_PODS_MAX                                                                         \
	2000 /* policies with pods in one report: etcd takes 256 KiB of annotations */

/* What a node says: which documents it has in force, and how many of its pods each policy selects. */
struct aeg_report {
	char documents[17]; /* of all documents and their generations; "": none in force yet */
	json_t *pods;	    /* {"AIEgressPolicy ml/chat": 3}; owned; NULL: none */
};
void aeg_report_done(struct aeg_report *report);
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
/* Whether holder may take the lease, or renew it: it is his, nobody's, or was left alone too long. */
bool aeg_lease_mine(const struct aeg_lease_seen *seen, json_t *lease, const char *holder,
		    uint64_t now_ns);

#endif
