// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Allocation that never returns NULL. The only place of the lower floors that prints: there is
 * nobody left to return the error to.
 */
#include "base/mem.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static void __attribute__((noreturn)) die_of_memory(void)
{
	static const char message[] = "aegress: out of memory\n";

	if (write(STDERR_FILENO, message, sizeof(message) - 1) < 0)
		_exit(ENOMEM); /* abort() says it by its core */
	abort();
}

void *aeg_xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		die_of_memory();
	return p;
}

void *aeg_xrealloc(void *p, size_t n, size_t size)
{
	size_t bytes;
	void *moved;

	if (__builtin_mul_overflow(n, size, &bytes))
		die_of_memory();
	moved = realloc(p, bytes ? bytes : 1);
	if (!moved)
		die_of_memory();
	return moved;
}

char *aeg_xstrdup(const char *text)
{
	return aeg_xstrndup(text, strlen(text));
}

char *aeg_xstrndup(const char *text, size_t max)
{
	char *copy = strndup(text, max);

	if (!copy)
		die_of_memory();
	return copy;
}

char *aeg_xasprintf(const char *format, ...)
{
	char *text = NULL;
	va_list args;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0)
		die_of_memory();
	return text;
}

void aeg_vec_grow(void **items, size_t *n, size_t *cap, size_t size)
{
	if (*n == *cap) {
		size_t wanted = *cap ? *cap * 2 : 4;

		*items = aeg_xrealloc(*items, wanted, size);
		*cap = wanted;
	}
	memset((char *)*items + *n * size, 0, size);
	++*n;
}
