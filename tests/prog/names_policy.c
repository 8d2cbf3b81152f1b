/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The policy that the tests of names play with. A may reach names.test, everything below wild.test but
 * not bad.wild.test, and the fixtures' huggingface.co; rival.test and all below it are governed, and
 * nobody may; nine more stand for nothing but a crowd. B has no rule. cidr.test's address is declared.
 */
#include "tests/prog/names_policy.h"
#include "base/mem.h"
#include "bpf/verdict.h"
#include "tests/prog/check.h"
#include <bpf/bpf.h>
#include <stdio.h>

static struct aeg_dest dest_of(uint32_t class, uint32_t node, uint32_t flags)
{
	return (struct aeg_dest){.class = class, .node = node, .flags = flags};
}

static struct aeg_cell_row cell_of(uint32_t class, uint8_t proto, uint8_t verdict, uint8_t reason,
				   uint32_t rule, uint8_t tls)
{
	struct aeg_answer answer = {.verdict = verdict, .reason = reason, .rule = rule, .tls = tls};

	return (struct aeg_cell_row){
		.key = {.profile = 1, .class = class, .proto = proto},
		.cell = {.enforce = answer, .all = answer},
	};
}

#define CROWDED(n) {(char *)"*.c" #n ".test", dest_of(2, NODE_CROWD + n, AEG_DEST_GOVERNED)}

static struct aeg_cell_row named_cell_of(uint32_t class, uint8_t verdict, uint8_t reason,
					 uint32_t rule)
{
	return cell_of(class, AEG_PROTO_NAMED, verdict, reason, rule, 0);
}

static bool install_with(const struct aeg_ident_row *a, uint8_t wild)
{
	struct aeg_pattern_row names[] = {
		CROWDED(0),
		CROWDED(1),
		CROWDED(2),
		CROWDED(3),
		CROWDED(4),
		CROWDED(5),
		CROWDED(6),
		CROWDED(7),
		CROWDED(8),
		{(char *)"*.link.test",
		 {.class = 2, .node = NODE_LINKS, .flags = AEG_DEST_GOVERNED, .declarers = 2 | 4}},
		{(char *)"*.other-link.test",
		 {.class = 2, .node = NODE_OTHERS, .flags = AEG_DEST_GOVERNED, .declarers = 1}},
		{(char *)"*.rival.test", dest_of(4, NODE_RIVALS, AEG_DEST_GOVERNED)},
		{(char *)"*.wild.test", dest_of(2, NODE_WILD, AEG_DEST_GOVERNED)},
		{(char *)"bad.wild.test", dest_of(3, NODE_BAD, AEG_DEST_GOVERNED)},
		{(char *)"huggingface.co", dest_of(1, NODE_HUB, AEG_DEST_GOVERNED)},
		{(char *)"names.test", dest_of(1, NODE_NAMES, AEG_DEST_GOVERNED)},
		{(char *)"rival.test", dest_of(4, NODE_RIVAL, AEG_DEST_GOVERNED)},
	};
	struct aeg_addr_row addrs[] = {
		{.key = {.prefixlen = 96 + 16},
		 .dest = {.class = 5,
			  .node = NODE_LINK,
			  .flags = AEG_DEST_GOVERNED,
			  .declarers = 2}},
		{.key = {.prefixlen = 128}, .dest = dest_of(4, NODE_CIDR, AEG_DEST_GOVERNED)},
		{.key = {.prefixlen = 128}, .dest = dest_of(5, NODE_OPEN, AEG_DEST_GOVERNED)},
	};
	struct aeg_cell_row cells[] = {
		cell_of(1, AEG_PROTO_TCP, AEG_VERDICT_ALLOWED, AEG_REASON_RULE, RULE_NAMES, 0),
		cell_of(2, AEG_PROTO_TCP, wild, AEG_REASON_RULE, RULE_WILD, 0),
		cell_of(3, AEG_PROTO_TCP, AEG_VERDICT_DENIED, AEG_REASON_DENY_RULE, RULE_BAD, 0),
		cell_of(5, AEG_PROTO_TCP, AEG_VERDICT_ALLOWED, AEG_REASON_RULE, RULE_OPEN, 0),
		named_cell_of(1, AEG_VERDICT_ALLOWED, AEG_REASON_RULE, RULE_NAMES),
		named_cell_of(2, AEG_VERDICT_ALLOWED, AEG_REASON_RULE, RULE_WILD),
		named_cell_of(3, AEG_VERDICT_DENIED, AEG_REASON_DNS_NAME, RULE_BAD),
	};
	const struct aeg_ident_row idents[] = {
		*a,
		ident_row("managed/b", WORKLOAD_B, 2),
	};
	struct aeg_tables tables = {
		.names = {.items = names, .n = AEG_ARRAY_SIZE(names)},
		.addrs = {.items = addrs, .n = AEG_ARRAY_SIZE(addrs)},
		.cells = {.items = cells, .n = AEG_ARRAY_SIZE(cells)},
	};
	const struct aeg_generation generation = {
		.tables = &tables,
		.idents = idents,
		.nidents = AEG_ARRAY_SIZE(idents),
		.settings = default_settings(),
	};
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};

	memcpy(addrs[0].key.addr, world_addr(LINK_NET).bytes, 16);
	memcpy(addrs[1].key.addr, world_addr(CIDR_ADDR).bytes, 16);
	memcpy(addrs[2].key.addr, world_addr(OPEN_ADDR).bytes, 16);
	return CHECK_EQUAL(aeg_datapath_install(datapath, &generation, &error), 0);
}

bool names_install(void)
{
	const struct aeg_ident_row a = ident_row("managed/a", WORKLOAD_A, 1);

	return install_with(&a, AEG_VERDICT_ALLOWED);
}

bool names_install_asking(uint32_t flags, struct aeg_dns_caps enforce, struct aeg_dns_caps all)
{
	struct aeg_ident_row a = ident_row("managed/a", WORKLOAD_A, 1);

	a.ident.flags |= flags;
	a.ident.caps[0] = enforce;
	a.ident.caps[1] = all;
	return install_with(&a, AEG_VERDICT_ALLOWED);
}

bool names_revoke_wild(void)
{
	const struct aeg_ident_row a = ident_row("managed/a", WORKLOAD_A, 1);

	return install_with(&a, AEG_VERDICT_DENIED) &&
	       CHECK_EQUAL(aeg_datapath_revoke(datapath), 0);
}

bool names_start(void)
{
	const struct aeg_datapath_config config = stage_config();

	return names_start_with(&config);
}

bool names_start_with(const struct aeg_datapath_config *config)
{
	const struct aeg_addr resolver = world_addr(RESOLVER);

	if (!datapath_start(config) || !names_install())
		return false;
	return CHECK_EQUAL(aeg_datapath_set_resolvers(datapath, &resolver, 1), 0);
}

bool names_enter(void)
{
	const struct aeg_datapath_config config = stage_config();

	return names_enter_with(&config);
}

bool names_enter_with(const struct aeg_datapath_config *config)
{
	world_start();
	if (!names_start_with(config))
		return false;
	stage_enter(IN_A);
	named_reset();
	return true;
}

void names_leave(void)
{
	stage_leave();
	datapath_stop();
	world_stop();
}

/* ---- what happened ---- */

static struct named named_events[64];
static size_t nnamed, named_counts[AEG_EVENT_MAX];

static void keep_named(void *arg, const struct aeg_event *event, size_t size)
{
	const struct aeg_name_event *named = (const void *)event;
	struct named *kept = &named_events[nnamed % AEG_ARRAY_SIZE(named_events)];

	*kept = (struct named){.base = *event};
	if (size > sizeof(*event))
		memcpy(kept->name, named->name, named->len);
	nnamed++;
	named_counts[event->type]++;
}

void named_reset(void)
{
	aeg_datapath_consume(datapath, keep_named, NULL);
	nnamed = 0;
	memset(named_counts, 0, sizeof(named_counts));
}

size_t named_count(uint8_t type)
{
	aeg_datapath_consume(datapath, keep_named, NULL);
	return named_counts[type];
}

const struct named *named_last(uint8_t type)
{
	aeg_datapath_consume(datapath, keep_named, NULL);
	for (size_t i = nnamed; i > 0; i--) {
		const struct named *named = &named_events[(i - 1) % AEG_ARRAY_SIZE(named_events)];

		if (named->base.type == type)
			return named;
	}
	return NULL;
}

void check_denied(uint8_t hook, uint8_t reason, const char *name)
{
	const struct named *named = named_last(AEG_EVENT_DENY);

	CHECK(named != NULL);
	if (!named)
		return;
	CHECK_EQUAL(named->base.decision.verdict, AEG_VERDICT_DENIED);
	CHECK_EQUAL(named->base.decision.reason, reason);
	CHECK_EQUAL(named->base.hook, hook);
	CHECK_EQUAL(named->base.workload, WORKLOAD_A);
	if (!CHECK(strcmp(named->name, name) == 0))
		printf("# the name is '%s'\n", named->name);
}

struct aeg_learned learned_of(const char *addr)
{
	struct aeg_addr key = world_addr(addr);
	struct aeg_learned learned = {0};

	CHECK_EQUAL(aeg_datapath_learned_get(datapath, &key, &learned), 0);
	return learned;
}

void learned_put(const struct aeg_learned *learned)
{
	AEG_AUTO_FREE char *path = aeg_xasprintf("%s/maps/learned", stage.pin_dir);
	AEG_AUTO_CLOSE int map = bpf_obj_get(path);

	CHECK_EQUAL(bpf_map_update_elem(map, learned->addr, learned, BPF_EXIST), 0);
}

uint64_t learnings(enum aeg_learning which)
{
	uint64_t all[AEG_RESULTS_ROOM];

	CHECK_EQUAL(aeg_datapath_learnings(datapath, all), 0);
	return all[which];
}

uint64_t dns_results(enum aeg_dns_result which)
{
	uint64_t all[AEG_RESULTS_ROOM];

	CHECK_EQUAL(aeg_datapath_dns_results(datapath, all), 0);
	return all[which];
}
