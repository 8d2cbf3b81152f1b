// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The followed cgroup tree, on a real cgroup2 hierarchy: needs root and skips without. */
#include "workload/cgroups.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <sys/stat.h>

#define DEADLINE_MS 10000

struct fixture {
	char *root; /* a cgroup of our own; NULL: cannot be made here */
	struct aeg_loop *loop;
	struct aeg_watch *deadline;
	struct aeg_cgroups *cgroups;
	struct aeg_buf log; /* "+path -path roots " in the order told */
	const char *until;  /* the loop stops when the log ends with this */
	bool late;
};

static void check_log(struct fixture *fixture)
{
	size_t len = fixture->until ? strlen(fixture->until) : 0;

	if (len && fixture->log.len >= len &&
	    memcmp(fixture->log.data + fixture->log.len - len, fixture->until, len) == 0)
		aeg_loop_stop(fixture->loop);
}

static void on_added(void *arg, const struct aeg_cgroup *cgroup)
{
	struct fixture *fixture = arg;

	aeg_buf_printf(&fixture->log, "+%s ", cgroup->path);
	check_log(fixture);
}

static void on_removed(void *arg, const struct aeg_cgroup *cgroup)
{
	struct fixture *fixture = arg;

	aeg_buf_printf(&fixture->log, "-%s ", cgroup->path);
	check_log(fixture);
}

static void on_roots(void *arg)
{
	struct fixture *fixture = arg;

	aeg_buf_puts(&fixture->log, "roots ");
	check_log(fixture);
}

static void on_deadline(void *arg)
{
	struct fixture *fixture = arg;

	fixture->late = true;
	aeg_loop_stop(fixture->loop);
}

static char *below(const struct fixture *fixture, const char *path)
{
	return aeg_xasprintf("%s/%s", fixture->root, path);
}

static void make(const struct fixture *fixture, const char *path)
{
	AEG_AUTO_FREE char *full = below(fixture, path);

	if (mkdir(full, 0755) < 0)
		fail_msg("mkdir %s: %s", full, strerror(errno));
}

static void drop(const struct fixture *fixture, const char *path)
{
	AEG_AUTO_FREE char *full = below(fixture, path);

	if (rmdir(full) < 0)
		fail_msg("rmdir %s: %s", full, strerror(errno));
}

static int setup(void **state)
{
	struct fixture *fixture = aeg_xcalloc(1, sizeof(*fixture));
	AEG_AUTO_FREE char *mount = NULL;

	*state = fixture;
	if (aeg_cgroup2_mount(&mount) == 0) {
		fixture->root = aeg_xasprintf("%s/aegress-unit-%d", mount, getpid());
		if (mkdir(fixture->root, 0755) < 0) {
			free(fixture->root);
			fixture->root = NULL;
		}
	}
	if (aeg_loop_new(&fixture->loop))
		return -1;
	return aeg_loop_timer(fixture->loop, on_deadline, fixture, &fixture->deadline);
}

static int remove_dir(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	if (type == FTW_DP)
		rmdir(path);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	aeg_cgroups_close(fixture->cgroups);
	aeg_loop_free(fixture->loop);
	if (fixture->root)
		nftw(fixture->root, remove_dir, 16, FTW_DEPTH | FTW_PHYS);
	free(fixture->root);
	aeg_buf_done(&fixture->log);
	free(fixture);
	return 0;
}

static const struct aeg_cgroups_ops ops = {
	.added = on_added,
	.removed = on_removed,
	.roots_changed = on_roots,
};

/* Opens with the managed names, a NULL-terminated list. */
static void follow(struct fixture *fixture, const char *const *managed)
{
	struct aeg_buf error = {0};
	size_t n = 0;

	if (!fixture->root) {
		print_message("SKIP: no cgroup can be made here (needs root and cgroup2)\n");
		skip();
	}
	while (managed[n])
		n++;
	if (aeg_cgroups_open(fixture->root, managed, n, fixture->loop, &ops, fixture, &error,
			     &fixture->cgroups))
		fail_msg("%s", aeg_buf_text(&error));
}

/* Runs the loop until the log is exactly this. */
static void wait_for(struct fixture *fixture, const char *log)
{
	fixture->until = log;
	fixture->late = false;
	if (!aeg_streq(aeg_buf_text(&fixture->log), log)) {
		aeg_timer_arm(fixture->deadline, DEADLINE_MS);
		assert_int_equal(aeg_loop_run(fixture->loop, NULL, NULL), 0);
		aeg_timer_disarm(fixture->deadline);
	}
	fixture->until = NULL;
	assert_string_equal(aeg_buf_text(&fixture->log), log);
	assert_false(fixture->late);
	aeg_buf_reset(&fixture->log);
}

static void count(void *arg, const struct aeg_cgroup *cgroup)
{
	(*(size_t *)arg)++;
}

static size_t followed(const struct fixture *fixture)
{
	size_t n = 0;

	aeg_cgroups_each(fixture->cgroups, count, &n);
	return n;
}

/* ---- what is there, comes and goes ---- */

static void need_root(const struct fixture *fixture)
{
	if (fixture->root)
		return;
	print_message("SKIP: no cgroup can be made here (needs root and cgroup2)\n");
	skip();
}

static void test_finds_what_is_there(void **state)
{
	struct fixture *fixture = *state;

	need_root(fixture);
	make(fixture, "kube.slice");
	make(fixture, "kube.slice/pod1");
	make(fixture, "kube.slice/pod1/box");
	make(fixture, "other.slice");
	make(fixture, "other.slice/x");
	follow(fixture, (const char *[]){"kube.slice", "absent", NULL});
	wait_for(fixture, "+kube.slice +kube.slice/pod1 +kube.slice/pod1/box ");
	assert_int_equal(followed(fixture), 3);
}

static void test_ids_and_levels(void **state)
{
	struct fixture *fixture = *state;
	AEG_AUTO_FREE char *path = NULL;
	struct aeg_cgroup roots[2];
	uint64_t id;
	uint32_t level, root_level;

	need_root(fixture);
	make(fixture, "kube.slice");
	follow(fixture, (const char *[]){"kube.slice", "absent", NULL});
	path = below(fixture, "kube.slice");
	assert_int_equal(aeg_cgroup_stat(path, &id, &level), 0);
	assert_int_equal(aeg_cgroup_stat(fixture->root, &id, &root_level), 0);
	assert_int_equal(level, root_level + 1);
	assert_int_equal(aeg_cgroup_stat(path, &id, &level), 0);
	assert_int_equal(aeg_cgroups_roots(fixture->cgroups, roots, 2), 1);
	assert_int_equal(roots[0].id, id);
	assert_int_equal(roots[0].level, level);
	assert_string_equal(roots[0].path, "kube.slice");
}

static void test_follows(void **state)
{
	struct fixture *fixture = *state;

	need_root(fixture);
	make(fixture, "kube.slice");
	follow(fixture, (const char *[]){"kube.slice", NULL});
	wait_for(fixture, "+kube.slice ");
	make(fixture, "kube.slice/pod1");
	make(fixture, "kube.slice/pod1/box");
	wait_for(fixture, "+kube.slice/pod1 +kube.slice/pod1/box ");
	make(fixture, "elsewhere"); /* not managed: must not be told */
	drop(fixture, "kube.slice/pod1/box");
	drop(fixture, "kube.slice/pod1");
	wait_for(fixture, "-kube.slice/pod1/box -kube.slice/pod1 ");
	assert_int_equal(followed(fixture), 1);
}

static void test_managed_directory_comes_and_goes(void **state)
{
	struct fixture *fixture = *state;
	struct aeg_cgroup root;

	need_root(fixture);
	follow(fixture, (const char *[]){"a/kube.slice", NULL});
	assert_int_equal(aeg_cgroups_roots(fixture->cgroups, &root, 1), 0);
	make(fixture, "a");
	make(fixture, "a/kube.slice");
	make(fixture, "a/kube.slice/pod1");
	wait_for(fixture, "roots +a/kube.slice +a/kube.slice/pod1 ");
	assert_int_equal(aeg_cgroups_roots(fixture->cgroups, &root, 1), 1);
	drop(fixture, "a/kube.slice/pod1");
	drop(fixture, "a/kube.slice");
	wait_for(fixture, "-a/kube.slice/pod1 -a/kube.slice roots ");
	assert_int_equal(aeg_cgroups_roots(fixture->cgroups, &root, 1), 0);
}

/* The same name again is another cgroup: its id must be told, the old one must not stay. */
static void test_made_anew(void **state)
{
	struct fixture *fixture = *state;

	need_root(fixture);
	make(fixture, "kube.slice");
	make(fixture, "kube.slice/pod1");
	follow(fixture, (const char *[]){"kube.slice", NULL});
	wait_for(fixture, "+kube.slice +kube.slice/pod1 ");
	drop(fixture, "kube.slice/pod1");
	make(fixture, "kube.slice/pod1");
	wait_for(fixture, "-kube.slice/pod1 +kube.slice/pod1 ");
}

static void test_below_says_where_the_managed_part_ends(void **state)
{
	struct fixture *fixture = *state;
	struct aeg_cgroup root;

	need_root(fixture);
	make(fixture, "a");
	make(fixture, "a/b");
	follow(fixture, (const char *[]){"a/b", NULL});
	assert_int_equal(aeg_cgroups_roots(fixture->cgroups, &root, 1), 1);
	assert_string_equal(root.path + root.below, "");
}

static void test_depth_ends(void **state)
{
	struct fixture *fixture = *state;
	struct aeg_buf path = {0};

	need_root(fixture);
	aeg_buf_puts(&path, "k");
	make(fixture, path.data);
	for (int i = 0; i < AEG_CGROUP_DEPTH_MAX + 2; i++) {
		aeg_buf_puts(&path, "/d");
		make(fixture, path.data);
	}
	follow(fixture, (const char *[]){"k", NULL});
	assert_int_equal(followed(fixture), AEG_CGROUP_DEPTH_MAX + 1);
	assert_int_equal(aeg_cgroups_dropped(fixture->cgroups), 0);
	aeg_buf_done(&path);
}

/* ---- lost events: inotify keeps max_queued_events and drops the rest ---- */

static unsigned long queue_length(void)
{
	AEG_AUTO_CLOSE int fd =
		open("/proc/sys/fs/inotify/max_queued_events", O_RDONLY | O_CLOEXEC);
	char text[32] = "";

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		return 0;
	return strtoul(text, NULL, 10);
}

static void test_overflow(void **state)
{
	struct fixture *fixture = *state;
	unsigned long length = queue_length();

	need_root(fixture);
	if (!length || length > 20000) {
		print_message("SKIP: fs.inotify.max_queued_events is %lu\n", length);
		skip();
	}
	make(fixture, "k");
	make(fixture, "k/old");
	follow(fixture, (const char *[]){"k", NULL});
	wait_for(fixture, "+k +k/old ");
	for (unsigned long i = 0; i <= length / 2; i++) {
		make(fixture, "k/x");
		drop(fixture, "k/x");
	}
	drop(fixture, "k/old"); /* these three events are lost */
	make(fixture, "k/new");
	make(fixture, "k/new/box");
	fixture->until = "-k/old +k/new +k/new/box ";
	aeg_timer_arm(fixture->deadline, DEADLINE_MS);
	assert_int_equal(aeg_loop_run(fixture->loop, NULL, NULL), 0);
	assert_false(fixture->late);
	assert_int_equal(followed(fixture), 3);
}

/* ---- errors ---- */

static void assert_refused(struct fixture *fixture, const char *root, const char *const *managed,
			   size_t n, int err, const char *sentence)
{
	struct aeg_cgroups *cgroups = NULL;
	struct aeg_buf error = {0};

	assert_int_equal(aeg_cgroups_open(root, managed, n, fixture->loop, &ops, fixture, &error,
					  &cgroups),
			 err);
	assert_null(cgroups);
	assert_string_equal(aeg_buf_text(&error), sentence);
	aeg_buf_done(&error);
}

static void test_bad_roots(void **state)
{
	const char *const managed[] = {"k"};

	assert_refused(*state, "/nowhere", managed, 1, -ENOENT,
		       "cgroup root '/nowhere': No such file or directory");
	assert_refused(*state, "/tmp", managed, 1, -ENOTTY,
		       "cgroup root '/tmp': not on a cgroup2 file system");
}

static void test_bad_managed(void **state)
{
	static const char *const names[] = {"",	    "/k",     "k/",   ".",  "..",
					    "../k", "a/../b", "a//b", "./k"};

	for (size_t i = 0; i < AEG_ARRAY_SIZE(names); i++) {
		AEG_AUTO_FREE char *sentence = aeg_xasprintf(
			"managed cgroup '%s': not a path below the cgroup root, like kubepods.slice",
			names[i]);

		assert_refused(*state, "/nowhere", &names[i], 1, -EINVAL, sentence);
	}
}

static void test_overlap(void **state)
{
	assert_refused(*state, "/nowhere", (const char *[]){"a", "a/b"}, 2, -EINVAL,
		       "managed cgroup 'a/b': overlaps managed cgroup 'a'");
	assert_refused(*state, "/nowhere", (const char *[]){"a/b", "ab", "a"}, 3, -EINVAL,
		       "managed cgroup 'a': overlaps managed cgroup 'a/b'");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_finds_what_is_there),
		TEST(test_ids_and_levels),
		TEST(test_follows),
		TEST(test_managed_directory_comes_and_goes),
		TEST(test_made_anew),
		TEST(test_below_says_where_the_managed_part_ends),
		TEST(test_depth_ends),
		TEST(test_overflow),
		TEST(test_bad_roots),
		TEST(test_bad_managed),
		TEST(test_overlap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
