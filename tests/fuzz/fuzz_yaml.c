// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Any bytes as a YAML file: no crash, the documented bounds hold, diagnostics can be printed. */
#include "base/json.h"
#include "base/utf8.h"
#include "base/yaml.h"
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_text(const char *text)
{
	size_t len = strlen(text);

	while (len) {
		uint32_t c = 0;
		size_t n = aeg_utf8_decode(text, len, &c);

		require(n && (c == '\n' || c == '\t' || !aeg_utf8_is_control(c)));
		text += n;
		len -= n;
	}
}

static void check_node(const struct aeg_node *node, const struct aeg_node *parent,
		       unsigned int depth)
{
	require(node->parent == parent && node->pos.line > 0 && node->pos.col > 0);
	require((node->type == AEG_NODE_SCALAR) == (node->text != NULL));
	if (node->text)
		check_text(node->text);
	require(node->type == AEG_NODE_SCALAR || depth < AEG_YAML_MAX_DEPTH);
	require(node->type != AEG_NODE_MAP || node->items.n % 2 == 0);
	for (size_t i = 0; i < node->items.n; i++)
		check_node(node->items.items[i], node, depth + 1);
	/* Keys are text, and the first of that name is the only one. */
	for (size_t i = 0; node->type == AEG_NODE_MAP && i < node->items.n; i += 2)
		require(aeg_node_get(node, node->items.items[i]->text) == node->items.items[i + 1]);
}

static void check_diags(const struct aeg_diags *diags)
{
	struct aeg_buf text = {0};

	require(diags->list.n <= AEG_DIAGS_PER_FILE);
	aeg_diags_print(diags, &text, false);
	aeg_buf_putc(&text, '\0');
	check_text(text.data);
	aeg_diags_json(diags, &text);
	aeg_buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct aeg_diags diags = {0};
	struct aeg_yaml *yaml = NULL;
	int err = aeg_yaml_parse("fuzz", (const char *)data, size, &diags, &yaml);

	require(yaml && (err != 0) == (diags.nerrors > 0));
	for (size_t i = 0; i < yaml->documents.n; i++)
		check_node(yaml->documents.items[i], NULL, 0);
	check_diags(&diags);
	aeg_yaml_free(yaml);
	aeg_diags_done(&diags);
	return 0;
}
