/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* resolv.conf(5): only its nameserver lines matter here. A file that cannot be read names nobody. */
#include "daemon/resolvers.h"
#include "base/file.h"

#define FILE_MAX 65536

static void add(struct aeg_addrs *addrs, const struct aeg_addr *addr)
{
	for (size_t i = 0; i < addrs->list.n; i++) {
		if (memcmp(&addrs->list.items[i], addr, sizeof(*addr)) == 0)
			return;
	}
	*AEG_VEC_PUSH(addrs->list) = *addr;
}

static void parse_line(const char *line, size_t len, struct aeg_addrs *ret)
{
	static const char keyword[] = "nameserver";
	const char *end = line + len, *word = line;
	AEG_AUTO_FREE char *text = NULL;
	struct aeg_addr addr;

	if (len <= sizeof(keyword) || strncmp(line, keyword, sizeof(keyword) - 1) != 0)
		return;
	word += sizeof(keyword) - 1;
	if (*word != ' ' && *word != '\t')
		return;
	word += strspn(word, " \t");
	if (word >= end)
		return;
	text = aeg_xstrndup(word, strcspn(word, " \t\r\n"));
	if (aeg_addr_parse(text, &addr) == 0)
		add(ret, &addr);
}

void aeg_resolvers_parse(const char *text, struct aeg_addrs *ret)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		parse_line(text, len, ret);
		text += len + (text[len] == '\n');
	}
}

static void read_file(const char *path, struct aeg_addrs *ret)
{
	AEG_AUTO_FREE char *text = NULL;
	size_t len;

	if (aeg_file_read(path, FILE_MAX, &text, &len) == 0)
		aeg_resolvers_parse(text, ret);
}

static bool is_loopback(const struct aeg_addr *addr)
{
	static const struct aeg_addr v6 = {.bytes = {[15] = 1}};

	if (aeg_addr_is_v4(addr))
		return addr->bytes[12] == 127;
	return memcmp(addr, &v6, sizeof(v6)) == 0;
}

/* A stub on loopback serves this network namespace only; pods ask the servers behind it. */
static bool has_stub(const struct aeg_addrs *addrs)
{
	for (size_t i = 0; i < addrs->list.n; i++) {
		if (is_loopback(&addrs->list.items[i]))
			return true;
	}
	return false;
}

void aeg_resolvers_get(const struct aeg_dns_config *config, struct aeg_addrs *ret)
{
	for (size_t i = 0; i < config->resolvers.list.n; i++)
		add(ret, &config->resolvers.list.items[i]);
	if (config->resolvers_given)
		return;
	read_file(AEG_RESOLV_CONF, ret);
	if (has_stub(ret))
		read_file(AEG_RESOLVED_CONF, ret);
}

/* Services live in namespaces: the label in front of svc.cluster.local is the pod's. */
static uint32_t labels_in_front(const char *suffix)
{
	return strncmp(suffix, "svc.", 4) == 0;
}

static int apply_suffixes(const struct aeg_strings *suffixes, struct aeg_datapath *datapath)
{
	struct aeg_search searches[AEG_SEARCHES_MAX];
	size_t n = 0;

	for (; n < suffixes->list.n && n < AEG_SEARCHES_MAX; n++)
		searches[n] = (struct aeg_search){
			.suffix = suffixes->list.items[n],
			.labels = labels_in_front(suffixes->list.items[n]),
		};
	return aeg_datapath_set_searches(datapath, searches, n);
}

int aeg_resolvers_apply(const struct aeg_dns_config *config, struct aeg_datapath *datapath,
			struct aeg_addrs *ret)
{
	int err;

	AEG_VEC_DONE(ret->list);
	aeg_resolvers_get(config, ret);
	aeg_datapath_set_ttl_min(datapath, config->ttl_min);
	aeg_datapath_set_share(datapath, config->share);
	err = aeg_datapath_set_resolvers(datapath, ret->list.items, ret->list.n);
	return err ? err : apply_suffixes(&config->suffixes, datapath);
}
