/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Where the tests play: an own network namespace with addresses on its loopback, an own bpffs, and
 * an own cgroup subtree with two pods, a stranger and an outside:
 *
 *   aegress-prog-PID/            attach point
 *     managed/                   managed directory
 *       a/ctr  b/ctr  stray/     pods A and B; a cgroup that no workload claims
 *     outside/                   not managed
 */
#ifndef AEG_TESTS_PROG_STAGE_H
#define AEG_TESTS_PROG_STAGE_H

#include "base/buf.h"
#include "datapath/datapath.h"
#include <netinet/in.h>
#include <sys/types.h>

#define IN_A "managed/a/ctr"
#define IN_B "managed/b/ctr"
#define IN_STRAY "managed/stray"
#define OUTSIDE "outside"

#define TCP_PORT 4430	  /* listens on every address */
#define UDP_PORT 4431	  /* receives on every address */
#define UDP_PORT_BAD 4432 /* no rule allows it */
#define CLOSED_PORT 4433  /* nobody listens */

/* What the policy says of a destination; A's and B's rules are in policy.c. */
enum dest { DEST_ALLOWED, DEST_DENIED, DEST_AUDITED, DEST_FREE, DEST_MAX };
enum form { FORM_V4, FORM_V6, FORM_MAPPED, FORM_MAX };
#define FORM_FAR FORM_MAX /* an IPv4 address that is not the stage's; only for keys */
extern const char *const dest_names[DEST_MAX];
extern const char *const form_names[FORM_MAX];

/* Runs fn in a child on the stage and takes the stage down whatever becomes of it. */
int stage_run(int (*fn)(void));

extern struct stage {
	char cgroup[128];  /* attach point */
	char pin_dir[128]; /* on the bpffs */
	int tcp, udp;	   /* servers */
} stage;

void stage_enter(const char *cgroup); /* relative to the attach point */
void stage_leave(void);		      /* to where the tests came from */
uint64_t stage_cgroup(const char *cgroup);
uint32_t stage_level(const char *cgroup);

/* The address of a destination, and its key in the tables. */
socklen_t stage_addr(enum dest dest, enum form form, uint16_t port, struct sockaddr_storage *ret);
void stage_key(enum dest dest, enum form form, uint8_t ret[16]);
/* Sockets, or the end of the tests. */
int stage_socket(enum form form, int type);
int stage_accept(void);
int stage_listen(uint16_t *ret_port); /* with the shortest backlog */
/* Both return 0 or a positive errno. */
int stage_connect(int fd, enum dest dest, enum form form, uint16_t port);
int stage_send(int fd, enum dest dest, enum form form, uint16_t port);

/* ---- the data path under test, in policy.c ---- */

enum { WORKLOAD_A = 101, WORKLOAD_B = 102 };
enum { NODE_ALLOWED = 11, NODE_DENIED = 12, NODE_AUDITED = 13 };
enum {
	RULE_A_ALLOWS = 21,
	RULE_A_DENIES = 22,
	RULE_A_AUDITS = 23,
	RULE_B_ALLOWS = 24,
	RULE_B_DENIES = 25,
};

extern struct aeg_datapath *datapath;
struct aeg_datapath_config stage_config(void);
bool datapath_start(const struct aeg_datapath_config *config); /* open, install, attach */
void datapath_stop(void);				       /* close and clean up */
struct aeg_gen default_settings(void);
/* Installs the policy with these settings; rules are numbered from `rules` up. */
bool install(struct aeg_gen settings, uint32_t rules);
/* Selected by a policy; cgroup is borrowed. */
struct aeg_ident_row ident_row(const char *cgroup, uint32_t workload, uint32_t profile);

/* ---- what happened ---- */

/* Totals and errors that changed since the last call, and every event that came. */
struct happened {
	uint64_t totals[AEG_TOTALS];
	uint64_t errors[AEG_ERROR_MAX];
	struct aeg_event events[64];
	size_t nevents; /* may be more than fit */
};
void happened_reset(void);
struct happened happened_take(void);
/* Exactly n decisions of this kind and no other, and no error. */
void check_total(const struct happened *happened, uint8_t verdict, uint8_t reason, uint8_t hook,
		 uint64_t n);
void check_no_decision(const struct happened *happened);

#endif
