/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Where the API server is and as whom to speak to it: a kubeconfig, or what every pod finds in its own
 * file system. Secrets stay in here: nothing prints this struct.
 */
#ifndef AEG_KUBE_ACCESS_H
#define AEG_KUBE_ACCESS_H

#include "base/buf.h"
#include <stdbool.h>

#define AEG_KUBE_ACCOUNT_DIR "/var/run/secrets/kubernetes.io/serviceaccount"

struct aeg_kube_blob { /* PEM; a file's path or the text itself, NULL: neither */
	char *file, *text;
};

struct aeg_kube_access {
	char *server; /* "https://10.96.0.1:443", no slash at its end */
	struct aeg_kube_blob ca, cert, key;
	char *token;	  /* NULL: token_file, or a certificate */
	char *token_file; /* read anew for every request: the kubelet replaces it */
};

/* kubeconfig NULL: that of the pod. -errno with a sentence. */
int aeg_kube_access_load(const char *kubeconfig, struct aeg_kube_access *ret,
			 struct aeg_buf *error);
void aeg_kube_access_done(struct aeg_kube_access *access);
/* "Bearer ..." or NULL where a certificate speaks; -errno with a sentence. Caller frees and wipes. */
int aeg_kube_access_bearer(const struct aeg_kube_access *access, char **ret, struct aeg_buf *error);

/* RFC 4648, white space is skipped; false: it is not base64. */
bool aeg_base64_decode(const char *text, struct aeg_buf *ret);

#endif
