/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Labels: the texts behind the numbers, kept in the kernel so that they outlive the daemon too. */
#include "datapath/internal.h"
#include <errno.h>

struct stored_label {
	uint32_t number;
	struct aeg_label label;
};
struct stored_labels {
	AEG_VEC(struct stored_label) list;
};

static void labels_done(struct stored_labels *labels)
{
	AEG_VEC_DONE(labels->list);
}

static int collect(void *arg, const void *key, const void *value)
{
	struct stored_labels *labels = arg;
	struct stored_label *stored = AEG_VEC_PUSH(labels->list);

	memcpy(&stored->number, key, sizeof(stored->number));
	memcpy(&stored->label, value, sizeof(stored->label));
	stored->label.text[AEG_LABEL_TEXT - 1] = '\0';
	return 0;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = ((const struct stored_label *)a)->number;
	uint32_t y = ((const struct stored_label *)b)->number;

	return x < y ? -1 : x > y;
}

int aeg_datapath_load_numbers(struct aeg_datapath *datapath, struct aeg_numbers *numbers)
{
	AEG_CLEANUP(labels_done) struct stored_labels labels = {0};
	int err = aeg_map_each(datapath->maps[AEG_MAP_LABELS], sizeof(uint32_t),
			       sizeof(struct aeg_label), collect, &labels);

	if (err)
		return err;
	if (labels.list.n)
		qsort(labels.list.items, labels.list.n, sizeof(*labels.list.items), by_number);
	for (size_t i = 0; i < labels.list.n; i++) {
		const struct stored_label *stored = &labels.list.items[i];

		err = aeg_numbers_adopt(numbers, stored->number,
					(enum aeg_label_kind)stored->label.kind,
					stored->label.text);
		if (err)
			return err;
	}
	return 0;
}

int aeg_datapath_store_numbers(struct aeg_datapath *datapath, struct aeg_numbers *numbers)
{
	while (numbers->stored < numbers->list.n) {
		const struct aeg_number *number = &numbers->list.items[numbers->stored];
		struct aeg_label label = {.kind = number->kind};
		int err;

		strncpy(label.text, number->text, AEG_LABEL_TEXT - 1);
		err = aeg_map_put(datapath->maps[AEG_MAP_LABELS], &number->number, &label);
		if (err)
			return err;
		numbers->stored++;
	}
	return 0;
}
