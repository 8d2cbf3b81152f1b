/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Why a call went wrong, in one line: what struct aeg_kube_ops.done() is told, read. */
#ifndef AEG_KUBE_COMPLAINT_H
#define AEG_KUBE_COMPLAINT_H

/* "HTTP 403: pods is forbidden: …" out of a Status object, else the bare status; 0: the error itself.
 * Caller frees. */
char *aeg_kube_complaint(long status, const char *error);

#endif
