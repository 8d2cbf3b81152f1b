/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The ClientHello: which server is asked for, which TLS version is offered. Two ways in:
 *
 * 1. aeg_hello_parse() on the payload of one segment, the usual case. AEG_HELLO_NEED_MORE: it is not
 *    all there, or lies in several records.
 * 2. Then everything from the first byte on goes through aeg_hello_feed() into a per-socket buffer,
 *    segment by segment in order, until that says AEG_HELLO_DONE; the buffer then holds the hello in
 *    one record and aeg_hello_parse() decides as in 1.
 *
 * After DONE aeg_hello_name() takes the name. What is said of a hello never depends on how it was cut
 * into segments.
 */
#ifndef AEG_PARSE_TLS_H
#define AEG_PARSE_TLS_H

#include "bpf/bytes.h"
#include "bpf/name.h"

#define AEG_HELLO_EXTENSIONS_MAX 64
#define AEG_HELLO_RECORDS_MAX 64
#define AEG_HELLO_CHUNK 1024 /* bytes copied at once into the buffer */

/* Append-only: index of a per-CPU array of counters. X(SYMBOL, word, sentence) */
#define AEG_HELLO_RESULTS(X)                                                                       \
	X(NEED_MORE, "need-more", "the hello is not complete yet")                                 \
	X(DONE, "done", "the hello is complete and well-formed")                                   \
	X(NOT_TLS, "not-tls", "the first bytes are no TLS handshake")                              \
	X(MALFORMED, "malformed", "lengths, extensions or the name are wrong")                     \
	X(TOO_LONG, "too-long", "over 4 KB, 64 extensions or 64 records")                          \
	X(NAME_MISSING, "name-missing", "complete and well-formed, but names no server")

enum aeg_hello_result {
#define AEG_HELLO_ENUM(symbol, word, sentence) AEG_HELLO_##symbol,
	AEG_HELLO_RESULTS(AEG_HELLO_ENUM)
#undef AEG_HELLO_ENUM
		AEG_HELLO_RESULT_MAX,
};

#define AEG_HELLO_ECH 1u /* an encrypted_client_hello extension, GREASE or not: nobody can tell */

/* What was found. In map memory (scratch): the first four are also where the loops keep their place. */
struct aeg_hello {
	__u32 pos;
	__u32 end;
	__u32 versions_at; /* of the supported_versions list; 0: none */
	__u32 versions_len;
	__u32 name_at; /* in the data parsed; valid after DONE */
	__u32 name_len;
	__u16 version; /* highest offered, 0x0301 .. 0x0304; valid after DONE and NAME_MISSING, as flags */
	__u8 flags;    /* AEG_HELLO_ECH */
	__u8 pad;
};

/* A hello that comes in several segments or records; value of sk_storage `hellos`, zero at first. */
struct aeg_hello_buf {
	__u32 len;	 /* bytes in data */
	__u32 record;	 /* bytes left of the current record */
	__u32 records;	 /* begun */
	__u32 header_len; /* bytes seen of the next record's header */
	__u8 header[8];
	__u8 second;	 /* 1, set by the caller: after a HelloRetryRequest a change_cipher_spec may lead */
	__u8 pad[7];
	__u8 data[AEG_DATA_ROOM + AEG_HELLO_CHUNK]; /* 5 bytes of record header, then the handshake bytes */
};

/*
 * data: AEG_DATA_ROOM bytes of map memory, of which len (<= AEG_DATA_MAX) are the stream's first.
 * Give min(payload, AEG_DATA_MAX). ret need not be zeroed.
 */
AEG_INLINE enum aeg_hello_result aeg_hello_parse(const __u8 *data, __u32 len, struct aeg_hello *ret);

/* After DONE: the name. AEG_HELLO_DONE, or AEG_HELLO_MALFORMED where it is no host name. */
AEG_INLINE enum aeg_hello_result aeg_hello_name(const __u8 *data, const struct aeg_hello *hello,
						const struct aeg_seed *seed, struct aeg_name *ret);

/* DONE: buf->data, buf->len are ready for aeg_hello_parse(). NOT_TLS, MALFORMED, TOO_LONG: final. */
AEG_INLINE enum aeg_hello_result aeg_hello_feed(struct aeg_hello_buf *buf, const struct aeg_bytes *in);

#endif
