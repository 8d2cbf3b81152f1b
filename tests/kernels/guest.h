/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the files of the guest share. Each check is said at once, with the phase it belongs to and a
 * name that is unique there; functions that return bool say whether it is worth going on.
 */
#ifndef AEG_GUEST_H
#define AEG_GUEST_H

#include "base/mem.h"
#include "bpf/abi.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define GUEST_RESULTS "/dev/ttyS1"
#define GUEST_CGROUPS "/sys/fs/cgroup"
#define GUEST_PINS "/sys/fs/bpf/aegress"
#define GUEST_PORT 443

/* ---- guest_machine.c ---- */
/* File systems and ports; nothing can be said when this fails. */
bool guest_boot(void);
/* Modules, cgroups, addresses. */
bool guest_set_up(void);
/* TCP echoes and UDP swallows, on every address. */
bool guest_serve(void);
/* Everything said is out, then the power is off. */
void guest_power_off(void);

/* A line that is no check. */
void guest_note(const char *format, ...) AEG_PRINTF(1, 2);
/* why NULL: it holds. Returns whether it does. */
bool guest_say(const char *phase, const char *name, const char *why);
bool guest_equal(const char *phase, const char *name, uint64_t got, uint64_t want);
/* A shell's command succeeds. */
bool guest_run(const char *phase, const char *name, const char *command);

/* ---- guest_daemon.c ---- */
bool guest_daemon_start(const char *phase, const char *config);
void guest_daemon_kill(void);

/* ---- guest_inspect.c ---- */
/* Element of a per-CPU array of u64, all CPUs together; UINT64_MAX: unreadable. */
uint64_t guest_element(const char *map, uint32_t index);
uint64_t guest_totals(void); /* of all verdicts, reasons and hooks */
/* What all connections together closed with. */
struct aeg_count guest_closed(void);

#define GUEST_LINKS_MAX 32
struct guest_link {
	uint32_t link, prog; /* ids */
	char prog_name[16];
	uint32_t insns; /* that the verifier processed; 0: older than 5.16, it does not tell */
};
/* The pinned ones, by name; returns how many. */
size_t guest_links(struct guest_link ret[GUEST_LINKS_MAX]);

/* ---- guest_attempt.c ---- */
enum guest_action { GUEST_CONNECT, GUEST_SENDTO, GUEST_TALK };
#define GUEST_TALK_BYTES 1000 /* sent, and echoed */

struct guest_attempt {
	const char *name;
	const char *cgroup; /* below GUEST_CGROUPS */
	enum guest_action action;
	int type;
	const char *addr; /* a colon makes it an IPv6 socket, mapped addresses too */
	uint8_t verdict;  /* NONE: nobody's business, nothing is counted */
	uint8_t reason;
	uint8_t hook;
};
/* This process moves. */
int guest_enter(const char *cgroup);
/* Its errno, from where this process is. */
int guest_act_here(const struct guest_attempt *attempt);
/* What fn returns in a process that lives in the cgroup, or -1 when it hung or could not try. */
int guest_in(const char *cgroup, int (*fn)(const void *arg), const void *arg);
/* The attempt's errno, or -1. */
int guest_act(const struct guest_attempt *attempt);
/* Errno and counter are the attempt's; denied is the errno of a denial. */
bool guest_attempt(const char *phase, const struct guest_attempt *attempt, int denied);

/* ---- guest_pod.c ---- */
/* A process in a cgroup with a network namespace of its own, and a veth to it. */
bool guest_pod_start(const char *cgroup);
/* The daemon says that TC sees it. */
bool guest_pod_covered(const char *phase);
/* Frames from its packet socket are dropped or not as they must be, those of its sockets are not. */
void guest_pod_frames(const char *phase, const struct guest_attempt *talk);

/* ---- guest_names.c ---- */
/* The resolver, over UDP and TCP. */
bool guest_serve_names(void);

struct guest_name {
	const char *name;
	const char *cgroup;
	const char *asked; /* before; NULL: nothing */
	int type;	   /* how: SOCK_DGRAM or SOCK_STREAM */
	const char *addr;  /* that is connected to */
	const char *said;  /* in the ClientHello */
	uint8_t verdict;
	uint8_t reason;
	uint8_t hook; /* that decides at last */
};
/* It ends as it must, soon, and is counted once. alive: a daemon is there to end connections. */
bool guest_name(const char *phase, const struct guest_name *name, bool alive);

#endif
