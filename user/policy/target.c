/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Destinations as people write them: host or address, port, protocol; URLs are pasted, too. */
#include "policy/explain.h"
#include "policy/pattern.h"
#include <errno.h>

#define DEFAULT_PORT 443

struct parts { /* of a writable copy of the text */
	char *host;
	char *port; /* NULL: not said */
	char *proto;
	uint16_t default_port;
};

/* Always -EINVAL, so that a refusal is one statement. */
#define refuse(error, ...) (aeg_buf_printf(error, __VA_ARGS__), -EINVAL)

/* https://host:port/path -> host and port; the path says nothing about the connection. */
static int split_url(char *text, char *rest, struct parts *ret, struct aeg_buf *error)
{
	*rest = '\0';
	rest += strlen("://");
	if (aeg_streq(text, "http"))
		ret->default_port = 80;
	else if (!aeg_streq(text, "https"))
		return refuse(error, "'%s' is not a scheme that is known here: http or https",
			      text);
	rest[strcspn(rest, "/?#")] = '\0';
	if (strchr(rest, '@'))
		return refuse(error, "'%s': write the host without a user in front", rest);
	ret->host = rest;
	return 0;
}

static int split_proto(char *text, struct parts *ret, struct aeg_buf *error)
{
	char *slash = strchr(text, '/');

	ret->host = text;
	if (!slash)
		return 0;
	*slash = '\0';
	ret->proto = slash + 1;
	if (aeg_streq(ret->proto, "tcp") || aeg_streq(ret->proto, "udp"))
		return 0;
	return refuse(error, "'/%s' is neither /tcp nor /udp; a URL begins with https://",
		      ret->proto);
}

/* host:port, v4:port, [v6], [v6]:port; two colons without brackets are a bare IPv6 address. */
static int split_port(struct parts *parts, struct aeg_buf *error)
{
	char *close, *colon = strchr(parts->host, ':');

	if (parts->host[0] != '[') {
		if (!colon || strchr(colon + 1, ':'))
			return 0;
		*colon = '\0';
		parts->port = colon + 1;
		return 0;
	}
	close = strchr(parts->host, ']');
	if (!close)
		return refuse(error, "'%s' has no closing bracket", parts->host);
	if (close[1] != '\0' && close[1] != ':')
		return refuse(error, "'%s': after the bracket only :PORT may stand", parts->host);
	parts->port = close[1] ? close + 2 : NULL;
	*close = '\0';
	return 0;
}

static int parse_port(const struct parts *parts, uint16_t *ret, struct aeg_buf *error)
{
	size_t len = parts->port ? strlen(parts->port) : 0;
	unsigned long port;

	*ret = parts->default_port;
	if (!parts->port)
		return 0;
	if (len == 0)
		return refuse(error, "there is no port after '%s:'", parts->host);
	port = strtoul(parts->port, NULL, 10);
	if (len > 5 || strspn(parts->port, "0123456789") != len || port == 0 || port > UINT16_MAX)
		return refuse(error, "'%s' is not a port: 1 to 65535", parts->port);
	*ret = (uint16_t)port;
	return 0;
}

static int parse_host(const char *text, struct aeg_target *ret, struct aeg_buf *error)
{
	char host[AEG_PATTERN_TEXT];
	enum aeg_pattern_error wrong;

	if (text[0] == '[') {
		if (aeg_addr_parse(text + 1, &ret->addr) < 0 || !strchr(text, ':'))
			return refuse(error, "'%s]' is not an IPv6 address", text);
		return 0;
	}
	if (aeg_addr_parse(text, &ret->addr) == 0)
		return 0;
	if (strchr(text, ':'))
		return refuse(error, "'%s' is not an IPv6 address", text);
	wrong = aeg_pattern_parse(text, false, host);
	if (wrong)
		return refuse(error, "'%s' is neither an address nor a host name: %s", text,
			      aeg_pattern_strerror(wrong));
	ret->host = aeg_xstrdup(host);
	return 0;
}

int aeg_target_parse(const char *text, struct aeg_target *ret, struct aeg_buf *error)
{
	AEG_AUTO_FREE char *copy = aeg_xstrdup(text);
	struct parts parts = {.default_port = DEFAULT_PORT};
	struct aeg_target target = {.proto = AEG_PROTO_TCP};
	char *scheme = strstr(copy, "://");
	int err;

	err = scheme ? split_url(copy, scheme, &parts, error) : split_proto(copy, &parts, error);
	if (err)
		return err;
	if (parts.proto && aeg_streq(parts.proto, "udp"))
		target.proto = AEG_PROTO_UDP;
	err = split_port(&parts, error);
	if (err)
		return err;
	err = parse_port(&parts, &target.port, error);
	if (err)
		return err;
	err = parse_host(parts.host, &target, error);
	if (err)
		return err;
	*ret = target;
	return 0;
}

void aeg_target_done(struct aeg_target *target)
{
	free(target->host);
	target->host = NULL;
}
