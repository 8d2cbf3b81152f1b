/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Records of the audit log in the words of others: Elastic Common Schema, OCSF, CEF. The log itself
 * stays native, because its chain is over its own bytes.
 */
#ifndef AEG_OBSERVE_EXPORT_H
#define AEG_OBSERVE_EXPORT_H

#include "base/buf.h"
#include "base/json.h"
#include "base/value.h"
#include <stdbool.h>

enum aeg_export_format { AEG_EXPORT_NATIVE, AEG_EXPORT_ECS, AEG_EXPORT_OCSF, AEG_EXPORT_CEF };
extern const char *const aeg_export_words[]; /* NULL-terminated, in that order */

/* Appends one line without newline. False: the line is no JSON object, and nothing was appended. */
bool aeg_export(enum aeg_export_format format, const char *line, size_t len, struct aeg_buf *ret);

/* ---- inside the exporters only ---- */
typedef void aeg_export_fn(const json_t *record, struct aeg_buf *ret);
aeg_export_fn aeg_export_ecs, aeg_export_ocsf, aeg_export_cef;

#define AEG_EXPORT_VENDOR "aegress"
#define AEG_EXPORT_PRODUCT "aegressd"

/* Whether the record is of a connection, or of an attempt at one; else of the daemon's own life. */
bool aeg_export_is_flow(const json_t *record);
/* "ns/name" of the workload, "" when unknown; the caller frees. */
char *aeg_export_workload(const json_t *record);
/* The changes of a policy as JSON in one line, NULL: the record has none; the caller frees. */
char *aeg_export_changes(const json_t *record);
/* A sentence for people; the caller frees. */
char *aeg_export_message(const json_t *record);
/* Milliseconds since 1970 of a record's time, 0 when it has none. */
uint64_t aeg_export_ms(const json_t *record, const char *key);
/* The member unless it is empty, missing or 0. */
void aeg_export_str(struct aeg_json *json, const char *key, const json_t *record, const char *path);
void aeg_export_u64(struct aeg_json *json, const char *key, const json_t *record, const char *path);
/* IANA number of the protocol, 0: unknown. */
uint64_t aeg_export_protocol(const json_t *record);

#endif
