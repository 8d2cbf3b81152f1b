/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* All connections are looked at whenever one is: they are few. */
#include "daemon/guard.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define NS_PER_MS 1000000u
#define LINE_SECONDS 60 /* a line of a kind at most so often */

enum stage { ASKING, ASKED, ANSWERING };

struct aeg_guarded {
	struct aeg_guarded *prev, *next;
	struct aeg_guard *guard;
	struct MHD_Connection *connection;
	uint64_t since_ns; /* when it may have begun to ask */
	enum stage stage;
	bool other;  /* neither root nor ourselves */
	bool served; /* a request could be read */
	bool cut;    /* by us, and counted */
};

static bool is_full(const struct aeg_guard *guard)
{
	const struct aeg_guard_settings *settings = &guard->settings;

	return guard->n >= settings->max || guard->others >= settings->max - settings->kept;
}

static uint64_t deadline_of(const struct aeg_guard *guard, const struct aeg_guarded *guarded)
{
	const struct aeg_guard_settings *settings = &guard->settings;
	uint64_t ms = is_full(guard) ? settings->hurry_ms : settings->ask_ms;

	if (guarded->stage == ANSWERING)
		return UINT64_MAX;
	return guarded->since_ns + (guarded->stage == ASKED ? settings->asked_ms : ms) * NS_PER_MS;
}

static int fd_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info ? info->connect_fd : -1;
}

static void say(const struct aeg_guard *guard, struct aeg_log_limit *limit, const char *what,
		uint64_t count)
{
	if (aeg_log_allowed(limit, aeg_now_ns()))
		aeg_log(AEG_LOG_WARNING, guard->settings.component, "a connection %s: %llu so far",
			what, (unsigned long long)count);
}

/* The server sees a connection that has ended and closes it. */
static void cut(struct aeg_guarded *guarded)
{
	int fd = fd_of(guarded->connection);

	guarded->cut = true;
	if (fd >= 0)
		shutdown(fd, SHUT_RDWR);
}

/* One that was served and asks no more is no trouble. */
static void cut_slow(struct aeg_guard *guard, struct aeg_guarded *guarded)
{
	cut(guarded);
	if (guarded->served && guarded->stage == ASKING) {
		guard->counts.answered++;
		return;
	}
	guard->counts.slow++;
	say(guard, &guard->slow, "was ended because it was too slow", guard->counts.slow);
}

/* Ends what is late and sleeps until the next one may be. */
static void look(void *arg)
{
	struct aeg_guard *guard = arg;
	uint64_t now = aeg_now_ns(), next = UINT64_MAX;

	for (struct aeg_guarded *at = guard->first; at; at = at->next) {
		uint64_t deadline = deadline_of(guard, at);

		if (at->cut)
			continue;
		if (deadline <= now)
			cut_slow(guard, at);
		else if (deadline < next)
			next = deadline;
	}
	if (next == UINT64_MAX)
		aeg_timer_disarm(guard->timer);
	else
		aeg_timer_arm(guard->timer, (next - now) / NS_PER_MS + 1);
}

int aeg_guard_open(struct aeg_guard *guard, struct aeg_loop *loop,
		   const struct aeg_guard_settings *settings)
{
	const struct aeg_log_limit limit = {.burst = 1, .seconds = LINE_SECONDS};

	*guard = (struct aeg_guard){
		.settings = *settings,
		.slow = limit,
		.unreadable = limit,
		.refused = limit,
	};
	return aeg_loop_timer(loop, look, guard, &guard->timer);
}

void aeg_guard_done(struct aeg_guard *guard)
{
	aeg_watch_remove(guard->timer);
	*guard = (struct aeg_guard){0};
}

/* ---- connections ---- */

/* Of a Unix socket: asked of the kernel, as of the time of connect(). Behind TCP everybody is. */
static bool is_other(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || peer.uid == (uid_t)-1)
		return true;
	return peer.uid != 0 && peer.uid != geteuid();
}

static void refuse(struct aeg_guard *guard, struct aeg_guarded *guarded)
{
	cut(guarded);
	guard->counts.refused++;
	say(guard, &guard->refused, "was refused, since all places are taken",
	    guard->counts.refused);
}

static struct aeg_guarded *add(struct aeg_guard *guard, struct MHD_Connection *connection)
{
	struct aeg_guarded *guarded = aeg_xcalloc(1, sizeof(*guarded));
	bool full = is_full(guard);

	guarded->guard = guard;
	guarded->connection = connection;
	guarded->since_ns = aeg_now_ns();
	guarded->next = guard->first;
	if (guarded->next)
		guarded->next->prev = guarded;
	guard->first = guarded;
	guard->n++;
	guarded->other = is_other(fd_of(connection));
	guard->others += guarded->other;
	if (full && guarded->other && guard->settings.kept)
		refuse(guard, guarded);
	return guarded;
}

/* A probe of the port sends nothing: no line in the log. */
static bool sent_nothing(int fd)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
	       info.tcpi_bytes_received <= 1; /* FIN counts */
}

static void count(struct aeg_guard *guard, const struct aeg_guarded *guarded)
{
	if (guarded->cut) /* counted already */
		return;
	if (guarded->served) {
		guard->counts.answered++;
		return;
	}
	guard->counts.unreadable++;
	if (!sent_nothing(fd_of(guarded->connection)))
		say(guard, &guard->unreadable, "had no request that could be read",
		    guard->counts.unreadable);
}

static void drop(struct aeg_guard *guard, struct aeg_guarded *guarded)
{
	if (guarded->prev)
		guarded->prev->next = guarded->next;
	else
		guard->first = guarded->next;
	if (guarded->next)
		guarded->next->prev = guarded->prev;
	guard->n--;
	guard->others -= guarded->other;
	count(guard, guarded);
	free(guarded);
}

void aeg_guard_notify(void *arg, struct MHD_Connection *connection, void **context,
		      enum MHD_ConnectionNotificationCode code)
{
	struct aeg_guard *guard = arg;

	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		*context = add(guard, connection);
	else
		drop(guard, AEG_TAKE_PTR(*(struct aeg_guarded **)context));
	look(guard);
}

static struct aeg_guarded *guarded_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static void enter(struct MHD_Connection *connection, enum stage stage)
{
	struct aeg_guarded *guarded = guarded_of(connection);

	if (!guarded)
		return;
	if (stage == ASKING)
		guarded->since_ns = aeg_now_ns();
	else
		guarded->served = true;
	guarded->stage = stage;
	look(guarded->guard);
}

void aeg_guard_asked(struct MHD_Connection *connection)
{
	enter(connection, ASKED);
}

void aeg_guard_answering(struct MHD_Connection *connection)
{
	enter(connection, ANSWERING);
}

void aeg_guard_answered(struct MHD_Connection *connection)
{
	enter(connection, ASKING);
}
