/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * bpf/verdict.h gives the same answers in the kernel as natively: every combination of what it
 * branches on, then random vectors whose fields may be anything.
 */
#include "base/mem.h"
#include "gen/verdict_test.skel.h"
#include "tests/prog/tests.h"
#include "tests/prog/vector.h"
#include <bpf/bpf.h>
#include <stdio.h>

#define RANDOM_VECTORS 25000
#define SEED 0x5eed5eed5eed5eedull

static uint64_t state;

/* xorshift64*: the same vectors in every run. */
static uint32_t random32(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)(state * 0x2545f4914f6cdd1dull >> 32);
}

static void fill_random(void *memory, size_t size)
{
	uint8_t *bytes = memory;

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)random32();
}

/* Half of them with plausible values, or most branches would be taken once in a blue moon. */
static struct vector random_vector(void)
{
	struct vector vector;

	fill_random(&vector, sizeof(vector));
	vector.has_ident = random32() % 8 != 0;
	vector.has_cell = random32() % 4 != 0;
	vector.governed &= 1;
	if (random32() & 1)
		return vector;
	vector.gen.unselected = 1 + random32() % 3;
	vector.gen.unknown = 1 + random32() % 3;
	vector.ident.flags &= 31;
	vector.way &= 3;
	vector.cell.enforce.verdict %= AEG_VERDICT_MAX;
	vector.cell.all.verdict %= AEG_VERDICT_MAX;
	vector.cell.enforce.rule %= 3;
	vector.cell.all.rule %= 3;
	vector.proto = random32() & 1 ? AEG_PROTO_TCP : AEG_PROTO_UDP;
	return vector;
}

/* A digit of `number` in a system whose bases are those asked for one after the other. */
static uint32_t digit(uint32_t *number, uint32_t base)
{
	uint32_t result = *number % base;

	*number /= base;
	return result;
}

/* Combination `number` of everything that verdict.h branches on; false: there are no more. */
static bool exhaustive_vector(uint32_t number, struct vector *ret)
{
	static const uint8_t flags[] = {0, 1, 2, 3, 4, 5, 6, 7, 28, 22, 23, 31}; /* 8, 16: strict */
	static const uint8_t protos[] = {AEG_PROTO_TCP, AEG_PROTO_UDP, 1};
	static const uint8_t verdicts[] = {AEG_VERDICT_NONE, AEG_VERDICT_ALLOWED,
					   AEG_VERDICT_DENIED};
	uint32_t enforce, all;

	*ret = (struct vector){0};
	ret->governed = (uint8_t)digit(&number, 2);
	ret->proto = protos[digit(&number, 3)];
	ret->gen.unselected = 1 + digit(&number, 3);
	ret->gen.unknown = 1 + digit(&number, 3);
	ret->has_ident = (uint8_t)digit(&number, 2);
	ret->ident.flags = flags[digit(&number, AEG_ARRAY_SIZE(flags))];
	ret->way = (uint8_t)digit(&number, 4);
	ret->has_cell = (uint8_t)digit(&number, 2);
	enforce = digit(&number, 3);
	all = digit(&number, 3);
	ret->cell.enforce = (struct aeg_answer){
		.verdict = verdicts[enforce], .reason = AEG_REASON_RULE, .rule = enforce};
	ret->cell.all = (struct aeg_answer){
		.verdict = verdicts[all], .reason = AEG_REASON_RULE, .rule = all};
	return number == 0;
}

static uint32_t fill_vectors(struct vector *vectors)
{
	uint32_t n = 0;

	while (n < VECTORS_MAX && exhaustive_vector(n, &vectors[n]))
		n++;
	state = SEED;
	for (uint32_t i = 0; i < RANDOM_VECTORS && n < VECTORS_MAX; i++)
		vectors[n++] = random_vector();
	return n;
}

static bool run_in_kernel(struct verdict_test *skel, const struct vector *vectors, uint32_t n,
			  struct vector *ret)
{
	int map = bpf_map__fd(skel->maps.vectors);
	char packet[64] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet),
		    .repeat = (int)n);

	for (uint32_t i = 0; i < n; i++) {
		if (!CHECK_EQUAL(bpf_map_update_elem(map, &i, &vectors[i], BPF_ANY), 0))
			return false;
	}
	if (!CHECK_EQUAL(bpf_prog_test_run_opts(bpf_program__fd(skel->progs.verdict_test), &opts),
			 0))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		if (!CHECK_EQUAL(bpf_map_lookup_elem(map, &i, &ret[i]), 0))
			return false;
	}
	return CHECK_EQUAL(skel->bss->next_vector, n);
}

static void compare(const struct vector *vectors, const struct vector *kernel, uint32_t n)
{
	uint32_t seen[AEG_VERDICT_MAX] = {0};

	for (uint32_t i = 0; i < n; i++) {
		struct vector native = vectors[i];

		vector_decide(&native);
		check_context("vector %u", i);
		if (!CHECK(memcmp(&native, &kernel[i], sizeof(native)) == 0))
			return;
		if (native.decision.verdict < AEG_VERDICT_MAX)
			seen[native.decision.verdict]++;
	}
	printf("# %u vectors: %u allowed, %u audited, %u denied\n", n, seen[AEG_VERDICT_ALLOWED],
	       seen[AEG_VERDICT_AUDITED], seen[AEG_VERDICT_DENIED]);
	CHECK(seen[AEG_VERDICT_ALLOWED] > 1000);
	CHECK(seen[AEG_VERDICT_AUDITED] > 1000);
	CHECK(seen[AEG_VERDICT_DENIED] > 1000);
}

static void kernel_agrees(void)
{
	AEG_AUTO_FREE struct vector *vectors = aeg_xcalloc(VECTORS_MAX, sizeof(*vectors));
	AEG_AUTO_FREE struct vector *kernel = aeg_xcalloc(VECTORS_MAX, sizeof(*kernel));
	struct verdict_test *skel = verdict_test__open_and_load();
	uint32_t n = fill_vectors(vectors);

	if (CHECK(skel) && run_in_kernel(skel, vectors, n, kernel))
		compare(vectors, kernel, n);
	verdict_test__destroy(skel);
}

/* The order that takes the stricter of two: ties stay with the first. */
static void stricter_orders(void)
{
	static const uint8_t order[] = {AEG_VERDICT_ALLOWED, AEG_VERDICT_AUDITED,
					AEG_VERDICT_DENIED};

	for (size_t a = 0; a < AEG_ARRAY_SIZE(order); a++) {
		for (size_t b = 0; b < AEG_ARRAY_SIZE(order); b++) {
			struct aeg_decision first = {.verdict = order[a]};
			struct aeg_decision second = {.verdict = order[b]};

			CHECK_EQUAL(aeg_stricter(&first, &second), b > a);
		}
	}
}

const struct test verdict_tests[] = {
	{"verdict: the kernel and native code agree", kernel_agrees},
	{"verdict: the stricter decision", stricter_orders},
	{NULL, NULL},
};
