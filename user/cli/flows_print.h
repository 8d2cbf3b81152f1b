/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A flow record as a line for people. */
#ifndef AEG_CLI_FLOWS_PRINT_H
#define AEG_CLI_FLOWS_PRINT_H

#include <jansson.h>
#include <stdbool.h>

struct aeg_flow_format {
	bool colour;
	bool wide;    /* the date and the process, too */
	bool compact; /* no columns: workload > destination reason */
};

void aeg_flow_print(const struct aeg_flow_format *format, const json_t *flow);

#endif
