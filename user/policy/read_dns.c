/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* spec.dns and spec.dnsLimits of a policy: what may be asked of trusted resolvers. */
#include "policy/read.h"
#include "bpf/name.h"

#define RATE_MAX 10000

void aeg_read_dns(struct aeg_dns *ret, const struct aeg_node *value, struct aeg_diags *diags)
{
	static const char *const choices[] = {"Any", "AllowedNames", NULL};
	int choice = aeg_read_choice(choices, value, diags);

	if (choice >= 0)
		ret->allowed_names = choice == 1;
}

/* Digits in front of a slash, without zeros in front of them. */
static const char *read_count(const char *text, uint32_t *ret)
{
	*ret = 0;
	if (*text == '0')
		return NULL;
	for (; *text >= '0' && *text <= '9'; text++) {
		*ret = *ret * 10 + (uint32_t)(*text - '0');
		if (*ret > RATE_MAX)
			return NULL;
	}
	return *text == '/' && *ret ? text + 1 : NULL;
}

static void read_questions(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	const char *text = aeg_read_text(value, diags), *unit;
	struct aeg_dns *dns = target;
	uint32_t count;

	if (!text)
		return;
	unit = read_count(text, &count);
	if (!unit || (!aeg_streq(unit, "s") && !aeg_streq(unit, "min"))) {
		aeg_error_at(diags, value->pos,
			     "'%s' is no rate: write a number from 1 to %d and '/s' or '/min'",
			     text, RATE_MAX);
		return;
	}
	dns->caps.questions = (uint16_t)count;
	dns->caps.seconds = aeg_streq(unit, "s") ? 1 : 60;
}

static void read_name_length(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_dns *dns = target;
	uint64_t length;

	if (!aeg_node_u64(value, &length) || length < 1 || length > AEG_NAME_MAX)
		aeg_error_at(diags, value->pos, "expected a number from 1 to %d", AEG_NAME_MAX);
	else
		dns->caps.name_len = (uint8_t)length;
}

static const struct aeg_field limit_fields[] = {
	{.key = "questions", .read = read_questions},
	{.key = "nameLength", .read = read_name_length},
	{0},
};

void aeg_read_dns_limits(struct aeg_dns *ret, const struct aeg_node *value, struct aeg_diags *diags)
{
	if (!aeg_node_expect(value, AEG_NODE_MAP, NULL, diags))
		return;
	if (!aeg_node_get(value, "questions") && !aeg_node_get(value, "nameLength"))
		aeg_error_at(diags, value->pos, "'dnsLimits' has 'questions' or 'nameLength'");
	aeg_fields_read(limit_fields, value, ret, diags);
}

bool aeg_dns_given(const struct aeg_dns *dns)
{
	return dns->allowed_names || dns->caps.questions || dns->caps.name_len;
}
