/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The API's Unix socket as a file: who may open it, and whether somebody else already listens. */
#ifndef AEG_DAEMON_SOCKET_H
#define AEG_DAEMON_SOCKET_H

#include "base/buf.h"

/*
 * Listens at path with mode 0660 for the group (left as it is when the group does not exist). A
 * socket that nobody answers on is replaced; -EADDRINUSE when somebody does. A sentence on error.
 */
int aeg_socket_listen(const char *path, const char *group, struct aeg_buf *error, int *ret);

#endif
