/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The part of the status that is about names: whom is believed, and what became of what was read. */
#include "bpf/parse_dns.h"
#include "bpf/parse_tls.h"
#include "daemon/api.h"
#include "daemon/shares.h"

#define WORD(symbol, word, sentence) word,
static const char *const dns_words[] = {AEG_DNS_RESULTS(WORD)};
static const char *const learning_words[] = {AEG_LEARNINGS(WORD)};
static const char *const hello_words[] = {AEG_HELLO_RESULTS(WORD)};
#undef WORD

typedef int results_fn(struct aeg_datapath *datapath, uint64_t ret[AEG_RESULTS_ROOM]);

/* Every word is there, so that a zero is a zero. */
static void put_results(struct aeg_json *json, const char *key, struct aeg_datapath *datapath,
			results_fn *fn, const char *const *words, size_t n)
{
	uint64_t results[AEG_RESULTS_ROOM];

	if (fn(datapath, results) < 0)
		return;
	aeg_json_object(json, key);
	for (size_t i = 0; i < n; i++)
		aeg_json_u64(json, words[i], results[i]);
	aeg_json_object_end(json);
}

static void put_servers(struct aeg_json *json, const struct aeg_addrs *resolvers)
{
	aeg_json_array(json, "resolvers");
	for (size_t i = 0; i < resolvers->list.n; i++) {
		char text[AEG_ADDR_TEXT];

		aeg_addr_format(&resolvers->list.items[i], text);
		aeg_json_str(json, NULL, text);
	}
	aeg_json_array_end(json);
}

/* Workloads that learn nothing new until something expires: nobody while there is room for all. */
static void put_full_shares(struct aeg_json *json, const struct aeg_reconciler *reconciler)
{
	bool bound = aeg_datapath_learned_count(reconciler->datapath) >= AEG_LEARNED_COMMON;
	AEG_CLEANUP(aeg_shares_done) struct aeg_shares shares = {0};

	if (bound && aeg_shares_read(reconciler->datapath, &shares))
		return;
	aeg_json_array(json, "fullShares");
	for (size_t i = 0; i < shares.list.n; i++) {
		const struct aeg_share *share = &shares.list.items[i];
		const char *text = aeg_numbers_text(&reconciler->numbers, share->workload);

		if (aeg_share_used(share) >= reconciler->config->dns.share)
			aeg_json_str(json, NULL, text ? text : "unknown");
	}
	aeg_json_array_end(json);
}

void aeg_api_put_dns(struct aeg_json *json, const struct aeg_reconciler *reconciler)
{
	const struct aeg_dns_config *config = &reconciler->config->dns;
	struct aeg_datapath *datapath = reconciler->datapath;

	aeg_json_object(json, "dns");
	put_servers(json, &reconciler->resolvers);
	aeg_json_u64(json, "minTtl", config->ttl_min);
	aeg_json_u64(json, "addressesPerWorkload", config->share);
	put_full_shares(json, reconciler);
	aeg_json_array(json, "searchSuffixes");
	for (size_t i = 0; i < config->suffixes.list.n; i++)
		aeg_json_str(json, NULL, config->suffixes.list.items[i]);
	aeg_json_array_end(json);
	put_results(json, "answers", datapath, aeg_datapath_dns_results, dns_words,
		    AEG_ARRAY_SIZE(dns_words));
	put_results(json, "learned", datapath, aeg_datapath_learnings, learning_words,
		    AEG_ARRAY_SIZE(learning_words));
	aeg_json_object_end(json);
	put_results(json, "hellos", datapath, aeg_datapath_hello_results, hello_words,
		    AEG_ARRAY_SIZE(hello_words));
}
