// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Inputs for the parsers, most of them almost right: that is where parsers go wrong. */
#include "tests/parsers/corpus.h"
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

static struct wire *add(struct corpus *corpus)
{
	struct wire *wire = calloc(1, sizeof(*wire));

	if (!wire || corpus->n == CORPUS_MAX)
		abort();
	return corpus->items[corpus->n++] = wire;
}

void corpus_done(struct corpus *corpus)
{
	while (corpus->n)
		free(corpus->items[--corpus->n]);
}

void corpus_load(struct corpus *corpus, const char *directory, const char *pattern)
{
	char path[256];
	glob_t found = {0};

	snprintf(path, sizeof(path), "%s/%s", directory, pattern);
	if (glob(path, 0, NULL, &found)) {
		fprintf(stderr, "%s: no such files\n", path);
		exit(1);
	}
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct wire *wire = add(corpus);
		FILE *file = fopen(found.gl_pathv[i], "re");

		if (!file)
			abort();
		wire->len = fread(wire->data, 1, sizeof(wire->data), file);
		fclose(file);
	}
	globfree(&found);
}

#define A1 "a.a.a.a."
#define A4 A1 A1 A1 A1

/* Names at the borders of what is allowed; also read as plain text by the name programs. */
static const char *const names[] = {
	"huggingface.co",
	"HuggingFace.CO",
	"cdn-lfs.hf.co",
	"hf.co",
	"a.b.c.d.e.f.g.hf.co",
	"2abcd1234.us-east-1.aws.endpoints.huggingface.cloud",
	"huggingface.co.ml-prod.svc.cluster.local",
	"huggingface.co.cluster.local",
	"svc.cluster.local",
	"localhost",
	"1.2.3.4",
	"x.1a",
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.hf.co",
	"a-name-that-is-longer-than-one-piece-of-the-table.of-sixty-four-bytes.hf.co",
	"b.a-name-that-is-longer-than-one-piece-of-the-table.of-sixty-four-bytes.hf.co",
	A4 A4 A4 A4 A4 A4 A4 "a.a.a",
};
#define NAMES (sizeof(names) / sizeof(names[0]))

void corpus_names(struct corpus *corpus)
{
	for (size_t i = 0; i < NAMES; i++)
		wire_bytes(add(corpus), names[i], strlen(names[i]));
}

void corpus_queries(struct corpus *corpus)
{
	for (size_t i = 0; i < NAMES; i++) {
		struct wire *wire = add(corpus);

		wire_dns_header(wire, 0x1234, WIRE_DNS_QUERY, 0);
		wire_dns_question(wire, names[i], i % 2 ? WIRE_AAAA : WIRE_A);
	}
}

static void answer(struct wire *wire, struct random *random, size_t owner)
{
	static const uint8_t addr[16] = {0x2a, 0x05, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};

	if (random_percent(random, 80))
		wire_dns_pointer(wire, owner);
	else
		wire_dns_name(wire, RANDOM_OF(random, names));
	if (random_percent(random, 70))
		wire_dns_record(wire, WIRE_A, (uint32_t)random_next(random), addr, 4);
	else if (random_percent(random, 70))
		wire_dns_record(wire, WIRE_AAAA, 300, addr, 16);
	else
		wire_dns_record(wire, WIRE_CNAME, 60, "\3abc\300\14", 6);
}

void corpus_responses(struct corpus *corpus, struct random *random)
{
	for (size_t i = 0; i < 2 * NAMES; i++) {
		unsigned int n = (unsigned int[]){1, 4, 34, 64, 65}[i % 5];
		struct wire *wire = add(corpus);

		wire_dns_header(wire, 0x1234, WIRE_DNS_RESPONSE, n);
		wire_dns_question(wire, names[i % NAMES], i % 3 ? WIRE_A : WIRE_AAAA);
		while (n--)
			answer(wire, random, 12);
		wire_bytes(wire, "\0\0\51\20\0\0\0\0\0\0\0", 11); /* OPT */
	}
}

/* Bytes that mean something somewhere: limits, dots, pointers, types. */
static const uint8_t telling[] = {0,	1,    2,    3,	  4,	16,   20,   22,	  28,	43,
				  '.',	'-',  '_',  '0',  '9',	'A',  'z',  0x3f, 0x40, 0x7f,
				  0x80, 0xc0, 0xc1, 0xfe, 0xff, 0x0c, 0x0d, 0x0a};

static void change(struct wire *wire, struct random *random, size_t max)
{
	size_t at = random_below(random, (unsigned int)wire->len);
	size_t n = 1 + random_below(random, 8);

	switch (random_below(random, 7)) {
	case 0:
		wire->data[at] ^= (uint8_t)(1u << random_below(random, 8));
		break;
	case 1:
		wire->data[at] = RANDOM_OF(random, telling);
		break;
	case 2:
		wire->data[at] = (uint8_t)(wire->data[at] + (random_percent(random, 50) ? 1 : -1));
		break;
	case 3: /* cut the end */
		wire->len = at + 1;
		break;
	case 4: /* take some out */
		n = n < wire->len - at ? n : wire->len - at - 1;
		memmove(wire->data + at, wire->data + at + n, wire->len - at - n);
		wire->len -= n;
		break;
	case 5: /* twice the same */
		if (wire->len + n > max || at + n > wire->len)
			break;
		memmove(wire->data + at + n, wire->data + at, wire->len - at);
		wire->len += n;
		break;
	default: /* the first bytes steer most */
		at = random_below(random, wire->len < 64 ? (unsigned int)wire->len : 64);
		wire->data[at] = (uint8_t)random_next(random);
	}
	if (wire->len == 0)
		wire_u8(wire, 0);
}

void corpus_mutate(const struct corpus *corpus, struct random *random, size_t max, struct wire *ret)
{
	const struct wire *from = corpus->items[random_below(random, (unsigned int)corpus->n)];

	ret->len = from->len < max ? from->len : max;
	memcpy(ret->data, from->data, ret->len);
	if (random_percent(random, 5))
		return;
	for (unsigned int n = 1 + random_below(random, 3); n > 0; n--)
		change(ret, random, max);
}

void corpus_between(const struct wire *from, struct random *random, size_t max, struct wire *ret)
{
	static const char *const between[] = {
		"\24\3\3\0\1\1",  "\25\3\3\0\2\1\132",
		"\27\3\3\0\3abc", "\27\3\3\0\21seventeen bytes..",
		"\30\3\3\0\1\1",
	};
	static const size_t lens[] = {6, 7, 8, 22, 6};

	ret->len = 0;
	for (unsigned int n = 1 + random_below(random, 40); n > 0; n--) {
		size_t i = random_percent(random, 1) ? 4 : random_below(random, 4);

		wire_bytes(ret, between[i], lens[i]);
	}
	wire_bytes(ret, from->data, from->len < max - ret->len ? from->len : max - ret->len);
}
