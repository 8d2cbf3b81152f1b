/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The data path with a policy by names, and what it says of them; see names_policy.c. */
#ifndef AEG_TESTS_PROG_NAMES_POLICY_H
#define AEG_TESTS_PROG_NAMES_POLICY_H

#include "bpf/parse_dns.h"
#include "tests/prog/world.h"

enum {
	NODE_NAMES = 51,
	NODE_WILD,
	NODE_BAD,
	NODE_RIVAL,
	NODE_RIVALS,
	NODE_HUB,
	NODE_CIDR,
	NODE_OPEN,
	NODE_LINK,
	NODE_LINKS,
	NODE_OTHERS,
	NODE_CROWD = 80, /* *.c0.test to *.c8.test */
};
#define CROWD (AEG_MEMBERS_MAX + 1)
enum { RULE_NAMES = 61, RULE_WILD, RULE_BAD, RULE_OPEN };

#define CIDR_ADDR "5.200.0.1" /* governed, denied */
#define LINK_NET "10.7.0.0"   /* /16, of the endpoint of *.link.test */
#define OPEN_ADDR "5.200.0.2" /* a CIDR that a rule allows */

/* Opens, installs, attaches; the world is up. */
bool names_start(void);
bool names_start_with(const struct aeg_datapath_config *config);
/* The same with the world, and the caller is in A; whatever came of it, it is to be left. */
bool names_enter(void);
bool names_enter_with(const struct aeg_datapath_config *config);
void names_leave(void);
bool names_install(void);
/* The same, but what A asks is judged: AEG_IDENT_* beside the usual flags, and caps of both layers. */
bool names_install_asking(uint32_t flags, struct aeg_dns_caps enforce, struct aeg_dns_caps all);
/* wild.test is denied from now on, and what stands is decided again. */
bool names_revoke_wild(void);

/* Events, with or without a name. */
struct named {
	struct aeg_event base;
	char name[256];
};
void named_reset(void);
/* The last of its type since then; NULL: none. */
const struct named *named_last(uint8_t type);
/* How many of its type there were since then. */
size_t named_count(uint8_t type);
/* The last denial is this one. */
void check_denied(uint8_t hook, uint8_t reason, const char *name);
uint64_t learnings(enum aeg_learning which);
/* What an address was learned for; the same written behind the programs' back. */
struct aeg_learned learned_of(const char *addr);
void learned_put(const struct aeg_learned *learned);
uint64_t dns_results(enum aeg_dns_result which);

#endif
