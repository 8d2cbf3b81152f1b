/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The one list of what can fail, a part of abi.h: include that. */
#ifndef AEG_ERRORS_H
#define AEG_ERRORS_H

/*
 * Everything that can fail in a program, by place; index of the per-CPU array `errors`.
 * Append-only. X(SYMBOL, word, what happened then)
 */
#define AEG_ERRORS(X)                                                                              \
	X(STAMP_STORAGE, "stamp-storage", "no storage at socket(): stamped at connect() instead")  \
	X(CONNECT_STORAGE, "connect-storage", "no storage at connect(): denied, reason internal")  \
	X(NO_CTL, "no-ctl", "control element missing: passed as not managed")                      \
	X(NO_GEN, "no-generation", "active generation missing: denied, reason internal")           \
	X(NO_IDENTS, "no-idents", "identity table missing: denied, reason internal")               \
	X(NO_ADDRS, "no-addrs", "address table missing: denied, reason internal")                  \
	X(NO_CELLS, "no-cells", "decision table missing: denied, reason internal")                 \
	X(EVENT_LOST, "event-lost", "ring full: an open or close event was dropped")               \
	X(DENIAL_LOST, "denial-lost", "ring full: a denial's event was dropped")                   \
	X(COUNT_FULL, "count-full", "counter table full: counted in the totals only")              \
	X(SET_ERRNO, "set-errno", "bpf_set_retval failed: EPERM instead of denyErrno")             \
	X(NO_SOCKET, "no-socket", "no socket in the context: denied, reason internal")             \
	X(TCP_READ, "tcp-read", "socket counters unreadable: close reported without bytes")        \
	X(NO_NODES, "no-nodes", "table of learned patterns missing: denied, reason internal")      \
	X(NO_NAMES, "no-names", "name table missing: nothing learned, hello denied")               \
	X(HOME_FULL, "home-full", "no room for a network namespace: its sockets teach nothing")    \
	X(HELLO_STORAGE, "hello-storage", "no memory for a split ClientHello: dropped")            \
	X(SCRATCH_BUSY, "scratch-busy", "no memory to parse in: the segment was dropped")          \
	X(HOLE, "hole", "a segment ahead of an unread one was dropped")                            \
	X(PACKET_READ, "packet-read", "headers unreadable or unusual: dropped while unverified")   \
	X(SKB_READ, "skb-read", "fragment flags unreadable: denied, reason internal")              \
	X(TALK_STORAGE, "talk-storage", "no memory for DNS over TCP: its answers teach nothing")   \
	X(BACKSTOP, "backstop",                                                                    \
	  "bpf_setsockopt failed: without a daemon, denied clients wait long")                     \
	X(ASKS_STORAGE, "asks-storage",                                                            \
	  "no memory for a DNS question: its answer teaches nothing")                              \
	X(ASKER_FULL, "asker-full",                                                                \
	  "no room to count a workload's DNS questions: denied, table-full")                       \
	X(MAKER_READ, "maker-read",                                                                \
	  "who made a socket is unreadable: it counts as made by who uses it")                     \
	X(WAKE, "wake", "no room to wake the daemon: the next event tries again")                  \
	X(COOKIE_READ, "cookie-read", "a socket's cookie is unreadable: not decided again")        \
	X(UNSEEN, "unseen",                                                                        \
	  "a socket could not be found to be decided again: its packet was dropped")               \
	X(SHARE_FULL, "share-full",                                                                \
	  "no room to count a workload's addresses: it learns no new one, over-share")

#endif
