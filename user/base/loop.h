/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* One epoll loop: descriptors, timers, signals. Single-threaded; callbacks may add and remove. */
#ifndef AEG_BASE_LOOP_H
#define AEG_BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct aeg_loop;
struct aeg_watch; /* a descriptor, timer or signal in the loop */

typedef void aeg_fd_fn(void *arg, int fd, uint32_t events);
typedef void aeg_timer_fn(void *arg);
typedef void aeg_signal_fn(void *arg, int signo);

int aeg_loop_new(struct aeg_loop **ret);
void aeg_loop_free(struct aeg_loop *loop); /* frees remaining watches; closes no foreign fd */
/* Runs until aeg_loop_stop(); returns 0 or -errno of epoll. `before` (may be NULL) is called every
 * time before the loop sleeps. */
int aeg_loop_run(struct aeg_loop *loop, void (*before)(void *arg), void *arg);
void aeg_loop_stop(struct aeg_loop *loop);

/* The watch borrows fd; remove the watch before closing it. */
int aeg_loop_fd(struct aeg_loop *loop, int fd, uint32_t events, aeg_fd_fn *fn, void *arg,
		struct aeg_watch **ret);
/* A disarmed timer (timerfd, CLOCK_MONOTONIC). */
int aeg_loop_timer(struct aeg_loop *loop, aeg_timer_fn *fn, void *arg, struct aeg_watch **ret);
void aeg_timer_arm(struct aeg_watch *timer, uint64_t after_ms); /* once; re-arming replaces */
void aeg_timer_disarm(struct aeg_watch *timer);
/*
 * A disarmed timer of CLOCK_REALTIME: it goes off when the wall clock says so, also when that is
 * because somebody set it, or because the machine slept.
 */
int aeg_loop_alarm(struct aeg_loop *loop, aeg_timer_fn *fn, void *arg, struct aeg_watch **ret);
void aeg_alarm_set(struct aeg_watch *alarm, uint64_t realtime_s); /* once; a past time: at once */
/* Blocks the signal and delivers it here (signalfd). */
int aeg_loop_signal(struct aeg_loop *loop, int signo, aeg_signal_fn *fn, void *arg,
		    struct aeg_watch **ret);
void aeg_watch_remove(struct aeg_watch *watch); /* NULL is fine; safe inside callbacks */

uint64_t aeg_now_ns(void);	/* CLOCK_MONOTONIC */
uint64_t aeg_realtime_ns(void); /* CLOCK_REALTIME */
uint64_t aeg_realtime_s(void);	/* the same; time() may be a tick late */

#endif
