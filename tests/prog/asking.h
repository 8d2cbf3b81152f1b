/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A asks the world's resolver, and what it asks is judged: for the tests of dns_contain.bpf.h. */
#ifndef AEG_TESTS_PROG_ASKING_H
#define AEG_TESTS_PROG_ASKING_H

#include "bpf/verdict.h"
#include "tests/prog/names_policy.h"

#define DNS_PORT 53
#define ENFORCED (AEG_IDENT_STRICT | AEG_IDENT_STRICT_UNION | AEG_IDENT_ASKS | AEG_IDENT_ASKS_UNION)
#define NAMES (AEG_IDENT_NAMES | AEG_IDENT_NAMES_UNION)
#define AUDITED (AEG_IDENT_STRICT_UNION | AEG_IDENT_ASKS_UNION | AEG_IDENT_NAMES_UNION)

extern const struct aeg_dns_caps uncapped;

/* names_enter(), with these flags of A's; or with ENFORCED | NAMES and no cap. */
bool asking_enter_with(uint32_t flags, struct aeg_dns_caps caps);
bool asking_enter(void);
/* Decisions about questions. */
uint64_t asking_total(uint8_t verdict, uint8_t reason);
uint64_t asking_denied(uint8_t reason);
struct sockaddr_in resolver_addr(void);
int asking_socket(bool connected);
/* 0, or a positive errno. */
int error_of(ssize_t n);
/* Sends without an address: no hook but that of packets sees it. 0, or a positive errno. */
int asking_on(int fd, const struct wire *question);
/* The same on a socket of its own. */
int asking(const char *name, uint16_t type);
/* n were asked, or not: a question that is let through proves that nothing came before it. */
void asking_check_arrived(uint32_t before, uint32_t n);

#endif
