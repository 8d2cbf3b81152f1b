/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Host templates: text with holes. Never consults endpoints or rules, only what it is given. */
#include "policy/template.h"
#include "base/buf.h"
#include "policy/pattern.h"

static const struct {
	const char *placeholder, *key;
} holes[AEG_HOLE_MAX] = {
	[AEG_HOLE_ID] = {"{id}", "ids"},
	[AEG_HOLE_REGION] = {"{region}", "regions"},
	[AEG_HOLE_VENDOR] = {"{vendor}", "vendors"},
};

/* The hole that a label is, or AEG_HOLE_MAX for fixed text. */
static enum aeg_hole hole_of(const char *label, size_t len)
{
	enum aeg_hole hole;

	for (hole = 0; hole < AEG_HOLE_MAX; hole++)
		if (strlen(holes[hole].placeholder) == len &&
		    memcmp(label, holes[hole].placeholder, len) == 0)
			break;
	return hole;
}

static const char *next_label(const char *label)
{
	label += strcspn(label, ".");
	return *label ? label + 1 : NULL;
}

struct aeg_filling aeg_to_filling(const struct aeg_to *to)
{
	return (struct aeg_filling){{&to->ids, &to->regions, &to->vendors}};
}

bool aeg_filling_given(const struct aeg_filling *filling)
{
	for (size_t i = 0; i < AEG_HOLE_MAX; i++)
		if (filling->holes[i]->list.n)
			return true;
	return false;
}

/* Finds each placeholder once, as a whole label; the rest of the braces are a mistake. */
static char *check_labels(const char *text)
{
	unsigned int seen = 0;

	for (const char *label = text; label; label = next_label(label)) {
		size_t len = strcspn(label, ".");
		enum aeg_hole hole = hole_of(label, len);

		if (hole == AEG_HOLE_MAX && memchr(label, '*', len))
			return aeg_xasprintf("a template has placeholders, not '*'");
		if (hole == AEG_HOLE_MAX && (memchr(label, '{', len) || memchr(label, '}', len)))
			return aeg_xasprintf(
				"'%.*s' is not a placeholder of templates: write {id}, "
				"{region} or {vendor}, each a whole label",
				(int)len, label);
		if (hole == AEG_HOLE_MAX)
			continue;
		if (seen & 1u << hole)
			return aeg_xasprintf("template has %s twice", holes[hole].placeholder);
		seen |= 1u << hole;
		if (!next_label(label))
			return aeg_xasprintf("a template ends in a fixed domain, not in %s",
					     holes[hole].placeholder);
	}
	return seen ? NULL : aeg_xasprintf("template without {id}, {region} or {vendor}");
}

/* The text with every hole filled. */
static char *fill(const char *text, const char *const *filling)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf name = {0};

	for (const char *label = text; label; label = next_label(label)) {
		size_t len = strcspn(label, ".");
		enum aeg_hole hole = hole_of(label, len);

		if (label != text)
			aeg_buf_putc(&name, '.');
		if (hole == AEG_HOLE_MAX)
			aeg_buf_add(&name, label, len);
		else
			aeg_buf_puts(&name, filling[hole]);
	}
	return aeg_buf_take(&name);
}

char *aeg_template_parse(const char *text, char **ret)
{
	static const char *const sample[AEG_HOLE_MAX] = {"x", "x", "x"};
	AEG_AUTO_FREE char *name = NULL;
	char pattern[AEG_PATTERN_TEXT];
	enum aeg_pattern_error error;
	char *wrong = check_labels(text);

	if (wrong)
		return wrong;
	name = fill(text, sample);
	error = aeg_pattern_parse(name, false, pattern);
	if (error)
		return aeg_xasprintf("template: %s", aeg_pattern_strerror(error));
	*ret = aeg_xstrdup(text);
	for (char *c = *ret; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c |= 0x20;
	if ((*ret)[strlen(*ret) - 1] == '.')
		(*ret)[strlen(*ret) - 1] = '\0';
	return NULL;
}

/* Where the last label begins that is not open. */
static const char *fixed_tail(const char *template)
{
	const char *tail = template;

	for (const char *label = template; label; label = next_label(label))
		if (hole_of(label, strcspn(label, ".")) != AEG_HOLE_MAX)
			tail = next_label(label);
	return tail;
}

char *aeg_template_widest(const char *template)
{
	return aeg_xasprintf("*.%s", fixed_tail(template));
}

static bool is_open(const struct aeg_filling *filling, enum aeg_hole hole)
{
	return hole != AEG_HOLE_MAX && filling->holes[hole]->list.n == 0;
}

/* A value for a hole that the template does not have would be ignored: never. */
static char *refuse_unused(const char *template, const struct aeg_filling *filling)
{
	for (size_t i = 0; i < AEG_HOLE_MAX; i++)
		if (filling->holes[i]->list.n && !strstr(template, holes[i].placeholder))
			return aeg_xasprintf("'%s' cannot select here: the template '%s' has no %s",
					     holes[i].key, template, holes[i].placeholder);
	return NULL;
}

/* An open hole behind a fixed label would be a '*' in the middle. */
static char *refuse_gaps(const char *template, const struct aeg_filling *filling)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf missing = {0};
	bool closed = false;

	for (const char *label = template; label; label = next_label(label)) {
		enum aeg_hole hole = hole_of(label, strcspn(label, "."));

		if (!is_open(filling, hole))
			closed = true;
		else if (closed)
			aeg_buf_printf(&missing, "%s'%s'", missing.len ? " and " : "",
				       holes[hole].key);
	}
	if (missing.len == 0)
		return NULL;
	return aeg_xasprintf(
		"add %s, since only the first placeholders of the template '%s' can be "
		"left open",
		aeg_buf_text(&missing), template);
}

static size_t count_names(const struct aeg_filling *filling)
{
	size_t n = 1;

	for (size_t i = 0; i < AEG_HOLE_MAX && n <= AEG_TEMPLATE_NAMES_MAX; i++)
		if (filling->holes[i]->list.n)
			n *= filling->holes[i]->list.n;
	return n;
}

static size_t longest(const struct aeg_strings *strings)
{
	size_t max = 0;

	for (size_t i = 0; i < strings->list.n; i++)
		if (strlen(strings->list.items[i]) > max)
			max = strlen(strings->list.items[i]);
	return max;
}

static char *refuse_size(const char *template, const struct aeg_filling *filling)
{
	size_t len = strlen(template);

	if (count_names(filling) > AEG_TEMPLATE_NAMES_MAX)
		return aeg_xasprintf("stands for more than %d names", AEG_TEMPLATE_NAMES_MAX);
	for (size_t i = 0; i < AEG_HOLE_MAX; i++)
		if (filling->holes[i]->list.n)
			len += longest(filling->holes[i]) - strlen(holes[i].placeholder);
	if (len > AEG_HOST_MAX)
		return aeg_xasprintf("stands for names longer than %d characters", AEG_HOST_MAX);
	return NULL;
}

char *aeg_template_refuses(const char *template, const struct aeg_filling *filling)
{
	char *wrong = refuse_unused(template, filling);

	if (!wrong)
		wrong = refuse_gaps(template, filling);
	return wrong ? wrong : refuse_size(template, filling);
}

void aeg_template_expand(const char *template, const struct aeg_filling *filling,
			 struct aeg_strings *ret)
{
	const char *rest = template, *values[AEG_HOLE_MAX] = {0};
	size_t n = count_names(filling);

	while (rest && is_open(filling, hole_of(rest, strcspn(rest, "."))))
		rest = next_label(rest);
	for (size_t name = 0; name < n; name++) {
		AEG_AUTO_FREE char *filled = NULL;
		size_t digits = name; /* in mixed radix: one digit a hole */

		for (size_t i = 0; i < AEG_HOLE_MAX; i++) {
			const struct aeg_strings *choices = filling->holes[i];

			if (choices->list.n == 0)
				continue;
			values[i] = choices->list.items[digits % choices->list.n];
			digits /= choices->list.n;
		}
		filled = fill(rest, values);
		*AEG_VEC_PUSH(ret->list) = rest == template ? AEG_TAKE_PTR(filled)
							    : aeg_xasprintf("*.%s", filled);
	}
}
