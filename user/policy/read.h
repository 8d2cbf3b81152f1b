/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside policy/ only: what the readers of the kinds share. A reader reports what is wrong at its
 * place and leaves its target as it was; whoever started it counts errors, not return values.
 */
#ifndef AEG_POLICY_READ_H
#define AEG_POLICY_READ_H

#include "policy/model.h"
#include "policy/words.h"

/* ---- one document a kind: pushed into the model unless it has mistakes ---- */
void aeg_read_endpoint(struct aeg_model *model, const struct aeg_node *document,
		       struct aeg_diags *diags);
void aeg_read_policy(struct aeg_model *model, const struct aeg_node *document,
		     struct aeg_diags *diags);
void aeg_read_cluster_policy(struct aeg_model *model, const struct aeg_node *document,
			     struct aeg_diags *diags);
void aeg_read_workload(struct aeg_model *model, const struct aeg_node *document,
		       struct aeg_diags *diags);
void aeg_read_namespace(struct aeg_model *model, const struct aeg_node *document,
			struct aeg_diags *diags);

/* ---- metadata ---- */
struct aeg_metadata {
	char *name, *ns;    /* NULL: not said, or wrong */
	struct aeg_pos pos; /* of name */
	struct aeg_labels labels;
};
extern const struct aeg_field aeg_metadata_fields[];	       /* namespaced kinds */
extern const struct aeg_field aeg_metadata_cluster_fields[];   /* cluster-wide kinds */
extern const struct aeg_field aeg_metadata_namespace_fields[]; /* namespaces themselves */
void aeg_metadata_done(struct aeg_metadata *metadata);

/* An aeg_read_fn for keys whose value was looked at elsewhere: apiVersion, kind. */
void aeg_read_nothing(void *target, const struct aeg_node *value, struct aeg_diags *diags);

/* ---- values ---- */
/* A list with something in it; anything else is an error. */
bool aeg_read_list(const struct aeg_node *value, struct aeg_diags *diags);
/* Borrowed text, or NULL after an error: plain numbers, booleans and null are not strings. */
const char *aeg_read_text(const struct aeg_node *value, struct aeg_diags *diags);
/* Replaces *ret when the word is right. */
void aeg_read_word(char **ret, enum aeg_word_kind kind, const struct aeg_node *value,
		   struct aeg_diags *diags);
void aeg_read_words(struct aeg_strings *ret, enum aeg_word_kind kind, const struct aeg_node *value,
		    struct aeg_diags *diags);
/* Index into the NULL-terminated choices, or -1 after an error. */
int aeg_read_choice(const char *const *choices, const struct aeg_node *value,
		    struct aeg_diags *diags);
void aeg_read_labels(struct aeg_labels *ret, const struct aeg_node *value, struct aeg_diags *diags);
void aeg_read_ports(struct aeg_ports *ret, const struct aeg_node *value, struct aeg_diags *diags);
/* Canonical pattern that the caller owns, or NULL after an error. */
char *aeg_read_host(const struct aeg_node *value, struct aeg_diags *diags);
bool aeg_read_cidr(struct aeg_cidr *ret, const struct aeg_node *value, struct aeg_diags *diags);

/* ---- workload selectors (read_selector.c) ---- */
extern const struct aeg_field aeg_selector_fields[];	     /* of AIEgressPolicy */
extern const struct aeg_field aeg_selector_cluster_fields[]; /* of ClusterAIEgressPolicy */
/* Reads spec.workloads with one of the tables above. */
void aeg_read_workload_selector(struct aeg_workload_selector *ret, const struct aeg_field *fields,
				const struct aeg_node *value, struct aeg_diags *diags);

/* ---- rules (read_rule.c) ---- */
/* Appends the list's rules. */
void aeg_read_rules(struct aeg_policy *policy, bool deny, const struct aeg_node *value,
		    struct aeg_diags *diags);

/* ---- TLS (read_tls.c) ---- */
void aeg_read_tls(struct aeg_tls *ret, const struct aeg_node *value, struct aeg_diags *diags);

/* ---- DNS (read_dns.c) ---- */
void aeg_read_dns(struct aeg_dns *ret, const struct aeg_node *value, struct aeg_diags *diags);
void aeg_read_dns_limits(struct aeg_dns *ret, const struct aeg_node *value,
			 struct aeg_diags *diags);
/* Whether it demands anything. */
bool aeg_dns_given(const struct aeg_dns *dns);

/* ---- places ---- */
/* The file's name as the model owns it; positions are moved over to it before the tree goes. */
const char *aeg_model_file(struct aeg_model *model, const char *file);
/* Where the key of a mapping's value stands. */
struct aeg_pos aeg_key_pos(const struct aeg_node *value);

/* ---- objects of the model: built by readers, freed by the model ---- */
void aeg_strings_done(struct aeg_strings *strings);
void aeg_labels_done(struct aeg_labels *labels);
void aeg_endpoint_free(struct aeg_endpoint *endpoint);
void aeg_policy_free(struct aeg_policy *policy);

#endif
