/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The status of one document of the policy language: what it should say, and whether it does. Pure. */
#ifndef AEG_KUBE_STATUS_H
#define AEG_KUBE_STATUS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct aeg_status {
	int64_t generation;
	const char *refused; /* why; NULL: nothing is wrong with it */
	const char *
		failed; /* why it is not in force all the same where this is written; NULL: it is */
	/* Of policies; nodes_total 0: an endpoint, which has no counts and is not enforced. */
	unsigned int pods, nodes_enforced, nodes_total;
};

/*
 * {"status": {…}}, a merge patch; NULL: what is there says so already. Times of conditions that did not
 * change stay what they are; conditions of others stay too.
 */
json_t *aeg_status_patch(const struct aeg_status *status, json_t *now, uint64_t now_ns);

#endif
