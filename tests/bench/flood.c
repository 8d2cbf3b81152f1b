// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Fills the rings of a running daemon by flood.bpf.c, so many events at a pace, and says how long it
 * took. Every event that is asked for is made: it is in a ring or counted as lost.
 */
#include "base/loop.h"
#include "base/mem.h"
#include "bpf/abi.h"
#include "gen/flood.skel.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <time.h>

#define BATCH_NS 1000000u /* of a pace: so long a batch lasts */
#define BATCH_MAX 10000

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* The daemon's map in place of one of our own. */
static void reuse(struct bpf_map *map, const char *pins)
{
	AEG_AUTO_FREE char *path = aeg_xasprintf("%s/maps/%s", pins, bpf_map__name(map));
	int fd = bpf_obj_get(path);
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) ||
	    bpf_map__set_max_entries(map, info.max_entries) || bpf_map__reuse_fd(map, fd))
		die(path);
	close(fd);
}

static struct flood *load(const char *pins)
{
	struct flood *skel = flood__open();
	struct bpf_map *map;

	if (!skel)
		die("skeleton");
	bpf_object__for_each_map(map, skel->obj)
	{
		if (map == skel->maps.ctl || map == skel->maps.events ||
		    map == skel->maps.denials || map == skel->maps.errors)
			reuse(map, pins);
		else if (!bpf_map__is_internal(map))
			bpf_map__set_autocreate(map, false);
	}
	skel->bss->template = (struct aeg_event){
		.dport = 443,
		.proto = AEG_PROTO_TCP,
		.family = 2,
		.pid = (uint32_t)getpid(),
		.comm = "flood",
		.rtt_us = 500,
		.sent = 1000,
		.received = 100000,
		.duration = 1000000,
		.daddr = {[10] = 0xff, [11] = 0xff, [12] = 198, [13] = 18},
	};
	if (flood__load(skel))
		die("load");
	return skel;
}

static int program_of(const struct flood *skel, const char *kind)
{
	const struct {
		const char *kind;
		const struct bpf_program *program;
	} kinds[] = {
		{"close", skel->progs.flood_close},
		{"deny", skel->progs.flood_deny},
		{"scan", skel->progs.flood_scan},
	};

	for (size_t i = 0; i < AEG_ARRAY_SIZE(kinds); i++) {
		if (aeg_streq(kinds[i].kind, kind))
			return bpf_program__fd(kinds[i].program);
	}
	errno = EINVAL;
	die(kind);
}

static void produce(int program, unsigned long n)
{
	char packet[64] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet),
		    .repeat = (int)n);

	if (bpf_prog_test_run_opts(program, &opts))
		die("run");
}

static void wait_until(uint64_t when)
{
	const struct timespec at = {.tv_sec = (time_t)(when / 1000000000u),
				    .tv_nsec = (long)(when % 1000000000u)};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

int main(int argc, char **argv)
{
	unsigned long count, rate, done = 0;
	uint64_t begin;
	int program;

	if (argc != 5) {
		fputs("usage: flood PINS close|deny|scan COUNT RATE   (a second; 0: no limit)\n",
		      stderr);
		return 2;
	}
	program = program_of(load(argv[1]), argv[2]);
	count = strtoul(argv[3], NULL, 10);
	rate = strtoul(argv[4], NULL, 10);
	begin = aeg_now_ns();
	while (done < count) {
		unsigned long due = rate ? (aeg_now_ns() - begin) * rate / 1000000000u + 1 : count;
		unsigned long n = due < count ? due : count;

		n = n > done ? n - done : 0;
		n = n < BATCH_MAX ? n : BATCH_MAX;
		if (n)
			produce(program, n);
		done += n;
		if (done < count && done >= due)
			wait_until(aeg_now_ns() + BATCH_NS);
	}
	printf("{\"produced\":%lu,\"seconds\":%.6f}\n", done, (double)(aeg_now_ns() - begin) / 1e9);
	return 0;
}
