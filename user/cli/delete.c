/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* `aegress delete`: takes back an object that `aegress apply` brought. */
#include "base/diag.h"
#include "cli/client.h"
#include "cli/kinds.h"
#include "cli/text.h"

struct delete_options {
	struct aeg_common common;
	const char *ns;
};

struct object {
	const struct aeg_kind *kind;
	char *ns, *name; /* ns NULL: not said */
};

static void object_done(struct object *object)
{
	free(object->ns);
	free(object->name);
}

static int bad_kind(const char *word)
{
	const char *closest;
	size_t n = 0;

	while (aeg_kind_words[n])
		n++;
	closest = aeg_closest(word, aeg_kind_words, n);
	if (closest)
		return aeg_usage_error(&aeg_verb_delete, "delete: no kind '%s': did you mean '%s'?",
				       word, closest);
	return aeg_usage_error(&aeg_verb_delete, "delete: no kind '%s'", word);
}

static void set_name(const char *text, struct object *ret)
{
	const char *slash = strchr(text, '/');

	if (slash)
		ret->ns = aeg_xstrndup(text, (size_t)(slash - text));
	ret->name = aeg_xstrdup(slash ? slash + 1 : text);
}

/* One operand, KIND/[NS/]NAME, or two, KIND [NS/]NAME. */
static int parse_words(const struct aeg_opt_list *operands, struct object *ret)
{
	const char *first = operands->list.items[0], *slash = strchr(first, '/');
	bool pair = operands->list.n == 2;
	AEG_AUTO_FREE char *kind = pair || !slash ? aeg_xstrdup(first)
						  : aeg_xstrndup(first, (size_t)(slash - first));

	if (!pair && !slash)
		return aeg_usage_error(&aeg_verb_delete, "delete: '%s' names no object", first);
	ret->kind = aeg_kind_find(kind);
	if (!ret->kind)
		return bad_kind(kind);
	set_name(pair ? operands->list.items[1] : slash + 1, ret);
	return AEG_EXIT_OK;
}

/* The namespace may also come from -n, and must fit the kind. */
static int check_namespace(const struct delete_options *options, struct object *ret)
{
	if (options->ns && ret->ns && !aeg_streq(options->ns, ret->ns))
		return aeg_usage_error(&aeg_verb_delete, "delete: namespace '%s' or '%s'?", ret->ns,
				       options->ns);
	if (options->ns && !ret->ns)
		ret->ns = aeg_xstrdup(options->ns);
	if (ret->kind->namespaced && !ret->ns)
		return aeg_usage_error(&aeg_verb_delete,
				       "delete: %s lives in a namespace: say which with -n",
				       ret->kind->name);
	if (!ret->kind->namespaced && ret->ns)
		return aeg_usage_error(&aeg_verb_delete, "delete: %s has no namespace",
				       ret->kind->name);
	return AEG_EXIT_OK;
}

static int parse_object(const struct delete_options *options, const struct aeg_opt_list *operands,
			struct object *ret)
{
	int result;

	if (operands->list.n < 1 || operands->list.n > 2)
		return aeg_usage_error(&aeg_verb_delete, "delete needs KIND/NAME or KIND NAME");
	result = parse_words(operands, ret);
	if (result == AEG_EXIT_OK)
		result = check_namespace(options, ret);
	if (result != AEG_EXIT_OK)
		return result;
	if (!*ret->name || strchr(ret->name, '/') || (ret->ns && !*ret->ns))
		return aeg_usage_error(&aeg_verb_delete,
				       "delete: a name or namespace is empty or has a '/'");
	return AEG_EXIT_OK;
}

static int delete_object(const struct delete_options *options, const struct object *object)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf url = {0};
	AEG_AUTO_RESPONSE struct aeg_response response = {0};
	struct aeg_request request = {.method = "DELETE"};
	int result;

	aeg_buf_printf(&url, "/v1/objects/%s/", object->kind->name);
	aeg_http_escape(&url, object->ns ? object->ns : "-");
	aeg_buf_putc(&url, '/');
	aeg_http_escape(&url, object->name);
	request.path = aeg_buf_text(&url);
	result = aeg_client_send(&options->common, &request, &response);
	if (result != AEG_EXIT_OK)
		return result;
	if (response.status < 200 || response.status > 299)
		return aeg_client_refused(&response);
	if (options->common.output == AEG_OUTPUT_JSON)
		aeg_print_body(&response);
	else
		printf("%s %s%s%s deleted\n", object->kind->name, object->ns ? object->ns : "",
		       object->ns ? "/" : "", object->name);
	return AEG_EXIT_OK;
}

static int delete_run(const void *target, const struct aeg_opt_list *operands)
{
	const struct delete_options *options = target;
	AEG_CLEANUP(object_done) struct object object = {0};
	int result = parse_object(options, operands, &object);

	return result == AEG_EXIT_OK ? delete_object(options, &object) : result;
}

static const char *const delete_usage[] = {"KIND/[NS/]NAME [-n NS]", "KIND [NS/]NAME [-n NS]",
					   NULL};
static const struct aeg_opt delete_options[] = {
	{"namespace", 'n', AEG_OPT_TEXT, "NS", "the object's namespace", NULL,
	 offsetof(struct delete_options, ns)},
	{0},
};
static const struct aeg_example delete_examples[] = {
	{"delete aiegresspolicy/ml-prod/chat-api", "a policy of a namespace"},
	{"delete aiep chat-api -n ml-prod", "the same, in short"},
	{"delete caiep/nobody-uploads", "a policy of the cluster"},
	{0},
};

const struct aeg_verb aeg_verb_delete = {
	.name = "delete",
	.summary = "delete an object that was applied",
	.usage = delete_usage,
	.text = "KIND is AIEgressPolicy (aiep), ClusterAIEgressPolicy (caiep), AIEndpoint (aie),\n"
		"Workload or Namespace (ns); plurals and any case will do. Objects that come from the\n"
		"daemon's policy directory are deleted by editing their file.\n",
	.examples = delete_examples,
	.options = delete_options,
	.options_size = sizeof(struct delete_options),
	.words = aeg_kind_words,
	.run = delete_run,
};
