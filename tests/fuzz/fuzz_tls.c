// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Any stream of bytes, cut anyhow: bpf/parse_tls.h says what a slow reader says that knows nothing of
 * masks, chunks and verifiers and takes one byte at a time.
 */
#include "bpf/parse_tls.h"
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct aeg_seed seed = {0x0123456789abcdefu, 0xfedcba9876543211u};

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* ---- the slow reader: the message ---- */

/* A vector of bytes that is read from the front; a read beyond its end makes it bad for good. */
struct reader {
	const uint8_t *at;
	size_t left;
	bool bad;
};

static unsigned int read_number(struct reader *reader, size_t size)
{
	unsigned int number = 0;

	if (reader->left < size)
		reader->bad = true;
	if (reader->bad)
		return 0;
	for (size_t i = 0; i < size; i++)
		number = number << 8 | reader->at[i];
	reader->at += size;
	reader->left -= size;
	return number;
}

/* A vector with a length of `size` bytes in front. */
static struct reader read_vector(struct reader *reader, size_t size)
{
	struct reader inner = {.left = read_number(reader, size)};

	if (inner.left > reader->left)
		reader->bad = true;
	if (reader->bad)
		return (struct reader){.bad = true};
	inner.at = reader->at;
	reader->at += inner.left;
	reader->left -= inner.left;
	return inner;
}

struct slow {
	enum aeg_hello_result result;
	char name[512];
	unsigned int version;
	bool ech, early;
};

static bool is_host(const char *text, size_t len)
{
	size_t label = 0;
	bool digits = true;

	if (len == 0 || len > 253)
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '.') {
			if (label == 0)
				return false;
			label = 0;
			digits = true;
			continue;
		}
		if (c > 127 || !(isalnum(c) || c == '-' || c == '_') || ++label > 63)
			return false;
		digits &= isdigit(c) != 0;
	}
	return label > 0 && !digits;
}

static bool slow_server_name(struct reader payload, struct slow *ret)
{
	struct reader list = read_vector(&payload, 2), host;
	unsigned int type = read_number(&list, 1);

	host = read_vector(&list, 2);
	if (payload.bad || payload.left || list.bad || list.left || type != 0 || host.left == 0)
		return false;
	if (host.left >= sizeof(ret->name)) {
		memset(ret->name, '.', sizeof(ret->name) - 1); /* no name either */
		return true;
	}
	memcpy(ret->name, host.at, host.left);
	if (memchr(ret->name, '\0', host.left))
		ret->name[0] = '.';
	for (size_t i = 0; i < host.left; i++)
		if (ret->name[i] >= 'A' && ret->name[i] <= 'Z')
			ret->name[i] |= 0x20;
	return true;
}

static bool slow_versions(struct reader payload, struct slow *ret)
{
	struct reader list = read_vector(&payload, 1);

	if (payload.bad || payload.left || list.left == 0 || list.left % 2)
		return false;
	ret->version = 0;
	while (list.left) {
		unsigned int version = read_number(&list, 2);

		if (version >= 0x0301 && version <= 0x0304 && version > ret->version)
			ret->version = version;
	}
	return true;
}

static enum aeg_hello_result slow_extensions(struct reader *body, struct slow *ret)
{
	struct reader all = read_vector(body, 2), name = {0}, versions = {0};

	if (body->bad || body->left)
		return AEG_HELLO_MALFORMED;
	for (int n = 0; all.left; n++) {
		unsigned int type = read_number(&all, 2);
		struct reader payload = read_vector(&all, 2);
		struct reader *kept = type == 0 ? &name : type == 43 ? &versions : NULL;

		if (all.bad)
			return AEG_HELLO_MALFORMED;
		if (kept && kept->at)
			return AEG_HELLO_MALFORMED;
		if (kept)
			*kept = payload;
		ret->ech |= type == 0xfe0d;
		ret->early |= type == 42;
		if (n == AEG_HELLO_EXTENSIONS_MAX)
			return AEG_HELLO_TOO_LONG;
	}
	if (versions.at && !slow_versions(versions, ret))
		return AEG_HELLO_MALFORMED;
	if (!name.at)
		return AEG_HELLO_NAME_MISSING;
	if (!slow_server_name(name, ret) || !is_host(ret->name, strlen(ret->name)))
		return AEG_HELLO_MALFORMED;
	return AEG_HELLO_DONE;
}

static enum aeg_hello_result slow_message(const uint8_t *message, size_t len, struct slow *ret)
{
	struct reader body = {message + 4, len - 4, false}, session, suites, compressions;
	unsigned int legacy = read_number(&body, 2);

	for (int i = 0; i < 32; i++)
		read_number(&body, 1);
	session = read_vector(&body, 1);
	suites = read_vector(&body, 2);
	compressions = read_vector(&body, 1);
	if (body.bad || legacy >> 8 != 3 || session.left > 32 || suites.left == 0 ||
	    suites.left % 2 || compressions.left == 0)
		return AEG_HELLO_MALFORMED;
	ret->version = legacy > 0x0303 ? 0x0303 : legacy;
	if (body.left == 0)
		return AEG_HELLO_NAME_MISSING;
	return slow_extensions(&body, ret);
}

/* ---- the slow reader: the stream, byte by byte ---- */

struct stream {
	uint8_t header[5], message[AEG_DATA_MAX + 1];
	size_t header_len, message_len, record_left;
	unsigned int records;
	bool second, early, ccs; /* behind a first hello, that offered early data */
};

/* What the message is known to be from its first bytes. */
static enum aeg_hello_result slow_begun(const struct stream *stream)
{
	size_t len;

	if (stream->message[0] != 1)
		return AEG_HELLO_NOT_TLS;
	if (stream->message_len < 4)
		return AEG_HELLO_NEED_MORE;
	len = 4 + ((size_t)stream->message[1] << 16 | (size_t)stream->message[2] << 8 |
		   stream->message[3]);
	if (stream->ccs && len >= 4 + (1u << 18))
		return AEG_HELLO_NOT_TLS;
	if (len + 5 > AEG_DATA_MAX)
		return AEG_HELLO_TOO_LONG;
	if (stream->message_len + stream->record_left > len)
		return AEG_HELLO_MALFORMED;
	return stream->message_len == len ? AEG_HELLO_DONE : AEG_HELLO_NEED_MORE;
}

/* One more byte of the header of a record between the hellos. */
static enum aeg_hello_result slow_between(struct stream *stream)
{
	unsigned int type = stream->header[0];
	size_t len;

	if (type == 23 && !stream->early)
		return AEG_HELLO_NOT_TLS;
	if (type < 20 || type > 23)
		return AEG_HELLO_MALFORMED;
	if (stream->header_len >= 2 && stream->header[1] != 3)
		return AEG_HELLO_MALFORMED;
	if (stream->header_len < 5)
		return AEG_HELLO_NEED_MORE;
	len = (size_t)stream->header[3] << 8 | stream->header[4];
	if (len == 0 || len > 16384 + 2048 || (type == 20 && len != 1))
		return AEG_HELLO_MALFORMED;
	stream->ccs |= type == 20;
	stream->header_len = 0;
	stream->record_left = len;
	return AEG_HELLO_NEED_MORE;
}

static enum aeg_hello_result slow_header(struct stream *stream, uint8_t byte)
{
	size_t len;

	stream->header[stream->header_len++] = byte;
	if (stream->second && !stream->records && stream->header[0] != 22)
		return slow_between(stream);
	if ((stream->header_len == 1 && byte != 22) || (stream->header_len == 2 && byte != 3))
		return stream->records || stream->second ? AEG_HELLO_MALFORMED : AEG_HELLO_NOT_TLS;
	if (stream->header_len < 5)
		return AEG_HELLO_NEED_MORE;
	len = (size_t)stream->header[3] << 8 | byte;
	if (len == 0 || len > 16384)
		return AEG_HELLO_MALFORMED;
	stream->header_len = 0;
	stream->record_left = len;
	return ++stream->records > AEG_HELLO_RECORDS_MAX ? AEG_HELLO_TOO_LONG : AEG_HELLO_NEED_MORE;
}

static enum aeg_hello_result slow_byte(struct stream *stream, uint8_t byte)
{
	if (stream->record_left == 0)
		return slow_header(stream, byte);
	stream->record_left--;
	if (!stream->records)
		return AEG_HELLO_NEED_MORE;
	stream->message[stream->message_len++] = byte;
	return slow_begun(stream);
}

static void slow_parse(const uint8_t *data, size_t size, unsigned int second, struct slow *ret)
{
	static struct stream stream;

	memset(&stream, 0, sizeof(stream));
	stream.second = second & 1;
	stream.early = second & 2;
	memset(ret, 0, sizeof(*ret));
	ret->result = AEG_HELLO_NEED_MORE;
	for (size_t i = 0; i < size && ret->result == AEG_HELLO_NEED_MORE; i++)
		ret->result = slow_byte(&stream, data[i]);
	if (ret->result == AEG_HELLO_DONE)
		ret->result = slow_message(stream.message, stream.message_len, ret);
}

/* ---- what is tested ---- */

struct fast {
	enum aeg_hello_result result;
	struct aeg_hello hello;
	struct aeg_name name;
};

static void fast_name(const uint8_t *data, struct fast *ret)
{
	if (ret->result == AEG_HELLO_DONE)
		ret->result = aeg_hello_name(data, &ret->hello, &seed, &ret->name);
}

static void fast_whole(const uint8_t *data, size_t size, struct fast *ret)
{
	uint8_t *room = malloc(AEG_DATA_ROOM);

	require(room != NULL);
	if (size > AEG_DATA_MAX)
		size = AEG_DATA_MAX;
	memset(room, 0x16, AEG_DATA_ROOM);
	memcpy(room, data, size);
	ret->result = aeg_hello_parse(room, (__u32)size, &ret->hello);
	fast_name(room, ret);
	free(room);
}

static void fast_fed(const uint8_t *data, size_t size, uint8_t cut, unsigned int second,
		     struct fast *ret)
{
	struct aeg_hello_buf *buf = calloc(1, sizeof(*buf));
	size_t step = 1 + cut;

	require(buf != NULL);
	buf->second = (__u8)second;
	ret->result = AEG_HELLO_NEED_MORE;
	for (size_t at = 0; at < size && ret->result == AEG_HELLO_NEED_MORE; at += buf->at) {
		size_t n = size - at < step ? size - at : step;
		struct aeg_bytes in = {.base = (void *)(uintptr_t)(data + at), .len = (__u32)n};

		ret->result = aeg_hello_feed(buf, &in);
	}
	if (ret->result == AEG_HELLO_DONE) {
		ret->result = aeg_hello_parse_fed(buf, &ret->hello);
		fast_name(buf->data, ret);
	}
	free(buf);
}

static void compare(const struct fast *fast, const struct slow *slow)
{
	require(fast->result == slow->result);
	if (fast->result != AEG_HELLO_DONE && fast->result != AEG_HELLO_NAME_MISSING)
		return;
	require(fast->hello.version == slow->version);
	require(fast->hello.flags ==
		((slow->ech ? AEG_HELLO_ECH : 0) | (slow->early ? AEG_HELLO_EARLY : 0)));
	if (fast->result == AEG_HELLO_NAME_MISSING)
		return;
	require(fast->name.len == strlen(slow->name));
	require(memcmp(fast->name.text, slow->name, fast->name.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct slow slow;
	static struct fast fast;
	uint8_t cut = 0;

	for (size_t i = 0; i < size; i++)
		cut = (uint8_t)(cut * 31 + data[i]);
	for (unsigned int second = 0; second <= 3; second += second ? 2 : 1) {
		slow_parse(data, size, second, &slow);
		fast_fed(data, size, cut, second, &fast);
		compare(&fast, &slow);
		fast_fed(data, size < 600 ? size : 600, 0, second,
			 &fast); /* byte by byte is slow */
		if (size < 600)
			compare(&fast, &slow);
	}
	slow_parse(data, size, 0, &slow);
	fast_whole(data, size, &fast);
	if (fast.result != AEG_HELLO_NEED_MORE)
		compare(&fast, &slow);
	return 0;
}
