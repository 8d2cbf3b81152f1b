/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* fork() and a pidfd in the loop. */
#include "base/job.h"
#include "base/mem.h"
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define NICE 10

struct aeg_job {
	struct aeg_watch *watch;
	aeg_job_done_fn *done;
	void *arg;
	pid_t pid;
	int pidfd;
};

/* A socket that the child kept open would go on listening after the daemon's death. */
static void close_others(int fd)
{
	if (fd > 3)
		syscall(SYS_close_range, 3, fd - 1, 0);
	syscall(SYS_close_range, fd > 2 ? fd + 1 : 3, ~0U, 0);
}

static void run(int fd, aeg_job_fn *fn, void *arg)
{
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "aegressd-job");
	close_others(fd);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGINT, SIG_IGN); /* of a terminal: the daemon decides */
	setpriority(PRIO_PROCESS, 0, NICE);
	_exit(-fn(arg) & 0xff);
}

/* Its exit status is a positive errno; one that was killed did nothing for sure. */
static int reap(struct aeg_job *job)
{
	int status = 0;

	while (waitpid(job->pid, &status, 0) < 0 && errno == EINTR)
		;
	aeg_watch_remove(job->watch);
	aeg_closep(&job->pidfd);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

static void on_exit_seen(void *arg, int fd, uint32_t events)
{
	struct aeg_job *job = arg;
	int result = reap(job);

	job->done(job->arg, result);
	free(job);
}

int aeg_job_start(struct aeg_loop *loop, int fd, aeg_job_fn *fn, aeg_job_done_fn *done, void *arg,
		  struct aeg_job **ret)
{
	struct aeg_job *job = aeg_xcalloc(1, sizeof(*job));
	int err = 0;

	job->done = done;
	job->arg = arg;
	job->pid = fork();
	if (job->pid == 0)
		run(fd, fn, arg);
	if (job->pid < 0) {
		err = -errno;
		free(job);
		return err;
	}
	job->pidfd = (int)syscall(SYS_pidfd_open, job->pid, 0);
	if (job->pidfd < 0)
		err = -errno;
	else
		err = aeg_loop_fd(loop, job->pidfd, EPOLLIN, on_exit_seen, job, &job->watch);
	if (err) {
		aeg_job_end(job, true);
		return err;
	}
	*ret = job;
	return 0;
}

void aeg_job_end(struct aeg_job *job, bool cut_short)
{
	if (!job)
		return;
	if (cut_short)
		kill(job->pid, SIGKILL);
	reap(job);
	free(job);
}
