/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Check first with nothing touched; then files, each with its former content kept; then an ordinary
 * reload. Whatever fails after the first file is written puts all files back.
 */
#include "daemon/apply.h"
#include "base/log.h"
#include "daemon/applied.h"
#include "daemon/documents.h"

#include <errno.h>

#define COMPONENT "apply"

struct change { /* what is to be done, for all functions below */
	struct aeg_reconciler *reconciler;
	struct aeg_overlay overlay;
	struct aeg_apply *apply;
};

void aeg_apply_done(struct aeg_apply *apply)
{
	for (size_t i = 0; i < apply->items.n; i++) {
		struct aeg_apply_item *item = &apply->items.items[i];

		free(item->kind);
		free(item->ns);
		free(item->name);
		free(item->path);
	}
	AEG_VEC_DONE(apply->items);
	aeg_diags_done(&apply->diags);
	aeg_buf_done(&apply->error);
}

/* ---- what the body holds ---- */

struct collector {
	const struct change *change;
	const struct aeg_slices *slices;
};

static void collect(void *arg, const struct aeg_object *object)
{
	const struct collector *collector = arg;
	const struct aeg_config *config = collector->change->reconciler->config;
	const struct aeg_slice *slice = aeg_slices_at(collector->slices, object->pos.line);
	struct aeg_apply_item *item = AEG_VEC_PUSH(collector->change->apply->items);

	*item = (struct aeg_apply_item){
		.kind = aeg_xstrdup(object->kind),
		.ns = object->ns ? aeg_xstrdup(object->ns) : NULL,
		.name = aeg_xstrdup(object->name),
		.path = aeg_applied_path(config, object->kind, object->ns, object->name),
		.text = slice->text,
		.len = slice->len,
	};
	if (aeg_applied_same(item->path, item->text, item->len))
		item->action = "unchanged";
	else
		item->action = access(item->path, F_OK) == 0 ? "configured" : "created";
}

static enum aeg_apply_result read_body(struct change *change)
{
	const struct aeg_overlay *overlay = &change->overlay;
	struct aeg_model *model = aeg_model_new();
	struct aeg_slices slices;
	struct collector collector = {change, &slices};
	struct aeg_apply *apply = change->apply;

	aeg_slices_cut(overlay->text, overlay->len, &slices);
	aeg_model_add_text(model, overlay->file, overlay->text, overlay->len, &apply->diags);
	if (!apply->diags.nerrors)
		aeg_objects_each(model, collect, &collector);
	aeg_slices_done(&slices);
	aeg_model_free(model);
	if (!apply->diags.nerrors && apply->items.n)
		return AEG_APPLY_OK;
	aeg_buf_puts(&apply->error, apply->diags.nerrors ? "the documents have mistakes"
							 : "there is no document in the body");
	return AEG_APPLY_INVALID;
}

/* An object of a configured file is the file's owner's: two places for one object would disagree. */
static enum aeg_apply_result check_owner(const struct change *change, const char *kind,
					 const char *ns, const char *name)
{
	const struct aeg_reconciler *reconciler = change->reconciler;
	struct aeg_object object;

	if (!reconciler->ruleset ||
	    !aeg_object_find(reconciler->ruleset->model, kind, ns, name, &object) ||
	    aeg_applied_owns(reconciler->config, object.pos.file))
		return AEG_APPLY_OK;
	aeg_buf_printf(&change->apply->error, "%s '%s%s%s' comes from %s:%u: edit that file",
		       object.kind, ns ? ns : "", ns && *ns ? "/" : "", name, object.pos.file,
		       object.pos.line);
	return AEG_APPLY_CONFLICT;
}

static enum aeg_apply_result check_owners(const struct change *change)
{
	enum aeg_apply_result result = AEG_APPLY_OK;

	for (size_t i = 0; i < change->apply->items.n && result == AEG_APPLY_OK; i++) {
		const struct aeg_apply_item *item = &change->apply->items.items[i];

		result = check_owner(change, item->kind, item->ns, item->name);
	}
	return result;
}

/* ---- check, keep, put in force ---- */

/* Numbers of the trial are thrown away: they are given out for good when it becomes true. */
static enum aeg_apply_result check_whole(struct change *change)
{
	struct aeg_apply *apply = change->apply;
	struct aeg_numbers numbers = {0};
	struct aeg_tables *tables = NULL;
	struct aeg_model *model;
	int err;

	aeg_diags_done(&apply->diags);
	apply->diags = (struct aeg_diags){0};
	err = aeg_ruleset_read(change->reconciler->config, change->reconciler->cluster,
			       &change->overlay, &apply->diags, &model);
	if (!err)
		err = aeg_compile_documents(model, &numbers, &apply->diags, &tables);
	if (err)
		aeg_buf_puts(&apply->error, "the whole set of documents would not check");
	aeg_tables_free(tables);
	aeg_model_free(model);
	aeg_numbers_done(&numbers);
	return err ? AEG_APPLY_INVALID : AEG_APPLY_OK;
}

static bool nothing_changes(const struct aeg_apply *apply)
{
	for (size_t i = 0; i < apply->items.n; i++) {
		if (!aeg_streq(apply->items.items[i].action, "unchanged"))
			return false;
	}
	return true;
}

static int put_files(const struct change *change, struct aeg_applied_changes *changes)
{
	struct aeg_apply *apply = change->apply;
	int err = 0;

	for (size_t i = 0; i < apply->items.n && !err; i++) {
		const struct aeg_apply_item *item = &apply->items.items[i];

		err = aeg_applied_put(changes, item->path, item->text, item->len);
		if (err)
			aeg_buf_printf(&apply->error, "'%s' cannot be written: %s", item->path,
				       strerror(-err));
	}
	return err;
}

static void put_back(const struct change *change, struct aeg_applied_changes *changes)
{
	int err = aeg_applied_revert(changes);

	if (err)
		aeg_log(AEG_LOG_ERROR, COMPONENT, "files in '%s/applied' cannot be put back: %s",
			change->reconciler->config->state_dir, strerror(-err));
	aeg_reconciler_reload(change->reconciler, &change->apply->cause);
}

static enum aeg_apply_result commit(const struct change *change)
{
	struct aeg_reconciler *reconciler = change->reconciler;
	struct aeg_applied_changes changes = {0};
	enum aeg_apply_result result = AEG_APPLY_OK;

	if (put_files(change, &changes)) {
		result = AEG_APPLY_FAILED;
		if (changes.list.n)
			put_back(change, &changes);
	} else if (aeg_reconciler_reload(reconciler, &change->apply->cause)) {
		result = AEG_APPLY_FAILED;
		aeg_buf_printf(&change->apply->error, "it cannot be put in force: %s",
			       reconciler->last.text);
		put_back(change, &changes);
	}
	aeg_applied_changes_done(&changes);
	return result;
}

enum aeg_apply_result aeg_apply_body(struct aeg_reconciler *reconciler, const char *file,
				     const char *text, size_t len, bool dry_run,
				     struct aeg_apply *ret)
{
	struct aeg_strings replaced = {0};
	struct change change = {
		.reconciler = reconciler,
		.overlay = {.file = file, .text = text, .len = len, .without = &replaced},
		.apply = ret,
	};
	enum aeg_apply_result result = read_body(&change);

	if (result == AEG_APPLY_OK)
		result = check_owners(&change);
	for (size_t i = 0; i < ret->items.n; i++)
		*AEG_VEC_PUSH(replaced.list) = ret->items.items[i].path;
	if (result == AEG_APPLY_OK)
		result = check_whole(&change);
	AEG_VEC_DONE(replaced.list);
	if (result != AEG_APPLY_OK || dry_run || nothing_changes(ret))
		return result;
	return commit(&change);
}

/* ---- delete ---- */

static enum aeg_apply_result find_applied(const struct change *change, const char *kind,
					  const char *ns, const char *name)
{
	struct aeg_apply *apply = change->apply;
	struct aeg_apply_item item = {
		.path = aeg_applied_path(change->reconciler->config, kind, ns, name),
		.kind = aeg_xstrdup(kind),
		.ns = ns && *ns ? aeg_xstrdup(ns) : NULL,
		.name = aeg_xstrdup(name),
		.action = "deleted",
	};
	const struct aeg_ruleset *ruleset = change->reconciler->ruleset;
	enum aeg_apply_result result = check_owner(change, kind, ns, name);
	struct aeg_object object;

	if (ruleset && aeg_object_find(ruleset->model, kind, ns, name, &object)) {
		free(item.kind);
		item.kind = aeg_xstrdup(object.kind); /* spelt as documents spell it */
	}
	*AEG_VEC_PUSH(apply->items) = item;
	if (result != AEG_APPLY_OK || (item.path && access(item.path, F_OK) == 0))
		return result;
	aeg_buf_printf(&apply->error, "there is no %s '%s%s%s'", kind, ns ? ns : "",
		       ns && *ns ? "/" : "", name);
	return AEG_APPLY_NOT_FOUND;
}

enum aeg_apply_result aeg_apply_delete(struct aeg_reconciler *reconciler, const char *kind,
				       const char *ns, const char *name, struct aeg_apply *ret)
{
	struct aeg_strings without = {0};
	struct change change = {
		.reconciler = reconciler,
		.overlay = {.without = &without},
		.apply = ret,
	};
	enum aeg_apply_result result = find_applied(&change, kind, ns, name);

	if (result != AEG_APPLY_OK)
		return result;
	*AEG_VEC_PUSH(without.list) = ret->items.items[0].path;
	result = check_whole(&change);
	AEG_VEC_DONE(without.list);
	return result == AEG_APPLY_OK ? commit(&change) : result;
}
