/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Every map, once. Weak, so that the objects of several .bpf.c files share them when they are
 * linked. Sizes given here are floors: user space sizes rings, counters and inner tables.
 */
#ifndef AEG_MAPS_BPF_H
#define AEG_MAPS_BPF_H

#include "bpf/kernel.bpf.h"
#include "bpf/dns_stream.h"
#include "bpf/name.h"
#include "bpf/parse_tls.h"

/* A key that is nothing but an address: BTF needs a name for it. */
struct aeg_addr16 {
	__u8 addr[16];
};

/* ---- control: one element, mapped into the daemon ---- */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct aeg_ctl);
} ctl __weak SEC(".maps");

/* ---- one generation is one slot of these ---- */

/*
 * Inner maps name sizes, not types: one created later fits the template only if both have the same
 * BTF (6.1 compares it) or, simpler, neither has any.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, AEG_SLOTS);
	__type(key, __u32);
	__type(value, struct aeg_gen);
} gens __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, AEG_SLOTS);
	__type(key, __u32);
	__type(value, struct aeg_lengths);
} lengths __weak SEC(".maps");

struct aeg_idents_inner {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u64));
	__uint(value_size, sizeof(struct aeg_ident));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, AEG_SLOTS);
	__type(key, __u32);
	__array(values, struct aeg_idents_inner);
} idents __weak SEC(".maps");

struct aeg_addrs_inner {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct aeg_prefix));
	__uint(value_size, sizeof(struct aeg_dest));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, AEG_SLOTS);
	__type(key, __u32);
	__array(values, struct aeg_addrs_inner);
} addrs __weak SEC(".maps");

struct aeg_cells_inner {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct aeg_cell_key));
	__uint(value_size, sizeof(struct aeg_cell));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, AEG_SLOTS);
	__type(key, __u32);
	__array(values, struct aeg_cells_inner);
} cells __weak SEC(".maps");

struct aeg_names_inner {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u64));
	__uint(value_size, sizeof(struct aeg_name_entry));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, AEG_SLOTS);
	__type(key, __u32);
	__array(values, struct aeg_names_inner);
} names __weak SEC(".maps");

struct aeg_nodes_inner {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct aeg_dest));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, AEG_SLOTS);
	__type(key, __u32);
	__array(values, struct aeg_nodes_inner);
} nodes __weak SEC(".maps");

/* ---- configuration of names, the same for all generations ---- */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, AEG_RESOLVERS_MAX);
	__type(key, struct aeg_addr16);
	__type(value, struct aeg_resolver);
} resolvers __weak SEC(".maps");

/* Search suffixes of pods: rows like those of names, see aeg_name_search(). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, AEG_SEARCHES_MAX);
	__type(key, __u64);
	__type(value, struct aeg_name_entry);
} searches __weak SEC(".maps");

/* ---- state ---- */

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct aeg_sock);
} socks __weak SEC(".maps");

/* By the last bits of the socket's cookie, see seats.bpf.h. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, AEG_SEATS);
	__type(key, __u32);
	__type(value, struct aeg_sock);
} seats __weak SEC(".maps");

/* Only while a ClientHello comes in pieces. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct aeg_hello_buf);
} hellos __weak SEC(".maps");

/* Of sockets that asked a resolver. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct aeg_asks);
} asks __weak SEC(".maps");

/* Of connections to resolvers that asked something. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct aeg_dns_talk);
} talks __weak SEC(".maps");

/* Never LRU: an address that is in use must not be pushed out by another pod's questions. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, AEG_LEARNED_MAX);
	__type(key, struct aeg_addr16);
	__type(value, struct aeg_learned);
} learned __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, AEG_SHARES_MAX);
	__type(key, struct aeg_share_key);
	__type(value, __u64);
} shares __weak SEC(".maps");

/* Hash of a name -> its text, for people and for matching again after a reload. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, AEG_SPOKEN_MAX);
	__type(key, __u64);
	__type(value, struct aeg_spoken);
} spoken __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, AEG_HOMES_MAX);
	__type(key, __u64);
	__type(value, __u64);
} homes __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, AEG_ASKERS_MAX);
	__type(key, __u64);
	__type(value, struct aeg_asker);
} askers __weak SEC(".maps");

/* ---- frames ---- */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, AEG_VETHS_MAX);
	__type(key, __u32);
	__type(value, struct aeg_veth);
} veths __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, AEG_SOURCES_MAX);
	__type(key, struct aeg_source);
	__type(value, __u32);
} sources __weak SEC(".maps");

/* ---- reports ---- */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} denials __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, AEG_TOTALS);
	__type(key, __u32);
	__type(value, __u64);
} totals __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct aeg_count_key);
	__type(value, struct aeg_count);
} counts __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, AEG_ERRORS_ROOM);
	__type(key, __u32);
	__type(value, __u64);
} errors __weak SEC(".maps");

/* What became of DNS answers, of those that parsed, and of ClientHellos. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, AEG_RESULTS_ROOM);
	__type(key, __u32);
	__type(value, __u64);
} dns_results __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, AEG_RESULTS_ROOM);
	__type(key, __u32);
	__type(value, __u64);
} learnings __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, AEG_RESULTS_ROOM);
	__type(key, __u32);
	__type(value, __u64);
} hello_results __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, AEG_RESULTS_ROOM);
	__type(key, __u32);
	__type(value, __u64);
} frames __weak SEC(".maps");

/* Never read by a program: the texts live exactly as long as the numbers in the other maps. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, AEG_LABELS_MAX);
	__type(key, __u32);
	__type(value, struct aeg_label);
} labels __weak SEC(".maps");

#endif
