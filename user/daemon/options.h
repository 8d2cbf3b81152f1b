/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The daemon's command line. Says what was asked for; decides nothing. */
#ifndef AEG_DAEMON_OPTIONS_H
#define AEG_DAEMON_OPTIONS_H

#include "base/opts.h"

struct aeg_options { /* NULL, empty or -1: not given; texts are borrowed from argv */
	const char *config, *cgroup_root, *pin_dir, *socket, *state_dir, *metrics, *node;
	struct aeg_opt_list managed, policies, workloads;
	int log_level, log_format;
	bool check_config, cleanup, version, help;
};

/* 0, or -EINVAL with a sentence. */
int aeg_options_parse(int argc, char **argv, struct aeg_options *ret, struct aeg_buf *error);
void aeg_options_done(struct aeg_options *options);
void aeg_options_help(struct aeg_buf *ret);

extern const char *const aeg_log_level_words[], *const aeg_log_format_words[];

#endif
