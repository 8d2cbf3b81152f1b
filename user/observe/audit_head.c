/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* {"n":7,"hash":"…","running":true} */
#include "observe/audit_head.h"
#include "base/file.h"
#include "base/json.h"
#include <errno.h>
#include <jansson.h>

#define FILE_MAX 4096
#define FILE_MODE 0600

static bool is_hash(const char *text)
{
	return text && strlen(text) == AEG_DIGEST_TEXT - 1 &&
	       strspn(text, "0123456789abcdef") == AEG_DIGEST_TEXT - 1;
}

static int parse(const char *text, size_t len, struct aeg_audit_head *ret)
{
	struct aeg_audit_head head = {0};
	json_int_t n = 0;
	const char *hash = NULL;
	int running = 1;
	json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	int err = -EBADMSG;

	if (json_unpack(json, "{s:I, s:s, s:b}", "n", &n, "hash", &hash, "running", &running) ==
		    0 &&
	    n >= 0 && is_hash(hash)) {
		head.link.n = (uint64_t)n;
		memcpy(head.link.hash, hash, sizeof(head.link.hash));
		head.running = running != 0;
		*ret = head;
		err = 0;
	}
	json_decref(json);
	return err;
}

int aeg_audit_head_read(const char *path, struct aeg_audit_head *ret)
{
	AEG_AUTO_FREE char *text = NULL;
	size_t len;
	int err = aeg_file_read(path, FILE_MAX, &text, &len);

	return err ? err : parse(text, len, ret);
}

int aeg_audit_head_write(const char *path, const struct aeg_audit_head *head)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf text = {0};
	struct aeg_json json;

	aeg_json_begin(&json, &text);
	aeg_json_object(&json, NULL);
	aeg_json_u64(&json, "n", head->link.n);
	aeg_json_str(&json, "hash", head->link.hash);
	aeg_json_bool(&json, "running", head->running);
	aeg_json_object_end(&json);
	aeg_buf_putc(&text, '\n');
	return aeg_file_replace(path, text.data, text.len, FILE_MODE);
}

bool aeg_link_from_text(const char *text, struct aeg_link *ret)
{
	size_t digits = strspn(text, "0123456789");
	struct aeg_link link = {0};

	if (!digits || digits > 18 || text[digits] != ':' || !is_hash(text + digits + 1))
		return false;
	link.n = strtoull(text, NULL, 10);
	memcpy(link.hash, text + digits + 1, sizeof(link.hash));
	*ret = link;
	return true;
}
