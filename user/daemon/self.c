/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * /proc/self/cgroup does not tell within a cgroup namespace, and names in the environment can be anybody's:
 * the kernel's list of a cgroup's processes is asked for this one. It shows pids as this process's
 * namespace counts them, and those of others as 0.
 */
#include "daemon/self.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct search {
	const char *root;
	char *found;
};

static bool lists_us(const char *root, const char *cgroup)
{
	AEG_AUTO_FREE char *path = aeg_xasprintf("%s/%s/cgroup.procs", root, cgroup);
	FILE *file = fopen(path, "re");
	char line[16];
	bool found = false;

	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file))
		found = strtol(line, NULL, 10) == getpid();
	fclose(file);
	return found;
}

static void look(void *arg, const struct aeg_cgroup *cgroup)
{
	struct search *search = arg;

	if (!search->found && lists_us(search->root, cgroup->path))
		search->found = aeg_xstrdup(cgroup->path);
}

char *aeg_self_cgroup(const struct aeg_cgroups *cgroups, const char *root)
{
	struct search search = {.root = root};

	aeg_cgroups_each(cgroups, look, &search);
	return search.found;
}

bool aeg_self_is_in(const char *self, const char *path)
{
	size_t len = strlen(path);

	return self && strncmp(self, path, len) == 0 && (self[len] == '/' || self[len] == '\0');
}
