/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The pin directory: where things are, whose turn it is, and whether its pins can be taken over. */
#include "base/file.h"
#include "datapath/internal.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/vfs.h>

char *aeg_pin_map(const char *pin_dir, enum aeg_map map)
{
	return aeg_xasprintf("%s/maps/%s", pin_dir, aeg_map_names[map]);
}

char *aeg_pin_link(const char *pin_dir, enum aeg_prog prog)
{
	return aeg_xasprintf("%s/links/%s", pin_dir, aeg_prog_names[prog]);
}

static int make_directories(const char *pin_dir, struct aeg_buf *error)
{
	AEG_AUTO_FREE char *maps = aeg_xasprintf("%s/maps", pin_dir);
	AEG_AUTO_FREE char *links = aeg_xasprintf("%s/links", pin_dir);
	AEG_AUTO_FREE char *veths = aeg_xasprintf("%s/veths", pin_dir);
	int err = aeg_mkdir_p(maps, 0700);

	if (!err)
		err = aeg_mkdir_p(links, 0700);
	if (!err)
		err = aeg_mkdir_p(veths, 0700);
	if (err)
		aeg_buf_printf(error, "pin directory '%s': %s", pin_dir, strerror(-err));
	return err;
}

/* pin_dir itself, or the nearest directory above it that exists. */
static int open_existing(const char *pin_dir)
{
	AEG_AUTO_FREE char *path = aeg_xstrdup(pin_dir);
	int fd;

	for (;;) {
		char *slash;

		fd = open(*path ? path : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 || errno != ENOENT || !*path)
			return fd >= 0 ? fd : -errno;
		slash = strrchr(path, '/');
		if (!slash)
			return -ENOENT;
		*slash = '\0';
	}
}

int aeg_pins_bpffs(const char *pin_dir, struct aeg_buf *error)
{
	AEG_AUTO_CLOSE int fd = open_existing(pin_dir);
	struct statfs fs;

	if (fd < 0) {
		aeg_buf_printf(error, "pin directory '%s': %s", pin_dir, strerror(-fd));
		return fd;
	}
	if (fstatfs(fd, &fs) < 0) {
		int err = -errno;

		aeg_buf_printf(error, "pin directory '%s': %s", pin_dir, strerror(-err));
		return err;
	}
	if ((unsigned long)fs.f_type == BPF_FS_MAGIC)
		return 0;
	aeg_buf_printf(error,
		       "pin directory '%s' is not on a BPF file system; mount one: "
		       "mount -t bpf bpf /sys/fs/bpf",
		       pin_dir);
	return -EINVAL;
}

int aeg_pins_lock(const char *pin_dir, int *ret_fd, struct aeg_buf *error)
{
	AEG_AUTO_CLOSE int fd = -1;
	int err = aeg_pins_bpffs(pin_dir, error);

	if (!err)
		err = make_directories(pin_dir, error);
	if (err)
		return err;
	fd = open(pin_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		err = errno == EWOULDBLOCK ? -EBUSY : -errno;
		aeg_buf_printf(error,
			       "pin directory '%s' is in use by another daemon; stop it, or "
			       "give this one another pin directory",
			       pin_dir);
		return err;
	}
	*ret_fd = AEG_TAKE_FD(fd);
	return 0;
}

static int refuse(const char *pin_dir, struct aeg_buf *error, uint32_t abi)
{
	aeg_buf_printf(error,
		       "pins in '%s' are of ABI %u, this is ABI %u; end their enforcement with "
		       "'aegressd --cleanup' of either version, then start again",
		       pin_dir, abi, (unsigned int)AEG_ABI);
	return -EPROTO;
}

int aeg_pins_check(const char *pin_dir, bool *ret_adopted, struct aeg_buf *error)
{
	AEG_AUTO_FREE char *path = aeg_pin_map(pin_dir, AEG_MAP_CTL);
	AEG_AUTO_CLOSE int fd = bpf_obj_get(path);
	AEG_AUTO_FREE void *value = NULL;
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info), key = 0, abi;
	int err;

	*ret_adopted = false;
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd;
	err = bpf_obj_get_info_by_fd(fd, &info, &len);
	if (err)
		return err;
	if (info.type != BPF_MAP_TYPE_ARRAY || info.key_size != sizeof(key) ||
	    info.value_size < sizeof(abi))
		return refuse(pin_dir, error, 0);
	/* Rounded up: that much is what the kernel copies. */
	value = aeg_xcalloc(1, (info.value_size + 7u) & ~7u);
	err = bpf_map_lookup_elem(fd, &key, value);
	if (err)
		return err;
	memcpy(&abi, value, sizeof(abi));
	/* 0: its daemon was killed before it had filled anything. */
	if (abi != AEG_ABI && abi != 0)
		return refuse(pin_dir, error, abi);
	*ret_adopted = abi == AEG_ABI;
	return 0;
}
