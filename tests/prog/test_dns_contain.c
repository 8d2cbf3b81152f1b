/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a workload that is contained strictly may ask: which names, how many, how long. What arrived is
 * counted at the name server.
 */
#include "tests/prog/asking.h"
#include "tests/prog/tests.h"
#include <bpf/bpf.h>
#include <errno.h>

#define NO_CGROUP (1ull << 63) /* ids count up from 1 with each boot */

/* ---- names ---- */

static const struct {
	const char *name;
	uint16_t type;
	bool allowed;
} names[] = {
	{"names.test", 1, true},
	{"names.test", 28, true},
	{"names.test", 16, true}, /* TXT */
	{"names.test", 65, true}, /* HTTPS */
	{"NaMeS.tEsT", 1, true},
	{"a.wild.test", 1, true},
	{"a.b.c.wild.test", 1, true},
	{"wild.test", 1, false},
	{"bad.wild.test", 1, false},
	{"rival.test", 1, false},
	{"rival.test", 16, false},
	{"nobody.example", 1, false},
	{"6465616462656566.nobody.example", 16, false},
	{"names.test.nobody.example", 1, false},
	{"1.0.0.5.in-addr.arpa", 12, false},
	{"", 2, false},
	{"odd name.wild.test", 1, false},
};

static void test_names(void)
{
	if (asking_enter()) {
		uint32_t before = world->nquestions, let = 0;

		for (size_t i = 0; i < AEG_ARRAY_SIZE(names); i++) {
			check_context("%s type %u", names[i].name, names[i].type);
			CHECK_EQUAL(asking(names[i].name, names[i].type),
				    names[i].allowed ? 0 : EPERM);
			let += names[i].allowed;
		}
		check_context("%s", "");
		asking_check_arrived(before, let);
		CHECK_EQUAL(asking_denied(AEG_REASON_DNS_NAME), AEG_ARRAY_SIZE(names) - let);
		CHECK_EQUAL(asking_total(AEG_VERDICT_ALLOWED, AEG_REASON_RULE), let + 1);
	}
	names_leave();
}

static void test_told(void)
{
	if (asking_enter()) {
		CHECK_EQUAL(asking("data.nobody.example", 1), EPERM);
		check_denied(AEG_HOOK_QUESTION, AEG_REASON_DNS_NAME, "data.nobody.example");
		named_reset();
		CHECK_EQUAL(asking("bad.wild.test", 1), EPERM);
		check_denied(AEG_HOOK_QUESTION, AEG_REASON_DNS_NAME, "bad.wild.test");
		CHECK_EQUAL(named_last(AEG_EVENT_DENY)->base.decision.rule, RULE_BAD);
		for (int i = 0; i < 100; i++)
			CHECK_EQUAL(asking("flood.nobody.example", 1), EPERM);
		CHECK_EQUAL(asking_denied(AEG_REASON_DNS_NAME), 102);
	}
	names_leave();
}

static void test_searched(void)
{
	const struct aeg_search search = {.suffix = "svc.cluster.local", .labels = 1};

	if (asking_enter()) {
		CHECK_EQUAL(asking("names.test.ml.svc.cluster.local", 1), EPERM);
		CHECK_EQUAL(aeg_datapath_set_searches(datapath, &search, 1), 0);
		CHECK_EQUAL(asking("names.test.ml.svc.cluster.local", 1), 0);
		CHECK_EQUAL(asking("rival.test.ml.svc.cluster.local", 1), EPERM);
		CHECK_EQUAL(asking("data.ml.svc.cluster.local", 1), EPERM);
	}
	names_leave();
}

/* Answers to what was let through are learned from as ever. */
static void test_still_learns(void)
{
	if (asking_enter()) {
		CHECK(world_ask("a-5-40-0-1.wild.test"));
		CHECK(world_learned("5.40.0.1"));
		CHECK_EQUAL(learnings(AEG_LEARNING_NEW), 1);
	}
	names_leave();
}

/* ---- caps ---- */

static void test_rate(void)
{
	const struct aeg_dns_caps five = {.questions = 5, .seconds = 60},
				  many = {.questions = UINT16_MAX, .seconds = 1};

	if (asking_enter_with(ENFORCED | NAMES, five)) {
		uint32_t before = world->nquestions;
		uint64_t tries = 0;

		for (int i = 0; i < 10; i++)
			CHECK_EQUAL(asking("data.nobody.example", 1), EPERM); /* uses up nothing */
		for (int i = 0; i < 5; i++)
			CHECK_EQUAL(asking("a.wild.test", 1), 0);
		named_reset();
		CHECK_EQUAL(asking("a.wild.test", 1), EPERM);
		check_denied(AEG_HOOK_QUESTION, AEG_REASON_DNS_RATE, "a.wild.test");
		CHECK_EQUAL(asking_denied(AEG_REASON_DNS_RATE), 1);
		/* What the slower cap still owes, a minute, is forgiven: one costs 15 us, less than asking. */
		CHECK(names_install_asking(ENFORCED | NAMES, many, many));
		while (asking("a.wild.test", 1) && tries < 1000)
			tries++;
		CHECK(tries < 1000);
		CHECK_EQUAL(asking_denied(AEG_REASON_DNS_RATE), 1 + tries);
		CHECK(names_install_asking(ENFORCED | NAMES, uncapped, uncapped));
		asking_check_arrived(before, 5 + 1);
	}
	names_leave();
}

/* Without AllowedNames: any name, but not too many and none that is too long. */
static void test_size(void)
{
	const struct aeg_dns_caps caps = {.name_len = 11};

	if (asking_enter_with(ENFORCED, caps)) {
		CHECK_EQUAL(asking("abc.example", 1), 0);
		CHECK_EQUAL(asking("abcd.example", 1), EPERM);
		check_denied(AEG_HOOK_QUESTION, AEG_REASON_DNS_SIZE, "abcd.example");
		CHECK_EQUAL(asking("abcd.example", 16), EPERM);
		CHECK_EQUAL(asking_denied(AEG_REASON_DNS_SIZE), 2);
		CHECK_EQUAL(asking_total(AEG_VERDICT_ALLOWED, AEG_REASON_DNS), 1);
	}
	names_leave();
}

static int askers_map(void)
{
	AEG_AUTO_FREE char *path = aeg_xasprintf("%s/maps/askers", stage.pin_dir);

	return needed(bpf_obj_get(path));
}

/* No room to count means no question, and is counted; the daemon makes room with the next generation. */
static void test_no_room(void)
{
	const struct aeg_dns_caps caps = {.questions = 100, .seconds = 1};

	if (asking_enter_with(ENFORCED | NAMES, caps)) {
		AEG_AUTO_CLOSE int map = askers_map();
		const struct aeg_asker asker = {0};
		uint64_t errors[AEG_ERROR_MAX];

		for (uint64_t i = 0; i < AEG_ASKERS_MAX; i++) {
			const uint64_t key = NO_CGROUP + i;

			CHECK_EQUAL(bpf_map_update_elem(map, &key, &asker, BPF_ANY), 0);
		}
		CHECK_EQUAL(asking("a.wild.test", 1), EPERM);
		CHECK_EQUAL(asking_denied(AEG_REASON_TABLE_FULL), 1);
		CHECK_EQUAL(aeg_datapath_errors(datapath, errors), 0);
		CHECK(errors[AEG_ERROR_ASKER_FULL] >= 1);
		CHECK(names_install_asking(ENFORCED | NAMES, caps, caps));
		CHECK_EQUAL(asking("a.wild.test", 1), 0);
	}
	names_leave();
}

/* ---- audits, and who is not judged ---- */

static void test_audited(void)
{
	if (asking_enter_with(AUDITED, uncapped)) {
		CHECK_EQUAL(asking("data.nobody.example", 1), 0);
		CHECK_EQUAL(asking_total(AEG_VERDICT_AUDITED, AEG_REASON_DNS_NAME), 1);
		CHECK(named_last(AEG_EVENT_DENY) == NULL);
		CHECK(named_last(AEG_EVENT_OPEN) != NULL);
		CHECK_EQUAL(named_last(AEG_EVENT_OPEN)->base.decision.verdict, AEG_VERDICT_AUDITED);
	}
	names_leave();
}

static void test_others(void)
{
	if (asking_enter()) {
		stage_leave();
		stage_enter(IN_B);
		CHECK_EQUAL(asking("data.nobody.example", 1), 0);
		stage_leave();
		stage_enter(OUTSIDE);
		CHECK_EQUAL(asking("data.nobody.example", 1), 0);
		for (int reason = 0; reason < AEG_REASON_MAX; reason++)
			CHECK_EQUAL(asking_denied((uint8_t)reason), 0);
	}
	names_leave();
}

const struct test dns_contain_tests[] = {
	{"questions: which names", test_names},
	{"questions: what is told of them", test_told},
	{"questions: search suffixes", test_searched},
	{"questions: answers are learned from", test_still_learns},
	{"questions: how many", test_rate},
	{"questions: how long", test_size},
	{"questions: no room to count them", test_no_room},
	{"questions: audits", test_audited},
	{"questions: who is not judged", test_others},
	{NULL, NULL},
};
