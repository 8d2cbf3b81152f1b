// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * The event loop: level-triggered epoll, a timerfd each timer, a signalfd each signal. A removed
 * watch is only marked while a batch of events is handed out, and freed after it: the batch may hold
 * its address. Never wakes up by itself.
 */
#include "base/loop.h"
#include "base/mem.h"
#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>

#define BATCH 32

enum kind { KIND_FD, KIND_TIMER, KIND_SIGNAL };

struct aeg_watch {
	struct aeg_loop *loop;
	enum kind kind;
	bool removed;
	bool unblock; /* SIGNAL: it was not blocked before */
	int fd;	      /* owned, but for FD */
	int signo;
	union {
		aeg_fd_fn *fd;
		aeg_timer_fn *timer;
		aeg_signal_fn *signal;
	} fn;
	void *arg;
};

struct aeg_loop {
	int epoll;
	bool stop, dispatching;
	AEG_VEC(struct aeg_watch *) watches; /* removed ones too, until the next sweep */
};

int aeg_loop_new(struct aeg_loop **ret)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll < 0)
		return -errno;
	*ret = aeg_xcalloc(1, sizeof(**ret));
	(*ret)->epoll = epoll;
	return 0;
}

/* Frees the watches that are removed. There are few watches, and removal is rare. */
static void sweep(struct aeg_loop *loop)
{
	size_t kept = 0;

	for (size_t i = 0; i < loop->watches.n; i++) {
		struct aeg_watch *watch = loop->watches.items[i];

		if (watch->removed)
			free(watch);
		else
			loop->watches.items[kept++] = watch;
	}
	loop->watches.n = kept;
}

static void signal_unblock(int signo)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signo);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void detach(struct aeg_watch *watch)
{
	watch->removed = true;
	/* Fails for a foreign descriptor that is closed already; epoll has forgotten it then. */
	epoll_ctl(watch->loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
	if (watch->kind != KIND_FD)
		close(watch->fd);
	if (watch->unblock)
		signal_unblock(watch->signo);
}

void aeg_watch_remove(struct aeg_watch *watch)
{
	if (!watch || watch->removed)
		return;
	detach(watch);
	if (!watch->loop->dispatching)
		sweep(watch->loop);
}

void aeg_loop_free(struct aeg_loop *loop)
{
	if (!loop)
		return;
	for (size_t i = 0; i < loop->watches.n; i++)
		detach(loop->watches.items[i]);
	sweep(loop);
	AEG_VEC_DONE(loop->watches);
	close(loop->epoll);
	free(loop);
}

/* Takes fd on success, but for KIND_FD. */
static int add_watch(struct aeg_loop *loop, int fd, uint32_t events, const struct aeg_watch *init,
		     struct aeg_watch **ret)
{
	struct aeg_watch *watch = aeg_xcalloc(1, sizeof(*watch));
	struct epoll_event event = {.events = events, .data.ptr = watch};

	*watch = *init;
	watch->loop = loop;
	watch->fd = fd;
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event)) {
		int err = -errno;

		free(watch);
		return err;
	}
	*AEG_VEC_PUSH(loop->watches) = watch;
	*ret = watch;
	return 0;
}

int aeg_loop_fd(struct aeg_loop *loop, int fd, uint32_t events, aeg_fd_fn *fn, void *arg,
		struct aeg_watch **ret)
{
	struct aeg_watch init = {.kind = KIND_FD, .fn.fd = fn, .arg = arg};

	return add_watch(loop, fd, events, &init, ret);
}

static int add_timer(struct aeg_loop *loop, clockid_t clock, aeg_timer_fn *fn, void *arg,
		     struct aeg_watch **ret)
{
	struct aeg_watch init = {.kind = KIND_TIMER, .fn.timer = fn, .arg = arg};
	AEG_AUTO_CLOSE int fd = timerfd_create(clock, TFD_NONBLOCK | TFD_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = add_watch(loop, fd, EPOLLIN, &init, ret);
	if (!err)
		(void)AEG_TAKE_FD(fd);
	return err;
}

int aeg_loop_timer(struct aeg_loop *loop, aeg_timer_fn *fn, void *arg, struct aeg_watch **ret)
{
	return add_timer(loop, CLOCK_MONOTONIC, fn, arg, ret);
}

int aeg_loop_alarm(struct aeg_loop *loop, aeg_timer_fn *fn, void *arg, struct aeg_watch **ret)
{
	return add_timer(loop, CLOCK_REALTIME, fn, arg, ret);
}

static void timer_set(const struct aeg_watch *timer, int flags, time_t seconds, long nanoseconds)
{
	struct itimerspec when = {.it_value = {.tv_sec = seconds, .tv_nsec = nanoseconds}};

	/* Cannot fail: the descriptor is a timerfd and the times are in range. */
	timerfd_settime(timer->fd, flags, &when, NULL);
}

void aeg_timer_arm(struct aeg_watch *timer, uint64_t after_ms)
{
	/* Zero would disarm it. */
	long nanoseconds = after_ms ? (long)(after_ms % 1000) * 1000000 : 1;

	timer_set(timer, 0, (time_t)(after_ms / 1000), nanoseconds);
}

void aeg_timer_disarm(struct aeg_watch *timer)
{
	timer_set(timer, 0, 0, 0);
}

void aeg_alarm_set(struct aeg_watch *alarm, uint64_t realtime_s)
{
	/* Zero would disarm it; what is further away than a time can be never comes. */
	time_t at = realtime_s < INT64_MAX ? (time_t)realtime_s : INT64_MAX;

	timer_set(alarm, TFD_TIMER_ABSTIME, at, 1);
}

int aeg_loop_signal(struct aeg_loop *loop, int signo, aeg_signal_fn *fn, void *arg,
		    struct aeg_watch **ret)
{
	struct aeg_watch init = {.kind = KIND_SIGNAL, .fn.signal = fn, .arg = arg, .signo = signo};
	AEG_AUTO_CLOSE int fd = -1;
	sigset_t set, before;
	int err;

	sigemptyset(&set);
	if (sigaddset(&set, signo))
		return -errno;
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0 || sigprocmask(SIG_BLOCK, &set, &before))
		return -errno;
	init.unblock = !sigismember(&before, signo);
	err = add_watch(loop, fd, EPOLLIN, &init, ret);
	if (!err)
		(void)AEG_TAKE_FD(fd);
	else if (init.unblock)
		signal_unblock(signo);
	return err;
}

/* The timer may have been re-armed or disarmed since epoll saw it: then there is nothing to read. */
static void dispatch_timer(const struct aeg_watch *watch)
{
	uint64_t expirations;

	if (read(watch->fd, &expirations, sizeof(expirations)) == (ssize_t)sizeof(expirations))
		watch->fn.timer(watch->arg);
}

static void dispatch_signal(const struct aeg_watch *watch)
{
	struct signalfd_siginfo info;

	if (read(watch->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		watch->fn.signal(watch->arg, (int)info.ssi_signo);
}

static void dispatch(const struct epoll_event *event)
{
	struct aeg_watch *watch = event->data.ptr;

	if (watch->removed)
		return;
	switch (watch->kind) {
	case KIND_FD:
		watch->fn.fd(watch->arg, watch->fd, event->events);
		break;
	case KIND_TIMER:
		dispatch_timer(watch);
		break;
	case KIND_SIGNAL:
		dispatch_signal(watch);
		break;
	}
}

/* What a stop leaves undelivered is level-triggered: the next run gets it. */
static int run_once(struct aeg_loop *loop)
{
	struct epoll_event events[BATCH];
	int n = epoll_wait(loop->epoll, events, BATCH, -1);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	loop->dispatching = true;
	for (int i = 0; i < n && !loop->stop; i++)
		dispatch(&events[i]);
	loop->dispatching = false;
	sweep(loop);
	return 0;
}

int aeg_loop_run(struct aeg_loop *loop, void (*before)(void *arg), void *arg)
{
	int err = 0;

	while (!loop->stop && !err) {
		if (before)
			before(arg);
		if (!loop->stop)
			err = run_once(loop);
	}
	loop->stop = false;
	return err;
}

void aeg_loop_stop(struct aeg_loop *loop)
{
	loop->stop = true;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

uint64_t aeg_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t aeg_realtime_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

uint64_t aeg_realtime_s(void)
{
	return aeg_realtime_ns() / UINT64_C(1000000000);
}
