// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Any bytes as a stream of DNS messages, cut anyhow: bpf/dns_stream.h finds the messages that a slow
 * reader finds that has all of them at once, with buffers for questions and for answers.
 */
#include "bpf/dns_stream.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* The slow reader: the message that begins at *at, if it is all there. */
static bool slow_next(const uint8_t *data, size_t size, size_t *at, size_t *ret_len)
{
	if (size - *at < 2)
		return false;
	*ret_len = (size_t)data[*at] << 8 | data[*at + 1];
	if (size - *at - 2 < *ret_len)
		return false;
	*at += 2;
	return true;
}

static bool next(struct aeg_dns_talk *talk, bool answers, const struct aeg_bytes *in)
{
	if (answers)
		return aeg_dns_stream_next(&talk->answers, talk->answer, AEG_DNS_ANSWER_KEPT,
					   AEG_DNS_ANSWER_CHUNK, in);
	return aeg_dns_stream_next(&talk->asks, talk->ask, AEG_DNS_ASK_KEPT, AEG_DNS_ASK_CHUNK, in);
}

/* The segments' lengths come from `cuts`, over and over. */
static void compare(const uint8_t *data, size_t size, const uint8_t *cuts, size_t ncuts,
		    bool answers)
{
	static struct aeg_dns_talk talk;
	struct aeg_dns_stream *stream = answers ? &talk.answers : &talk.asks;
	const uint8_t *buffer = answers ? talk.answer : talk.ask;
	const size_t max = answers ? AEG_DNS_ANSWER_KEPT : AEG_DNS_ASK_KEPT;
	size_t at = 0, slow = 0, len;

	memset(&talk, 0xff, sizeof(talk));
	memset(stream, 0, sizeof(*stream));
	for (size_t i = 0; at < size; i++) {
		size_t n = 1 + (size_t)cuts[i % ncuts] * cuts[i % ncuts];
		struct aeg_bytes in = {.base = (void *)(data + at)};

		in.len = (uint32_t)(n < size - at ? n : size - at);
		stream->at = 0;
		while (next(&talk, answers, &in)) {
			require(slow_next(data, size, &slow, &len));
			require(stream->kept == (len < max ? len : max));
			require(memcmp(buffer, data + slow, stream->kept) == 0);
			slow += len;
			require(slow == at + stream->at);
		}
		require(stream->at == in.len);
		at += in.len;
	}
	require(!slow_next(data, size, &slow, &len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t whole[] = {255};

	if (size < 8)
		return 0;
	for (int answers = 0; answers < 2; answers++) {
		compare(data + 8, size - 8, data, 8, answers);
		compare(data + 8, size - 8, whole, sizeof(whole), answers);
	}
	return 0;
}
