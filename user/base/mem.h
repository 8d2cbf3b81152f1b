/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Memory and descriptors that clean up after themselves. Allocation never fails here: a daemon that
 * is out of memory stops with a message, and the pinned kernel programs go on enforcing.
 */
#ifndef AEG_BASE_MEM_H
#define AEG_BASE_MEM_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AEG_ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define AEG_PRINTF(text, args) __attribute__((format(printf, text, args)))

/* Runs fn(&variable) when the variable leaves its scope. */
#define AEG_CLEANUP(fn) __attribute__((cleanup(fn)))
#define AEG_AUTO_FREE AEG_CLEANUP(aeg_freep)
#define AEG_AUTO_CLOSE AEG_CLEANUP(aeg_closep)

/* Moves a value out of a variable that would otherwise be cleaned up. */
#define AEG_TAKE_PTR(p)                                                                            \
	__extension__({                                                                            \
		__typeof__(p) taken_ = (p);                                                        \
		(p) = NULL;                                                                        \
		taken_;                                                                            \
	})
#define AEG_TAKE_FD(fd)                                                                            \
	__extension__({                                                                            \
		int taken_ = (fd);                                                                 \
		(fd) = -1;                                                                         \
		taken_;                                                                            \
	})

void *aeg_xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *aeg_xrealloc(void *p, size_t n, size_t size) __attribute__((returns_nonnull));
char *aeg_xstrdup(const char *text) __attribute__((malloc, returns_nonnull, nonnull));
char *aeg_xstrndup(const char *text, size_t max) __attribute__((malloc, returns_nonnull, nonnull));
char *aeg_xasprintf(const char *format, ...) AEG_PRINTF(1, 2) __attribute__((returns_nonnull));

static inline void aeg_freep(void *p)
{
	free(*(void **)p);
}

static inline void aeg_closep(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline int aeg_streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/*
 * Growable arrays: AEG_VEC(struct x) xs = {0}; struct x *x = AEG_VEC_PUSH(xs); ...; AEG_VEC_DONE(xs).
 * A pushed element is zeroed; pointers to elements die with the next push.
 */
#define AEG_VEC(type)                                                                              \
	struct {                                                                                   \
		type *items;                                                                       \
		size_t n, cap;                                                                     \
	}
#define AEG_VEC_PUSH(vec)                                                                          \
	(aeg_vec_grow((void **)&(vec).items, &(vec).n, &(vec).cap, sizeof(*(vec).items)),          \
	 &(vec).items[(vec).n - 1])
#define AEG_VEC_DONE(vec)                                                                          \
	do {                                                                                       \
		free((vec).items);                                                                 \
		(vec).items = NULL;                                                                \
		(vec).n = (vec).cap = 0;                                                           \
	} while (0)

/* Makes room for one more zeroed element and counts it. */
void aeg_vec_grow(void **items, size_t *n, size_t *cap, size_t size);

#endif
