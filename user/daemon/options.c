/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* One table parses the command line and prints --help; docs/man/aegressd.8.scd says the same. */
#include "daemon/options.h"

#include <errno.h>

const char *const aeg_log_level_words[] = {"debug", "info", "warning", "error", NULL};
const char *const aeg_log_format_words[] = {"logfmt", "json", NULL};

#define AT(member) offsetof(struct aeg_options, member)

static const struct aeg_opt table[] = {
	{"config", 'c', AEG_OPT_TEXT, "FILE",
	 "configuration (default /etc/aegress/aegressd.yaml, if it exists)", NULL, AT(config)},
	{"cgroup-root", 0, AEG_OPT_TEXT, "DIR",
	 "where programs are attached (default: the cgroup2 mount)", NULL, AT(cgroup_root)},
	{"managed", 0, AEG_OPT_LIST, "NAME",
	 "directory below the root whose workloads are policed; repeatable", NULL, AT(managed)},
	{"pin-dir", 0, AEG_OPT_TEXT, "DIR", "where programs and maps are pinned, on a bpffs", NULL,
	 AT(pin_dir)},
	{"socket", 0, AEG_OPT_TEXT, "PATH", "Unix socket of the API", NULL, AT(socket)},
	{"policies", 'p', AEG_OPT_LIST, "PATH",
	 "file or directory of policies and endpoints, in place of the configured ones; repeatable",
	 NULL, AT(policies)},
	{"workloads", 'w', AEG_OPT_LIST, "PATH",
	 "file or directory of workloads, in place of the configured ones; repeatable", NULL,
	 AT(workloads)},
	{"state-dir", 0, AEG_OPT_TEXT, "DIR", "where applied objects are kept", NULL,
	 AT(state_dir)},
	{"metrics", 0, AEG_OPT_TEXT, "ADDR:PORT",
	 "where metrics, probes and the status page are served; or off", NULL, AT(metrics)},
	{"node", 0, AEG_OPT_TEXT, "NAME", "this machine's name in flow records and the cluster",
	 NULL, AT(node)},
	{"log-level", 0, AEG_OPT_ENUM, "LEVEL", "how much is logged", aeg_log_level_words,
	 AT(log_level)},
	{"log-format", 0, AEG_OPT_ENUM, "FORMAT", "how it is written", aeg_log_format_words,
	 AT(log_format)},
	{"check-config", 0, AEG_OPT_FLAG, NULL,
	 "check the configuration and everything it names, then exit", NULL, AT(check_config)},
	{"cleanup", 0, AEG_OPT_FLAG, NULL,
	 "detach all programs and remove the pins: the end of enforcement; then exit", NULL,
	 AT(cleanup)},
	{"version", 0, AEG_OPT_FLAG, NULL, "print the version and exit", NULL, AT(version)},
	{"help", 'h', AEG_OPT_FLAG, NULL, "print this help and exit", NULL, AT(help)},
	{0},
};

int aeg_options_parse(int argc, char **argv, struct aeg_options *ret, struct aeg_buf *error)
{
	struct aeg_opt_list operands = {0};
	int err;

	*ret = (struct aeg_options){.log_level = -1, .log_format = -1};
	err = aeg_opts_parse(table, argc, argv, ret, &operands, error);
	if (!err && operands.list.n) {
		aeg_buf_printf(error, "unexpected argument '%s'", operands.list.items[0]);
		err = -EINVAL;
	}
	AEG_VEC_DONE(operands.list);
	return err;
}

void aeg_options_done(struct aeg_options *options)
{
	AEG_VEC_DONE(options->managed.list);
	AEG_VEC_DONE(options->policies.list);
	AEG_VEC_DONE(options->workloads.list);
}

void aeg_options_help(struct aeg_buf *ret)
{
	aeg_buf_puts(ret,
		     "Usage: aegressd [OPTION]…\n\n"
		     "Enforces in the kernel which workload may connect to which AI endpoint.\n"
		     "Programs and maps are pinned: they go on when the daemon stops.\n\n");
	aeg_opts_help(table, ret);
}
