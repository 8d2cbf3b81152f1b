// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * The first line is a name, every other one a pattern: bpf/name.h takes for names what this file does,
 * and finds the pattern that policy/pattern.h says is the most specific.
 */
#include "bpf/name.h"
#include "policy/pattern.h"
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PATTERNS_MAX 64
#define ROWS (AEG_NAME_PIECES * PATTERNS_MAX * 2)

static const struct aeg_seed seed = {0x0123456789abcdefu, 0xfedcba9876543211u};

static void require(bool holds)
{
	if (!holds)
		abort();
}

struct patterns {
	char text[PATTERNS_MAX][AEG_PATTERN_TEXT];
	__u32 n;
	struct aeg_name_row rows[ROWS];
	struct aeg_name_table table;
};

static void add(struct patterns *patterns, const char *line)
{
	struct aeg_dest dest = {.class = patterns->n + 1};
	char *text = patterns->text[patterns->n % PATTERNS_MAX];
	struct aeg_name_row row;

	if (patterns->n == PATTERNS_MAX || aeg_pattern_parse(line, true, text))
		return;
	for (__u32 i = 0; i < patterns->n; i++)
		if (strcmp(patterns->text[i], text) == 0)
			return;
	patterns->n++;
	for (__u32 piece = 0; aeg_name_row_make(text, piece, &dest, &seed, &row); piece++) {
		__u32 at = (__u32)(row.key >> 32);

		while (patterns->rows[at % ROWS].entry.len)
			at++;
		patterns->rows[at % ROWS] = row;
	}
}

static bool slow_is_name(const uint8_t *text, size_t len)
{
	size_t label = 0;
	bool digits = true;

	for (size_t i = 0; i <= len; i++) {
		if (i == len || text[i] == '.') {
			if (label == 0 || label > 63)
				return false;
			if (i < len) {
				label = 0;
				digits = true;
			}
			continue;
		}
		if (text[i] > 127 || !(isalnum(text[i]) || text[i] == '-' || text[i] == '_'))
			return false;
		digits &= isdigit(text[i]) != 0;
		label++;
	}
	return len <= 253 && !digits;
}

/* Number of the most specific pattern; exact ones are more so than any wildcard. 0: none. */
static __u32 slow_find(const struct patterns *patterns, const char *name)
{
	__u32 best = 0;
	size_t most = 0;

	for (__u32 i = 0; i < patterns->n; i++) {
		const char *pattern = patterns->text[i];
		size_t weight = pattern[0] == '*' ? strlen(pattern) : SIZE_MAX;

		if (aeg_pattern_covers(pattern, name) && weight > most) {
			best = i + 1;
			most = weight;
		}
	}
	return best;
}

static void check_name(struct patterns *patterns, const uint8_t *text, size_t len)
{
	static struct aeg_name name;
	static uint8_t room[AEG_DATA_ROOM];
	const struct aeg_dest *dest;
	bool good;

	if (len > AEG_DATA_MAX - 10)
		return;
	memset(room, 'x', sizeof(room));
	memcpy(room + 10, text, len);
	good = aeg_name_take(&name, room, 10, (__u32)len, &seed) == 0;
	require(good == slow_is_name(text, len));
	if (!good)
		return;
	require(name.len == len);
	for (size_t i = 0; i < len; i++)
		require(name.text[i] == tolower(text[i]));
	dest = aeg_name_find(&patterns->table, &name);
	require((dest ? dest->class : 0) == slow_find(patterns, (const char *)name.text));
}

static void add_lines(struct patterns *patterns, const uint8_t *data, size_t size)
{
	while (size) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t len = end ? (size_t)(end - data) : size;
		char line[512];

		if (len < sizeof(line)) {
			memcpy(line, data, len);
			line[len] = '\0';
			add(patterns, line);
		}
		data += len + (end != NULL);
		size -= len + (end != NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct patterns *patterns = calloc(1, sizeof(*patterns));
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
	size_t len = end ? (size_t)(end - data) : size;

	require(patterns != NULL);
	patterns->table = (struct aeg_name_table){.rows = patterns->rows, .size = ROWS};
	if (end)
		add_lines(patterns, end + 1, size - len - 1);
	check_name(patterns, data, len);
	for (__u32 i = 0; i < patterns->n; i++) { /* names near patterns */
		const char *text = patterns->text[i];

		check_name(patterns, (const uint8_t *)text, strlen(text));
		if (text[0] == '*')
			check_name(patterns, (const uint8_t *)text + 2, strlen(text) - 2);
	}
	free(patterns);
	return 0;
}
