/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* sd_notify's protocol is one datagram to $NOTIFY_SOCKET: no reason for a library. */
#include "daemon/notify.h"
#include "base/loop.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

static void send_text(const char *path, const char *text, size_t len)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	size_t path_len = strlen(path);
	AEG_AUTO_CLOSE int fd = -1;

	if ((*path != '/' && *path != '@') || path_len >= sizeof(addr.sun_path))
		return;
	memcpy(addr.sun_path, path, path_len);
	if (*path == '@') /* the abstract namespace */
		addr.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	sendto(fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&addr,
	       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path_len));
}

void aeg_notify(const char *format, ...)
{
	const char *path = getenv("NOTIFY_SOCKET");
	char text[512];
	va_list args;
	int len;

	if (!path)
		return;
	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len > 0)
		send_text(path, text, strlen(text));
}

void aeg_notify_reloading(void)
{
	aeg_notify("RELOADING=1\nMONOTONIC_USEC=%" PRIu64, aeg_now_ns() / 1000u);
}
