/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * DNS messages in a TCP stream (RFC 7766): two bytes of length, then the message, one behind the other
 * and cut anywhere. What is kept of a message is its beginning, as much as the parsers look at; the
 * rest is counted off, so that the next one is found. What comes out never depends on the cuts.
 */
#ifndef AEG_DNS_STREAM_H
#define AEG_DNS_STREAM_H

#include "bpf/input.h"

#define AEG_DNS_PREFIX 2      /* bytes of length before a message */
#define AEG_DNS_ASK_KEPT 512  /* of a question; a power of two, as the next three */
#define AEG_DNS_ASK_CHUNK 256 /* copied at once */
#define AEG_DNS_ANSWER_KEPT AEG_DATA_MAX
#define AEG_DNS_ANSWER_CHUNK 1024
/* The prefix byte by byte, what is kept by chunks, the rest at once. */
#define AEG_DNS_STREAM_STEPS (AEG_DNS_PREFIX + AEG_DNS_ANSWER_KEPT / AEG_DNS_ANSWER_CHUNK + 2)

/* One direction of a connection; zero at first. */
struct aeg_dns_stream {
	__u32 size; /* of the message at hand, once its prefix is complete */
	__u32 seen; /* bytes of it, the prefix's among them; 0: the next one begins */
	__u32 kept; /* bytes of it that are in the buffer */
	__u32 at;   /* place in the segment at hand; the caller begins each at 0 */
};

AEG_INLINE __u32 aeg_dns_least(__u32 a, __u32 b)
{
	return a < b ? a : b;
}

AEG_INLINE int aeg_dns_stream_prefix(struct aeg_dns_stream *stream, const struct aeg_bytes *in)
{
	__u32 seen = AEG_MEM(stream->seen), at = AEG_MEM(stream->at), size = AEG_MEM(stream->size);
	__u8 byte = 0;

	if (aeg_bytes_copy(in, at, &byte, 1, 1))
		return -1;
	AEG_MEM(stream->size) = (seen ? size << 8 : 0) | byte;
	AEG_MEM(stream->seen) = seen + 1;
	AEG_MEM(stream->at) = at + 1;
	AEG_MEM(stream->kept) = 0;
	return 0;
}

/* Moves a chunk into the buffer, or over what is not kept. */
AEG_INLINE int aeg_dns_stream_body(struct aeg_dns_stream *stream, __u8 *data, __u32 max,
				   __u32 chunk, const struct aeg_bytes *in)
{
	__u32 seen = AEG_MEM(stream->seen), at = AEG_MEM(stream->at), kept = AEG_MEM(stream->kept);
	__u32 n = aeg_dns_least(AEG_MEM(stream->size) + AEG_DNS_PREFIX - seen, in->len - at);

	if (kept < max) {
		n = aeg_dns_least(n, aeg_dns_least(chunk, max - kept));
		if (aeg_bytes_copy(in, at, data + aeg_masked(kept, max - 1), n, chunk))
			return -1;
		AEG_MEM(stream->kept) = kept + n;
	}
	AEG_MEM(stream->seen) = seen + n;
	AEG_MEM(stream->at) = at + n;
	return 0;
}

/*
 * Goes on in a segment. 1: a message is complete, its first stream->kept bytes are at data, and the
 * next call goes on behind it; 0: the segment is used up. data: max + chunk bytes of map memory; max
 * and chunk are constants. A byte that cannot be read leaves the stream where it is: at < in->len.
 */
AEG_INLINE int aeg_dns_stream_next(struct aeg_dns_stream *stream, __u8 *data, __u32 max,
				   __u32 chunk, const struct aeg_bytes *in)
{
	for (__u32 i = 0; i < AEG_DNS_STREAM_STEPS; i++) {
		int err;

		if (AEG_MEM(stream->at) >= in->len)
			return 0;
		if (AEG_MEM(stream->seen) < AEG_DNS_PREFIX)
			err = aeg_dns_stream_prefix(stream, in);
		else
			err = aeg_dns_stream_body(stream, data, max, chunk, in);
		if (err)
			return 0;
		if (AEG_MEM(stream->seen) == AEG_MEM(stream->size) + AEG_DNS_PREFIX) {
			AEG_MEM(stream->seen) = 0;
			return 1;
		}
	}
	return 0;
}

/*
 * Both directions of a connection to a resolver; value of sk_storage `talks`. It exists from the first
 * question on. TCP holds the socket's lock when questions leave, but answers are looked at before that:
 * `busy`, under the lock of aeg_sock, lets in one segment at a time.
 */
struct aeg_dns_talk {
	__u32 sent;	/* TCP sequence number of the first byte that was not read yet */
	__u32 received; /* the same of the resolver's bytes */
	__u32 busy;
	__u32 pad;
	struct aeg_dns_stream asks, answers;
	__u8 ask[AEG_DNS_ASK_KEPT + AEG_DNS_ASK_CHUNK];
	__u8 answer[AEG_DNS_ANSWER_KEPT + AEG_DNS_ANSWER_CHUNK];
};

#endif
