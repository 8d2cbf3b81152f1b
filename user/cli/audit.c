/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* `aegress audit`: reads the audit log, verifies its chain, prints it in the words of others. */
#include "cli/audit.h"
#include "base/file.h"
#include "cli/client.h"
#include "observe/export.h"
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#define LINES_DEFAULT 20

/* ---- files ---- */

void aeg_audit_paths_done(struct aeg_audit_paths *paths)
{
	for (size_t i = 0; i < paths->list.n; i++)
		free(paths->list.items[i].path);
	AEG_VEC_DONE(paths->list);
}

static void add_file(struct aeg_audit_paths *paths, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct aeg_audit_path *added = AEG_VEC_PUSH(paths->list);
	struct aeg_segment segment;

	added->path = aeg_xstrdup(path);
	added->first = UINT64_MAX;
	if (aeg_segment_parse(slash ? slash + 1 : path, &segment))
		added->first = segment.first;
}

static int add_directory(struct aeg_audit_paths *paths, const char *path)
{
	size_t before = paths->list.n;
	const struct dirent *entry;
	struct aeg_segment segment;
	DIR *dir = opendir(path);

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		AEG_AUTO_FREE char *file = aeg_xasprintf("%s/%s", path, entry->d_name);

		if (aeg_streq(entry->d_name, AEG_AUDIT_CURRENT) ||
		    aeg_segment_parse(entry->d_name, &segment))
			add_file(paths, file);
	}
	closedir(dir);
	return paths->list.n > before ? 0 : -ENOENT;
}

static int compare(const void *a, const void *b)
{
	const struct aeg_audit_path *first = a, *second = b;

	if (first->first != second->first)
		return first->first < second->first ? -1 : 1;
	return strcmp(first->path, second->path);
}

static int add_operand(struct aeg_audit_paths *paths, const char *path)
{
	struct stat st = {0};
	int err = 0;

	if (!aeg_streq(path, "-") && stat(path, &st) < 0)
		err = -errno;
	else if (S_ISDIR(st.st_mode))
		err = add_directory(paths, path);
	else
		add_file(paths, path);
	if (err == -ENOENT && stat(path, &st) == 0)
		aeg_complain("audit: '%s' holds no audit log", path);
	else if (err)
		aeg_complain("audit: '%s': %s", path, strerror(-err));
	return err ? AEG_EXIT_USAGE : AEG_EXIT_OK;
}

int aeg_audit_collect(const struct aeg_opt_list *operands, struct aeg_audit_paths *ret)
{
	int result = AEG_EXIT_OK;

	for (size_t i = 1; i < operands->list.n && result == AEG_EXIT_OK; i++)
		result = add_operand(ret, operands->list.items[i]);
	if (operands->list.n <= 1)
		result = add_operand(ret, AEG_AUDIT_DIR);
	if (ret->list.n)
		qsort(ret->list.items, ret->list.n, sizeof(*ret->list.items), compare);
	return result;
}

int aeg_audit_collect_in(const char *dir, struct aeg_audit_paths *ret)
{
	int err = add_directory(ret, dir);

	if (ret->list.n)
		qsort(ret->list.items, ret->list.n, sizeof(*ret->list.items), compare);
	return err;
}

/* ---- the head, from the daemon ---- */

int aeg_audit_print_head(const struct aeg_audit_options *options,
			 const struct aeg_opt_list *operands)
{
	AEG_AUTO_RESPONSE struct aeg_response response = {0};
	AEG_AUTO_JSON json_t *answer = NULL;
	int result = aeg_client_get(&options->common, "/v1/audit", &response, &answer);

	if (result != AEG_EXIT_OK)
		return result;
	if (options->common.output == AEG_OUTPUT_JSON) {
		aeg_print_body(&response);
	} else if (!json_is_true(json_object_get(answer, "enabled"))) {
		aeg_complain("audit: the daemon writes no audit log");
		return AEG_EXIT_FOUND;
	} else {
		printf("%llu:%s\n", (unsigned long long)aeg_value_u64(answer, "head.n"),
		       aeg_value_str(answer, "head.hash"));
	}
	return AEG_EXIT_OK;
}

/* ---- the verb ---- */

static int audit_run(const void *target, const struct aeg_opt_list *operands)
{
	static const struct {
		const char *name;
		int (*run)(const struct aeg_audit_options *options,
			   const struct aeg_opt_list *operands);
	} parts[] = {
		{"tail", aeg_audit_tail},
		{"verify", aeg_audit_verify},
		{"export", aeg_audit_export},
		{"head", aeg_audit_print_head},
	};
	const char *part = operands->list.n ? operands->list.items[0] : "";

	for (size_t i = 0; i < AEG_ARRAY_SIZE(parts); i++) {
		if (aeg_streq(part, parts[i].name))
			return parts[i].run(target, operands);
	}
	return aeg_usage_error(&aeg_verb_audit, "audit needs one of tail, verify, export, head");
}

static const char *const audit_usage[] = {
	"tail [-f] [-n LINES] [--format FORMAT] [FILE|DIR]",
	"verify [--head N:HASH] [--head-file FILE] [--key FILE] [--part] [FILE|DIR|-]…",
	"export [--format FORMAT] [FILE|DIR|-]…",
	"head [-o json]",
	NULL,
};
static const char *const audit_words[] = {"tail", "verify", "export", "head", NULL};
static const struct aeg_audit_options audit_defaults = {.lines = LINES_DEFAULT};
static const struct aeg_opt audit_options[] = {
	{"follow", 'f', AEG_OPT_FLAG, NULL, "tail: go on with new records until Ctrl-C", NULL,
	 offsetof(struct aeg_audit_options, follow)},
	{"lines", 'n', AEG_OPT_UINT, "LINES", "tail: begin with the last LINES (default 20)", NULL,
	 offsetof(struct aeg_audit_options, lines)},
	{"format", 0, AEG_OPT_ENUM, "FORMAT", "tail, export: how to print", aeg_export_words,
	 offsetof(struct aeg_audit_options, format)},
	{"head", 0, AEG_OPT_TEXT, "N:HASH",
	 "verify: a record that must be there, as 'head' printed it", NULL,
	 offsetof(struct aeg_audit_options, head)},
	{"head-file", 0, AEG_OPT_TEXT, "FILE",
	 "verify: the head that the daemon kept\n(default " AEG_AUDIT_STATE_DIR
	 "/audit.head when no path is given)",
	 NULL, offsetof(struct aeg_audit_options, head_file)},
	{"key", 0, AEG_OPT_TEXT, "FILE", "verify: the daemon's audit.keyFile", NULL,
	 offsetof(struct aeg_audit_options, key)},
	{"part", 0, AEG_OPT_FLAG, NULL, "verify: earlier files may be missing", NULL,
	 offsetof(struct aeg_audit_options, part)},
	{0},
};
static const struct aeg_example audit_examples[] = {
	{"audit verify", "checks the log of this machine, with the head that the daemon kept"},
	{"audit verify --head \"$(cat head)\" /backup/aegress",
	 "... a copy of it, with a head that was kept elsewhere"},
	{"audit head >head", "keeps the head of the chain"},
	{"audit tail -f --format ecs", "new records, as a log shipper may want them"},
	{"audit export --format ocsf /var/log/aegress/*.gz", "closed files as OCSF events"},
	{0},
};

const struct aeg_verb aeg_verb_audit = {
	.name = "audit",
	.summary = "read, verify and export the audit log",
	.usage = audit_usage,
	.text = "The files are read without the daemon; only 'head' asks it. 'verify' follows the chain\n"
		"of hashes over all files: it finds changed, removed and inserted records anywhere, and\n"
		"records cut off at the end when it is given a head or the file the daemon keeps it in.\n"
		"Its exit status is 1 when anything is wrong. Formats: native (as written), ecs (Elastic\n"
		"Common Schema), ocsf (1.3.0, network activity 4001), cef.\n",
	.examples = audit_examples,
	.options = audit_options,
	.options_size = sizeof(struct aeg_audit_options),
	.defaults = &audit_defaults,
	.words = audit_words,
	.run = audit_run,
};
