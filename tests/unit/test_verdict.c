/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* bpf/verdict.h natively: every way two layers can meet, and the defaults. */
#include "bpf/verdict.h"
#include "base/mem.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define ENFORCED AEG_IDENT_SELECTED | AEG_IDENT_ISOLATED | AEG_IDENT_ISOLATED_UNION
#define AUDITED AEG_IDENT_SELECTED | AEG_IDENT_ISOLATED_UNION
#define DENY_ONLY AEG_IDENT_SELECTED
#define STRICT ENFORCED | AEG_IDENT_STRICT | AEG_IDENT_STRICT_UNION
#define STRICT_AUDITED ENFORCED | AEG_IDENT_STRICT_UNION

#define ALLOW(number) {.verdict = AEG_VERDICT_ALLOWED, .reason = AEG_REASON_RULE, .rule = (number)}
#define DENY(number)                                                                               \
	{.verdict = AEG_VERDICT_DENIED, .reason = AEG_REASON_DENY_RULE, .rule = (number)}
#define NO_CELL .no_cell = true

struct row {
	const char *what;
	__u32 flags;
	bool no_cell, ungoverned;
	__u8 proto; /* 0: TCP */
	__u8 way;
	struct aeg_cell cell;
	__u32 unselected; /* 0: denied */
	struct aeg_decision expected;
};

static const struct row rows[] = {
	{"no rule, isolated", ENFORCED, NO_CELL,
	 .expected = {.verdict = AEG_VERDICT_DENIED, .reason = AEG_REASON_NO_RULE}},
	{"no rule, isolated, UDP", ENFORCED, NO_CELL, .proto = AEG_PROTO_UDP,
	 .expected = {.verdict = AEG_VERDICT_DENIED, .reason = AEG_REASON_UDP}},
	{"no rule, isolated, SCTP", ENFORCED, NO_CELL, .proto = 132,
	 .expected = {.verdict = AEG_VERDICT_DENIED, .reason = AEG_REASON_PROTOCOL}},
	{"no rule, not governed", ENFORCED, NO_CELL, .ungoverned = true,
	 .expected = {.verdict = AEG_VERDICT_ALLOWED, .reason = AEG_REASON_NOT_GOVERNED}},
	{"no policy, default deny", 0, NO_CELL,
	 .expected = {.verdict = AEG_VERDICT_DENIED, .reason = AEG_REASON_UNSELECTED}},
	{"no policy, default audit", 0, NO_CELL, .unselected = AEG_VERDICT_AUDITED,
	 .expected = {.verdict = AEG_VERDICT_AUDITED,
		      .reason = AEG_REASON_UNSELECTED,
		      .mode = AEG_MODE_AUDIT}},
	{"no policy, default allow", 0, NO_CELL, .unselected = AEG_VERDICT_ALLOWED,
	 .expected = {.verdict = AEG_VERDICT_ALLOWED, .reason = AEG_REASON_UNSELECTED}},
	{"deny-only isolates nobody", DENY_ONLY, NO_CELL, .unselected = AEG_VERDICT_ALLOWED,
	 .expected = {.verdict = AEG_VERDICT_ALLOWED, .reason = AEG_REASON_UNSELECTED}},
	{"only audited: would be denied", AUDITED, NO_CELL,
	 .expected = {.verdict = AEG_VERDICT_AUDITED,
		      .reason = AEG_REASON_NO_RULE,
		      .mode = AEG_MODE_AUDIT,
		      .other_verdict = AEG_VERDICT_ALLOWED,
		      .other_reason = AEG_REASON_UNSELECTED}},
	{"only audited: its rule allows", AUDITED, .cell = {.all = ALLOW(9)},
	 .expected = {.verdict = AEG_VERDICT_ALLOWED,
		      .reason = AEG_REASON_RULE,
		      .mode = AEG_MODE_AUDIT,
		      .rule = 9,
		      .other_verdict = AEG_VERDICT_ALLOWED,
		      .other_reason = AEG_REASON_UNSELECTED}},
	{"allowed by both", ENFORCED, .cell = {.enforce = ALLOW(1), .all = ALLOW(1)},
	 .expected = {.verdict = AEG_VERDICT_ALLOWED, .reason = AEG_REASON_RULE, .rule = 1}},
	{"allowed by both, another rule first", ENFORCED,
	 .cell = {.enforce = ALLOW(2), .all = ALLOW(1)},
	 .expected = {.verdict = AEG_VERDICT_ALLOWED,
		      .reason = AEG_REASON_RULE,
		      .rule = 2,
		      .other_verdict = AEG_VERDICT_ALLOWED,
		      .other_reason = AEG_REASON_RULE,
		      .other_rule = 1}},
	{"denied by both", ENFORCED, .cell = {.enforce = DENY(1), .all = DENY(1)},
	 .expected = {.verdict = AEG_VERDICT_DENIED, .reason = AEG_REASON_DENY_RULE, .rule = 1}},
	{"allowed, auditing would deny", ENFORCED, .cell = {.enforce = ALLOW(1), .all = DENY(2)},
	 .expected = {.verdict = AEG_VERDICT_AUDITED,
		      .reason = AEG_REASON_DENY_RULE,
		      .mode = AEG_MODE_AUDIT,
		      .rule = 2,
		      .other_verdict = AEG_VERDICT_ALLOWED,
		      .other_reason = AEG_REASON_RULE,
		      .other_rule = 1}},
	{"an auditing allow opens nothing", ENFORCED, .cell = {.all = ALLOW(2)},
	 .expected = {.verdict = AEG_VERDICT_DENIED,
		      .reason = AEG_REASON_NO_RULE,
		      .other_verdict = AEG_VERDICT_ALLOWED,
		      .other_reason = AEG_REASON_RULE,
		      .other_rule = 2}},
	{"deny rule for what is not governed", DENY_ONLY, .ungoverned = true,
	 .cell = {.enforce = DENY(1), .all = DENY(1)},
	 .expected = {.verdict = AEG_VERDICT_DENIED, .reason = AEG_REASON_DENY_RULE, .rule = 1}},
	{"audited deny rule for what is not governed", DENY_ONLY, .ungoverned = true,
	 .cell = {.all = DENY(1)},
	 .expected = {.verdict = AEG_VERDICT_AUDITED,
		      .reason = AEG_REASON_DENY_RULE,
		      .mode = AEG_MODE_AUDIT,
		      .rule = 1,
		      .other_verdict = AEG_VERDICT_ALLOWED,
		      .other_reason = AEG_REASON_NOT_GOVERNED}},
	{"strict: nothing but what is allowed", STRICT, NO_CELL, .ungoverned = true,
	 .expected = {.verdict = AEG_VERDICT_DENIED, .reason = AEG_REASON_STRICT}},
	{"strict: a rule allows it", STRICT, .ungoverned = true,
	 .cell = {.enforce = ALLOW(1), .all = ALLOW(1)},
	 .expected = {.verdict = AEG_VERDICT_ALLOWED, .reason = AEG_REASON_RULE, .rule = 1}},
	{"strict: governed as ever", STRICT, NO_CELL,
	 .expected = {.verdict = AEG_VERDICT_DENIED, .reason = AEG_REASON_NO_RULE}},
	{"strict: loopback", STRICT, NO_CELL, .ungoverned = true, .way = AEG_WAY_LOOPBACK,
	 .expected = {.verdict = AEG_VERDICT_ALLOWED, .reason = AEG_REASON_LOOPBACK}},
	{"strict: a trusted resolver", STRICT, NO_CELL, .ungoverned = true, .way = AEG_WAY_RESOLVER,
	 .proto = AEG_PROTO_UDP,
	 .expected = {.verdict = AEG_VERDICT_ALLOWED, .reason = AEG_REASON_DNS}},
	{"strict: another resolver", STRICT, NO_CELL, .ungoverned = true,
	 .way = AEG_WAY_OTHER_RESOLVER, .proto = AEG_PROTO_UDP,
	 .expected = {.verdict = AEG_VERDICT_DENIED, .reason = AEG_REASON_RESOLVER}},
	{"strict by an auditing policy alone", STRICT_AUDITED, NO_CELL, .ungoverned = true,
	 .expected = {.verdict = AEG_VERDICT_AUDITED,
		      .reason = AEG_REASON_STRICT,
		      .mode = AEG_MODE_AUDIT,
		      .other_verdict = AEG_VERDICT_ALLOWED,
		      .other_reason = AEG_REASON_NOT_GOVERNED}},
	{"not strict: nobody asks for the way", ENFORCED, NO_CELL, .ungoverned = true,
	 .way = AEG_WAY_OTHER_RESOLVER,
	 .expected = {.verdict = AEG_VERDICT_ALLOWED, .reason = AEG_REASON_NOT_GOVERNED}},
};

static void test_layers(void **state)
{
	for (size_t i = 0; i < AEG_ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		struct aeg_gen gen = {.unselected = row->unselected ? row->unselected
								    : AEG_VERDICT_DENIED};
		struct aeg_ident ident = {.flags = row->flags};
		struct aeg_facts facts = {
			.gen = &gen,
			.ident = &ident,
			.cell = row->no_cell ? NULL : &row->cell,
			.governed = !row->ungoverned,
			.proto = row->proto ? row->proto : AEG_PROTO_TCP,
			.way = row->way,
		};
		struct aeg_decision decision;

		memset(&decision, 0xff, sizeof(decision));
		aeg_decide(&facts, &decision);
		if (memcmp(&decision, &row->expected, sizeof(decision)) != 0)
			fail_msg("%s: verdict %u reason %u rule %u mode %u, other %u %u %u",
				 row->what, decision.verdict, decision.reason, decision.rule,
				 decision.mode, decision.other_verdict, decision.other_reason,
				 decision.other_rule);
	}
}

static void test_unknown_workload(void **state)
{
	static const __u32 defaults[] = {AEG_VERDICT_ALLOWED, AEG_VERDICT_AUDITED,
					 AEG_VERDICT_DENIED};

	for (size_t i = 0; i < AEG_ARRAY_SIZE(defaults); i++) {
		struct aeg_gen gen = {.unknown = defaults[i]};
		struct aeg_facts facts = {.gen = &gen, .governed = 1, .proto = AEG_PROTO_TCP};
		struct aeg_decision decision;

		aeg_decide(&facts, &decision);
		assert_int_equal(decision.verdict, defaults[i]);
		assert_int_equal(decision.reason, AEG_REASON_UNKNOWN_WORKLOAD);
		assert_int_equal(decision.mode, defaults[i] == AEG_VERDICT_AUDITED);
		facts.governed = 0; /* or no pod could ever start */
		aeg_decide(&facts, &decision);
		assert_int_equal(decision.verdict, AEG_VERDICT_ALLOWED);
		assert_int_equal(decision.reason, AEG_REASON_NOT_GOVERNED);
	}
}

static void test_internal(void **state)
{
	struct aeg_decision decision;

	aeg_decide_internal(&decision);
	assert_int_equal(decision.verdict, AEG_VERDICT_DENIED);
	assert_int_equal(decision.reason, AEG_REASON_INTERNAL);
}

static void test_stricter(void **state)
{
	struct aeg_decision allowed = {.verdict = AEG_VERDICT_ALLOWED};
	struct aeg_decision audited = {.verdict = AEG_VERDICT_AUDITED};
	struct aeg_decision denied = {.verdict = AEG_VERDICT_DENIED};

	assert_true(aeg_stricter(&allowed, &audited));
	assert_true(aeg_stricter(&audited, &denied));
	assert_false(aeg_stricter(&denied, &allowed));
	assert_false(aeg_stricter(&denied, &denied));
}

/* Neither TCP nor UDP: one row of cells for all the others. */
static void test_cell_proto(void **state)
{
	assert_int_equal(aeg_cell_proto(AEG_PROTO_TCP), AEG_PROTO_TCP);
	assert_int_equal(aeg_cell_proto(AEG_PROTO_UDP), AEG_PROTO_UDP);
	assert_int_equal(aeg_cell_proto(1), AEG_PROTO_OTHER);
	assert_int_equal(aeg_cell_proto(136), AEG_PROTO_OTHER);
}

/* Requiring TC denies what rules let through, and leaves alone what they are not about. */
static void test_covered(void **state)
{
	static const struct {
		uint32_t flags;
		uint8_t verdict, reason, want_verdict, want_reason;
	} cases[] = {
		{0, AEG_VERDICT_ALLOWED, AEG_REASON_RULE, AEG_VERDICT_ALLOWED, AEG_REASON_RULE},
		{AEG_IDENT_NEEDS_TC | AEG_IDENT_HAS_TC, AEG_VERDICT_ALLOWED, AEG_REASON_RULE,
		 AEG_VERDICT_ALLOWED, AEG_REASON_RULE},
		{AEG_IDENT_HAS_TC, AEG_VERDICT_AUDITED, AEG_REASON_NO_RULE, AEG_VERDICT_AUDITED,
		 AEG_REASON_NO_RULE},
		{AEG_IDENT_NEEDS_TC, AEG_VERDICT_ALLOWED, AEG_REASON_RULE, AEG_VERDICT_DENIED,
		 AEG_REASON_LAYER},
		{AEG_IDENT_NEEDS_TC, AEG_VERDICT_ALLOWED, AEG_REASON_DNS, AEG_VERDICT_DENIED,
		 AEG_REASON_LAYER},
		{AEG_IDENT_NEEDS_TC, AEG_VERDICT_AUDITED, AEG_REASON_NO_RULE, AEG_VERDICT_DENIED,
		 AEG_REASON_LAYER},
		{AEG_IDENT_NEEDS_TC, AEG_VERDICT_DENIED, AEG_REASON_DENY_RULE, AEG_VERDICT_DENIED,
		 AEG_REASON_DENY_RULE},
		{AEG_IDENT_NEEDS_TC, AEG_VERDICT_ALLOWED, AEG_REASON_NOT_GOVERNED,
		 AEG_VERDICT_ALLOWED, AEG_REASON_NOT_GOVERNED},
		{AEG_IDENT_NEEDS_TC, AEG_VERDICT_ALLOWED, AEG_REASON_LOOPBACK, AEG_VERDICT_ALLOWED,
		 AEG_REASON_LOOPBACK},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct aeg_ident ident = {.flags = cases[i].flags};
		struct aeg_decision decision = {.verdict = cases[i].verdict,
						.reason = cases[i].reason};

		aeg_decide_last(&ident, 0, &decision);
		assert_int_equal(decision.verdict, cases[i].want_verdict);
		assert_int_equal(decision.reason, cases[i].want_reason);
		aeg_decide_last(NULL, 0, &decision);
		assert_int_equal(decision.verdict, cases[i].want_verdict);
	}
}

/* Quarantine knows no exception but what stays inside. */
static void test_quarantine(void **state)
{
	const struct aeg_ident ident = {.flags = AEG_IDENT_QUARANTINED | AEG_IDENT_HAS_TC};
	struct aeg_decision decision = {.verdict = AEG_VERDICT_ALLOWED,
					.reason = AEG_REASON_NOT_GOVERNED};

	aeg_decide_last(&ident, 1, &decision);
	assert_int_equal(decision.verdict, AEG_VERDICT_ALLOWED);
	aeg_decide_last(&ident, 0, &decision);
	assert_int_equal(decision.verdict, AEG_VERDICT_DENIED);
	assert_int_equal(decision.reason, AEG_REASON_QUARANTINED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layers),	   cmocka_unit_test(test_unknown_workload),
		cmocka_unit_test(test_internal),   cmocka_unit_test(test_stricter),
		cmocka_unit_test(test_cell_proto), cmocka_unit_test(test_covered),
		cmocka_unit_test(test_quarantine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
