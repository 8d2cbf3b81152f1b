// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Records of the audit log in ECS, OCSF and CEF, word for word. */
#include "gen/version.h"
#include "observe/export.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define HASH "df65385bbf68472d20d4d4eba6cdd278803804fffd4bc4daa07bcee5ae82dbeb"
#define SEAL ",\"audit\":{\"n\":2,\"hash\":\"" HASH "\"}}"

/* Texts that would break a format that does not escape. */
static const char denial[] =
	"{\"schema\":\"aegress.flow/v1\",\"time\":\"2026-11-20T16:22:38.863488388Z\","
	"\"node\":\"n1\",\"event\":\"deny\",\"verdict\":\"denied\","
	"\"reason\":\"name-not-allowed\",\"mode\":\"Enforce\",\"policy\":\"ml/chat\","
	"\"rule\":\"a|b=c\\\\\",\"generation\":3,\"workload\":{\"namespace\":\"ml\","
	"\"name\":\"chat-1\",\"uid\":\"u-1\",\"serviceAccount\":\"chat\"},"
	"\"process\":{\"pid\":99,\"comm\":\"a=b|c\\n\\\"\"},\"destination\":{"
	"\"ip\":\"203.0.113.20\",\"port\":443,\"name\":\"x.hf.co\","
	"\"pattern\":\"*.hf.co\",\"endpoint\":\"hf-hub\",\"class\":\"hub\"},"
	"\"protocol\":\"tcp\",\"hook\":\"hello\",\"cookie\":24257025,\"count\":3,"
	"\"firstSeen\":\"2026-11-20T16:22:38.000000000Z\","
	"\"lastSeen\":\"2026-11-20T16:22:40.500000000Z\"" SEAL;
static const char audited[] =
	"{\"schema\":\"aegress.flow/v1\",\"time\":\"2026-11-20T16:22:38.863488388Z\","
	"\"node\":\"n1\",\"event\":\"open\",\"verdict\":\"audited\",\"reason\":\"no-rule\","
	"\"mode\":\"Audit\",\"destination\":{\"ip\":\"2001:db8::1\",\"port\":443},"
	"\"protocol\":\"132\",\"hook\":\"connect\"" SEAL;
static const char policy[] =
	"{\"schema\":\"aegress.audit/v1\",\"time\":\"2026-11-20T16:22:38.863488388Z\","
	"\"node\":\"n1\",\"event\":\"policy\",\"generation\":2,\"by\":{\"source\":\"api\","
	"\"request\":\"apply\",\"pid\":9,\"uid\":0,\"gid\":0},\"documents\":2,"
	"\"digest\":\"d1\",\"changes\":[{\"action\":\"added\"}]" SEAL;
static const char start[] =
	"{\"schema\":\"aegress.audit/v1\",\"time\":\"2026-11-20T16:22:38.863488388Z\","
	"\"node\":\"n1\",\"event\":\"start\",\"pid\":7" SEAL;

static void assert_export(enum aeg_export_format format, const char *line, const char *expected)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf out = {0};
	json_t *parsed;

	assert_true(aeg_export(format, line, strlen(line), &out));
	assert_string_equal(aeg_buf_text(&out), expected);
	if (format == AEG_EXPORT_CEF)
		return;
	parsed = json_loads(out.data, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(parsed);
	json_decref(parsed);
}

static void assert_has(enum aeg_export_format format, const char *line, const char *const parts[3])
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf out = {0};

	assert_true(aeg_export(format, line, strlen(line), &out));
	for (size_t i = 0; i < 3; i++) {
		if (!strstr(aeg_buf_text(&out), parts[i]))
			fail_msg("no '%s' in %s", parts[i], aeg_buf_text(&out));
	}
}

static void test_native(void **state)
{
	assert_export(AEG_EXPORT_NATIVE, denial, denial);
}

static void test_ecs(void **state)
{
	assert_export(
		AEG_EXPORT_ECS, denial,
		"{\"@timestamp\":\"2026-11-20T16:22:38.863488388Z\",\""
		"message\":\"denied: ml/chat-1 to x.hf.co:443 (name-not-allowed)\",\"ecs\":{"
		"\"version\":\"8.17.0\"},\"observer\":{\"vendor\":\"aegress\",\""
		"product\":\"aegressd\",\"type\":\"firewall\"},\"event\":{\"kind\":\"event\",\""
		"module\":\"aegress\",\"dataset\":\"aegress.audit\",\"provider\":\"aegressd\",\""
		"category\":[\"network\"],\"type\":[\"connection\",\"denied\"],\""
		"action\":\"connection-denied\",\"outcome\":\"success\",\""
		"reason\":\"name-not-allowed\",\"start\":\"2026-11-20T16:22:38.000000000Z\",\""
		"end\":\"2026-11-20T16:22:40.500000000Z\",\"id\":\"" HASH
		"\",\"sequence\":2},\"host\":"
		"{\"name\":\"n1\"},\"destination\":{\"address\":\"x.hf.co\",\"domain\":\"x.hf.co\",\""
		"ip\":\"203.0.113.20\",\"port\":443},\"network\":{\"direction\":\"egress\",\""
		"type\":\"ipv4\",\"iana_number\":\"6\",\"transport\":\"tcp\"},\"process\":{\"pid\":99"
		",\"name\":\"a=b|c\\n\\\"\"},\"orchestrator\":{\"type\":\"kubernetes\",\""
		"namespace\":\"ml\",\"resource\":{\"type\":\"pod\",\"name\":\"chat-1\",\"id\":\"u-1\"}}"
		",\"rule\":{\"ruleset\":\"ml/chat\",\"name\":\"a|b=c\\\\\"},\"tls\":{\"client\":{"
		"\"server_name\":\"x.hf.co\"}},\"aegress\":{\"endpoint\":\"hf-hub\",\"class\":\"hub\""
		",\"pattern\":\"*.hf.co\",\"service_account\":\"chat\",\"hook\":\"hello\",\""
		"mode\":\"Enforce\",\"generation\":3,\"count\":3}}");
	assert_export(
		AEG_EXPORT_ECS, audited,
		"{\"@timestamp\":\"2026-11-20T16:22:38.863488388Z\",\""
		"message\":\"audited: unknown workload to 2001:db8::1:443 (no-rule)\",\""
		"ecs\":{\"version\":\"8.17.0\"},\"observer\":{\"vendor\":\"aegress\",\""
		"product\":\"aegressd\",\"type\":\"firewall\"},\"event\":{\"kind\":\"event\",\""
		"module\":\"aegress\",\"dataset\":\"aegress.audit\",\"provider\":\"aegressd\",\""
		"category\":[\"network\"],\"type\":[\"connection\",\"allowed\"],\""
		"action\":\"connection-audited\",\"outcome\":\"success\",\"reason\":\"no-rule\",\""
		"id\":\"" HASH "\",\"sequence\":2},\"host\":{\"name\":\"n1\"},\"destination\":{"
		"\"address\":\"2001:db8::1\",\"ip\":\"2001:db8::1\",\"port\":443},\"network\":{"
		"\"direction\":\"egress\",\"type\":\"ipv6\",\"iana_number\":\"132\"},\"aegress\":{"
		"\"hook\":\"connect\",\"mode\":\"Audit\"}}");
	assert_export(
		AEG_EXPORT_ECS, policy,
		"{\"@timestamp\":\"2026-11-20T16:22:38.863488388Z\",\""
		"message\":\"aegress: policy\",\"ecs\":{\"version\":\"8.17.0\"},\"observer\":{"
		"\"vendor\":\"aegress\",\"product\":\"aegressd\",\"type\":\"firewall\"},\"event\":{"
		"\"kind\":\"event\",\"module\":\"aegress\",\"dataset\":\"aegress.audit\",\""
		"provider\":\"aegressd\",\"category\":[\"configuration\"],\"type\":[\"change\"],\""
		"action\":\"policy\",\"outcome\":\"success\",\"id\":\"" HASH
		"\",\"sequence\":2},\"host\":{"
		"\"name\":\"n1\"},\"user\":{\"id\":\"0\"},\"aegress\":{\"generation\":2,"
		"\"documents\":2,\"digest\":\"d1\",\"changes\":[{\"action\":\"added\"}]}}");
}

static void test_ocsf(void **state)
{
	assert_export(
		AEG_EXPORT_OCSF, denial,
		"{\"time\":1795191758863,\"start_time\":1795191758000,\""
		"end_time\":1795191760500,\"count\":3,\"class_name\":\"Network Activity\",\""
		"class_uid\":4001,\"category_name\":\"Network Activity\",\"category_uid\":4,\""
		"activity_name\":\"Refuse\",\"activity_id\":5,\"type_uid\":400105,\""
		"severity\":\"Medium\",\"severity_id\":3,\"status\":\"Failure\",\"status_id\":2,\""
		"action\":\"Denied\",\"action_id\":2,\"disposition\":\"Blocked\",\""
		"disposition_id\":2,\""
		"message\":\"denied: ml/chat-1 to x.hf.co:443 (name-not-allowed)\",\""
		"status_detail\":\"name-not-allowed\",\"metadata\":{\"version\":\"1.3.0\",\""
		"product\":{\"name\":\"aegressd\",\"vendor_name\":\"aegress\",\"version\":\"" AEG_VERSION
		"\"},\""
		"profiles\":[\"security_control\",\"host\"],\"uid\":\"" HASH "\",\"sequence\":2,\""
		"log_name\":\"aegress.flow/v1\",\""
		"original_time\":\"2026-11-20T16:22:38.863488388Z\"},\"src_endpoint\":{"
		"\"name\":\"ml/chat-1\",\"uid\":\"u-1\"},\"dst_endpoint\":{\"hostname\":\"x.hf.co\",\""
		"ip\":\"203.0.113.20\",\"port\":443,\"svc_name\":\"hf-hub\"},\"connection_info\":{"
		"\"uid\":\"24257025\",\"direction\":\"Outbound\",\"direction_id\":2,\""
		"protocol_name\":\"tcp\",\"protocol_num\":6,\""
		"protocol_ver\":\"Internet Protocol version 4 (IPv4)\",\""
		"protocol_ver_id\":4},\"actor\":{\"process\":{\"name\":\"a=b|c\\n\\\"\",\"pid\":99}}"
		",\"device\":{\"hostname\":\"n1\",\"type\":\"Server\",\"type_id\":1},\"policy\":{"
		"\"name\":\"ml/chat\"},\"firewall_rule\":{\"name\":\"a|b=c\\\\\"},\"unmapped\":{"
		"\"mode\":\"Enforce\",\"hook\":\"hello\",\"generation\":3,\"serviceAccount\":\"chat\""
		",\"class\":\"hub\"}}");
	assert_export(
		AEG_EXPORT_OCSF, audited,
		"{\"time\":1795191758863,\"class_name\":\"Network Activity\",\"class_uid\":4001"
		",\"category_name\":\"Network Activity\",\"category_uid\":4,\""
		"activity_name\":\"Open\",\"activity_id\":1,\"type_uid\":400101,\""
		"severity\":\"Low\",\"severity_id\":2,\"status\":\"Success\",\"status_id\":1,\""
		"action\":\"Allowed\",\"action_id\":1,\"disposition\":\"Logged\",\""
		"disposition_id\":17,\""
		"message\":\"audited: unknown workload to 2001:db8::1:443 (no-rule)\",\""
		"status_detail\":\"no-rule\",\"metadata\":{\"version\":\"1.3.0\",\"product\":{"
		"\"name\":\"aegressd\",\"vendor_name\":\"aegress\",\"version\":\"" AEG_VERSION
		"\"},\""
		"profiles\":[\"security_control\",\"host\"],\"uid\":\"" HASH "\",\"sequence\":2,\""
		"log_name\":\"aegress.flow/v1\",\""
		"original_time\":\"2026-11-20T16:22:38.863488388Z\"},\"src_endpoint\":{},\""
		"dst_endpoint\":{\"ip\":\"2001:db8::1\",\"port\":443},\"connection_info\":{"
		"\"direction\":\"Outbound\",\"direction_id\":2,\"protocol_name\":\"132\",\""
		"protocol_num\":132,\"protocol_ver\":\"Internet Protocol version 6 (IPv6)\""
		",\"protocol_ver_id\":6},\"device\":{\"hostname\":\"n1\",\"type\":\"Server\",\""
		"type_id\":1},\"unmapped\":{\"mode\":\"Audit\",\"hook\":\"connect\"}}");
	assert_export(
		AEG_EXPORT_OCSF, policy,
		"{\"time\":1795191758863,\"class_name\":\"Base Event\",\"class_uid\":0,\""
		"category_name\":\"Uncategorized\",\"category_uid\":0,\""
		"activity_name\":\"Other\",\"activity_id\":99,\"type_uid\":99,\""
		"severity\":\"Informational\",\"severity_id\":1,\"status\":\"Success\",\""
		"status_id\":1,\"message\":\"aegress: policy\",\"metadata\":{\"version\":\"1.3.0\""
		",\"product\":{\"name\":\"aegressd\",\"vendor_name\":\"aegress\",\"version\":\"" AEG_VERSION
		"\"}"
		",\"uid\":\"" HASH "\",\"sequence\":2,\"log_name\":\"aegress.audit/v1\",\""
		"original_time\":\"2026-11-20T16:22:38.863488388Z\"},\"unmapped\":{"
		"\"event\":\"policy\",\"generation\":2,\"by\":{\"source\":\"api\",\"request\":\"apply\""
		",\"pid\":9,\"uid\":0,\"gid\":0},\"documents\":2,\"digest\":\"d1\",\"changes\":[{"
		"\"action\":\"added\"}]}}");
	assert_export(
		AEG_EXPORT_OCSF, start,
		"{\"time\":1795191758863,\"class_name\":\"Application Lifecycle\",\""
		"class_uid\":6002,\"category_name\":\"Application Activity\",\""
		"category_uid\":6,\"activity_name\":\"Start\",\"activity_id\":3,\""
		"type_uid\":600203,\"severity\":\"Informational\",\"severity_id\":1,\""
		"status\":\"Success\",\"status_id\":1,\"message\":\"aegress: start\",\"metadata\":"
		"{\"version\":\"1.3.0\",\"product\":{\"name\":\"aegressd\",\""
		"vendor_name\":\"aegress\",\"version\":\"" AEG_VERSION "\"},\"uid\":\"" HASH
		"\",\"sequence\":2,\""
		"log_name\":\"aegress.audit/v1\",\""
		"original_time\":\"2026-11-20T16:22:38.863488388Z\"},\"app\":{"
		"\"name\":\"aegressd\",\"vendor_name\":\"aegress\",\"version\":\"" AEG_VERSION
		"\"},\"unmapped\":"
		"{\"event\":\"start\",\"pid\":7}}");
}

static void test_cef(void **state)
{
	assert_export(
		AEG_EXPORT_CEF, denial,
		"CEF:0|aegress|aegressd|" AEG_VERSION ""
		"|denied|Connection denied|6|cat=audit rt=1795191758863 start=1795191758000 end=1795191760500 cnt=3 dvchost=n1 externalId=" HASH
		""
		" act=denied outcome=failure reason=name-not-allowed deviceDirection=1 dst=203.0.113.20 dpt=443 dhost=x.hf.co proto=tcp spid=99 sproc=a\\=b|c\\n\" suser=chat cs1Label=policy cs1=ml/chat cs2Label=rule cs2=a|b\\=c\\\\ cs3Label=workload cs3=ml/chat-1 cs4Label=endpoint cs4=hf-hub cs5Label=mode cs5=Enforce msg=denied: ml/chat-1 to x.hf.co:443 (name-not-allowed)");
	assert_export(
		AEG_EXPORT_CEF, audited,
		"CEF:0|aegress|aegressd|" AEG_VERSION ""
		"|audited|Connection would be denied|4|cat=audit rt=1795191758863 dvchost=n1 externalId=" HASH
		""
		" act=audited outcome=success reason=no-rule deviceDirection=1 c6a3Label=Destination IPv6 Address c6a3=2001:db8::1 dpt=443 proto=132 cs5Label=mode cs5=Audit msg=audited: unknown workload to 2001:db8::1:443 (no-rule)");
	assert_export(
		AEG_EXPORT_CEF, policy,
		"CEF:0|aegress|aegressd|" AEG_VERSION ""
		"|policy|Policy changed|5|cat=audit rt=1795191758863 dvchost=n1 externalId=" HASH ""
		" act=policy spid=9 suid=0 cs1Label=source cs1=api cs2Label=request cs2=apply cs4Label=digest cs4=d1 cs5Label=changes cs5=[{\"action\":\"added\"}] msg=aegress: policy");
}

/* What is no connection and no policy either: each format says who, why, how much, which file. */
static void test_lives(void **state)
{
	static const struct {
		const char *line;
		const char *ecs[3], *ocsf[3], *cef[3];
	} cases[] = {
		{"{\"schema\":\"aegress.audit/v1\",\"event\":\"quarantine\",\"by\":{\"pid\":7,\"uid\":0},"
		 "\"workload\":{\"namespace\":\"ml\",\"name\":\"chat-*\"},\"reason\":\"key leaked\","
		 "\"until\":1795191758}",
		 {"\"namespace\":\"ml\",\"resource\":{\"type\":\"pod\",\"name\":\"chat-*\"}",
		  "\"reason\":\"key leaked\"", "\"aegress\":{\"until\":1795191758}"},
		 {"\"workload\":{\"namespace\":\"ml\",\"name\":\"chat-*\"}", "\"until\":1795191758",
		  "\"severity\":\"Medium\""},
		 {"|quarantine|Workload quarantined|7|", " cs3Label=workload cs3=ml/chat-*",
		  " reason=key leaked "}},
		{"{\"schema\":\"aegress.audit/v1\",\"event\":\"release\",\"by\":{\"source\":\"api\"},"
		 "\"workload\":{\"namespace\":\"ml\",\"name\":\"chat-1\"}}",
		 {"\"name\":\"chat-1\"", "\"action\":\"release\"",
		  "\"category\":[\"configuration\"]"},
		 {"\"name\":\"chat-1\"", "\"event\":\"release\"", "\"by\":{\"source\":\"api\"}"},
		 {"|release|Quarantine ended|5|", " cs3=ml/chat-1", " cs1=api"}},
		{"{\"schema\":\"aegress.flow/v1\",\"event\":\"lost\",\"lost\":12,\"where\":\"denials\"}",
		 {"\"lost\":12", "\"action\":\"lost\"", "\"type\":[\"info\"]"},
		 {"\"lost\":12", "\"where\":\"denials\"", "\"severity\":\"Medium\""},
		 {"|lost|Records lost|7|", " cnt=12", " act=lost"}},
		{"{\"schema\":\"aegress.audit/v1\",\"event\":\"opened\",\"previousRun\":\"unclean\","
		 "\"tornBytes\":21,\"missing\":{\"from\":2,\"to\":4}}",
		 {"\"action\":\"opened\"", "\"kind\":\"event\"", "\"message\":\"aegress: opened\""},
		 {"\"previousRun\":\"unclean\"", "\"tornBytes\":21",
		  "\"missing\":{\"from\":2,\"to\":4}"},
		 {"|opened|Audit log opened|3|", " act=opened", " msg=aegress: opened"}},
		{"{\"schema\":\"aegress.audit/v1\",\"event\":\"expired\",\"file\":\"audit-1.jsonl\","
		 "\"first\":1,\"last\":9}",
		 {"\"action\":\"expired\"", "\"file\":\"audit-1.jsonl\"",
		  "\"outcome\":\"unknown\""},
		 {"\"file\":\"audit-1.jsonl\"", "\"first\":1", "\"last\":9"},
		 {"|expired|Audit file removed|3|", " cs3Label=file cs3=audit-1.jsonl",
		  " act=expired"}},
	};

	for (size_t i = 0; i < AEG_ARRAY_SIZE(cases); i++) {
		assert_has(AEG_EXPORT_ECS, cases[i].line, cases[i].ecs);
		assert_has(AEG_EXPORT_OCSF, cases[i].line, cases[i].ocsf);
		assert_has(AEG_EXPORT_CEF, cases[i].line, cases[i].cef);
	}
}

/* Header fields escape what separates them. */
static void test_cef_header(void **state)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf out = {0};
	static const char line[] = "{\"event\":\"a|b\\\\c\\nd\"}";

	assert_true(aeg_export(AEG_EXPORT_CEF, line, strlen(line), &out));
	assert_non_null(strstr(out.data, "|a\\|b\\\\c d|Audit record|2|cat=audit"));
}

static void test_no_records(void **state)
{
	static const char *const lines[] = {"", "{", "[]", "3", "{\"a\":1,\"a\":2}"};
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf out = {0};

	for (enum aeg_export_format format = AEG_EXPORT_NATIVE; format <= AEG_EXPORT_CEF;
	     format++) {
		for (size_t i = 0; i < AEG_ARRAY_SIZE(lines); i++)
			assert_false(aeg_export(format, lines[i], strlen(lines[i]), &out));
	}
	assert_int_equal(out.len, 0);
}

/* Any object is exported: what is missing is left out, what is of another type ignored. */
static void test_odd_records(void **state)
{
	static const char *const lines[] = {
		"{}",
		"{\"verdict\":\"denied\"}",
		"{\"verdict\":3,\"event\":[],\"destination\":\"x\",\"time\":\"yesterday\"}",
		"{\"verdict\":\"denied\",\"destination\":{\"ip\":7},\"protocol\":\"x\"}",
	};

	for (enum aeg_export_format format = AEG_EXPORT_NATIVE; format <= AEG_EXPORT_CEF;
	     format++) {
		for (size_t i = 0; i < AEG_ARRAY_SIZE(lines); i++) {
			AEG_CLEANUP(aeg_buf_done) struct aeg_buf out = {0};

			assert_true(aeg_export(format, lines[i], strlen(lines[i]), &out));
			assert_null(strchr(out.data, '\n'));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_native),	    cmocka_unit_test(test_ecs),
		cmocka_unit_test(test_ocsf),	    cmocka_unit_test(test_cef),
		cmocka_unit_test(test_cef_header),  cmocka_unit_test(test_no_records),
		cmocka_unit_test(test_odd_records), cmocka_unit_test(test_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
