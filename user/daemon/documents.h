/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The text of each document of a YAML stream, byte for byte, and the objects of a model. */
#ifndef AEG_DAEMON_DOCUMENTS_H
#define AEG_DAEMON_DOCUMENTS_H

#include "policy/model.h"

struct aeg_slice {
	const char *text; /* borrowed */
	size_t len;
	unsigned int first_line, last_line; /* 1-based, in the whole text */
};
struct aeg_slices {
	AEG_VEC(struct aeg_slice) list;
};

/* Cuts at lines that begin with the markers "---" and "...", which no document can contain. */
void aeg_slices_cut(const char *text, size_t len, struct aeg_slices *ret);
/* The slice that holds a line. Never NULL for a line of the text. */
const struct aeg_slice *aeg_slices_at(const struct aeg_slices *slices, unsigned int line);
void aeg_slices_done(struct aeg_slices *slices);

struct aeg_object {		      /* all borrowed from the model */
	const char *kind, *ns, *name; /* ns NULL: cluster-scoped */
	struct aeg_pos pos;
};
typedef void aeg_object_fn(void *arg, const struct aeg_object *object);
void aeg_objects_each(const struct aeg_model *model, aeg_object_fn *fn, void *arg);
/* kind without regard to case; ns NULL or "": cluster-scoped. */
bool aeg_object_find(const struct aeg_model *model, const char *kind, const char *ns,
		     const char *name, struct aeg_object *ret);

#endif
