/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The ring buffer's memory layout is UAPI: consumer page, producer page, data mapped twice. */
#include "datapath/ring.h"
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

int aeg_ring_open(int map_fd, size_t size, struct aeg_ring *ret)
{
	void *consumer, *producer;
	int err;

	consumer = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	if (consumer == MAP_FAILED)
		return -errno;
	producer = mmap(NULL, page_size() + 2 * size, PROT_READ, MAP_SHARED, map_fd,
			(off_t)page_size());
	if (producer == MAP_FAILED) {
		err = -errno;
		munmap(consumer, page_size());
		return err;
	}
	*ret = (struct aeg_ring){
		.consumer = consumer,
		.producer = producer,
		.data = (const char *)producer + page_size(),
		.size = size,
	};
	return 0;
}

void aeg_ring_close(struct aeg_ring *ring)
{
	if (!ring->consumer)
		return;
	munmap((void *)(uintptr_t)ring->producer, page_size() + 2 * ring->size);
	munmap(ring->consumer, page_size());
	*ring = (struct aeg_ring){0};
}

size_t aeg_ring_unread(const struct aeg_ring *ring)
{
	return __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE) - *ring->consumer;
}

/* The first word of a record: its length and two flags. */
static uint32_t header_at(const struct aeg_ring *ring, unsigned long position)
{
	const void *header = ring->data + (position & (ring->size - 1));

	return __atomic_load_n((const uint32_t *)header, __ATOMIC_ACQUIRE);
}

bool aeg_ring_waiting(const struct aeg_ring *ring)
{
	return aeg_ring_unread(ring) && !(header_at(ring, *ring->consumer) & BPF_RINGBUF_BUSY_BIT);
}

size_t aeg_ring_consume(struct aeg_ring *ring, aeg_record_fn *fn, void *arg)
{
	unsigned long position = *ring->consumer;
	unsigned long end = position + aeg_ring_unread(ring);
	size_t n = 0;

	while (position < end) {
		uint32_t header = header_at(ring, position);
		size_t size = header & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

		if (header & BPF_RINGBUF_BUSY_BIT)
			break; /* its writer is not done; nothing behind it is given out either */
		if (!(header & BPF_RINGBUF_DISCARD_BIT)) {
			fn(arg, ring->data + (position & (ring->size - 1)) + BPF_RINGBUF_HDR_SZ,
			   size);
			n++;
		}
		position += (size + BPF_RINGBUF_HDR_SZ + 7) & ~(size_t)7;
		__atomic_store_n(ring->consumer, position, __ATOMIC_RELEASE);
	}
	return n;
}
