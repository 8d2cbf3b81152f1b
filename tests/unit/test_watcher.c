// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The watcher of policy files: everything that editors, ConfigMaps and administrators do to files. */
#include "base/mem.h"
#include "daemon/watcher.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

#define DEADLINE_MS 10000
#define QUIET_MS 300 /* well above the debounce: nothing is to come */

struct fixture {
	char *dir;
	struct aeg_loop *loop;
	struct aeg_watch *deadline;
	struct aeg_watcher *watcher;
	int changes;
};

static void on_changed(void *arg)
{
	struct fixture *fixture = arg;

	fixture->changes++;
	aeg_loop_stop(fixture->loop);
}

static void on_deadline(void *arg)
{
	struct fixture *fixture = arg;

	aeg_loop_stop(fixture->loop);
}

static int setup(void **state)
{
	struct fixture *fixture = aeg_xcalloc(1, sizeof(*fixture));

	*state = fixture;
	fixture->dir = aeg_xstrdup("/tmp/aegress-watcher-XXXXXX");
	if (!mkdtemp(fixture->dir) || aeg_loop_new(&fixture->loop) ||
	    aeg_loop_timer(fixture->loop, on_deadline, fixture, &fixture->deadline))
		return -1;
	return aeg_watcher_new(fixture->loop, on_changed, fixture, &fixture->watcher);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	aeg_watcher_free(fixture->watcher);
	aeg_loop_free(fixture->loop);
	nftw(fixture->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(fixture->dir);
	free(fixture);
	return 0;
}

static char *in(const struct fixture *fixture, const char *name)
{
	return aeg_xasprintf("%s/%s", fixture->dir, name);
}

static void write_file(const struct fixture *fixture, const char *name)
{
	AEG_AUTO_FREE char *path = in(fixture, name);
	AEG_AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
}

static void make_dir(const struct fixture *fixture, const char *name)
{
	AEG_AUTO_FREE char *path = in(fixture, name);

	assert_int_equal(mkdir(path, 0700), 0);
}

static void rename_file(const struct fixture *fixture, const char *from, const char *to)
{
	AEG_AUTO_FREE char *a = in(fixture, from), *b = in(fixture, to);

	assert_int_equal(rename(a, b), 0);
}

static void watch(struct fixture *fixture, const char *name)
{
	struct aeg_strings paths = {0};
	const struct aeg_strings *lists[] = {&paths};
	AEG_AUTO_FREE char *path = in(fixture, name);

	*AEG_VEC_PUSH(paths.list) = path;
	aeg_watcher_rearm(fixture->watcher, lists, 1);
	AEG_VEC_DONE(paths.list);
}

static int changes(struct fixture *fixture, uint64_t within_ms)
{
	fixture->changes = 0;
	aeg_timer_arm(fixture->deadline, within_ms);
	assert_int_equal(aeg_loop_run(fixture->loop, NULL, NULL), 0);
	aeg_timer_disarm(fixture->deadline);
	return fixture->changes;
}

#define assert_change(fixture) assert_int_equal(changes(fixture, DEADLINE_MS), 1)
#define assert_quiet(fixture) assert_int_equal(changes(fixture, QUIET_MS), 0)

static void test_files_of_a_directory(void **state)
{
	struct fixture *fixture = *state;
	AEG_AUTO_FREE char *path = in(fixture, "d/b.yaml");

	make_dir(fixture, "d");
	watch(fixture, "d");
	write_file(fixture, "d/a.yaml");
	assert_change(fixture);
	write_file(fixture, "d/a.yaml"); /* in place */
	assert_change(fixture);
	rename_file(fixture, "d/a.yaml", "d/b.yaml");
	assert_change(fixture);
	assert_int_equal(unlink(path), 0);
	assert_change(fixture);
}

/* What editors leave beside the file is no change; the rename over it is one. */
static void test_editor(void **state)
{
	struct fixture *fixture = *state;

	make_dir(fixture, "d");
	write_file(fixture, "d/a.yaml");
	watch(fixture, "d");
	write_file(fixture, "d/.a.yaml.swp");
	write_file(fixture, "d/4913");
	write_file(fixture, "d/a.yaml~");
	assert_quiet(fixture);
	rename_file(fixture, "d/a.yaml~", "d/a.yaml");
	assert_change(fixture);
}

static void test_burst_is_one_change(void **state)
{
	struct fixture *fixture = *state;

	make_dir(fixture, "d");
	watch(fixture, "d");
	for (int i = 0; i < 50; i++) {
		AEG_AUTO_FREE char *name = aeg_xasprintf("d/%d.yaml", i);

		write_file(fixture, name);
	}
	assert_change(fixture);
	assert_quiet(fixture);
}

/* A file that is being written is not read half. */
static void test_open_file(void **state)
{
	struct fixture *fixture = *state;
	AEG_AUTO_FREE char *path = in(fixture, "d/a.yaml");
	int fd;

	make_dir(fixture, "d");
	watch(fixture, "d");
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_quiet(fixture);
	close(fd);
	assert_change(fixture);
}

static void test_subdirectory(void **state)
{
	struct fixture *fixture = *state;

	make_dir(fixture, "d");
	make_dir(fixture, "d/old");
	watch(fixture, "d");
	write_file(fixture, "d/old/a.yaml");
	assert_change(fixture);
	make_dir(fixture, "d/new");
	assert_change(fixture);
	watch(fixture, "d"); /* as a reload does */
	write_file(fixture, "d/new/a.yaml");
	assert_change(fixture);
}

/* A ConfigMap volume: a.yaml -> ..data/a.yaml, and ..data is a link that is replaced. */
static void test_config_map(void **state)
{
	struct fixture *fixture = *state;
	AEG_AUTO_FREE char *data = in(fixture, "d/..data"), *tmp = in(fixture, "d/..data_tmp");
	AEG_AUTO_FREE char *file = in(fixture, "d/a.yaml");

	make_dir(fixture, "d");
	make_dir(fixture, "d/..1");
	write_file(fixture, "d/..1/a.yaml");
	assert_int_equal(symlink("..1", data), 0);
	assert_int_equal(symlink("..data/a.yaml", file), 0);
	watch(fixture, "d");
	assert_int_equal(symlink("..2", tmp), 0);
	assert_quiet(fixture);
	assert_int_equal(rename(tmp, data), 0);
	assert_change(fixture);
}

static void test_single_file(void **state)
{
	struct fixture *fixture = *state;

	write_file(fixture, "a.yaml");
	watch(fixture, "a.yaml");
	write_file(fixture, "b.yaml"); /* beside it, not asked for */
	assert_quiet(fixture);
	rename_file(fixture, "b.yaml", "a.yaml");
	assert_change(fixture);
	write_file(fixture, "a.yaml");
	assert_change(fixture);
}

static void test_directory_that_comes_later(void **state)
{
	struct fixture *fixture = *state;

	watch(fixture, "x/y");
	make_dir(fixture, "other");
	assert_quiet(fixture);
	make_dir(fixture, "x");
	assert_change(fixture);
	watch(fixture, "x/y");
	make_dir(fixture, "x/y");
	assert_change(fixture);
	watch(fixture, "x/y");
	write_file(fixture, "x/y/a.yaml");
	assert_change(fixture);
}

static void test_directory_that_goes(void **state)
{
	struct fixture *fixture = *state;

	make_dir(fixture, "d");
	watch(fixture, "d");
	rename_file(fixture, "d", "e");
	assert_change(fixture);
}

static void test_link(void **state)
{
	struct fixture *fixture = *state;
	AEG_AUTO_FREE char *link = in(fixture, "d/a.yaml");

	make_dir(fixture, "d");
	watch(fixture, "d");
	assert_int_equal(symlink("/etc/hostname", link), 0);
	assert_change(fixture);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_files_of_a_directory), TEST(test_editor),
		TEST(test_burst_is_one_change),	 TEST(test_open_file),
		TEST(test_subdirectory),	 TEST(test_config_map),
		TEST(test_single_file),		 TEST(test_directory_that_comes_later),
		TEST(test_directory_that_goes),	 TEST(test_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
