/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Host names: canonical text, its hash, and the most specific pattern that matches it.
 *
 * A pattern is kept without its star: "hf.co" is exact, ".hf.co" stands for "*.hf.co". Both are
 * suffixes of the names they match, hashed from right to left, so one pass over a name yields the hash
 * of every suffix that can be a pattern. Seeds are secret, since whoever sends a hello chooses the
 * name; and a hit counts only after the stored text was compared.
 */
#ifndef AEG_NAME_H
#define AEG_NAME_H

#include "bpf/abi.h"
#include "bpf/input.h"

#define AEG_NAME_MAX 253 /* RFC 1035, without the trailing dot */
#define AEG_NAME_LABEL_MAX 63
#define AEG_NAME_BORDERS 128 /* a power of two above the 126 dots that fit, and the sentinel */
#define AEG_NAME_PIECE 64    /* bytes of a pattern that one entry of the table holds */
#define AEG_NAME_PIECES 4    /* that the longest pattern takes */

/* Random, made once per lifetime of the maps (kept in ctl): learned and spoken hold hashes. */
struct aeg_seed {
	__u64 basis;
	__u64 factor; /* odd */
};

/* A dot of a name, seen from the right: the suffix that begins with it. */
struct aeg_border {
	__u64 hash;
	__u32 at;  /* of the dot in the text */
	__u32 all; /* AEG_CHAR_* that everything from the dot on has */
};

/*
 * A canonical name: lower case, no trailing dot. It takes 2.4 KB and lives in a map's value (scratch),
 * never on a program's stack.
 */
struct aeg_name {
	__u64 hash; /* of the whole text: key of an exact pattern, name_hash of `learned` */
	__u32 len;
	__u32 borders; /* in use; border n is the n-th dot from the right */
	struct aeg_border border[AEG_NAME_BORDERS]; /* one more: the whole name, at 0 */
	__u8 text[256 + AEG_NAME_PIECE]; /* zeros from len on, a piece of them at least */
};

/* One pattern, or a further piece of a long one; value of the table, under aeg_name_key(). */
struct aeg_name_entry {
	struct aeg_dest dest;
	__u16 len;   /* of the pattern's whole text, star dropped */
	__u16 piece; /* 0: the first */
	__u32 pad;
	__u8 text[AEG_NAME_PIECE]; /* zero-padded */
};

/* Key of piece n. That two patterns of a table meet here has a chance of 2^-64; filling notices. */
AEG_INLINE __u64 aeg_name_key(__u64 hash, __u32 piece)
{
	return hash + piece * 0x9e3779b97f4a7c15ull;
}

/* What a byte is; none of it: it has no place in a host name. */
#define AEG_CHAR_GOOD 1
#define AEG_CHAR_NUMERIC 2 /* a digit or the dot, as in an address */
#define AEG_CHAR_DOT 16	   /* the size of a border: dots add up to where the next one is kept */
_Static_assert(AEG_CHAR_DOT == sizeof(struct aeg_border), "a dot is a border");

struct aeg_char {
	__u8 canonical;
	__u8 kind; /* AEG_CHAR_* */
};

/* By table, since a branch for a byte is what verifiers multiply. */
AEG_INLINE const struct aeg_char *aeg_char(__u8 byte)
{
#define CHAR(c, canonical, kind) [c] = {canonical, AEG_CHAR_GOOD | (kind)}
#define LETTER(c) CHAR(c, c, 0), CHAR((c) - 'a' + 'A', c, 0)
#define DIGIT(c) CHAR(c, c, AEG_CHAR_NUMERIC)
#define LETTERS                                                                                    \
	LETTER('a'), LETTER('b'), LETTER('c'), LETTER('d'), LETTER('e'), LETTER('f'), LETTER('g'), \
		LETTER('h'), LETTER('i'), LETTER('j'), LETTER('k'), LETTER('l'), LETTER('m'),      \
		LETTER('n'), LETTER('o'), LETTER('p'), LETTER('q'), LETTER('r'), LETTER('s'),      \
		LETTER('t'), LETTER('u'), LETTER('v'), LETTER('w'), LETTER('x'), LETTER('y'),      \
		LETTER('z')
#define DIGITS                                                                                     \
	DIGIT('0'), DIGIT('1'), DIGIT('2'), DIGIT('3'), DIGIT('4'), DIGIT('5'), DIGIT('6'),        \
		DIGIT('7'), DIGIT('8'), DIGIT('9')
	static const struct aeg_char table[256] = {
		LETTERS,
		DIGITS,
		CHAR('-', '-', 0),
		CHAR('_', '_', 0),
		CHAR('.', '.', AEG_CHAR_NUMERIC | AEG_CHAR_DOT),
	};
#undef DIGITS
#undef LETTERS
#undef DIGIT
#undef LETTER
#undef CHAR

	return aeg_pointer(table + byte);
}

/*
 * Copies, lower-cases and hashes from right to left. No branch but the end: what a byte is decides
 * only what is added, so that verifiers follow a single path. Returns the AEG_CHAR_* that all have.
 */
AEG_INLINE __u32 aeg_name_copy(struct aeg_name *ret, const __u8 *data, __u32 at, __u32 len,
			       const struct aeg_seed *seed)
{
	const __u32 borders_mask = (AEG_NAME_BORDERS - 1) * sizeof(struct aeg_border);
	const __u64 factor = seed->factor;
	__u64 hash = seed->basis;
	__u32 dots = 0, all = ~0u, left = len;

	for (__u32 i = 0; i < AEG_NAME_MAX; i++) {
		struct aeg_name *to = aeg_pointer(ret);
		struct aeg_border *border;
		const struct aeg_char *row;
		__u32 c, kind;

		if (i >= len)
			break;
		left = aeg_masked(left - 1, 255);
		row = aeg_char(data[aeg_masked(at + left, AEG_DATA_MAX - 1)]);
		c = row->canonical;
		kind = row->kind;
		to->text[left] = (__u8)c;
		hash = (hash ^ c) * factor;
		all &= kind;
		border = (void *)((__u8 *)to->border + aeg_masked(dots, borders_mask));
		border->hash = hash;
		border->at = left;
		border->all = all;
		dots += kind & AEG_CHAR_DOT;
	}
	AEG_MEM(ret->hash) = hash;
	AEG_MEM(ret->borders) = dots / AEG_CHAR_DOT;
	return all;
}

/*
 * Whether every label has 1 to 63 bytes. Of more dots than there are borders the first ones were
 * overwritten, which shows as a label of over 63 bytes at the end.
 */
AEG_INLINE int aeg_name_labels_ok(const struct aeg_name *name)
{
	__u32 end = name->len; /* of the label in front of the border */

	for (__u32 i = 0; i < AEG_NAME_BORDERS; i++) {
		__u32 at;

		if (i >= AEG_MEM(name->borders))
			break;
		at = AEG_MEM(name->border[i].at);
		/* One comparison for both limits: 0 - 1 wraps. */
		if (end - at - 2 >= AEG_NAME_LABEL_MAX)
			return 0;
		end = at;
	}
	return end - 1 < AEG_NAME_LABEL_MAX;
}

/* Makes the rest of the text zero, as far as comparing looks, and the whole name the last border. */
AEG_INLINE void aeg_name_close(struct aeg_name *name, __u32 len)
{
	__u8 *rest = name->text + aeg_masked(len, 255);
	struct aeg_border *whole =
		&name->border[aeg_masked(AEG_MEM(name->borders), AEG_NAME_BORDERS - 1)];

	name->len = len;
	for (__u32 i = 0; i < AEG_NAME_PIECE; i += 8)
		aeg_word_clear(rest + i);
	whole->hash = AEG_MEM(name->hash);
	whole->at = 0;
}

/*
 * Takes len bytes at data[at] (dotted text; AEG_DATA_ROOM readable) as a name: lower-cases, checks and
 * hashes. -1: no host name, ret is garbage: empty or over-long label or name, a byte that is neither
 * letter, digit, '-' nor '_', a trailing dot, or a last label of digits only, as in an address.
 */
AEG_INLINE int aeg_name_take(struct aeg_name *ret, const __u8 *data, __u32 at, __u32 len,
			     const struct aeg_seed *seed)
{
	__u32 all;

	if (len == 0 || len > AEG_NAME_MAX)
		return -1;
	all = aeg_name_copy(ret, data, at, len, seed);
	if (!(all & AEG_CHAR_GOOD))
		return -1;
	aeg_name_close(ret, len);
	if (!aeg_name_labels_ok(ret))
		return -1;
	return AEG_MEM(ret->border[0].all) & AEG_CHAR_NUMERIC ? -1 : 0;
}

/* ---- the table: key __u64, value struct aeg_name_entry ---- */

#ifdef __bpf__
AEG_INLINE const struct aeg_name_entry *aeg_name_get(void *table, const __u64 *key)
{
	return bpf_map_lookup_elem(table, key);
}
#else
/* Open addressing in memory that the caller owns; a row without text is free. */
struct aeg_name_row {
	__u64 key;
	struct aeg_name_entry entry;
};

struct aeg_name_table {
	struct aeg_name_row *rows;
	__u32 size; /* a power of two, with at least one row free */
	__u32 pad;
};

AEG_INLINE const struct aeg_name_entry *aeg_name_get(void *table, const __u64 *key)
{
	const struct aeg_name_table *names = table;

	for (__u32 i = (__u32)(*key >> 32);; i++) {
		const struct aeg_name_row *row = &names->rows[i & (names->size - 1)];

		if (row->entry.len == 0)
			return 0;
		if (row->key == *key)
			return &row->entry;
	}
}
#endif

/* 0: the piece is what the name has at `at`, to its end or the piece's. */
AEG_INLINE __u64 aeg_name_differs(const struct aeg_name_entry *entry, const struct aeg_name *name,
				  __u32 at)
{
	const __u8 *text = name->text + aeg_masked(at, 255);
	__u64 differs = 0;

	for (__u32 i = 0; i < AEG_NAME_PIECE; i += 8)
		differs |= aeg_hidden(aeg_word(text + i) ^ aeg_word(entry->text + i));
	return differs;
}

/* Whether the further pieces of a pattern longer than one are the rest of the name. */
AEG_INLINE int aeg_name_rest_equal(void *table, const struct aeg_name *name,
				   const struct aeg_border *border)
{
	for (__u32 piece = 1; piece < AEG_NAME_PIECES; piece++) {
		__u32 at = AEG_MEM(border->at) + piece * AEG_NAME_PIECE;
		__u64 key = aeg_name_key(border->hash, piece);
		const struct aeg_name_entry *entry;

		if (at >= name->len)
			break;
		entry = aeg_name_get(table, &key);
		if (!entry || entry->piece != piece || aeg_name_differs(entry, name, at))
			return 0;
	}
	return 1;
}

/* The pattern whose first piece is at a border; NULL: none. One condition: each is a path to verify. */
AEG_INLINE const struct aeg_name_entry *aeg_name_at(void *table, const struct aeg_name *name,
						    const struct aeg_border *border)
{
	__u64 key = border->hash;
	const struct aeg_name_entry *entry = aeg_name_get(table, &key);
	__u64 differs;

	if (!entry)
		return 0;
	differs = aeg_name_differs(entry, name, border->at);
	differs |= aeg_hidden(entry->len ^ (name->len - border->at));
	return differs | aeg_hidden(entry->piece) ? 0 : entry;
}

/*
 * As aeg_name_find(); *ret_border is the border that the pattern begins at. Where a long pattern's rest
 * is not the name's, two texts share 64 bytes, a length and a hash: the search may well end there.
 */
AEG_INLINE const struct aeg_dest *aeg_name_match(void *table, const struct aeg_name *name,
						 __u32 *ret_border)
{
	const struct aeg_name_entry *entry = 0;
	__u32 border = 0;

	for (__u32 i = 0; i < AEG_NAME_BORDERS; i++) {
		__u32 borders = AEG_MEM(name->borders);

		if (i > borders)
			return 0;
		border = aeg_masked(borders - i, AEG_NAME_BORDERS - 1);
		entry = aeg_name_at(table, name, &name->border[border]);
		if (entry)
			break;
	}
	if (!entry)
		return 0;
	*ret_border = border;
	if (entry->len > AEG_NAME_PIECE && !aeg_name_rest_equal(table, name, &name->border[border]))
		return 0;
	return &entry->dest;
}

/*
 * The most specific pattern that matches: the exact one, else the longest wildcard; NULL: none.
 * table: in a program the inner hash map of `names`, natively a struct aeg_name_table.
 */
AEG_INLINE const struct aeg_dest *aeg_name_find(void *table, const struct aeg_name *name)
{
	__u32 border;

	return aeg_name_match(table, name, &border);
}

/*
 * Resolvers may answer a pod's first try, "huggingface.co.ml.svc.cluster.local", with the addresses of
 * huggingface.co (autopath). Search suffixes are rows of a table like that of names, where dest.class
 * is the number of labels in front that go too: "*.svc.cluster.local" with 1 cuts
 * ".ml.svc.cluster.local". Returns the length of the name in front, which the caller takes as a name
 * of its own; 0: the name does not end in one, or nothing is in front.
 */
AEG_INLINE __u32 aeg_name_search(void *table, const struct aeg_name *name)
{
	__u32 border = 0;
	const struct aeg_dest *suffix = aeg_name_match(table, name, &border);

	if (!suffix)
		return 0;
	border += suffix->class;
	if (border >= AEG_MEM(name->borders))
		return 0;
	return name->border[aeg_masked(border, AEG_NAME_BORDERS - 1)].at;
}

#ifndef __bpf__
/* ---- user space: the rows of a table ---- */

/*
 * Piece n of a canonical pattern ("hf.co", "*.hf.co"). 1: ret is filled; 0: the pattern has no piece
 * n. The caller must treat a key that is taken as an error, never overwrite (BPF_NOEXIST).
 */
AEG_INLINE int aeg_name_row_make(const char *pattern, __u32 n, const struct aeg_dest *dest,
				 const struct aeg_seed *seed, struct aeg_name_row *ret)
{
	__u64 hash = seed->basis;
	__u32 len;

	if (pattern[0] == '*')
		pattern++;
	len = (__u32)strlen(pattern);
	if (n * AEG_NAME_PIECE >= len)
		return 0;
	for (__u32 i = len; i > 0; i--)
		hash = (hash ^ (__u8)pattern[i - 1]) * seed->factor;
	*ret = (struct aeg_name_row){.key = aeg_name_key(hash, n)};
	ret->entry.dest = *dest;
	ret->entry.len = (__u16)len;
	ret->entry.piece = (__u16)n;
	for (__u32 i = 0; i < AEG_NAME_PIECE && n * AEG_NAME_PIECE + i < len; i++)
		ret->entry.text[i] = (__u8)pattern[n * AEG_NAME_PIECE + i];
	return 1;
}
#endif

#endif
