/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Bytes as they are on the wire: ClientHellos, DNS questions and answers. */
#ifndef AEG_TESTS_PROG_WIRE_H
#define AEG_TESTS_PROG_WIRE_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

struct wire {
	size_t len;
	uint8_t data[8192];
};

enum { WIRE_TLS12 = 1, WIRE_NO_NAME = 2, WIRE_ECH = 4, WIRE_EARLY = 8, WIRE_TWICE = 16 };
/* One record with a ClientHello for the name; padded to about `size` bytes. */
void wire_hello(const char *name, unsigned int flags, size_t size, struct wire *ret);
/* The same bytes in records of at most `record` bytes. */
void wire_split(const struct wire *from, size_t record, struct wire *ret);
void wire_append(struct wire *wire, const void *data, size_t len);

void wire_question(const char *name, uint16_t id, uint16_t type, struct wire *ret);
/* The answer to a question as it came: the given addresses of its type. */
void wire_answer(const uint8_t *question, size_t len, const uint8_t (*addrs)[16], size_t n,
		 struct wire *ret);
/* Of Internet headers, in network order. */
uint16_t wire_checksum(const void *data, size_t len);
/* The question's name, dotted. */
void wire_name(const uint8_t *question, size_t len, char ret[256]);

#endif
