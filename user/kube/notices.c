/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Sets of a few places each, chosen by a hash: a flood of denials is looked up as fast as one. */
#include "kube/notices.h"
#include "base/mem.h"

#include <stdbool.h>

#define SETS 256
#define WAYS 4

struct aeg_notices {
	struct aeg_notice sets[SETS][WAYS];
};

struct aeg_notices *aeg_notices_new(void)
{
	return aeg_xcalloc(1, sizeof(struct aeg_notices));
}

static void forget(struct aeg_notice *notice)
{
	free(notice->uid);
	free(notice->endpoint);
	free(notice->event);
	*notice = (struct aeg_notice){0};
}

void aeg_notices_free(struct aeg_notices *notices)
{
	for (size_t i = 0; notices && i < SETS; i++)
		for (size_t j = 0; j < WAYS; j++)
			forget(&notices->sets[i][j]);
	free(notices);
}

/* FNV-1a. Whoever makes two of them collide only shortens his own memory. */
static uint32_t hash(uint32_t sum, const char *text)
{
	for (; *text; text++)
		sum = (sum ^ (uint8_t)*text) * 16777619u;
	return sum;
}

static struct aeg_notice *set_of(struct aeg_notices *notices, const char *uid, const char *endpoint)
{
	return notices->sets[hash(hash(2166136261u, uid), endpoint) % SETS];
}

/* NULL: nothing is known of it. */
static struct aeg_notice *find(struct aeg_notices *notices, const char *uid, const char *endpoint)
{
	struct aeg_notice *set = set_of(notices, uid, endpoint);

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].uid && aeg_streq(set[i].uid, uid) &&
		    aeg_streq(set[i].endpoint, endpoint))
			return &set[i];
	}
	return NULL;
}

static struct aeg_notice *add(struct aeg_notices *notices, const char *uid, const char *endpoint)
{
	struct aeg_notice *set = set_of(notices, uid, endpoint), *quiet = &set[0];

	for (size_t i = 1; i < WAYS; i++) {
		if (set[i].last_ns < quiet->last_ns)
			quiet = &set[i];
	}
	forget(quiet);
	quiet->uid = aeg_xstrdup(uid);
	quiet->endpoint = aeg_xstrdup(endpoint);
	return quiet;
}

enum aeg_notice_act aeg_notices_seen(struct aeg_notices *notices, const char *uid,
				     const char *endpoint, uint64_t count, uint64_t now_ns,
				     struct aeg_notice **ret)
{
	struct aeg_notice *notice = find(notices, uid, endpoint);

	if (!notice)
		notice = add(notices, uid, endpoint);
	if (!notice->count)
		notice->first_ns = now_ns;
	notice->count += count;
	notice->last_ns = now_ns;
	*ret = notice;
	if (notice->told_ns && now_ns - notice->told_ns < AEG_NOTICE_PERIOD_NS)
		return AEG_NOTICE_KEEP;
	return notice->event ? AEG_NOTICE_REPEAT : AEG_NOTICE_CREATE;
}

void aeg_notice_told(struct aeg_notice *notice, uint64_t now_ns)
{
	notice->told_ns = now_ns;
}

void aeg_notices_forget(struct aeg_notices *notices, const char *uid, const char *endpoint)
{
	struct aeg_notice *notice = find(notices, uid, endpoint);

	if (notice)
		forget(notice);
}
