// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Any bytes as a DNS message, as a query and as a response: bpf/parse_dns.h says what a slow reader
 * says that builds names out of labels and addresses one by one.
 */
#include "bpf/parse_dns.h"
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

/* ---- the slow reader ---- */

struct message {
	const uint8_t *data;
	size_t size, at;
	bool ended; /* something was read that is not there */
};

static unsigned int get8(struct message *message)
{
	if (message->at >= message->size) {
		message->ended = true;
		return 0;
	}
	return message->data[message->at++];
}

static unsigned int get16(struct message *message)
{
	unsigned int high = get8(message);

	return high << 8 | get8(message);
}

struct slow {
	enum aeg_dns_result result;
	bool truncated;
	char name[300];
	unsigned int id, type, labels, n;
	uint32_t ttls[AEG_DNS_RECORDS_MAX];
	uint8_t addrs[AEG_DNS_RECORDS_MAX][16];
};

/* A label of a host name: what may not be in one makes the name bad, not the message. */
static bool good_label(const uint8_t *label, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (label[i] > 127 || !(isalnum(label[i]) || label[i] == '-' || label[i] == '_'))
			return false;
	return true;
}

static bool only_digits(const char *label)
{
	return label[strspn(label, "0123456789")] == '\0';
}

static enum aeg_dns_result slow_name(struct message *message, struct slow *ret, bool *good)
{
	size_t len = 0;
	char *last = ret->name;

	*good = true;
	for (;;) {
		unsigned int n = get8(message);

		if (message->ended)
			return AEG_DNS_SHORT;
		if (n == 0)
			break;
		if (n > 63 || ++ret->labels > 127)
			return AEG_DNS_BAD_LABEL;
		*good &= len + n <= 253;
		for (unsigned int i = 0; i < n; i++) {
			uint8_t byte = (uint8_t)get8(message);

			if (message->ended)
				return AEG_DNS_SHORT;
			*good &= good_label(&byte, 1);
			if (*good)
				ret->name[len + i] =
					(char)(byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte);
		}
		if (*good) {
			last = ret->name + len;
			len += n;
			ret->name[len++] = '.';
		}
	}
	*good = *good && len > 0;
	if (*good)
		ret->name[len - 1] = '\0';
	*good = *good && !only_digits(last);
	return AEG_DNS_OK;
}

static enum aeg_dns_result slow_question(struct message *message, struct slow *ret)
{
	bool good;
	enum aeg_dns_result result = slow_name(message, ret, &good);
	unsigned int class;

	if (result != AEG_DNS_OK)
		return result;
	ret->type = get16(message);
	class = get16(message);
	if (message->ended)
		return AEG_DNS_SHORT;
	if (class != 1 || (ret->type != 1 && ret->type != 28))
		return AEG_DNS_NOT_ADDRESS;
	return good ? AEG_DNS_OK : AEG_DNS_BAD_NAME;
}

/* A record's owner; steps counts labels. */
static enum aeg_dns_result slow_owner(struct message *message, unsigned int *steps)
{
	size_t start = message->at, len = 0;

	for (;;) {
		unsigned int n = get8(message);

		if (message->ended)
			return AEG_DNS_SHORT;
		if (n == 0)
			return AEG_DNS_OK;
		if (n >= 0xc0) {
			unsigned int to = (n & 0x3f) << 8 | get8(message);

			if (message->ended)
				return AEG_DNS_SHORT;
			return to >= 12 && to < start ? AEG_DNS_OK : AEG_DNS_BAD_LABEL;
		}
		len += n + 1;
		if (n > 63 || len > 254)
			return AEG_DNS_BAD_LABEL;
		message->at += n;
		if (++*steps == AEG_DNS_STEPS_MAX)
			return AEG_DNS_TOO_MANY;
	}
}

static enum aeg_dns_result slow_record(struct message *message, struct slow *ret)
{
	unsigned int type = get16(message), class = get16(message);
	uint32_t ttl = (uint32_t)get16(message) << 16, len, need;
	uint8_t *addr;

	ttl |= get16(message);
	len = get16(message);
	if (message->ended || len > message->size - message->at)
		return AEG_DNS_SHORT;
	need = type == 1 ? 4 : 16;
	if (class == 1 && (type == 1 || type == 28)) {
		if (len != need)
			return AEG_DNS_BAD_RECORD;
		addr = ret->addrs[ret->n];
		memset(addr + 10, 0xff, 2);
		memcpy(addr + 16 - need, message->data + message->at, need);
		ret->ttls[ret->n++] = ttl & 0x80000000u ? 0 : ttl;
	}
	message->at += len;
	return AEG_DNS_OK;
}

static enum aeg_dns_result slow_answers(struct message *message, unsigned int count,
					struct slow *ret)
{
	unsigned int steps = 0;

	if (count > AEG_DNS_RECORDS_MAX)
		return AEG_DNS_TOO_MANY;
	while (count--) {
		enum aeg_dns_result result = slow_owner(message, &steps);

		if (result == AEG_DNS_OK)
			result = slow_record(message, ret);
		if (result != AEG_DNS_OK)
			return result;
		if (++steps == AEG_DNS_STEPS_MAX && count)
			return AEG_DNS_TOO_MANY;
	}
	return AEG_DNS_OK;
}

static enum aeg_dns_result slow_header(struct message *message, bool response, unsigned int *count,
				       struct slow *ret)
{
	unsigned int flags, questions;

	if (message->size < 12)
		return AEG_DNS_SHORT;
	ret->id = get16(message);
	flags = get16(message);
	questions = get16(message);
	*count = get16(message);
	message->at = 12;
	if ((flags >> 15 & 1) != response || flags >> 11 & 15 || questions != 1)
		return response ? AEG_DNS_NOT_ANSWER : AEG_DNS_NOT_QUERY;
	if (!response)
		return AEG_DNS_OK;
	ret->truncated = flags >> 9 & 1;
	return flags & 15 && !ret->truncated ? AEG_DNS_FAILED : AEG_DNS_OK;
}

static void slow_parse(const uint8_t *data, size_t size, bool response, struct slow *ret)
{
	struct message message = {.data = data, .size = size};
	unsigned int count = 0;

	memset(ret, 0, sizeof(*ret));
	ret->result = slow_header(&message, response, &count, ret);
	if (ret->result == AEG_DNS_OK)
		ret->result = slow_question(&message, ret);
	if (ret->result == AEG_DNS_OK && ret->truncated)
		ret->result = AEG_DNS_TRUNCATED;
	if (ret->result == AEG_DNS_OK && response)
		ret->result = slow_answers(&message, count, ret);
}

/* ---- what is tested ---- */

struct fast {
	enum aeg_dns_result result;
	struct aeg_name name;
	struct aeg_question question;
	struct aeg_answers answers;
};

static void fast_parse(const uint8_t *data, size_t size, bool response, struct fast *ret)
{
	uint8_t *room = malloc(AEG_DATA_ROOM);
	__u32 len = (__u32)size;

	require(room != NULL);
	memset(ret, 0xc0, sizeof(*ret));
	memset(room, 0xc0, AEG_DATA_ROOM);
	memcpy(room, data, size);
	if (!response) {
		ret->result = aeg_dns_query(room, len, &seed, &ret->name, &ret->question);
	} else {
		ret->result = aeg_dns_response(room, len, &seed, &ret->name, &ret->question);
		if (ret->result == AEG_DNS_OK)
			ret->result = aeg_dns_answers(room, len, &ret->question, &ret->answers);
	}
	free(room);
}

static void compare(const struct fast *fast, const struct slow *slow, bool response)
{
	require(fast->result == slow->result);
	if (fast->result != AEG_DNS_OK)
		return;
	require(fast->question.id == slow->id && fast->question.type == slow->type);
	require(fast->question.labels == slow->labels);
	require(fast->name.len == strlen(slow->name));
	require(memcmp(fast->name.text, slow->name, fast->name.len) == 0);
	if (!response)
		return;
	require(fast->answers.n == slow->n);
	for (unsigned int i = 0; i < slow->n; i++) {
		require(fast->answers.records[i].ttl == slow->ttls[i]);
		require(memcmp(fast->answers.records[i].addr, slow->addrs[i], 16) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct slow slow;
	static struct fast fast;

	if (size > AEG_DATA_MAX)
		size = AEG_DATA_MAX;
	for (int response = 0; response <= 1; response++) {
		slow_parse(data, size, response, &slow);
		fast_parse(data, size, response, &fast);
		compare(&fast, &slow, response);
	}
	return 0;
}
