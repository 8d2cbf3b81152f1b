// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Whole files and directories, in a temporary directory of each test. */
#include "base/buf.h"
#include "base/file.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>

/* Tests run in it, so that their paths are short. */
static char directory[] = "/tmp/aegress-test-file-XXXXXX";

static int enter(void **state)
{
	memcpy(directory + sizeof(directory) - 7, "XXXXXX", 6);
	return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int leave(void **state)
{
	return chdir("/") || nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_true(file && fputs(text, file) >= 0);
	assert_true(file && fclose(file) == 0);
}

static void assert_content(const char *path, const char *expected)
{
	AEG_AUTO_FREE char *text = NULL;
	size_t len = 0;

	assert_int_equal(aeg_file_read(path, 1000, &text, &len), 0);
	assert_int_equal(len, strlen(expected));
	assert_string_equal(text, expected);
}

static void test_read(void **state)
{
	put("a", "content");
	assert_content("a", "content");
	put("empty", "");
	assert_content("empty", "");
}

static void assert_read_fails(const char *path, size_t max, int err)
{
	char *text = (char *)1;
	size_t len = 42;

	assert_int_equal(aeg_file_read(path, max, &text, &len), err);
	assert_ptr_equal(text, (char *)1);
	assert_int_equal(len, 42);
}

static void test_read_limits(void **state)
{
	AEG_AUTO_FREE char *big = aeg_xcalloc(40001, 1);
	AEG_AUTO_FREE char *text = NULL;
	size_t len;

	memset(big, 'x', 40000);
	put("a", big);
	assert_read_fails("a", 0, -EFBIG);
	assert_read_fails("a", 39999, -EFBIG);
	assert_int_equal(aeg_file_read("a", 40000, &text, &len), 0);
	assert_int_equal(len, 40000);
	assert_string_equal(text, big);
}

static void test_read_refuses(void **state)
{
	assert_read_fails("missing", 10, -ENOENT);
	assert_read_fails(".", 10, -EISDIR);
	assert_read_fails("/dev/null", 10, -EINVAL);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_read_fails("fifo", 10, -EINVAL); /* and does not hang */
}

/* Their size is 0 to fstat(). */
static void test_read_proc(void **state)
{
	AEG_AUTO_FREE char *text = NULL;
	size_t len = 0;

	assert_int_equal(aeg_file_read("/proc/self/status", 100000, &text, &len), 0);
	assert_int_equal(strncmp(text, "Name:", 5), 0);
}

static size_t count_entries(const char *path)
{
	DIR *dir = opendir(path);
	size_t n = 0;

	if (!dir)
		return SIZE_MAX;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2; /* . and .. */
}

static void test_replace(void **state)
{
	struct stat st;

	assert_int_equal(aeg_file_replace("a", "one", 3, 0640), 0);
	assert_content("a", "one");
	assert_int_equal(stat("a", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(mkdir("d", 0755), 0);
	assert_int_equal(aeg_file_replace("d/b", "two", 3, 0600), 0);
	assert_int_equal(aeg_file_replace("d/b", "", 0, 0600), 0);
	assert_content("d/b", "");
	assert_int_equal(count_entries("d"), 1); /* no temporary file is left */
}

/* Who has the old file open goes on reading the old content. */
static void test_replace_is_a_rename(void **state)
{
	AEG_AUTO_CLOSE int fd = -1;
	char old[4] = {0};

	put("a", "old");
	fd = open("a", O_RDONLY | O_CLOEXEC);
	assert_int_equal(aeg_file_replace("a", "new", 3, 0600), 0);
	assert_int_equal(read(fd, old, 3), 3);
	assert_string_equal(old, "old");
	assert_content("a", "new");
}

static void test_replace_fails_cleanly(void **state)
{
	assert_int_equal(aeg_file_replace("missing/a", "x", 1, 0600), -ENOENT);
	assert_int_equal(mkdir("d", 0755), 0);
	assert_int_equal(mkdir("d/a", 0755), 0);
	assert_int_equal(aeg_file_replace("d/a", "x", 1, 0600), -EISDIR);
	assert_int_equal(count_entries("d"), 1);
}

static void assert_collected(const char *path, const char *joined)
{
	struct aeg_paths paths = {0};
	struct aeg_buf text = {0};

	assert_int_equal(aeg_paths_collect(path, &paths), 0);
	for (size_t i = 0; i < paths.list.n; i++)
		aeg_buf_printf(&text, "%s%s", i ? " " : "", paths.list.items[i]);
	assert_string_equal(aeg_buf_text(&text), joined);
	aeg_buf_done(&text);
	aeg_paths_done(&paths);
}

static void test_collect(void **state)
{
	assert_int_equal(mkdir("p", 0755) | mkdir("p/sub", 0755) | mkdir("p/dir.yaml", 0755), 0);
	put("p/b.yaml", "");
	put("p/a.yml", "");
	put("p/B.yaml", "");
	put("p/.hidden.yaml", "");
	put("p/.yaml", "");
	put("p/readme.md", "");
	put("p/x.yaml.orig", "");
	put("p/sub/c.yaml", "");
	put("p/dir.yaml/d.yaml", "");
	assert_collected("p", "p/B.yaml p/a.yml p/b.yaml p/dir.yaml/d.yaml p/sub/c.yaml");
	assert_collected("p/", "p/B.yaml p/a.yml p/b.yaml p/dir.yaml/d.yaml p/sub/c.yaml");
	assert_collected("p/readme.md", "p/readme.md"); /* named by the user: any name */
}

/* A ConfigMap as the kubelet mounts it: the names are links into a hidden directory. */
static void test_collect_config_map(void **state)
{
	assert_int_equal(mkdir("m", 0755) | mkdir("m/..2026_11_20", 0755), 0);
	put("m/..2026_11_20/a.yaml", "a: 1");
	assert_int_equal(symlink("..2026_11_20", "m/..data") | symlink("..data/a.yaml", "m/a.yaml"),
			 0);
	assert_collected("m", "m/a.yaml");
	assert_content("m/a.yaml", "a: 1");
}

static void test_collect_links(void **state)
{
	assert_int_equal(mkdir("p", 0755) | mkdir("q", 0755), 0);
	put("q/in-q.yaml", "");
	assert_int_equal(symlink("../q", "p/q"), 0);
	assert_int_equal(symlink("../q", "p/q.yaml"), 0);
	assert_int_equal(symlink("..", "p/loop"), 0);
	assert_int_equal(symlink("gone", "p/broken.yaml"), 0);
	/* A policy that cannot be read must not vanish silently. */
	assert_collected("p", "p/broken.yaml");
	/* The path that the user gives may be a link itself. */
	assert_collected("p/q", "p/q/in-q.yaml");
}

static void test_collect_fails(void **state)
{
	struct aeg_paths paths = {0};

	put("a.yaml", "");
	assert_int_equal(aeg_paths_collect("a.yaml", &paths), 0);
	assert_int_equal(aeg_paths_collect("missing", &paths), -ENOENT);
	assert_int_equal(aeg_paths_collect("a.yaml/b", &paths), -ENOTDIR);
	assert_int_equal(paths.list.n, 1);
	aeg_paths_done(&paths);
	aeg_paths_done(&paths);
}

static void test_mkdir_p(void **state)
{
	struct stat st;

	assert_int_equal(aeg_mkdir_p("a/b//c/", 0750), 0);
	assert_int_equal(stat("a/b/c", &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0750);
	assert_int_equal(aeg_mkdir_p("a/b/c", 0700), 0);
	assert_int_equal(aeg_mkdir_p("/", 0700), 0);
	assert_int_equal(aeg_mkdir_p("", 0700), -ENOENT);
	put("file", "");
	assert_int_equal(aeg_mkdir_p("file", 0700), -ENOTDIR);
	assert_int_equal(aeg_mkdir_p("file/x", 0700), -ENOTDIR);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_read),
		TEST(test_read_limits),
		TEST(test_read_refuses),
		TEST(test_read_proc),
		TEST(test_replace),
		TEST(test_replace_is_a_rename),
		TEST(test_replace_fails_cleanly),
		TEST(test_collect),
		TEST(test_collect_config_map),
		TEST(test_collect_links),
		TEST(test_collect_fails),
		TEST(test_mkdir_p),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
