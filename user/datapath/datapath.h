/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The kernel side as one object: load, adopt or create the pins, fill the inactive slot, flip, read
 * counters and events. The only user of libbpf and the skeleton. Logs nothing.
 *
 * Order that leaves no gap: maps are reused, a complete generation is written into the slot that is
 * not active, one store flips, only then links are attached (first start) or updated (adoption).
 */
#ifndef AEG_DATAPATH_H
#define AEG_DATAPATH_H

#include "base/addr.h"
#include "base/buf.h"
#include "bpf/abi.h"
#include "policy/tables.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aeg_datapath;

struct aeg_datapath_config {
	const char *cgroup_root; /* where links are attached */
	const char *pin_dir;	 /* on a bpffs; created with mode 0700 */
	size_t ring_bytes;	 /* of each ring; a power of two, multiple of the page size */
	size_t counts_max;	 /* entries of the counter table */
	bool sockops;		 /* attach it: the backstop of denials, the latency of handshakes */
	bool tc;		 /* load the TC program, for aeg_datapath_set_veths() */
	bool storage_closed;	 /* as if the kernel let nobody iterate over storage; for tests */
};

/*
 * Loads the programs, creating maps or reusing the pinned ones. Takes the lock on the pin directory:
 * -EBUSY when another daemon holds it, -EPROTO when the pins are of another ABI. error: a sentence
 * that says what to do. Nothing is attached yet.
 */
int aeg_datapath_open(const struct aeg_datapath_config *config, struct aeg_datapath **ret,
		      struct aeg_buf *error);
/* Lets go; what is pinned stays in force. */
void aeg_datapath_close(struct aeg_datapath *datapath);
/* Whether pins of an earlier daemon were found and taken over. */
bool aeg_datapath_adopted(const struct aeg_datapath *datapath);
const char *aeg_datapath_libbpf(void); /* the version that is linked, "v1.1" */
/* Attaches and pins what is not attached, replaces the program of what is. */
int aeg_datapath_attach(struct aeg_datapath *datapath, struct aeg_buf *error);
/* Detaches everything and removes the pins: the end of enforcement. */
int aeg_datapath_cleanup(const char *pin_dir, struct aeg_buf *error);

/* ---- tables ---- */
struct aeg_ident_row {
	uint64_t cgroup;
	struct aeg_ident ident;
	const char *
		path; /* of the cgroup, below the root; borrowed. NULL: nothing reads its answers */
};
struct aeg_generation {
	const struct aeg_tables *tables;
	const struct aeg_ident_row *idents;
	size_t nidents;
	struct aeg_gen settings; /* number is filled in by the datapath: the active one's plus 1 */
};
/* Writes a complete generation into the inactive slot and flips. All or nothing. */
int aeg_datapath_install(struct aeg_datapath *datapath, const struct aeg_generation *generation,
			 struct aeg_buf *error);
uint64_t aeg_datapath_generation(const struct aeg_datapath *datapath); /* active number; 0: none */

/* Additions to the generation in force. -ENOSPC: its tables have no room; install a new one. */
int aeg_datapath_add_cells(struct aeg_datapath *datapath, const struct aeg_cell_row *rows,
			   size_t n);
int aeg_datapath_set_ident(struct aeg_datapath *datapath, const struct aeg_ident_row *row);
int aeg_datapath_delete_ident(struct aeg_datapath *datapath, uint64_t cgroup);
/*
 * Managed directories, and the levels (bit mask) at which workloads live. What leaves a directory is seen
 * before it counts as managed. An error is one of attaching: then everything is seen, or nothing changed.
 */
struct aeg_managed {
	uint64_t cgroup;
	uint32_t level;
	const char *path; /* below the cgroup root; borrowed */
};
int aeg_datapath_set_roots(struct aeg_datapath *datapath, const struct aeg_managed *roots,
			   size_t n);
void aeg_datapath_set_levels(struct aeg_datapath *datapath, uint32_t levels);

/* Labels: read all into numbers at start; write those that are not stored yet. */
int aeg_datapath_load_numbers(struct aeg_datapath *datapath, struct aeg_numbers *numbers);
int aeg_datapath_store_numbers(struct aeg_datapath *datapath, struct aeg_numbers *numbers);

/* ---- names ---- */
/* Replaces the trusted name servers; one that stays is never missing meanwhile. Loopback ones are
 * trusted in the initial network namespace only. -E2BIG beyond AEG_RESOLVERS_MAX. */
int aeg_datapath_set_resolvers(struct aeg_datapath *datapath, const struct aeg_addr *addrs,
			       size_t n);
/* A search suffix that resolvers answer for (autopath): "svc.cluster.local", with so many labels in
 * front of it that go too. */
struct aeg_search {
	const char *suffix; /* canonical */
	uint32_t labels;
};
int aeg_datapath_set_searches(struct aeg_datapath *datapath, const struct aeg_search *searches,
			      size_t n);
/* Seconds that what was learned stays at least, and after each use. */
void aeg_datapath_set_ttl_min(struct aeg_datapath *datapath, uint32_t seconds);
uint32_t aeg_datapath_ttl_min(const struct aeg_datapath *datapath);
/* Calls fn for every learned address; expired members are among them. */
typedef void aeg_learned_fn(void *arg, const struct aeg_learned *learned);
int aeg_datapath_learned(struct aeg_datapath *datapath, aeg_learned_fn *fn, void *arg);
/* One address; -ENOENT. */
int aeg_datapath_learned_get(struct aeg_datapath *datapath, const struct aeg_addr *addr,
			     struct aeg_learned *ret);
/* Gives a member another node: the name it was learned for is matched by another pattern since the
 * reload. -ENOENT when the address or the member is gone. */
int aeg_datapath_learned_move(struct aeg_datapath *datapath, const uint8_t addr[16],
			      const struct aeg_member *member, uint32_t node);
int aeg_datapath_learned_delete(struct aeg_datapath *datapath, const uint8_t addr[16]);
/* How many there are, as programs and the daemon count them; a daemon that is killed may count wrong. */
uint32_t aeg_datapath_learned_count(const struct aeg_datapath *datapath);
/* The table was seen to hold n. Nothing is changed if the count is not what it was before that. */
void aeg_datapath_learned_settle(struct aeg_datapath *datapath, uint32_t before, uint32_t n);
/* Addresses that each workload is sure of, see aeg_ctl.share. */
void aeg_datapath_set_share(struct aeg_datapath *datapath, uint32_t addresses);
/* Calls fn for every row of `shares`. */
typedef void aeg_share_fn(void *arg, const struct aeg_share_key *key, uint64_t count);
int aeg_datapath_shares(struct aeg_datapath *datapath, aeg_share_fn *fn, void *arg);
/* So many of the addresses that the workload took were given back so far. */
int aeg_datapath_share_back(struct aeg_datapath *datapath, uint32_t workload, uint64_t count);
/* Forgets a workload that has none. */
int aeg_datapath_share_delete(struct aeg_datapath *datapath, uint32_t workload);
/* Gives names that least time again for which a connection was let through that stands. */
int aeg_datapath_renew(struct aeg_datapath *datapath);
/* The text of a name's hash, NUL-terminated; -ENOENT when it was forgotten. */
int aeg_datapath_spoken(struct aeg_datapath *datapath, uint64_t name, struct aeg_spoken *ret);
/* What became of answers and hellos, by enum aeg_dns_result, aeg_learning, aeg_hello_result. */
int aeg_datapath_dns_results(struct aeg_datapath *datapath, uint64_t ret[AEG_RESULTS_ROOM]);
int aeg_datapath_learnings(struct aeg_datapath *datapath, uint64_t ret[AEG_RESULTS_ROOM]);
int aeg_datapath_hello_results(struct aeg_datapath *datapath, uint64_t ret[AEG_RESULTS_ROOM]);
/* From now on a process of its own enters namespaces, so that this one can give up the privileges it
 * takes; call it before threads are made. Without it aeg_datapath_kill() and _set_home() work here. */
int aeg_datapath_delegate(struct aeg_datapath *datapath);
/* Sees in which network namespace a workload lives, that of its oldest process, and remembers it. Is
 * done for every workload that asks its first question. -ESRCH: it has no process; -ENOPROTOOPT: this
 * kernel (before 5.14) cannot tell. */
int aeg_datapath_set_home(struct aeg_datapath *datapath, uint64_t cgroup);
/* Decides every connection that stands again; those that are denied now are marked, so that nothing more
 * leaves, and reported as denials of AEG_HOOK_REVOKE, for aeg_datapath_kill(). Those that were to end and
 * are still there come again as AEG_EVENT_KILL. */
int aeg_datapath_revoke(struct aeg_datapath *datapath);
/* The same for what was being decided by the former tables when that began. Waits for a grace period, 8 to
 * 20 ms where CPUs are busy. */
int aeg_datapath_revoke_rest(struct aeg_datapath *datapath);
/* Whether this kernel lets nobody iterate over storage, so that it is looked for at what processes hold
 * open. What nobody holds open then is held, and counted as AEG_ERROR_UNSEEN. */
bool aeg_datapath_storage_closed(const struct aeg_datapath *datapath);
/* Ends the denied connection of an event at once; -ENOENT when it is gone already. */
int aeg_datapath_kill(struct aeg_datapath *datapath, const struct aeg_event *event);
/* Ends every connection that a quarantined workload's cgroup made or accepted, whatever the programs know
 * of it; loopback ones stay. -ESRCH: it has no process. */
int aeg_datapath_sweep(struct aeg_datapath *datapath, uint64_t cgroup, uint32_t *ret_ended);

/* ---- where answers are read ---- */
/*
 * At the topmost cgroups of identities that names decide for: before the identity is in force, until it is
 * not any more. How many have the program, and how many should and do not: their answers teach nothing.
 */
void aeg_datapath_listeners(const struct aeg_datapath *datapath, size_t *ret_attached,
			    size_t *ret_failed);
/* Tries those again; fn is told of each that still fails, whose number is returned. */
typedef void aeg_listener_fn(void *arg, const char *path, int err);
size_t aeg_datapath_retry_listeners(struct aeg_datapath *datapath, aeg_listener_fn *fn, void *arg);

/* ---- TC ---- */
#define AEG_LINKS_MAX 8		/* interfaces of one workload */
#define AEG_LINK_SOURCES_MAX 32 /* addresses of one workload */

/* How a workload's frames leave its network namespace. */
struct aeg_links {
	uint32_t veths[AEG_LINKS_MAX]; /* the host's ends */
	uint32_t nveths;
	uint32_t nsources;
	struct aeg_addr sources[AEG_LINK_SOURCES_MAX]; /* its own addresses */
	bool host;				       /* it lives in the daemon's own namespace */
	bool elsewhere; /* other interfaces lead out too: ipvlan, macvlan, a card's function */
};
/* -ESRCH: the workload has no process yet. */
int aeg_datapath_find_links(struct aeg_datapath *datapath, uint64_t cgroup, struct aeg_links *ret);
struct aeg_veth_row {
	uint32_t ifindex;
	uint64_t cgroup;
	const struct aeg_addr *sources; /* borrowed */
	size_t nsources;
	int err; /* out: why it is not attached; 0: it is */
};
/* From now on these interfaces and no others. 0, or why the tables could not be written. */
int aeg_datapath_set_veths(struct aeg_datapath *datapath, struct aeg_veth_row *rows, size_t n);
/* What is attached now, also by a former daemon: fn is told each interface's workload first (source
 * NULL), then the addresses that are its own. */
typedef void aeg_veth_fn(void *arg, uint32_t ifindex, uint64_t cgroup,
			 const struct aeg_addr *source);
int aeg_datapath_veths(struct aeg_datapath *datapath, aeg_veth_fn *fn, void *arg);
/* What became of frames, by enum aeg_frame_result. */
int aeg_datapath_frames(struct aeg_datapath *datapath, uint64_t ret[AEG_RESULTS_ROOM]);

/* ---- events ---- */
/* size tells whether it is a struct aeg_name_event, cut behind its name. */
typedef void aeg_event_fn(void *arg, const struct aeg_event *event, size_t size);
/* Readable when a ring wants attention. */
int aeg_datapath_fd(const struct aeg_datapath *datapath);
/*
 * fn is called before the kernel forgets events that were handed over: what must not be lost has to be
 * written down by then. If the process is killed before, the next one gets them again. NULL: nobody.
 */
typedef void aeg_events_settle_fn(void *arg);
void aeg_datapath_settle(struct aeg_datapath *datapath, aeg_events_settle_fn *fn, void *arg);
/* Hands over everything that is unread, denials first; returns how many. */
size_t aeg_datapath_consume(struct aeg_datapath *datapath, aeg_event_fn *fn, void *arg);
/* Asks for a wake-up at the next event; false: events came meanwhile, consume first. */
bool aeg_datapath_doze(struct aeg_datapath *datapath);

/* ---- counters ---- */
typedef void aeg_count_fn(void *arg, const struct aeg_count_key *key,
			  const struct aeg_count *count);
int aeg_datapath_counts(struct aeg_datapath *datapath, aeg_count_fn *fn, void *arg);
/*
 * Takes a row away and adds what it counted to the row that differs in the workload alone; into 0: to none.
 * -ENOENT: there is no such row. What is counted at this very moment may be lost: for rows that nobody
 * counts in any more, and sums that no program does.
 */
int aeg_datapath_fold_count(struct aeg_datapath *datapath, const struct aeg_count_key *key,
			    uint32_t into);
int aeg_datapath_totals(struct aeg_datapath *datapath, uint64_t ret[AEG_TOTALS]);
int aeg_datapath_errors(struct aeg_datapath *datapath, uint64_t ret[AEG_ERROR_MAX]);

struct aeg_map_fill {
	const char *name;
	uint64_t entries, capacity; /* of the active slot's inner map where there are slots */
};
size_t aeg_datapath_fill(struct aeg_datapath *datapath, struct aeg_map_fill *ret, size_t max);
/* Of the rings alone, which costs nothing: bytes that are unread, and their size. */
#define AEG_DATAPATH_RINGS 2
void aeg_datapath_rings(const struct aeg_datapath *datapath,
			struct aeg_map_fill ret[AEG_DATAPATH_RINGS]);
struct aeg_prog_stat {
	const char *name;
	uint32_t id;
	bool attached;
	uint64_t runs, run_ns; /* 0 unless kernel.bpf_stats_enabled */
};
size_t aeg_datapath_programs(struct aeg_datapath *datapath, struct aeg_prog_stat *ret, size_t max);

/* ---- environment ---- */
struct aeg_check {
	const char *name; /* "kernel", "btf", "cgroup2", "bpffs", "capabilities" */
	bool ok;
	char *detail; /* what was found, or what is wrong and what to do; owned */
};
/* Every prerequisite with its own sentence. Returns how many were written (at most max). */
size_t aeg_datapath_checks(const struct aeg_datapath_config *config, struct aeg_check *ret,
			   size_t max);
/* Features of this kernel that change behaviour: "bpf_set_retval". */
bool aeg_datapath_has_retval(void);

#endif
