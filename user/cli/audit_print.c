/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* `aegress audit export` and `tail`: records as lines, in the format that was asked for. */
#include "cli/audit.h"
#include "observe/export.h"
#include "observe/lines.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

struct printer {
	enum aeg_export_format format;
	struct aeg_buf out;
	bool bad;
};

static void print_line(struct printer *printer, const char *path, const char *line, size_t len)
{
	aeg_buf_reset(&printer->out);
	if (!aeg_export(printer->format, line, len, &printer->out)) {
		aeg_complain("audit: '%s': a line that is no record was left out", path);
		printer->bad = true;
		return;
	}
	aeg_buf_putc(&printer->out, '\n');
	fwrite(printer->out.data, 1, printer->out.len, stdout);
}

static void complain_unreadable(struct printer *printer, const char *path, int err)
{
	aeg_complain("audit: '%s': %s", path,
		     err == -EBADMSG ? "broken compression, or a line of more than 1 MiB"
				     : strerror(-err));
	printer->bad = true;
}

/* ---- export ---- */

static void export_file(struct printer *printer, const char *path)
{
	AEG_CLEANUP(aeg_lines_done) struct aeg_lines lines = {0};
	int more = aeg_lines_open(&lines, path);
	const char *line;
	bool whole;
	size_t len;

	while (more >= 0 && (more = aeg_lines_next(&lines, &line, &len, &whole)) > 0)
		print_line(printer, path, line, len);
	if (more < 0)
		complain_unreadable(printer, path, more);
}

int aeg_audit_export(const struct aeg_audit_options *options, const struct aeg_opt_list *operands)
{
	struct printer printer = {.format = (enum aeg_export_format)options->format};
	AEG_CLEANUP(aeg_audit_paths_done) struct aeg_audit_paths paths = {0};
	int result = aeg_audit_collect(operands, &paths);

	if (result != AEG_EXIT_OK)
		return result;
	for (size_t i = 0; i < paths.list.n && !ferror(stdout); i++)
		export_file(&printer, paths.list.items[i].path);
	aeg_buf_done(&printer.out);
	return printer.bad ? AEG_EXIT_FOUND : AEG_EXIT_OK;
}

/* ---- tail ---- */

/* The last lines of a file, as they were read: a ring. */
struct last {
	char **lines;
	size_t max;
	uint64_t n;
};

static void keep(struct last *last, const char *line, size_t len)
{
	char **slot = &last->lines[last->n++ % last->max];

	free(*slot);
	*slot = aeg_xstrndup(line, len);
}

static void print_last(struct printer *printer, const char *path, const struct last *last)
{
	uint64_t from = last->n > last->max ? last->n - last->max : 0;

	for (; from < last->n; from++) {
		const char *line = last->lines[from % last->max];

		print_line(printer, path, line, strlen(line));
	}
}

static int read_end(struct aeg_lines *lines, struct last *last, uint64_t *ret_n)
{
	struct aeg_link link;
	const char *line;
	bool whole;
	size_t len;
	int more;

	while ((more = aeg_lines_next(lines, &line, &len, &whole)) > 0) {
		if (whole && aeg_link_parse(line, len, &link))
			*ret_n = link.n;
		if (whole && last->max)
			keep(last, line, len);
	}
	return more;
}

/* ret_n: number of the last record. */
static int print_end(struct printer *printer, const char *path, struct aeg_lines *lines,
		     unsigned int max, uint64_t *ret_n)
{
	struct last last = {.lines = aeg_xcalloc(max ? max : 1, sizeof(char *)), .max = max};
	int err = read_end(lines, &last, ret_n);

	if (!err)
		print_last(printer, path, &last);
	for (size_t i = 0; i < last.max; i++)
		free(last.lines[i]);
	free(last.lines);
	return err;
}

/* Reads what was added. A file that was replaced is read to its end, then those that came and were closed
 * since, then the new one: records have numbers, so that none is left out or printed twice. */
struct follower {
	struct printer *printer;
	const char *path;
	struct aeg_lines lines;
	struct aeg_buf partial; /* a line whose end is not there yet */
	ino_t inode;
	uint64_t last; /* number of the last record that was printed */
};

static void print_record(struct follower *follower, const char *path, const char *line, size_t len,
			 bool catching_up)
{
	struct aeg_link link = {0};
	bool sealed = aeg_link_parse(line, len, &link);

	if (sealed && catching_up && link.n == 1)
		follower->last = 0; /* another log began here */
	if (sealed && catching_up && link.n <= follower->last)
		return;
	if (sealed)
		follower->last = link.n;
	print_line(follower->printer, path, line, len);
}

static void print_new(struct follower *follower, bool catching_up)
{
	const char *line;
	bool whole;
	size_t len;

	while (aeg_lines_next(&follower->lines, &line, &len, &whole) > 0) {
		aeg_buf_add(&follower->partial, line, len);
		if (!whole)
			continue;
		print_record(follower, follower->path, aeg_buf_text(&follower->partial),
			     follower->partial.len, catching_up);
		aeg_buf_reset(&follower->partial);
	}
	fflush(stdout);
}

/* It may be compressed just now. */
static int open_closed(struct aeg_lines *lines, const char *path)
{
	AEG_AUTO_FREE char *compressed = aeg_xasprintf("%s.gz", path);
	int err = aeg_lines_open(lines, path);

	return err == -ENOENT ? aeg_lines_open(lines, compressed) : err;
}

static void print_closed_file(struct follower *follower, const char *path)
{
	AEG_CLEANUP(aeg_lines_done) struct aeg_lines lines = {0};
	const char *line;
	bool whole;
	size_t len;

	if (open_closed(&lines, path) < 0)
		return;
	while (aeg_lines_next(&lines, &line, &len, &whole) > 0) {
		if (whole)
			print_record(follower, path, line, len, true);
	}
}

static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? aeg_xstrndup(path, (size_t)(slash - path) + 1) : aeg_xstrdup(".");
}

/* A closed file ends before the next one begins: those that begin before what was printed last are
 * left out, they were read to their end. */
static void print_closed(struct follower *follower)
{
	AEG_AUTO_FREE char *dir = directory_of(follower->path);
	AEG_CLEANUP(aeg_audit_paths_done) struct aeg_audit_paths paths = {0};
	size_t from, n;

	if (aeg_audit_collect_in(dir, &paths) < 0)
		return;
	for (n = paths.list.n; n && paths.list.items[n - 1].first == UINT64_MAX;)
		n--; /* the current one */
	for (from = n; from && paths.list.items[from - 1].first > follower->last;)
		from--;
	for (; from < n; from++)
		print_closed_file(follower, paths.list.items[from].path);
}

/* The new file is opened before the closed ones are listed: if it is closed meanwhile, it is among them. */
static void reopen_if_replaced(struct follower *follower)
{
	struct aeg_lines lines = {0};
	struct stat st;

	if (stat(follower->path, &st) < 0 || st.st_ino == follower->inode ||
	    aeg_lines_open(&lines, follower->path) < 0)
		return;
	print_new(follower, false); /* what came before it was closed */
	aeg_lines_done(&follower->lines);
	aeg_buf_reset(&follower->partial);
	follower->lines = lines;
	follower->inode = st.st_ino;
	if (follower->last)
		print_closed(follower);
	print_new(follower, true);
}

static int signal_fd(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int watch_directory(const char *path)
{
	AEG_AUTO_FREE char *dir = directory_of(path);
	AEG_AUTO_CLOSE int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd < 0 || inotify_add_watch(fd, dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
		return -errno;
	return AEG_TAKE_FD(fd);
}

static int follow(struct follower *follower)
{
	AEG_AUTO_CLOSE int notes = watch_directory(follower->path);
	AEG_AUTO_CLOSE int signals = signal_fd();
	struct pollfd polled[] = {{.fd = notes, .events = POLLIN},
				  {.fd = signals, .events = POLLIN}};
	char events[4096];

	if (notes < 0 || signals < 0)
		return notes < 0 ? notes : -errno;
	while (!polled[1].revents && !ferror(stdout)) {
		print_new(follower, false);
		reopen_if_replaced(follower);
		if (poll(polled, AEG_ARRAY_SIZE(polled), -1) < 0 && errno != EINTR)
			return -errno;
		while (read(notes, events, sizeof(events)) > 0)
			;
	}
	return 0;
}

static int tail(struct printer *printer, const struct aeg_audit_options *options, const char *path)
{
	struct follower follower = {.printer = printer, .path = path};
	struct stat st;
	int err = stat(path, &st) < 0 ? -errno : aeg_lines_open(&follower.lines, path);

	follower.inode = st.st_ino;
	if (!err)
		err = print_end(printer, path, &follower.lines, options->lines, &follower.last);
	fflush(stdout);
	if (!err && options->follow)
		err = follow(&follower);
	aeg_lines_done(&follower.lines);
	aeg_buf_done(&follower.partial);
	return err;
}

/* Of a log with several files, the current one. */
int aeg_audit_tail(const struct aeg_audit_options *options, const struct aeg_opt_list *operands)
{
	struct printer printer = {.format = (enum aeg_export_format)options->format};
	AEG_CLEANUP(aeg_audit_paths_done) struct aeg_audit_paths paths = {0};
	int result = aeg_audit_collect(operands, &paths), err;
	const char *path;

	if (result != AEG_EXIT_OK)
		return result;
	path = paths.list.items[paths.list.n - 1].path;
	err = tail(&printer, options, path);
	if (err)
		complain_unreadable(&printer, path, err);
	aeg_buf_done(&printer.out);
	return printer.bad ? AEG_EXIT_FOUND : AEG_EXIT_OK;
}
