/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Compiled policies for tests, and their look-ups; a mistake in the text fails the test. */
#ifndef AEG_TEST_UTIL_POLICY_H
#define AEG_TEST_UTIL_POLICY_H

#include "policy/compile.h"
#include "policy/explain.h"
#include "util_model.h"

#define ALL "workloads: {all: true}"
#define RULE(name, to) "{name: " name ", to: [" to "]}"

struct scene {
	struct aeg_model *model;
	struct aeg_numbers numbers;
	struct aeg_tables *tables;
};

void scene_make(const char *text, struct scene *ret);
void scene_done(struct scene *scene);
#define AUTO_SCENE AEG_CLEANUP(scene_done) struct scene

/* The profile of a service account of "ns" that has no labels. */
uint32_t scene_profile(struct scene *scene, const char *service_account, uint32_t *ret_flags);
/* Look-ups that must find something. */
const struct aeg_dest *scene_addr(const struct scene *scene, const char *addr);
const struct aeg_dest *scene_name(const struct scene *scene, const char *host);
/* "allowed ns/p/r | denied ns/p/r": both layers of a cell; "-" where there is none. */
const char *scene_cell(struct scene *scene, uint32_t profile, const struct aeg_dest *dest,
		       const char *port);

#endif
