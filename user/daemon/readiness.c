/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "daemon/readiness.h"
#include "daemon/quarantiner.h"

#define RING_FULL_PERCENT 90

struct verdict {
	bool ok;
	char *detail; /* owned */
};

static struct verdict check_tables(const struct aeg_daemon *daemon)
{
	uint64_t generation = aeg_datapath_generation(daemon->reconciler->datapath);

	if (!generation)
		return (struct verdict){false, aeg_xstrdup("no generation is in force")};
	return (struct verdict){true, aeg_xasprintf("generation %llu is in force",
						    (unsigned long long)generation)};
}

static struct verdict check_links(const struct aeg_daemon *daemon)
{
	const struct aeg_reconciler *reconciler = daemon->reconciler;

	if (reconciler->attached)
		return (struct verdict){true, aeg_xstrdup("the programs are attached")};
	if (reconciler->adopted)
		return (struct verdict){true, aeg_xstrdup("an earlier daemon's are attached")};
	return (struct verdict){false, aeg_xstrdup("the programs are not attached")};
}

/* This loop reads them fifty times a second: whoever asks sees them nearly empty, or nobody reads. */
static struct verdict check_rings(const struct aeg_daemon *daemon)
{
	struct aeg_map_fill rings[AEG_DATAPATH_RINGS];
	uint64_t fullest = 0;

	aeg_datapath_rings(daemon->reconciler->datapath, rings);
	for (size_t i = 0; i < AEG_DATAPATH_RINGS; i++) {
		uint64_t percent = rings[i].capacity ? rings[i].entries * 100 / rings[i].capacity
						     : 100;

		fullest = percent > fullest ? percent : fullest;
	}
	return (struct verdict){fullest < RING_FULL_PERCENT,
				aeg_xasprintf("%llu %% of the fuller ring is unread",
					      (unsigned long long)fullest)};
}

/* What was known stays in force meanwhile; but who asks for a node that follows the cluster must know. */
static struct verdict check_cluster(const struct aeg_daemon *daemon)
{
	const struct aeg_cluster *cluster = daemon->reconciler->cluster;
	char *trouble = aeg_cluster_trouble(cluster);

	if (trouble)
		return (struct verdict){false, trouble};
	return (struct verdict){true, aeg_xstrdup(cluster ? "the API server is followed"
							  : "no cluster is configured")};
}

static struct verdict check_quarantine(const struct aeg_daemon *daemon)
{
	const char *trouble = aeg_quarantiner_trouble(daemon->reconciler->quarantiner);

	return (struct verdict){!trouble, aeg_xstrdup(trouble ? trouble : "its file is good")};
}

static struct verdict check_documents(const struct aeg_daemon *daemon)
{
	const struct aeg_reload *last = &daemon->reconciler->last;

	if (last->ok)
		return (struct verdict){true, aeg_xstrdup("the last reload was good")};
	return (struct verdict){false, aeg_xasprintf("the last reload failed: %s",
						     last->text ? last->text : "not read yet")};
}

static const struct {
	const char *name;
	bool required;
	struct verdict (*fn)(const struct aeg_daemon *daemon);
} checks[] = {
	{"tables", true, check_tables},		{"links", true, check_links},
	{"rings", true, check_rings},		{"cluster", true, check_cluster},
	{"quarantine", true, check_quarantine}, {"documents", false, check_documents},
};

bool aeg_readiness(const struct aeg_daemon *daemon, struct aeg_json *json)
{
	bool ready = true;

	for (size_t i = 0; i < AEG_ARRAY_SIZE(checks); i++) {
		struct verdict verdict = checks[i].fn(daemon);

		if (json) {
			aeg_json_object(json, NULL);
			aeg_json_str(json, "name", checks[i].name);
			aeg_json_bool(json, "ok", verdict.ok);
			aeg_json_bool(json, "required", checks[i].required);
			aeg_json_str(json, "detail", verdict.detail);
			aeg_json_object_end(json);
		}
		free(verdict.detail);
		ready &= verdict.ok || !checks[i].required;
	}
	return ready;
}
