/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which denials become Events: one a pod and endpoint, then one more word of it when ten minutes have
 * passed and it still goes on. Pure. Bounded: of too many the one that was quiet the longest is
 * forgotten.
 */
#ifndef AEG_KUBE_NOTICES_H
#define AEG_KUBE_NOTICES_H

#include <stdint.h>

#define AEG_NOTICE_PERIOD_NS (600 * 1000000000ull)

struct aeg_notice {
	char *uid, *endpoint; /* NULL: free */
	char *event; /* what the Event is called; NULL: there is none yet. The caller's to set */
	uint64_t count, first_ns, last_ns, told_ns;
};

struct aeg_notices;

enum aeg_notice_act {
	AEG_NOTICE_KEEP,   /* it was told of not long ago */
	AEG_NOTICE_CREATE, /* a new Event */
	AEG_NOTICE_REPEAT, /* the Event that there is goes on */
};

struct aeg_notices *aeg_notices_new(void);
void aeg_notices_free(struct aeg_notices *notices);
/* So many denials more. Who tells of it says so with aeg_notice_told(); else it is due again next time. */
enum aeg_notice_act aeg_notices_seen(struct aeg_notices *notices, const char *uid,
				     const char *endpoint, uint64_t count, uint64_t now_ns,
				     struct aeg_notice **ret);
void aeg_notice_told(struct aeg_notice *notice, uint64_t now_ns);
/* Its Event could not be written, or is gone: the next denial makes a new one. */
void aeg_notices_forget(struct aeg_notices *notices, const char *uid, const char *endpoint);

#endif
