// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * The parsers give the same answer in the kernel as natively, on captured and on mutated inputs. Prints
 * what the verifier processed and, where AEG_COST names a file, writes there what calls cost, one JSON
 * object a line. Needs root.
 * FIXTURES: the directory of directories.
 * Usage: parsers OBJECT FIXTURES [INPUTS [SEED]]
 */
#include "tests/parsers/corpus.h"
#include "tests/parsers/parsers.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PACKET_MAX 3400 /* test_run: a page less its own needs */
#define SCRATCH_CPU 4

enum program { HELLO, HELLO_FED, QUERY, RESPONSE, NAME, PROGRAMS };
static const char *const program_names[PROGRAMS] = {"hello", "hello_fed", "query", "response",
						    "name"};

static const struct aeg_seed seed = {0x243f6a8885a308d3u, 0x13198a2e03707345u};

/* Natively as in the kernel. */
static struct aeg_name_table tables[2];
static struct test_input *input;
static const struct test_output *kernel;
static int programs[PROGRAMS];
static struct wire packet; /* the last one sent, Ethernet header in front */
static unsigned long compared, different, results[PROGRAMS][16];

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- the tables ---- */

static void table_put(struct aeg_name_table *table, int map, const struct aeg_name_row *row)
{
	__u32 at = (__u32)(row->key >> 32);

	must(bpf_map_update_elem(map, &row->key, &row->entry, BPF_NOEXIST) == 0, "fill names");
	while (table->rows[at & (table->size - 1)].entry.len)
		at++;
	table->rows[at & (table->size - 1)] = *row;
}

static void table_add(struct aeg_name_table *table, int map, const char *pattern, __u32 class)
{
	const struct aeg_dest dest = {.class = class};
	struct aeg_name_row row;

	for (__u32 n = 0; aeg_name_row_make(pattern, n, &dest, &seed, &row); n++)
		table_put(table, map, &row);
}

/* One inner map and its native twin. */
static int table_make(struct bpf_object *object, __u32 slot, __u32 size)
{
	int map = bpf_map_create(BPF_MAP_TYPE_HASH, "names", sizeof(__u64),
				 sizeof(struct aeg_name_entry), size, NULL);
	int outer = bpf_object__find_map_fd_by_name(object, "tables");

	must(map >= 0, "make a table");
	must(bpf_map_update_elem(outer, &slot, &map, 0) == 0, "hang in a table");
	free(tables[slot].rows);
	tables[slot].size = 1;
	while (tables[slot].size <= 2 * size)
		tables[slot].size *= 2;
	tables[slot].rows = calloc(tables[slot].size, sizeof(*tables[slot].rows));
	must(tables[slot].rows != NULL, "memory");
	return map;
}

static void fill_tables(struct bpf_object *object)
{
	static const char *const patterns[] = {
		"huggingface.co",
		"*.huggingface.co",
		"hf.co",
		"*.hf.co",
		"*.c.d.e.f.g.hf.co",
		"*.endpoints.huggingface.cloud",
		"*.us-east-1.aws.endpoints.huggingface.cloud",
		"localhost",
		"*.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a",
		"a-name-that-is-longer-than-one-piece-of-the-table.of-sixty-four-bytes.hf.co",
		"*.a-name-that-is-longer-than-one-piece-of-the-table.of-sixty-four-bytes.hf.co",
	};
	int map = table_make(object, 0, 32);

	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		table_add(&tables[0], map, patterns[i], (__u32)i + 1);
	close(map);
	map = table_make(object, 1, 4);
	table_add(&tables[1], map, "*.svc.cluster.local", 1);
	table_add(&tables[1], map, "*.cluster.local", 0);
	close(map);
}

/* ---- the native side ---- */

static __u8 *native_data(const __u8 *data, size_t len)
{
	static __u8 room[AEG_DATA_ROOM];

	memset(room, 0xa5, sizeof(room)); /* what lies behind must not matter */
	memcpy(room, data, len);
	return room;
}

static void native_find(struct test_output *ret)
{
	const struct aeg_dest *dest = aeg_name_find(&tables[0], &ret->name);

	ret->found = dest ? dest->class : 0;
}

static void native_hello(const __u8 *data, __u32 len, struct test_output *ret)
{
	ret->result = aeg_hello_parse(data, len, &ret->hello);
	if (ret->result == AEG_HELLO_DONE)
		ret->result = aeg_hello_name(data, &ret->hello, &seed, &ret->name);
	if (ret->result == AEG_HELLO_DONE)
		native_find(ret);
}

static void native_feed(struct aeg_hello_buf *buf, __u8 *data, __u32 len, struct test_output *ret)
{
	struct aeg_bytes bytes = {.base = data, .len = len};

	ret->result = aeg_hello_feed(buf, &bytes);
	if (ret->result != AEG_HELLO_DONE)
		return;
	ret->result = aeg_hello_parse_fed(buf, &ret->hello);
	if (ret->result == AEG_HELLO_DONE)
		ret->result = aeg_hello_name(buf->data, &ret->hello, &seed, &ret->name);
	if (ret->result == AEG_HELLO_DONE)
		native_find(ret);
}

static void native_run(enum program program, __u8 *data, __u32 len, struct test_output *ret)
{
	ret->found = ret->left = 0;
	if (program == HELLO) {
		native_hello(data, len, ret);
	} else if (program == QUERY) {
		ret->result = aeg_dns_query(data, len, &seed, &ret->name, &ret->question);
	} else if (program == RESPONSE) {
		ret->result = aeg_dns_response(data, len, &seed, &ret->name, &ret->question);
		if (ret->result == AEG_DNS_OK)
			ret->result = aeg_dns_answers(data, len, &ret->question, &ret->answers);
	} else {
		ret->result = (__u32)aeg_name_take(&ret->name, data, 0, len, &seed);
		if (ret->result == 0) {
			native_find(ret);
			ret->left = aeg_name_search(&tables[1], &ret->name);
		}
	}
}

/* ---- comparing ---- */

static bool same_name(const struct test_output *native)
{
	return kernel->name.len == native->name.len && kernel->name.hash == native->name.hash &&
	       kernel->name.borders == native->name.borders &&
	       memcmp(kernel->name.text, native->name.text, native->name.len) == 0;
}

static bool same_hello(const struct test_output *native)
{
	bool parsed = native->result == AEG_HELLO_DONE;

	if ((parsed || native->result == AEG_HELLO_NAME_MISSING) &&
	    (kernel->hello.version != native->hello.version ||
	     kernel->hello.flags != native->hello.flags))
		return false;
	return !parsed || same_name(native);
}

static bool same_dns(enum program program, const struct test_output *native)
{
	if (native->result != AEG_DNS_OK)
		return true;
	if (memcmp(&kernel->question, &native->question, sizeof(native->question)) != 0 ||
	    !same_name(native))
		return false;
	return program != RESPONSE ||
	       (kernel->answers.n == native->answers.n &&
		memcmp(kernel->answers.records, native->answers.records,
		       native->answers.n * sizeof(native->answers.records[0])) == 0);
}

static bool same(enum program program, const struct test_output *native)
{
	if (kernel->result != native->result || kernel->found != native->found ||
	    kernel->left != native->left)
		return false;
	switch (program) {
	case HELLO:
	case HELLO_FED:
		return same_hello(native);
	case QUERY:
	case RESPONSE:
		return same_dns(program, native);
	default:
		return native->result != 0 || same_name(native);
	}
}

static void check(enum program program, const struct test_output *native)
{
	results[program][native->result & 15]++;
	if (same(program, native)) {
		compared++;
		return;
	}
	if (different++ >= 5)
		return;
	printf("%s: kernel %u found %u, natively %u found %u, on %zu bytes:",
	       program_names[program], kernel->result, kernel->found, native->result, native->found,
	       packet.len);
	for (size_t i = 0; i < packet.len; i++)
		printf("%s%02x", i % 32 ? "" : "\n  ", packet.data[i]);
	printf("\n");
}

static __u32 kernel_run(int program, const __u8 *data, size_t len, int repeat, __u32 *ret_ns)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet.data, .repeat = repeat);

	packet.len = 0;
	wire_fill(&packet, 0, 14);
	wire_bytes(&packet, data, len);
	opts.data_size_in = (__u32)packet.len;
	must(bpf_prog_test_run_opts(program, &opts) == 0, "test_run");
	if (ret_ns)
		*ret_ns = opts.duration;
	return opts.retval;
}

static void compare(enum program program, const struct wire *wire)
{
	static struct test_output native;

	must(kernel_run(programs[program], wire->data, wire->len, 1, NULL) == 1, "run a parser");
	native_run(program, native_data(wire->data, wire->len), (__u32)wire->len, &native);
	check(program, &native);
}

/* The stream in pieces, until one of them decides. */
static void compare_fed(const struct wire *wire, unsigned int second, struct random *random)
{
	static struct test_output native;
	static struct aeg_hello_buf buf;
	static __u8 piece[PACKET_MAX];
	unsigned int most = RANDOM_OF(random, ((unsigned int[]){1, 8, 100, 700, PACKET_MAX}));

	if (most == 1 && !random_percent(random, 10))
		most = PACKET_MAX;
	memset(&buf, 0, sizeof(buf));
	buf.second = (__u8)second;
	input->second = second;
	input->fresh = 1;
	for (size_t at = 0, n; at < wire->len; at += buf.at) {
		n = 1 + random_below(random, most);
		n = n < wire->len - at ? n : wire->len - at;
		memcpy(piece, wire->data + at, n);
		must(kernel_run(programs[HELLO_FED], piece, n, 1, NULL) == 1, "run a parser");
		input->fresh = 0;
		native.found = 0;
		native_feed(&buf, piece, (__u32)n, &native);
		check(HELLO_FED, &native);
		if (native.result != AEG_HELLO_NEED_MORE)
			return;
	}
}

/* Behind a first hello, where a second may come, or as the first. */
static const unsigned int seconds[] = {0, AEG_SECOND_HELLO, AEG_SECOND_HELLO | AEG_SECOND_EARLY};

/* As it is, and cut off anywhere. */
static void compare_cut(enum program program, const struct wire *wire, struct random *random)
{
	static struct wire cut;
	size_t len = wire->len < PACKET_MAX ? wire->len : PACKET_MAX;

	cut = *wire;
	for (cut.len = len; cut.len > 0; cut.len -= cut.len < 64 ? 1 : 1 + cut.len % 37) {
		if (program == HELLO_FED)
			compare_fed(&cut, seconds[cut.len % 3], random);
		else
			compare(program, &cut);
	}
	for (size_t i = 0; program == HELLO_FED && i < 3; i++)
		compare_fed(wire, seconds[i], random);
}

static void compare_mutated(enum program program, const struct corpus *corpus,
			    struct random *random)
{
	static struct wire wire, records, between;
	unsigned int second = RANDOM_OF(random, seconds);
	const struct wire *chosen = &wire;

	corpus_mutate(corpus, random, PACKET_MAX, &wire);
	if (program != HELLO_FED) {
		compare(program, &wire);
		return;
	}
	records.len = 0;
	wire_records(&records, &wire, 1 + random_below(random, 2000));
	if (random_percent(random, 50) && records.len)
		chosen = &records;
	if (second && random_percent(random, 70)) {
		corpus_between(chosen, random, PACKET_MAX, &between);
		chosen = &between;
	}
	compare_fed(chosen, second, random);
}

/* Every fixture, whoever's, then what mutation makes of the program's own. */
static void compare_all(enum program program, const struct corpus *fixtures,
			const struct corpus *corpus, struct random *random, unsigned long inputs)
{
	for (size_t i = 0; i < fixtures->n; i++)
		compare_cut(program, fixtures->items[i], random);
	for (size_t i = 0; i < corpus->n; i++)
		compare_cut(program, corpus->items[i], random);
	for (unsigned long i = 0; i < inputs; i++)
		compare_mutated(program, corpus, random);
}

/* ---- what it costs ---- */

/* Many short runs: some of them have the CPU for themselves. */
#define COST_RUNS 20
#define COST_REPEAT 10000

/* What cost() and fill_many() find out goes here, too. */
static FILE *costs;
static __u32 patterns;

static void cost(struct bpf_object *object, const char *program, const char *what,
		 const struct wire *wire)
{
	int fd = bpf_program__fd(bpf_object__find_program_by_name(object, program));
	__u32 verdict = kernel_run(fd, wire->data, wire->len, 1, NULL), least = UINT32_MAX;

	fprintf(costs,
		"{\"program\": \"%s\", \"what\": \"%s\", \"bytes\": %zu, \"patterns\": %u, "
		"\"runs\": [",
		program, what, wire->len, patterns);
	for (int i = 0; i < COST_RUNS; i++) {
		__u32 ns = 0;

		kernel_run(fd, wire->data, wire->len, COST_REPEAT, &ns);
		fprintf(costs, "%s%u", i ? ", " : "", ns);
		if (ns < least)
			least = ns;
	}
	fprintf(costs, "]}\n");
	printf("%-15s %-52s %5u ns%s\n", program, what, least, verdict == 1 ? "" : "  (not found)");
}

static void cost_hellos(struct bpf_object *object, const struct corpus *hellos)
{
	for (size_t i = 0; i < hellos->n; i++) {
		char what[64];

		snprintf(what, sizeof(what), "hello of %zu bytes", hellos->items[i]->len);
		cost(object, "bench_hello", what, hellos->items[i]);
	}
	cost(object, "bench_fed", "the last of them by way of the buffer",
	     hellos->items[hellos->n - 1]);
	cost(object, "bench_split", "the last of them in two pieces", hellos->items[hellos->n - 1]);
	cost(object, "bench_load", "claim, load, release: the last of them",
	     hellos->items[hellos->n - 1]);
}

static void cost_dns(struct bpf_object *object)
{
	static struct wire wire;
	static const unsigned int counts[] = {1, 4, 16, 32};

	wire_dns_header(&wire, 1, WIRE_DNS_QUERY, 0);
	wire_dns_question(&wire, "huggingface.co", WIRE_A);
	cost(object, "bench_empty", "nothing at all", &wire);
	cost(object, "bench_verified", "a packet of a verified connection", &wire);
	cost(object, "bench_load", "claim, load, release: a query", &wire);
	cost(object, "bench_query", "14 characters", &wire);
	for (size_t i = 0; i < 4; i++) {
		char what[64];

		wire.len = 0;
		wire_dns_header(&wire, 1, WIRE_DNS_RESPONSE, counts[i]);
		wire_dns_question(&wire, "huggingface.co", WIRE_A);
		for (unsigned int n = counts[i]; n > 0; n--) {
			wire_dns_pointer(&wire, 12);
			wire_dns_record(&wire, WIRE_A, 60, "\1\2\3\4", 4);
		}
		snprintf(what, sizeof(what), "14 characters, %u addresses", counts[i]);
		cost(object, "bench_response", what, &wire);
	}
}

/* What the kernel charges for a map, in KiB. */
static unsigned long map_kib(int map)
{
	char path[64], line[128];
	unsigned long bytes = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", map);
	file = fopen(path, "re");
	must(file != NULL, path);
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, "memlock:", 8) == 0)
			bytes = strtoul(line + 8, NULL, 10);
	fclose(file);
	return bytes / 1024;
}

/* Half exact, half wildcards, as many labels as real ones. */
static void fill_many(struct bpf_object *object, __u32 n)
{
	int map = table_make(object, 0, n);
	char pattern[256];

	for (__u32 i = 0; i < n; i++) {
		snprintf(pattern, sizeof(pattern), "%shost-%06u.region-%u.aws.endpoints.test",
			 i % 2 ? "*." : "", i, i % 7);
		table_add(&tables[0], map, pattern, i + 1);
	}
	patterns = n;
	printf("%u patterns: %lu KiB\n", n, map_kib(map));
	fprintf(costs, "{\"program\": \"names\", \"patterns\": %u, \"kib\": %lu}\n", n,
		map_kib(map));
	close(map);
}

static void cost_names(struct bpf_object *object)
{
	static const __u32 counts[] = {10, 1000, 10000, 100000};
	static const char *const asked[][2] = {
		{"host-000004.region-4.aws.endpoints.test", "exact, 39 characters, 5 labels"},
		{"abcd.host-000005.region-5.aws.endpoints.test",
		 "wildcard, 44 characters, 6 labels"},
		{"cdn.lfs.huggingface.example.org", "no pattern, 31 characters, 5 labels"},
	};
	static struct wire wire;

	for (size_t i = 0; i < 4; i++) {
		fill_many(object, counts[i]);
		for (size_t j = 0; j < 3; j++) {
			wire.len = 0;
			wire_bytes(&wire, asked[j][0], strlen(asked[j][0]));
			cost(object, "bench_load", asked[j][1], &wire);
			cost(object, "bench_take", asked[j][1], &wire);
			cost(object, "bench_find", asked[j][1], &wire);
		}
	}
}

static void cost_everything(struct bpf_object *object, const struct corpus *hellos,
			    const char *path)
{
	costs = fopen(path, "we");
	must(costs != NULL, path);
	cost_hellos(object, hellos);
	cost_dns(object);
	cost_names(object);
	must(fclose(costs) == 0, path);
}

/* ---- */

static void *map_memory(struct bpf_object *object, const char *name, size_t size)
{
	int fd = bpf_object__find_map_fd_by_name(object, name);
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	must(memory != MAP_FAILED, name);
	return memory;
}

static struct bpf_object *load(const char *path)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;

	must(object != NULL, path);
	bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "scratches"),
				 (__u32)libbpf_num_possible_cpus() * SCRATCH_CPU);
	must(bpf_object__load(object) == 0, "load");
	bpf_object__for_each_program(program, object)
	{
		struct bpf_prog_info info = {0};
		__u32 size = sizeof(info);

		must(bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) == 0, "info");
		printf("%-15s %6u instructions verified, %5u bytes of code\n", info.name,
		       info.verified_insns, info.jited_prog_len);
	}
	for (int i = 0; i < PROGRAMS; i++)
		programs[i] =
			bpf_program__fd(bpf_object__find_program_by_name(object, program_names[i]));
	input = map_memory(object, "input", sizeof(*input));
	kernel = map_memory(object, "output", sizeof(*kernel));
	input->seed = seed;
	return object;
}

/* Mutations that never reach a result test nothing: show which ones they reached. */
static void print_results(int program)
{
	static const char *const hello_words[] = {
#define WORD(symbol, word, sentence) word,
		AEG_HELLO_RESULTS(WORD)};
	static const char *const dns_words[] = {AEG_DNS_RESULTS(WORD)};
#undef WORD
	static const char *const name_words[16] = {[0] = "ok", [15] = "bad"};
	const char *const *words = program == NAME			     ? name_words
				   : program == QUERY || program == RESPONSE ? dns_words
									     : hello_words;

	for (int i = 0; i < 16; i++)
		if (results[program][i])
			printf("  %s %lu", words[i], results[program][i]);
	printf("\n");
}

/* A program is a test; returns how many failed. */
static int compare_everything(const struct corpus *fixtures, const struct corpus *corpora,
			      unsigned long inputs, struct random *random)
{
	int failed = 0;

	for (int i = 0; i < PROGRAMS; i++) {
		compared = different = 0;
		compare_all((enum program)i, fixtures, &corpora[i], random, inputs);
		printf("%-10s %8lu answers are the same, %lu differ:", program_names[i], compared,
		       different);
		print_results(i);
		failed += different != 0;
	}
	return failed;
}

int main(int argc, char **argv)
{
	unsigned long inputs = argc > 3 ? strtoul(argv[3], NULL, 0) : 50000;
	struct random random = {argc > 4 ? strtoull(argv[4], NULL, 0) : 1};
	const char *cost_path = getenv("AEG_COST");
	struct corpus corpora[PROGRAMS] = {0}, fixtures = {0};
	struct bpf_object *object;
	int failed;

	must(argc > 2, "usage: parsers OBJECT FIXTURES [INPUTS [SEED]]");
	object = load(argv[1]);
	fill_tables(object);
	corpus_load(&fixtures, argv[2], "*/*.*");
	corpus_load(&corpora[HELLO], argv[2], "clienthello/*.bin");
	corpus_load(&corpora[HELLO_FED], argv[2], "clienthello/*.bin");
	corpus_queries(&corpora[QUERY]);
	corpus_load(&corpora[QUERY], argv[2], "dns/*.bin");
	corpus_responses(&corpora[RESPONSE], &random);
	corpus_load(&corpora[RESPONSE], argv[2], "dns/*.bin");
	corpus_names(&corpora[NAME]);
	corpus_load(&corpora[NAME], argv[2], "names/*.txt");
	failed = compare_everything(&fixtures, corpora, inputs, &random);
	if (cost_path)
		cost_everything(object, &corpora[HELLO], cost_path);
	for (int i = 0; i < PROGRAMS; i++)
		corpus_done(&corpora[i]);
	corpus_done(&fixtures);
	free(tables[0].rows);
	free(tables[1].rows);
	bpf_object__close(object);
	printf("%d passed, %d failed, 0 skipped\n", PROGRAMS - failed, failed);
	return failed != 0;
}
