/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Where DNS answers are read: skb_ingress is attached at the cgroups whose answers matter, since every
 * packet of everybody below pays for it. One that cannot be attached teaches nothing.
 */
#include "datapath/internal.h"

/*
 * Whom no policy selects and the default just lets through, nothing is decided for by a name. Where it
 * does not, an address that is not learned would count as one that nobody governs.
 */
static bool needs_answers(bool everyone, const struct aeg_ident_row *row)
{
	return row->path && (row->ident.flags & AEG_IDENT_SELECTED || everyone);
}

void aeg_listeners_prepare(struct aeg_datapath *datapath, const struct aeg_generation *generation,
			   struct aeg_places *ret)
{
	datapath->everyone_listens = generation->settings.unselected != AEG_VERDICT_ALLOWED;
	for (size_t i = 0; i < generation->nidents; i++) {
		const struct aeg_ident_row *row = &generation->idents[i];

		if (needs_answers(datapath->everyone_listens, row))
			aeg_places_add(ret, row->cgroup, row->path);
	}
	aeg_places_prepare(datapath, &datapath->listeners, ret);
}

void aeg_listener_prepare(struct aeg_datapath *datapath, const struct aeg_ident_row *row)
{
	if (needs_answers(datapath->everyone_listens, row))
		aeg_place_prepare(datapath, &datapath->listeners, row->cgroup, row->path);
}

void aeg_listener_take(struct aeg_datapath *datapath, const struct aeg_ident_row *row)
{
	if (needs_answers(datapath->everyone_listens, row))
		aeg_place_take(datapath, &datapath->listeners, row->path);
	else
		aeg_place_forget(datapath, &datapath->listeners, row->cgroup);
}

void aeg_datapath_listeners(const struct aeg_datapath *datapath, size_t *ret_attached,
			    size_t *ret_failed)
{
	aeg_places_count(&datapath->listeners, ret_attached, ret_failed);
}

size_t aeg_datapath_retry_listeners(struct aeg_datapath *datapath, aeg_listener_fn *fn, void *arg)
{
	return aeg_places_retry(datapath, &datapath->listeners, fn, arg);
}
