/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * DNS messages, as much as learning needs: the one question, and the addresses in the answer section.
 * All or nothing: a message that is wrong anywhere up to the end of its answers teaches nothing.
 * Owner names are walked, not followed: the answer is bound to its question by the resolver and the
 * hash; compression pointers must point backwards, so that no loop exists.
 */
#ifndef AEG_PARSE_DNS_H
#define AEG_PARSE_DNS_H

#include "bpf/bytes.h"
#include "bpf/name.h"

#define AEG_DNS_RECORDS_MAX 64 /* answer records of a message, CNAMEs included */
#define AEG_DNS_QUESTION_MAX 272 /* bytes to load of a query: header, name, type, class */
#define AEG_DNS_TYPE_A 1
#define AEG_DNS_TYPE_AAAA 28

/* Append-only: index of a per-CPU array of counters. X(SYMBOL, word, sentence) */
#define AEG_DNS_RESULTS(X)                                                                         \
	X(OK, "ok", "parsed")                                                                      \
	X(SHORT, "short", "the message ends too early")                                            \
	X(NOT_QUERY, "not-query", "no standard query with one question")                           \
	X(NOT_ANSWER, "not-answer", "no standard response with one question")                      \
	X(TRUNCATED, "truncated", "the TC bit is set")                                             \
	X(FAILED, "failed", "the resolver says that it failed, or that there is no such name")     \
	X(BAD_NAME, "bad-name", "the question's name is no host name")                             \
	X(BAD_LABEL, "bad-label", "a label or compression pointer is wrong")                       \
	X(BAD_RECORD, "bad-record", "an address record has the wrong length")                      \
	X(TOO_MANY, "too-many", "more than 64 answer records")                                     \
	X(NOT_ADDRESS, "not-address", "the question asks for something else than addresses")       \
	X(TOO_LONG, "too-long", "the answers reach beyond 4 KB")

enum aeg_dns_result {
#define AEG_DNS_ENUM(symbol, word, sentence) AEG_DNS_##symbol,
	AEG_DNS_RESULTS(AEG_DNS_ENUM)
#undef AEG_DNS_ENUM
		AEG_DNS_RESULT_MAX,
};

/* The question; what `asked` remembers and an answer must repeat. */
struct aeg_question {
	__u64 hash; /* of the lower-cased name, type and class */
	__u16 id;
	__u16 type; /* AEG_DNS_TYPE_* */
	__u32 end;  /* where the question section ends */
};

struct aeg_dns_record {
	__u8 addr[16]; /* as everywhere: IPv4 mapped */
	__u32 ttl;     /* s, as sent; a set top bit counts as 0 (RFC 2181) */
	__u32 pad;
};

/* The answer section. Map memory (per-CPU scratch at ingress). */
struct aeg_answers {
	__u32 n; /* of records */
	__u32 pos;
	__u32 left;
	__u32 pad;
	struct aeg_dns_record records[AEG_DNS_RECORDS_MAX];
};

/*
 * data: AEG_DATA_ROOM bytes of writable map memory, of which len (<= AEG_DATA_MAX) are the message's
 * first; the name's length bytes are overwritten by dots. ret, name: map memory. name is what was
 * asked for; for queries only the hash is of interest. Types other than A and AAAA: NOT_ADDRESS (ret
 * and name are not filled).
 */
AEG_INLINE enum aeg_dns_result aeg_dns_query(__u8 *data, __u32 len, const struct aeg_seed *seed,
					     struct aeg_name *name, struct aeg_question *ret);

/* The same for a response's header and question; then compare hash and id with what was asked. */
AEG_INLINE enum aeg_dns_result aeg_dns_response(__u8 *data, __u32 len, const struct aeg_seed *seed,
						struct aeg_name *name, struct aeg_question *ret);

/*
 * After aeg_dns_response() said OK: all A and AAAA records of class IN of the answer section. `whole`
 * is the message's true length: where more than AEG_DATA_MAX, running out of data is TOO_LONG.
 */
AEG_INLINE enum aeg_dns_result aeg_dns_answers(const __u8 *data, __u32 len, __u32 whole,
					       const struct aeg_question *question,
					       struct aeg_answers *ret);

#endif
