// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Flow records to the letter: others parse them. */
#include "observe/flow.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void assert_flow(const struct aeg_flow *flow, const char *expected)
{
	struct aeg_buf line = {0};

	aeg_flow_json(flow, &line);
	assert_string_equal(aeg_buf_text(&line), expected);
	aeg_buf_done(&line);
}

/* ::ffff:10.0.0.7 */
#define MAPPED {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 7}
#define RESOLVER {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 53}

/* Parts of a refusal's record. */
#define REFUSED(why)                                                                               \
	"{\"schema\":\"aegress.flow/v1\",\"time\":\"1970-01-01T00:00:00.000000000Z\","             \
	"\"event\":\"refused\",\"refusal\":\"" why "\","
#define WHO "\"workload\":{\"namespace\":\"ml\",\"name\":\"chat-1\"}"
#define FROM "\"resolver\":\"10.0.0.53\""

static void test_denial(void **state)
{
	const struct aeg_flow flow = {
		.seq = 7,
		.time_ns = 1795176000000000001u,
		.node = "n1",
		.ns = "ml",
		.workload = "chat-1",
		.uid = "u-1",
		.service_account = "chat",
		.policy = "ml/chat",
		.rule = "no-uploads",
		.pattern = "10.0.0.0/8",
		.endpoint = "hf-upload",
		.class = "upload",
		.region = "eu",
		.vendor = "aws",
		.event = {.type = AEG_EVENT_DENY,
			  .generation = 3,
			  .cookie = 11,
			  .cgroup = 12,
			  .pid = 99,
			  .comm = "curl",
			  .proto = AEG_PROTO_TCP,
			  .dport = 443,
			  .daddr = MAPPED,
			  .decision = {.verdict = AEG_VERDICT_DENIED,
				       .reason = AEG_REASON_DENY_RULE}},
	};

	assert_flow(&flow,
		    "{\"schema\":\"aegress.flow/v1\",\"seq\":7,"
		    "\"time\":\"2026-11-20T12:00:00.000000001Z\",\"node\":\"n1\","
		    "\"event\":\"deny\",\"verdict\":\"denied\",\"reason\":\"deny-rule\","
		    "\"mode\":\"Enforce\",\"policy\":\"ml/chat\",\"rule\":\"no-uploads\","
		    "\"generation\":3,\"workload\":{\"namespace\":\"ml\",\"name\":\"chat-1\","
		    "\"uid\":\"u-1\",\"serviceAccount\":\"chat\",\"cgroupId\":12},"
		    "\"process\":{\"pid\":99,\"comm\":\"curl\"},"
		    "\"destination\":{\"ip\":\"10.0.0.7\",\"port\":443,"
		    "\"pattern\":\"10.0.0.0/8\",\"endpoint\":\"hf-upload\",\"class\":\"upload\","
		    "\"region\":\"eu\",\"vendor\":\"aws\"},\"protocol\":\"tcp\","
		    "\"hook\":\"connect\",\"cookie\":11}");
}

static void test_close(void **state)
{
	const struct aeg_flow flow = {
		.seq = 1,
		.event = {.type = AEG_EVENT_CLOSE,
			  .proto = AEG_PROTO_UDP,
			  .hook = AEG_HOOK_DATAGRAM,
			  .dport = 443,
			  .daddr = {0x20, 0x01, 0x0d, 0xb8, [15] = 1},
			  .saddr = MAPPED,
			  .sport = 40000,
			  .duration = 1500000,
			  .sent = 5,
			  .received = 6,
			  .rtt_us = 70,
			  .connect_us = 80,
			  .decision = {.verdict = AEG_VERDICT_ALLOWED, .reason = AEG_REASON_RULE}},
	};

	assert_flow(&flow, "{\"schema\":\"aegress.flow/v1\",\"seq\":1,"
			   "\"time\":\"1970-01-01T00:00:00.000000000Z\",\"event\":\"close\","
			   "\"verdict\":\"allowed\",\"reason\":\"rule\",\"mode\":\"Enforce\","
			   "\"destination\":{\"ip\":\"2001:db8::1\",\"port\":443},"
			   "\"protocol\":\"udp\",\"hook\":\"datagram\","
			   "\"source\":{\"ip\":\"10.0.0.7\",\"port\":40000},"
			   "\"bytes\":{\"sent\":5,\"received\":6},\"durationMs\":1.5,"
			   "\"connectUs\":80,\"rttUs\":70,\"retransmits\":0}");
}

/* An audited decision with the enforcing layer's answer beside it; names nobody knows are left out. */
static void test_other_layer(void **state)
{
	const struct aeg_flow flow = {
		.policy = "audit-all",
		.rule = "r",
		.other_policy = "ml/chat",
		.other_rule = "ai",
		.event = {.type = AEG_EVENT_OPEN,
			  .proto = 132,
			  .decision = {.verdict = AEG_VERDICT_AUDITED,
				       .reason = AEG_REASON_NO_RULE,
				       .mode = AEG_MODE_AUDIT,
				       .other_verdict = AEG_VERDICT_ALLOWED,
				       .other_reason = AEG_REASON_RULE}},
	};

	assert_flow(&flow, "{\"schema\":\"aegress.flow/v1\","
			   "\"time\":\"1970-01-01T00:00:00.000000000Z\",\"event\":\"open\","
			   "\"verdict\":\"audited\",\"reason\":\"no-rule\",\"mode\":\"Audit\","
			   "\"policy\":\"audit-all\",\"rule\":\"r\","
			   "\"other\":{\"verdict\":\"allowed\",\"reason\":\"rule\","
			   "\"policy\":\"ml/chat\",\"rule\":\"ai\"},"
			   "\"destination\":{\"ip\":\"::\",\"port\":0},\"protocol\":\"132\","
			   "\"hook\":\"connect\"}");
}

/* Nothing was decided: no verdict, no port, but a time to live. */
static void test_name(void **state)
{
	const struct aeg_flow flow = {
		.seq = 2,
		.name = "hub.test",
		.pattern = "*.test",
		.endpoint = "hub",
		.class = "hub",
		.ns = "ml",
		.workload = "chat-1",
		.event = {.type = AEG_EVENT_NAME,
			  .generation = 3,
			  .cgroup = 12,
			  .daddr = MAPPED,
			  .saddr = RESOLVER,
			  .duration = 300000000000},
	};

	assert_flow(&flow,
		    "{\"schema\":\"aegress.flow/v1\",\"seq\":2,"
		    "\"time\":\"1970-01-01T00:00:00.000000000Z\",\"event\":\"name\","
		    "\"generation\":3,\"workload\":{\"namespace\":\"ml\",\"name\":\"chat-1\","
		    "\"cgroupId\":12},\"destination\":{\"ip\":\"10.0.0.7\","
		    "\"name\":\"hub.test\",\"pattern\":\"*.test\",\"endpoint\":\"hub\","
		    "\"class\":\"hub\"},\"ttl\":300,\"resolver\":\"10.0.0.53\"}");
}

/* Why it taught nothing; for which name and address, as far as that is known. */
static void test_refused(void **state)
{
	struct aeg_flow flow = {
		.name = "hub.test",
		.pattern = "*.test",
		.ns = "ml",
		.workload = "chat-1",
		.event = {.type = AEG_EVENT_REFUSED,
			  .generation = 3,
			  .refusal = AEG_LEARNING_SPECIAL,
			  .daddr = MAPPED,
			  .saddr = RESOLVER},
	};

	assert_flow(&flow,
		    REFUSED("special-use") "\"generation\":3," WHO
					   ",\"destination\":{\"ip\":\"10.0.0.7\","
					   "\"name\":\"hub.test\",\"pattern\":\"*.test\"}," FROM
					   "}");
	memset(flow.event.daddr, 0, sizeof(flow.event.daddr));
	flow.event.refusal = AEG_REFUSED_MESSAGE | AEG_DNS_TRUNCATED;
	flow.count = 2;
	assert_flow(&flow, REFUSED("truncated") "\"generation\":3," WHO
						",\"destination\":{\"name\":\"hub.test\","
						"\"pattern\":\"*.test\"}," FROM ",\"count\":2,"
						"\"firstSeen\":\"1970-01-01T00:00:00.000000000Z\","
						"\"lastSeen\":\"1970-01-01T00:00:00.000000000Z\"}");
	flow.count = 0;
	flow.name = NULL;
	flow.event.refusal = AEG_LEARNING_AWAY;
	flow.event.generation = 0;
	assert_flow(&flow, REFUSED("away") WHO "," FROM "}");
}

/* Of another version's kernel side, or of memory that went bad. */
static void test_refusals(void **state)
{
	for (unsigned int i = 0; i <= UINT8_MAX; i++)
		assert_non_null(aeg_refusal_word((uint8_t)i));
	assert_string_equal(aeg_refusal_word(AEG_LEARNING_UNASKED), "unasked");
	assert_string_equal(aeg_refusal_word(AEG_LEARNING_MAX), "?");
	assert_string_equal(aeg_refusal_word(AEG_REFUSED_MESSAGE | AEG_DNS_LOST), "lost");
	assert_string_equal(aeg_refusal_word(AEG_REFUSED_MESSAGE | AEG_DNS_RESULT_MAX), "?");
}

/* A denial after connect() tells the name that was said. */
static void test_denied_name(void **state)
{
	const struct aeg_flow flow = {
		.name = "rival.test",
		.event = {.type = AEG_EVENT_DENY,
			  .proto = AEG_PROTO_TCP,
			  .hook = AEG_HOOK_HELLO,
			  .dport = 443,
			  .daddr = MAPPED,
			  .decision = {.verdict = AEG_VERDICT_DENIED,
				       .reason = AEG_REASON_NAME_NOT_ALLOWED}},
	};

	assert_flow(&flow, "{\"schema\":\"aegress.flow/v1\","
			   "\"time\":\"1970-01-01T00:00:00.000000000Z\",\"event\":\"deny\","
			   "\"verdict\":\"denied\",\"reason\":\"name-not-allowed\","
			   "\"mode\":\"Enforce\",\"destination\":{\"ip\":\"10.0.0.7\",\"port\":443,"
			   "\"name\":\"rival.test\"},\"protocol\":\"tcp\",\"hook\":\"hello\"}");
}

/* comm is the process's own choice: not terminated, not UTF-8, with quotes. */
static void test_hostile_comm(void **state)
{
	struct aeg_flow flow = {
		.event = {.type = AEG_EVENT_DENY, .pid = 1, .proto = AEG_PROTO_TCP}};
	struct aeg_buf line = {0};

	memcpy(flow.event.comm,
	       "\"\n\xff"
	       "0123456789abc",
	       AEG_COMM_LEN);
	aeg_flow_json(&flow, &line);
	assert_non_null(strstr(aeg_buf_text(&line), "\"comm\":\"\\\"\\n\xef\xbf\xbd"
						    "0123456789abc\""));
	assert_null(strchr(aeg_buf_text(&line), '\n'));
	aeg_buf_done(&line);
}

static void test_numbers_nobody_knows(void **state)
{
	const struct aeg_flow flow = {.event = {.type = 77,
						.hook = 78,
						.proto = AEG_PROTO_TCP,
						.decision = {.verdict = 79, .reason = 80}}};
	struct aeg_buf line = {0};

	aeg_flow_json(&flow, &line);
	assert_non_null(
		strstr(aeg_buf_text(&line), "\"event\":\"?\",\"verdict\":\"?\",\"reason\":\"?\""));
	assert_non_null(strstr(aeg_buf_text(&line), "\"hook\":\"?\""));
	aeg_buf_done(&line);
}

/* Several alike in one record. */
static void test_folded(void **state)
{
	const struct aeg_flow flow = {
		.seq = 9,
		.count = 13,
		.first_ns = 1795176000000000001u,
		.last_ns = 1795176023500000000u,
		.event = {.type = AEG_EVENT_DENY, .proto = AEG_PROTO_TCP},
	};
	struct aeg_buf line = {0};

	aeg_flow_json(&flow, &line);
	assert_non_null(strstr(aeg_buf_text(&line),
			       "\"hook\":\"connect\",\"count\":13,"
			       "\"firstSeen\":\"2026-11-20T12:00:00.000000001Z\","
			       "\"lastSeen\":\"2026-11-20T12:00:23.500000000Z\"}"));
	aeg_buf_done(&line);
}

/* A ring's loss has a number of its own, a reader's has none. */
static void test_lost(void **state)
{
	const struct aeg_flow ring = {.seq = 3,
				      .time_ns = 1795176000000000001u,
				      .node = "n1",
				      .lost = 42,
				      .lost_where = AEG_LOST_DENIALS},
			      reader = {.lost = 1, .lost_where = AEG_LOST_READER};

	assert_flow(&ring, "{\"schema\":\"aegress.flow/v1\",\"seq\":3,"
			   "\"time\":\"2026-11-20T12:00:00.000000001Z\",\"node\":\"n1\","
			   "\"event\":\"lost\",\"lost\":42,\"where\":\"denials\"}");
	assert_flow(&reader, "{\"schema\":\"aegress.flow/v1\","
			     "\"time\":\"1970-01-01T00:00:00.000000000Z\","
			     "\"event\":\"lost\",\"lost\":1,\"where\":\"reader\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_denial),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_other_layer),
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_denied_name),
		cmocka_unit_test(test_hostile_comm),
		cmocka_unit_test(test_numbers_nobody_knows),
		cmocka_unit_test(test_folded),
		cmocka_unit_test(test_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
