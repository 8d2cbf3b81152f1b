/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "daemon/shares.h"

void aeg_shares_add(struct aeg_shares *shares, const struct aeg_share_key *key, uint64_t count)
{
	struct aeg_share share = {.workload = key->workload};

	if (key->side == AEG_SHARE_TAKEN)
		share.taken = count;
	else
		share.back = count;
	*AEG_VEC_PUSH(shares->list) = share;
}

static int compare(const void *a, const void *b)
{
	const struct aeg_share *x = a, *y = b;

	return (x->workload > y->workload) - (x->workload < y->workload);
}

void aeg_shares_sort(struct aeg_shares *shares)
{
	size_t n = 0;

	if (!shares->list.n)
		return;
	qsort(shares->list.items, shares->list.n, sizeof(*shares->list.items), compare);
	for (size_t i = 1; i < shares->list.n; i++) {
		const struct aeg_share *share = &shares->list.items[i];
		struct aeg_share *last = &shares->list.items[n];

		if (share->workload != last->workload) {
			shares->list.items[++n] = *share;
			continue;
		}
		last->taken += share->taken;
		last->back += share->back;
	}
	shares->list.n = n + 1;
}

static void add(void *arg, const struct aeg_share_key *key, uint64_t count)
{
	aeg_shares_add(arg, key, count);
}

int aeg_shares_read(struct aeg_datapath *datapath, struct aeg_shares *ret)
{
	int err = aeg_datapath_shares(datapath, add, ret);

	aeg_shares_sort(ret);
	return err;
}

void aeg_shares_done(struct aeg_shares *shares)
{
	AEG_VEC_DONE(shares->list);
}

struct aeg_share *aeg_shares_find(const struct aeg_shares *shares, uint32_t workload)
{
	const struct aeg_share key = {.workload = workload};

	if (!shares->list.n)
		return NULL;
	return bsearch(&key, shares->list.items, shares->list.n, sizeof(key), compare);
}

/* Given back may be more than was taken for a moment: see aeg_datapath_share_delete(). */
uint64_t aeg_share_used(const struct aeg_share *share)
{
	int64_t used = (int64_t)(share->taken - share->back);

	return used > 0 ? (uint64_t)used : 0;
}

uint64_t aeg_share_settle(const struct aeg_share *share, uint64_t later)
{
	return share->taken == later ? share->taken - share->alive : share->back + share->dead;
}

bool aeg_share_idle(const struct aeg_share *share, uint64_t later)
{
	return share->taken == later && !share->alive && !share->dead;
}
