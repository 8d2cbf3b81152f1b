/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The ring buffer's memory layout is UAPI: consumer page, producer page, data mapped twice in a row,
 * so that a record that wraps around can be read in one piece. A window of the data is mapped, with
 * a margin for the record that begins at its end; it costs a few microseconds to move.
 */
#include "datapath/ring.h"
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define WINDOW (128u * 1024)

#define SETTLE_PARTS 16 /* of the ring: so much is read before its writers get the room */

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t window_size(const struct aeg_ring *ring)
{
	return ring->size < WINDOW ? ring->size : WINDOW;
}

/* No record of ours is longer than a page. */
static size_t window_bytes(const struct aeg_ring *ring)
{
	return window_size(ring) + page_size();
}

int aeg_ring_open(int map_fd, size_t size, struct aeg_ring *ret)
{
	void *consumer, *producer;
	int err;

	consumer = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	if (consumer == MAP_FAILED)
		return -errno;
	producer = mmap(NULL, page_size(), PROT_READ, MAP_SHARED, map_fd, (off_t)page_size());
	if (producer == MAP_FAILED) {
		err = -errno;
		munmap(consumer, page_size());
		return err;
	}
	*ret = (struct aeg_ring){
		.consumer = consumer,
		.producer = producer,
		.size = size,
		.map_fd = map_fd,
	};
	return 0;
}

static void window_close(struct aeg_ring *ring)
{
	if (ring->window)
		munmap((void *)(uintptr_t)ring->window, window_bytes(ring));
	ring->window = NULL;
}

void aeg_ring_close(struct aeg_ring *ring)
{
	if (!ring->consumer)
		return;
	window_close(ring);
	munmap((void *)(uintptr_t)ring->producer, page_size());
	munmap(ring->consumer, page_size());
	*ring = (struct aeg_ring){0};
}

static int window_move(struct aeg_ring *ring, size_t at)
{
	void *window;

	window_close(ring);
	window = mmap(NULL, window_bytes(ring), PROT_READ, MAP_SHARED, ring->map_fd,
		      (off_t)(2 * page_size() + at));
	if (window == MAP_FAILED)
		return -errno;
	ring->window = window;
	ring->window_at = at;
	return 0;
}

/* The record at a position; NULL: there is no memory to map it, now. */
static const char *record_at(struct aeg_ring *ring, unsigned long position)
{
	size_t offset = position & (ring->size - 1);
	size_t at = offset & ~(window_size(ring) - 1);

	if ((!ring->window || ring->window_at != at) && window_move(ring, at))
		return NULL;
	return ring->window + (offset - at);
}

size_t aeg_ring_unread(const struct aeg_ring *ring)
{
	return __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE) - *ring->consumer;
}

/* The first word of a record: its length and two flags. */
static uint32_t header_of(const char *record)
{
	return __atomic_load_n((const uint32_t *)(const void *)record, __ATOMIC_ACQUIRE);
}

bool aeg_ring_waiting(struct aeg_ring *ring)
{
	const char *record;

	if (!aeg_ring_unread(ring))
		return false;
	record = record_at(ring, *ring->consumer);
	return !record || !(header_of(record) & BPF_RINGBUF_BUSY_BIT);
}

static void forget(struct aeg_ring *ring, unsigned long position, aeg_settle_fn *settle, void *arg)
{
	if (position == *ring->consumer)
		return;
	settle(arg);
	__atomic_store_n(ring->consumer, position, __ATOMIC_RELEASE);
}

size_t aeg_ring_consume(struct aeg_ring *ring, aeg_record_fn *fn, aeg_settle_fn *settle, void *arg)
{
	unsigned long position = *ring->consumer;
	unsigned long end = position + aeg_ring_unread(ring);
	size_t n = 0;

	while (position < end) {
		const char *record = record_at(ring, position);
		uint32_t header = record ? header_of(record) : BPF_RINGBUF_BUSY_BIT;
		size_t size = header & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

		if (header & BPF_RINGBUF_BUSY_BIT)
			break; /* its writer is not done; nothing behind it is given out either */
		if (!(header & BPF_RINGBUF_DISCARD_BIT)) {
			fn(arg, record + BPF_RINGBUF_HDR_SZ, size);
			n++;
		}
		position += (size + BPF_RINGBUF_HDR_SZ + 7) & ~(size_t)7;
		/* Its writers need the room, and must not wait for the end of a long round. */
		if (position - *ring->consumer >= ring->size / SETTLE_PARTS)
			forget(ring, position, settle, arg);
	}
	forget(ring, position, settle, arg);
	return n;
}
