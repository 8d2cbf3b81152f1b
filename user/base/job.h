/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Work that may block, such as fsync() or compressing a file, in a child process of its own: the
 * loop has one thread and must not wait. The child has the memory as of the start and one open file,
 * and dies with its parent.
 */
#ifndef AEG_BASE_JOB_H
#define AEG_BASE_JOB_H

#include "base/loop.h"

struct aeg_job;

/* Runs in the child; 0 or -errno. */
typedef int aeg_job_fn(void *arg);
/* Runs in the parent, after the child; the job is freed after it. */
typedef void aeg_job_done_fn(void *arg, int result);

/* fd: the only file that stays open in the child beside the standard ones; -1: none. */
int aeg_job_start(struct aeg_loop *loop, int fd, aeg_job_fn *fn, aeg_job_done_fn *done, void *arg,
		  struct aeg_job **ret);
/* Ends it without calling done: waits for its end, after a SIGKILL if it is to be cut short. NULL
 * is fine. */
void aeg_job_end(struct aeg_job *job, bool cut_short);

#endif
