/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The ClientHello: which server is asked for, which TLS version is offered. Two ways in:
 *
 * 1. aeg_hello_parse() on the payload of one segment, the usual case. AEG_HELLO_NEED_MORE: it is not
 *    all there, or lies in several records. A second hello (after a HelloRetryRequest) always goes by 2.
 * 2. Then everything from the first byte on goes through aeg_hello_feed() into a per-socket buffer,
 *    segment by segment in order, until that says AEG_HELLO_DONE; then aeg_hello_parse_fed() decides.
 *
 * After DONE aeg_hello_name() takes the name. What is said of a hello never depends on how it was cut
 * into segments.
 */
#ifndef AEG_PARSE_TLS_H
#define AEG_PARSE_TLS_H

#include "bpf/input.h"
#include "bpf/name.h"

#define AEG_HELLO_EXTENSIONS_MAX 64
#define AEG_HELLO_RECORDS_MAX 32
#define AEG_HELLO_CHUNK 1024 /* bytes copied at once into the buffer */
/* What no server takes for a message's length: OpenSSL's limit for a hello is 131,396, others' less. */
#define AEG_HELLO_LIMIT (1u << 18)
/* A header each, and as many chunks as full ones and records' last ones are possible. */
#define AEG_HELLO_STEPS_MAX (2 * (AEG_HELLO_RECORDS_MAX + 1) + AEG_DATA_MAX / AEG_HELLO_CHUNK + 2)

/* Append-only: index of a per-CPU array of counters. X(SYMBOL, word, sentence) */
#define AEG_HELLO_RESULTS(X)                                                                       \
	X(NEED_MORE, "need-more", "the hello is not complete yet")                                 \
	X(DONE, "done", "the hello is complete and well-formed")                                   \
	X(NOT_TLS, "not-tls", "the first bytes are no ClientHello")                                \
	X(MALFORMED, "malformed", "lengths, extensions or the name are wrong")                     \
	X(TOO_LONG, "too-long", "over 4 KB, 64 extensions or 32 records")                          \
	X(NAME_MISSING, "name-missing", "complete and well-formed, but names no server")

enum aeg_hello_result {
#define AEG_HELLO_ENUM(symbol, word, sentence) AEG_HELLO_##symbol,
	AEG_HELLO_RESULTS(AEG_HELLO_ENUM)
#undef AEG_HELLO_ENUM
		AEG_HELLO_RESULT_MAX,
};

#define AEG_HELLO_ECH 1u   /* an encrypted_client_hello extension, GREASE or not: nobody can tell */
#define AEG_HELLO_EARLY 2u /* early_data: encrypted records may come before a second hello */

/* What was found. In map memory (scratch): the first four are also where the loops keep their place. */
struct aeg_hello {
	__u32 pos;
	__u32 end;
	__u32 versions_at; /* of the supported_versions list; 0: none */
	__u32 versions_len;
	__u32 name_at; /* in the data parsed; valid after DONE */
	__u32 name_len;
	__u16 version; /* highest offered, 0x0301 .. 0x0304; valid after DONE and NAME_MISSING, as flags */
	__u8 flags; /* AEG_HELLO_* */
	__u8 pad;
};

/* A hello that comes in several segments or records; value of sk_storage `hellos`, zero at first. */
struct aeg_hello_buf {
	__u32 len;	  /* bytes of the message gathered */
	__u32 record;	  /* bytes left of the current record */
	__u32 records;	  /* begun */
	__u32 header_len; /* bytes seen of the next record's header */
	__u32 at;	  /* place in the segment at hand */
	__u8 second;	  /* set by the caller: AEG_SECOND_*, or 0 */
	__u8 ccs;	  /* a change_cipher_spec came */
	__u8 pad[2];
	__u8 header[16];
	__u8 data[AEG_DATA_ROOM + AEG_HELLO_CHUNK]; /* room for a record header, then the message */
};

/* What is read comes behind a first hello. */
#define AEG_SECOND_HELLO 1
#define AEG_SECOND_EARLY 2 /* beside it: that one offered early data */

#define AEG_TLS_HANDSHAKE 22
#define AEG_TLS_CHANGE_CIPHER_SPEC 20
#define AEG_TLS_ALERT 21
#define AEG_TLS_DATA 23
#define AEG_TLS_RECORD_HEADER 5
#define AEG_TLS_RECORD_MAX 16384
#define AEG_TLS_SEALED_MAX (AEG_TLS_RECORD_MAX + 2048) /* RFC 5246 6.2.3: encrypted */
#define AEG_TLS_CLIENT_HELLO 1
#define AEG_TLS_MESSAGE_HEADER 4
#define AEG_TLS_BODY (AEG_TLS_RECORD_HEADER + AEG_TLS_MESSAGE_HEADER)
#define AEG_TLS_SESSION_MAX 32
#define AEG_TLS_VERSIONS_MAX 127
#define AEG_TLS_EXT_NAME 0
#define AEG_TLS_EXT_EARLY_DATA 42
#define AEG_TLS_EXT_VERSIONS 43
#define AEG_TLS_EXT_ECH 0xfe0d

/* ---- records ---- */

/* The header of a record, or its first `seen` bytes; `first`: nothing of a hello came before it. */
AEG_INLINE enum aeg_hello_result aeg_record_check(const __u8 *header, __u32 seen, int first)
{
	enum aeg_hello_result foreign = first ? AEG_HELLO_NOT_TLS : AEG_HELLO_MALFORMED;
	__u32 len;

	if (seen > 0 && header[0] != AEG_TLS_HANDSHAKE)
		return foreign;
	if (seen > 1 && header[1] != 3)
		return foreign;
	if (seen < AEG_TLS_RECORD_HEADER)
		return AEG_HELLO_NEED_MORE;
	len = (__u32)header[3] << 8 | header[4];
	/* RFC 8446 5.1: empty handshake fragments are forbidden. */
	return len == 0 || len > AEG_TLS_RECORD_MAX ? AEG_HELLO_MALFORMED : AEG_HELLO_DONE;
}

/*
 * The message's header at data[5], of whose bytes `seen` are there; `promised` bytes come with the
 * record begun. A record that goes on after the hello is refused: what follows would be unread.
 */
AEG_INLINE enum aeg_hello_result aeg_message_check(const __u8 *data, __u32 seen, __u32 promised)
{
	__u32 len;

	if (seen > 0 && data[AEG_TLS_RECORD_HEADER] != AEG_TLS_CLIENT_HELLO)
		return AEG_HELLO_NOT_TLS;
	if (seen < AEG_TLS_MESSAGE_HEADER)
		return AEG_HELLO_NEED_MORE;
	len = aeg_get32(data, AEG_TLS_RECORD_HEADER) & 0xffffff;
	if (len > AEG_DATA_MAX - AEG_TLS_BODY)
		return AEG_HELLO_TOO_LONG;
	if (promised > len + AEG_TLS_MESSAGE_HEADER)
		return AEG_HELLO_MALFORMED;
	return seen < len + AEG_TLS_MESSAGE_HEADER ? AEG_HELLO_NEED_MORE : AEG_HELLO_DONE;
}

/* ---- the message ---- */

/* Skips what comes before the extensions: hello->pos is at their length, or at the end. */
AEG_INLINE enum aeg_hello_result aeg_hello_head(const __u8 *data, struct aeg_hello *hello)
{
	__u32 end = AEG_MEM(hello->end), pos = AEG_TLS_BODY + 34, len;

	if (pos + 1 > end || aeg_get8(data, AEG_TLS_BODY) != 3)
		return AEG_HELLO_MALFORMED;
	len = aeg_get8(data, pos); /* session id */
	pos += 1 + len;
	if (len > AEG_TLS_SESSION_MAX || pos + 2 > end)
		return AEG_HELLO_MALFORMED;
	len = aeg_get16(data, pos); /* cipher suites */
	pos += 2 + len;
	if (len == 0 || len & 1 || pos + 1 > end)
		return AEG_HELLO_MALFORMED;
	len = aeg_get8(data, pos); /* compression methods */
	pos += 1 + len;
	if (len == 0 || pos > end)
		return AEG_HELLO_MALFORMED;
	AEG_MEM(hello->pos) = pos;
	return AEG_HELLO_DONE;
}

/* Notes an extension that matters; its payload is data[at], len. 0: it is the second of its kind. */
AEG_INLINE int aeg_hello_note(struct aeg_hello *hello, __u32 type, __u32 at, __u32 len)
{
	if (type == AEG_TLS_EXT_NAME) {
		if (AEG_MEM(hello->name_at))
			return 0;
		AEG_MEM(hello->name_at) = at;
		AEG_MEM(hello->name_len) = len;
	} else if (type == AEG_TLS_EXT_VERSIONS) {
		if (AEG_MEM(hello->versions_at))
			return 0;
		AEG_MEM(hello->versions_at) = at;
		AEG_MEM(hello->versions_len) = len;
	} else if (type == AEG_TLS_EXT_EARLY_DATA) {
		AEG_MEM(hello->flags) |= AEG_HELLO_EARLY;
	} else if (type == AEG_TLS_EXT_ECH) {
		AEG_MEM(hello->flags) |= AEG_HELLO_ECH;
	}
	return 1;
}

/* One extension at hello->pos; DONE: there is none left. */
AEG_INLINE enum aeg_hello_result aeg_hello_extension(const __u8 *data, struct aeg_hello *hello)
{
	__u32 pos = AEG_MEM(hello->pos), left = AEG_MEM(hello->end) - pos, len;

	if (left == 0)
		return AEG_HELLO_DONE;
	if (left < 4)
		return AEG_HELLO_MALFORMED;
	len = aeg_get16(data, pos + 2);
	if (len > left - 4)
		return AEG_HELLO_MALFORMED;
	AEG_MEM(hello->pos) = pos + 4 + len;
	if (!aeg_hello_note(hello, aeg_get16(data, pos), pos + 4, len))
		return AEG_HELLO_MALFORMED;
	return AEG_HELLO_NEED_MORE;
}

AEG_INLINE enum aeg_hello_result aeg_hello_extensions(const __u8 *data, struct aeg_hello *hello)
{
	__u32 pos = AEG_MEM(hello->pos), left = AEG_MEM(hello->end) - pos;

	if (left == 0)
		return AEG_HELLO_DONE;
	if (left < 2 || aeg_get16(data, pos) != left - 2)
		return AEG_HELLO_MALFORMED;
	AEG_MEM(hello->pos) = pos + 2;
	for (__u32 i = 0; i <= AEG_HELLO_EXTENSIONS_MAX; i++) {
		enum aeg_hello_result result = aeg_hello_extension(data, hello);

		if (result != AEG_HELLO_NEED_MORE)
			return result;
	}
	return AEG_HELLO_TOO_LONG;
}

/* RFC 6066 3: a list of exactly one host name; then name_at and name_len are the name's. */
AEG_INLINE enum aeg_hello_result aeg_hello_server(const __u8 *data, struct aeg_hello *hello)
{
	__u32 at = AEG_MEM(hello->name_at), len = AEG_MEM(hello->name_len);

	if (at == 0)
		return AEG_HELLO_NAME_MISSING;
	if (len < 6 || aeg_get16(data, at) != len - 2 || aeg_get8(data, at + 2) != 0 ||
	    aeg_get16(data, at + 3) != len - 5)
		return AEG_HELLO_MALFORMED;
	AEG_MEM(hello->name_at) = at + 5;
	AEG_MEM(hello->name_len) = len - 5;
	return AEG_HELLO_DONE;
}

/* The versions of supported_versions from 0x0300 to 0x0307, as bits: GREASE and drafts are none. */
AEG_INLINE __u32 aeg_hello_version_bits(const __u8 *data, __u32 at, __u32 n)
{
	__u32 bits = 0;

	for (__u32 i = 0; i < AEG_TLS_VERSIONS_MAX; i++) {
		__u32 minor;

		if (i >= n)
			break;
		minor = aeg_get16(data, at + 2 * i) ^ 0x0300;
		/* 1 << minor where minor < 8, without a branch. */
		bits |= (minor - 8) >> 31 << (minor & 7);
	}
	return bits;
}

AEG_INLINE __u16 aeg_hello_version_highest(__u32 bits)
{
	for (__u16 minor = 4; minor > 0; minor--)
		if (bits & 1u << minor)
			return (__u16)(0x0300 | minor);
	return 0;
}

/* What the client offers at most; without the extension that is legacy_version, at most 1.2. */
AEG_INLINE enum aeg_hello_result aeg_hello_versions(const __u8 *data, struct aeg_hello *hello)
{
	__u32 at = AEG_MEM(hello->versions_at), len = AEG_MEM(hello->versions_len);

	if (at == 0) {
		__u32 minor = aeg_get8(data, AEG_TLS_BODY + 1);

		hello->version = (__u16)(0x0300 | (minor > 3 ? 3 : minor));
		return AEG_HELLO_DONE;
	}
	if (len < 3 || !(len & 1) || aeg_get8(data, at) != len - 1)
		return AEG_HELLO_MALFORMED;
	hello->version = aeg_hello_version_highest(aeg_hello_version_bits(data, at + 1, len / 2));
	return AEG_HELLO_DONE;
}

/* The complete message at data[9], up to hello->end. */
AEG_INLINE enum aeg_hello_result aeg_hello_message(const __u8 *data, struct aeg_hello *hello)
{
	enum aeg_hello_result result = aeg_hello_head(data, hello);

	if (result == AEG_HELLO_DONE)
		result = aeg_hello_extensions(data, hello);
	if (result == AEG_HELLO_DONE)
		result = aeg_hello_versions(data, hello);
	if (result == AEG_HELLO_DONE)
		result = aeg_hello_server(data, hello);
	return result;
}

/* ---- what programs call ---- */

/*
 * data: AEG_DATA_ROOM bytes of map memory, of which len (<= AEG_DATA_MAX) are the stream's first: give
 * min(payload, AEG_DATA_MAX). ret need not be zeroed.
 */
AEG_INLINE enum aeg_hello_result aeg_hello_parse(const __u8 *data, __u32 len, struct aeg_hello *ret)
{
	enum aeg_hello_result result = aeg_record_check(data, len, 1);
	__u32 record, seen;

	__builtin_memset(ret, 0, sizeof(*ret));
	if (result != AEG_HELLO_DONE)
		return result;
	record = aeg_get16(data, 3);
	seen = len - AEG_TLS_RECORD_HEADER;
	if (seen > record)
		seen = record;
	result = aeg_message_check(data, seen, record);
	if (result != AEG_HELLO_DONE)
		return result;
	AEG_MEM(ret->end) = AEG_TLS_RECORD_HEADER + seen;
	return aeg_hello_message(data, ret);
}

/* After DONE: the name. AEG_HELLO_DONE, or AEG_HELLO_MALFORMED where it is no host name. */
AEG_INLINE enum aeg_hello_result aeg_hello_name(const __u8 *data, const struct aeg_hello *hello,
						const struct aeg_seed *seed, struct aeg_name *ret)
{
	if (aeg_name_take(ret, data, hello->name_at, hello->name_len, seed))
		return AEG_HELLO_MALFORMED;
	return AEG_HELLO_DONE;
}

/* ---- a hello in pieces ---- */

AEG_INLINE __u32 aeg_least(__u32 a, __u32 b)
{
	return a < b ? a : b;
}

/*
 * The header of a record that comes between the hellos, or its first `seen` bytes. These are stepped
 * over, since a server that waits for a second hello may do so too: change_cipher_spec (RFC 8446 5),
 * alerts, which it may take for warnings, and early data where some was offered (4.2.10). NOT_TLS: it
 * is encrypted, and so no second hello comes.
 */
AEG_INLINE enum aeg_hello_result aeg_feed_between(struct aeg_hello_buf *buf, __u32 seen)
{
	__u32 type = buf->header[0], len;

	if (type == AEG_TLS_DATA && !(buf->second & AEG_SECOND_EARLY))
		return AEG_HELLO_NOT_TLS;
	if (type < AEG_TLS_CHANGE_CIPHER_SPEC || type > AEG_TLS_DATA ||
	    (seen > 1 && buf->header[1] != 3))
		return AEG_HELLO_MALFORMED;
	if (seen < AEG_TLS_RECORD_HEADER)
		return AEG_HELLO_NEED_MORE;
	len = (__u32)buf->header[3] << 8 | buf->header[4];
	if (len == 0 || len > AEG_TLS_SEALED_MAX ||
	    (type == AEG_TLS_CHANGE_CIPHER_SPEC && len != 1))
		return AEG_HELLO_MALFORMED;
	if (type == AEG_TLS_CHANGE_CIPHER_SPEC)
		buf->ccs = 1;
	AEG_MEM(buf->record) = len;
	AEG_MEM(buf->header_len) = 0;
	return AEG_HELLO_DONE;
}

/* Goes on with a record's header; DONE: it is complete. */
AEG_INLINE enum aeg_hello_result aeg_feed_header(struct aeg_hello_buf *buf,
						 const struct aeg_bytes *in)
{
	__u32 seen = AEG_MEM(buf->header_len), at = AEG_MEM(buf->at);
	__u32 n = aeg_least(AEG_TLS_RECORD_HEADER - seen, in->len - at);
	int first = AEG_MEM(buf->records) == 0;
	enum aeg_hello_result result;

	if (aeg_bytes_copy(in, at, buf->header + aeg_masked(seen, 7), n, 8))
		return AEG_HELLO_MALFORMED;
	seen += n;
	AEG_MEM(buf->header_len) = seen;
	AEG_MEM(buf->at) = at + n;
	if (first && buf->second && buf->header[0] != AEG_TLS_HANDSHAKE)
		return aeg_feed_between(buf, seen);
	result = aeg_record_check(buf->header, seen, first && !buf->second);
	if (result != AEG_HELLO_DONE)
		return result;
	AEG_MEM(buf->record) = (__u32)buf->header[3] << 8 | buf->header[4];
	AEG_MEM(buf->header_len) = 0;
	AEG_MEM(buf->records) += 1;
	return AEG_MEM(buf->records) > AEG_HELLO_RECORDS_MAX ? AEG_HELLO_TOO_LONG : AEG_HELLO_DONE;
}

/*
 * Behind a change_cipher_spec of TLS 1.2 comes an encrypted record of the same type, in which one in
 * 256 begins like a hello. It is one only if a server could take it for one: four bytes decide.
 */
AEG_INLINE int aeg_feed_sealed(const struct aeg_hello_buf *buf, __u32 len)
{
	return buf->ccs && len >= AEG_TLS_MESSAGE_HEADER &&
	       (aeg_get32(buf->data, AEG_TLS_RECORD_HEADER) & 0xffffff) >= AEG_HELLO_LIMIT;
}

/* Moves a chunk of the record's body into the buffer; DONE: the message is complete. */
AEG_INLINE enum aeg_hello_result aeg_feed_body(struct aeg_hello_buf *buf,
					       const struct aeg_bytes *in)
{
	__u32 len = AEG_MEM(buf->len), at = AEG_MEM(buf->at), record = AEG_MEM(buf->record);
	__u32 n = aeg_least(record, in->len - at);
	__u8 *to = buf->data + AEG_TLS_RECORD_HEADER + aeg_masked(len, AEG_DATA_MAX - 1);
	int between = AEG_MEM(buf->records) == 0;

	if (!between)
		n = aeg_least(n, AEG_HELLO_CHUNK);
	AEG_MEM(buf->at) = at + n;
	AEG_MEM(buf->record) = record - n;
	if (between)
		return AEG_HELLO_NEED_MORE;
	if (aeg_bytes_copy(in, at, to, n, AEG_HELLO_CHUNK))
		return AEG_HELLO_MALFORMED;
	len += n;
	AEG_MEM(buf->len) = len;
	if (aeg_feed_sealed(buf, len))
		return AEG_HELLO_NOT_TLS;
	return aeg_message_check(buf->data, len, len + record - n);
}

/*
 * The next segment's payload. NEED_MORE: feed the next one, or, where there are many records between
 * the hellos, what lies behind the buf->at bytes that were taken of this one; DONE: go on with
 * aeg_hello_parse_fed(); anything else is final.
 */
AEG_INLINE enum aeg_hello_result aeg_hello_feed(struct aeg_hello_buf *buf,
						const struct aeg_bytes *in)
{
	AEG_MEM(buf->at) = 0;
	for (__u32 i = 0; i < AEG_HELLO_STEPS_MAX; i++) {
		enum aeg_hello_result result;

		if (AEG_MEM(buf->at) >= in->len)
			return AEG_HELLO_NEED_MORE;
		if (AEG_MEM(buf->record) == 0) {
			result = aeg_feed_header(buf, in);
			if (result != AEG_HELLO_DONE)
				return result;
			continue;
		}
		result = aeg_feed_body(buf, in);
		if (result != AEG_HELLO_NEED_MORE)
			return result;
	}
	/* A first hello never takes that many. */
	return buf->second ? AEG_HELLO_NEED_MORE : AEG_HELLO_TOO_LONG;
}

/*
 * Whether what begins with these 12 bytes, behind the first hello, shows that no second one comes. This
 * spares most connections the buffer, and never says more than aeg_hello_feed() would.
 */
#define AEG_SECOND_HEAD 12
AEG_INLINE int aeg_second_over(const __u8 *head, __u32 second)
{
	if (head[0] == AEG_TLS_CHANGE_CIPHER_SPEC && head[1] == 3 && head[3] == 0 && head[4] == 1)
		head += AEG_TLS_RECORD_HEADER + 1;
	if (head[0] == AEG_TLS_DATA)
		return !(second & AEG_SECOND_EARLY);
	return head[0] == AEG_TLS_HANDSHAKE && head[5] != AEG_TLS_CLIENT_HELLO &&
	       aeg_record_check(head, AEG_TLS_RECORD_HEADER, 0) == AEG_HELLO_DONE;
}

/* After aeg_hello_feed() said DONE: as if all had come in one record. Offsets in ret are of buf->data. */
AEG_INLINE enum aeg_hello_result aeg_hello_parse_fed(struct aeg_hello_buf *buf,
						     struct aeg_hello *ret)
{
	__u32 len = AEG_MEM(buf->len);

	buf->data[0] = AEG_TLS_HANDSHAKE;
	buf->data[1] = 3;
	buf->data[2] = 1;
	buf->data[3] = (__u8)(len >> 8);
	buf->data[4] = (__u8)len;
	return aeg_hello_parse(buf->data, AEG_TLS_RECORD_HEADER + len, ret);
}

#endif
