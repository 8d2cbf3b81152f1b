// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Any bytes as a watch of the API server, cut anyhow: lines are the same whatever the cuts, and what is read
 * out of an object is fit for a path and a label.
 */
#include "kube/lease.h"
#include "kube/objects.h"
#include "kube/splitter.h"
#include "kube/status.h"
#include "policy/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINE_MAX 4096

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void read_pod(json_t *object)
{
	struct aeg_workload *pod = aeg_kube_pod(object);

	if (!pod)
		return;
	require(pod->uid && pod->pod && pod->service_account);
	require(aeg_word_is_valid(AEG_WORD_NAME, pod->ns));
	require(aeg_word_is_valid(AEG_WORD_NAME, pod->name));
	for (size_t i = 0; i < pod->labels.list.n; i++)
		require(aeg_word_is_valid(AEG_WORD_LABEL_KEY, pod->labels.list.items[i].key));
	aeg_workload_free(pod);
}

/* Whatever the status is now: after the patch there is nothing to patch. */
static void read_document(json_t *object)
{
	const struct aeg_status status = {.generation = 1, .nodes_enforced = 1, .nodes_total = 2};
	struct aeg_kube_document document;
	json_t *patch, *again;

	if (!aeg_kube_document(object, &document))
		return;
	patch = aeg_status_patch(&status, document.status, 1);
	again = patch ? aeg_status_patch(&status, json_object_get(patch, "status"), 2) : NULL;
	require(!again);
	json_decref(patch);
	aeg_kube_document_done(&document);
}

static int on_line(void *arg, const char *line, size_t len)
{
	json_t *object = json_loadb(line, len, 0, NULL);
	struct aeg_namespace *ns = aeg_kube_namespace(object);
	struct aeg_report report;
	AEG_AUTO_FREE char *text = aeg_xstrndup(line, len);

	aeg_buf_add(arg, line, len);
	aeg_buf_putc(arg, '\n');
	read_pod(object);
	read_document(object);
	aeg_namespace_free(ns);
	aeg_report_read(text, &report);
	aeg_report_done(&report);
	json_decref(object);
	return 0;
}

static int feed(const uint8_t *data, size_t size, size_t step, struct aeg_buf *ret)
{
	struct aeg_splitter splitter = {.max = LINE_MAX};
	int err = 0;

	for (size_t at = 0; at < size && !err; at += step)
		err = aeg_splitter_feed(&splitter, (const char *)data + at,
					size - at < step ? size - at : step, on_line, ret);
	aeg_splitter_done(&splitter);
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct aeg_buf whole = {0}, pieces = {0};
	int err = feed(data, size, size + !size, &whole);

	require(feed(data, size, 1 + (size ? data[0] % 64 : 0), &pieces) == err);
	require(strcmp(aeg_buf_text(&whole), aeg_buf_text(&pieces)) == 0);
	aeg_buf_done(&whole);
	aeg_buf_done(&pieces);
	return 0;
}
