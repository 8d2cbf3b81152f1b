// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The event loop: order, removal inside callbacks, timers, signals, and that it sleeps. */
#include "base/loop.h"
#include "base/mem.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

/* Pipes with a byte in each, watched by callbacks that count. */
struct fixture {
	struct aeg_loop *loop;
	int pipes[3][2];
	struct aeg_watch *watches[3], *timer;
	int calls[3], fired, before;
	int signo;
};

static int setup(void **state)
{
	struct fixture *fixture = aeg_xcalloc(1, sizeof(*fixture));

	*state = fixture;
	for (int i = 0; i < 3; i++)
		if (pipe2(fixture->pipes[i], O_CLOEXEC | O_NONBLOCK))
			return -1;
	return aeg_loop_new(&fixture->loop);
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	aeg_loop_free(fixture->loop);
	for (int i = 0; i < 3; i++) {
		close(fixture->pipes[i][0]);
		close(fixture->pipes[i][1]);
	}
	free(fixture);
	return 0;
}

static void fill(const struct fixture *fixture, int i)
{
	assert_int_equal(write(fixture->pipes[i][1], "x", 1), 1);
}

static int index_of(const struct fixture *fixture, int fd)
{
	for (int i = 0; i < 3; i++)
		if (fixture->pipes[i][0] == fd)
			return i;
	fail_msg("called with descriptor %d", fd);
	return -1;
}

static void watch(struct fixture *fixture, int i, aeg_fd_fn *fn)
{
	assert_int_equal(aeg_loop_fd(fixture->loop, fixture->pipes[i][0], EPOLLIN, fn, fixture,
				     &fixture->watches[i]),
			 0);
}

/* Reads the byte; stops when each pipe that is watched had its call. */
static void count_and_stop(void *arg, int fd, uint32_t events)
{
	struct fixture *fixture = arg;
	char byte;

	assert_true(events & EPOLLIN);
	assert_int_equal(read(fd, &byte, 1), 1);
	fixture->calls[index_of(fixture, fd)]++;
	if (fixture->calls[0] && fixture->calls[1])
		aeg_loop_stop(fixture->loop);
}

static void count_before(void *arg)
{
	((struct fixture *)arg)->before++;
}

static void test_descriptors(void **state)
{
	struct fixture *fixture = *state;

	watch(fixture, 0, count_and_stop);
	watch(fixture, 1, count_and_stop);
	watch(fixture, 2, count_and_stop);
	fill(fixture, 0);
	fill(fixture, 1);
	assert_int_equal(aeg_loop_run(fixture->loop, count_before, fixture), 0);
	assert_int_equal(fixture->calls[0], 1);
	assert_int_equal(fixture->calls[1], 1);
	assert_int_equal(fixture->calls[2], 0);
	assert_in_range(fixture->before, 1, 2);
}

static void test_add_fails(void **state)
{
	struct fixture *fixture = *state;
	struct aeg_watch *none = NULL;
	AEG_AUTO_CLOSE int regular = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	assert_int_equal(aeg_loop_fd(fixture->loop, -1, EPOLLIN, count_and_stop, NULL, &none),
			 -EBADF);
	assert_int_equal(aeg_loop_fd(fixture->loop, regular, EPOLLIN, count_and_stop, NULL, &none),
			 -EPERM);
	assert_int_equal(aeg_loop_signal(fixture->loop, 12345, NULL, NULL, &none), -EINVAL);
	assert_null(none);
	aeg_watch_remove(NULL);
	aeg_loop_free(NULL);
}

/* Whoever is called first removes all of them, itself too: nobody else of the batch is called. */
static void remove_all_and_stop(void *arg, int fd, uint32_t events)
{
	struct fixture *fixture = arg;

	fixture->calls[index_of(fixture, fd)]++;
	for (int i = 0; i < 3; i++) {
		aeg_watch_remove(fixture->watches[i]);
		aeg_watch_remove(fixture->watches[i]); /* again: still there until the batch ends */
	}
	aeg_timer_arm(fixture->timer, 0); /* the batch has to end before the loop does */
}

static void count_timer_and_stop(void *arg)
{
	struct fixture *fixture = arg;

	fixture->fired++;
	aeg_loop_stop(fixture->loop);
}

static void test_remove_inside(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(
		aeg_loop_timer(fixture->loop, count_timer_and_stop, fixture, &fixture->timer), 0);
	for (int i = 0; i < 3; i++) {
		watch(fixture, i, remove_all_and_stop);
		fill(fixture, i);
	}
	assert_int_equal(aeg_loop_run(fixture->loop, NULL, NULL), 0);
	assert_int_equal(fixture->calls[0] + fixture->calls[1] + fixture->calls[2], 1);
}

/* Adds a watch for pipe 1 from inside pipe 0's callback. */
static void add_another(void *arg, int fd, uint32_t events)
{
	struct fixture *fixture = arg;

	fixture->calls[0]++;
	aeg_watch_remove(fixture->watches[0]);
	watch(fixture, 1, count_and_stop);
	fill(fixture, 1);
}

static void test_add_inside(void **state)
{
	struct fixture *fixture = *state;

	watch(fixture, 0, add_another);
	fill(fixture, 0);
	assert_int_equal(aeg_loop_run(fixture->loop, NULL, NULL), 0);
	assert_int_equal(fixture->calls[0], 1);
	assert_int_equal(fixture->calls[1], 1);
}

static void test_stop_before_run(void **state)
{
	struct fixture *fixture = *state;

	aeg_loop_stop(fixture->loop);
	assert_int_equal(aeg_loop_run(fixture->loop, count_before, fixture), 0);
	assert_int_equal(fixture->before, 0);
}

static void test_timer_waits(void **state)
{
	struct fixture *fixture = *state;
	uint64_t start = aeg_now_ns();

	assert_int_equal(
		aeg_loop_timer(fixture->loop, count_timer_and_stop, fixture, &fixture->timer), 0);
	aeg_timer_arm(fixture->timer, 30);
	assert_int_equal(aeg_loop_run(fixture->loop, count_before, fixture), 0);
	assert_true(aeg_now_ns() - start >= 30000000);
	assert_int_equal(fixture->fired, 1);
	assert_int_equal(fixture->before, 1); /* it slept all the time */
}

static void rearm_twice(void *arg)
{
	struct fixture *fixture = arg;

	if (++fixture->fired == 3)
		aeg_loop_stop(fixture->loop);
	else
		aeg_timer_arm(fixture->timer, 1001 * (fixture->fired == 0)); /* 0: at once */
}

static void test_timer_rearms(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(aeg_loop_timer(fixture->loop, rearm_twice, fixture, &fixture->timer), 0);
	aeg_timer_arm(fixture->timer, 3600000);
	aeg_timer_arm(fixture->timer, 0); /* replaces the hour */
	assert_int_equal(aeg_loop_run(fixture->loop, NULL, NULL), 0);
	assert_int_equal(fixture->fired, 3);
}

static void must_not_fire(void *arg)
{
	fail_msg("a disarmed timer fired");
}

/* By the wall clock: what is past goes off at once, what is to come does not. */
static void test_alarm(void **state)
{
	struct fixture *fixture = *state;
	uint64_t begin = aeg_realtime_s(), second = 1000000000;
	struct aeg_watch *never, *far;

	assert_int_equal(aeg_loop_alarm(fixture->loop, must_not_fire, NULL, &never), 0);
	assert_int_equal(aeg_loop_alarm(fixture->loop, must_not_fire, NULL, &far), 0);
	assert_int_equal(
		aeg_loop_alarm(fixture->loop, count_timer_and_stop, fixture, &fixture->timer), 0);
	aeg_alarm_set(never, begin);
	aeg_timer_disarm(never);
	aeg_alarm_set(far, UINT64_MAX);
	aeg_alarm_set(fixture->timer, begin + 1);
	assert_int_equal(aeg_loop_run(fixture->loop, NULL, NULL), 0);
	assert_int_equal(fixture->fired, 1);
	assert_true(aeg_realtime_ns() >= (begin + 1) * second);
	assert_true(aeg_realtime_s() >= begin + 1); /* not a tick before */
	aeg_alarm_set(fixture->timer, 0);
	assert_int_equal(aeg_loop_run(fixture->loop, NULL, NULL), 0);
	assert_int_equal(fixture->fired, 2);
}

static void test_timer_disarms(void **state)
{
	struct fixture *fixture = *state;
	struct aeg_watch *disarmed, *never_armed;

	assert_int_equal(aeg_loop_timer(fixture->loop, must_not_fire, NULL, &never_armed), 0);
	assert_int_equal(aeg_loop_timer(fixture->loop, must_not_fire, NULL, &disarmed), 0);
	assert_int_equal(
		aeg_loop_timer(fixture->loop, count_timer_and_stop, fixture, &fixture->timer), 0);
	aeg_timer_arm(disarmed, 1);
	aeg_timer_disarm(disarmed);
	aeg_timer_arm(fixture->timer, 5);
	assert_int_equal(aeg_loop_run(fixture->loop, NULL, NULL), 0);
	assert_int_equal(fixture->fired, 1);
}

static void take_signal(void *arg, int signo)
{
	struct fixture *fixture = arg;

	fixture->signo = signo;
	aeg_loop_stop(fixture->loop);
}

static bool is_blocked(int signo)
{
	sigset_t set;

	assert_int_equal(sigprocmask(SIG_BLOCK, NULL, &set), 0);
	return sigismember(&set, signo);
}

static void test_signal(void **state)
{
	struct fixture *fixture = *state;
	struct aeg_watch *usr1, *hup;

	assert_int_equal(aeg_loop_signal(fixture->loop, SIGUSR1, take_signal, fixture, &usr1), 0);
	assert_int_equal(aeg_loop_signal(fixture->loop, SIGHUP, take_signal, fixture, &hup), 0);
	assert_true(is_blocked(SIGHUP));
	assert_int_equal(kill(getpid(), SIGHUP), 0);
	assert_int_equal(aeg_loop_run(fixture->loop, NULL, NULL), 0);
	assert_int_equal(fixture->signo, SIGHUP);
	aeg_watch_remove(hup);
	assert_false(is_blocked(SIGHUP)); /* as it was before */
	assert_true(is_blocked(SIGUSR1));
	assert_int_equal(kill(getpid(), SIGUSR1), 0);
	assert_int_equal(aeg_loop_run(fixture->loop, NULL, NULL), 0);
	assert_int_equal(fixture->signo, SIGUSR1);
}

/* What the batch held when the loop was stopped comes in the next run. */
static void stop_at_once(void *arg, int fd, uint32_t events)
{
	struct fixture *fixture = arg;
	char byte;

	assert_int_equal(read(fd, &byte, 1), 1);
	fixture->calls[index_of(fixture, fd)]++;
	aeg_loop_stop(fixture->loop);
}

static void test_stop_loses_nothing(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < 3; i++) {
		watch(fixture, i, stop_at_once);
		fill(fixture, i);
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(aeg_loop_run(fixture->loop, NULL, NULL), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(fixture->calls[i], 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_descriptors),	 TEST(test_add_fails),		TEST(test_remove_inside),
		TEST(test_add_inside),	 TEST(test_stop_before_run),	TEST(test_timer_waits),
		TEST(test_timer_rearms), TEST(test_timer_disarms),	TEST(test_alarm),
		TEST(test_signal),	 TEST(test_stop_loses_nothing),
	};

	alarm(60); /* a loop that misses its event ends here */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
