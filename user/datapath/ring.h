/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The reading end of a BPF ring buffer. Not libbpf's: the daemon must know whether a committed
 * record is waiting without consuming it, or it could fall asleep beside one.
 */
#ifndef AEG_DATAPATH_RING_H
#define AEG_DATAPATH_RING_H

#include <stdbool.h>
#include <stddef.h>

struct aeg_ring {
	unsigned long *consumer;       /* mapped writable */
	const unsigned long *producer; /* mapped, followed by the data, twice */
	const char *data;
	size_t size;
};

typedef void aeg_record_fn(void *arg, const void *record, size_t size);

int aeg_ring_open(int map_fd, size_t size, struct aeg_ring *ret);
void aeg_ring_close(struct aeg_ring *ring);
/* Whether the record at the reading end is complete. */
bool aeg_ring_waiting(const struct aeg_ring *ring);
size_t aeg_ring_unread(const struct aeg_ring *ring); /* bytes */
/* Hands over what was unread when it was called; returns the number of records. */
size_t aeg_ring_consume(struct aeg_ring *ring, aeg_record_fn *fn, void *arg);

#endif
