/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* POST /v1/explain: the question as JSON, the answer of policy/explain.h. */
#include "daemon/api.h"
#include "daemon/instances.h"
#include "daemon/self.h"
#include "policy/explain.h"

#include <jansson.h>

struct asked {
	const char *workload, *ns, *service_account,
		*to;  /* borrowed from the JSON; NULL: not said */
	bool unknown; /* a process of no known workload asks */
	struct aeg_labels labels;
};

static void json_closep(json_t **json)
{
	json_decref(*json);
}

static void asked_done(struct asked *asked)
{
	for (size_t i = 0; i < asked->labels.list.n; i++) {
		free(asked->labels.list.items[i].key);
		free(asked->labels.list.items[i].value);
	}
	AEG_VEC_DONE(asked->labels.list);
}

static bool read_labels(struct asked *asked, json_t *labels)
{
	const char *key;
	json_t *value;

	if (!json_is_object(labels))
		return false;
	json_object_foreach (labels, key, value) {
		struct aeg_label_pair *pair;

		if (!json_is_string(value))
			return false;
		pair = AEG_VEC_PUSH(asked->labels.list);
		pair->key = aeg_xstrdup(key);
		pair->value = aeg_xstrdup(json_string_value(value));
	}
	return true;
}

static bool read_member(struct asked *asked, const char *key, json_t *value,
			struct aeg_reply *reply)
{
	const struct {
		const char *key;
		const char **ret;
	} texts[] = {{"workload", &asked->workload},
		     {"namespace", &asked->ns},
		     {"serviceAccount", &asked->service_account},
		     {"to", &asked->to}};

	for (size_t i = 0; i < AEG_ARRAY_SIZE(texts); i++) {
		if (!aeg_streq(key, texts[i].key))
			continue;
		*texts[i].ret = json_string_value(value);
		if (!*texts[i].ret)
			aeg_reply_error(reply, 400, "'%s' is not a text", key);
		return *texts[i].ret;
	}
	if (aeg_streq(key, "unknown")) {
		asked->unknown = json_is_true(value);
		if (!json_is_boolean(value))
			aeg_reply_error(reply, 400, "'unknown' is not true or false");
		return json_is_boolean(value);
	}
	if (!aeg_streq(key, "labels")) {
		aeg_reply_error(reply, 400,
				"'%s' is not one of workload, namespace, serviceAccount, labels, "
				"unknown, to",
				key);
		return false;
	}
	if (read_labels(asked, value))
		return true;
	aeg_reply_error(reply, 400, "'labels' is not an object of texts");
	return false;
}

static bool read_question(struct asked *asked, json_t *json, struct aeg_reply *reply)
{
	const char *key;
	json_t *value;

	json_object_foreach (json, key, value) {
		if (!read_member(asked, key, value, reply))
			return false;
	}
	if (!asked->to) {
		aeg_reply_error(reply, 400,
				"'to' is missing: HOST or ADDRESS, with :PORT if not 443");
		return false;
	}
	if (!!asked->workload + !!asked->ns + asked->unknown == 1)
		return true;
	aeg_reply_error(reply, 400,
			"say either 'workload' or 'namespace' (with serviceAccount, labels), or "
			"'unknown'");
	return false;
}

static const struct aeg_workload *find_workload(const struct aeg_model *model, const char *name)
{
	for (size_t i = 0; i < model->workloads.n; i++) {
		const struct aeg_workload *workload = model->workloads.items[i];
		AEG_AUTO_FREE char *text = aeg_xasprintf("%s/%s", workload->ns, workload->name);

		if (aeg_streq(text, name))
			return workload;
	}
	return NULL;
}

static void reply_explanation(const struct aeg_question *question, bool text,
			      struct aeg_reply *reply)
{
	struct aeg_explanation explanation;
	struct aeg_buf error = {0};

	if (aeg_explain(question, &explanation, &error)) {
		aeg_reply_error(reply, 500, "%s", aeg_buf_text(&error));
		aeg_buf_done(&error);
		return;
	}
	if (text) {
		reply->type = AEG_API_TEXT;
		aeg_explanation_text(question, &explanation, &reply->body);
	} else {
		aeg_explanation_json(question, &explanation, &reply->body);
	}
	aeg_explanation_done(&explanation);
}

/* Of a declared workload or of what the question makes up; false: replied already. */
static bool find_subject(const struct aeg_ruleset *ruleset, const struct asked *asked,
			 struct aeg_subject *ret, struct aeg_reply *reply)
{
	const struct aeg_workload *workload;

	if (!asked->workload) {
		*ret = (struct aeg_subject){
			.ns = asked->ns,
			.service_account = asked->service_account ? asked->service_account
								  : "default",
			.labels = &asked->labels,
			.namespace_labels = aeg_model_namespace_labels(ruleset->model, asked->ns),
		};
		return true;
	}
	workload = find_workload(ruleset->model, asked->workload);
	if (!workload) {
		aeg_reply_error(reply, 404, "there is no workload '%s'", asked->workload);
		return false;
	}
	*ret = aeg_subject_of(ruleset->model, workload);
	return true;
}

/* Of all its containers: one that TC does not see is one too many, and one that policies select as well. */
static void find_standing(const struct aeg_reconciler *reconciler, const char *workload,
			  struct aeg_question *question)
{
	struct aeg_registry *registry = reconciler->ruleset->registry;
	uint32_t any = 0, all = ~0u;
	bool exempt = true;

	for (size_t i = 0; i < aeg_registry_count(registry); i++) {
		const struct aeg_instance *instance = aeg_registry_at(registry, i);
		AEG_AUTO_FREE char *name =
			aeg_xasprintf("%s/%s", instance->workload->ns, instance->workload->name);
		uint32_t flags;

		if (!aeg_streq(name, workload))
			continue;
		flags = aeg_instance_row(reconciler, instance).ident.flags;
		any |= flags & (AEG_IDENT_QUARANTINED | AEG_IDENT_NEEDS_TC);
		all &= flags & AEG_IDENT_HAS_TC;
		exempt &= aeg_self_is_in(reconciler->self, instance->cgroup.path);
		question->lives = true;
	}
	question->exempt = question->lives && exempt;
	question->standing = any | (all & AEG_IDENT_HAS_TC);
}

/* The patterns that the kernel knows the address for at this moment; texts are borrowed. */
static void find_learned(struct aeg_reconciler *reconciler, const struct aeg_target *target,
			 struct aeg_strings *ret)
{
	struct aeg_learned learned;
	uint32_t now = aeg_now_s();

	if (target->host || aeg_datapath_learned_get(reconciler->datapath, &target->addr, &learned))
		return;
	for (size_t i = 0; i < AEG_MEMBERS_MAX; i++) {
		const char *text = aeg_numbers_text(&reconciler->numbers, learned.members[i].node);

		if (text && aeg_member_left(&learned.members[i], now))
			*AEG_VEC_PUSH(ret->list) = (char *)text;
	}
}

static bool is_resolver(const struct aeg_reconciler *reconciler, const struct aeg_target *target)
{
	for (size_t i = 0; !target->host && i < reconciler->resolvers.list.n; i++)
		if (memcmp(&reconciler->resolvers.list.items[i], &target->addr,
			   sizeof(target->addr)) == 0)
			return true;
	return false;
}

static void explain(struct aeg_reconciler *reconciler, const struct asked *asked, bool text,
		    struct aeg_reply *reply)
{
	struct aeg_ruleset *ruleset = reconciler->ruleset;
	AEG_CLEANUP(aeg_target_done) struct aeg_target target = {0};
	struct aeg_buf error = {0};
	struct aeg_strings learned = {0};
	struct aeg_subject subject;
	struct aeg_question question = {
		.model = ruleset->model,
		.numbers = &reconciler->numbers,
		.gen = &reconciler->config->defaults,
		.workload_name = asked->workload,
		.subject = &subject,
		.target = &target,
		.learned = &learned,
	};

	if (asked->unknown)
		question.subject = NULL;
	else if (!find_subject(ruleset, asked, &subject, reply))
		return;
	if (aeg_target_parse(asked->to, &target, &error)) {
		aeg_reply_error(reply, 400, "'to': %s", aeg_buf_text(&error));
	} else if (aeg_ruleset_trial(ruleset, &reconciler->numbers, &error, &question.tables)) {
		aeg_reply_error(reply, 500, "%s", aeg_buf_text(&error));
	} else {
		find_learned(reconciler, &target, &learned);
		question.resolver = is_resolver(reconciler, &target);
		if (asked->workload)
			find_standing(reconciler, asked->workload, &question);
		reply_explanation(&question, text, reply);
	}
	AEG_VEC_DONE(learned.list);
	aeg_buf_done(&error);
}

void aeg_api_explain(const struct aeg_daemon *daemon, const struct aeg_request *request,
		     struct aeg_reply *reply)
{
	json_error_t error;
	AEG_CLEANUP(json_closep)
	json_t *json = json_loadb(request->body, request->len, JSON_REJECT_DUPLICATES, &error);
	AEG_CLEANUP(asked_done) struct asked asked = {0};

	if (!json_is_object(json))
		aeg_reply_error(reply, 400, "the body is not a JSON object: %s",
				json ? "it is something else" : error.text);
	else if (!daemon->reconciler->ruleset)
		aeg_reply_error(reply, 503, "no documents that check have been read yet");
	else if (read_question(&asked, json, reply))
		explain(daemon->reconciler, &asked, request->wants_text, reply);
}
