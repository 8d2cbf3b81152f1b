/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Numbers of labels: given out here, kept in the kernel beside whatever mentions them. */
#include "policy/tables.h"
#include <errno.h>
#include <stdio.h>

#define TEXT_MAX (AEG_LABEL_TEXT - 1)
#define MARK_LEN 17 /* '~' and 16 hexadecimal digits */

static uint32_t number_hash(uint32_t number)
{
	return aeg_row_hash(&number, sizeof(number));
}

static bool same_number(const void *rows, uint32_t row, const void *key)
{
	const struct aeg_numbers *numbers = rows;

	return numbers->list.items[row].number == *(const uint32_t *)key;
}

/* Too long for a label: the beginning, and a mark that differs where the rest differs. */
static void label_text(const char *text, char ret[AEG_LABEL_TEXT])
{
	size_t len = strlen(text);

	if (len <= TEXT_MAX) {
		memcpy(ret, text, len + 1);
		return;
	}
	memcpy(ret, text, TEXT_MAX - MARK_LEN);
	snprintf(ret + TEXT_MAX - MARK_LEN, MARK_LEN + 1, "~%08x%08x", aeg_row_hash(text, len),
		 aeg_row_hash(text + len / 2, len - len / 2));
}

static void map_key(enum aeg_label_kind kind, const char *text, char ret[AEG_LABEL_TEXT + 1])
{
	ret[0] = (char)('0' + kind);
	memcpy(ret + 1, text, strlen(text) + 1);
}

static void append(struct aeg_numbers *numbers, uint32_t number, enum aeg_label_kind kind,
		   const char *text)
{
	char key[AEG_LABEL_TEXT + 1];
	uint32_t row = (uint32_t)numbers->list.n;

	*AEG_VEC_PUSH(numbers->list) = (struct aeg_number){
		.number = number,
		.kind = kind,
		.text = aeg_xstrdup(text),
	};
	aeg_rowindex_add(&numbers->by_number, number_hash(number), row);
	map_key(kind, text, key);
	aeg_strmap_put(&numbers->by_text, key, number);
	if (number > numbers->last)
		numbers->last = number;
}

uint32_t aeg_numbers_find(const struct aeg_numbers *numbers, enum aeg_label_kind kind,
			  const char *text)
{
	char label[AEG_LABEL_TEXT], key[AEG_LABEL_TEXT + 1];
	uintptr_t number = 0;

	label_text(text, label);
	map_key(kind, label, key);
	aeg_strmap_get(&numbers->by_text, key, &number);
	return (uint32_t)number;
}

uint32_t aeg_numbers_get(struct aeg_numbers *numbers, enum aeg_label_kind kind, const char *text)
{
	uint32_t number = aeg_numbers_find(numbers, kind, text);
	char label[AEG_LABEL_TEXT];

	if (number)
		return number;
	label_text(text, label);
	append(numbers, numbers->last + 1, kind, label);
	return numbers->last;
}

int aeg_numbers_adopt(struct aeg_numbers *numbers, uint32_t number, enum aeg_label_kind kind,
		      const char *text)
{
	char key[AEG_LABEL_TEXT + 1];

	if (number == 0 || number == UINT32_MAX || strlen(text) > TEXT_MAX)
		return -EINVAL;
	if (numbers->stored != numbers->list.n)
		return -EBUSY;
	map_key(kind, text, key);
	if (aeg_strmap_get(&numbers->by_text, key, NULL) || aeg_numbers_text(numbers, number))
		return -EEXIST;
	append(numbers, number, kind, text);
	numbers->stored = numbers->list.n;
	return 0;
}

const char *aeg_numbers_text(const struct aeg_numbers *numbers, uint32_t number)
{
	uint32_t row = aeg_rowindex_find(&numbers->by_number, number_hash(number), same_number,
					 numbers, &number);

	return row == AEG_ROW_NONE ? NULL : numbers->list.items[row].text;
}

void aeg_numbers_done(struct aeg_numbers *numbers)
{
	for (size_t i = 0; i < numbers->list.n; i++)
		free(numbers->list.items[i].text);
	AEG_VEC_DONE(numbers->list);
	aeg_strmap_done(&numbers->by_text);
	aeg_rowindex_done(&numbers->by_number);
	*numbers = (struct aeg_numbers){0};
}
