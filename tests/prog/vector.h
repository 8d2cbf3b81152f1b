/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* One question to the verdict and its answer; shared by the kernel's and the native run. */
#ifndef AEG_TESTS_PROG_VECTOR_H
#define AEG_TESTS_PROG_VECTOR_H

#include "bpf/verdict.h"

#define VECTORS_MAX 120000

struct vector {
	struct aeg_gen gen;
	struct aeg_ident ident;
	struct aeg_cell cell;
	struct aeg_decision decision; /* the answer */
	__u8 has_ident;
	__u8 has_cell;
	__u8 governed;
	__u8 proto;
	__u8 way;
	__u8 pad[7]; /* to the end: answers are compared as bytes */
};

static inline __attribute__((always_inline)) void vector_decide(struct vector *vector)
{
	struct aeg_facts facts = {
		.gen = &vector->gen,
		.ident = vector->has_ident ? &vector->ident : 0,
		.cell = vector->has_cell ? &vector->cell : 0,
		.governed = vector->governed,
		.proto = vector->proto,
		.way = vector->way,
	};

	aeg_decide(&facts, &vector->decision);
}

#endif
