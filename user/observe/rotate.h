/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Pure: when the audit log begins a new file, what the old one is called, and which are the oldest
 * that must go. A closed file's name holds the number of its first record and when that was closed:
 * audit-0000000000005001-20261120T155408Z.jsonl, with .gz once it is compressed.
 */
#ifndef AEG_OBSERVE_ROTATE_H
#define AEG_OBSERVE_ROTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AEG_AUDIT_CURRENT "audit.jsonl"
#define AEG_SEGMENT_TEXT 64

struct aeg_rotation {
	uint64_t bytes;	  /* of one file */
	uint64_t seconds; /* of age; 0: no limit */
	uint64_t total;	  /* bytes of all files */
};

struct aeg_segment { /* a closed file */
	char name[AEG_SEGMENT_TEXT];
	uint64_t first; /* number of its first record */
	uint64_t bytes;
	bool compressed;
};

/* Whether `more` bytes go into a new file. An empty one is never closed. */
bool aeg_rotation_due(const struct aeg_rotation *rotation, uint64_t bytes, uint64_t more,
		      uint64_t age_s);
void aeg_segment_name(uint64_t first, uint64_t realtime_ns, char ret[AEG_SEGMENT_TEXT]);
/* Fills name, first and compressed; false: the name is not one of ours. */
bool aeg_segment_parse(const char *name, struct aeg_segment *ret);
/* For qsort(): by first record; of a file and its compressed copy, the file first. */
int aeg_segment_compare(const void *a, const void *b);
/* How many of the sorted segments have to go, so that with `current` bytes the total is kept. */
size_t aeg_segments_expired(const struct aeg_rotation *rotation, const struct aeg_segment *segments,
			    size_t n, uint64_t current);

#endif
