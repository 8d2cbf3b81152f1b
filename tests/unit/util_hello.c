/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* See util_hello.h. */
#include "tests/unit/util_hello.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static const struct aeg_seed seed = {0x0123456789abcdefu, 0xfedcba9876543211u};
struct wire wire;
struct aeg_hello hello;
struct aeg_name name;

enum aeg_hello_result hello_parse(const __u8 *bytes, size_t len)
{
	static __u8 data[AEG_DATA_ROOM];
	enum aeg_hello_result result, again;

	memset(data, 0xff, sizeof(data));
	memcpy(data, bytes, len);
	memset(&hello, 0xee, sizeof(hello));
	again = aeg_hello_parse(data, (__u32)len, &hello);
	memset(data + len, 0, sizeof(data) - len);
	memset(&hello, 0x11, sizeof(hello));
	result = aeg_hello_parse(data, (__u32)len, &hello);
	assert_int_equal(result, again);
	if (result == AEG_HELLO_DONE)
		result = aeg_hello_name(data, &hello, &seed, &name);
	return result;
}

enum aeg_hello_result hello_parse_wire(void)
{
	return hello_parse(wire.data, wire.len < AEG_DATA_MAX ? wire.len : AEG_DATA_MAX);
}

enum aeg_hello_result hello_feed(struct aeg_hello_buf *buf, const struct wire *from, size_t size)
{
	enum aeg_hello_result result = AEG_HELLO_NEED_MORE;

	for (size_t at = 0; at < from->len && result == AEG_HELLO_NEED_MORE; at += buf->at) {
		size_t left = size - at % size; /* of the piece that a call has not taken wholly */
		size_t n = from->len - at < left ? from->len - at : left;
		struct aeg_bytes in = {
			.base = (void *)(from->data + at - 1), .start = 1, .len = (__u32)n};

		result = aeg_hello_feed(buf, &in);
		assert_true(result != AEG_HELLO_NEED_MORE || buf->at == n ||
			    (buf->second && buf->at > 0));
	}
	if (result != AEG_HELLO_DONE)
		return result;
	result = aeg_hello_parse_fed(buf, &hello);
	if (result == AEG_HELLO_DONE)
		result = aeg_hello_name(buf->data, &hello, &seed, &name);
	return result;
}

enum aeg_hello_result hello_feed_new(const struct wire *from, size_t size)
{
	struct aeg_hello_buf *buf = test_calloc(1, sizeof(*buf));
	enum aeg_hello_result result = hello_feed(buf, from, size);

	test_free(buf);
	return result;
}

void hello_load(const char *path)
{
	FILE *file = fopen(path, "re");

	if (!file)
		abort();
	wire.len = fread(wire.data, 1, sizeof(wire.data), file);
	fclose(file);
	if (wire.len == 0)
		abort();
}

void hello_named(const void *text, size_t len)
{
	struct wire_hello open;

	wire.len = 0;
	wire_hello_open(&wire, &open);
	wire_server_name(&wire, text, len);
	wire_hello_close(&wire, &open);
}
