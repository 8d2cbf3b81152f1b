/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A pod with a network namespace and a veth of its own: one process that does what it is told, and the
 * frames that its packet socket sends, with what TC has to count for each.
 */
#include "tests/kernels/guest.h"
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define POD_COMMAND 200
#define POD_MAC "02:00:00:00:00:01" /* of the host's end */

struct order {
	char command[POD_COMMAND]; /* "": talk */
	struct guest_attempt talk;
};

static int orders = -1; /* a socket to the pod's process */
static pid_t pod;

static int obey(const struct order *order)
{
	return *order->command ? system(order->command) : guest_act_here(&order->talk);
}

static void live(const char *cgroup, int fd)
{
	struct order order;
	int result;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	result = guest_enter(cgroup) < 0 || unshare(CLONE_NEWNET) < 0 ? -1 : 0;
	while (send(fd, &result, sizeof(result), 0) > 0 &&
	       recv(fd, &order, sizeof(order), 0) == sizeof(order))
		result = obey(&order);
	_exit(0);
}

static int answer(void)
{
	int result = -1;

	return recv(orders, &result, sizeof(result), 0) == sizeof(result) ? result : -1;
}

static int pod_run(const char *command)
{
	struct order order = {0};

	snprintf(order.command, sizeof(order.command), "%s", command);
	return send(orders, &order, sizeof(order), 0) < 0 ? -1 : answer();
}

bool guest_pod_start(const char *cgroup)
{
	AEG_AUTO_FREE char *link = NULL;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return guest_say("pod", "process", strerror(errno));
	pod = fork();
	if (pod == 0)
		live(cgroup, fds[1]);
	close(fds[1]);
	orders = fds[0];
	if (!guest_equal("pod", "process", (uint64_t)answer(), 0))
		return false;
	link = aeg_xasprintf("/bin/ip link add p1 address " POD_MAC
			     " type veth peer name eth0 netns %d && /bin/ip link set p1 up &&"
			     " /bin/ip addr add 192.0.2.1/30 dev p1 &&"
			     " /bin/ip addr add 2001:db8:1::1/64 dev p1 nodad",
			     (int)pod);
	return guest_run("pod", "veth", link) &&
	       guest_equal("pod", "addresses", (uint64_t)pod_run("/bin/ip -batch /etc/network.pod"),
			   0);
}

/* The daemon looks again whenever a link or an address changes. */
bool guest_pod_covered(const char *phase)
{
	return guest_run(phase, "TC sees the pod",
			 "i=0; until aegress get workloads -o json | grep -q 'cgroup, tc';"
			 " do i=$((i + 1)); [ $i -lt 100 ] || exit 1; done");
}

/* ---- frames ---- */

static const struct {
	const char *class, *to;
	bool passes;
} frames[] = {
	{"syn4", "203.0.113.20", false},      {"syn4", "203.0.113.10", true},
	{"syn4", "198.51.100.7", true},	      {"syn6", "2001:db8:a::20", false},
	{"syn6", "2001:db8:a::10", true},     {"ack4", "203.0.113.20", false},
	{"udp4", "203.0.113.20", false},      {"udp4", "203.0.113.10", true},
	{"ping4", "203.0.113.20", false},     {"ping6", "2001:db8:a::20", false},
	{"later4", "203.0.113.20", false},    {"later4", "198.51.100.7", true},
	{"first6", "2001:db8:a::20", false},  {"chain6", "2001:db8:a::20", false},
	{"chain6", "2001:db8:b::7", true},    {"long6", "2001:db8:b::7", false},
	{"routing6", "2001:db8:b::7", false}, {"route4", "198.51.100.7", false},
	{"ipip4", "198.51.100.7", false},     {"gre6", "2001:db8:b::7", false},
	{"sctp4", "198.51.100.7", false},     {"odd", "198.51.100.7", false},
	{"long4", "198.51.100.7", false},
};

static uint64_t dropped(void)
{
	return guest_element("frames", AEG_FRAME_DENIED) + guest_element("frames", AEG_FRAME_QUIET);
}

static void send_frame(const char *phase, size_t i)
{
	const char *from = strchr(frames[i].to, ':') ? "2001:db8:1::2" : "192.0.2.2";
	AEG_AUTO_FREE char *command = aeg_xasprintf("frames send eth0 " POD_MAC " %s %s 443 %s",
						    from, frames[i].to, frames[i].class);
	AEG_AUTO_FREE char *name = aeg_xasprintf("%s to %s", frames[i].class, frames[i].to);
	uint64_t before = dropped(), passed = guest_element("frames", AEG_FRAME_ALLOWED);

	if (!guest_equal(phase, name, (uint64_t)pod_run(command), 0))
		return;
	guest_equal(phase, name, dropped() - before, !frames[i].passes);
	guest_equal(phase, name, guest_element("frames", AEG_FRAME_ALLOWED) - passed,
		    frames[i].passes);
}

/* What a socket was let through for is recognised by its storage, through the veth. */
static void talk_verified(const char *phase, const struct guest_attempt *talk)
{
	uint64_t before = guest_element("frames", AEG_FRAME_VERIFIED), drops = dropped();
	const struct order order = {.talk = *talk};
	int result = send(orders, &order, sizeof(order), 0) < 0 ? -1 : answer();

	guest_equal(phase, "talk through the veth", (uint64_t)result, 0);
	guest_say(phase, "frames of its socket",
		  guest_element("frames", AEG_FRAME_VERIFIED) >= before + 4 ? NULL
									    : "not verified");
	guest_equal(phase, "none of them dropped", dropped() - drops, 0);
}

void guest_pod_frames(const char *phase, const struct guest_attempt *talk)
{
	for (size_t i = 0; i < AEG_ARRAY_SIZE(frames); i++)
		send_frame(phase, i);
	talk_verified(phase, talk);
}
