/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The kernel first, the file second: a disk that is full must not keep a stop from taking place. What
 * could not be kept is said, and holds until the next start.
 */
#include "daemon/quarantiner.h"
#include "base/file.h"
#include "base/log.h"
#include "daemon/instances.h"

#include <errno.h>

#define COMPONENT "quarantine"
#define FILE_MAX (1024 * 1024)

struct aeg_quarantiner {
	struct aeg_reconciler *reconciler;
	struct aeg_quarantines all;
	struct aeg_watch *timer;
	char *path, *trouble;
};

/* ---- telling the kernel ---- */

/* What it accepted, or opened before the programs were there, nothing would end otherwise. */
static void sweep(struct aeg_quarantiner *quarantiner, const struct aeg_instance *instance)
{
	uint32_t ended = 0;
	int err =
		aeg_datapath_sweep(quarantiner->reconciler->datapath, instance->cgroup.id, &ended);

	if (ended)
		aeg_log(AEG_LOG_INFO, COMPONENT, "cgroup '%s': %u more connections ended",
			instance->cgroup.path, ended);
	if (err && err != -ESRCH && err != -ENOENT)
		aeg_log(AEG_LOG_WARNING, COMPONENT,
			"cgroup '%s': nothing leaves, but what stands cannot be ended: %s",
			instance->cgroup.path, strerror(-err));
}

/* Once nothing more leaves. */
static void sweep_held(struct aeg_quarantiner *quarantiner, struct aeg_registry *registry)
{
	for (size_t i = 0; registry && i < aeg_registry_count(registry); i++) {
		const struct aeg_instance *instance = aeg_registry_at(registry, i);

		if (aeg_quarantiner_holds(quarantiner, instance->workload))
			sweep(quarantiner, instance);
	}
}

static size_t tell_kernel(struct aeg_quarantiner *quarantiner)
{
	struct aeg_reconciler *reconciler = quarantiner->reconciler;
	struct aeg_registry *registry = reconciler->ruleset ? reconciler->ruleset->registry : NULL;
	size_t held = 0;

	for (size_t i = 0; registry && i < aeg_registry_count(registry); i++) {
		const struct aeg_instance *instance = aeg_registry_at(registry, i);
		struct aeg_ident_row row = aeg_instance_row(reconciler, instance);
		int err = aeg_datapath_set_ident(reconciler->datapath, &row);

		held += (row.ident.flags & AEG_IDENT_QUARANTINED) != 0;
		if (err)
			aeg_reconciler_repair(reconciler, instance->cgroup.path, strerror(-err));
	}
	aeg_instances_revoke(reconciler);
	sweep_held(quarantiner, registry);
	return held;
}

static void tell_audit(const struct aeg_quarantiner *quarantiner, const char *event,
		       const struct aeg_cause *cause, const struct aeg_quarantine *quarantine)
{
	const struct aeg_change_watch *watch = &quarantiner->reconciler->watch;

	if (watch->quarantined)
		watch->quarantined(watch->arg, event, cause, quarantine);
}

/* ---- keeping ---- */

static int save(const struct aeg_quarantiner *quarantiner)
{
	struct aeg_buf text = {0};
	int err;

	aeg_quarantines_text(&quarantiner->all, &text);
	err = aeg_mkdir_p(quarantiner->reconciler->config->state_dir, 0700);
	if (!err)
		err = aeg_file_replace(quarantiner->path, text.data, text.len, 0600);
	aeg_buf_done(&text);
	if (err)
		aeg_log(AEG_LOG_ERROR, COMPONENT,
			"'%s' cannot be written, so a restart will not know: %s", quarantiner->path,
			strerror(-err));
	return err;
}

static void load(struct aeg_quarantiner *quarantiner)
{
	struct aeg_diags diags = {0};
	struct aeg_buf why = {0};
	char *text = NULL;
	size_t len = 0;
	int err = aeg_file_read(quarantiner->path, FILE_MAX, &text, &len);

	if (err == -ENOENT)
		return;
	if (err)
		aeg_buf_printf(&why, "'%s': %s", quarantiner->path, strerror(-err));
	else if (aeg_quarantines_parse(quarantiner->path, text, len, &diags, &quarantiner->all))
		aeg_diags_print(&diags, &why, false);
	if (why.len) {
		quarantiner->trouble = aeg_buf_take(&why);
		aeg_log(AEG_LOG_ERROR, COMPONENT, "not believed, and left as it is: %s",
			quarantiner->trouble);
	}
	aeg_diags_done(&diags);
	aeg_buf_done(&why);
	free(text);
}

static void arm(struct aeg_quarantiner *quarantiner)
{
	uint64_t next = aeg_quarantines_next(&quarantiner->all);

	if (next)
		aeg_alarm_set(quarantiner->timer, next);
	else
		aeg_timer_disarm(quarantiner->timer);
}

static void on_time(void *arg)
{
	static const struct aeg_cause cause = {.source = "expiry"};
	struct aeg_quarantiner *quarantiner = arg;
	struct aeg_quarantine ended;
	bool any = false;

	while (aeg_quarantines_expire(&quarantiner->all, aeg_realtime_s(), &ended)) {
		aeg_log(AEG_LOG_INFO, COMPONENT, "%s/%s: its time is up", ended.ns, ended.name);
		tell_audit(quarantiner, "release", &cause, &ended);
		aeg_quarantine_done(&ended);
		any = true;
	}
	if (any) {
		tell_kernel(quarantiner);
		save(quarantiner);
	}
	arm(quarantiner);
}

/* ---- what is asked for ---- */

int aeg_quarantiner_hold(struct aeg_quarantiner *quarantiner,
			 const struct aeg_quarantine *quarantine, const struct aeg_cause *cause,
			 size_t *ret_live)
{
	int err = quarantiner->trouble ? -EBADF
				       : aeg_quarantines_put(&quarantiner->all, quarantine);

	if (err)
		return err;
	*ret_live = tell_kernel(quarantiner);
	aeg_log(AEG_LOG_WARNING, COMPONENT, "%s/%s is quarantined by uid %u: %s", quarantine->ns,
		quarantine->name, (unsigned int)quarantine->by, quarantine->reason);
	tell_audit(quarantiner, "quarantine", cause, quarantine);
	arm(quarantiner);
	return save(quarantiner);
}

int aeg_quarantiner_release(struct aeg_quarantiner *quarantiner, const char *ns, const char *name,
			    const struct aeg_cause *cause)
{
	const struct aeg_quarantine released = {
		.ns = (char *)ns, .name = (char *)name, .reason = (char *)"", .by = cause->uid};

	if (quarantiner->trouble)
		return -EBADF;
	if (!aeg_quarantines_remove(&quarantiner->all, ns, name))
		return -ENOENT;
	tell_kernel(quarantiner);
	aeg_log(AEG_LOG_WARNING, COMPONENT, "%s/%s is released by uid %u", ns, name,
		(unsigned int)cause->uid);
	tell_audit(quarantiner, "release", cause, &released);
	arm(quarantiner);
	return save(quarantiner);
}

/* ---- state ---- */

const char *aeg_quarantiner_trouble(const struct aeg_quarantiner *quarantiner)
{
	return quarantiner->trouble;
}

const struct aeg_quarantines *aeg_quarantiner_all(const struct aeg_quarantiner *quarantiner)
{
	return &quarantiner->all;
}

bool aeg_quarantiner_holds(const struct aeg_quarantiner *quarantiner,
			   const struct aeg_workload *workload)
{
	return quarantiner && aeg_quarantines_find(&quarantiner->all, workload->ns, workload->name);
}

int aeg_quarantiner_open(struct aeg_reconciler *reconciler, struct aeg_loop *loop,
			 struct aeg_quarantiner **ret)
{
	struct aeg_quarantiner *quarantiner = aeg_xcalloc(1, sizeof(*quarantiner));
	int err = aeg_loop_alarm(loop, on_time, quarantiner, &quarantiner->timer);

	if (err) {
		free(quarantiner);
		return err;
	}
	quarantiner->reconciler = reconciler;
	quarantiner->path = aeg_xasprintf("%s/quarantine.json", reconciler->config->state_dir);
	load(quarantiner);
	arm(quarantiner);
	*ret = quarantiner;
	return 0;
}

void aeg_quarantiner_close(struct aeg_quarantiner *quarantiner)
{
	if (!quarantiner)
		return;
	aeg_watch_remove(quarantiner->timer);
	aeg_quarantines_done(&quarantiner->all);
	free(quarantiner->path);
	free(quarantiner->trouble);
	free(quarantiner);
}
