/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Loads every program of a BPF object, attaches none, and prints how many instructions the verifier
 * of the running kernel processed for each: `insns PROGRAM N`. A program that is refused is named
 * with the end of the verifier's log, and the exit status is 1.
 */
#include "base/mem.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>

#define LOG_STATS 4	    /* kernel: BPF_LOG_STATS; says no more than the figures, since 5.2 */
#define LOG_STATS_ROOM 4096 /* bytes */
#define LOG_PATHS 1
#define LOG_PATHS_ROOM (64u << 20) /* old kernels keep the beginning and give up when it is full */
#define LOG_SHOWN 6000		   /* bytes of the end of a refused program's log */

static char libbpf_words[512];

static int keep_words(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN)
		vsnprintf(libbpf_words, sizeof(libbpf_words), format, args);
	return 0;
}

static void objectp(struct bpf_object **object)
{
	bpf_object__close(*object);
}

/* The object, every program of it wanted that every kernel takes; one only if name says so. */
static struct bpf_object *open_object(const char *path, const char *only)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *prog;

	if (!object)
		return NULL;
	bpf_object__for_each_program(prog, object)
		bpf_program__set_autoload(prog, only ? aeg_streq(bpf_program__name(prog), only)
						     : bpf_program__autoload(prog));
	return object;
}

static void print_processed(struct bpf_program *prog)
{
	size_t size;
	const char *log = bpf_program__log_buf(prog, &size);
	const char *found = log ? strstr(log, "processed ") : NULL;
	unsigned long n = found ? strtoul(found + strlen("processed "), NULL, 10) : 0;

	printf("insns %s %lu\n", bpf_program__name(prog), n);
}

static int load_all(const char *path)
{
	AEG_CLEANUP(objectp) struct bpf_object *object = open_object(path, NULL);
	struct bpf_program *prog;
	int err;

	if (!object)
		return -errno;
	bpf_object__for_each_program(prog, object)
	{
		bpf_program__set_log_level(prog, LOG_STATS);
		/* Until the end of the process: the object does not own it. */
		bpf_program__set_log_buf(prog, aeg_xcalloc(1, LOG_STATS_ROOM), LOG_STATS_ROOM);
	}
	err = bpf_object__load(object);
	if (err)
		return err;
	bpf_object__for_each_program(prog, object)
	{
		if (bpf_program__autoload(prog))
			print_processed(prog);
	}
	return 0;
}

static void print_end(const char *log)
{
	size_t len = strlen(log);

	if (len > LOG_SHOWN)
		log += len - LOG_SHOWN;
	printf("%s\n", log);
}

/* Says whether and why this one program is refused. */
static void load_alone(const char *path, const char *name)
{
	AEG_CLEANUP(objectp) struct bpf_object *object = open_object(path, name);
	AEG_AUTO_FREE char *log = aeg_xcalloc(1, LOG_PATHS_ROOM);
	struct bpf_program *prog;
	int err;

	if (!object)
		return;
	prog = bpf_object__find_program_by_name(object, name);
	bpf_program__set_log_level(prog, LOG_PATHS);
	bpf_program__set_log_buf(prog, log, LOG_PATHS_ROOM);
	*libbpf_words = '\0';
	err = bpf_object__load(object);
	if (!err)
		return;
	printf("refused %s: %s; libbpf: %s\n", name, strerror(-err), libbpf_words);
	print_end(log);
}

static void explain(const char *path)
{
	AEG_CLEANUP(objectp) struct bpf_object *object = open_object(path, NULL);
	struct bpf_program *prog;

	if (!object)
		return;
	bpf_object__for_each_program(prog, object)
	{
		if (bpf_program__autoload(prog))
			load_alone(path, bpf_program__name(prog));
	}
}

int main(int argc, char **argv)
{
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: insns OBJECT\n");
		return 2;
	}
	libbpf_set_print(keep_words);
	err = load_all(argv[1]);
	if (!err)
		return 0;
	printf("refused: %s; libbpf: %s\n", strerror(-err), libbpf_words);
	explain(argv[1]);
	return 1;
}
