/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The one list of what becomes of a DNS message, a part of abi.h. */
#ifndef AEG_DNS_RESULTS_H
#define AEG_DNS_RESULTS_H

/* Append-only: index of a per-CPU array of counters. X(SYMBOL, word, sentence) */
#define AEG_DNS_RESULTS(X)                                                                         \
	X(OK, "ok", "parsed")                                                                      \
	X(SHORT, "short", "the message, or its first 4 KB, ends too early")                        \
	X(NOT_QUERY, "not-query", "no standard query with one question")                           \
	X(NOT_ANSWER, "not-answer", "no standard response with one question")                      \
	X(TRUNCATED, "truncated", "the TC bit is set")                                             \
	X(FAILED, "failed", "the resolver says that it failed, or that there is no such name")     \
	X(BAD_NAME, "bad-name", "the question's name is no host name")                             \
	X(BAD_LABEL, "bad-label", "a label or compression pointer is wrong")                       \
	X(BAD_RECORD, "bad-record", "an address record has the wrong length")                      \
	X(TOO_MANY, "too-many", "over 64 answer records, or 256 with their labels")                \
	X(NOT_ADDRESS, "not-address", "the question asks for something else than addresses")       \
	X(LOST, "lost", "a TCP connection whose messages can no longer be told apart")

enum aeg_dns_result {
#define AEG_DNS_ENUM(symbol, word, sentence) AEG_DNS_##symbol,
	AEG_DNS_RESULTS(AEG_DNS_ENUM)
#undef AEG_DNS_ENUM
		AEG_DNS_RESULT_MAX,
};

#endif
