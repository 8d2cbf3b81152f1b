/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* One world compiled, and the question whether the tables and the slow evaluator agree about it. */
#ifndef AEG_TEST_COMPARE_H
#define AEG_TEST_COMPARE_H

#include "generate.h"
#include "oracle.h"
#include "policy/compile.h"

struct compiled {
	const struct world *world;
	struct aeg_model *model;
	struct aeg_numbers numbers;
	struct aeg_tables *tables;
};

/* false, and why, when the world is refused. */
bool compiled_make(const struct world *world, struct compiled *ret, struct aeg_buf *error);
void compiled_done(struct compiled *compiled);

/* What the tables and bpf/verdict.h decide: the kernel's way. subject NULL: not known. */
void compiled_decide(struct compiled *compiled, const struct aeg_subject *subject,
		     const struct aeg_target *target, struct aeg_decision *ret);

/* Whether enforcing policies contain it strictly: then sockets are TCP or UDP. */
bool compiled_strict(struct compiled *compiled, const struct aeg_subject *subject);

/*
 * true: both say the same of the triple. Otherwise ret_difference tells what each says. With
 * `explain`, the explanation must agree as well. *ret_reason: what was decided.
 */
bool triple_agrees(struct compiled *compiled, const struct world_subject *who,
		   const struct aeg_target *target, bool explain, unsigned int *ret_reason,
		   struct aeg_buf *ret_difference);

/* The same for a decision that came from elsewhere: the kernel. */
bool decision_agrees(const struct compiled *compiled, const struct world_subject *who,
		     const struct aeg_target *target, const struct aeg_decision *decision,
		     struct aeg_buf *ret_difference);

/* The triple's subject and target for people. */
void triple_describe(const struct world_subject *who, const struct aeg_target *target,
		     struct aeg_buf *ret);

#endif
