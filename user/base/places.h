/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Where things are unless somebody says otherwise; the daemon and the CLI look in the same places. */
#ifndef AEG_BASE_PLACES_H
#define AEG_BASE_PLACES_H

#define AEG_PLACE_POLICIES "/etc/aegress/policies"
#define AEG_PLACE_WORKLOADS "/etc/aegress/workloads"

/* The installed catalogue: the administrator's own goes before the distribution's. Static. */
const char *aeg_place_catalogue(void);

#endif
