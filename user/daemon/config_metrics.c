/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "daemon/config_metrics.h"
#include "daemon/config_values.h"

#define LISTEN_DEFAULT "127.0.0.1:9477"
#define SERIES_DEFAULT 10000
#define SERIES_MIN 10
#define SERIES_LIMIT 100000
#define HOUR 3600u
#define DAY (24 * HOUR)

static void read_listen(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_metrics_config *metrics = target;

	if (!aeg_node_expect(value, AEG_NODE_SCALAR, "an address and a port", diags))
		return;
	if (aeg_listen_parse(value->text, &metrics->listen))
		aeg_error_at(diags, value->pos,
			     "'%s': write 127.0.0.1:9477, \"[::1]:9477\" or \"off\"", value->text);
}

static void read_workload_label(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_metrics_config *metrics = target;

	if (!aeg_node_bool(value, &metrics->workload_label))
		aeg_error_at(diags, value->pos, "expected true or false");
}

static void read_series_max(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_metrics_config *metrics = target;
	uint64_t n;

	if (!aeg_node_u64(value, &n) || n < SERIES_MIN || n > SERIES_LIMIT)
		aeg_error_at(diags, value->pos, "expected a number from %d to %d", SERIES_MIN,
			     SERIES_LIMIT);
	else
		metrics->series_max = n;
}

static void read_keep_gone(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	static const struct aeg_config_range range = {1, 30 * DAY, "from 1s to 30d"};
	struct aeg_metrics_config *metrics = target;

	aeg_config_duration(&metrics->keep_gone, &range, value, diags);
}

static const struct aeg_field metrics_fields[] = {
	{.key = "listen", .read = read_listen},
	{.key = "workloadLabel", .read = read_workload_label},
	{.key = "seriesMax", .read = read_series_max},
	{.key = "keepGone", .read = read_keep_gone},
	{0},
};

void aeg_metrics_config_read(struct aeg_metrics_config *ret, const struct aeg_node *value,
			     struct aeg_diags *diags)
{
	aeg_fields_read(metrics_fields, value, ret, diags);
}

void aeg_metrics_config_init(struct aeg_metrics_config *ret)
{
	*ret = (struct aeg_metrics_config){.series_max = SERIES_DEFAULT, .keep_gone = HOUR};
	(void)aeg_listen_parse(LISTEN_DEFAULT, &ret->listen); /* a test says that it parses */
}
