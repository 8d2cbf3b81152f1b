/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* All connections are looked at whenever one is: they are few. */
#include "daemon/guard.h"
#include "base/log.h"

#include <errno.h>
#include <sys/socket.h>

#define COMPONENT "metrics"
#define ASK_MS 5000    /* to send the request */
#define HURRY_MS 500   /* the same while all places are taken */
#define WHOLE_MS 15000 /* until the answer is read: longer than Prometheus waits */
#define NS_PER_MS 1000000u

struct aeg_guarded {
	struct aeg_guarded *prev, *next;
	struct MHD_Connection *connection;
	uint64_t since_ns;
	bool asked, cut;
};

static uint64_t deadline_of(const struct aeg_guard *guard, const struct aeg_guarded *guarded)
{
	uint64_t ms = guard->n >= guard->max ? HURRY_MS : ASK_MS;

	return guarded->since_ns + (guarded->asked ? WHOLE_MS : ms) * NS_PER_MS;
}

/* The server sees a connection that has ended and closes it. */
static void cut(struct aeg_guard *guard, struct aeg_guarded *guarded)
{
	static struct aeg_log_limit limit = {.burst = 1, .seconds = 60};
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(guarded->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	guarded->cut = true;
	guard->counts.slow++;
	if (info)
		shutdown(info->connect_fd, SHUT_RDWR);
	if (aeg_log_allowed(&limit, aeg_now_ns()))
		aeg_log(AEG_LOG_WARNING, COMPONENT,
			"a connection was ended because it was too slow; so were %llu so far",
			(unsigned long long)guard->counts.slow);
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
			cut(guard, at);
		else if (deadline < next)
			next = deadline;
	}
	if (next == UINT64_MAX)
		aeg_timer_disarm(guard->timer);
	else
		aeg_timer_arm(guard->timer, (next - now) / NS_PER_MS + 1);
}

int aeg_guard_open(struct aeg_guard *guard, struct aeg_loop *loop, size_t max)
{
	*guard = (struct aeg_guard){.max = max};
	return aeg_loop_timer(loop, look, guard, &guard->timer);
}

void aeg_guard_done(struct aeg_guard *guard)
{
	aeg_watch_remove(guard->timer);
	*guard = (struct aeg_guard){0};
}

static struct aeg_guarded *add(struct aeg_guard *guard, struct MHD_Connection *connection)
{
	struct aeg_guarded *guarded = aeg_xcalloc(1, sizeof(*guarded));

	guarded->connection = connection;
	guarded->since_ns = aeg_now_ns();
	guarded->next = guard->first;
	if (guarded->next)
		guarded->next->prev = guarded;
	guard->first = guarded;
	guard->n++;
	return guarded;
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
	if (!guarded->cut && guarded->asked)
		guard->counts.answered++;
	else if (!guarded->cut)
		guard->counts.unreadable++;
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

void aeg_guard_asked(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct aeg_guarded *guarded = info ? info->socket_context : NULL;

	if (guarded)
		guarded->asked = true;
}
