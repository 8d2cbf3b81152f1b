/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The part of the status that is about TC: whom it sees, and what became of their frames. */
#include "daemon/api.h"

#define WORD(symbol, word, sentence) word,
static const char *const frame_words[] = {AEG_FRAMES(WORD)};
#undef WORD

static void put_layers(struct aeg_json *json, const struct aeg_ruleset *ruleset)
{
	uint64_t counts[AEG_LAYERS_MAX];

	aeg_layers_count(ruleset ? ruleset->registry : NULL, counts);
	aeg_json_object(json, "layers");
	for (int i = 0; i < AEG_LAYERS_MAX; i++)
		aeg_json_u64(json, aeg_layers_word((enum aeg_layers)i), counts[i]);
	aeg_json_object_end(json);
}

static void put_frames(struct aeg_json *json, struct aeg_datapath *datapath)
{
	uint64_t frames[AEG_RESULTS_ROOM];

	if (aeg_datapath_frames(datapath, frames) < 0)
		return;
	aeg_json_object(json, "frames");
	for (int i = 0; i < AEG_FRAME_MAX; i++)
		aeg_json_u64(json, frame_words[i], frames[i]);
	aeg_json_object_end(json);
}

void aeg_api_put_tc(struct aeg_json *json, const struct aeg_reconciler *reconciler)
{
	aeg_json_object(json, "tc");
	aeg_json_str(json, "mode", aeg_tc_words[reconciler->config->tc]);
	put_layers(json, reconciler->ruleset);
	put_frames(json, reconciler->datapath);
	aeg_json_object_end(json);
}
