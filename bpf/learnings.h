/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The one list of what becomes of an answer that could be parsed, a part of abi.h. */
#ifndef AEG_LEARNINGS_H
#define AEG_LEARNINGS_H

/* Append-only: index of the per-CPU array `learnings`. X(SYMBOL, word, sentence) */
#define AEG_LEARNINGS(X)                                                                           \
	X(NEW, "new", "an address was learned")                                                    \
	X(AGAIN, "again", "an address was known, its time was extended")                           \
	X(NO_PATTERN, "no-pattern", "no pattern covers the name")                                  \
	X(UNASKED, "unasked", "the socket did not ask this")                                       \
	X(LOOPBACK, "loopback", "the answer came in through lo")                                   \
	X(AWAY, "away", "the socket is not in its workload's network namespace")                   \
	X(SPECIAL, "special-use", "a special-use address that no endpoint declares")               \
	X(FULL, "table-full", "no room for another address")                                       \
	X(CROWDED, "crowded", "the address has its full number of patterns already")               \
	X(BUSY, "busy", "no memory to parse in: the packet was dropped, the client repeats it")    \
	X(EVICTED, "evicted", "a socket asked 32 questions more, with one unanswered: forgotten")  \
	X(SHARE, "over-share",                                                                     \
	  "a new address, but its workload has its share, and three quarters of the table are "    \
	  "taken")                                                                                 \
	X(HELD, "held", "no answer: a name's time was extended, since a connection uses it")       \
	X(QUIET, "quiet", "beside another result: no event, the workload had its share")

enum aeg_learning {
#define AEG_LEARNING_ENUM(symbol, word, sentence) AEG_LEARNING_##symbol,
	AEG_LEARNINGS(AEG_LEARNING_ENUM)
#undef AEG_LEARNING_ENUM
		AEG_LEARNING_MAX,
};

#endif
