/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* ClientHellos as they are built and read in the tests of bpf/parse_tls.h. */
#ifndef AEG_TESTS_UNIT_UTIL_HELLO_H
#define AEG_TESTS_UNIT_UTIL_HELLO_H

#include "bpf/parse_tls.h"
#include "tests/lib/wire.h"

/* What is built, and what the last parsing made of it. */
extern struct wire wire;
extern struct aeg_hello hello;
extern struct aeg_name name;

/* wire becomes a file's bytes, or a hello for a name. */
void hello_load(const char *path);
void hello_named(const void *text, size_t len);
/* One segment. What lies behind it in memory must not matter: it is parsed among two kinds of it. */
enum aeg_hello_result hello_parse(const __u8 *bytes, size_t len);
enum aeg_hello_result hello_parse_wire(void);
/* In segments of `size` bytes; and the same into a new buffer. */
enum aeg_hello_result hello_feed(struct aeg_hello_buf *buf, const struct wire *from, size_t size);
enum aeg_hello_result hello_feed_new(const struct wire *from, size_t size);

#endif
