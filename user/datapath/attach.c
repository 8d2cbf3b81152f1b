/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Links: made and pinned at the first start, given the new program at every later one without a
 * moment between. What one call attached is detached again when a later link fails.
 */
#include "datapath/internal.h"
#include <errno.h>
#include <sys/stat.h>

static const enum bpf_attach_type attach_types[AEG_PROG_MAX] = {
	[AEG_PROG_SOCK_CREATE] = BPF_CGROUP_INET_SOCK_CREATE,
	[AEG_PROG_SOCK_RELEASE] = BPF_CGROUP_INET_SOCK_RELEASE,
	[AEG_PROG_SOCK_OPS] = BPF_CGROUP_SOCK_OPS,
	[AEG_PROG_SKB_INGRESS] = BPF_CGROUP_INET_INGRESS,
	[AEG_PROG_SKB_EGRESS] = BPF_CGROUP_INET_EGRESS,
	[AEG_PROG_CONNECT4] = BPF_CGROUP_INET4_CONNECT,
	[AEG_PROG_CONNECT6] = BPF_CGROUP_INET6_CONNECT,
	[AEG_PROG_SENDMSG4] = BPF_CGROUP_UDP4_SENDMSG,
	[AEG_PROG_SENDMSG6] = BPF_CGROUP_UDP6_SENDMSG,
};

static int link_cgroup(int fd, uint64_t *ret)
{
	struct bpf_link_info info = {0};
	uint32_t len = sizeof(info);
	int err = bpf_obj_get_info_by_fd(fd, &info, &len);

	if (err)
		return err;
	if (info.type != BPF_LINK_TYPE_CGROUP)
		return -EPROTO;
	*ret = info.cgroup.cgroup_id;
	return 0;
}

/*
 * The link that a former daemon pinned. -ENOENT: there is none, or its cgroup is gone (id 0) and the
 * link with it; -EPROTO: it belongs to another cgroup.
 */
static int find_link(const char *path, int cgroup_fd, int *ret_fd)
{
	AEG_AUTO_CLOSE int fd = bpf_obj_get(path);
	uint64_t cgroup = 0;
	struct stat st;
	int err;

	if (fd < 0)
		return fd;
	if (fstat(cgroup_fd, &st) < 0)
		return -errno;
	err = link_cgroup(fd, &cgroup);
	if (err)
		return err;
	if (cgroup == 0)
		return unlink(path) < 0 ? -errno : -ENOENT;
	/* On cgroup2 the inode number is the cgroup's id. */
	if (cgroup != st.st_ino)
		return -EPROTO;
	*ret_fd = AEG_TAKE_FD(fd);
	return 0;
}

static int make_link(int prog_fd, int cgroup_fd, enum aeg_prog prog, const char *path, int *ret_fd)
{
	AEG_AUTO_CLOSE int fd = bpf_link_create(prog_fd, cgroup_fd, attach_types[prog], NULL);
	int err;

	if (fd < 0)
		return fd;
	err = bpf_obj_pin(fd, path);
	if (err)
		return err; /* closing detaches */
	*ret_fd = AEG_TAKE_FD(fd);
	return 0;
}

int aeg_link_detach(const char *path)
{
	AEG_AUTO_CLOSE int fd = bpf_obj_get(path);
	int err;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	err = bpf_link_detach(fd);
	/* -ENOLINK: the cgroup went first. */
	if (err && err != -ENOLINK)
		return err;
	return unlink(path) < 0 ? -errno : 0;
}

bool aeg_prog_wanted(const struct aeg_datapath *datapath, enum aeg_prog prog)
{
	if (prog == AEG_PROG_SOCK_CREATE)
		return datapath->strict || !aeg_kernel_is(5, 15);
	return datapath->progs[prog] >= 0;
}

int aeg_link_ensure(const struct aeg_datapath *datapath, enum aeg_prog prog, int cgroup_fd,
		    const char *path, bool *ret_made, int *ret_fd)
{
	AEG_AUTO_CLOSE int fd = -1;
	int err = find_link(path, cgroup_fd, &fd);
	bool made = err == -ENOENT;

	if (made)
		err = make_link(datapath->progs[prog], cgroup_fd, prog, path, &fd);
	else if (!err)
		err = bpf_link_update(fd, datapath->progs[prog], NULL);
	if (err)
		return err;
	*ret_made = made;
	*ret_fd = AEG_TAKE_FD(fd);
	return 0;
}

/* Sees that one program is attached at the root, or is not; *ret_made: by a new link. */
static int attach_one(struct aeg_datapath *datapath, enum aeg_prog prog, bool *ret_made)
{
	AEG_AUTO_FREE char *path = aeg_pin_link(datapath->pin_dir, prog);
	AEG_AUTO_CLOSE int fd = -1;
	int err;

	if (!aeg_prog_wanted(datapath, prog)) {
		aeg_closep(&datapath->links[prog]);
		datapath->links[prog] = -1;
		return aeg_link_detach(path);
	}
	err = aeg_link_ensure(datapath, prog, datapath->cgroup_fd, path, ret_made, &fd);
	if (err)
		return err;
	aeg_closep(&datapath->links[prog]);
	datapath->links[prog] = AEG_TAKE_FD(fd);
	return 0;
}

static void undo(struct aeg_datapath *datapath, const bool made[AEG_PROG_MAX])
{
	aeg_places_undo(datapath, &datapath->watched);
	for (int i = 0; i < AEG_PROG_MAX; i++) {
		AEG_AUTO_FREE char *path = aeg_pin_link(datapath->pin_dir, (enum aeg_prog)i);

		if (!made[i])
			continue;
		(void)aeg_link_detach(path);
		aeg_closep(&datapath->links[i]);
		datapath->links[i] = -1;
	}
}

static void explain(struct aeg_buf *error, enum aeg_prog prog, int err)
{
	if (err == -EPROTO)
		aeg_buf_printf(error,
			       "link '%s': it is attached to another cgroup; end its enforcement "
			       "with 'aegressd --cleanup', then start again",
			       aeg_prog_names[prog]);
	else
		aeg_buf_printf(error, "link '%s': attaching: %s", aeg_prog_names[prog],
			       strerror(-err));
}

int aeg_datapath_attach(struct aeg_datapath *datapath, struct aeg_buf *error)
{
	bool made[AEG_PROG_MAX] = {false};

	if (aeg_datapath_generation(datapath) == 0) {
		aeg_buf_puts(error, "attaching before the first generation would deny everything");
		return -EINVAL;
	}
	aeg_places_renew(datapath, &datapath->listeners);
	aeg_places_renew(datapath, &datapath->watched);
	for (int i = 0; i < AEG_PROG_MAX; i++) {
		int err = 0;

		if (i == AEG_PROG_SKB_EGRESS)
			err = aeg_watched_attach(datapath);
		else if (i != AEG_PROG_SKB_INGRESS)
			err = attach_one(datapath, (enum aeg_prog)i, &made[i]);
		if (err) {
			explain(error, (enum aeg_prog)i, err);
			undo(datapath, made);
			return err;
		}
	}
	datapath->attached = true;
	return 0;
}

int aeg_strict_set(struct aeg_datapath *datapath, bool strict)
{
	bool before = datapath->strict, made;
	int err = 0;

	datapath->strict = strict;
	if (datapath->attached && strict != before)
		err = attach_one(datapath, AEG_PROG_SOCK_CREATE, &made);
	if (err)
		datapath->strict = before;
	return err;
}
