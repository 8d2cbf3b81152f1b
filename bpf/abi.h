/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The only file that the kernel programs and user space both include: every byte that crosses the
 * border is described here, once. Fixed-width types, explicit padding, asserted sizes. Integers are
 * host order unless a comment says otherwise; addresses are 16 bytes in network order, IPv4 in its
 * mapped form ::ffff:a.b.c.d.
 *
 * Changing a layout means raising AEG_ABI: pins of another ABI are refused, never reinterpreted.
 */
#ifndef AEG_ABI_H
#define AEG_ABI_H

#include "bpf/dns_results.h"
#include "bpf/errors.h"
#include "bpf/frames.h"
#include "bpf/learnings.h"
#include "bpf/reasons.h"

#include <linux/bpf.h> /* struct bpf_spin_lock */
#include <linux/types.h>
#include <stddef.h>

#define AEG_ABI 7

#define AEG_SLOTS 2	/* generations that fit at once: the active one and the one being filled */
#define AEG_ROOTS_MAX 8 /* managed cgroup directories */
#define AEG_LEVELS_MAX                                                                             \
	16 /* deepest cgroup level, from the hierarchy's root, that can be a workload */
#define AEG_LEVELS_HELD (1u << 31) /* beside them: somebody is quarantined */
#define AEG_COMM_LEN 16		   /* TASK_COMM_LEN */
#define AEG_LABEL_TEXT 500	   /* bytes of a label's text, NUL included */
#define AEG_LABELS_MAX (1 << 18)   /* numbers that can be given out while the maps live */
#define AEG_V4_PREFIX 96	   /* bits in front of a mapped IPv4 address */
#define AEG_PROTO_TCP 6		   /* IPPROTO_TCP */
#define AEG_PROTO_UDP 17	   /* IPPROTO_UDP */
#define AEG_PORT_ANY 0		   /* in a cell's key: every port that has no cell of its own */
#define AEG_PORT_DNS 53		   /* the only one that is learned from */

enum aeg_verdict {
	AEG_VERDICT_NONE = 0, /* no decision yet; never reported */
	AEG_VERDICT_ALLOWED = 1,
	AEG_VERDICT_AUDITED = 2, /* would be denied, but the policy only audits */
	AEG_VERDICT_DENIED = 3,
	AEG_VERDICT_MAX = 4,
};

enum aeg_mode {
	AEG_MODE_ENFORCE = 0,
	AEG_MODE_AUDIT = 1,
};

/* ---- generations ---------------------------------------------------------------------------- */

/* What is reported beside decisions about what is governed. */
#define AEG_REPORT_UNGOVERNED 1u /* connections to ungoverned destinations */
#define AEG_REPORT_REFUSED 2u	 /* answers of resolvers that were refused */
#define AEG_REPORT_CLOSES 4u	 /* ends of what was reported as it was opened */

/* Settings of one generation; element AEG_SLOTS of map `gens`. */
struct aeg_gen {
	__u64 number;	  /* counts up over reloads and restarts; 0: slot never filled */
	__u32 unselected; /* enum aeg_verdict for workloads that no policy isolates */
	__u32 unknown;	  /* enum aeg_verdict for managed cgroups without an identity */
	__u32 deny_errno; /* positive errno given to a denied connect(); 0: plain EPERM */
	__u32 reports;	  /* AEG_REPORT_* */
};

/* A managed directory: programs act only on tasks and sockets below one of these. */
struct aeg_root {
	__u64 cgroup; /* cgroup id; 0: a hole */
	__u32 level;  /* its level in the hierarchy; 0 is the hierarchy's root */
	__u32 pad;
};

/*
 * Which tables hold, and how old a stamp may be: epoch counts every change of slot, idents, roots
 * and levels. One word, loaded and stored at once, so that a new epoch is never paired with the
 * former slot.
 */
struct aeg_moment {
	__u32 slot;
	__u32 epoch;
} __attribute__((aligned(8)));

/* The one element of map `ctl`, mapped into the daemon: single stores are seen at once. */
struct aeg_ctl {
	__u32 abi;
	__u32 doze; /* 1: the daemon sleeps; the next event wakes it and clears this */
	struct aeg_moment now;
	__u32 levels;	  /* bit n: some workload's cgroup is at level n; AEG_LEVELS_HELD */
	__u32 wake_bytes; /* unread bytes in a ring that wake the daemon even when it does not doze */
	__u32 nroots;	  /* entries in use, holes (cgroup 0) included */
	__u32 ttl_min;	  /* s; what was learned stays at least this long, and after each use */
	__u32 share;	  /* addresses in `learned` that each workload is sure of */
	__u32 learned;	  /* addresses in `learned`; programs and the daemon change it atomically */
	__u32 walk;	  /* counts the walks over what stands (revoke.bpf.c), each as it begins */
	__u32 walked; /* storage that no walk since this one has met is held; see standing.bpf.h */
	__u32 taught; /* counts what `learned` got to say that it did not; see recent.bpf.h */
	__u32 pad;
	__u64 host_netns; /* cookie of the initial network namespace; programs fill it in */
	__u64 seed_basis; /* of name hashes; made once, before the first generation: maps keep hashes */
	__u64 seed_factor; /* odd */
	struct aeg_root roots[AEG_ROOTS_MAX];
};

/* ---- identity: cgroup id (u64) -> aeg_ident, map `idents`, one inner map a slot --------------- */

#define AEG_IDENT_ISOLATED 1u /* an enforcing policy with an allow list selects it */
#define AEG_IDENT_ISOLATED_UNION                                                                   \
	2u			   /* any policy with an allow list selects it, auditing ones too */
#define AEG_IDENT_SELECTED 4u	   /* any policy at all selects it */
#define AEG_IDENT_STRICT 8u	   /* ISOLATED, by a policy that contains strictly */
#define AEG_IDENT_STRICT_UNION 16u /* ISOLATED_UNION, by one that does */
#define AEG_IDENT_NEEDS_TC 32u	   /* `require: [tc]`: nothing governed is reached without it */
#define AEG_IDENT_HAS_TC 64u	   /* TC sees every interface that leaves its namespace */
#define AEG_IDENT_QUARANTINED 128u /* stopped by hand: nothing may leave, whatever the rules say */
/* The strict flag of the layer that an isolated flag is of. */
#define AEG_IDENT_STRICT_OF(isolated) ((isolated) << 3)
/* Its questions to resolvers are judged, by policies that contain strictly; see ask.h. */
#define AEG_IDENT_ASKS 256u
#define AEG_IDENT_ASKS_UNION 512u
#define AEG_IDENT_ASKS_OF(isolated) ((isolated) << 8)
#define AEG_IDENT_NAMES 1024u /* ASKS, and for names that its rules allow only */
#define AEG_IDENT_NAMES_UNION 2048u
#define AEG_IDENT_NAMES_OF(isolated) ((isolated) << 10)

/* What a workload may ask of resolvers, the strictest of its policies. */
struct aeg_dns_caps {
	__u16 questions; /* in `seconds`, and at once; 0: no cap */
	__u8 seconds;
	__u8 name_len; /* longest name as text; 0: no cap */
};

#define AEG_LAYERS 2 /* enforcing policies; all, as if those that audit were enforced */

struct aeg_ident {
	__u32 workload; /* number, never reused while the maps live */
	__u32 profile;	/* the set of policies that select it; 0: none. Valid in this slot only */
	__u32 flags;	/* AEG_IDENT_* */
	struct aeg_dns_caps caps[AEG_LAYERS];
};

/*
 * Map `askers`: cgroup id of a workload (u64) -> what its caps have let through. Made by its first
 * question that is judged; the daemon takes it away with the identity.
 */
struct aeg_asker {
	__u64 due[AEG_LAYERS]; /* CLOCK_MONOTONIC, ns: when all that was asked would be paid off */
	__u64 second;	       /* of CLOCK_MONOTONIC in which was reported last */
	__u32 reported;
	struct bpf_spin_lock lock; /* due changes under it */
};

#define AEG_ASKERS_MAX (1 << 14)
#define AEG_ASKER_EVENTS 16 /* reported for a workload in a second; all are counted */

/* ---- destinations: net -> aeg_dest, map `addrs`, one inner map a slot; see prefix.h --------------- */

/* A row of the compiled tables. */
struct aeg_addr_key {
	__u32 prefixlen; /* 0..128 */
	__u8 addr[16];
};

/* The same as the key of `addrs`: host order, bits behind the prefix zero. */
struct aeg_prefix {
	__u64 high;
	__u64 low;
	__u32 bits; /* 0..128 */
	__u32 pad;
};

#define AEG_LENGTHS 256 /* nodes of a search tree over at most 129 lengths */

/* One prefix length as the mask that cuts an address to it. */
struct aeg_length {
	__u64 high;
	__u64 low;
	__u32 bits;
	__u32 used; /* 0: no such node */
};

/* Element AEG_SLOTS of map `lengths`: those to look for, IPv4 and IPv6 apart; from node 1 on, node
 * k's children are 2k (shorter) and 2k + 1 (longer). */
struct aeg_lengths {
	struct aeg_length tree[2][AEG_LENGTHS];
};

#define AEG_DEST_GOVERNED 1u /* some AIEndpoint covers it */
#define AEG_DEST_MARKER 2u   /* only in `addrs`: longer nets may follow, none covers it yet */
#define AEG_DEST_LAST 4u     /* only in `addrs`: no longer net follows */

struct aeg_dest {
	__u32 class;	 /* which rules touch it; key of `cells`. Valid in this slot only */
	__u32 node;	 /* number of the most specific pattern; stable over reloads and restarts */
	__u32 flags;	 /* AEG_DEST_* */
	__u32 declarers; /* of the endpoints with CIDRs that cover it, a bit each; shared beyond 32 */
};

/* ---- decisions: (profile, class, protocol, port) -> aeg_cell, map `cells` ---------------------- */

struct aeg_cell_key {
	__u32 profile;
	__u32 class;
	__u16 port; /* host order; AEG_PORT_ANY after the exact look-up missed */
	__u8 proto; /* AEG_PROTO_* */
	__u8 pad;
};

/*
 * What an allowed TCP connection must speak: of the policies that allow it, the strictest. Without
 * DEMAND only what was allowed by name on AEG_PORT_TLS must be TLS.
 */
#define AEG_TLS_DEMAND 1u    /* TLS, whatever port and whether allowed by name or by CIDR */
#define AEG_TLS_MIN12 2u     /* at least TLS 1.2 */
#define AEG_TLS_MIN13 4u     /* at least TLS 1.3; MIN12 is not set beside it */
#define AEG_TLS_ECH_ALLOW 8u /* an encrypted ClientHello passes when its outer name is allowed */
#define AEG_PORT_TLS 443

/* One layer's answer. rule is a label number; 0: no rule decided. */
struct aeg_answer {
	__u8 verdict; /* ALLOWED or DENIED; NONE: the layer has no rule for this destination */
	__u8 reason;
	__u8 tls; /* AEG_TLS_*; 0 unless ALLOWED by a rule */
	__u8 pad;
	__u32 rule;
};

/*
 * What the compiler decided for the destination: `enforce` looks at enforcing policies only,
 * `all` at every policy, as if those that audit were enforced. Deny has won already.
 */
struct aeg_cell {
	struct aeg_answer enforce;
	struct aeg_answer all;
};

/* What is done with a connection and what is said of it. */
struct aeg_decision {
	__u8 verdict;	    /* enum aeg_verdict */
	__u8 reason;	    /* enum aeg_reason */
	__u8 mode;	    /* enum aeg_mode of what decided */
	__u8 other_verdict; /* the other layer's answer where it differs; NONE: it does not */
	__u8 other_reason;
	__u8 tls; /* AEG_TLS_* of the rule */
	__u8 pad[2];
	__u32 rule; /* label number; 0: none */
	__u32 other_rule;
};

/* ---- names ------------------------------------------------------------------------------------- */

/*
 * Map `names`, one inner map a slot, is described in name.h: host patterns -> aeg_dest. Map `nodes`,
 * one inner map a slot: node number (u32) -> aeg_dest, for what was learned under another generation.
 */

/*
 * Map `resolvers`: address of a trusted name server -> where it is trusted. Answers come in through lo
 * in one network namespace only; everywhere else lo is where a raw socket can send what it likes.
 */
#define AEG_RESOLVER_LOOPBACK 1u /* it has a loopback address: trusted in that namespace only */
struct aeg_resolver {
	__u64 netns; /* cookie of that namespace; 0: the initial one */
	__u32 flags; /* AEG_RESOLVER_* */
	__u32 pad;
};

/*
 * Map `homes`: cgroup id of a workload (u64) -> cookie of its network namespace (u64). At first that of
 * the socket that asked first, which is told to the daemon; it looks where the workload's oldest
 * process lives, and says so. Sockets in another namespace teach nothing: there, a process can play
 * the name server itself.
 */
#define AEG_HOME_TOLD (1ull << 63) /* said by the daemon */

/* One pattern whose names an address was learned for. */
struct aeg_member {
	__u32 node;    /* 0: free */
	__u32 expires; /* s, CLOCK_MONOTONIC */
	__u64 name;    /* hash of the last name; key of `spoken` */
};

/*
 * Map `learned`: address (16 bytes) -> the patterns it was learned for. The address is repeated in
 * front: a deleted element may be given to another address while a program still reads it, so a
 * reader looks at addr last.
 */
#define AEG_MEMBERS_MAX 8
struct aeg_learned {
	__u8 addr[16];
	struct aeg_member members[AEG_MEMBERS_MAX];
	struct bpf_spin_lock lock; /* members change under it */
	__u32 workload;		   /* whose question put it here: of its share; never changes */
};

/*
 * Map `shares`: how many addresses a workload has put into `learned`, and how many were taken out again.
 * Both only count up and have one writer each, the programs and the daemon; the difference counts
 * against aeg_ctl.share. The programs make both rows, so that the daemon has room to give back.
 *
 * Whoever has its share may learn more only while aeg_ctl.learned is below AEG_LEARNED_COMMON: the rest
 * of the table is kept for those who are below theirs.
 */
enum aeg_share_side { AEG_SHARE_TAKEN, AEG_SHARE_BACK };
struct aeg_share_key {
	__u32 workload;
	__u32 side; /* enum aeg_share_side */
};

#define AEG_LEARNED_MAX (1 << 16) /* addresses */
#define AEG_LEARNED_COMMON (AEG_LEARNED_MAX / 4 * 3)
#define AEG_SHARE_DEFAULT ((AEG_LEARNED_MAX - AEG_LEARNED_COMMON) / 8)
#define AEG_SHARES_MAX (1 << 14) /* two rows a workload */
#define AEG_SPOKEN_MAX (1 << 15) /* texts; the oldest are forgotten, which only hides them */
#define AEG_HOMES_MAX (1 << 14)
#define AEG_RESOLVERS_MAX 256
#define AEG_SEARCHES_MAX 64 /* search suffixes */
#define AEG_TTL_MIN 60	    /* s; unless configured */
#define AEG_TTL_MAX 86400   /* s */
#define AEG_SCRATCH_CPU 4   /* elements of `scratches` for each CPU */
#define AEG_RECENT_CPU 256  /* the same of `recents` */

struct aeg_spoken {
	__u16 len;
	char text[254];
};

#define AEG_RESULTS_ROOM 32 /* entries of each array of results */

/* ---- frames: what TC knows ---------------------------------------------------------------------- */

#define AEG_VETHS_MAX (1 << 14)
#define AEG_SOURCES_MAX (1 << 16)
#define AEG_VETH_EVENTS 16 /* reported for an interface in a second; all are counted */

/* Map `veths`: index of the host's end of a veth (u32) -> whose frames come in there. */
struct aeg_veth {
	__u64 cgroup; /* of the workload; key of `idents` */
	__u64 second; /* of CLOCK_MONOTONIC in which was reported last */
	__u32 reported;
	__u32 pad;
};

/* Map `sources`: the addresses that are a workload's own, as key; the value says nothing. */
struct aeg_source {
	__u32 ifindex; /* of the host's end */
	__u8 addr[16];
};

/* ---- per-socket state, maps `seats` (array) and `socks` (sk_storage) -------------------------- */

#define AEG_SOCK_REPORTED 1u /* an open event was counted; sock_release owes the close */
#define AEG_SOCK_CACHED 2u   /* the decision was made for the stamp's identity alone */
#define AEG_SOCK_RESOLVER 4u /* daddr was a trusted resolver's when it was decided */
#define AEG_SOCK_QUIET 8u    /* its close is counted, and told to nobody */

/* What the packet programs still have to look at; up to DONE they pass. */
enum aeg_watch_state {
	AEG_WATCH_OFF = 0,
	AEG_WATCH_DONE = 1,    /* the ClientHello was read and let through, or there was none */
	AEG_WATCH_HELLO = 2,   /* TCP: a ClientHello is checked if the stream begins with one */
	AEG_WATCH_DEMAND = 3,  /* TCP: nothing but a ClientHello with an allowed name */
	AEG_WATCH_SECOND = 4,  /* TCP: the first was let through, another may follow */
	AEG_WATCH_DEAD = 5,    /* TCP: denied; payload is dropped */
	AEG_WATCH_DNS = 6,     /* it talked to a trusted resolver */
	AEG_WATCH_PACKETS = 7, /* raw, ping and the like: no hook sees them before */
};

#define AEG_FIRST_NAMED 1u   /* the first hello named its server */
#define AEG_FIRST_EARLY 2u   /* it offered early data */
#define AEG_FIRST_DECIDED 4u /* its name let it through, and not the address */

/*
 * The stamp (leaf, pod, epoch) says whose socket it is, the rest what was decided last. leaf never
 * changes. sendmsg runs without the socket's lock: what belongs together changes under `lock`, or two
 * threads could pair one destination with the other's verdict.
 */
struct aeg_sock {
	__u64 cookie; /* of the socket; in `seats`, 0: nobody's */
	__u64 leaf;   /* cgroup id of the creating task, in a managed directory */
	__u64 pod;    /* cgroup id that gave the identity; 0: not known at `epoch` */
	__u64 user;   /* the same of the task that connected it, where that is another one; or 0 */
	__u64 netns;  /* netns cookie at creation */
	__u64 opened; /* ktime of the decision, ns */
	__u64 established; /* ktime of the handshake's end, ns; 0: not watched */
	__u64 generation;  /* that decided */
	__u8 daddr[16];
	struct aeg_decision decision;
	__u32 workload;
	__u32 node;
	__u16 dport; /* host order */
	__u8 proto;
	__u8 hook;	/* enum aeg_hook that decided */
	__u32 flags;	/* AEG_SOCK_* */
	__u32 epoch;	/* of ctl when pod was looked for; another one: look again */
	__u32 pid;	/* that connected; softirqs have none to ask */
	__u32 next;	/* TCP: sequence number of the first payload byte that was not read yet */
	__u8 watch;	/* enum aeg_watch_state */
	__u8 by_name;	/* 1: let through for a name that the address was learned for */
	__u8 synced;	/* 1: next is known */
	__u8 split;	/* 1: the hello is being gathered in `hellos` */
	__u8 deaf;	/* 1: its questions are judged, answers to it teach nothing */
	__u8 first;	/* AEG_FIRST_*: of the first hello; valid in AEG_WATCH_SECOND */
	__u16 backstop; /* ms that TCP_USER_TIMEOUT was set to, until the hello is through; 0: not */
	/* epoch + 1 at which nobody judged the DNS questions of its user; 0: look again */
	__u32 free;
	char comm[AEG_COMM_LEN];
	__u32 walk; /* of aeg_ctl: the last that met it, or had begun when it was decided */
	__u32 pad;
	/* What belongs to the place and not to the socket: see AEG_SOCK_STATE. */
	__u64 socket; /* in `seats`: address of the kernel's struct sock; to be read with care */
	__u32 held;   /* in `seats`: enum aeg_seat_state; in storage always AEG_SEAT_FREE */
	struct bpf_spin_lock lock;
};

#define AEG_SOCK_STATE (offsetof(struct aeg_sock, socket)) /* bytes that move with the socket */

/* For as many connections at a time; those that find their seat taken are in `socks`. */
#define AEG_SEATS 8192
#define AEG_SEATS_RUN 512 /* looked at at once, by programs that go over all of them */

enum aeg_seat_state {
	AEG_SEAT_FREE = 0, /* what it holds is still read by the last segments of a connection */
	AEG_SEAT_TAKEN = 1,
	AEG_SEAT_READY = 2, /* what it holds belongs together */
	AEG_SEAT_LINGERS =
		3, /* so it does, of a closed socket that sends; free once that is over */
};

#define AEG_ASKED 32 /* DNS questions that one socket may have open */

/*
 * Value of sk_storage `asks`: the questions that a socket sent to resolvers. Apart, since every
 * connection pays for each line of cache of aeg_sock.
 */
struct aeg_asks {
	__u64 keys[AEG_ASKED]; /* of open questions; 0: none */
	struct bpf_spin_lock lock;
	__u32 oldest; /* the next to be overwritten */
};

/* ---- events, maps `events` and `denials` (ring buffers) ---------------------------------------- */

enum aeg_event_type {
	AEG_EVENT_OPEN = 1,  /* allowed or audited; in `events` */
	AEG_EVENT_DENY = 2,  /* in `denials` */
	AEG_EVENT_CLOSE = 3, /* of a reported connection; in `events` */
	AEG_EVENT_NAME = 4,  /* an address was learned; in `events`, as aeg_name_event */
	AEG_EVENT_KILL = 6,  /* a denied connection still stands: end it; in `denials`, no record */
	AEG_EVENT_HOME = 5,  /* a workload's namespace was guessed (cgroup, pid); in `events` */
	AEG_EVENT_REFUSED = 7, /* an answer taught nothing; in `events`, named where it was read */
	AEG_EVENT_MAX = 8,
};

/* What was refused, and why: enum aeg_learning, or with this bit enum aeg_dns_result. */
#define AEG_REFUSED_MESSAGE 0x80u

struct aeg_event {
	__u64 time; /* CLOCK_MONOTONIC, ns */
	__u64 generation;
	__u64 cookie;	/* socket cookie: joins open and close */
	__u64 cgroup;	/* of the task (open, deny) */
	__u64 duration; /* ns; close only, as are the next four */
	__u64 sent;	/* payload bytes handed to the socket */
	__u64 received; /* payload bytes received in order */
	__u32 rtt_us;	/* smoothed; 0: unknown */
	__u32 retransmits;
	__u32 workload; /* 0: unknown */
	__u32 node;	/* 0: no endpoint */
	struct aeg_decision decision;
	__u32 pid;
	__u8 daddr[16];
	__u8 saddr[16]; /* close only: not bound yet at connect(); of answers: the resolver */
	__u16 dport;	/* host order */
	__u16 sport;	/* host order; close only */
	__u8 type;	/* enum aeg_event_type */
	__u8 proto;	/* AEG_PROTO_* or another IPPROTO */
	union {
		__u8 hook;    /* enum aeg_hook */
		__u8 refusal; /* AEG_EVENT_REFUSED only: see AEG_REFUSED_MESSAGE */
	};
	__u8 family;	  /* AF_INET or AF_INET6: of the socket */
	__u32 connect_us; /* handshake duration; 0: not watched */
	char comm[AEG_COMM_LEN];
};

/*
 * An event that has a name: the server name of a ClientHello, the host name that an address was
 * learned for (daddr; duration is its time to live, ns), or that of a refused answer (daddr: the
 * first of its addresses that was refused; zero: all of it). A record is cut behind the name; that it
 * is longer than an event tells that there is one, if only of length 0.
 */
struct aeg_name_event {
	struct aeg_event base;
	__u16 len;
	char name[254];
};

/* ---- counters ---------------------------------------------------------------------------------- */

/* What was decided: glibc's address sorting connects UDP sockets it never sends on. */
enum aeg_hook {
	AEG_HOOK_CONNECT = 0,  /* TCP connect() */
	AEG_HOOK_DATAGRAM = 1, /* sendto()/sendmsg() with an address */
	AEG_HOOK_PROBE = 2,    /* connect() of a UDP socket: decided, not a connection */
	AEG_HOOK_HELLO = 3,    /* the ClientHello of a TCP connection */
	AEG_HOOK_PACKET = 4,   /* a packet of a socket that passes no other hook */
	AEG_HOOK_FRAME = 5,    /* a frame at the host end of a pod's veth */
	AEG_HOOK_REVOKE = 6,   /* a connection that stood when tables or identities changed */
	AEG_HOOK_QUESTION = 7, /* a question to a resolver, where they are judged */
	AEG_HOOK_MAX = 8,
};

struct aeg_count_key {
	__u32 workload;
	__u32 node;
	__u32 rule;
	__u8 verdict;
	__u8 reason;
	__u8 hook;
	__u8 pad;
};

struct aeg_count {
	__u64 decisions;
	__u64 closed;
	__u64 sent;
	__u64 received;
};

/* Index of the per-CPU array `totals`: never full, so exact whatever happens to `counts`. */
#define AEG_TOTALS (AEG_VERDICT_MAX * AEG_REASON_MAX * AEG_HOOK_MAX)

static inline __u32 aeg_total_index(__u8 verdict, __u8 reason, __u8 hook)
{
	return ((__u32)verdict * AEG_REASON_MAX + reason) * AEG_HOOK_MAX + hook;
}

enum aeg_error {
#define AEG_ERROR_ENUM(symbol, word, then) AEG_ERROR_##symbol,
	AEG_ERRORS(AEG_ERROR_ENUM)
#undef AEG_ERROR_ENUM
		AEG_ERROR_MAX,
};
#define AEG_ERRORS_ROOM 64 /* entries of `errors`: a new place does not change the map */

/* ---- labels: number -> text, map `labels` ------------------------------------------------------ */

/*
 * Numbers outlive the daemon that gave them out: they are in sk_storage, counters and events. The
 * programs never read this map; it is kept beside them so that it lives exactly as long.
 */
enum aeg_label_kind {
	AEG_LABEL_WORKLOAD = 1, /* "namespace/name" */
	AEG_LABEL_RULE = 2,	/* "namespace/policy/rule", "/policy/rule" for cluster policies */
	AEG_LABEL_NODE = 3,	/* host pattern or CIDR */
};

struct aeg_label {
	__u32 kind;
	char text[AEG_LABEL_TEXT];
};

#define AEG_ASSERT_SIZE(type, size) _Static_assert(sizeof(struct type) == (size), #type)
AEG_ASSERT_SIZE(aeg_gen, 24);
AEG_ASSERT_SIZE(aeg_root, 16);
_Static_assert(offsetof(struct aeg_ctl, now) % 8 == 0, "now is one word");
AEG_ASSERT_SIZE(aeg_ctl, 80 + 16 * AEG_ROOTS_MAX);
AEG_ASSERT_SIZE(aeg_dns_caps, 4);
AEG_ASSERT_SIZE(aeg_ident, 20);
AEG_ASSERT_SIZE(aeg_asker, 32);
AEG_ASSERT_SIZE(aeg_addr_key, 20);
AEG_ASSERT_SIZE(aeg_prefix, 24);
AEG_ASSERT_SIZE(aeg_length, 24);
AEG_ASSERT_SIZE(aeg_lengths, 2 * AEG_LENGTHS * 24);
AEG_ASSERT_SIZE(aeg_dest, 16);
AEG_ASSERT_SIZE(aeg_cell_key, 12);
AEG_ASSERT_SIZE(aeg_answer, 8);
AEG_ASSERT_SIZE(aeg_cell, 16);
AEG_ASSERT_SIZE(aeg_decision, 16);
AEG_ASSERT_SIZE(aeg_resolver, 16);
AEG_ASSERT_SIZE(aeg_member, 16);
AEG_ASSERT_SIZE(aeg_learned, 152);
AEG_ASSERT_SIZE(aeg_share_key, 8);
AEG_ASSERT_SIZE(aeg_spoken, 256);
AEG_ASSERT_SIZE(aeg_veth, 24);
AEG_ASSERT_SIZE(aeg_source, 20);
AEG_ASSERT_SIZE(aeg_sock, 176);
AEG_ASSERT_SIZE(aeg_asks, 264);
AEG_ASSERT_SIZE(aeg_event, 152);
AEG_ASSERT_SIZE(aeg_name_event, 408);
_Static_assert(offsetof(struct aeg_name_event, name) > sizeof(struct aeg_event), "told by size");
AEG_ASSERT_SIZE(aeg_count_key, 16);
AEG_ASSERT_SIZE(aeg_count, 32);
AEG_ASSERT_SIZE(aeg_label, 504);
#undef AEG_ASSERT_SIZE

#endif
