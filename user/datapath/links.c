/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which interfaces of the host a workload's frames come in through: asked of rtnetlink in the
 * workload's own network namespace, where a veth names its other end and that end's namespace. Names
 * of interfaces say nothing and are not looked at.
 */
#include "datapath/internal.h"
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define ANSWER_BYTES (32 << 10) /* what the kernel puts into one datagram of a dump at most */
#define PATIENCE_S 1

/* One dump, and what it is read into. */
struct survey {
	int fd;
	pid_t host;    /* a process in the host's namespace */
	int host_nsid; /* that namespace's number in this one; -1: none, so nothing leads there */
	struct aeg_links *links;
	uint32_t candidates[AEG_LINKS_MAX]; /* veths whose other end is in another namespace */
	int32_t nsids[AEG_LINKS_MAX];
	uint32_t ncandidates;
};

typedef void message_fn(struct survey *survey, const struct nlmsghdr *message);

/* ---- talking to the kernel ---- */

struct request {
	struct nlmsghdr head;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg addr;
		struct {
			struct rtgenmsg any;
			uint8_t pad[3];
			struct rtattr attr;
			uint32_t pid;
		} nsid;
	} body;
};

/* 0: goes on; 1: that was the last message. */
static int read_messages(struct survey *survey, const char *data, size_t len, message_fn *fn)
{
	while (len >= sizeof(struct nlmsghdr)) {
		const struct nlmsghdr *message = (const void *)data;
		size_t whole = NLMSG_ALIGN(message->nlmsg_len);

		if (!NLMSG_OK(message, len) || message->nlmsg_type == NLMSG_DONE)
			return 1;
		if (message->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)NLMSG_DATA(message))->error ?: 1;
		fn(survey, message);
		if (!(message->nlmsg_flags & NLM_F_MULTI) || whole >= len)
			return !(message->nlmsg_flags & NLM_F_MULTI);
		data += whole;
		len -= whole;
	}
	return 0;
}

/* Attributes of one type, of at least so many bytes; NULL: there is none. */
struct attrs {
	const char *data;
	size_t len;
};

static const struct rtattr *find_attr(struct attrs attrs, uint16_t type, size_t size)
{
	while (attrs.len >= sizeof(struct rtattr)) {
		const struct rtattr *attr = (const void *)attrs.data;
		size_t whole = RTA_ALIGN(attr->rta_len);

		if (!RTA_OK(attr, attrs.len))
			return NULL;
		if ((attr->rta_type & NLA_TYPE_MASK) == type && RTA_PAYLOAD(attr) >= size)
			return attr;
		if (whole >= attrs.len)
			return NULL;
		attrs.data += whole;
		attrs.len -= whole;
	}
	return NULL;
}

/* Behind the message's own header, which has so many bytes. */
static struct attrs attrs_of(const struct nlmsghdr *message, size_t header)
{
	size_t skip = NLMSG_HDRLEN + NLMSG_ALIGN(header);

	return (struct attrs){
		.data = (const char *)message + skip,
		.len = message->nlmsg_len > skip ? message->nlmsg_len - skip : 0,
	};
}

static struct attrs attrs_in(const struct rtattr *attr)
{
	return (struct attrs){.data = RTA_DATA(attr), .len = RTA_PAYLOAD(attr)};
}

static int ask(struct survey *survey, const struct request *request, message_fn *fn)
{
	AEG_AUTO_FREE char *data = aeg_xcalloc(1, ANSWER_BYTES);
	int end = 0;

	if (send(survey->fd, request, request->head.nlmsg_len, 0) < 0)
		return -errno;
	while (end == 0) {
		ssize_t len = recv(survey->fd, data, ANSWER_BYTES, MSG_TRUNC);

		if (len < 0)
			return -errno;
		if (len > ANSWER_BYTES)
			return -EMSGSIZE;
		end = read_messages(survey, data, (size_t)len, fn);
	}
	return end < 0 ? end : 0;
}

static int dump(struct survey *survey, uint16_t type, size_t body, message_fn *fn)
{
	struct request request = {
		.head = {.nlmsg_len = NLMSG_LENGTH(body),
			 .nlmsg_type = type,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
	};

	return ask(survey, &request, fn);
}

/* ---- links ---- */

struct link {
	bool of_a_kind; /* false: a device of its own, a network card's function for instance */
	bool veth;
	uint32_t peer; /* IFLA_LINK; 0: none */
	int32_t nsid;  /* of the namespace that peer is in; -1: this one */
};

static void read_kind(const struct rtattr *info, struct link *ret)
{
	const struct rtattr *kind = find_attr(attrs_in(info), IFLA_INFO_KIND, 1);

	ret->of_a_kind = kind;
	ret->veth = kind && RTA_PAYLOAD(kind) >= strlen("veth") &&
		    strncmp(RTA_DATA(kind), "veth", RTA_PAYLOAD(kind)) == 0;
}

static struct link read_link(const struct nlmsghdr *message)
{
	struct attrs attrs = attrs_of(message, sizeof(struct ifinfomsg));
	const struct rtattr *peer = find_attr(attrs, IFLA_LINK, sizeof(uint32_t));
	const struct rtattr *nsid = find_attr(attrs, IFLA_LINK_NETNSID, sizeof(int32_t));
	const struct rtattr *info = find_attr(attrs, IFLA_LINKINFO, 0);
	struct link link = {.nsid = -1};

	if (peer)
		memcpy(&link.peer, RTA_DATA(peer), sizeof(link.peer));
	if (nsid)
		memcpy(&link.nsid, RTA_DATA(nsid), sizeof(link.nsid));
	if (info)
		read_kind(info, &link);
	return link;
}

/*
 * A link that leads out of the namespace and is no veth is one that TC on the host's side does not
 * see: ipvlan, macvlan and netkit name a device elsewhere, a network card's function names no kind.
 * What is stacked on another link of the namespace leaves through that one.
 */
static void take_link(struct survey *survey, const struct nlmsghdr *message)
{
	const struct ifinfomsg *info = NLMSG_DATA(message);
	struct link link = read_link(message);

	if (message->nlmsg_type != RTM_NEWLINK || info->ifi_flags & IFF_LOOPBACK)
		return;
	if (!link.of_a_kind || (link.nsid >= 0 && !link.veth))
		survey->links->elsewhere = true;
	if (link.nsid < 0 || !link.veth)
		return;
	if (survey->ncandidates == AEG_LINKS_MAX) {
		survey->links->elsewhere = true;
		return;
	}
	survey->candidates[survey->ncandidates] = link.peer;
	survey->nsids[survey->ncandidates++] = link.nsid;
}

/* ---- whose number is the host's namespace ---- */

static void take_nsid(struct survey *survey, const struct nlmsghdr *message)
{
	const struct rtattr *nsid = find_attr(attrs_of(message, sizeof(struct rtgenmsg)),
					      NETNSA_NSID, sizeof(survey->host_nsid));

	if (nsid)
		memcpy(&survey->host_nsid, RTA_DATA(nsid), sizeof(survey->host_nsid));
}

static int ask_nsid(struct survey *survey)
{
	struct request request = {
		.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(request.body.nsid)),
			 .nlmsg_type = RTM_GETNSID,
			 .nlmsg_flags = NLM_F_REQUEST},
		.body.nsid = {.attr = {.rta_len = RTA_LENGTH(sizeof(uint32_t)),
				       .rta_type = NETNSA_PID},
			      .pid = (uint32_t)survey->host},
	};

	return ask(survey, &request, take_nsid);
}

/* ---- addresses ---- */

static void take_address(struct survey *survey, const struct nlmsghdr *message)
{
	const struct ifaddrmsg *info = NLMSG_DATA(message);
	size_t bytes = info->ifa_family == AF_INET ? 4 : 16;
	struct attrs attrs = attrs_of(message, sizeof(*info));
	/* Of a point-to-point link, IFA_ADDRESS is the other end's. */
	const struct rtattr *found = find_attr(attrs, IFA_LOCAL, bytes)
					     ?: find_attr(attrs, IFA_ADDRESS, bytes);
	struct aeg_links *links = survey->links;
	struct aeg_addr *addr;

	if (message->nlmsg_type != RTM_NEWADDR || info->ifa_scope == RT_SCOPE_HOST || !found ||
	    links->nsources == AEG_LINK_SOURCES_MAX)
		return;
	addr = &links->sources[links->nsources++];
	if (bytes == 4)
		addr->bytes[10] = addr->bytes[11] = 0xff;
	memcpy(addr->bytes + 16 - bytes, RTA_DATA(found), bytes);
}

/* ---- the whole ---- */

static void take_candidates(struct survey *survey)
{
	struct aeg_links *links = survey->links;

	for (uint32_t i = 0; i < survey->ncandidates; i++) {
		if (survey->nsids[i] == survey->host_nsid)
			links->veths[links->nveths++] = survey->candidates[i];
		else
			links->elsewhere = true;
	}
}

static int look_around(void *arg)
{
	struct survey *survey = arg;
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	AEG_AUTO_CLOSE int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int err;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return -errno;
	survey->fd = fd;
	err = dump(survey, RTM_GETLINK, sizeof(struct ifinfomsg), take_link);
	if (!err)
		err = ask_nsid(survey);
	if (!err)
		err = dump(survey, RTM_GETADDR, sizeof(struct ifaddrmsg), take_address);
	if (!err)
		take_candidates(survey);
	return err;
}

static bool is_here(int netns_fd)
{
	struct stat here, there;

	return fstat(netns_fd, &there) == 0 && stat("/proc/self/ns/net", &here) == 0 &&
	       here.st_ino == there.st_ino && here.st_dev == there.st_dev;
}

int aeg_links_find(const struct aeg_datapath *datapath, uint64_t cgroup, struct aeg_links *ret)
{
	uint32_t pid = aeg_cgroup_oldest(datapath, cgroup);
	struct survey survey = {.host = getpid(), .host_nsid = -1, .links = ret};
	AEG_AUTO_CLOSE int fd = -1;
	int err = pid ? aeg_netns_open(pid, &fd) : -ESRCH;

	*ret = (struct aeg_links){0};
	if (err)
		return err;
	ret->host = is_here(fd);
	return ret->host ? 0 : aeg_netns_run(fd, look_around, &survey);
}

int aeg_datapath_find_links(struct aeg_datapath *datapath, uint64_t cgroup, struct aeg_links *ret)
{
	struct aeg_errand_answer answer;
	int err;

	if (datapath->helper_fd < 0)
		return aeg_links_find(datapath, cgroup, ret);
	err = aeg_errand(datapath, AEG_ERRAND_LINKS, cgroup, NULL, &answer);
	if (!err)
		*ret = answer.links;
	return err;
}
