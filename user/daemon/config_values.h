/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Values of the configuration: texts, paths, words, sizes, times. Each says what is wrong with it at its
 * place, and leaves its target as it was then. */
#ifndef AEG_DAEMON_CONFIG_VALUES_H
#define AEG_DAEMON_CONFIG_VALUES_H

#include "base/yaml.h"

struct aeg_config_word { /* of a table that ends with a word of NULL; at most seven */
	const char *word;
	uint32_t value;
};

/* Borrowed; NULL after an error: no scalar, or empty. */
const char *aeg_config_text(const struct aeg_node *value, struct aeg_diags *diags);
/* Replaces the heap string at ret. */
void aeg_config_set(char **ret, const char *text);
void aeg_config_string(char **ret, const struct aeg_node *value, struct aeg_diags *diags);
void aeg_config_path(char **ret, const struct aeg_node *value,
		     struct aeg_diags *diags); /* absolute */
void aeg_config_word(const struct aeg_config_word *words, uint32_t *ret,
		     const struct aeg_node *value, struct aeg_diags *diags);
void aeg_config_bool(bool *ret, const struct aeg_node *value, struct aeg_diags *diags);

struct aeg_config_range {
	uint64_t min, max;
	const char *text; /* "from 1s to 24h" */
};
/* 60s, 5m, 1h, 30d -> seconds */
void aeg_config_duration(uint64_t *ret, const struct aeg_config_range *range,
			 const struct aeg_node *value, struct aeg_diags *diags);
/* 4096, 64KiB, 10MiB, 1GiB -> bytes */
void aeg_config_bytes(uint64_t *ret, const struct aeg_config_range *range,
		      const struct aeg_node *value, struct aeg_diags *diags);

#endif
