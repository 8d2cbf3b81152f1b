/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Made under a private name and renamed into place: nobody ever connects to a half-made socket. */
#include "daemon/socket.h"
#include "base/file.h"

#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BACKLOG 1024 /* a client that does not wait is told EAGAIN beyond, root like others */
#define TEMP_SUFFIX ".new"

static int fail(struct aeg_buf *error, const char *path, int err, const char *what)
{
	aeg_buf_printf(error, "socket '%s': %s: %s", path, what, strerror(-err));
	return err;
}

static int address_of(const char *path, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) + sizeof(TEMP_SUFFIX) > sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	memcpy(ret->sun_path, path, strlen(path));
	return 0;
}

static bool is_answered(const struct sockaddr_un *addr)
{
	AEG_AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0;
}

/* Only a socket that nobody answers on may be replaced. */
static int check_place(const char *path, struct aeg_buf *error)
{
	struct sockaddr_un addr;
	struct stat st;
	int err = address_of(path, &addr);

	if (err)
		return fail(error, path, err, "cannot be made");
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : fail(error, path, -errno, "cannot be looked at");
	if (!S_ISSOCK(st.st_mode))
		return fail(error, path, -EEXIST, "something that is no socket is there");
	if (is_answered(&addr)) {
		aeg_buf_printf(error, "socket '%s': another aegressd is running", path);
		return -EADDRINUSE;
	}
	return 0;
}

static int make_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	AEG_AUTO_FREE char *dir = NULL;
	mode_t mask;
	int err;

	if (!slash || slash == path)
		return 0;
	dir = aeg_xstrndup(path, (size_t)(slash - path));
	mask = umask(0022); /* its users must get through */
	err = aeg_mkdir_p(dir, 0755);
	umask(mask);
	return err;
}

static int set_access(const char *path, const char *group)
{
	const struct group *entry = getgrnam(group);

	if (entry && chown(path, (uid_t)-1, entry->gr_gid) < 0)
		return -errno;
	return chmod(path, 0660) < 0 ? -errno : 0;
}

static int bind_at(int fd, const char *path)
{
	struct sockaddr_un addr;
	mode_t mask;
	int err = address_of(path, &addr);

	if (err)
		return err;
	unlink(path);
	mask = umask(0177); /* nobody but us until set_access() */
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		err = -errno;
	umask(mask);
	return err;
}

int aeg_socket_listen(const char *path, const char *group, struct aeg_buf *error, int *ret)
{
	AEG_AUTO_CLOSE int fd = -1;
	AEG_AUTO_FREE char *temp = aeg_xasprintf("%s" TEMP_SUFFIX, path);
	int err = check_place(path, error);

	if (err)
		return err;
	err = make_parent(path);
	if (err)
		return fail(error, path, err, "its directory cannot be made");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(error, path, -errno, "cannot be made");
	err = bind_at(fd, temp);
	if (err)
		return fail(error, path, err, "cannot be made");
	if (listen(fd, BACKLOG) < 0)
		err = -errno;
	if (!err)
		err = set_access(temp, group);
	if (!err && rename(temp, path) < 0)
		err = -errno;
	if (err) {
		unlink(temp);
		return fail(error, path, err, "cannot be opened to its users");
	}
	*ret = AEG_TAKE_FD(fd);
	return 0;
}
