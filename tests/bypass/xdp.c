/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A frame by way of AF_XDP, which passes no queueing discipline, no packet socket and no hook of the
 * pod's own: xdp IF HEX. Prints OK or an errno's name; exit 3: the kernel has no AF_XDP.
 */
#include <err.h>
#include <errno.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define FRAMES 4
#define FRAME_BYTES 4096
#define RING 4

static uint8_t *mapped(int fd, size_t size, off_t at)
{
	uint8_t *ret = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, at);

	if (ret == MAP_FAILED)
		err(1, "mmap");
	return ret;
}

static void set(int fd, int option, const void *value, socklen_t size)
{
	if (setsockopt(fd, SOL_XDP, option, value, size) < 0)
		err(1, "SOL_XDP %d", option);
}

static int made(void)
{
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0 && (errno == EAFNOSUPPORT || errno == ENOSYS)) {
		fputs("this kernel has no AF_XDP\n", stderr);
		exit(3);
	}
	if (fd < 0)
		err(1, "AF_XDP");
	return fd;
}

/* The memory that frames are sent from; every socket needs the two rings of it. */
static uint8_t *umem(int fd)
{
	static const int size = RING;
	uint8_t *memory = mmap(NULL, (size_t)FRAMES * FRAME_BYTES, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	struct xdp_umem_reg reg = {.len = (uint64_t)FRAMES * FRAME_BYTES,
				   .chunk_size = FRAME_BYTES};

	if (memory == MAP_FAILED)
		err(1, "mmap");
	reg.addr = (uint64_t)(uintptr_t)memory;
	set(fd, XDP_UMEM_REG, &reg, sizeof(reg));
	set(fd, XDP_UMEM_FILL_RING, &size, sizeof(size));
	set(fd, XDP_UMEM_COMPLETION_RING, &size, sizeof(size));
	set(fd, XDP_TX_RING, &size, sizeof(size));
	return memory;
}

static size_t read_hex(const char *text, uint8_t *ret)
{
	size_t len = strlen(text) / 2;

	if (len > FRAME_BYTES)
		errx(2, "too long");
	for (size_t i = 0; i < len; i++) {
		const char digits[] = {text[2 * i], text[2 * i + 1], '\0'};

		ret[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return len;
}

/* Puts the one frame into the ring and tells the kernel; it is gone once it is in the completion ring. */
static void transmit(int fd, uint32_t len)
{
	struct xdp_mmap_offsets at;
	socklen_t size = sizeof(at);
	struct xdp_desc *desc;
	uint8_t *tx, *done;

	if (getsockopt(fd, SOL_XDP, XDP_MMAP_OFFSETS, &at, &size) < 0)
		err(1, "XDP_MMAP_OFFSETS");
	tx = mapped(fd, at.tx.desc + RING * sizeof(*desc), XDP_PGOFF_TX_RING);
	done = mapped(fd, at.cr.desc + RING * sizeof(uint64_t), XDP_UMEM_PGOFF_COMPLETION_RING);
	desc = (struct xdp_desc *)(void *)(tx + at.tx.desc);
	desc[0] = (struct xdp_desc){.len = len};
	__atomic_store_n((uint32_t *)(void *)(tx + at.tx.producer), 1, __ATOMIC_RELEASE);
	while (__atomic_load_n((uint32_t *)(void *)(done + at.cr.producer), __ATOMIC_ACQUIRE) ==
	       0) {
		if (sendto(fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 && errno != EAGAIN &&
		    errno != EBUSY && errno != ENOBUFS)
			err(1, "sendto");
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_xdp to = {.sxdp_family = AF_XDP, .sxdp_flags = XDP_COPY};
	size_t len;
	int fd;

	if (argc != 3) {
		fputs("usage: xdp IF HEX\n", stderr);
		return 2;
	}
	fd = made();
	len = read_hex(argv[2], umem(fd));
	to.sxdp_ifindex = if_nametoindex(argv[1]);
	if (bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		err(1, "bind");
	transmit(fd, (uint32_t)len);
	close(fd);
	return 0;
}
