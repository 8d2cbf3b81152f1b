/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The status page, and the snapshot that it draws. */
#ifndef AEG_DAEMON_PAGE_H
#define AEG_DAEMON_PAGE_H

#include "daemon/api.h"

/* A Content-Security-Policy that lets in the page's own style and script and nothing else. */
extern const char aeg_page_csp[];

aeg_route_fn aeg_page_html, aeg_page_status;

#endif
