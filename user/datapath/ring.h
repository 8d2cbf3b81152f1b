/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The reading end of a BPF ring buffer. Not libbpf's: the daemon must know whether a committed
 * record is waiting without consuming it, or it could fall asleep beside one; and it maps only the
 * stretch that it reads. A mapped ring counts as resident memory twice, whether read or not.
 */
#ifndef AEG_DATAPATH_RING_H
#define AEG_DATAPATH_RING_H

#include <stdbool.h>
#include <stddef.h>

struct aeg_ring {
	unsigned long *consumer;       /* mapped writable; NULL: not open */
	const unsigned long *producer; /* mapped */
	size_t size;
	int map_fd;	    /* borrowed */
	const char *window; /* what is mapped of the data; NULL: nothing */
	size_t window_at;   /* where it begins */
};

typedef void aeg_record_fn(void *arg, const void *record, size_t size);
typedef void aeg_settle_fn(void *arg);

/* map_fd must stay open as long as the ring is. */
int aeg_ring_open(int map_fd, size_t size, struct aeg_ring *ret);
void aeg_ring_close(struct aeg_ring *ring);
/* Whether the record at the reading end is complete, or cannot be told. */
bool aeg_ring_waiting(struct aeg_ring *ring);
size_t aeg_ring_unread(const struct aeg_ring *ring); /* bytes */
/*
 * Hands over what was unread when it was called; returns the number of records. settle is called
 * before the ring forgets what was handed over, now and then and at the end: a reader that dies
 * before it gets the same records again.
 */
size_t aeg_ring_consume(struct aeg_ring *ring, aeg_record_fn *fn, aeg_settle_fn *settle, void *arg);

#endif
