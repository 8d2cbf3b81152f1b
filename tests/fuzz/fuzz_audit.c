// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Lines of an audit log that somebody else may have written: their seals are parsed, the chain follows
 * them, and each is exported. What was sealed is found whole, and with any one byte changed it is not.
 */
#include "observe/audit_head.h"
#include "observe/chain.h"
#include "observe/export.h"
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void export_everywhere(const char *line, size_t len)
{
	for (enum aeg_export_format format = AEG_EXPORT_NATIVE; format <= AEG_EXPORT_CEF;
	     format++) {
		AEG_CLEANUP(aeg_buf_done) struct aeg_buf out = {0};

		if (!aeg_export(format, line, len, &out))
			require(out.len == 0);
		else if (format != AEG_EXPORT_NATIVE) /* one record is one line, whatever it says */
			require(!memchr(out.data, '\n', out.len));
	}
}

static void follow_all(const char *text, size_t size)
{
	struct aeg_chain chain;
	const char *end = text + size;

	aeg_chain_init(&chain, NULL, 0);
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t len = (size_t)((newline ? newline : end) - text);
		struct aeg_link link;
		bool sealed = aeg_link_parse(text, len, &link);

		require((aeg_chain_follow(&chain, text, len) != AEG_CHAIN_NO_RECORD) == sealed);
		require(!sealed || chain.last.n == link.n);
		export_everywhere(text, len);
		text += len + (newline != NULL);
	}
}

/* The first byte says which byte of the line is changed. */
static void seal_and_break(const char *object, size_t len, uint8_t where)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf line = {0};
	struct aeg_chain chain;

	aeg_chain_init(&chain, "0123456789abcdef", 16);
	aeg_chain_seal(&chain, object, len, &line);
	line.len--; /* the newline */
	aeg_chain_init(&chain, "0123456789abcdef", 16);
	require(aeg_chain_follow(&chain, line.data, line.len) == AEG_CHAIN_OK);
	line.data[where * (line.len - 1) / UINT8_MAX] ^= 1;
	aeg_chain_init(&chain, "0123456789abcdef", 16);
	require(aeg_chain_follow(&chain, line.data, line.len) != AEG_CHAIN_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AEG_AUTO_FREE char *text = aeg_xstrndup((const char *)data, size);
	struct aeg_link link;

	if (!size)
		return 0;
	follow_all(text, strlen(text));
	(void)aeg_link_from_text(text, &link);
	if (text[0] == '{' && text[strlen(text) - 1] == '}' && strlen(text) > 2 &&
	    !strchr(text, '\n'))
		seal_and_break(text, strlen(text), data[size / 2]);
	return 0;
}
