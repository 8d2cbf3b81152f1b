/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Numbers of events and counters -> what people call them, with the ruleset in force. Everything
 * returned is borrowed until the ruleset is swapped.
 */
#ifndef AEG_DAEMON_NAMES_H
#define AEG_DAEMON_NAMES_H

#include "daemon/ruleset.h"

#define AEG_NAMES_CACHE 1024 /* (rule, node) pairs; a power of two */

struct aeg_rule_names { /* of a rule's label, split; NULL: no rule */
	char *policy;	/* "namespace/name", "name" for cluster policies */
	char *rule;
	const struct aeg_rule *in_force; /* NULL: no rule of the ruleset in force */
	enum aeg_mode mode;		 /* of its policy */
};

struct aeg_names {
	const struct aeg_numbers *numbers;
	const struct aeg_ruleset *ruleset; /* may be NULL */
	uint64_t resets;		   /* what was looked up before the last one may be wrong */
	struct aeg_strmap workloads;	   /* "ns/name" -> struct aeg_workload * */
	struct aeg_strmap rules;	   /* label -> index + 1 into rule_names */
	AEG_VEC(struct aeg_rule_names *) rule_names;
	struct {
		uint32_t rule, node;
		const struct aeg_endpoint *endpoint;
	} cache[AEG_NAMES_CACHE];
};

/* Forgets everything and takes up another ruleset. */
void aeg_names_reset(struct aeg_names *names, const struct aeg_numbers *numbers,
		     const struct aeg_ruleset *ruleset);
void aeg_names_done(struct aeg_names *names);

/* NULL: no declared workload of that number. */
const struct aeg_workload *aeg_names_workload(const struct aeg_names *names, uint32_t number);
/* Never NULL; its members are when there is no such rule. */
const struct aeg_rule_names *aeg_names_rule(struct aeg_names *names, uint32_t number);
/* The rule's endpoint where it covers the node, else one that lists it, else the first that covers it. */
const struct aeg_endpoint *aeg_names_endpoint(struct aeg_names *names, uint32_t rule,
					      uint32_t node);

#endif
