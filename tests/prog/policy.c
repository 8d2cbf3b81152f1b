/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The policy that the tests play with, and what the data path says of it. Destination n has class
 * n + 1; A is allowed the first, denied the second, audited at the third, B the other way round.
 */
#include "tests/prog/check.h"
#include "tests/prog/stage.h"
#include <stdio.h>

struct aeg_datapath *datapath;

struct aeg_datapath_config stage_config(void)
{
	return (struct aeg_datapath_config){
		.cgroup_root = stage.cgroup,
		.pin_dir = stage.pin_dir,
		.ring_bytes = 1 << 20,
		.counts_max = 1024,
	};
}

struct aeg_gen default_settings(void)
{
	return (struct aeg_gen){
		.unselected = AEG_VERDICT_ALLOWED,
		.unknown = AEG_VERDICT_DENIED,
		.reports = AEG_REPORT_REFUSED | AEG_REPORT_CLOSES,
	};
}

struct aeg_ident_row ident_row(const char *cgroup, uint32_t workload, uint32_t profile)
{
	return (struct aeg_ident_row){
		.cgroup = stage_cgroup(cgroup),
		.path = cgroup,
		.ident = {.workload = workload,
			  .profile = profile,
			  .flags = AEG_IDENT_ISOLATED | AEG_IDENT_ISOLATED_UNION |
				   AEG_IDENT_SELECTED},
	};
}

/* ---- tables ---- */

static size_t fill_addrs(struct aeg_addr_row *rows)
{
	static const enum form forms[] = {FORM_V4, FORM_V6, FORM_FAR};
	size_t n = 0;

	for (int dest = 0; dest < DEST_FREE; dest++) {
		for (size_t i = 0; i < AEG_ARRAY_SIZE(forms); i++) {
			struct aeg_addr_row *row = &rows[n++];

			row->key.prefixlen = 128;
			stage_key((enum dest)dest, forms[i], row->key.addr);
			row->dest.class = (uint32_t)dest + 1;
			row->dest.node = (uint32_t)(NODE_ALLOWED + dest);
			row->dest.flags = AEG_DEST_GOVERNED;
		}
	}
	return n;
}

static struct aeg_answer answer(uint8_t verdict, uint32_t rule)
{
	uint8_t reason = verdict == AEG_VERDICT_DENIED ? AEG_REASON_DENY_RULE : AEG_REASON_RULE;

	return (struct aeg_answer){.verdict = verdict, .reason = reason, .rule = rule};
}

static struct aeg_cell_row cell_row(uint32_t profile, enum dest dest, uint8_t proto, uint16_t port,
				    struct aeg_answer enforce, struct aeg_answer all)
{
	return (struct aeg_cell_row){
		.key = {.profile = profile,
			.class = (uint32_t)dest + 1,
			.port = port,
			.proto = proto},
		.cell = {.enforce = enforce, .all = all},
	};
}

/* UDP is allowed to one port only, so that the exact look-up and the one for any port both count. */
static size_t fill_cells(struct aeg_cell_row *rows, uint32_t rules)
{
	uint32_t shift = rules - RULE_A_ALLOWS;
	struct aeg_answer a_allows = answer(AEG_VERDICT_ALLOWED, RULE_A_ALLOWS + shift);
	struct aeg_answer a_denies = answer(AEG_VERDICT_DENIED, RULE_A_DENIES + shift);
	struct aeg_answer a_audits = answer(AEG_VERDICT_DENIED, RULE_A_AUDITS + shift);
	struct aeg_answer b_allows = answer(AEG_VERDICT_ALLOWED, RULE_B_ALLOWS + shift);
	struct aeg_answer b_denies = answer(AEG_VERDICT_DENIED, RULE_B_DENIES + shift);
	static const uint8_t protos[] = {AEG_PROTO_TCP, AEG_PROTO_UDP};
	size_t n = 0;

	for (size_t i = 0; i < AEG_ARRAY_SIZE(protos); i++) {
		uint8_t proto = protos[i];
		uint16_t port = proto == AEG_PROTO_UDP ? UDP_PORT : AEG_PORT_ANY;

		rows[n++] = cell_row(1, DEST_ALLOWED, proto, port, a_allows, a_allows);
		rows[n++] = cell_row(1, DEST_DENIED, proto, 0, a_denies, a_denies);
		rows[n++] = cell_row(1, DEST_AUDITED, proto, 0, a_allows, a_audits);
		rows[n++] = cell_row(2, DEST_ALLOWED, proto, 0, b_denies, b_denies);
		rows[n++] = cell_row(2, DEST_DENIED, proto, 0, b_allows, b_allows);
	}
	return n;
}

bool install(struct aeg_gen settings, uint32_t rules)
{
	const struct aeg_ident_row idents[] = {
		ident_row("managed/a", WORKLOAD_A, 1),
		ident_row("managed/b", WORKLOAD_B, 2),
	};
	struct aeg_addr_row addrs[3 * DEST_MAX] = {0};
	struct aeg_cell_row cells[32] = {0};
	struct aeg_tables tables = {
		.addrs = {.items = addrs, .n = fill_addrs(addrs)},
		.cells = {.items = cells, .n = fill_cells(cells, rules)},
	};
	const struct aeg_generation generation = {
		.tables = &tables,
		.idents = idents,
		.nidents = AEG_ARRAY_SIZE(idents),
		.settings = settings,
	};
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};

	check_context("%s", "");
	return CHECK_EQUAL(aeg_datapath_install(datapath, &generation, &error), 0);
}

/* ---- start and stop ---- */

bool datapath_start(const struct aeg_datapath_config *config)
{
	const struct aeg_managed root = {.cgroup = stage_cgroup("managed"),
					 .level = stage_level("managed"),
					 .path = "managed"};
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
	int err = aeg_datapath_open(config, &datapath, &error);

	if (!CHECK_EQUAL(err, 0)) {
		printf("# %s\n", aeg_buf_text(&error));
		return false;
	}
	CHECK_EQUAL(aeg_datapath_set_roots(datapath, &root, 1), 0);
	aeg_datapath_set_levels(datapath, 1u << stage_level("managed/a"));
	if (!install(default_settings(), RULE_A_ALLOWS))
		return false;
	err = aeg_datapath_attach(datapath, &error);
	if (!CHECK_EQUAL(err, 0))
		printf("# %s\n", aeg_buf_text(&error));
	happened_reset();
	return err == 0;
}

void datapath_stop(void)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};

	aeg_datapath_close(datapath);
	datapath = NULL;
	if (!CHECK_EQUAL(aeg_datapath_cleanup(stage.pin_dir, &error), 0))
		printf("# %s\n", aeg_buf_text(&error));
}

/* ---- what happened ---- */

static uint64_t totals[AEG_TOTALS], errors[AEG_ERROR_MAX];

static void keep_event(void *arg, const struct aeg_event *event, size_t size)
{
	struct happened *happened = arg;

	if (happened->nevents < AEG_ARRAY_SIZE(happened->events))
		happened->events[happened->nevents] = *event;
	happened->nevents++;
}

static void subtract(uint64_t *now, uint64_t *before, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t value = now[i];

		now[i] -= before[i];
		before[i] = value;
	}
}

struct happened happened_take(void)
{
	struct happened happened = {0};

	CHECK_EQUAL(aeg_datapath_totals(datapath, happened.totals), 0);
	CHECK_EQUAL(aeg_datapath_errors(datapath, happened.errors), 0);
	subtract(happened.totals, totals, AEG_TOTALS);
	subtract(happened.errors, errors, AEG_ERROR_MAX);
	aeg_datapath_consume(datapath, keep_event, &happened);
	return happened;
}

void happened_reset(void)
{
	memset(totals, 0, sizeof(totals));
	memset(errors, 0, sizeof(errors));
	happened_take();
}

static void check_errors(const struct happened *happened)
{
	for (int i = 0; i < AEG_ERROR_MAX; i++)
		CHECK_EQUAL(happened->errors[i], 0);
}

void check_total(const struct happened *happened, uint8_t verdict, uint8_t reason, uint8_t hook,
		 uint64_t n)
{
	uint64_t others = 0;

	for (uint32_t i = 0; i < AEG_TOTALS; i++)
		others += happened->totals[i];
	others -= happened->totals[aeg_total_index(verdict, reason, hook)];
	CHECK_EQUAL(happened->totals[aeg_total_index(verdict, reason, hook)], n);
	CHECK_EQUAL(others, 0);
	check_errors(happened);
}

void check_no_decision(const struct happened *happened)
{
	check_total(happened, 0, 0, 0, 0);
	CHECK_EQUAL(happened->nevents, 0);
}
