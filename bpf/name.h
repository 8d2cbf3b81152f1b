/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Host names: canonical text, its hash, and the most specific pattern that matches it.
 *
 * A pattern is kept without its star: "hf.co" is exact, ".hf.co" stands for "*.hf.co". Both are
 * suffixes of the names they match, hashed from the right to the left, so one pass over a name yields
 * the hash of every suffix that can be a pattern. Seeds are secret, since whoever sends a hello
 * chooses the name; and a hit counts only after the stored text was compared.
 */
#ifndef AEG_NAME_H
#define AEG_NAME_H

#include "bpf/abi.h"
#include "bpf/bytes.h"

#define AEG_NAME_MAX 253 /* RFC 1035, without the trailing dot */
#define AEG_NAME_BORDERS 128
#define AEG_NAME_PIECE 64 /* bytes of a pattern that one entry of the table holds */

/* Random, made once per lifetime of the maps (kept in ctl): learned and spoken hold hashes. */
struct aeg_seed {
	__u64 basis;
	__u64 factor; /* odd */
};

/*
 * A canonical name: lower case, no trailing dot. About 1.5 KB, so it lives in a map's value (scratch),
 * never on a program's stack. border n is the n-th dot from the right.
 */
struct aeg_name {
	__u64 hash; /* of the whole text: key of an exact pattern, name_hash of `learned` */
	__u32 len;
	__u32 borders;			       /* in use */
	__u64 border_hash[AEG_NAME_BORDERS];   /* of the suffix that begins with the dot */
	__u8 border_at[AEG_NAME_BORDERS];      /* where the dot is */
	__u8 text[256 + AEG_NAME_PIECE];       /* zeros from len on, AEG_NAME_PIECE of them at least */
};

/* ---- the table: key __u64 (aeg_name_key), value struct aeg_name_entry ---- */

/*
 * One pattern, or a further piece of a long one: piece n is stored under aeg_name_key(hash, n). The
 * first piece has the destination; text is zero-padded.
 */
struct aeg_name_entry {
	struct aeg_dest dest;
	__u16 len;   /* of the pattern's whole text, star dropped */
	__u16 piece; /* 0: the first */
	__u32 pad;
	__u8 text[AEG_NAME_PIECE];
};

/*
 * Takes len bytes at data[at] (dotted text, AEG_DATA_ROOM readable) as a name: lower-cases, checks,
 * hashes. -1: no host name (empty or over-long label or name, a byte that is neither letter, digit,
 * '-' nor '_', a trailing dot, or a last label of digits only, as in an IPv4 address).
 */
AEG_INLINE int aeg_name_take(struct aeg_name *ret, const __u8 *data, __u32 at, __u32 len,
			     const struct aeg_seed *seed);

/*
 * The most specific pattern that matches: the exact one, else the longest wildcard; NULL: none.
 * table: BPF: the inner map of `names`; natively: struct aeg_name_table.
 */
AEG_INLINE const struct aeg_dest *aeg_name_find(void *table, struct aeg_name *name);

/*
 * Cuts `suffix` (".ns.svc.cluster.local", canonical, leading dot) off a name that ends in it and has
 * a dot left (an autopath answer), and re-hashes it. 1: cut; 0: it does not end so.
 */
/* AEG_INLINE int aeg_name_cut(struct aeg_name *name, ...suffix table..., seed); : follows */

/* ---- user space: filling the table ---- */
/*
 * Piece n (0, 1, ...) of a canonical pattern ("hf.co", "*.hf.co") as a row of the table. 1: ret_* are
 * filled; 0: the pattern has no piece n. A row whose key is taken already by another pattern must be
 * an error of the caller's (update with BPF_NOEXIST; 2^-64).
 *
 * int aeg_name_row(const char *pattern, __u32 n, const struct aeg_dest *dest,
 *                  const struct aeg_seed *seed, __u64 *ret_key, struct aeg_name_entry *ret_entry);
 */

#endif
