/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the sections of the configuration share. */
#include "daemon/config_values.h"

#include <errno.h>

const char *aeg_config_text(const struct aeg_node *value, struct aeg_diags *diags)
{
	if (!aeg_node_expect(value, AEG_NODE_SCALAR, "a text", diags))
		return NULL;
	if (aeg_node_is_null(value) || !*value->text) {
		aeg_error_at(diags, value->pos, "empty; leave the key out to get its default");
		return NULL;
	}
	return value->text;
}

void aeg_config_set(char **ret, const char *text)
{
	char *copy = aeg_xstrdup(text);

	free(*ret);
	*ret = copy;
}

void aeg_config_string(char **ret, const struct aeg_node *value, struct aeg_diags *diags)
{
	const char *text = aeg_config_text(value, diags);

	if (text)
		aeg_config_set(ret, text);
}

void aeg_config_path(char **ret, const struct aeg_node *value, struct aeg_diags *diags)
{
	const char *text = aeg_config_text(value, diags);

	if (text && *text != '/')
		aeg_error_at(diags, value->pos, "'%s' is not an absolute path", text);
	else if (text)
		aeg_config_set(ret, text);
}

void aeg_config_word(const struct aeg_config_word *words, uint32_t *ret,
		     const struct aeg_node *value, struct aeg_diags *diags)
{
	const char *text = aeg_config_text(value, diags), *candidates[8];
	struct aeg_buf list = {0};
	size_t n = 0;

	if (!text)
		return;
	for (; words->word; words++) {
		if (aeg_streq(words->word, text)) {
			*ret = words->value;
			aeg_buf_done(&list);
			return;
		}
		aeg_buf_printf(&list, "%s%s", n ? ", " : "", words->word);
		candidates[n++] = words->word;
	}
	aeg_error_at(diags, value->pos, "'%s' is not one of %s", text, aeg_buf_text(&list));
	aeg_diag_suggest(diags, text, candidates, n);
	aeg_buf_done(&list);
}

void aeg_config_bool(bool *ret, const struct aeg_node *value, struct aeg_diags *diags)
{
	if (!aeg_node_bool(value, ret))
		aeg_error_at(diags, value->pos, "expected true or false");
}

struct unit {
	const char *unit;
	uint64_t factor;
};

/* A number and its unit. What is too much for 64 bits becomes the most they hold. */
static bool parse(const char *text, const struct unit *units, uint64_t *ret)
{
	unsigned long long number;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	number = strtoull(text, &end, 10);
	for (; units->unit; units++) {
		if (!aeg_streq(end, units->unit))
			continue;
		if (__builtin_mul_overflow(number, units->factor, ret))
			*ret = UINT64_MAX;
		return true;
	}
	return false;
}

static void read_quantity(uint64_t *ret, const struct unit *units, const char *what,
			  const struct aeg_config_range *range, const struct aeg_node *value,
			  struct aeg_diags *diags)
{
	uint64_t number;

	if (!parse(value->text, units, &number))
		aeg_error_at(diags, value->pos, "'%s' is not %s", value->text, what);
	else if (number < range->min || number > range->max)
		aeg_error_at(diags, value->pos, "'%s': %s", value->text, range->text);
	else
		*ret = number;
}

void aeg_config_duration(uint64_t *ret, const struct aeg_config_range *range,
			 const struct aeg_node *value, struct aeg_diags *diags)
{
	static const struct unit units[] = {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {0}};

	if (aeg_node_expect(value, AEG_NODE_SCALAR, "a duration", diags))
		read_quantity(ret, units, "a duration: write 60s, 5m or 1h", range, value, diags);
}

void aeg_config_bytes(uint64_t *ret, const struct aeg_config_range *range,
		      const struct aeg_node *value, struct aeg_diags *diags)
{
	static const struct unit units[] = {
		{"", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {0}};

	if (aeg_node_expect(value, AEG_NODE_SCALAR, "a size", diags))
		read_quantity(ret, units, "a size: write 64KiB, 10MiB or 1GiB", range, value,
			      diags);
}
