// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The texts lie behind the struct, one after the other. */
#include "observe/words.h"
#include "base/mem.h"

#include <assert.h>

static size_t text_size(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

/* Copies to *at and moves it on. */
static const char *copy(char **at, const char *text)
{
	size_t size = text_size(text);
	char *to = *at;

	if (!text)
		return NULL;
	memcpy(to, text, size);
	*at += size;
	return to;
}

/* FNV-1a; the separator keeps "a"+"bc" and "ab"+"c" apart. */
static uint32_t hash_text(uint32_t hash, const char *text)
{
	for (; text && *text; text++)
		hash = (hash ^ (unsigned char)*text) * 16777619u;
	return (hash ^ 0xffu) * 16777619u;
}

static uint32_t hash_pair(const struct aeg_words *words)
{
	return hash_text(hash_text(hash_text(2166136261u, words->ns), words->workload),
			 words->endpoint);
}

struct aeg_words *aeg_words_new(const struct aeg_flow *flow)
{
	struct aeg_words *words;
	size_t size = 0;
	char *at;

#define ADD_SIZE(word) size += text_size(flow->word);
	AEG_WORDS(ADD_SIZE)
#undef ADD_SIZE
	words = aeg_xcalloc(1, sizeof(*words) + size);
	at = (char *)(words + 1);
#define COPY_WORD(word) words->word = copy(&at, flow->word);
	AEG_WORDS(COPY_WORD)
#undef COPY_WORD
	words->users = 1;
	words->pair = hash_pair(words);
	return words;
}

struct aeg_words *aeg_words_use(struct aeg_words *words)
{
	if (words)
		words->users++;
	return words;
}

void aeg_words_drop(struct aeg_words *words)
{
	if (!words)
		return;
	assert(words->users > 0);
	if (--words->users == 0)
		free(words);
}

void aeg_words_lend(struct aeg_words *words, struct aeg_flow *flow)
{
#define LEND_WORD(word) flow->word = words->word;
	AEG_WORDS(LEND_WORD)
#undef LEND_WORD
	flow->words = words;
}
