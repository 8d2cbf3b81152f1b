/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The section `dns` of the configuration: whom to believe, how long, and which suffixes to see through. */
#include "base/yaml.h"
#include "daemon/config.h"
#include "daemon/config_values.h"
#include "policy/pattern.h"

#define TTL_MIN_DEFAULT 60 /* s */
#define SHARE_MIN 16	   /* what a few names need */

/* ---- resolvers ---- */

static void read_resolver(struct aeg_addrs *ret, const struct aeg_node *value,
			  struct aeg_diags *diags)
{
	struct aeg_addr addr;

	if (!aeg_node_expect(value, AEG_NODE_SCALAR, "an address", diags))
		return;
	if (aeg_addr_parse(value->text, &addr))
		aeg_error_at(diags, value->pos, "'%s' is not an IP address", value->text);
	else
		*AEG_VEC_PUSH(ret->list) = addr;
}

/* An empty list is a statement: nobody is believed, so nothing is learned. */
static void read_resolvers(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_dns_config *dns = target;

	dns->resolvers_given = true;
	if (!aeg_node_expect(value, AEG_NODE_LIST, NULL, diags))
		return;
	if (value->items.n > AEG_RESOLVERS_MAX)
		aeg_error_at(diags, value->pos, "too many resolvers: at most %d",
			     AEG_RESOLVERS_MAX);
	for (size_t i = 0; i < value->items.n; i++)
		read_resolver(&dns->resolvers, value->items.items[i], diags);
}

/* ---- times ---- */

static void read_ttl_min(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	static const struct aeg_config_range range = {1, AEG_TTL_MAX, "from 1s to 24h"};
	struct aeg_dns_config *dns = target;
	uint64_t seconds = dns->ttl_min;

	aeg_config_duration(&seconds, &range, value, diags);
	dns->ttl_min = (uint32_t)seconds;
}

/* ---- shares ---- */

static void read_share(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_dns_config *dns = target;
	uint64_t n;

	if (!aeg_node_u64(value, &n) || n < SHARE_MIN || n > AEG_LEARNED_MAX)
		aeg_error_at(diags, value->pos, "expected a number from %d to %d", SHARE_MIN,
			     AEG_LEARNED_MAX);
	else
		dns->share = (uint32_t)n;
}

/* ---- suffixes ---- */

static void clear_suffixes(struct aeg_strings *suffixes)
{
	for (size_t i = 0; i < suffixes->list.n; i++)
		free(suffixes->list.items[i]);
	AEG_VEC_DONE(suffixes->list);
}

static void read_suffix(struct aeg_strings *ret, const struct aeg_node *value,
			struct aeg_diags *diags)
{
	enum aeg_pattern_error error;
	char name[AEG_PATTERN_TEXT];

	if (!aeg_node_expect(value, AEG_NODE_SCALAR, "a domain", diags))
		return;
	error = aeg_pattern_parse(value->text, false, name);
	if (error)
		aeg_error_at(diags, value->pos, "'%s': %s", value->text,
			     aeg_pattern_strerror(error));
	else
		*AEG_VEC_PUSH(ret->list) = aeg_xstrdup(name);
}

static void read_suffixes(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_dns_config *dns = target;

	if (!aeg_node_expect(value, AEG_NODE_LIST, NULL, diags))
		return;
	if (value->items.n > AEG_SEARCHES_MAX)
		aeg_error_at(diags, value->pos, "too many suffixes: at most %d", AEG_SEARCHES_MAX);
	clear_suffixes(&dns->suffixes);
	for (size_t i = 0; i < value->items.n; i++)
		read_suffix(&dns->suffixes, value->items.items[i], diags);
}

static const struct aeg_field dns_fields[] = {
	{.key = "resolvers", .read = read_resolvers},
	{.key = "minTtl", .read = read_ttl_min},
	{.key = "addressesPerWorkload", .read = read_share},
	{.key = "searchSuffixes", .read = read_suffixes},
	{0},
};

void aeg_dns_config_read(struct aeg_dns_config *ret, const struct aeg_node *value,
			 struct aeg_diags *diags)
{
	aeg_fields_read(dns_fields, value, ret, diags);
}

void aeg_dns_config_init(struct aeg_dns_config *ret)
{
	static const char *const suffixes[] = {"svc.cluster.local", "cluster.local"};

	*ret = (struct aeg_dns_config){.ttl_min = TTL_MIN_DEFAULT, .share = AEG_SHARE_DEFAULT};
	for (size_t i = 0; i < AEG_ARRAY_SIZE(suffixes); i++)
		*AEG_VEC_PUSH(ret->suffixes.list) = aeg_xstrdup(suffixes[i]);
}

void aeg_dns_config_done(struct aeg_dns_config *dns)
{
	AEG_VEC_DONE(dns->resolvers.list);
	clear_suffixes(&dns->suffixes);
}
