/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Explaining: destinations as people write them, the deciding rule, the chain, both outputs. */
#include "policy/explain.h"
#include "util_policy.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* ---- destinations ---- */

static void assert_target(const char *text, const char *host_or_addr, uint16_t port, uint8_t proto)
{
	AEG_CLEANUP(aeg_target_done) struct aeg_target target = {0};
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
	char addr[AEG_ADDR_TEXT];

	if (aeg_target_parse(text, &target, &error) < 0)
		fail_msg("%s: %s", text, aeg_buf_text(&error));
	aeg_addr_format(&target.addr, addr);
	assert_string_equal(target.host ? target.host : addr, host_or_addr);
	assert_int_equal(target.port, port);
	assert_int_equal(target.proto, proto);
}

static void test_targets(void **state)
{
	assert_target("huggingface.co", "huggingface.co", 443, AEG_PROTO_TCP);
	assert_target("HuggingFace.CO.", "huggingface.co", 443, AEG_PROTO_TCP);
	assert_target("hf.co:22", "hf.co", 22, AEG_PROTO_TCP);
	assert_target("hf.co/udp", "hf.co", 443, AEG_PROTO_UDP);
	assert_target("hf.co:53/udp", "hf.co", 53, AEG_PROTO_UDP);
	assert_target("10.1.2.3", "10.1.2.3", 443, AEG_PROTO_TCP);
	assert_target("10.1.2.3:80/tcp", "10.1.2.3", 80, AEG_PROTO_TCP);
	assert_target("2001:db8::1", "2001:db8::1", 443, AEG_PROTO_TCP);
	assert_target("2001:db8::1/udp", "2001:db8::1", 443, AEG_PROTO_UDP);
	assert_target("[2001:db8::1]", "2001:db8::1", 443, AEG_PROTO_TCP);
	assert_target("[2001:db8::1]:8443/udp", "2001:db8::1", 8443, AEG_PROTO_UDP);
	assert_target("::ffff:10.1.2.3", "10.1.2.3", 443, AEG_PROTO_TCP);
	assert_target("https://huggingface.co/models?x=1#y", "huggingface.co", 443, AEG_PROTO_TCP);
	assert_target("http://huggingface.co", "huggingface.co", 80, AEG_PROTO_TCP);
	assert_target("https://hf.co:8443", "hf.co", 8443, AEG_PROTO_TCP);
	assert_target("https://[2001:db8::1]:8443/x", "2001:db8::1", 8443, AEG_PROTO_TCP);
}

static void assert_refused(const char *text, const char *sentence)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
	struct aeg_target target = {.port = 7};

	assert_int_equal(aeg_target_parse(text, &target, &error), -EINVAL);
	assert_string_equal(aeg_buf_text(&error), sentence);
	assert_int_equal(target.port, 7); /* untouched */
	assert_null(target.host);
}

static void test_targets_refused(void **state)
{
	assert_refused("hf.co:", "there is no port after 'hf.co:'");
	assert_refused("hf.co:0", "'0' is not a port: 1 to 65535");
	assert_refused("hf.co:65536", "'65536' is not a port: 1 to 65535");
	assert_refused("hf.co:https", "'https' is not a port: 1 to 65535");
	assert_refused("hf.co:-1", "'-1' is not a port: 1 to 65535");
	assert_refused("hf.co/sctp",
		       "'/sctp' is neither /tcp nor /udp; a URL begins with https://");
	assert_refused("hf.co/models",
		       "'/models' is neither /tcp nor /udp; a URL begins with https://");
	assert_refused("ftp://hf.co", "'ftp' is not a scheme that is known here: http or https");
	assert_refused("https://me@hf.co", "'me@hf.co': write the host without a user in front");
	assert_refused("[2001:db8::1", "'[2001:db8::1' has no closing bracket");
	assert_refused("[2001:db8::1]x",
		       "'[2001:db8::1]x': after the bracket only :PORT may stand");
	assert_refused("[10.1.2.3]", "'[10.1.2.3]' is not an IPv6 address");
	assert_refused("2001:db8::zz", "'2001:db8::zz' is not an IPv6 address");
}

static void test_targets_that_are_no_host(void **state)
{
	static const char *const texts[] = {"",	    "*.hf.co", "a b.test",
					    ":443", "10.1.2",  "https://"};

	for (size_t i = 0; i < AEG_ARRAY_SIZE(texts); i++) {
		AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
		struct aeg_target target = {0};

		assert_int_equal(aeg_target_parse(texts[i], &target, &error), -EINVAL);
		assert_non_null(strstr(aeg_buf_text(&error), "neither an address nor a host name"));
	}
}

/* ---- explanations ---- */

static const char documents[] = ENDPOINT_OF("hub", "acme", "hub",
					    "hosts: [hub.test, git.test], cidrs: [10.1.0.0/16]")
	ENDPOINT_OF("ssh", "acme", "hub", "hosts: [git.test], ports: [22]") ENDPOINT_OF(
		"store", "acme", "upload",
		"hosts: ['*.store.test'], cidrs: [10.2.0.0/16], region: eu, vendor: aws")
		POLICY("web",
		       "workloads: {serviceAccounts: [web, api]}, allow: [" RULE("hub", "{endpoint: hub}") ", " RULE(
			       "more",
			       "{class: upload}, {host: x.test}") "], deny: [" RULE("uploads",
										    "{endpoint: store, ports: [443]}") "]")
			POLICY("watch",
			       "mode: Audit, " ALL ", deny: [" RULE("git", "{host: git.test}") "]")
				CLUSTER_POLICY("none",
					       "workloads: {namespaces: [elsewhere]}, allow: []");

struct asked {
	struct scene scene;
	struct aeg_target target;
	struct aeg_subject subject;
	struct aeg_gen gen;
	struct aeg_question question;
	struct aeg_explanation explanation;
	struct aeg_buf text;
};

static void asked_done(struct asked *asked)
{
	aeg_explanation_done(&asked->explanation);
	aeg_target_done(&asked->target);
	scene_done(&asked->scene);
	aeg_buf_done(&asked->text);
}
#define AUTO_ASKED AEG_CLEANUP(asked_done) struct asked

/* service_account NULL: an unknown workload */
static void ask(const char *service_account, const char *to, struct asked *ret)
{
	*ret = (struct asked){
		.gen = {.number = 1,
			.unselected = AEG_VERDICT_AUDITED,
			.unknown = AEG_VERDICT_DENIED},
		.subject = {.ns = "ns", .service_account = service_account},
	};
	scene_make(documents, &ret->scene);
	assert_int_equal(aeg_target_parse(to, &ret->target, &ret->text), 0);
	ret->question = (struct aeg_question){
		.model = ret->scene.model,
		.tables = ret->scene.tables,
		.numbers = &ret->scene.numbers,
		.gen = &ret->gen,
		.workload_name = service_account ? "ns/pod-1" : NULL,
		.subject = service_account ? &ret->subject : NULL,
		.target = &ret->target,
	};
	assert_int_equal(aeg_explain(&ret->question, &ret->explanation, &ret->text), 0);
}

static const char *as_text(struct asked *asked)
{
	aeg_buf_reset(&asked->text);
	aeg_explanation_text(&asked->question, &asked->explanation, &asked->text);
	return aeg_buf_text(&asked->text);
}

static const char *as_json(struct asked *asked)
{
	aeg_buf_reset(&asked->text);
	aeg_explanation_json(&asked->question, &asked->explanation, &asked->text);
	return aeg_buf_text(&asked->text);
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in:\n%s", part, text);
}

static void assert_why(const struct asked *asked, size_t step, bool matched, const char *why)
{
	assert_in_range(step, 0, asked->explanation.chain.n - 1);
	assert_string_equal(asked->explanation.chain.items[step].why, why);
	assert_int_equal(asked->explanation.chain.items[step].matched, matched);
}

static void test_allowed(void **state)
{
	AUTO_ASKED asked;

	ask("web", "hub.test", &asked);
	assert_int_equal(asked.explanation.decision.verdict, AEG_VERDICT_ALLOWED);
	assert_string_equal(asked.explanation.rule->name, "hub");
	assert_string_equal(asked.explanation.policy->name, "web");
	assert_string_equal(asked.explanation.endpoint->name, "hub");
	assert_string_equal(asked.explanation.pattern, "hub.test");
	assert_int_equal(asked.explanation.chain.n, 5);
	assert_why(&asked, 0, false, "does not select namespace ns: namespaces are elsewhere");
	assert_why(&asked, 1, false, "host git.test does not cover hub.test");
	assert_why(&asked, 2, true, "allows hub.test 443/tcp through endpoint hub");
	assert_why(&asked, 3, false, "none of class upload, host x.test covers hub.test");
	assert_why(&asked, 4, false, "endpoint store does not cover hub.test");
	assert_true(strncmp(as_text(&asked), "allowed  rule: an allow rule matches\n", 37) == 0);
	assert_null(strstr(as_text(&asked), "What would change this"));
}

static void test_deny_rule(void **state)
{
	AUTO_ASKED asked;

	ask("web", "10.2.3.4", &asked);
	assert_int_equal(asked.explanation.decision.verdict, AEG_VERDICT_DENIED);
	assert_string_equal(asked.explanation.rule->name, "uploads");
	assert_string_equal(asked.explanation.pattern, "10.2.0.0/16");
	assert_why(&asked, 3, true, "allows 10.2.3.4 443/tcp through class upload");
	assert_why(&asked, 4, true, "denies 10.2.3.4 443/tcp through endpoint store");
	assert_has(as_text(&asked), "  rule         deny uploads  (f.yaml:");
	assert_has(as_text(&asked), "What would change this:\n  deny wins over every allow rule");
}

static void test_wrong_port(void **state)
{
	AUTO_ASKED asked;

	ask("web", "hub.test:80", &asked);
	assert_int_equal(asked.explanation.decision.reason, AEG_REASON_NO_RULE);
	assert_null(asked.explanation.rule);
	assert_why(&asked, 2, false,
		   "endpoint hub covers the host, but port 80/tcp is not among 443/tcp");
	assert_true(asked.explanation.chain.items[2].wrong_port);
	assert_has(as_text(&asked), "`to: [{endpoint: hub, ports: [80/tcp]}]`,\n"
				    "  or that port in the `ports` of rule hub  (f.yaml:");
}

/* Of two endpoints with the same pattern the one that has the port is shown. */
static void test_endpoint_by_port(void **state)
{
	AUTO_ASKED https, ssh;

	ask("web", "git.test", &https);
	assert_string_equal(https.explanation.endpoint->name, "hub");
	ask("web", "git.test:22", &ssh);
	assert_string_equal(ssh.explanation.endpoint->name, "ssh");
}

static void test_other_layer(void **state)
{
	AUTO_ASKED asked;

	ask("web", "git.test", &asked);
	assert_int_equal(asked.explanation.decision.verdict, AEG_VERDICT_AUDITED);
	assert_string_equal(asked.explanation.policy->name, "watch");
	assert_string_equal(asked.explanation.other_policy->name, "web");
	assert_has(as_text(&asked), "policy       ns/watch, which only audits");
	assert_has(as_text(&asked), "enforced     allowed, rule: ns/web, rule hub");
	assert_has(as_json(&asked), "\"mode\":\"Audit\"");
	assert_has(as_json(&asked), "\"other\":{\"verdict\":\"allowed\",\"reason\":\"rule\","
				    "\"policy\":\"ns/web\",\"rule\":\"hub\"}");
}

static void test_unselected(void **state)
{
	AUTO_ASKED asked;

	ask("batch", "hub.test", &asked);
	assert_int_equal(asked.explanation.decision.verdict, AEG_VERDICT_AUDITED);
	assert_int_equal(asked.explanation.decision.reason, AEG_REASON_UNSELECTED);
	assert_why(&asked, 2, false,
		   "does not select service account batch: serviceAccounts are web, api");
	assert_has(as_text(&asked), "a policy that selects the workload");
}

static void test_not_governed(void **state)
{
	AUTO_ASKED asked;

	ask("web", "192.0.2.1", &asked);
	assert_int_equal(asked.explanation.decision.reason, AEG_REASON_NOT_GOVERNED);
	assert_null(asked.explanation.endpoint);
	assert_null(asked.explanation.pattern);
	assert_has(as_text(&asked), "endpoint     none: not an AI endpoint");
}

static void test_unknown_workload(void **state)
{
	AUTO_ASKED asked;

	ask(NULL, "10.1.0.1", &asked);
	assert_int_equal(asked.explanation.decision.verdict, AEG_VERDICT_DENIED);
	assert_int_equal(asked.explanation.decision.reason, AEG_REASON_UNKNOWN_WORKLOAD);
	assert_int_equal(asked.explanation.chain.n, 0);
	assert_has(as_text(&asked), "workload     not known");
	assert_null(strstr(as_json(&asked), "\"workload\""));
}

/* Asked again about a workload that lives, with what the kernel has of it. */
static void ask_standing(struct asked *asked, uint32_t standing)
{
	aeg_explanation_done(&asked->explanation);
	asked->question.lives = true;
	asked->question.standing = standing;
	assert_int_equal(aeg_explain(&asked->question, &asked->explanation, &asked->text), 0);
}

static void test_standing(void **state)
{
	AUTO_ASKED asked;

	ask("web", "hub.test", &asked);
	ask_standing(&asked, 0);
	assert_int_equal(asked.explanation.decision.reason, AEG_REASON_RULE);
	ask_standing(&asked, AEG_IDENT_QUARANTINED);
	assert_int_equal(asked.explanation.decision.verdict, AEG_VERDICT_DENIED);
	assert_int_equal(asked.explanation.decision.reason, AEG_REASON_QUARANTINED);
	assert_null(asked.explanation.policy);
	assert_has(as_text(&asked), "`aegress release` of the workload");
	ask_standing(&asked, AEG_IDENT_NEEDS_TC);
	assert_int_equal(asked.explanation.decision.reason, AEG_REASON_LAYER);
	assert_has(as_text(&asked), "demands that TC sees the workload");
	ask_standing(&asked, AEG_IDENT_NEEDS_TC | AEG_IDENT_HAS_TC);
	assert_int_equal(asked.explanation.decision.reason, AEG_REASON_RULE);
}

/* The daemon's own pod: what the documents say of such a pod does not hold for it, quarantine does. */
static void test_exempt(void **state)
{
	AUTO_ASKED asked;

	ask("web", "hub.test", &asked);
	assert_int_equal(asked.explanation.decision.reason, AEG_REASON_RULE);
	asked.question.exempt = true;
	ask_standing(&asked, 0);
	assert_int_equal(asked.explanation.decision.verdict, AEG_VERDICT_AUDITED);
	assert_int_equal(asked.explanation.decision.reason, AEG_REASON_UNSELECTED);
	assert_null(asked.explanation.policy);
	assert_int_equal(asked.explanation.chain.n, 0);
	assert_has(as_text(&asked),
		   "  note         this is the daemon's own pod, which no policy selects");
	assert_has(as_text(&asked),
		   "What would change this:\n  `defaults.unselected` of the daemon's "
		   "configuration\n");
	assert_null(strstr(as_text(&asked), "a policy that selects the workload"));
	assert_has(as_json(&asked), "\"note\":\"this is the daemon's own pod");
	ask_standing(&asked, AEG_IDENT_QUARANTINED);
	assert_int_equal(asked.explanation.decision.reason, AEG_REASON_QUARANTINED);
}

/* A process of no known workload has no standing. */
static void test_standing_of_nobody(void **state)
{
	AUTO_ASKED asked;

	ask(NULL, "hub.test", &asked);
	ask_standing(&asked, AEG_IDENT_QUARANTINED);
	assert_int_equal(asked.explanation.decision.reason, AEG_REASON_UNKNOWN_WORKLOAD);
}

static void test_udp(void **state)
{
	AUTO_ASKED asked;

	ask("web", "10.1.0.1/udp", &asked);
	assert_int_equal(asked.explanation.decision.verdict, AEG_VERDICT_DENIED);
	assert_int_equal(asked.explanation.decision.reason, AEG_REASON_UDP);
	assert_has(as_text(&asked), "ports: [443/udp]");
}

/* Files do not tell what an address was learned for; of a name there is nothing to add. */
static void test_note(void **state)
{
	AUTO_ASKED asked, named;

	ask("web", "10.2.3.4", &asked);
	assert_has(as_text(&asked), "which only the daemon can tell");
	assert_has(as_json(&asked), "\"note\":\"");
	ask("web", "hub.test", &named);
	assert_null(named.explanation.note);
}

static void test_json(void **state)
{
	AUTO_ASKED asked;
	const char *json;

	ask("web", "a.store.test", &asked);
	json = as_json(&asked);
	assert_has(json, "{\"verdict\":\"denied\",\"reason\":\"deny-rule\",\"mode\":\"Enforce\","
			 "\"policy\":\"ns/web\",\"rule\":\"uploads\",\"workload\":{\"namespace\":"
			 "\"ns\",\"name\":\"pod-1\",\"serviceAccount\":\"web\",\"labels\":{}},"
			 "\"destination\":{\"name\":\"a.store.test\",\"port\":443,\"protocol\":"
			 "\"tcp\",\"endpoint\":\"store\",\"class\":\"upload\",\"region\":\"eu\","
			 "\"vendor\":\"aws\",\"pattern\":\"*.store.test\"}");
	assert_has(json, "\"chain\":[{\"policy\":\"none\",\"mode\":\"Enforce\",\"matched\":false,"
			 "\"why\":\"does not select namespace ns: namespaces are elsewhere\","
			 "\"file\":\"f.yaml\",\"line\":");
	assert_has(json, "{\"policy\":\"ns/web\",\"rule\":\"uploads\",\"action\":\"deny\",\"mode\":"
			 "\"Enforce\",\"matched\":true,");
}

static void test_selectors_in_words(void **state)
{
	static const char text[] =
		POLICY("labels", "workloads: {podSelector: {matchLabels: {tier: prod}}}, allow: []")
			CLUSTER_POLICY("spaces",
				       "workloads: {namespaceSelector: {matchExpressions: [{key: "
				       "team, operator: Exists}]}}, allow: []");
	AUTO_ASKED asked;
	struct aeg_target target = {.port = 443, .proto = AEG_PROTO_TCP};
	AEG_CLEANUP(aeg_explanation_done) struct aeg_explanation explanation = {0};
	AUTO_SCENE scene;

	ask("web", "hub.test", &asked);
	scene_make(text, &scene);
	asked.question.model = scene.model;
	asked.question.tables = scene.tables;
	asked.question.numbers = &scene.numbers;
	asked.question.target = &target;
	assert_int_equal(aeg_explain(&asked.question, &explanation, &asked.text), 0);
	assert_int_equal(explanation.chain.n, 2);
	assert_string_equal(explanation.chain.items[0].why,
			    "does not select the workload: namespaceSelector wants team is set");
	assert_string_equal(explanation.chain.items[1].why,
			    "does not select the workload: podSelector wants tier in (prod)");
}

static void test_words(void **state)
{
	assert_string_equal(aeg_verdict_word(AEG_VERDICT_AUDITED), "audited");
	assert_string_equal(aeg_verdict_word(99), "?");
	assert_string_equal(aeg_reason_word(AEG_REASON_SPOOFED_SOURCE), "spoofed-source");
	assert_string_equal(aeg_reason_word(0), "?");
	assert_string_equal(aeg_reason_word(AEG_REASON_MAX), "?");
	assert_string_equal(aeg_reason_sentence(AEG_REASON_RULE), "an allow rule matches");
	assert_string_equal(aeg_mode_word(AEG_MODE_AUDIT), "Audit");
	assert_string_equal(aeg_mode_word(7), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_targets_refused),
		cmocka_unit_test(test_targets_that_are_no_host),
		cmocka_unit_test(test_allowed),
		cmocka_unit_test(test_deny_rule),
		cmocka_unit_test(test_wrong_port),
		cmocka_unit_test(test_endpoint_by_port),
		cmocka_unit_test(test_other_layer),
		cmocka_unit_test(test_unselected),
		cmocka_unit_test(test_not_governed),
		cmocka_unit_test(test_unknown_workload),
		cmocka_unit_test(test_standing),
		cmocka_unit_test(test_exempt),
		cmocka_unit_test(test_standing_of_nobody),
		cmocka_unit_test(test_udp),
		cmocka_unit_test(test_note),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_selectors_in_words),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
