/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Compiled policies for tests. */
#include "util_policy.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

void scene_make(const char *text, struct scene *ret)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};

	*ret = (struct scene){.model = model_of(text)};
	if (aeg_compile(ret->model, &ret->numbers, &ret->tables, &error) < 0)
		fail_msg("%s", aeg_buf_text(&error));
}

void scene_done(struct scene *scene)
{
	aeg_tables_free(scene->tables);
	aeg_numbers_done(&scene->numbers);
	aeg_model_free(scene->model);
	*scene = (struct scene){0};
}

uint32_t scene_profile(struct scene *scene, const char *service_account, uint32_t *ret_flags)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
	struct aeg_subject subject = {.ns = "ns", .service_account = service_account};
	uint32_t profile = 0, flags = 0;

	assert_int_equal(aeg_compile_profile(scene->tables, &subject, &profile, &flags, &error), 0);
	if (ret_flags)
		*ret_flags = flags;
	return profile;
}

const struct aeg_dest *scene_addr(const struct scene *scene, const char *addr)
{
	const struct aeg_dest *dest;
	struct aeg_addr parsed;

	assert_int_equal(aeg_addr_parse(addr, &parsed), 0);
	dest = aeg_tables_addr(scene->tables, &parsed);
	assert_non_null(dest);
	return dest;
}

const struct aeg_dest *scene_name(const struct scene *scene, const char *host)
{
	const struct aeg_dest *dest = aeg_tables_name(scene->tables, host);

	assert_non_null(dest);
	return dest;
}

static void put_answer(const struct scene *scene, const struct aeg_answer *answer,
		       struct aeg_buf *ret)
{
	if (answer->verdict == AEG_VERDICT_NONE) {
		assert_int_equal(answer->rule, 0);
		aeg_buf_putc(ret, '-');
		return;
	}
	assert_int_equal(answer->reason, answer->verdict == AEG_VERDICT_DENIED
						 ? AEG_REASON_DENY_RULE
						 : AEG_REASON_RULE);
	aeg_buf_printf(ret, "%s %s", aeg_verdict_word(answer->verdict),
		       aeg_numbers_text(&scene->numbers, answer->rule));
}

static uint8_t proto_of(const char *word)
{
	if (aeg_streq(word, "/tcp"))
		return AEG_PROTO_TCP;
	return aeg_streq(word, "/udp") ? AEG_PROTO_UDP : 132;
}

const char *scene_cell(struct scene *scene, uint32_t profile, const struct aeg_dest *dest,
		       const char *port)
{
	static char text[256];
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf answers = {0};
	char *proto;
	uint16_t number = (uint16_t)strtoul(port, &proto, 10);
	const struct aeg_cell *cell =
		aeg_tables_cell(scene->tables, profile, dest->class, proto_of(proto), number);

	if (!cell)
		return "-";
	put_answer(scene, &cell->enforce, &answers);
	aeg_buf_puts(&answers, " | ");
	put_answer(scene, &cell->all, &answers);
	snprintf(text, sizeof(text), "%s", aeg_buf_text(&answers));
	return text;
}
