/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Follows the interfaces of workloads, so that TC sees what their sockets' programs do not: looks for
 * them when a workload comes, goes or has no process yet, and when any link or address changes.
 */
#ifndef AEG_DAEMON_VETHS_H
#define AEG_DAEMON_VETHS_H

#include "base/loop.h"
#include "datapath/datapath.h"
#include "workload/registry.h"

enum aeg_tc_mode { AEG_TC_AUTO, AEG_TC_OFF, AEG_TC_REQUIRE };
extern const char *const aeg_tc_words[];

struct aeg_veths;

/* What changed: whether TC covers the workload, in instance->covered. */
typedef void aeg_veths_fn(void *arg, struct aeg_instance *instance);

/* Listens in its own network namespace, and in all that have a veth here where it has the privilege:
 * to be called before privileges are dropped. */
int aeg_veths_open(struct aeg_datapath *datapath, struct aeg_loop *loop, aeg_veths_fn *changed,
		   void *arg, struct aeg_veths **ret);
void aeg_veths_close(struct aeg_veths *veths);

/* What is known of the workloads of `from` (NULL: nothing, look now) holds for those of `to`, too. */
void aeg_veths_carry(struct aeg_veths *veths, const struct aeg_registry *from,
		     struct aeg_registry *to);
/* From now on these workloads; borrowed until the next call. */
void aeg_veths_follow(struct aeg_veths *veths, struct aeg_registry *registry);
/* Something came or went: looks again soon. */
void aeg_veths_wake(struct aeg_veths *veths);

/* The words for instance->layers, as people read them: "cgroup", "cgroup, tc"; why not more. */
const char *aeg_layers_word(enum aeg_layers layers);
/* How many workloads with policies stand where; NULL: none. */
void aeg_layers_count(struct aeg_registry *registry, uint64_t ret[AEG_LAYERS_MAX]);

#endif
