/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The stage of the live test: mount and network namespace, cgroups, workers, the datapath attached.
 * All of it is this process's own; whatever way it ends, stage_cleanup() leaves nothing behind.
 */
#ifndef AEG_TEST_LIVE_STAGE_H
#define AEG_TEST_LIVE_STAGE_H

#include "live_worker.h"
#include "datapath/datapath.h"

#define STAGE_WORKERS 16

struct stage {
	char *root;    /* our cgroup: where the programs are attached */
	char *managed; /* below it */
	char *pods[STAGE_WORKERS], *pin_dir;
	uint64_t cgroups[STAGE_WORKERS]; /* ids */
	struct worker workers[STAGE_WORKERS];
	struct aeg_datapath *datapath;
	int listener; /* accepts on every address, port LISTEN_PORT */
};
#define STAGE_LISTEN_PORT 443

/* Makes the cgroups; the process that calls it must also call stage_cleanup(). */
int stage_prepare(struct stage *ret, struct aeg_buf *error);
/* Namespaces, workers, datapath: in a child of that process. */
int stage_open(struct stage *stage, struct aeg_buf *error);
void stage_close(struct stage *stage);
/* Removes the cgroups, and kills what is still in them. */
void stage_cleanup(struct stage *stage);
/* Takes and closes the connections that wait at the listener. */
void stage_drain_listener(struct stage *stage);

#endif
