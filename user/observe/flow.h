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

/*
 * What the numbers of an event stand for, as members of struct aeg_flow and struct aeg_words. NULL:
 * unknown. Policies are "namespace/name", cluster policies "name"; other_* are of decision.other_*.
 */
#define AEG_WORDS(X)                                                                               \
	X(ns)                                                                                      \
	X(workload)                                                                                \
	X(uid)                                                                                     \
	X(service_account)                                                                         \
	X(policy)                                                                                  \
	X(rule)                                                                                    \
	X(other_policy)                                                                            \
	X(other_rule)                                                                              \
	X(pattern)                                                                                 \
	X(endpoint)                                                                                \
	X(class)                                                                                   \
	X(region)                                                                                  \
	X(vendor)
#define AEG_WORD_MEMBER(word) const char *word;

struct aeg_words;

struct aeg_flow {
	uint64_t seq;	  /* counts up by one a record of this daemon; 0: no record (yet) */
	uint64_t time_ns; /* CLOCK_REALTIME */
	uint64_t lost;	  /* not 0: stands for events that nobody saw; there is no event then */
	enum aeg_lost_where lost_where;
	/* Of a denial that stands for several alike: how many, the first and the last one's time. */
	uint64_t count; /* 0: for itself alone */
	uint64_t first_ns, last_ns;
	struct aeg_event event;
	/* Borrowed, valid while the flow is handled; NULL: unknown. */
	const char *name; /* of the ClientHello or the DNS answer */
	const char *node; /* this machine */
	AEG_WORDS(AEG_WORD_MEMBER)
	struct aeg_words *words; /* who owns the words, for those that keep them; see words.h */
};

const char *aeg_event_word(unsigned int type); /* open, deny, close, name, refused */
/* Whether events of this type are about a decision; the others are about what a resolver said. */
bool aeg_event_decides(unsigned int type);
const char *aeg_refusal_word(uint8_t refusal);		 /* unasked, special-use, truncated, … */
const char *aeg_flow_verdict_word(unsigned int verdict); /* allowed, audited, denied */
const char *aeg_flow_reason_word(unsigned int reason);
const char *aeg_hook_word(unsigned int hook); /* connect, datagram, probe, hello, packet */
/* One line, no newline at its end. */
void aeg_flow_json(const struct aeg_flow *flow, struct aeg_buf *ret);
const char *aeg_lost_word(enum aeg_lost_where where); /* events, denials, reader */

#endif
