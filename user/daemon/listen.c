/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "daemon/listen.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#define BACKLOG 1024 /* scrapers that come together wait here for their turn */

/* Cuts "address:port", the address in brackets where it has colons itself. -EINVAL. */
static int split(const char *text, char addr[AEG_ADDR_TEXT], const char **ret_port)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;
	bool bracketed = len >= 2 && text[0] == '[' && text[len - 1] == ']';

	if (bracketed) {
		text++;
		len -= 2;
	}
	if (!len || len >= AEG_ADDR_TEXT || bracketed != (memchr(text, ':', len) != NULL))
		return -EINVAL;
	memcpy(addr, text, len);
	addr[len] = '\0';
	*ret_port = colon + 1;
	return 0;
}

static int parse_port(const char *text, uint16_t *ret)
{
	unsigned long port;

	if (!*text || strspn(text, "0123456789") != strlen(text) || strlen(text) > 5)
		return -EINVAL;
	port = strtoul(text, NULL, 10);
	if (port > UINT16_MAX)
		return -EINVAL;
	*ret = (uint16_t)port;
	return 0;
}

int aeg_listen_parse(const char *text, struct aeg_listen *ret)
{
	struct aeg_listen listen = {.on = true};
	char addr[AEG_ADDR_TEXT];
	const char *port;
	int err;

	if (aeg_streq(text, "off")) {
		*ret = (struct aeg_listen){0};
		return 0;
	}
	err = split(text, addr, &port);
	if (!err)
		err = aeg_addr_parse(addr, &listen.addr);
	if (!err)
		err = parse_port(port, &listen.port);
	if (!err)
		*ret = listen;
	return err;
}

void aeg_listen_format(const struct aeg_listen *listen, char ret[AEG_LISTEN_TEXT])
{
	char addr[AEG_ADDR_TEXT];

	aeg_addr_format(&listen->addr, addr);
	if (!listen->on)
		snprintf(ret, AEG_LISTEN_TEXT, "off");
	else if (aeg_addr_is_v4(&listen->addr))
		snprintf(ret, AEG_LISTEN_TEXT, "%s:%u", addr, listen->port);
	else
		snprintf(ret, AEG_LISTEN_TEXT, "[%s]:%u", addr, listen->port);
}

bool aeg_listen_is_local(const struct aeg_listen *listen)
{
	static const uint8_t loopback6[16] = {[15] = 1};

	if (aeg_addr_is_v4(&listen->addr))
		return listen->addr.bytes[12] == 127;
	return memcmp(listen->addr.bytes, loopback6, sizeof(loopback6)) == 0;
}

bool aeg_host_is_local(const char *host)
{
	static const char localhost[] = "localhost";
	size_t len = sizeof(localhost) - 1;
	AEG_AUTO_FREE char *with_port = host ? aeg_xasprintf("%s:1", host) : NULL;
	struct aeg_listen unused;

	if (!host || (strncasecmp(host, localhost, len) == 0 && strchr(":", host[len])))
		return true;
	return aeg_listen_parse(host, &unused) == 0 || aeg_listen_parse(with_port, &unused) == 0;
}

/* Bytes of ret in use. */
static socklen_t socket_address(const struct aeg_listen *listen, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	*ret = (struct sockaddr_storage){0};
	if (aeg_addr_is_v4(&listen->addr)) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(listen->port);
		memcpy(&v4->sin_addr, listen->addr.bytes + 12, sizeof(v4->sin_addr));
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(listen->port);
	memcpy(&v6->sin6_addr, listen->addr.bytes, sizeof(v6->sin6_addr));
	return sizeof(*v6);
}

static int chosen_port(int fd, uint16_t *ret)
{
	struct sockaddr_in6 addr = {0}; /* the port is at the same place in both families */
	socklen_t len = sizeof(addr);

	if (getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		return -errno;
	*ret = ntohs(addr.sin6_port);
	return 0;
}

int aeg_listen_open(struct aeg_listen *listen_on, int *ret)
{
	struct sockaddr_storage addr;
	socklen_t len = socket_address(listen_on, &addr);
	AEG_AUTO_CLOSE int fd =
		socket(addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1, err;

	if (fd < 0)
		return -errno;
	/* A daemon that comes back must not wait for the connections of the last one to be forgotten. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&addr, len) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	err = chosen_port(fd, &listen_on->port);
	if (!err)
		*ret = AEG_TAKE_FD(fd);
	return err;
}
