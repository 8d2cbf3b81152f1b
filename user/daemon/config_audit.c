/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The section `audit` of the configuration: where the log is, how long it is kept, how sure. */
#include "daemon/config_audit.h"
#include "daemon/config_values.h"
#include "observe/audit.h"

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define HOUR 3600
#define DAY (24 * HOUR)

static const struct aeg_config_range size_range = {16 * KIB, 16 * GIB, "from 16KiB to 16GiB"};
static const struct aeg_config_range total_range = {16 * KIB, 16384 * GIB,
						    "from 16KiB to 16384GiB"};
static const struct aeg_config_range age_range = {0, 366 * DAY, "from 0s (no limit) to 366d"};
static const struct aeg_config_range interval_range = {1, HOUR, "from 1s to 1h"};

static const struct aeg_config_word mode_words[] = {{"0640", 0640}, {"0600", 0600}, {0}};
static const struct aeg_config_word sync_words[] = {
	{"always", AEG_AUDIT_SYNC_ALWAYS},
	{"interval", AEG_AUDIT_SYNC_INTERVAL},
	{"never", AEG_AUDIT_SYNC_NEVER},
	{0},
};

/* READER(name, expression) makes read_name(), which sets a member of the section. */
#define READER(name, ...)                                                                          \
	static void read_##name(void *target, const struct aeg_node *value,                        \
				struct aeg_diags *diags)                                           \
	{                                                                                          \
		struct aeg_audit_config *audit = target;                                           \
                                                                                                   \
		__VA_ARGS__;                                                                       \
	}

READER(enabled, aeg_config_bool(&audit->enabled, value, diags))
READER(compress, aeg_config_bool(&audit->compress, value, diags))
READER(directory, aeg_config_path(&audit->directory, value, diags))
READER(group, aeg_config_string(&audit->group, value, diags))
READER(key_file, aeg_config_path(&audit->key_file, value, diags))
READER(mode, aeg_config_word(mode_words, &audit->mode, value, diags))
READER(size, aeg_config_bytes(&audit->rotation.bytes, &size_range, value, diags))
READER(age, aeg_config_duration(&audit->rotation.seconds, &age_range, value, diags))
READER(total, aeg_config_bytes(&audit->rotation.total, &total_range, value, diags))
READER(sync, aeg_config_word(sync_words, &audit->sync, value, diags))
READER(sync_interval, aeg_config_duration(&audit->sync_interval, &interval_range, value, diags))

static const struct aeg_field audit_fields[] = {
	{.key = "enabled", .read = read_enabled},
	{.key = "directory", .read = read_directory},
	{.key = "mode", .read = read_mode},
	{.key = "group", .read = read_group},
	{.key = "maxSize", .read = read_size},
	{.key = "maxAge", .read = read_age},
	{.key = "maxTotal", .read = read_total},
	{.key = "compress", .read = read_compress},
	{.key = "sync", .read = read_sync},
	{.key = "syncInterval", .read = read_sync_interval},
	{.key = "keyFile", .read = read_key_file},
	{0},
};

void aeg_audit_config_read(struct aeg_audit_config *ret, const struct aeg_node *value,
			   struct aeg_diags *diags)
{
	aeg_fields_read(audit_fields, value, ret, diags);
}

/* On: what was denied must be on record without anybody having thought of it before. */
void aeg_audit_config_init(struct aeg_audit_config *ret)
{
	*ret = (struct aeg_audit_config){
		.enabled = true,
		.compress = true,
		.directory = aeg_xstrdup("/var/log/aegress"),
		.mode = 0640,
		.rotation = {.bytes = 64 * MIB, .seconds = DAY, .total = GIB},
		.sync = AEG_AUDIT_SYNC_INTERVAL,
		.sync_interval = 1,
	};
}

void aeg_audit_config_check(const struct aeg_audit_config *audit, const char *file,
			    struct aeg_diags *diags)
{
	if (audit->rotation.total < audit->rotation.bytes)
		aeg_error_at(diags, (struct aeg_pos){.file = file},
			     "audit.maxTotal is less than audit.maxSize: nothing would be kept");
}

void aeg_audit_config_done(struct aeg_audit_config *audit)
{
	free(audit->directory);
	free(audit->group);
	free(audit->key_file);
	*audit = (struct aeg_audit_config){0};
}
