/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Whose rules hold: sockets handed between cgroups, workloads that become known or unknown while
 * their sockets are open. Every denial stands beside the same attempt that is allowed.
 */
#include "tests/prog/stage.h"
#include "tests/prog/tests.h"
#include <err.h>
#include <errno.h>
#include <sys/wait.h>

static int made_in(const char *cgroup, enum form form, int type)
{
	int fd;

	stage_enter(cgroup);
	fd = stage_socket(form, type);
	stage_leave();
	return fd;
}

static int socket_made_in(const char *cgroup, int type)
{
	return made_in(cgroup, FORM_V4, type);
}

static int connect_to(const char *cgroup, int fd, enum dest dest, enum form form)
{
	int result;

	stage_enter(cgroup);
	result = stage_connect(fd, dest, form, TCP_PORT);
	stage_leave();
	return result;
}

static int connect_in(const char *cgroup, int fd, enum dest dest)
{
	return connect_to(cgroup, fd, dest, FORM_V4);
}

/* One TCP connection on a socket made here and used there; its event names the workload. */
static void check_handed(const char *made, const char *used, enum dest dest, int want,
			 uint32_t workload)
{
	AEG_AUTO_CLOSE int fd = socket_made_in(made, SOCK_STREAM);
	struct happened happened;

	check_context("made in %s, used in %s, %s", made, used, dest_names[dest]);
	happened_take(); /* the close of the connection before */
	CHECK_EQUAL(connect_in(used, fd, dest), want);
	happened = happened_take();
	if (CHECK(happened.nevents >= 1))
		CHECK_EQUAL(happened.events[0].workload, workload);
}

static void stricter_wins(void)
{
	const struct aeg_datapath_config config = stage_config();

	if (datapath_start(&config)) {
		check_handed(IN_A, IN_A, DEST_ALLOWED, 0, WORKLOAD_A);
		check_handed(IN_B, IN_B, DEST_DENIED, 0, WORKLOAD_B);
		check_handed(IN_A, IN_B, DEST_ALLOWED, EPERM, WORKLOAD_B);
		check_handed(IN_B, IN_A, DEST_ALLOWED, EPERM, WORKLOAD_B);
		check_handed(IN_A, IN_B, DEST_DENIED, EPERM, WORKLOAD_A);
		check_handed(IN_B, IN_A, DEST_DENIED, EPERM, WORKLOAD_A);
		check_handed(IN_A, OUTSIDE, DEST_DENIED, EPERM, WORKLOAD_A);
		check_handed(IN_A, OUTSIDE, DEST_ALLOWED, 0, WORKLOAD_A);
		check_handed(OUTSIDE, IN_A, DEST_DENIED, EPERM, WORKLOAD_A);
		check_handed(OUTSIDE, IN_A, DEST_ALLOWED, 0, WORKLOAD_A);
		check_handed(IN_A, IN_STRAY, DEST_ALLOWED, EPERM, 0);
		check_handed(IN_STRAY, IN_A, DEST_ALLOWED, EPERM, 0);
	}
	datapath_stop();
}

/* A socket used in a pod keeps the pod's rules after it has left. */
static void stamp_stays(void)
{
	const struct aeg_datapath_config config = stage_config();

	if (datapath_start(&config)) {
		AEG_AUTO_CLOSE int control = socket_made_in(OUTSIDE, SOCK_STREAM);
		AEG_AUTO_CLOSE int fd = socket_made_in(OUTSIDE, SOCK_STREAM);

		CHECK_EQUAL(connect_in(IN_A, fd, DEST_DENIED), EPERM);
		CHECK_EQUAL(connect_in(OUTSIDE, fd, DEST_DENIED), EPERM);
		CHECK_EQUAL(connect_in(OUTSIDE, control, DEST_DENIED), 0);
	}
	datapath_stop();
}

/* ---- over a Unix socket, as an attacker would ---- */

static void send_fd(int channel, int fd)
{
	char control[CMSG_SPACE(sizeof(fd))] = {0};
	struct iovec byte = {.iov_base = control, .iov_len = 1};
	struct msghdr message = {
		.msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	CHECK(sendmsg(channel, &message, 0) == 1);
}

static int receive_fd(int channel)
{
	char control[CMSG_SPACE(sizeof(int))], data;
	struct iovec byte = {.iov_base = &data, .iov_len = 1};
	struct msghdr message = {
		.msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	const struct cmsghdr *header;
	int fd = -1;

	if (recvmsg(channel, &message, MSG_CMSG_CLOEXEC) != 1)
		return -1;
	header = CMSG_FIRSTHDR(&message);
	if (header)
		memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

/* A process of B gets a socket from A and connects it. */
static int connect_passed(enum dest dest)
{
	int channel[2], status = 0;
	AEG_AUTO_CLOSE int fd = socket_made_in(IN_A, SOCK_STREAM);
	pid_t pid;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) == 0);
	pid = fork();
	if (pid == 0) {
		stage_enter(IN_B);
		_exit(stage_connect(receive_fd(channel[1]), dest, FORM_V4, TCP_PORT));
	}
	send_fd(channel[0], fd);
	CHECK(waitpid(pid, &status, 0) == pid);
	close(channel[0]);
	close(channel[1]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void passed_descriptor(void)
{
	const struct aeg_datapath_config config = stage_config();

	if (datapath_start(&config)) {
		CHECK_EQUAL(connect_passed(DEST_ALLOWED), EPERM);
		CHECK_EQUAL(connect_passed(DEST_DENIED), EPERM);
		CHECK_EQUAL(connect_passed(DEST_FREE), 0);
	}
	datapath_stop();
}

/* ---- workloads that come and go ---- */

static void becomes_known(void)
{
	const struct aeg_datapath_config config = stage_config();

	if (datapath_start(&config)) {
		struct aeg_ident_row row = ident_row(IN_STRAY, WORKLOAD_A, 1);
		AEG_AUTO_CLOSE int fd = socket_made_in(IN_STRAY, SOCK_STREAM);

		CHECK_EQUAL(connect_in(IN_STRAY, fd, DEST_ALLOWED), EPERM);
		aeg_datapath_set_levels(datapath, 1u << stage_level("managed/a") |
							  1u << stage_level(IN_STRAY));
		CHECK_EQUAL(aeg_datapath_set_ident(datapath, &row), 0);
		CHECK_EQUAL(connect_in(IN_STRAY, fd, DEST_ALLOWED), 0);
	}
	datapath_stop();
}

static void becomes_unknown(void)
{
	const struct aeg_datapath_config config = stage_config();

	if (datapath_start(&config)) {
		AEG_AUTO_CLOSE int control = socket_made_in(IN_A, SOCK_STREAM);
		AEG_AUTO_CLOSE int fd = socket_made_in(IN_A, SOCK_STREAM);

		CHECK_EQUAL(connect_in(IN_A, control, DEST_ALLOWED), 0);
		CHECK_EQUAL(aeg_datapath_delete_ident(datapath, stage_cgroup("managed/a")), 0);
		CHECK_EQUAL(aeg_datapath_delete_ident(datapath, stage_cgroup("managed/a")),
			    -ENOENT);
		CHECK_EQUAL(connect_in(IN_A, fd, DEST_ALLOWED), EPERM);
	}
	datapath_stop();
}

/* The nearest cgroup's identity holds, also for sockets that are older than it. */
static void nearest_wins(void)
{
	const struct aeg_datapath_config config = stage_config();

	if (datapath_start(&config)) {
		struct aeg_ident_row row = ident_row(IN_A, WORKLOAD_B, 2);
		AEG_AUTO_CLOSE int fd = socket_made_in(IN_A, SOCK_STREAM);

		CHECK_EQUAL(connect_in(IN_A, fd, DEST_DENIED), EPERM);
		aeg_datapath_set_levels(datapath,
					1u << stage_level("managed/a") | 1u << stage_level(IN_A));
		CHECK_EQUAL(aeg_datapath_set_ident(datapath, &row), 0);
		CHECK_EQUAL(connect_in(IN_A, fd, DEST_DENIED), 0);
	}
	datapath_stop();
}

/* A cached datagram decision dies with the identity it was made for. */
static void cache_follows_identity(void)
{
	const struct aeg_datapath_config config = stage_config();

	if (datapath_start(&config)) {
		struct aeg_ident_row row = ident_row("managed/a", WORKLOAD_B, 2);
		AEG_AUTO_CLOSE int fd = socket_made_in(IN_A, SOCK_DGRAM);

		stage_enter(IN_A);
		CHECK_EQUAL(stage_send(fd, DEST_ALLOWED, FORM_V4, UDP_PORT), 0);
		CHECK_EQUAL(aeg_datapath_set_ident(datapath, &row), 0);
		CHECK_EQUAL(stage_send(fd, DEST_ALLOWED, FORM_V4, UDP_PORT), EPERM);
		stage_leave();
	}
	datapath_stop();
}

/* What B decided on A's socket is not A's decision, nor the other way round. */
static void cache_is_not_shared(void)
{
	const struct aeg_datapath_config config = stage_config();

	if (datapath_start(&config)) {
		AEG_AUTO_CLOSE int fd = socket_made_in(IN_A, SOCK_DGRAM);

		for (int i = 0; i < 2; i++) {
			stage_enter(IN_B);
			CHECK_EQUAL(stage_send(fd, DEST_ALLOWED, FORM_V4, UDP_PORT), EPERM);
			stage_enter(IN_A);
			CHECK_EQUAL(stage_send(fd, DEST_ALLOWED, FORM_V4, UDP_PORT), 0);
			stage_leave();
		}
	}
	datapath_stop();
}

static void unknown_follows_default(void)
{
	const struct aeg_datapath_config config = stage_config();
	struct aeg_gen settings = default_settings();
	struct happened happened;

	if (datapath_start(&config)) {
		AEG_AUTO_CLOSE int fd = socket_made_in(IN_STRAY, SOCK_STREAM);

		settings.unknown = AEG_VERDICT_AUDITED;
		install(settings, RULE_A_ALLOWS);
		CHECK_EQUAL(connect_in(IN_STRAY, fd, DEST_DENIED), 0);
		happened = happened_take();
		check_total(&happened, AEG_VERDICT_AUDITED, AEG_REASON_UNKNOWN_WORKLOAD,
			    AEG_HOOK_CONNECT, 1);
	}
	datapath_stop();
}

/* ---- connections that stand ---- */

static void make_known(const char *cgroup, uint32_t flags)
{
	struct aeg_ident_row row = ident_row(cgroup, WORKLOAD_A, 1);

	row.ident.flags |= flags;
	aeg_datapath_set_levels(datapath,
				1u << stage_level("managed/a") | 1u << stage_level(cgroup));
	CHECK_EQUAL(aeg_datapath_set_ident(datapath, &row), 0);
	CHECK_EQUAL(aeg_datapath_revoke(datapath), 0);
}

/* So many connections were revoked, in A's name, and nothing else happened. */
static void check_revoked(uint64_t n)
{
	struct happened happened = happened_take();

	check_total(&happened, AEG_VERDICT_DENIED, AEG_REASON_REVOKED, AEG_HOOK_REVOKE, n);
	if (CHECK(happened.nevents >= 1))
		CHECK_EQUAL(happened.events[0].workload, WORKLOAD_A);
}

/* What a stranger was let do holds no longer than it is one. */
static void strangers_are_decided_again(void)
{
	const struct aeg_datapath_config config = stage_config();
	struct aeg_gen settings = default_settings();

	if (datapath_start(&config)) {
		AEG_AUTO_CLOSE int denied = socket_made_in(IN_STRAY, SOCK_STREAM);
		AEG_AUTO_CLOSE int allowed = socket_made_in(IN_STRAY, SOCK_STREAM);
		AEG_AUTO_CLOSE int datagrams = socket_made_in(IN_STRAY, SOCK_DGRAM);

		settings.unknown = AEG_VERDICT_ALLOWED;
		install(settings, RULE_A_ALLOWS);
		CHECK_EQUAL(connect_in(IN_STRAY, denied, DEST_DENIED), 0);
		CHECK_EQUAL(connect_in(IN_STRAY, datagrams, DEST_DENIED), 0);
		CHECK_EQUAL(connect_in(IN_STRAY, allowed, DEST_ALLOWED), 0);
		happened_reset();
		make_known(IN_STRAY, 0);
		check_revoked(2);
	}
	datapath_stop();
}

static void strangers_are_contained(void)
{
	const struct aeg_datapath_config config = stage_config();

	if (datapath_start(&config)) {
		AEG_AUTO_CLOSE int fd = made_in(IN_STRAY, FORM_V6, SOCK_STREAM);

		CHECK_EQUAL(connect_to(IN_STRAY, fd, DEST_FREE, FORM_V6), 0);
		happened_reset();
		make_known(IN_STRAY, AEG_IDENT_STRICT | AEG_IDENT_STRICT_UNION);
		check_revoked(1);
	}
	datapath_stop();
}

/* A container that becomes a workload of its own is not its pod any more. */
static void nearest_wins_for_what_stands(void)
{
	const struct aeg_datapath_config config = stage_config();

	if (datapath_start(&config)) {
		AEG_AUTO_CLOSE int fd = socket_made_in(IN_B, SOCK_STREAM);

		CHECK_EQUAL(connect_in(IN_B, fd, DEST_DENIED), 0); /* B may */
		happened_reset();
		make_known(IN_B, 0);
		check_revoked(1);
	}
	datapath_stop();
}

/* ---- the emergency stop ---- */

/* A connection to a server of A's: the server's end, and the client's that is nobody's. */
static int accept_in_a(int *ret_client)
{
	int listener = made_in(IN_A, FORM_V6, SOCK_STREAM), fd;
	struct sockaddr_in6 addr = {.sin6_family = AF_INET6};
	struct sockaddr_storage peer;
	socklen_t len = sizeof(addr);

	CHECK_EQUAL(bind(listener, (struct sockaddr *)&addr, len), 0);
	CHECK_EQUAL(listen(listener, 1), 0);
	CHECK_EQUAL(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
	len = stage_addr(DEST_FREE, FORM_V6, ntohs(addr.sin6_port), &peer);
	*ret_client = made_in(OUTSIDE, FORM_V6, SOCK_STREAM);
	CHECK_EQUAL(connect(*ret_client, (struct sockaddr *)&peer, len), 0);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		err(1, "accept");
	close(listener);
	return fd;
}

static bool arrives(int from, int to)
{
	char byte;

	CHECK_EQUAL(send(from, "x", 1, MSG_NOSIGNAL), 1);
	return recv(to, &byte, 1, MSG_DONTWAIT) == 1;
}

/* Accepted connections have no storage and no connect(): what they send is stopped all the same. */
static void quarantine_stops_servers(void)
{
	const struct aeg_datapath_config config = stage_config();
	struct happened happened;

	if (datapath_start(&config)) {
		AEG_AUTO_CLOSE int client = -1;
		AEG_AUTO_CLOSE int server = accept_in_a(&client);
		struct aeg_ident_row row = ident_row("managed/a", WORKLOAD_A, 1);

		CHECK(arrives(server, client));
		row.ident.flags |= AEG_IDENT_QUARANTINED;
		CHECK_EQUAL(aeg_datapath_set_ident(datapath, &row), 0);
		happened_reset();
		CHECK(!arrives(server, client));
		happened = happened_take();
		CHECK(happened.totals[aeg_total_index(AEG_VERDICT_DENIED, AEG_REASON_QUARANTINED,
						      AEG_HOOK_PACKET)] > 0);
		/* the kernel's last word to the other side gets out */
		CHECK_EQUAL(setsockopt(server, SOL_SOCKET, SO_LINGER,
				       &(struct linger){.l_onoff = 1}, sizeof(struct linger)),
			    0);
		aeg_closep(&server);
		server = -1;
		CHECK_EQUAL(recv(client, &(char){0}, 1, MSG_DONTWAIT), -1);
		CHECK_EQUAL(errno, ECONNRESET);
	}
	datapath_stop();
}

/* ---- managed directories ---- */

static void roots_change(void)
{
	const struct aeg_datapath_config config = stage_config();

	if (datapath_start(&config)) {
		const struct aeg_managed roots[] = {
			{stage_cgroup(OUTSIDE), stage_level(OUTSIDE), OUTSIDE},
			{stage_cgroup("managed"), stage_level("managed"), "managed"},
		};
		AEG_AUTO_CLOSE int first = socket_made_in(OUTSIDE, SOCK_STREAM);
		AEG_AUTO_CLOSE int second = socket_made_in(OUTSIDE, SOCK_STREAM);
		AEG_AUTO_CLOSE int third = socket_made_in(OUTSIDE, SOCK_STREAM);
		AEG_AUTO_CLOSE int pods = socket_made_in(IN_A, SOCK_STREAM);

		CHECK_EQUAL(aeg_datapath_set_roots(datapath, roots, 2), 0);
		CHECK_EQUAL(connect_in(OUTSIDE, first, DEST_DENIED), EPERM);
		CHECK_EQUAL(connect_in(IN_A, pods, DEST_DENIED), EPERM);
		CHECK_EQUAL(aeg_datapath_set_roots(datapath, &roots[1], 1), 0);
		CHECK_EQUAL(connect_in(OUTSIDE, second, DEST_DENIED), 0);
		CHECK_EQUAL(connect_in(IN_A, pods, DEST_DENIED), EPERM);
		CHECK_EQUAL(aeg_datapath_set_roots(datapath, &roots[0], 1), 0);
		CHECK_EQUAL(connect_in(OUTSIDE, third, DEST_DENIED), EPERM);
		CHECK_EQUAL(connect_in(IN_A, pods, DEST_DENIED), 0);
	}
	datapath_stop();
}

const struct test identity_tests[] = {
	{"identity: the stricter of two wins and is named", stricter_wins},
	{"identity: the stamp stays", stamp_stays},
	{"identity: a descriptor passed to another pod", passed_descriptor},
	{"identity: a workload becomes known", becomes_known},
	{"identity: a workload becomes unknown", becomes_unknown},
	{"identity: the nearest cgroup's holds", nearest_wins},
	{"identity: cached decisions follow it", cache_follows_identity},
	{"identity: cached decisions are not shared", cache_is_not_shared},
	{"identity: unknown workloads follow the default", unknown_follows_default},
	{"identity: managed directories come and go", roots_change},
	{"identity: what strangers opened is decided again", strangers_are_decided_again},
	{"identity: what strangers opened is contained strictly", strangers_are_contained},
	{"identity: the nearest one's rules hold for what stands", nearest_wins_for_what_stands},
	{"identity: a quarantine stops servers, too", quarantine_stops_servers},
	{NULL, NULL},
};
