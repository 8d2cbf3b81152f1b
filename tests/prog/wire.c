/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* See wire.h. */
#include "tests/prog/wire.h"
#include <arpa/inet.h>
#include <string.h>

static void put8(struct wire *wire, unsigned int value)
{
	wire->data[wire->len++] = (uint8_t)value;
}

static void put16(struct wire *wire, unsigned int value)
{
	put8(wire, value >> 8);
	put8(wire, value);
}

static void put32(struct wire *wire, unsigned int value)
{
	put16(wire, value >> 16);
	put16(wire, value);
}

static void set16(struct wire *wire, size_t at, size_t value)
{
	wire->data[at] = (uint8_t)(value >> 8);
	wire->data[at + 1] = (uint8_t)value;
}

void wire_append(struct wire *wire, const void *data, size_t len)
{
	memcpy(wire->data + wire->len, data, len);
	wire->len += len;
}

/* ---- ClientHello ---- */

static void put_name(struct wire *wire, const char *name)
{
	size_t len = strlen(name);

	put16(wire, 0);
	put16(wire, (unsigned int)len + 5);
	put16(wire, (unsigned int)len + 3);
	put8(wire, 0);
	put16(wire, (unsigned int)len);
	wire_append(wire, name, len);
}

static void put_extensions(struct wire *wire, const char *name, unsigned int flags, size_t size)
{
	if (!(flags & WIRE_TLS12)) {
		put16(wire, 43); /* supported_versions */
		put16(wire, 5);
		put8(wire, 4);
		put16(wire, 0x0304);
		put16(wire, 0x0303);
	}
	if (flags & WIRE_ECH) {
		put16(wire, 0xfe0d);
		put16(wire, 1);
		put8(wire, 0);
	}
	if (flags & WIRE_EARLY) {
		put16(wire, 42);
		put16(wire, 0);
	}
	if (size > wire->len + 4 + strlen(name) + 9) { /* padding in front of the name */
		size_t room = size - wire->len - 4 - strlen(name) - 9;

		put16(wire, 21);
		put16(wire, (unsigned int)room);
		memset(wire->data + wire->len, 0, room);
		wire->len += room;
	}
	if (!(flags & WIRE_NO_NAME))
		put_name(wire, name);
	if (flags & WIRE_TWICE)
		put_name(wire, name);
}

void wire_hello(const char *name, unsigned int flags, size_t size, struct wire *ret)
{
	size_t extensions;

	ret->len = 0;
	put8(ret, 22);
	put16(ret, 0x0301);
	put16(ret, 0); /* record */
	put8(ret, 1);
	put8(ret, 0);
	put16(ret, 0); /* message */
	put16(ret, 0x0303);
	memset(ret->data + ret->len, 0x5a, 32);
	ret->len += 32;
	put8(ret, 0); /* session */
	put16(ret, 2);
	put16(ret, 0x1301);
	put8(ret, 1);
	put8(ret, 0); /* compression */
	extensions = ret->len;
	put16(ret, 0);
	put_extensions(ret, name, flags, size);
	set16(ret, extensions, ret->len - extensions - 2);
	set16(ret, 7, ret->len - 9);
	set16(ret, 3, ret->len - 5);
}

void wire_split(const struct wire *from, size_t record, struct wire *ret)
{
	ret->len = 0;
	for (size_t at = 5; at < from->len; at += record) {
		size_t n = from->len - at < record ? from->len - at : record;

		put8(ret, 22);
		put16(ret, 0x0301);
		put16(ret, (unsigned int)n);
		wire_append(ret, from->data + at, n);
	}
}

/* ---- DNS ---- */

void wire_question(const char *name, uint16_t id, uint16_t type, struct wire *ret)
{
	ret->len = 0;
	put16(ret, id);
	put16(ret, 0x0100); /* recursion desired */
	put16(ret, 1);
	put32(ret, 0);
	put16(ret, 0);
	while (*name) {
		size_t len = strcspn(name, ".");

		put8(ret, (unsigned int)len);
		wire_append(ret, name, len);
		name += len + (name[len] == '.');
	}
	put8(ret, 0);
	put16(ret, type);
	put16(ret, 1);
}

void wire_name(const uint8_t *question, size_t len, char ret[256])
{
	size_t at = 12, n = 0;

	while (at < len && question[at] && n + question[at] < 255) {
		memcpy(ret + n, question + at + 1, question[at]);
		n += question[at];
		ret[n++] = '.';
		at += question[at] + 1u;
	}
	ret[n ? n - 1 : 0] = '\0';
}

void wire_answer(const uint8_t *question, size_t len, const uint8_t (*addrs)[16], size_t n,
		 struct wire *ret)
{
	unsigned int type = (unsigned int)question[len - 4] << 8 | question[len - 3];
	size_t size = type == 1 ? 4 : 16;

	ret->len = 0;
	wire_append(ret, question, len);
	set16(ret, 2, 0x8180);
	set16(ret, 6, n);
	set16(ret, 10, 0);
	for (size_t i = 0; i < n; i++) {
		put16(ret, 0xc00c);
		put16(ret, type);
		put16(ret, 1);
		put32(ret, 300);
		put16(ret, (unsigned int)size);
		wire_append(ret, addrs[i] + 16 - size, size);
	}
}

/* ---- IP ---- */

uint16_t wire_checksum(const void *data, size_t len)
{
	const uint8_t *bytes = data;
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i += 2) {
		uint16_t word = 0;

		memcpy(&word, bytes + i, i + 1 < len ? 2 : 1);
		sum += ntohs(word);
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}
