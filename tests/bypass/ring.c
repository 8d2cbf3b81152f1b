/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Connects, or sends one datagram, by io_uring and without a system call of that name: what hooks on
 * system calls miss. Prints the errno, 0 for none; exits with 3 where there is no io_uring.
 *
 *   ring connect|sendmsg ADDR PORT
 */
#include "base/addr.h"
#include "base/mem.h"
#include <err.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NO_RING 3

struct ring {
	int fd;
	struct io_uring_params params;
	uint8_t *submissions, *completions;
	struct io_uring_sqe *entries;
};

static void *map(int fd, size_t size, off_t what)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, what);

	if (at == MAP_FAILED)
		err(1, "mmap");
	return at;
}

static void ring_open(struct ring *ret)
{
	struct io_uring_params *params = &ret->params;

	*ret = (struct ring){.fd = -1};
	ret->fd = (int)syscall(SYS_io_uring_setup, 1, params);
	if (ret->fd < 0) {
		fprintf(stderr, "io_uring_setup: %s\n", strerror(errno));
		exit(NO_RING);
	}
	ret->submissions = map(ret->fd,
			       params->sq_off.array + params->sq_entries * sizeof(uint32_t),
			       IORING_OFF_SQ_RING);
	ret->completions =
		map(ret->fd, params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe),
		    IORING_OFF_CQ_RING);
	ret->entries =
		map(ret->fd, params->sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
}

/* One request, and its result as a negative errno or what the call would have returned. */
static int ring_do(struct ring *ring, const struct io_uring_sqe *request)
{
	uint32_t *tail = (void *)(ring->submissions + ring->params.sq_off.tail);
	uint32_t *array = (void *)(ring->submissions + ring->params.sq_off.array);
	uint32_t *head = (void *)(ring->completions + ring->params.cq_off.head);
	const struct io_uring_cqe *done = (void *)(ring->completions + ring->params.cq_off.cqes);
	uint32_t at = *head & (ring->params.cq_entries - 1);

	ring->entries[0] = *request;
	array[0] = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		err(1, "io_uring_enter");
	return done[at].res;
}

static socklen_t name_of(const char *text, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *v6 = (void *)ret;
	struct sockaddr_in *v4 = (void *)ret;
	struct aeg_addr addr;

	memset(ret, 0, sizeof(*ret));
	if (aeg_addr_parse(text, &addr))
		errx(2, "%s: no address", text);
	if (strchr(text, ':')) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		memcpy(&v6->sin6_addr, addr.bytes, 16);
		return sizeof(*v6);
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons(port);
	memcpy(&v4->sin_addr, addr.bytes + 12, 4);
	return sizeof(*v4);
}

int main(int argc, char **argv)
{
	struct iovec data = {.iov_base = (void *)"ping", .iov_len = 4};
	struct io_uring_sqe request = {0};
	struct sockaddr_storage to;
	struct msghdr message = {.msg_name = &to, .msg_iov = &data, .msg_iovlen = 1};
	bool connects = argc > 1 && strcmp(argv[1], "connect") == 0;
	struct ring ring;
	int result;

	if (argc != 4)
		errx(2, "usage: ring connect|sendmsg ADDR PORT");
	message.msg_namelen = name_of(argv[2], (uint16_t)strtoul(argv[3], NULL, 10), &to);
	ring_open(&ring);
	request.fd = socket(to.ss_family, connects ? SOCK_STREAM : SOCK_DGRAM, 0);
	request.opcode = connects ? IORING_OP_CONNECT : IORING_OP_SENDMSG;
	request.addr = (uintptr_t)(connects ? (void *)&to : (void *)&message);
	request.off = connects ? message.msg_namelen : 0;
	request.len = connects ? 0 : 1;
	result = ring_do(&ring, &request);
	printf("%d\n", result < 0 ? -result : 0);
	return 0;
}
