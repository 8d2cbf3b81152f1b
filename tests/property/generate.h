/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Random worlds: policy documents as text, workloads and destinations. Small alphabets on purpose:
 * names, prefixes and selectors must overlap, or nothing interesting happens.
 */
#ifndef AEG_TEST_GENERATE_H
#define AEG_TEST_GENERATE_H

#include "policy/explain.h"
#include "policy/model.h"

struct world_subject {
	bool known; /* false: a process whose workload nobody knows */
	const char *ns, *service_account;
	struct aeg_labels labels;
};

struct world {
	uint64_t seed;
	struct aeg_strings documents; /* YAML, one document each */
	AEG_VEC(struct world_subject) subjects;
	AEG_VEC(struct aeg_target) targets; /* hosts and addresses; proto may be any number */
	struct aeg_gen settings;
};

/* The time of the worlds. Their rules expire long before or after, so that it may as well be now. */
#define WORLD_NOW "2026-11-20T12:00:00Z"

/* The same seed gives the same world. */
void world_generate(uint64_t seed, struct world *ret);
void world_done(struct world *world);

/* All documents as one text, ready for `aegress check` or aeg_model_add_text(). */
void world_text(const struct world *world, struct aeg_buf *ret);
/* The documents read and checked; NULL, and why, when they are refused. */
struct aeg_model *world_model(const struct world *world, struct aeg_buf *error);
/* Who the subject is to the model's policies. */
struct aeg_subject world_subject(const struct aeg_model *model, const struct world_subject *who);

/* Addresses and ports that destinations are made of: what a live test must be able to reach. */
#define WORLD_V4_NET "10.0.0.0/8"
#define WORLD_V6_NET "2001:db8::/32"
extern const uint16_t world_ports[];
extern const size_t world_nports;

#endif
