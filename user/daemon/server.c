/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "daemon/server.h"
#include "daemon/run.h"

#include <errno.h>

#define ROUNDS_MAX 16

static unsigned int connections(struct MHD_Daemon *mhd)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(mhd, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

	return info ? info->num_connections : 0;
}

/* One that had no place left for a connection listens again only in the round after one came free. */
void aeg_server_run(void *arg)
{
	struct aeg_server *server = arg;
	MHD_UNSIGNED_LONG_LONG timeout = 0;
	enum MHD_Result waits = MHD_YES;
	bool again = true;

	for (int i = 0; i < ROUNDS_MAX && again; i++) {
		unsigned int before = connections(server->mhd);

		MHD_run(server->mhd);
		waits = MHD_get_timeout(server->mhd, &timeout);
		again = (waits == MHD_YES && timeout == 0) || connections(server->mhd) < before;
	}
	if (again)
		aeg_timer_arm(server->timer, 1);
	else if (waits == MHD_YES)
		aeg_timer_arm(server->timer, timeout ? timeout : 1);
	else
		aeg_timer_disarm(server->timer);
}

static void on_ready(void *arg, int fd, uint32_t events)
{
	aeg_server_run(arg);
}

int aeg_server_enter(struct aeg_server *server, struct aeg_loop *loop, struct MHD_Daemon *mhd)
{
	const union MHD_DaemonInfo *info;
	int err;

	server->mhd = mhd;
	if (!mhd)
		return -EIO;
	info = MHD_get_daemon_info(mhd, MHD_DAEMON_INFO_EPOLL_FD);
	err = aeg_loop_timer(loop, aeg_server_run, server, &server->timer);
	if (err || !info)
		return err ? err : -ENOTSUP;
	return aeg_loop_fd(loop, info->epoll_fd, EPOLLIN, on_ready, server, &server->watch);
}

void aeg_server_leave(struct aeg_server *server)
{
	aeg_watch_remove(AEG_TAKE_PTR(server->watch));
}

void aeg_server_done(struct aeg_server *server)
{
	aeg_server_leave(server);
	if (server->mhd)
		MHD_stop_daemon(server->mhd);
	aeg_watch_remove(server->timer);
	*server = (struct aeg_server){0};
}

enum MHD_Result aeg_server_respond(struct MHD_Connection *connection, const struct aeg_reply *reply,
				   struct MHD_Response *response)
{
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->type);
	if (reply->allow)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, reply->allow);
	if (reply->run)
		MHD_add_response_header(response, AEG_RUN_HEADER, reply->run);
	result = MHD_queue_response(connection, reply->status, response);
	MHD_destroy_response(response);
	return result;
}

struct MHD_Response *aeg_server_response(struct aeg_reply *reply)
{
	size_t len;
	char *text;

	if (reply->body.len && reply->body.data[reply->body.len - 1] != '\n')
		aeg_buf_putc(&reply->body, '\n');
	len = reply->body.len;
	text = aeg_buf_take(&reply->body);
	return MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
}

const char *aeg_server_query(const struct aeg_request *request, const char *key)
{
	const char *value = NULL;

	if (MHD_lookup_connection_value_n(request->transport, MHD_GET_ARGUMENT_KIND, key,
					  strlen(key), &value, NULL) != MHD_YES)
		return NULL;
	return value ? value : "";
}
