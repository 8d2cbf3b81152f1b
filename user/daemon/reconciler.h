/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Keeps the kernel in agreement with the documents and with the cgroups that exist. Owns the datapath
 * and what is in force; a reload that fails anywhere leaves both as they were.
 */
#ifndef AEG_DAEMON_RECONCILER_H
#define AEG_DAEMON_RECONCILER_H

#include "daemon/cause.h"
#include "daemon/config.h"
#include "daemon/janitor.h"
#include "daemon/listening.h"
#include "daemon/ruleset.h"
#include "daemon/veths.h"
#include "daemon/watcher.h"
#include "datapath/datapath.h"

struct aeg_reload { /* how the last one went */
	bool ok;
	uint64_t at_ns; /* CLOCK_REALTIME */
	struct aeg_diags diags;
	char *text; /* what a terminal shows: diagnostics or one sentence; "" when all is well */
};

/* Who is told of changes; NULL: nobody. before NULL: unknown, an earlier daemon's. */
struct aeg_quarantine;
struct aeg_quarantiner;
struct aeg_expirer;
struct aeg_reclaimer;

struct aeg_change_watch {
	void (*changed)(void *arg, const struct aeg_cause *cause, const struct aeg_model *before,
			const struct aeg_model *after);
	void (*refused)(void *arg, const struct aeg_cause *cause, const char *why);
	/* event: quarantine, release */
	void (*quarantined)(void *arg, const char *event, const struct aeg_cause *cause,
			    const struct aeg_quarantine *quarantine);
	void *arg;
};

struct aeg_reconciler {
	const struct aeg_config *config;
	struct aeg_loop *loop;
	struct aeg_datapath *datapath;
	struct aeg_cgroups *cgroups;
	struct aeg_watcher *watcher;
	struct aeg_watch *repair; /* timer: install everything anew after a partial failure */
	struct aeg_watch *revoke; /* timer: one look at what stands for a burst of changes */
	struct aeg_watch *rest;	  /* timer: and one at what was being decided meanwhile */
	struct aeg_janitor *janitor;
	struct aeg_listening *listening;
	struct aeg_veths *veths; /* NULL: TC is switched off */
	struct aeg_quarantiner *quarantiner;
	struct aeg_expirer *expirer;
	struct aeg_reclaimer *reclaimer;
	struct aeg_cluster *cluster; /* NULL: none is configured */
	struct aeg_addrs resolvers;  /* that the kernel believes */
	struct aeg_numbers numbers;
	struct aeg_ruleset *ruleset; /* in force; NULL while only adopted pins are */
	struct aeg_reload last;
	uint64_t reloads, failures; /* how many there were, and how many of them failed */
	uint64_t good_at_ns;	    /* CLOCK_REALTIME of the last that did not; 0: none yet */
	uint64_t generation_at_ns;  /* CLOCK_REALTIME; 0: not installed by this process */
	uint32_t levels;
	bool adopted, attached, repairing, revoking, resting;
	void (*swapped)(void *arg); /* a new ruleset is in force: forget what borrows the old one */
	void (*joined)(void *arg, const struct aeg_workload *workload); /* and one more is in it */
	void (*revoked)(void *arg); /* connections were denied: end them now */
	void *swapped_arg;	    /* of all three */
	struct aeg_change_watch watch;
	unsigned int left; /* pods that are gone and still in the model */
	char *self;	   /* the daemon's own cgroup; NULL: not a managed one */
};

/* Opens the datapath and follows the cgroups. Nothing is installed. -errno with a sentence. */
int aeg_reconciler_open(const struct aeg_config *config, struct aeg_loop *loop,
			struct aeg_buf *error, struct aeg_reconciler **ret);
void aeg_reconciler_close(struct aeg_reconciler *reconciler);

/* Reads, checks, compiles, installs, attaches. 0 or -errno; reconciler->last says what was wrong. */
int aeg_reconciler_reload(struct aeg_reconciler *reconciler, const struct aeg_cause *cause);
/*
 * The documents in force once more, without the rules whose time is up. It reads nothing, so that a
 * mistake in some file does not keep them. Something must be in force.
 */
int aeg_reconciler_expire(struct aeg_reconciler *reconciler, const struct aeg_cause *cause,
			  struct aeg_buf *error);
/* After an adoption whose first reload failed: this daemon's programs, the adopted generation. */
int aeg_reconciler_keep(struct aeg_reconciler *reconciler, struct aeg_buf *error);

/* A row could not be written: a whole new generation is installed, soon. */
void aeg_reconciler_repair(struct aeg_reconciler *reconciler, const char *path, const char *why);

#endif
