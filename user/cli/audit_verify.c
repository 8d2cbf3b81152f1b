/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* `aegress audit verify`: one walk along the chain, file by file; every break is told, with its place. */
#include "base/file.h"
#include "base/value.h"
#include "cli/audit.h"
#include "cli/client.h"
#include "observe/audit_head.h"
#include "observe/lines.h"
#include <errno.h>
#include <inttypes.h>
#include <time.h>

#define KEY_MAX 4096
#define PAUSE_MS 20
#define PAUSES 25
#define TOLD_MAX 100 /* problems in words; the rest is only counted */

struct known { /* a record that must be there */
	struct aeg_link link;
	const char *from; /* NULL: none is known */
	bool seen;
};

struct verifier {
	const struct aeg_audit_options *options;
	struct aeg_chain chain;
	struct known heads[2]; /* --head, --head-file */
	const char *path;
	uint64_t line, records, problems;
	uint64_t first;	  /* number of the first record of all */
	uint64_t expired; /* the last record that the log itself says was removed for its age */
	bool begun;	  /* a first record was found: the chain is linked */
	json_t *told;	  /* of -o json */
};

/* ---- problems ---- */

static void AEG_PRINTF(3, 4) tell(struct verifier *verifier, bool in_file, const char *format, ...)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf text = {0};
	va_list args;

	if (++verifier->problems > TOLD_MAX)
		return;
	if (in_file)
		aeg_buf_printf(&text, "%s:%" PRIu64 ": ", verifier->path, verifier->line);
	va_start(args, format);
	aeg_buf_vprintf(&text, format, args);
	va_end(args);
	json_array_append_new(verifier->told, json_string(aeg_buf_text(&text)));
	if (verifier->options->common.output != AEG_OUTPUT_JSON)
		fprintf(stderr, "%s\n", aeg_buf_text(&text));
}

/* ---- one line ---- */

/* The records that begin and end a stretch of the chain say more than their seal. */
static json_t *parse_note(const char *line, size_t len, const char *event)
{
	static const char mark[] = "{\"schema\":\"aegress.audit/v1\"";
	json_t *note = NULL;

	if (len > sizeof(mark) && memcmp(line, mark, sizeof(mark) - 1) == 0)
		note = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	if (note && aeg_streq(aeg_value_str(note, "event"), event))
		return note;
	json_decref(note);
	return NULL;
}

/* A file's first record names the one before it: with that the chain can begin anywhere. */
static bool read_previous(const char *line, size_t len, struct aeg_link *ret)
{
	AEG_AUTO_JSON json_t *note = parse_note(line, len, "file");
	const char *hash = aeg_value_str(note, "previous.hash");

	*ret = (struct aeg_link){.n = aeg_value_u64(note, "previous.n")};
	if (strlen(hash) != sizeof(ret->hash) - 1)
		return false;
	memcpy(ret->hash, hash, sizeof(ret->hash));
	return true;
}

/* The first line of all: where does the chain come from? */
static void begin(struct verifier *verifier, const char *line, size_t len)
{
	struct aeg_link previous, link;

	if (!aeg_link_parse(line, len, &link))
		return;
	verifier->begun = true;
	verifier->first = link.n;
	if (read_previous(line, len, &previous)) {
		verifier->chain.last = previous;
	} else if (link.n != 1) {
		tell(verifier, true,
		     "the log does not begin here: record %" PRIu64 " names no record before it",
		     link.n);
		verifier->chain.last = (struct aeg_link){.n = link.n - 1};
	}
}

static void take_expired(struct verifier *verifier, const char *line, size_t len)
{
	AEG_AUTO_JSON json_t *note = parse_note(line, len, "expired");
	uint64_t last = aeg_value_u64(note, "last");

	if (note && last > verifier->expired)
		verifier->expired = last;
}

/* A head is met when the record with its number has its hash. */
static void meet_heads(struct verifier *verifier)
{
	for (size_t i = 0; i < AEG_ARRAY_SIZE(verifier->heads); i++) {
		struct known *known = &verifier->heads[i];

		if (!known->from || known->link.n != verifier->chain.last.n)
			continue;
		known->seen = true;
		if (!aeg_streq(known->link.hash, verifier->chain.last.hash))
			tell(verifier, true, "record %" PRIu64 " is not the one that %s names",
			     known->link.n, known->from);
	}
}

static void tell_gap(struct verifier *verifier, uint64_t before)
{
	uint64_t n = verifier->chain.last.n;

	if (n > before + 1)
		tell(verifier, true, "records %" PRIu64 " to %" PRIu64 " are missing", before + 1,
		     n - 1);
	else
		tell(verifier, true, "record %" PRIu64 " stands behind record %" PRIu64, n, before);
}

static void take_line(struct verifier *verifier, const char *line, size_t len)
{
	uint64_t before;

	if (!verifier->begun)
		begin(verifier, line, len);
	before = verifier->chain.last.n;
	switch (aeg_chain_follow(&verifier->chain, line, len)) {
	case AEG_CHAIN_OK:
		break;
	case AEG_CHAIN_NO_RECORD:
		tell(verifier, true, "not a record of the audit log");
		return;
	case AEG_CHAIN_GAP:
		tell_gap(verifier, before);
		break;
	case AEG_CHAIN_CHANGED:
		tell(verifier, true, "record %" PRIu64 " or the hash before it was changed%s",
		     verifier->chain.last.n,
		     verifier->options->key ? "" : ", or the log has a key: see --key");
		break;
	}
	verifier->records++;
	take_expired(verifier, line, len);
	meet_heads(verifier);
}

/* ---- files ---- */

/* A line without its end may be one that the daemon is writing just now: in two pieces, seen from here. */
static int next_line(struct aeg_lines *lines, struct aeg_buf *line)
{
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000};
	int pauses = 0, more;
	const char *part;
	bool whole = false;
	size_t len;

	aeg_buf_reset(line);
	do {
		more = aeg_lines_next(lines, &part, &len, &whole);
		if (more > 0)
			aeg_buf_add(line, part, len);
		else if (more == 0 && line->len)
			nanosleep(&pause, NULL);
	} while (!whole && (more > 0 || (more == 0 && line->len && ++pauses < PAUSES)));
	return more < 0 ? more : whole ? 1 : line->len ? -ENODATA : 0;
}

static const char *what_is_wrong(int err)
{
	return err == -ENODATA	 ? "the last line is torn"
	       : err == -EBADMSG ? "broken compression, or a line of more than 1 MiB"
				 : strerror(-err);
}

static void verify_file(struct verifier *verifier, const char *path)
{
	AEG_CLEANUP(aeg_lines_done) struct aeg_lines lines = {0};
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf line = {0};
	int more = aeg_lines_open(&lines, path);

	verifier->path = path;
	verifier->line = 0;
	while (more >= 0 && (more = next_line(&lines, &line)) > 0) {
		verifier->line++;
		take_line(verifier, line.data, line.len);
	}
	if (more < 0) {
		verifier->line++;
		tell(verifier, true, "%s", what_is_wrong(more));
	}
}

/* A file and its compressed copy, after a crash between making one and removing the other. */
static bool is_copy(const struct aeg_audit_path *path, const struct aeg_audit_path *before)
{
	return path->first != UINT64_MAX && path->first == before->first;
}

static void verify_files(struct verifier *verifier, const struct aeg_audit_paths *paths)
{
	for (size_t i = 0; i < paths->list.n; i++) {
		if (!i || !is_copy(&paths->list.items[i], &paths->list.items[i - 1]))
			verify_file(verifier, paths->list.items[i].path);
	}
}

/* ---- what only the whole can tell ---- */

static void check_beginning(struct verifier *verifier)
{
	if (!verifier->begun)
		tell(verifier, false, "there is no record at all");
	else if (verifier->first > verifier->expired + 1 && !verifier->options->part)
		tell(verifier, false,
		     "records %" PRIu64 " to %" PRIu64 " are missing, and no record says that they "
		     "were too old (--part: they need not be here)",
		     verifier->expired + 1, verifier->first - 1);
}

static void check_heads(struct verifier *verifier)
{
	uint64_t last = verifier->chain.last.n;

	for (size_t i = 0; i < AEG_ARRAY_SIZE(verifier->heads); i++) {
		const struct known *known = &verifier->heads[i];

		if (!known->from || known->seen || !known->link.n)
			continue;
		if (known->link.n > last)
			tell(verifier, false,
			     "the end was cut off: records %" PRIu64 " to %" PRIu64
			     " are missing, %s names the last",
			     last + 1, known->link.n, known->from);
		else if (known->link.n >= verifier->first)
			tell(verifier, false, "record %" PRIu64 ", which %s names, is missing",
			     known->link.n, known->from);
	}
}

/* ---- options ---- */

static int read_key(const char *path, char **ret, size_t *ret_len)
{
	int err = path ? aeg_file_read(path, KEY_MAX, ret, ret_len) : 0;

	if (err)
		aeg_complain("audit: key '%s': %s", path, strerror(-err));
	return err ? AEG_EXIT_USAGE : AEG_EXIT_OK;
}

/* The file of this machine is looked for when its log is. */
static int read_heads(struct verifier *verifier, bool usual_place)
{
	const char *path = verifier->options->head_file;
	struct aeg_audit_head kept;
	int err;

	if (verifier->options->head) {
		if (!aeg_link_from_text(verifier->options->head, &verifier->heads[0].link))
			return aeg_usage_error(
				&aeg_verb_audit,
				"audit: --head is N:HASH, as 'audit head' prints it");
		verifier->heads[0].from = "--head";
	}
	if (!path && !usual_place)
		return AEG_EXIT_OK;
	err = aeg_audit_head_read(path ? path : AEG_AUDIT_STATE_DIR "/" AEG_AUDIT_HEAD_FILE, &kept);
	if (err && path) {
		aeg_complain("audit: head '%s': %s", path, strerror(-err));
		return AEG_EXIT_USAGE;
	}
	if (err) {
		aeg_complain(
			"audit: the head that the daemon keeps cannot be read (%s): an end that "
			"was cut off goes unseen",
			strerror(-err));
		return AEG_EXIT_OK;
	}
	verifier->heads[1].link = kept.link;
	verifier->heads[1].from = "the head that the daemon kept";
	return AEG_EXIT_OK;
}

/* ---- results ---- */

static void print_json(const struct verifier *verifier)
{
	AEG_AUTO_JSON json_t *result = json_pack(
		"{s:b, s:I, s:I, s:{s:I, s:s}, s:I, s:O}", "ok", verifier->problems == 0, "records",
		(json_int_t)verifier->records, "first", (json_int_t)verifier->first, "head", "n",
		(json_int_t)verifier->chain.last.n, "hash", verifier->chain.last.hash,
		"problemCount", (json_int_t)verifier->problems, "problems", verifier->told);
	AEG_AUTO_FREE char *text = json_dumps(result, JSON_COMPACT);

	puts(text ? text : "{}");
}

static void print_text(const struct verifier *verifier)
{
	if (verifier->problems > TOLD_MAX)
		fprintf(stderr, "... and %" PRIu64 " problems more\n",
			verifier->problems - TOLD_MAX);
	if (verifier->begun)
		printf("%s: %" PRIu64 " records, %" PRIu64 " to %" PRIu64 ", %s\n",
		       verifier->problems ? "BROKEN" : "ok", verifier->records, verifier->first,
		       verifier->chain.last.n,
		       verifier->heads[0].from || verifier->heads[1].from
			       ? "held against a head"
			       : "no head to hold the end against");
}

static int verify(struct verifier *verifier, const struct aeg_audit_paths *paths)
{
	verifier->told = json_array();
	verify_files(verifier, paths);
	check_beginning(verifier);
	check_heads(verifier);
	if (verifier->options->common.output == AEG_OUTPUT_JSON)
		print_json(verifier);
	else
		print_text(verifier);
	json_decref(verifier->told);
	return verifier->problems ? AEG_EXIT_FOUND : AEG_EXIT_OK;
}

int aeg_audit_verify(const struct aeg_audit_options *options, const struct aeg_opt_list *operands)
{
	struct verifier verifier = {.options = options};
	AEG_CLEANUP(aeg_audit_paths_done) struct aeg_audit_paths paths = {0};
	AEG_AUTO_FREE char *key = NULL;
	size_t key_len = 0;
	/* The head first: the log may grow meanwhile, but must not be shorter. */
	int result = read_heads(&verifier, operands->list.n <= 1);

	if (result == AEG_EXIT_OK)
		result = read_key(options->key, &key, &key_len);
	if (result == AEG_EXIT_OK)
		result = aeg_audit_collect(operands, &paths);
	if (result != AEG_EXIT_OK)
		return result;
	aeg_chain_init(&verifier.chain, key, key_len);
	return verify(&verifier, &paths);
}
