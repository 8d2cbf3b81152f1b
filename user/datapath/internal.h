/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the files behind datapath.h share. */
#ifndef AEG_DATAPATH_INTERNAL_H
#define AEG_DATAPATH_INTERNAL_H

#include "base/mem.h"
#include "datapath/datapath.h"
#include "datapath/ring.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

/* Every map of bpf/maps.bpf.h; the word is its name there and in the pin directory. */
enum aeg_map {
	AEG_MAP_CTL,
	AEG_MAP_GENS,
	AEG_MAP_LENGTHS,
	AEG_MAP_IDENTS,
	AEG_MAP_ADDRS,
	AEG_MAP_CELLS,
	AEG_MAP_NAMES,
	AEG_MAP_NODES,
	AEG_MAP_RESOLVERS,
	AEG_MAP_SEARCHES,
	AEG_MAP_SOCKS,
	AEG_MAP_SEATS,
	AEG_MAP_HELLOS,
	AEG_MAP_ASKS,
	AEG_MAP_TALKS,
	AEG_MAP_LEARNED,
	AEG_MAP_SHARES,
	AEG_MAP_SPOKEN,
	AEG_MAP_HOMES,
	AEG_MAP_ASKERS,
	AEG_MAP_VETHS,
	AEG_MAP_SOURCES,
	AEG_MAP_EVENTS,
	AEG_MAP_DENIALS,
	AEG_MAP_TOTALS,
	AEG_MAP_COUNTS,
	AEG_MAP_ERRORS,
	AEG_MAP_DNS_RESULTS,
	AEG_MAP_LEARNINGS,
	AEG_MAP_HELLO_RESULTS,
	AEG_MAP_FRAMES,
	AEG_MAP_LABELS,
	AEG_MAP_MAX,
};
extern const char *const aeg_map_names[AEG_MAP_MAX];

/*
 * Every program, in the order of attaching: stamps before decisions, and what has to see a
 * connection's first packet before what lets it begin.
 */
enum aeg_prog {
	AEG_PROG_SOCK_CREATE,
	AEG_PROG_SOCK_RELEASE,
	AEG_PROG_SOCK_OPS,    /* only with config.sockops */
	AEG_PROG_SKB_INGRESS, /* where answers matter, not at the root: listeners.c */
	AEG_PROG_SKB_EGRESS,  /* at managed directories: roots.c */
	AEG_PROG_CONNECT4,
	AEG_PROG_CONNECT6,
	AEG_PROG_SENDMSG4,
	AEG_PROG_SENDMSG6,
	AEG_PROG_MAX,
};
extern const char *const aeg_prog_names[AEG_PROG_MAX];

/* One inner map as user space knows it. */
struct aeg_table {
	int fd; /* -1: not there */
	uint64_t entries;
	uint32_t capacity;
};

enum aeg_table_kind {
	AEG_TABLE_IDENTS,
	AEG_TABLE_ADDRS,
	AEG_TABLE_CELLS,
	AEG_TABLE_NAMES,
	AEG_TABLE_NODES,
	AEG_TABLE_MAX,
};

struct aeg_slot {
	struct aeg_table tables[AEG_TABLE_MAX];
};

/* A cgroup at which a program shall be. */
struct aeg_place {
	uint64_t cgroup;
	char *path; /* below the cgroup root; "": that itself */
	bool on;    /* attached here; else one above it sees it, or nobody does */
	bool made;  /* by this daemon */
	int err;    /* why nobody does; 0: somebody does, or the cgroup is gone */
};

struct aeg_places {
	AEG_VEC(struct aeg_place) list; /* by path */
	enum aeg_prog prog;
	bool settled; /* what is pinned is what the list says */
};

/* The rings in the order they are emptied. */
enum aeg_ring_kind { AEG_RING_DENIALS, AEG_RING_EVENTS, AEG_RING_MAX };

/* What is run over all sockets: a program, and the link of an iterator; -1: none. */
struct aeg_iterator {
	int seats_fd, storage_fd;
	bool partial; /* storage is met only at sockets that a process holds open */
};

struct aeg_datapath {
	char *pin_dir;
	int lock_fd;   /* the pin directory; holds the lock */
	int cgroup_fd; /* where links are attached */
	int maps[AEG_MAP_MAX];
	int progs[AEG_PROG_MAX]; /* -1: not loaded */
	int links[AEG_PROG_MAX]; /* -1: not attached */
	int tc_fd;		 /* the TC program; -1: not loaded */
	struct aeg_iterator revoke, renew;
	size_t tc_failures;	     /* interfaces that it should be attached to, and is not */
	bool tc_filters;	     /* this kernel has no tcx */
	bool tc_renewed;	     /* what a former daemon attached has this one's program */
	struct aeg_places listeners; /* where DNS answers are read */
	struct aeg_places watched;   /* where packets are seen that leave */
	bool everyone_listens;	     /* names decide for those whom no policy selects, too */
	struct aeg_ctl *ctl;	     /* mapped; NULL while opening */
	struct aeg_slot slots[AEG_SLOTS];
	struct aeg_ring rings[AEG_RING_MAX];
	aeg_events_settle_fn *settle; /* NULL: nobody */
	void *settle_arg;
	int epoll_fd;
	int helper_fd;	  /* -1: everything is done here */
	uint64_t errands; /* that it was sent on; the number of the last */
	bool adopted;
	bool attached;
	bool strict;	   /* someone is refused odd sockets */
	bool fresh;	   /* nothing of a former daemon is pinned */
	bool idents_stale; /* a freed element of idents may still be in a program's hands */
};

/* ---- pins.c ---- */
/* "PIN_DIR/maps/NAME" and "PIN_DIR/links/NAME"; the caller frees. */
char *aeg_pin_map(const char *pin_dir, enum aeg_map map);
char *aeg_pin_link(const char *pin_dir, enum aeg_prog prog);
/* Whether pins can live there: 0, or an error with a sentence. */
int aeg_pins_bpffs(const char *pin_dir, struct aeg_buf *error);
/* Creates the directory on a bpffs and takes its lock. */
int aeg_pins_lock(const char *pin_dir, int *ret_fd, struct aeg_buf *error);
/* Whether there are pins of this ABI; -EPROTO when they are of another one. */
int aeg_pins_check(const char *pin_dir, bool *ret_adopted, struct aeg_buf *error);

/* ---- cleanup.c ---- */
/* Removes every pin and the directory; the caller holds the lock. error may be NULL. */
int aeg_pins_remove(const char *pin_dir, struct aeg_buf *error);

/* ---- iterate.c ---- */
/* Programs that do the same, at every seat, at all storage, and at the storage of what is held open. */
struct aeg_walkers {
	const struct bpf_program *seats, *storage, *files;
};
struct aegress;
/* Which of them this kernel can load, before it is asked to. */
void aeg_iterator_choose(const struct aegress *skel, const struct aeg_datapath_config *config);
int aeg_iterator_open(const struct aeg_datapath *datapath, const struct aeg_walkers *walkers,
		      struct aeg_iterator *ret);
void aeg_iterator_close(struct aeg_iterator *iterator);

/* ---- places.c ---- */
void aeg_places_done(struct aeg_places *places);
void aeg_places_add(struct aeg_places *places, uint64_t cgroup, const char *path);
/* next, of places just added, is attached, and what else is attached stays. */
void aeg_places_prepare(const struct aeg_datapath *datapath, const struct aeg_places *former,
			struct aeg_places *next);
/* It is in force: what else is attached is not any more. Leaves next empty. */
void aeg_places_take(const struct aeg_datapath *datapath, struct aeg_places *places,
		     struct aeg_places *next);
/* The same for one. */
void aeg_place_prepare(const struct aeg_datapath *datapath, struct aeg_places *places,
		       uint64_t cgroup, const char *path);
void aeg_place_take(const struct aeg_datapath *datapath, struct aeg_places *places,
		    const char *path);
void aeg_place_forget(const struct aeg_datapath *datapath, struct aeg_places *places,
		      uint64_t cgroup);
/* What a former daemon attached gets this one's program, before anything else of this one. */
void aeg_places_renew(const struct aeg_datapath *datapath, const struct aeg_places *places);
void aeg_places_count(const struct aeg_places *places, size_t *ret_attached, size_t *ret_failed);
size_t aeg_places_retry(const struct aeg_datapath *datapath, struct aeg_places *places,
			aeg_listener_fn *fn, void *arg);
/* Detaches what this daemon attached. */
void aeg_places_undo(const struct aeg_datapath *datapath, struct aeg_places *places);

/* ---- listeners.c ---- */
/* Those of a generation, in ret, which is empty: attached before it is in force. */
void aeg_listeners_prepare(struct aeg_datapath *datapath, const struct aeg_generation *generation,
			   struct aeg_places *ret);
/* The same for one identity, before and after it is. */
void aeg_listener_prepare(struct aeg_datapath *datapath, const struct aeg_ident_row *row);
void aeg_listener_take(struct aeg_datapath *datapath, const struct aeg_ident_row *row);

/* ---- roots.c ---- */
/* Attaches skb_egress where it belongs, with everything else. */
int aeg_watched_attach(struct aeg_datapath *datapath);

/* ---- attach.c ---- */
/* Sees that a program is attached to a cgroup by a pinned link; made: by a new one. */
int aeg_link_ensure(const struct aeg_datapath *datapath, enum aeg_prog prog, int cgroup_fd,
		    const char *path, bool *ret_made, int *ret_fd);
/* Detaches a pinned link and removes its pin; none there is fine. */
int aeg_link_detach(const char *path);
/* Whether the program should be attached. */
bool aeg_prog_wanted(const struct aeg_datapath *datapath, enum aeg_prog prog);
/*
 * Whether someone is contained strictly from now on. sock_create is attached while someone is, since
 * every socket() pays for it; before 5.15 always, since it stamps sockets there (bpf/maker.bpf.h).
 */
int aeg_strict_set(struct aeg_datapath *datapath, bool strict);

/* ---- maps.c ---- */
typedef int aeg_row_fn(void *arg, const void *key, const void *value);
/* Calls fn for every element, until it returns other than 0; per-CPU values as the kernel packs them. */
int aeg_map_each(int fd, size_t key_size, size_t value_size, aeg_row_fn *fn, void *arg);
/* Writes n elements; -ENOSPC when the map is full. Keys and values are dense arrays. */
int aeg_map_fill(int fd, const void *keys, size_t key_size, const void *values, size_t value_size,
		 size_t n);
int aeg_map_count(int fd, size_t key_size, size_t value_size, uint64_t *ret);
/* One element; -ENOSPC when the map is full. */
int aeg_map_put(int fd, const void *key, const void *value);

/* ---- slots.c ---- */
int aeg_slots_adopt(struct aeg_datapath *datapath);
void aeg_slot_done(struct aeg_slot *slot);
/* The slot in force; NULL before the first generation. */
struct aeg_slot *aeg_slot_active(struct aeg_datapath *datapath);
int aeg_table_create(enum aeg_table_kind kind, size_t need, struct aeg_table *ret);
int aeg_slot_link(struct aeg_datapath *datapath, uint32_t index, struct aeg_slot *slot);
/* Returns when every program that was running has ended. */
int aeg_slots_grace(struct aeg_datapath *datapath);

/* ---- netns.c ---- */
/* Calls fn in the network namespace, in a thread of its own; its result, or why it could not. */
typedef int aeg_netns_fn(void *arg);
int aeg_netns_run(int netns_fd, aeg_netns_fn *fn, void *arg);
/* The network namespace of a process, and its cookie. */
int aeg_netns_open(uint32_t pid, int *ret_fd);
int aeg_netns_cookie(uint32_t pid, uint64_t *ret);

/* ---- kill.c ---- */
/* Ends one socket of this network namespace: SOCK_DESTROY. */
struct inet_diag_sockid;
int aeg_socket_destroy(uint8_t family, uint8_t proto, const struct inet_diag_sockid *id);
int aeg_kill_here(const struct aeg_datapath *datapath, const struct aeg_event *event);

/* ---- sweep.c ---- */
int aeg_sweep_here(const struct aeg_datapath *datapath, uint64_t cgroup, uint32_t *ret_ended);

/* ---- links.c ---- */
int aeg_links_find(const struct aeg_datapath *datapath, uint64_t cgroup, struct aeg_links *ret);

/* ---- tc.c ---- */
char *aeg_pin_veth(const char *pin_dir, uint32_t ifindex);
/* Takes our filters off the interfaces that the pinned table names; for kernels without tcx. */
void aeg_tc_detach_filters(const char *pin_dir);

/* ---- helper.c ---- */
enum aeg_errand { AEG_ERRAND_KILL, AEG_ERRAND_HOME, AEG_ERRAND_LINKS, AEG_ERRAND_SWEEP };
struct aeg_errand_answer {
	uint64_t number;
	int result;
	uint32_t ended;
	uint64_t cookie;
	struct aeg_links links;
};
/* Has it done by the helper: aeg_kill_here(event), aeg_home_cookie(cgroup), aeg_links_find(cgroup) or
 * aeg_sweep_here(cgroup). -EAGAIN: it takes too long. */
int aeg_errand(struct aeg_datapath *datapath, enum aeg_errand errand, uint64_t cgroup,
	       const struct aeg_event *event, struct aeg_errand_answer *ret);

/* ---- home.c ---- */
/* The directory of a cgroup, or -1. */
int aeg_cgroup_open(const struct aeg_datapath *datapath, uint64_t cgroup);
/* The oldest process in or below a cgroup; 0: there is none. */
uint32_t aeg_cgroup_oldest(const struct aeg_datapath *datapath, uint64_t cgroup);
/* The cookie of its network namespace. */
int aeg_home_cookie(const struct aeg_datapath *datapath, uint64_t cgroup, uint64_t *ret);

/* ---- memory.c ---- */
/* Calls fn in a process of its own whose memory is charged to nobody: its result, 0 or -errno. */
int aeg_memory_uncharged(int (*fn)(void *arg), void *arg);

/* ---- checks.c ---- */
bool aeg_kernel_is(unsigned long major, unsigned long minor); /* this version or a later one */
/* Where it is looked up what this machine is; tests name another one. */
struct aeg_machine {
	const char *release; /* of the kernel, "5.10.0-30-amd64"; NULL: it cannot be read */
	const char *btf;     /* the file of the kernel's types */
	const char *status;  /* of the process, as in proc(5): its capabilities */
};
/* aeg_datapath_checks() of that machine. */
size_t aeg_machine_checks(const struct aeg_machine *machine,
			  const struct aeg_datapath_config *config, struct aeg_check *ret,
			  size_t max);

/* ---- chatter.c ---- */
/* libbpf prints through here from now on: the first complaint is kept, nothing reaches stderr unless
 * AEGRESS_BPF_LOG=1 asks for the verifier's log. */
void aeg_chatter_start(void);
const char *aeg_chatter_first(void); /* "" when libbpf had nothing to say */

/* Stores what programs load as one word: the slot in force, and the next epoch. */
static inline void aeg_moment_set(struct aeg_datapath *datapath, uint32_t slot)
{
	struct aeg_moment next = {.slot = slot, .epoch = datapath->ctl->now.epoch + 1};

	__atomic_store(&datapath->ctl->now, &next, __ATOMIC_SEQ_CST);
}

/* After a change of identities, roots or levels: former stamps are looked at again. */
static inline void aeg_epoch_bump(struct aeg_datapath *datapath)
{
	aeg_moment_set(datapath, datapath->ctl->now.slot);
}

#endif
