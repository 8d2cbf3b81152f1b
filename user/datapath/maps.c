/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Whole hashes at a time: reading and writing in batches (5.6). */
#include "datapath/internal.h"
#include <errno.h>

#define BATCH 1024

static int map_error(int err)
{
	return err == -E2BIG ? -ENOSPC : err;
}

int aeg_map_put(int fd, const void *key, const void *value)
{
	return map_error(bpf_map_update_elem(fd, key, value, BPF_ANY));
}

int aeg_map_fill(int fd, const void *keys, size_t key_size, const void *values, size_t value_size,
		 size_t n)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint32_t done = (uint32_t)n;
	int err;

	if (n == 0)
		return 0;
	err = bpf_map_update_batch(fd, keys, values, &done, &opts);
	return map_error(err);
}

/* One batch at a time; room grows where the elements of one bucket do not fit. */
struct batch {
	uint32_t room, n;
	uint32_t position; /* the kernel's: the next bucket */
	char *keys, *values;
};

static void batch_done(struct batch *batch)
{
	free(batch->keys);
	free(batch->values);
}

static void batch_size(struct batch *batch, uint32_t room, size_t key_size, size_t value_size)
{
	batch->room = room;
	batch->keys = aeg_xrealloc(batch->keys, room, key_size);
	batch->values = aeg_xrealloc(batch->values, room, value_size);
}

/* 0: more may follow; 1: these are the last; -errno. */
static int batch_next(int fd, struct batch *batch, bool first, size_t key_size, size_t value_size)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);

	for (;;) {
		int err;

		batch->n = batch->room;
		err = bpf_map_lookup_batch(fd, first ? NULL : &batch->position, &batch->position,
					   batch->keys, batch->values, &batch->n, &opts);
		if (err == -ENOENT)
			return 1;
		if (err != -ENOSPC)
			return err;
		batch_size(batch, batch->room * 2, key_size, value_size);
	}
}

int aeg_map_each(int fd, size_t key_size, size_t value_size, aeg_row_fn *fn, void *arg)
{
	AEG_CLEANUP(batch_done) struct batch batch = {0};
	bool first = true;
	int last = 0;

	batch_size(&batch, BATCH, key_size, value_size);
	while (!last) {
		last = batch_next(fd, &batch, first, key_size, value_size);
		if (last < 0)
			return last;
		for (uint32_t i = 0; i < batch.n; i++) {
			int err = fn(arg, batch.keys + i * key_size, batch.values + i * value_size);

			if (err)
				return err;
		}
		first = false;
	}
	return 0;
}

static int count_row(void *arg, const void *key, const void *value)
{
	uint64_t *n = arg;

	(*n)++;
	return 0;
}

int aeg_map_count(int fd, size_t key_size, size_t value_size, uint64_t *ret)
{
	uint64_t n = 0;
	int err = aeg_map_each(fd, key_size, value_size, count_row, &n);

	if (!err)
		*ret = n;
	return err;
}
