/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Ends one connection: SOCK_DESTROY through sock_diag, in the network namespace of the socket. The
 * cookie makes sure that it is this socket and not another that has its addresses by now.
 */
#include "datapath/internal.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

static void fill_address(__be32 ret[4], const uint8_t addr[16], uint8_t family)
{
	if (family == AF_INET)
		memcpy(ret, addr + 12, 4);
	else
		memcpy(ret, addr, 16);
}

static struct inet_diag_sockid socket_of(const struct aeg_event *event)
{
	struct inet_diag_sockid id = {
		.idiag_sport = htons(event->sport),
		.idiag_dport = htons(event->dport),
		.idiag_cookie = {(uint32_t)event->cookie, (uint32_t)(event->cookie >> 32)},
	};

	fill_address(id.idiag_src, event->saddr, event->family);
	fill_address(id.idiag_dst, event->daddr, event->family);
	return id;
}

static int read_answer(int fd)
{
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		char rest[512];
	} answer;
	ssize_t len = recv(fd, &answer, sizeof(answer), 0);

	if (len < 0)
		return -errno;
	if ((size_t)len < sizeof(answer.head) + sizeof(answer.error.error) ||
	    answer.head.nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return answer.error.error;
}

int aeg_socket_destroy(uint8_t family, uint8_t proto, const struct inet_diag_sockid *id)
{
	AEG_AUTO_CLOSE int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	const struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 diag;
	} request = {
		.head = {.nlmsg_len = sizeof(request),
			 .nlmsg_type = SOCK_DESTROY,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
		.diag = {.sdiag_family = family,
			 .sdiag_protocol = proto,
			 .idiag_states = ~0u,
			 .id = *id},
	};

	if (fd < 0 || send(fd, &request, sizeof(request), 0) < 0)
		return -errno;
	return read_answer(fd);
}

static int destroy(void *arg)
{
	const struct aeg_event *event = arg;
	struct inet_diag_sockid id = socket_of(event);

	return aeg_socket_destroy(event->family, event->proto, &id);
}

static int kill_from(uint32_t pid, const struct aeg_event *event)
{
	AEG_AUTO_CLOSE int fd = -1;
	struct aeg_event copy = *event;
	int err = pid ? aeg_netns_open(pid, &fd) : -ENOENT;

	return err ? err : aeg_netns_run(fd, destroy, &copy);
}

/* The process that connected may be gone, and its socket with another one of the cgroup. */
int aeg_kill_here(const struct aeg_datapath *datapath, const struct aeg_event *event)
{
	int err = kill_from(event->pid, event);

	if (err != -ENOENT)
		return err;
	return kill_from(aeg_cgroup_oldest(datapath, event->cgroup), event);
}

int aeg_datapath_kill(struct aeg_datapath *datapath, const struct aeg_event *event)
{
	struct aeg_errand_answer none;

	if (datapath->helper_fd < 0)
		return aeg_kill_here(datapath, event);
	return aeg_errand(datapath, AEG_ERRAND_KILL, 0, event, &none);
}
