/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Files of applied objects, changed one by one and taken back together. */
#include "daemon/applied.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/yaml.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>

#define NAME_WHOLE_MAX (NAME_MAX + 1 - sizeof("..yaml.XXXXXX")) /* see aeg_file_replace() */
#define NAME_CUT 120

char *aeg_applied_dir(const struct aeg_config *config)
{
	return aeg_xasprintf("%s/applied", config->state_dir);
}

/* Names come from a URL: nothing in them may lead out of the directory. */
static bool part_is_plain(const char *part)
{
	for (; *part; part++) {
		if (!isalnum((unsigned char)*part) && *part != '-' && *part != '.')
			return false;
	}
	return true;
}

/*
 * An object's name may be 253 characters, a file's 255 bytes, and the file is written under a longer one
 * first. Three '_': no name that was not cut has so many.
 */
static char *file_name(const char *kind, const char *ns, const char *name)
{
	AEG_AUTO_FREE char *whole = aeg_xasprintf("%s_%s_%s", kind, ns, name);
	char digest[AEG_DIGEST_TEXT];

	for (char *at = whole; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	if (strlen(whole) <= NAME_WHOLE_MAX)
		return aeg_xasprintf("%s.yaml", whole);
	aeg_digest(whole, strlen(whole), digest);
	return aeg_xasprintf("%.*s_%s.yaml", NAME_CUT, whole, digest);
}

char *aeg_applied_path(const struct aeg_config *config, const char *kind, const char *ns,
		       const char *name)
{
	AEG_AUTO_FREE char *file = NULL;

	ns = ns ? ns : "";
	if (!*kind || !*name || !part_is_plain(kind) || !part_is_plain(ns) || !part_is_plain(name))
		return NULL;
	file = file_name(kind, ns, name);
	return aeg_xasprintf("%s/applied/%s", config->state_dir, file);
}

bool aeg_applied_owns(const struct aeg_config *config, const char *file)
{
	AEG_AUTO_FREE char *dir = aeg_applied_dir(config);
	size_t len = strlen(dir);

	return strncmp(file, dir, len) == 0 && file[len] == '/';
}

bool aeg_applied_same(const char *path, const char *text, size_t len)
{
	AEG_AUTO_FREE char *old = NULL;
	size_t old_len;

	return aeg_file_read(path, AEG_YAML_MAX_BYTES, &old, &old_len) == 0 && old_len == len &&
	       memcmp(old, text, len) == 0;
}

static int write_file(const char *path, const char *text, size_t len)
{
	if (text)
		return aeg_file_replace(path, text, len, 0600);
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

int aeg_applied_put(struct aeg_applied_changes *changes, const char *path, const char *text,
		    size_t len)
{
	AEG_AUTO_FREE char *dir = aeg_xstrndup(path, (size_t)(strrchr(path, '/') - path));
	struct aeg_applied_change change = {0};
	int err = aeg_mkdir_p(dir, 0700);

	if (!err)
		err = aeg_file_read(path, AEG_YAML_MAX_BYTES, &change.old, &change.old_len);
	if (err == -ENOENT)
		err = 0;
	if (!err)
		err = write_file(path, text, len);
	if (err) {
		free(change.old);
		return err;
	}
	change.path = aeg_xstrdup(path);
	*AEG_VEC_PUSH(changes->list) = change;
	return 0;
}

int aeg_applied_revert(struct aeg_applied_changes *changes)
{
	int first = 0;

	for (size_t i = changes->list.n; i > 0; i--) {
		const struct aeg_applied_change *change = &changes->list.items[i - 1];
		int err = write_file(change->path, change->old, change->old_len);

		first = first ? first : err;
	}
	return first;
}

void aeg_applied_changes_done(struct aeg_applied_changes *changes)
{
	for (size_t i = 0; i < changes->list.n; i++) {
		free(changes->list.items[i].path);
		free(changes->list.items[i].old);
	}
	AEG_VEC_DONE(changes->list);
}
