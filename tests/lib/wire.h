/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Builds what is on the wire, right or wrong: bytes, lengths filled in later, DNS and TLS on top. */
#ifndef AEG_TEST_WIRE_H
#define AEG_TEST_WIRE_H

#include <assert.h>
#include <stdint.h>
#include <string.h>

#define WIRE_MAX 65536

struct wire {
	size_t len;
	uint8_t data[WIRE_MAX];
};

static inline void wire_bytes(struct wire *wire, const void *bytes, size_t len)
{
	assert(len <= WIRE_MAX - wire->len);
	if (len)
		memcpy(wire->data + wire->len, bytes, len);
	wire->len += len;
}

static inline void wire_fill(struct wire *wire, uint8_t byte, size_t len)
{
	assert(len <= WIRE_MAX - wire->len);
	memset(wire->data + wire->len, byte, len);
	wire->len += len;
}

static inline void wire_u8(struct wire *wire, unsigned int value)
{
	wire_fill(wire, (uint8_t)value, 1);
}

static inline void wire_u16(struct wire *wire, unsigned int value)
{
	wire_u8(wire, value >> 8);
	wire_u8(wire, value & 0xff);
}

static inline void wire_u32(struct wire *wire, uint32_t value)
{
	wire_u16(wire, value >> 16);
	wire_u16(wire, value & 0xffff);
}

/* A length of `size` bytes that wire_close() fills in with what came after it. */
static inline size_t wire_open(struct wire *wire, size_t size)
{
	wire_fill(wire, 0, size);
	return wire->len;
}

static inline void wire_close(struct wire *wire, size_t opened, size_t size)
{
	size_t len = wire->len - opened;

	for (size_t i = 1; i <= size; i++, len >>= 8)
		wire->data[opened - i] = (uint8_t)len;
}

/* ---- DNS ---- */

#define WIRE_DNS_QUERY 0x0100
#define WIRE_DNS_RESPONSE 0x8180
#define WIRE_A 1
#define WIRE_CNAME 5
#define WIRE_AAAA 28
#define WIRE_IN 1

static inline void wire_dns_header(struct wire *wire, unsigned int id, unsigned int flags,
				   unsigned int answers)
{
	wire_u16(wire, id);
	wire_u16(wire, flags);
	wire_u16(wire, 1);
	wire_u16(wire, answers);
	wire_u32(wire, 0);
}

/* "a.b" as labels, with the zero at the end; "" is the root. */
static inline void wire_dns_name(struct wire *wire, const char *name)
{
	while (*name) {
		size_t len = strcspn(name, ".");

		wire_u8(wire, (unsigned int)len);
		wire_bytes(wire, name, len);
		name += len + (name[len] == '.');
	}
	wire_u8(wire, 0);
}

static inline void wire_dns_question(struct wire *wire, const char *name, unsigned int type)
{
	wire_dns_name(wire, name);
	wire_u16(wire, type);
	wire_u16(wire, WIRE_IN);
}

static inline void wire_dns_pointer(struct wire *wire, size_t to)
{
	wire_u16(wire, 0xc000u | (unsigned int)to);
}

/* What follows a record's owner. */
static inline void wire_dns_record(struct wire *wire, unsigned int type, uint32_t ttl,
				   const void *rdata, size_t len)
{
	wire_u16(wire, type);
	wire_u16(wire, WIRE_IN);
	wire_u32(wire, ttl);
	wire_u16(wire, (unsigned int)len);
	wire_bytes(wire, rdata, len);
}

/* ---- TLS ---- */

struct wire_hello {
	size_t record, message, extensions;
};

static inline void wire_hello_open(struct wire *wire, struct wire_hello *hello)
{
	wire_u8(wire, 22);
	wire_u16(wire, 0x0301);
	hello->record = wire_open(wire, 2);
	wire_u8(wire, 1);
	hello->message = wire_open(wire, 3);
	wire_u16(wire, 0x0303);
	wire_fill(wire, 0x5a, 32); /* random */
	wire_u8(wire, 0);	   /* session id */
	wire_u16(wire, 2);
	wire_u16(wire, 0x1301);
	wire_u16(wire, 0x0100); /* compression */
	hello->extensions = wire_open(wire, 2);
}

static inline void wire_hello_close(struct wire *wire, const struct wire_hello *hello)
{
	wire_close(wire, hello->extensions, 2);
	wire_close(wire, hello->message, 3);
	wire_close(wire, hello->record, 2);
}

static inline void wire_extension(struct wire *wire, unsigned int type, const void *payload,
				  size_t len)
{
	wire_u16(wire, type);
	wire_u16(wire, (unsigned int)len);
	wire_bytes(wire, payload, len);
}

static inline void wire_server_name(struct wire *wire, const void *name, size_t len)
{
	size_t extension, list, host;

	wire_u16(wire, 0);
	extension = wire_open(wire, 2);
	list = wire_open(wire, 2);
	wire_u8(wire, 0);
	host = wire_open(wire, 2);
	wire_bytes(wire, name, len);
	wire_close(wire, host, 2);
	wire_close(wire, list, 2);
	wire_close(wire, extension, 2);
}

/* The message of a hello in one record again, but in records of at most `size` bytes. */
static inline void wire_records(struct wire *wire, const struct wire *hello, size_t size)
{
	for (size_t at = 5; at < hello->len; at += size) {
		size_t n = hello->len - at < size ? hello->len - at : size;

		wire_u8(wire, 22);
		wire_u16(wire, 0x0301);
		wire_u16(wire, (unsigned int)n);
		wire_bytes(wire, hello->data + at, n);
	}
}

#endif
