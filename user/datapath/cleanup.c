/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The end of enforcement: links first, then the maps. Goes by what is in the pin directory, so that
 * it removes what another version left there. */
#include "datapath/internal.h"
#include <dirent.h>
#include <errno.h>

static int remove_map(const char *path)
{
	return unlink(path) < 0 ? -errno : 0;
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static int remove_entry(const char *path, int (*remove)(const char *path), struct aeg_buf *error)
{
	int err = remove(path);

	if (err && error)
		aeg_buf_printf(error, "pin '%s': removing: %s", path, strerror(-err));
	return err;
}

static int remove_directory(const char *path, struct aeg_buf *error)
{
	int err;

	if (rmdir(path) == 0)
		return 0;
	err = -errno;
	if (error)
		aeg_buf_printf(error, "directory '%s': removing: %s", path, strerror(-err));
	return err;
}

/* Removes PIN_DIR/NAME and everything in it. */
static int remove_pins(const char *pin_dir, const char *name, int (*remove)(const char *path),
		       struct aeg_buf *error)
{
	AEG_AUTO_FREE char *path = aeg_xasprintf("%s/%s", pin_dir, name);
	AEG_CLEANUP(close_dir) DIR *dir = opendir(path);
	const struct dirent *entry;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir))) {
		AEG_AUTO_FREE char *pin = aeg_xasprintf("%s/%s", path, entry->d_name);
		int err;

		if (aeg_streq(entry->d_name, ".") || aeg_streq(entry->d_name, ".."))
			continue;
		err = remove_entry(pin, remove, error);
		if (err)
			return err;
		rewinddir(dir);
	}
	return remove_directory(path, error);
}

int aeg_pins_remove(const char *pin_dir, struct aeg_buf *error)
{
	int err = remove_pins(pin_dir, "links", aeg_link_detach, error);

	aeg_tc_detach_filters(pin_dir);
	if (!err)
		err = remove_pins(pin_dir, "veths", aeg_link_detach, error);
	if (!err)
		err = remove_pins(pin_dir, "maps", remove_map, error);
	return err ? err : remove_directory(pin_dir, error);
}

int aeg_datapath_cleanup(const char *pin_dir, struct aeg_buf *error)
{
	AEG_AUTO_CLOSE int lock_fd = -1;
	int err;

	if (access(pin_dir, F_OK) < 0 && errno == ENOENT)
		return 0;
	err = aeg_pins_lock(pin_dir, &lock_fd, error);
	return err ? err : aeg_pins_remove(pin_dir, error);
}
