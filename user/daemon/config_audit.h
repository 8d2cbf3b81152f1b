/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The section `audit` of the configuration. */
#ifndef AEG_DAEMON_CONFIG_AUDIT_H
#define AEG_DAEMON_CONFIG_AUDIT_H

#include "base/yaml.h"
#include "observe/rotate.h"

struct aeg_audit_config {
	bool enabled, compress;
	char *directory;
	char *group;	/* NULL: the socket's */
	char *key_file; /* NULL: a chain without a key */
	uint32_t mode;
	struct aeg_rotation rotation;
	uint32_t sync;		/* enum aeg_audit_sync */
	uint64_t sync_interval; /* s */
};

/* The defaults. */
void aeg_audit_config_init(struct aeg_audit_config *ret);
void aeg_audit_config_read(struct aeg_audit_config *ret, const struct aeg_node *value,
			   struct aeg_diags *diags);
/* What only the whole section can tell. */
void aeg_audit_config_check(const struct aeg_audit_config *audit, const char *file,
			    struct aeg_diags *diags);
void aeg_audit_config_done(struct aeg_audit_config *audit);

#endif
