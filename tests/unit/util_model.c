/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Models out of text; see the header. */
#include "util_model.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* The text is gone when this returns, so that nothing can go on borrowing from it. */
static int read_and_check(struct aeg_model *model, const char *text, struct aeg_diags *diags)
{
	AEG_AUTO_FREE char *file = aeg_xstrdup("f.yaml");
	AEG_AUTO_FREE char *copy = aeg_xstrdup(text);

	aeg_model_add_text(model, file, copy, strlen(copy), diags);
	return aeg_model_check(model, NOW_S, diags);
}

struct aeg_model *model_of(const char *text)
{
	struct aeg_model *model = aeg_model_new();
	struct aeg_diags diags = {0};

	if (read_and_check(model, text, &diags))
		fail_msg("%u:%u: %s", diags.list.items[0].line, diags.list.items[0].col,
			 diags.list.items[0].message);
	aeg_diags_done(&diags);
	return model;
}

static int compare_places(const void *a, const void *b)
{
	const struct aeg_diag *x = a, *y = b;

	return x->line != y->line ? (x->line > y->line) - (x->line < y->line)
				  : (x->col > y->col) - (x->col < y->col);
}

static char *text_of(struct aeg_diags *diags)
{
	struct aeg_buf text = {0};

	if (diags->list.n)
		qsort(diags->list.items, diags->list.n, sizeof(*diags->list.items), compare_places);
	for (size_t i = 0; i < diags->list.n; i++) {
		const struct aeg_diag *diag = &diags->list.items[i];

		aeg_buf_printf(&text, "%s%u:%u: %s%s", i ? "\n" : "", diag->line, diag->col,
			       diag->severity == AEG_WARNING_LEVEL ? "warning: " : "",
			       diag->message);
		if (diag->hint)
			aeg_buf_printf(&text, " (%s)", diag->hint);
	}
	aeg_buf_puts(&text, "");
	return aeg_buf_take(&text);
}

void assert_diags(const char *text, const char *expected)
{
	struct aeg_model *model = aeg_model_new();
	struct aeg_diags diags = {0};
	int result = read_and_check(model, text, &diags);
	AEG_AUTO_FREE char *found = text_of(&diags);

	assert_string_equal(found ? found : "", expected);
	assert_int_equal(result, diags.nerrors ? -22 : 0);
	aeg_diags_done(&diags);
	aeg_model_free(model);
}
