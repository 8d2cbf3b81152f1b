/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * DNS messages, as much as learning needs: the one question, and the addresses in the answer section.
 * All or nothing: a message that is wrong anywhere up to the end of its answers teaches nothing.
 * Owner names are walked, never followed: the answer is bound to its question by resolver, id and hash,
 * whoever owns its records. So a loop of compression pointers is nothing to us; one that does not point
 * to before its own name, as RFC 1035 wants, is refused all the same.
 */
#ifndef AEG_PARSE_DNS_H
#define AEG_PARSE_DNS_H

#include "bpf/dns_results.h"
#include "bpf/input.h"
#include "bpf/name.h"

#define AEG_DNS_RECORDS_MAX 64	 /* answer records of a message, CNAMEs included */
#define AEG_DNS_STEPS_MAX 256	 /* records, plus labels of their owners that are not compressed */
#define AEG_DNS_QUESTION_MAX 272 /* bytes to load of a query: header, name, type, class */
#define AEG_DNS_TYPE_A 1
#define AEG_DNS_TYPE_AAAA 28

/* The question; what `asked` remembers and an answer must repeat. */
struct aeg_question {
	__u64 hash; /* of the lower-cased name, type and class */
	__u16 id;
	__u16 type;   /* AEG_DNS_TYPE_* */
	__u32 end;    /* where the question section ends */
	__u32 labels; /* of the name */
	__u32 pad;
};

struct aeg_dns_record {
	__u8 addr[16]; /* as everywhere: IPv4 mapped */
	__u32 ttl;     /* s, as sent; a set top bit counts as 0 (RFC 2181) */
	__u32 pad;
};

/* The answer section. Map memory (per-CPU scratch at ingress). */
struct aeg_answers {
	__u32 n;     /* of records */
	__u32 pos;   /* where parsing is */
	__u32 owner; /* where the name begins that belongs to the record at pos */
	__u32 left;  /* records to come */
	struct aeg_dns_record records[AEG_DNS_RECORDS_MAX];
};

#define AEG_DNS_HEADER 12
#define AEG_DNS_NAME (AEG_DNS_HEADER + 1) /* the question's text, once lengths have become dots */
#define AEG_DNS_CLASS_IN 1
#define AEG_DNS_FLAG_RESPONSE 0x8000
#define AEG_DNS_FLAG_TRUNCATED 0x0200
#define AEG_DNS_MASK_OPCODE 0x7800
#define AEG_DNS_MASK_RCODE 0x000f
#define AEG_DNS_LABELS_MAX 128
#define AEG_DNS_TTL_MAX 0x7fffffff
#define AEG_DNS_RECORD_HEADER 10 /* type, class, ttl, length */

/* Walks the question's name and puts dots in place of lengths; question->end: behind the name. */
AEG_INLINE enum aeg_dns_result aeg_dns_dot(__u8 *data, __u32 len, struct aeg_question *question)
{
	AEG_MEM(question->end) = AEG_DNS_HEADER;
	AEG_MEM(question->labels) = 0;
	for (__u32 i = 0; i < AEG_DNS_LABELS_MAX; i++) {
		__u32 pos = AEG_MEM(question->end), n;

		if (pos >= len)
			return AEG_DNS_SHORT;
		n = aeg_get8(data, pos);
		AEG_MEM(question->end) = pos + n + 1;
		if (n == 0)
			return AEG_DNS_OK;
		if (n > AEG_NAME_LABEL_MAX) /* pointers too: nothing comes before a question */
			return AEG_DNS_BAD_LABEL;
		data[aeg_masked(pos, AEG_DATA_MAX - 1)] = '.';
		AEG_MEM(question->labels) += 1;
	}
	return AEG_DNS_BAD_LABEL;
}

/* The question section. */
AEG_INLINE enum aeg_dns_result aeg_dns_question(__u8 *data, __u32 len, const struct aeg_seed *seed,
						struct aeg_name *name, struct aeg_question *ret)
{
	enum aeg_dns_result result = aeg_dns_dot(data, len, ret);
	__u32 end = AEG_MEM(ret->end), class;

	if (result != AEG_DNS_OK)
		return result;
	if (end + 4 > len)
		return AEG_DNS_SHORT;
	ret->id = (__u16)aeg_get16(data, 0);
	ret->type = (__u16)aeg_get16(data, end);
	class = aeg_get16(data, end + 2);
	if (class != AEG_DNS_CLASS_IN ||
	    (ret->type != AEG_DNS_TYPE_A && ret->type != AEG_DNS_TYPE_AAAA))
		return AEG_DNS_NOT_ADDRESS;
	/* The root alone leaves -1 here, which is too long. */
	if (aeg_name_take(name, data, AEG_DNS_NAME, end - 1 - AEG_DNS_NAME, seed))
		return AEG_DNS_BAD_NAME;
	/* A dot inside a label would forge a border. */
	if (AEG_MEM(name->borders) + 1 != AEG_MEM(ret->labels))
		return AEG_DNS_BAD_NAME;
	ret->hash = (AEG_MEM(name->hash) ^ ret->type) * seed->factor;
	AEG_MEM(ret->end) = end + 4;
	return AEG_DNS_OK;
}

/* Notes the address at data[pos]; size is 4 or 16. */
AEG_INLINE void aeg_dns_note(const __u8 *data, __u32 pos, __u32 size, __u32 ttl,
			     struct aeg_answers *answers)
{
	__u32 n = AEG_MEM(answers->n);
	struct aeg_dns_record *record = &answers->records[aeg_masked(n, AEG_DNS_RECORDS_MAX - 1)];
	const __u8 *from = data + aeg_masked(pos, AEG_DATA_MAX - 1);

	if (size == 4) {
		static const __u8 mapped[12] = {[10] = 0xff, [11] = 0xff};

		__builtin_memcpy(record->addr, mapped, 12);
		__builtin_memcpy(record->addr + 12, from, 4);
	} else {
		__builtin_memcpy(record->addr, from, 16);
	}
	record->ttl = ttl > AEG_DNS_TTL_MAX ? 0 : ttl;
	record->pad = 0;
	AEG_MEM(answers->n) = n + 1;
}

AEG_INLINE __u32 aeg_dns_size(__u32 type)
{
	if (type == AEG_DNS_TYPE_A)
		return 4;
	return type == AEG_DNS_TYPE_AAAA ? 16 : 0;
}

/* The record behind its owner's name, which ended at pos. */
AEG_INLINE enum aeg_dns_result aeg_dns_record(const __u8 *data, __u32 len, __u32 pos,
					      struct aeg_answers *answers)
{
	__u32 rdlen, size;

	if (pos + AEG_DNS_RECORD_HEADER > len)
		return AEG_DNS_SHORT;
	rdlen = aeg_get16(data, pos + 8);
	if (rdlen > len - AEG_DNS_RECORD_HEADER - pos)
		return AEG_DNS_SHORT;
	AEG_MEM(answers->pos) = pos + AEG_DNS_RECORD_HEADER + rdlen;
	AEG_MEM(answers->owner) = pos + AEG_DNS_RECORD_HEADER + rdlen;
	AEG_MEM(answers->left) -= 1;
	size = aeg_dns_size(aeg_get16(data, pos));
	if (size == 0 || aeg_get16(data, pos + 2) != AEG_DNS_CLASS_IN)
		return AEG_DNS_OK;
	if (rdlen != size)
		return AEG_DNS_BAD_RECORD;
	aeg_dns_note(data, pos + AEG_DNS_RECORD_HEADER, size, aeg_get32(data, pos + 4), answers);
	return AEG_DNS_OK;
}

/*
 * One step at answers->pos: a label of an owner's name, or the name's end and the record. One loop
 * does both: nested, they are too much for verifiers.
 */
AEG_INLINE enum aeg_dns_result aeg_dns_step(const __u8 *data, __u32 len,
					    struct aeg_answers *answers)
{
	__u32 pos = AEG_MEM(answers->pos), owner = AEG_MEM(answers->owner), n, target;

	if (pos >= len)
		return AEG_DNS_SHORT;
	n = aeg_get8(data, pos);
	if (n == 0)
		return aeg_dns_record(data, len, pos + 1, answers);
	if (n <= AEG_NAME_LABEL_MAX) {
		AEG_MEM(answers->pos) = pos + n + 1;
		return pos + n + 1 - owner > AEG_NAME_MAX + 1 ? AEG_DNS_BAD_LABEL : AEG_DNS_OK;
	}
	if (n < 0xc0)
		return AEG_DNS_BAD_LABEL;
	if (pos + 2 > len)
		return AEG_DNS_SHORT;
	target = aeg_get16(data, pos) & 0x3fff;
	if (target < AEG_DNS_HEADER || target >= owner)
		return AEG_DNS_BAD_LABEL;
	return aeg_dns_record(data, len, pos + 2, answers);
}

/* ---- what programs call ---- */

/*
 * data: AEG_DATA_ROOM bytes of writable map memory, of which len (<= AEG_DATA_MAX) are the message's
 * first; the name's length bytes are overwritten by dots. name and ret: map memory too. name is what
 * was asked for; the text is also at data[AEG_DNS_NAME]. After other results than OK both are garbage.
 */
AEG_INLINE enum aeg_dns_result aeg_dns_query(__u8 *data, __u32 len, const struct aeg_seed *seed,
					     struct aeg_name *name, struct aeg_question *ret)
{
	if (len < AEG_DNS_HEADER)
		return AEG_DNS_SHORT;
	if (aeg_get16(data, 2) & (AEG_DNS_FLAG_RESPONSE | AEG_DNS_MASK_OPCODE) ||
	    aeg_get16(data, 4) != 1)
		return AEG_DNS_NOT_QUERY;
	return aeg_dns_question(data, len, seed, name, ret);
}

/*
 * The same for a response; the caller compares hash and id with what was asked. Of one that is
 * truncated the name is known, too.
 */
AEG_INLINE enum aeg_dns_result aeg_dns_response(__u8 *data, __u32 len, const struct aeg_seed *seed,
						struct aeg_name *name, struct aeg_question *ret)
{
	enum aeg_dns_result result;
	__u32 flags;

	if (len < AEG_DNS_HEADER)
		return AEG_DNS_SHORT;
	flags = aeg_get16(data, 2);
	if (!(flags & AEG_DNS_FLAG_RESPONSE) || flags & AEG_DNS_MASK_OPCODE ||
	    aeg_get16(data, 4) != 1)
		return AEG_DNS_NOT_ANSWER;
	if (flags & AEG_DNS_MASK_RCODE && !(flags & AEG_DNS_FLAG_TRUNCATED))
		return AEG_DNS_FAILED;
	result = aeg_dns_question(data, len, seed, name, ret);
	return result == AEG_DNS_OK && flags & AEG_DNS_FLAG_TRUNCATED ? AEG_DNS_TRUNCATED : result;
}

/*
 * After aeg_dns_response() said OK: all A and AAAA records of class IN of the answer section, whoever
 * their owner is. ret need not be zeroed; after other results than OK it is garbage. A message longer
 * than AEG_DATA_MAX whose answers end within it is fine.
 */
AEG_INLINE enum aeg_dns_result aeg_dns_answers(const __u8 *data, __u32 len,
					       const struct aeg_question *question,
					       struct aeg_answers *ret)
{
	__u32 count = aeg_get16(data, 6);

	AEG_MEM(ret->n) = 0;
	AEG_MEM(ret->pos) = question->end;
	AEG_MEM(ret->owner) = question->end;
	AEG_MEM(ret->left) = count;
	if (count > AEG_DNS_RECORDS_MAX)
		return AEG_DNS_TOO_MANY;
	for (__u32 i = 0; i < AEG_DNS_STEPS_MAX; i++) {
		enum aeg_dns_result result;

		if (AEG_MEM(ret->left) == 0)
			return AEG_DNS_OK;
		result = aeg_dns_step(data, len, ret);
		if (result != AEG_DNS_OK)
			return result;
	}
	return AEG_MEM(ret->left) ? AEG_DNS_TOO_MANY : AEG_DNS_OK;
}

#endif
