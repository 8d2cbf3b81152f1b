/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What libbpf says: kept for the error sentence instead of printed. */
#include "datapath/internal.h"
#include <stdarg.h>
#include <stdio.h>

#define LINE_MAX_TEXT 512

static char first[LINE_MAX_TEXT]; /* the cause; what follows says what failed with it */
static bool show_log;

static bool is_verifier_log(const char *line)
{
	return strstr(line, "-- BEGIN PROG LOAD LOG --") != NULL;
}

static int AEG_PRINTF(2, 0) keep(enum libbpf_print_level level, const char *format, va_list args)
{
	char line[LINE_MAX_TEXT];
	va_list again;

	if (level != LIBBPF_WARN)
		return 0;
	va_copy(again, args);
	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	if (is_verifier_log(line)) {
		if (show_log)
			vfprintf(stderr, format, again);
	} else if (!first[0]) {
		memcpy(first, line, sizeof(first));
	}
	va_end(again);
	return 0;
}

void aeg_chatter_start(void)
{
	const char *wanted = getenv("AEGRESS_BPF_LOG");

	show_log = wanted && aeg_streq(wanted, "1");
	first[0] = '\0';
	libbpf_set_print(keep);
}

const char *aeg_chatter_first(void)
{
	const char *prefix = "libbpf: ";

	return strncmp(first, prefix, strlen(prefix)) == 0 ? first + strlen(prefix) : first;
}
