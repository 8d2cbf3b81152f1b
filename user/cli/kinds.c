/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The table of kinds. */
#include "cli/kinds.h"
#include <stddef.h>
#include <strings.h>

static const struct aeg_kind kinds[] = {
	{"AIEndpoint", "aiendpoints", "aie", false},
	{"AIEgressPolicy", "aiegresspolicies", "aiep", true},
	{"ClusterAIEgressPolicy", "clusteraiegresspolicies", "caiep", false},
	{"Workload", "workloads", NULL, true},
	{"Namespace", "namespaces", "ns", false},
};

const char *const aeg_kind_words[] = {"aiendpoint", "aiegresspolicy", "clusteraiegresspolicy",
				      "workload",   "namespace",      NULL};

const struct aeg_kind *aeg_kind_find(const char *word)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct aeg_kind *kind = &kinds[i];

		if (strcasecmp(word, kind->name) == 0 || strcasecmp(word, kind->plural) == 0 ||
		    (kind->short_name && strcasecmp(word, kind->short_name) == 0))
			return kind;
	}
	return NULL;
}
