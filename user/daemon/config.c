/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The configuration file as tables of keys, in the error style of policies. */
#include "daemon/config.h"
#include "base/log.h"
#include "base/places.h"
#include "daemon/config_values.h"
#include "workload/cgroups.h"

#include <errno.h>

#define HISTORY_MAX 1000000
#define FOLD_SECONDS_MAX 3600
#define RING_BYTES_MAX (1u << 30)

static const struct aeg_config_word verdict_words[] = {
	{"Allow", AEG_VERDICT_ALLOWED},
	{"Audit", AEG_VERDICT_AUDITED},
	{"Deny", AEG_VERDICT_DENIED},
	{0},
};
static const struct aeg_config_word errno_words[] = {
	{"EPERM", 0}, /* what the kernel gives by itself */
	{"ECONNREFUSED", ECONNREFUSED},
	{"EACCES", EACCES},
	{"EHOSTUNREACH", EHOSTUNREACH},
	{0},
};

static const char *word_of(const struct aeg_config_word *words, uint32_t value)
{
	for (; words->word; words++) {
		if (words->value == value)
			return words->word;
	}
	return "?";
}

const char *aeg_config_verdict_word(uint32_t verdict)
{
	return word_of(verdict_words, verdict);
}

bool aeg_config_sockops(const struct aeg_config *config)
{
	return config->handshake || config->backstop;
}

const char *aeg_config_errno_word(uint32_t deny_errno)
{
	return word_of(errno_words, deny_errno);
}

/* ---- values ---- */

static void strings_clear(struct aeg_strings *strings)
{
	for (size_t i = 0; i < strings->list.n; i++)
		free(strings->list.items[i]);
	AEG_VEC_DONE(strings->list);
}

static void read_list(struct aeg_strings *ret, const struct aeg_node *value, bool paths,
		      struct aeg_diags *diags)
{
	if (!aeg_node_expect(value, AEG_NODE_LIST, NULL, diags))
		return;
	strings_clear(ret);
	for (size_t i = 0; i < value->items.n; i++) {
		char *text = NULL;

		if (paths)
			aeg_config_path(&text, value->items.items[i], diags);
		else
			aeg_config_string(&text, value->items.items[i], diags);
		if (text)
			*AEG_VEC_PUSH(ret->list) = text;
	}
}

static void read_index(const char *const *words, int *ret, const struct aeg_node *value,
		       struct aeg_diags *diags)
{
	struct aeg_config_word table[8] = {0};
	uint32_t found = (uint32_t)*ret;

	for (uint32_t i = 0; i < AEG_ARRAY_SIZE(table) - 1 && words[i]; i++)
		table[i] = (struct aeg_config_word){words[i], i};
	aeg_config_word(table, &found, value, diags);
	*ret = (int)found;
}

/* ---- keys: READER(name, expression) makes read_name(), which sets a member of the configuration ---- */

#define READER(name, ...)                                                                          \
	static void read_##name(void *target, const struct aeg_node *value,                        \
				struct aeg_diags *diags)                                           \
	{                                                                                          \
		struct aeg_config *config = target;                                                \
                                                                                                   \
		__VA_ARGS__;                                                                       \
	}

READER(root, aeg_config_path(&config->cgroup_root, value, diags))
READER(managed, read_list(&config->managed, value, false, diags))
READER(pins, aeg_config_path(&config->pin_dir, value, diags))
READER(socket, aeg_config_path(&config->socket, value, diags))
READER(socket_group, aeg_config_string(&config->socket_group, value, diags))
READER(policies, read_list(&config->policies, value, true, diags); config->policies_given = true)
READER(workloads, read_list(&config->workloads, value, true, diags); config->workloads_given = true)
READER(state_dir, aeg_config_path(&config->state_dir, value, diags))
READER(node, aeg_config_string(&config->node, value, diags))
READER(unselected, aeg_config_word(verdict_words, &config->defaults.unselected, value, diags))
READER(unknown, aeg_config_word(verdict_words, &config->defaults.unknown, value, diags))
READER(deny_errno, aeg_config_word(errno_words, &config->defaults.deny_errno, value, diags))
READER(backstop, aeg_config_bool(&config->backstop, value, diags))
READER(handshake, aeg_config_bool(&config->handshake, value, diags))
READER(tc, read_index(aeg_tc_words, &config->tc, value, diags))
READER(level, read_index(aeg_log_level_words, &config->log_level, value, diags))
READER(format, read_index(aeg_log_format_words, &config->log_format, value, diags))

static void set_report(struct aeg_config *config, uint32_t what, bool wanted)
{
	config->defaults.reports &= ~what;
	config->defaults.reports |= wanted ? what : 0;
}

static void read_report(struct aeg_config *config, uint32_t what, const struct aeg_node *value,
			struct aeg_diags *diags)
{
	bool report = config->defaults.reports & what;

	aeg_config_bool(&report, value, diags);
	set_report(config, what, report);
}

READER(ungoverned, read_report(config, AEG_REPORT_UNGOVERNED, value, diags))
READER(closes, read_report(config, AEG_REPORT_CLOSES, value, diags))

/* What was learned the kernel always tells, since the daemon sweeps after it: see events.c. */
static void read_flows_dns(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	static const char *const words[] = {
		[AEG_FLOWS_DNS_OFF] = "off",
		[AEG_FLOWS_DNS_LEARNED] = "learned",
		[AEG_FLOWS_DNS_ALL] = "all",
		NULL,
	};
	struct aeg_config *config = target;

	read_index(words, &config->flows_dns, value, diags);
	set_report(config, AEG_REPORT_REFUSED, config->flows_dns == AEG_FLOWS_DNS_ALL);
}

static void read_ring_bytes(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct aeg_config *config = target;
	uint64_t bytes;

	if (!aeg_node_u64(value, &bytes) || bytes < page || bytes > RING_BYTES_MAX ||
	    (bytes & (bytes - 1)) != 0)
		aeg_error_at(diags, value->pos, "expected a power of two from %llu to %u",
			     (unsigned long long)page, RING_BYTES_MAX);
	else
		config->ring_bytes = bytes;
}

static void read_history(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_config *config = target;
	uint64_t lines;

	if (!aeg_node_u64(value, &lines) || lines < 1 || lines > HISTORY_MAX)
		aeg_error_at(diags, value->pos, "expected a number from 1 to %u", HISTORY_MAX);
	else
		config->history = lines;
}

static void read_fold_seconds(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_config *config = target;
	uint64_t seconds;

	if (!aeg_node_u64(value, &seconds) || seconds > FOLD_SECONDS_MAX)
		aeg_error_at(diags, value->pos, "expected a number from 0 to %u", FOLD_SECONDS_MAX);
	else
		config->fold_seconds = seconds;
}

static const struct aeg_field cgroup_fields[] = {
	{.key = "root", .read = read_root},
	{.key = "managed", .read = read_managed},
	{0},
};
static const struct aeg_field defaults_fields[] = {
	{.key = "unselected", .read = read_unselected},
	{.key = "unknown", .read = read_unknown},
	{.key = "denyErrno", .read = read_deny_errno},
	{.key = "backstop", .read = read_backstop},
	{0},
};
static const struct aeg_field flows_fields[] = {
	{.key = "ungoverned", .read = read_ungoverned},
	{.key = "closes", .read = read_closes},
	{.key = "dns", .read = read_flows_dns},
	{.key = "handshake", .read = read_handshake},
	{.key = "ringBytes", .read = read_ring_bytes},
	{.key = "history", .read = read_history},
	{.key = "foldSeconds", .read = read_fold_seconds},
	{0},
};
static const struct aeg_field log_fields[] = {
	{.key = "level", .read = read_level},
	{.key = "format", .read = read_format},
	{0},
};

READER(cgroup, aeg_fields_read(cgroup_fields, value, config, diags))
READER(defaults, aeg_fields_read(defaults_fields, value, config, diags))
READER(flows, aeg_fields_read(flows_fields, value, config, diags))
READER(kube, aeg_kube_config_read(&config->kube, value, diags))
READER(dns, aeg_dns_config_read(&config->dns, value, diags))
READER(audit, aeg_audit_config_read(&config->audit, value, diags))
READER(metrics, aeg_metrics_config_read(&config->metrics, value, diags))
READER(log, aeg_fields_read(log_fields, value, config, diags))

static const struct aeg_field fields[] = {
	{.key = "cgroup", .read = read_cgroup},
	{.key = "pins", .read = read_pins},
	{.key = "socket", .read = read_socket},
	{.key = "socketGroup", .read = read_socket_group},
	{.key = "policies", .read = read_policies},
	{.key = "workloads", .read = read_workloads},
	{.key = "stateDir", .read = read_state_dir},
	{.key = "node", .read = read_node},
	{.key = "defaults", .read = read_defaults},
	{.key = "dns", .read = read_dns},
	{.key = "tc", .read = read_tc},
	{.key = "kubernetes", .read = read_kube},
	{.key = "flows", .read = read_flows},
	{.key = "audit", .read = read_audit},
	{.key = "metrics", .read = read_metrics},
	{.key = "log", .read = read_log},
	{0},
};

/* ---- the whole ---- */

static void set_list(struct aeg_strings *ret, const char *const *items, size_t n)
{
	strings_clear(ret);
	for (size_t i = 0; i < n; i++)
		*AEG_VEC_PUSH(ret->list) = aeg_xstrdup(items[i]);
}

static char *host_name(void)
{
	char name[256] = "";

	if (gethostname(name, sizeof(name) - 1) < 0 || !*name)
		return aeg_xstrdup("localhost");
	return aeg_xstrdup(name);
}

static void set_defaults(struct aeg_config *config)
{
	static const char *const managed[] = {"kubepods.slice", "kubepods"};
	const char *const policies[] = {AEG_PLACE_POLICIES, aeg_place_catalogue()};
	static const char *const workloads[] = {AEG_PLACE_WORKLOADS};

	*config = (struct aeg_config){
		.pin_dir = aeg_xstrdup("/sys/fs/bpf/aegress"),
		.socket = aeg_xstrdup("/run/aegress/aegressd.sock"),
		.socket_group = aeg_xstrdup("aegress"),
		.state_dir = aeg_xstrdup("/var/lib/aegress"),
		.node = host_name(),
		.defaults = {.unselected = AEG_VERDICT_AUDITED,
			     .unknown = AEG_VERDICT_DENIED,
			     .reports = AEG_REPORT_UNGOVERNED | AEG_REPORT_REFUSED |
					AEG_REPORT_CLOSES},
		.flows_dns = AEG_FLOWS_DNS_ALL,
		.ring_bytes = 16u << 20,
		.history = 8192,
		.fold_seconds = 30,
		.log_level = AEG_LOG_INFO,
		.log_format = AEG_LOG_LOGFMT,
	};
	aeg_dns_config_init(&config->dns);
	aeg_audit_config_init(&config->audit);
	aeg_metrics_config_init(&config->metrics);
	aeg_kube_config_init(&config->kube);
	set_list(&config->managed, managed, AEG_ARRAY_SIZE(managed));
	set_list(&config->policies, policies, AEG_ARRAY_SIZE(policies));
	set_list(&config->workloads, workloads, AEG_ARRAY_SIZE(workloads));
}

static void read_file(struct aeg_config *config, const char *path, struct aeg_diags *diags)
{
	struct aeg_yaml *yaml;

	if (aeg_yaml_load(path, diags, &yaml) == 0 && yaml->documents.n)
		aeg_fields_read(fields, yaml->documents.items[0], config, diags);
	if (yaml->documents.n > 1)
		aeg_error_at(diags, yaml->documents.items[1]->pos,
			     "a second document; the configuration is one");
	aeg_yaml_free(yaml);
}

static void override_text(char **ret, const char *text)
{
	if (text)
		aeg_config_set(ret, text);
}

static void override_list(struct aeg_strings *ret, bool *given, const struct aeg_opt_list *list)
{
	if (!list->list.n)
		return;
	set_list(ret, list->list.items, list->list.n);
	if (given)
		*given = true;
}

static void override_listen(struct aeg_listen *ret, const char *text, struct aeg_diags *diags)
{
	const struct aeg_pos pos = {.file = "--metrics"};

	if (text && aeg_listen_parse(text, ret))
		aeg_error_at(diags, pos, "'%s': write 127.0.0.1:9477, [::1]:9477 or off", text);
}

static void override(struct aeg_config *config, const struct aeg_options *options,
		     struct aeg_diags *diags)
{
	override_text(&config->cgroup_root, options->cgroup_root);
	override_text(&config->pin_dir, options->pin_dir);
	override_text(&config->socket, options->socket);
	override_text(&config->state_dir, options->state_dir);
	override_text(&config->node, options->node);
	override_list(&config->managed, NULL, &options->managed);
	override_list(&config->policies, &config->policies_given, &options->policies);
	override_list(&config->workloads, &config->workloads_given, &options->workloads);
	override_listen(&config->metrics.listen, options->metrics, diags);
	if (options->log_level >= 0)
		config->log_level = options->log_level;
	if (options->log_format >= 0)
		config->log_format = options->log_format;
}

static void check(const struct aeg_config *config, const char *file, struct aeg_diags *diags)
{
	const struct aeg_pos pos = {.file = file};

	if (!config->managed.list.n)
		aeg_error_at(diags, pos, "cgroup.managed is empty: nothing would be policed");
	if (config->managed.list.n > AEG_ROOTS_MAX)
		aeg_error_at(diags, pos, "cgroup.managed has %zu entries; at most %d can be",
			     config->managed.list.n, AEG_ROOTS_MAX);
}

int aeg_config_load(const struct aeg_options *options, struct aeg_diags *diags,
		    struct aeg_config *ret)
{
	const char *file = options->config ? options->config : AEG_CONFIG_FILE;
	size_t before = diags->nerrors;

	set_defaults(ret);
	if (options->config || access(file, F_OK) == 0 || errno != ENOENT)
		read_file(ret, file, diags);
	override(ret, options, diags);
	aeg_audit_config_check(&ret->audit, file, diags);
	check(ret, file, diags);
	if (!ret->cgroup_root)
		aeg_cgroup2_mount(&ret->cgroup_root);
	return diags->nerrors > before ? -EINVAL : 0;
}

void aeg_config_done(struct aeg_config *config)
{
	char **texts[] = {&config->cgroup_root,	 &config->pin_dir,   &config->socket,
			  &config->socket_group, &config->state_dir, &config->node};

	for (size_t i = 0; i < AEG_ARRAY_SIZE(texts); i++) {
		free(*texts[i]);
		*texts[i] = NULL;
	}
	aeg_dns_config_done(&config->dns);
	aeg_audit_config_done(&config->audit);
	aeg_kube_config_done(&config->kube);
	strings_clear(&config->managed);
	strings_clear(&config->policies);
	strings_clear(&config->workloads);
}
