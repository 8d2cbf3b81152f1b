/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside observe/ only: the files of the audit log as files. A write happens whole or not at all;
 * what a crash tore is cut off when the file is opened again.
 */
#ifndef AEG_OBSERVE_AUDIT_FILE_H
#define AEG_OBSERVE_AUDIT_FILE_H

#include "observe/chain.h"
#include "observe/rotate.h"
#include <sys/types.h>

struct aeg_audit_scan { /* what a file holds */
	uint64_t first; /* number of the first record; 0: there is none */
	struct aeg_link last;
	uint64_t good;	/* bytes up to the end of the last record */
	uint64_t bytes; /* all of them */
	bool differs;	/* the record with the number that was asked about has another hash */
};
/* known: a record to look for; its hash is compared when it is there. */
int aeg_audit_scan(const char *path, const struct aeg_link *known, struct aeg_audit_scan *ret);

struct aeg_segments {
	AEG_VEC(struct aeg_segment) list; /* sorted */
};
/* The closed files of a directory. */
int aeg_segments_read(const char *path, struct aeg_segments *ret);

struct aeg_audit_file { /* the one being written */
	char *dir, *path;
	mode_t mode;
	int fd;
	uint64_t size;
	uint64_t first;	  /* number of its first record; 0: empty */
	uint64_t born_ns; /* CLOCK_REALTIME */
	bool torn;	  /* bytes behind `size` could not be cut off yet */
};

/* Makes the directory; group NULL or unknown: its files belong to the daemon's group. */
int aeg_audit_dir_make(const char *dir, const char *group, mode_t mode);
/* Opens or makes it. good: where the next record goes; what is behind is cut off. first: number of
 * the first record in it, 0: none. */
int aeg_audit_file_open(struct aeg_audit_file *file, uint64_t good, uint64_t first);
/* Moves it away, as something that is no audit log. */
int aeg_audit_file_set_aside(const struct aeg_audit_file *file, uint64_t realtime_ns);
void aeg_audit_file_close(struct aeg_audit_file *file);
/* Whether the path leads to the open file; it does not when somebody moved or removed that. */
bool aeg_audit_file_in_place(const struct aeg_audit_file *file);
int aeg_audit_file_append(struct aeg_audit_file *file, const char *data, size_t len);
/* Renames it into a segment and closes it. */
int aeg_audit_file_retire(struct aeg_audit_file *file, uint64_t realtime_ns);
/* Writes DIR/NAME.gz in place of DIR/NAME; blocks. One at a time. */
int aeg_segment_compress(const char *dir, const char *name, mode_t mode);

#endif
