/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Ends what a workload holds open and the programs know nothing of: connections that it accepted, or
 * that are older than they are. sock_diag lists the sockets of its network namespace and says which
 * cgroup made each; others may live there, too, and are left alone.
 */
#include "datapath/internal.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define DEPTH_MAX 8 /* of cgroups below a workload's */
#define ANSWER_BYTES (32 << 10)
#define TCP_STATES 0xb3e /* all but TIME_WAIT, CLOSE and LISTEN */
#define UDP_STATES 0x002 /* connected */

#ifndef INET_DIAG_CGROUP_ID /* 5.9 */
#define INET_DIAG_CGROUP_ID 21
#endif

struct victim {
	uint8_t family, proto;
	struct inet_diag_sockid id;
};

struct sweep {
	AEG_VEC(uint64_t) cgroups; /* the workload's and those below it */
	AEG_VEC(struct victim) victims;
	uint32_t ended;
};

static void sweep_done(struct sweep *sweep)
{
	AEG_VEC_DONE(sweep->cgroups);
	AEG_VEC_DONE(sweep->victims);
}

/* ---- whose ---- */

/* Takes dir over. On 64-bit machines a cgroup's id is its directory's inode. */
static void note_cgroups(int dir, unsigned int depth, struct sweep *sweep)
{
	DIR *stream = fdopendir(dir);
	struct dirent *entry;
	struct stat st;

	if (!stream) {
		aeg_closep(&dir);
		return;
	}
	if (fstat(dir, &st) == 0)
		*AEG_VEC_PUSH(sweep->cgroups) = st.st_ino;
	while (depth < DEPTH_MAX && (entry = readdir(stream))) {
		int fd;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		fd = openat(dir, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			note_cgroups(fd, depth + 1, sweep);
	}
	closedir(stream);
}

static bool is_ours(const struct sweep *sweep, uint64_t cgroup)
{
	for (size_t i = 0; i < sweep->cgroups.n; i++) {
		if (sweep->cgroups.items[i] == cgroup)
			return true;
	}
	return false;
}

/* What stays in the namespace may go on. */
static bool is_loopback(const struct inet_diag_msg *found)
{
	struct in6_addr addr;

	memcpy(&addr, found->id.idiag_dst, sizeof(addr));
	if (found->idiag_family == AF_INET)
		return addr.s6_addr[0] == 127;
	return IN6_IS_ADDR_LOOPBACK(&addr) ||
	       (IN6_IS_ADDR_V4MAPPED(&addr) && addr.s6_addr[12] == 127);
}

/* ---- listing ---- */

static uint64_t cgroup_of(const struct nlmsghdr *message)
{
	const char *data = (const char *)message + NLMSG_SPACE(sizeof(struct inet_diag_msg));
	size_t len = message->nlmsg_len - NLMSG_SPACE(sizeof(struct inet_diag_msg));
	uint64_t cgroup = 0;

	while (len >= sizeof(struct rtattr)) {
		const struct rtattr *attr = (const void *)data;
		size_t whole = RTA_ALIGN(attr->rta_len);

		if (!RTA_OK(attr, len))
			break;
		if (attr->rta_type == INET_DIAG_CGROUP_ID && RTA_PAYLOAD(attr) >= sizeof(cgroup))
			memcpy(&cgroup, RTA_DATA(attr), sizeof(cgroup));
		if (whole >= len)
			break;
		data += whole;
		len -= whole;
	}
	return cgroup;
}

static void take(struct sweep *sweep, const struct nlmsghdr *message, uint8_t proto)
{
	const struct inet_diag_msg *found = NLMSG_DATA(message);

	if (message->nlmsg_len < NLMSG_SPACE(sizeof(*found)) || is_loopback(found) ||
	    !is_ours(sweep, cgroup_of(message)))
		return;
	*AEG_VEC_PUSH(sweep->victims) =
		(struct victim){.family = found->idiag_family, .proto = proto, .id = found->id};
}

/* 0: goes on; 1: that was all. */
static int read_messages(struct sweep *sweep, const char *data, size_t len, uint8_t proto)
{
	while (len >= sizeof(struct nlmsghdr)) {
		const struct nlmsghdr *message = (const void *)data;
		size_t whole = NLMSG_ALIGN(message->nlmsg_len);

		if (!NLMSG_OK(message, len) || message->nlmsg_type == NLMSG_DONE)
			return 1;
		if (message->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)NLMSG_DATA(message))->error ?: 1;
		take(sweep, message, proto);
		if (whole >= len)
			return 0;
		data += whole;
		len -= whole;
	}
	return 0;
}

static int list(struct sweep *sweep, uint8_t family, uint8_t proto, uint32_t states)
{
	AEG_AUTO_CLOSE int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	AEG_AUTO_FREE char *data = aeg_xcalloc(1, ANSWER_BYTES);
	const struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 diag;
	} request = {
		.head = {.nlmsg_len = sizeof(request),
			 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.diag = {.sdiag_family = family, .sdiag_protocol = proto, .idiag_states = states},
	};
	int end = 0;

	if (fd < 0 || send(fd, &request, sizeof(request), 0) < 0)
		return -errno;
	while (end == 0) {
		ssize_t len = recv(fd, data, ANSWER_BYTES, 0);

		if (len < 0)
			return -errno;
		end = read_messages(sweep, data, (size_t)len, proto);
	}
	return end < 0 ? end : 0;
}

/* ---- the whole ---- */

/* Listed first: a list that is torn up while it is read has gaps. */
static int clear(void *arg)
{
	struct sweep *sweep = arg;
	static const uint8_t families[] = {AF_INET, AF_INET6};
	int err = 0;

	for (size_t i = 0; i < AEG_ARRAY_SIZE(families); i++) {
		err = err ?: list(sweep, families[i], AEG_PROTO_TCP, TCP_STATES);
		err = err ?: list(sweep, families[i], AEG_PROTO_UDP, UDP_STATES);
	}
	for (size_t i = 0; i < sweep->victims.n; i++) {
		const struct victim *victim = &sweep->victims.items[i];
		int bad = aeg_socket_destroy(victim->family, victim->proto, &victim->id);

		sweep->ended += !bad;
		if (bad && bad != -ENOENT)
			err = bad;
	}
	return err;
}

int aeg_sweep_here(const struct aeg_datapath *datapath, uint64_t cgroup, uint32_t *ret_ended)
{
	AEG_CLEANUP(sweep_done) struct sweep sweep = {0};
	uint32_t pid = aeg_cgroup_oldest(datapath, cgroup);
	int dir = aeg_cgroup_open(datapath, cgroup), err;
	AEG_AUTO_CLOSE int fd = -1;

	if (dir >= 0)
		note_cgroups(dir, 0, &sweep);
	if (!pid || !sweep.cgroups.n)
		return -ESRCH;
	err = aeg_netns_open(pid, &fd);
	if (!err)
		err = aeg_netns_run(fd, clear, &sweep);
	*ret_ended = sweep.ended;
	return err;
}

int aeg_datapath_sweep(struct aeg_datapath *datapath, uint64_t cgroup, uint32_t *ret_ended)
{
	struct aeg_errand_answer answer = {0};
	int err;

	if (datapath->helper_fd < 0)
		return aeg_sweep_here(datapath, cgroup, ret_ended);
	err = aeg_errand(datapath, AEG_ERRAND_SWEEP, cgroup, NULL, &answer);
	*ret_ended = err ? 0 : answer.ended;
	return err;
}
