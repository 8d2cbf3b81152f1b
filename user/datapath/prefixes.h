/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Turns address rows into what the search of bpf/prefix.h runs on: nets, markers, trees of lengths. */
#ifndef AEG_DATAPATH_PREFIXES_H
#define AEG_DATAPATH_PREFIXES_H

#include "policy/tables.h"

struct aeg_prefix_row {
	struct aeg_prefix net;
	struct aeg_dest dest;
};

struct aeg_prefixes {
	AEG_VEC(struct aeg_prefix_row) rows; /* every net once */
	struct aeg_lengths lengths;
};

/* rows in any order; -EINVAL: a prefix longer than 128, -EEXIST: a net twice. */
int aeg_prefixes_build(const struct aeg_addr_row *rows, size_t n, struct aeg_prefixes *ret);
void aeg_prefixes_done(struct aeg_prefixes *prefixes);

#endif
