/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* libmicrohttpd does not look at a suspended connection, so hang-ups are watched for here. */
#include "daemon/follower.h"

#include <fcntl.h>
#include <microhttpd.h>

#define BLOCK_BYTES 16384

struct aeg_follower {
	struct aeg_followers *followers;
	struct aeg_follower *prev, *next;
	struct MHD_Connection *connection;
	struct aeg_stream stream;
	struct aeg_watch *hangup;
	int fd; /* a duplicate: it must not be reused while we watch it */
	bool suspended, ended;
};

static bool resume(struct aeg_follower *follower)
{
	if (!follower->suspended)
		return false;
	follower->suspended = false;
	MHD_resume_connection(follower->connection);
	return true;
}

bool aeg_followers_resume(struct aeg_followers *followers)
{
	bool any = false;

	for (struct aeg_follower *at = followers->first; at; at = at->next)
		any |= resume(at);
	return any;
}

bool aeg_followers_end(struct aeg_followers *followers)
{
	for (struct aeg_follower *at = followers->first; at; at = at->next)
		at->ended = true;
	return aeg_followers_resume(followers);
}

/* A resumed connection does not wake the server: it has to be run. That frees the follower. */
static void on_hangup(void *arg, int fd, uint32_t events)
{
	struct aeg_follower *follower = arg;
	const struct aeg_followers *followers = follower->followers;

	aeg_watch_remove(AEG_TAKE_PTR(follower->hangup));
	follower->ended = true;
	if (resume(follower))
		followers->run(followers->arg);
}

static ssize_t read_block(void *arg, uint64_t offset, char *block, size_t max)
{
	struct aeg_follower *follower = arg;
	size_t n;

	if (follower->ended)
		return MHD_CONTENT_READER_END_OF_STREAM;
	n = aeg_stream_read(&follower->stream, block, max);
	if (n)
		return (ssize_t)n;
	if (aeg_stream_ended(&follower->stream))
		return MHD_CONTENT_READER_END_OF_STREAM;
	follower->suspended = true;
	MHD_suspend_connection(follower->connection);
	return 0;
}

static void free_follower(void *arg)
{
	struct aeg_follower *follower = arg;

	if (follower->prev)
		follower->prev->next = follower->next;
	else
		follower->followers->first = follower->next;
	if (follower->next)
		follower->next->prev = follower->prev;
	aeg_watch_remove(follower->hangup);
	aeg_closep(&follower->fd);
	aeg_stream_done(&follower->stream);
	free(follower);
}

static void watch_hangup(struct aeg_follower *follower)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(follower->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	if (info)
		follower->fd = fcntl(info->connect_fd, F_DUPFD_CLOEXEC, 0);
	if (follower->fd >= 0)
		aeg_loop_fd(follower->followers->loop, follower->fd, EPOLLRDHUP, on_hangup,
			    follower, &follower->hangup);
}

struct MHD_Response *aeg_follower_response(struct aeg_followers *followers,
					   struct MHD_Connection *connection,
					   const struct aeg_history *history,
					   struct aeg_stream_range *range)
{
	struct aeg_follower *follower = aeg_xcalloc(1, sizeof(*follower));
	struct MHD_Response *response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_block, follower, free_follower);

	follower->followers = followers;
	follower->connection = connection;
	follower->fd = -1;
	aeg_stream_init(&follower->stream, history, range);
	follower->next = followers->first;
	if (follower->next)
		follower->next->prev = follower;
	followers->first = follower;
	if (!response) {
		free_follower(follower);
		return NULL;
	}
	watch_hangup(follower);
	return response;
}
