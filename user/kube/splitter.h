/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Cuts a stream that comes in pieces of any size into lines; what is longer than allowed is an error. */
#ifndef AEG_KUBE_SPLITTER_H
#define AEG_KUBE_SPLITTER_H

#include "base/buf.h"

struct aeg_splitter {
	struct aeg_buf rest; /* of a line whose end has not come yet */
	size_t max;
};

typedef int aeg_line_fn(void *arg, const char *line, size_t len); /* not 0: stop, and pass it on */
/* -EMSGSIZE for a line of more than max bytes. Lines are handed over without their newline. */
int aeg_splitter_feed(struct aeg_splitter *splitter, const char *data, size_t len, aeg_line_fn *fn,
		      void *arg);
void aeg_splitter_done(struct aeg_splitter *splitter);

#endif
