/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Models out of text, for tests that need one. */
#ifndef AEG_TESTS_UTIL_MODEL_H
#define AEG_TESTS_UTIL_MODEL_H

#include "policy/model.h"

#define NOW "2026-11-20T12:00:00Z" /* the time that models are read at */
#define NOW_S 1795176000

#define API "apiVersion: aegress.dev/v1alpha1\n"
#define ENDPOINT(name, spec)                                                                       \
	API "kind: AIEndpoint\nmetadata: {name: " name "}\nspec: {class: other, " spec "}\n---\n"
#define ENDPOINT_OF(name, provider, class, spec)                                                   \
	API "kind: AIEndpoint\nmetadata: {name: " name ", labels: {provider: " provider            \
	    "}}\nspec: {class: " class ", " spec "}\n---\n"
/* A policy in namespace ns; spec is the rest of a flow mapping. */
#define POLICY(name, spec)                                                                         \
	API "kind: AIEgressPolicy\nmetadata: {name: " name ", namespace: ns}\nspec: {" spec        \
	    "}\n---\n"
#define CLUSTER_POLICY(name, spec)                                                                 \
	API "kind: ClusterAIEgressPolicy\nmetadata: {name: " name "}\nspec: {" spec "}\n---\n"

/* The text, read and checked; fails the test when it has mistakes. Free it. */
struct aeg_model *model_of(const char *text);
/*
 * Fails the test unless reading and checking the text gives exactly these diagnostics, in order of
 * their places: "LINE:COL: [warning: ]MESSAGE[ (HINT)]", a line each.
 */
void assert_diags(const char *text, const char *expected);

#endif
