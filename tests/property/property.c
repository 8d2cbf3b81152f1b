/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * property [--seed N] [--triples N] [--live]: random policies, workloads and destinations; what the
 * compiled tables decide must be what the slow evaluator says. A failure is printed as the smallest
 * set of documents that still shows it. With --live the kernel is asked, too. Closes with the number
 * of triples.
 */
#include "compare.h"
#include "live.h"
#include "random.h"
#include "tally.h"
#include <getopt.h>
#include <stdio.h>
#include <time.h>

#define TRIPLES 200000
#define LIVE_TRIPLES 5000
#define FAILURES_SHOWN 3
#define EXPLAINED_EVERY 16 /* explaining is slower than deciding */

struct run {
	uint64_t seed;
	unsigned long triples, worlds;
	bool live;
	struct tally tally;
};

/* ---- shrinking ---- */

static bool still_fails(const struct world *world, const struct world_subject *who,
			const struct aeg_target *target)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf ignored = {0};
	struct compiled compiled;
	unsigned int reason;
	bool fails;

	if (!compiled_make(world, &compiled, &ignored))
		return false;
	fails = !triple_agrees(&compiled, who, target, true, &reason, &ignored);
	compiled_done(&compiled);
	return fails;
}

/* Leaves documents out for as long as the triple still fails without them. */
static void shrink(struct world *world, const struct world_subject *who,
		   const struct aeg_target *target)
{
	struct aeg_strings *documents = &world->documents;

	for (size_t i = documents->list.n; i-- > 0;) {
		char *left_out = documents->list.items[i];
		size_t after = documents->list.n - i - 1;

		memmove(&documents->list.items[i], &documents->list.items[i + 1],
			after * sizeof(char *));
		documents->list.n--;
		if (still_fails(world, who, target)) {
			free(left_out);
			continue;
		}
		memmove(&documents->list.items[i + 1], &documents->list.items[i],
			after * sizeof(char *));
		documents->list.items[i] = left_out;
		documents->list.n++;
	}
}

static void show_failure(const struct world *failed, size_t who, size_t target)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf text = {0}, triple = {0};
	struct world world;
	struct compiled compiled;
	unsigned int reason;

	world_generate(failed->seed, &world);
	shrink(&world, &world.subjects.items[who], &world.targets.items[target]);
	world_text(&world, &text);
	triple_describe(&world.subjects.items[who], &world.targets.items[target], &triple);
	printf("FAILED world %llu: %s (defaults: unselected %s, unknown %s)\n",
	       (unsigned long long)world.seed, aeg_buf_text(&triple),
	       aeg_verdict_word(world.settings.unselected),
	       aeg_verdict_word(world.settings.unknown));
	aeg_buf_reset(&triple);
	if (compiled_make(&world, &compiled, &triple)) {
		triple_agrees(&compiled, &world.subjects.items[who], &world.targets.items[target],
			      true, &reason, &triple);
		compiled_done(&compiled);
	}
	printf("%s%s\n", aeg_buf_text(&triple), aeg_buf_text(&text));
	world_done(&world);
}

/* ---- running ---- */

static void run_triple(struct run *run, struct compiled *compiled, size_t who, size_t target)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf difference = {0};
	const struct world *world = compiled->world;
	bool explain = (run->tally.passed + run->tally.failed) % EXPLAINED_EVERY == 0;
	unsigned int reason;

	if (triple_agrees(compiled, &world->subjects.items[who], &world->targets.items[target],
			  explain, &reason, &difference)) {
		run->tally.passed++;
		run->tally.reasons[reason]++;
	} else if (run->tally.failed++ < FAILURES_SHOWN) {
		show_failure(world, who, target);
	}
}

static void refused_world(struct run *run, const struct world *world, const char *why)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf text = {0};

	if (run->tally.failed++ >= FAILURES_SHOWN)
		return;
	world_text(world, &text);
	printf("FAILED world %llu is refused:\n%s%s\n", (unsigned long long)world->seed, why,
	       aeg_buf_text(&text));
}

static void run_world(struct run *run, uint64_t seed)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
	AEG_CLEANUP(world_done) struct world world;
	struct compiled compiled;

	world_generate(seed, &world);
	run->worlds++;
	if (!compiled_make(&world, &compiled, &error)) {
		refused_world(run, &world, aeg_buf_text(&error));
		return;
	}
	for (size_t who = 0; who < world.subjects.n; who++)
		for (size_t target = 0; target < world.targets.n; target++)
			run_triple(run, &compiled, who, target);
	compiled_done(&compiled);
}

static bool parse_number(const char *text, unsigned long *ret)
{
	char *end;

	*ret = strtoul(text, &end, 0);
	return *text && !*end;
}

static int usage(void)
{
	fputs("usage: property [--seed N] [--triples N] [--live]\n", stderr);
	return 2;
}

static int parse_options(int argc, char **argv, struct run *run)
{
	static const struct option options[] = {
		{"seed", required_argument, NULL, 's'},
		{"triples", required_argument, NULL, 't'},
		{"live", no_argument, NULL, 'l'},
		{0},
	};
	const char *triples = getenv("AEG_PROPERTY_TRIPLES");
	unsigned long seed;
	int option;

	if (triples && !parse_number(triples, &run->triples))
		return usage();
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'l')
			run->live = true;
		else if (option == 's' && parse_number(optarg, &seed))
			run->seed = seed;
		else if (option != 't' || !parse_number(optarg, &run->triples))
			return usage();
	}
	return optind < argc ? usage() : 0;
}

static void run_tables(struct run *run)
{
	struct random seeds = {.state = run->seed};
	unsigned long triples = run->triples ? run->triples : TRIPLES;

	while (run->tally.passed + run->tally.failed < triples)
		run_world(run, random_next(&seeds));
	printf("%lu worlds\n", run->worlds);
}

static void run_live(struct run *run)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};

	if (live_run(run->seed, run->triples ? run->triples : LIVE_TRIPLES, &run->tally, &error)) {
		printf("FAILED live: %s\n", aeg_buf_text(&error));
		run->tally.failed++;
	}
}

int main(int argc, char **argv)
{
	struct run run = {.seed = (uint64_t)time(NULL)};
	int err = parse_options(argc, argv, &run);

	if (err)
		return err;
	printf("property: seed %llu\n", (unsigned long long)run.seed);
	if (run.live && geteuid() != 0) {
		printf("skip: --live needs root\n0 passed, 0 failed, 1 skipped\n");
		return 0;
	}
	if (run.live)
		run_live(&run);
	else
		run_tables(&run);
	tally_check_shares(&run.tally);
	printf("%lu passed, %lu failed, 0 skipped\n", run.tally.passed, run.tally.failed);
	return run.tally.failed ? 1 : 0;
}
