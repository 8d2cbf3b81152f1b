/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Everything that one generation is made of: the documents, the tables compiled from them, and who
 * lives where. Built whole beside the one in force, then swapped with it or thrown away.
 */
#ifndef AEG_DAEMON_RULESET_H
#define AEG_DAEMON_RULESET_H

#include "daemon/cluster.h"
#include "daemon/config.h"
#include "policy/compile.h"
#include "workload/registry.h"

struct aeg_ruleset {
	struct aeg_model *model;
	struct aeg_tables *tables;
	struct aeg_registry *registry;
	struct aeg_tables *trial; /* see aeg_ruleset_trial(); NULL: never asked for */
	const char
		*self; /* the daemon's own cgroup, which no policy selects; borrowed; NULL: none */
};

/* Documents to be read in place of applied ones, before they are kept: see daemon/applied.h. */
struct aeg_overlay {
	const char *file, *text; /* NULL: none */
	size_t len;
	const struct aeg_strings *without; /* paths of applied files to leave out */
};

/*
 * Reads and checks every document that the configuration names, the applied ones, and those of the
 * cluster. A mistake in a file is an error; a document of the cluster with one is refused alone, and the
 * rest holds. Always fills ret; -EINVAL when diags has errors. overlay, cluster NULL: none.
 */
int aeg_ruleset_read(const struct aeg_config *config, struct aeg_cluster *cluster,
		     const struct aeg_overlay *overlay, struct aeg_diags *diags,
		     struct aeg_model **ret);

/* Takes the model, unless it fails: what does not fit into tables is an error in diags. The registry has
 * no instance. */
int aeg_ruleset_new(struct aeg_model *model, struct aeg_numbers *numbers, struct aeg_diags *diags,
		    struct aeg_ruleset **ret);
void aeg_ruleset_free(struct aeg_ruleset *ruleset);

/* Makes instances of the known cgroups and compiles the profile of each. */
int aeg_ruleset_populate(struct aeg_ruleset *ruleset, const struct aeg_cgroups *cgroups,
			 struct aeg_numbers *numbers, struct aeg_buf *error);
/* Number, profile and flags of one instance; appends the profile's cells if they are new. */
int aeg_ruleset_profile(struct aeg_ruleset *ruleset, struct aeg_instance *instance,
			struct aeg_numbers *numbers, struct aeg_buf *error);
/*
 * Tables like those in force to which profiles may be added for questions: a profile that is added to
 * the tables in force must reach the kernel too. Borrowed.
 */
int aeg_ruleset_trial(struct aeg_ruleset *ruleset, struct aeg_numbers *numbers,
		      struct aeg_buf *error, struct aeg_tables **ret);

#endif
