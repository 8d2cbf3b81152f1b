/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the parts of `aegress audit` share. */
#ifndef AEG_CLI_AUDIT_H
#define AEG_CLI_AUDIT_H

#include "cli/cli.h"
#include "observe/chain.h"
#include "observe/rotate.h"

#define AEG_AUDIT_DIR "/var/log/aegress"
#define AEG_AUDIT_STATE_DIR "/var/lib/aegress"

struct aeg_audit_options {
	struct aeg_common common;
	bool follow, part;
	unsigned int lines;
	int format; /* enum aeg_export_format */
	const char *head, *head_file, *key;
};

struct aeg_audit_path { /* one file of the log */
	char *path;
	uint64_t
		first; /* number of its first record, as its name says; UINT64_MAX: the current one */
};
struct aeg_audit_paths {
	AEG_VEC(struct aeg_audit_path) list; /* in the order of the chain */
};

/* The files that the operands from the second on name; directories stand for all files of a log in
 * them. Without any, the usual directory. Says what is wrong and returns the exit status. */
int aeg_audit_collect(const struct aeg_opt_list *operands, struct aeg_audit_paths *ret);
/* The same of one directory, silently: -errno. */
int aeg_audit_collect_in(const char *dir, struct aeg_audit_paths *ret);
void aeg_audit_paths_done(struct aeg_audit_paths *paths);

int aeg_audit_verify(const struct aeg_audit_options *options, const struct aeg_opt_list *operands);
int aeg_audit_export(const struct aeg_audit_options *options, const struct aeg_opt_list *operands);
int aeg_audit_tail(const struct aeg_audit_options *options, const struct aeg_opt_list *operands);
int aeg_audit_print_head(const struct aeg_audit_options *options,
			 const struct aeg_opt_list *operands);

#endif
