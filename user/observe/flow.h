/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Flow records: an event of the kernel with names in place of numbers, and its one JSON form,
 * aegress.flow/v1. Keys never change meaning; what is unknown is left out.
 */
#ifndef AEG_OBSERVE_FLOW_H
#define AEG_OBSERVE_FLOW_H

#include "base/buf.h"
#include "base/timestamp.h"
#include "bpf/abi.h"
#include <stdbool.h>
#include <stdint.h>

/* Where records were lost: the ring that had no room, or a reader that was too slow. */
enum aeg_lost_where { AEG_LOST_EVENTS, AEG_LOST_DENIALS, AEG_LOST_READER, AEG_LOST_MAX };

struct aeg_flow {
	uint64_t
		seq; /* counts up by one a record of this daemon; 0: an event that is no record yet */
	uint64_t time_ns; /* CLOCK_REALTIME */
	uint64_t lost; /* not 0: stands for so many events that nobody saw; event is empty then */
	enum aeg_lost_where lost_where;
	/* Of a denial that stands for several alike: how many, the first and the last one's time. */
	uint64_t count; /* 0: for itself alone */
	uint64_t first_ns, last_ns;
	struct aeg_event event;
	const char *name; /* of the ClientHello or the DNS answer; NULL: none */
	/* Borrowed names, valid while the record is handled; NULL: unknown. */
	const char *node; /* this machine */
	const char *ns, *workload, *uid, *service_account;
	const char *policy; /* "namespace/name", "name" for cluster policies */
	const char *rule;
	const char *other_policy, *other_rule; /* of decision.other_* */
	const char *pattern, *endpoint, *class, *region, *vendor;
};

const char *aeg_event_word(unsigned int type); /* open, deny, close, name */
const char *aeg_hook_word(unsigned int hook);  /* connect, datagram, probe, hello, packet */
/* One line, no newline at its end. */
void aeg_flow_json(const struct aeg_flow *flow, struct aeg_buf *ret);
const char *aeg_lost_word(enum aeg_lost_where where); /* events, denials, reader */

#endif
