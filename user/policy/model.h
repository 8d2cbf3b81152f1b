/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The policy language as structs: what the documents say, checked one by one, not yet resolved
 * against each other. Strings are owned by the model; positions borrow file names owned by it.
 */
#ifndef AEG_POLICY_MODEL_H
#define AEG_POLICY_MODEL_H

#include "base/addr.h"
#include "base/diag.h"
#include "base/digest.h"
#include "base/strmap.h"
#include "base/yaml.h"
#include "bpf/abi.h"
#include <stdbool.h>
#include <stdint.h>

struct aeg_label_pair {
	char *key, *value;
};
struct aeg_labels {
	AEG_VEC(struct aeg_label_pair) list; /* keys are unique */
};
struct aeg_strings {
	AEG_VEC(char *) list;
};

/* ---- selectors ---- */
/* The API server sets it on every namespace, to the namespace's name. */
#define AEG_NAMESPACE_NAME_LABEL "kubernetes.io/metadata.name"

enum aeg_selector_op { AEG_OP_IN, AEG_OP_NOT_IN, AEG_OP_EXISTS, AEG_OP_DOES_NOT_EXIST };
struct aeg_requirement {
	char *key;
	enum aeg_selector_op op;
	struct aeg_strings values;
};
struct aeg_selector { /* matchLabels become In with one value */
	bool present;
	AEG_VEC(struct aeg_requirement) requirements;
};
struct aeg_workload_selector {		     /* everything that is present must hold */
	bool all;			     /* explicitly every workload in scope */
	struct aeg_strings service_accounts; /* empty: no condition */
	struct aeg_strings namespaces;	     /* cluster policies only */
	struct aeg_selector pods, namespace_labels;
};

/* ---- destinations ---- */
enum aeg_class {
	AEG_CLASS_HUB,
	AEG_CLASS_DOWNLOAD,
	AEG_CLASS_UPLOAD,
	AEG_CLASS_INFERENCE,
	AEG_CLASS_SPACES,
	AEG_CLASS_JOBS,
	AEG_CLASS_ADMIN,
	AEG_CLASS_TELEMETRY,
	AEG_CLASS_OTHER,
	AEG_CLASS_MAX,
};
extern const char *const aeg_class_names[AEG_CLASS_MAX + 1]; /* NULL-terminated */

struct aeg_port {
	uint16_t port; /* AEG_PORT_ANY: "any/tcp" */
	uint8_t proto; /* AEG_PROTO_TCP or AEG_PROTO_UDP */
};
struct aeg_ports {
	AEG_VEC(struct aeg_port) list;
};

struct aeg_host { /* canonical pattern and where it was written */
	char *pattern;
	struct aeg_pos pos;
};
struct aeg_net {
	struct aeg_cidr cidr;
	struct aeg_pos pos;
};

struct aeg_endpoint {
	char *name;
	struct aeg_pos pos; /* of metadata.name */
	struct aeg_labels labels;
	enum aeg_class class;
	char *region, *vendor; /* NULL: not said */
	char *template;	       /* NULL: none */
	struct aeg_pos template_pos;
	AEG_VEC(struct aeg_host) hosts;
	AEG_VEC(struct aeg_net) cidrs;
	struct aeg_ports ports;		  /* never empty: the default is filled in */
	char *evidence, *since, *retired; /* NULL: not said */
};
/* labels.provider, NULL when there is none. */
const char *aeg_endpoint_provider(const struct aeg_endpoint *endpoint);

enum aeg_to_kind { AEG_TO_ENDPOINT, AEG_TO_CLASS, AEG_TO_HOST, AEG_TO_CIDR };
struct aeg_to {
	enum aeg_to_kind kind;
	struct aeg_pos pos;			  /* of the value of endpoint/class/host/cidr */
	char *endpoint;				  /* ENDPOINT */
	struct aeg_strings ids, regions, vendors; /* ENDPOINT; empty: any */
	enum aeg_class class;			  /* CLASS */
	char *provider;				  /* CLASS; NULL: any */
	char *host;				  /* HOST: canonical pattern */
	struct aeg_cidr cidr;			  /* CIDR */
	bool ports_given;
	struct aeg_ports ports;
};

struct aeg_rule {
	char *name;
	struct aeg_pos pos; /* of its name */
	bool deny;
	char *expires;	    /* as written, AEG_WORD_TIME; NULL: never. Of allow rules only */
	uint64_t expires_s; /* the same, CLOCK_REALTIME; from then on it allows nothing */
	struct aeg_pos expires_pos;
	bool expired; /* see policy/expiry.h */
	AEG_VEC(struct aeg_to) to;
};

enum aeg_containment { AEG_GOVERNED, AEG_STRICT, AEG_CONTAINMENT_MAX };
extern const char *const aeg_containment_names[AEG_CONTAINMENT_MAX + 1]; /* NULL-terminated */

enum aeg_ech { AEG_ECH_UNSAID, AEG_ECH_DENY, AEG_ECH_ALLOW };
struct aeg_tls { /* what must be spoken on what the policy allows; what it leaves unsaid is open */
	bool required;	     /* on every port and for CIDRs too */
	uint8_t min_version; /* AEG_TLS_MIN12 or AEG_TLS_MIN13; 0: not said */
	enum aeg_ech ech;
};

struct aeg_dns {	    /* what may be asked of trusted resolvers */
	bool allowed_names; /* only names that the workload's rules allow */
	struct aeg_dns_caps caps;
};

struct aeg_policy {
	char *ns; /* NULL: ClusterAIEgressPolicy */
	char *name;
	struct aeg_pos pos; /* of metadata.name */
	enum aeg_mode mode;
	enum aeg_containment containment;
	bool require_tc;    /* what the policy allows is reached under TC's eyes only */
	struct aeg_dns dns; /* all zero without AEG_STRICT */
	struct aeg_workload_selector workloads;
	struct aeg_tls tls;
	bool has_allow;			/* an allow list is there, maybe empty: it isolates */
	AEG_VEC(struct aeg_rule) rules; /* allow rules first, each list in file order */
};

/* ---- workloads ---- */
struct aeg_workload {
	char *ns, *name, *uid; /* uid NULL without Kubernetes */
	struct aeg_pos pos;
	char *service_account; /* "default" when not said */
	struct aeg_labels labels;
	char *cgroup; /* path or glob below a managed root; NULL with unit */
	char *unit;   /* systemd unit; NULL with cgroup */
	char *pod;    /* of a pod, in place of both: the UID in its cgroup's name */
	bool gone;    /* a pod that was deleted since the model was made */
};
struct aeg_namespace {
	char *name;
	struct aeg_pos pos;
	struct aeg_labels labels;
};

struct aeg_endpoints {
	AEG_VEC(struct aeg_endpoint *) list; /* borrowed */
};

struct aeg_document {	  /* one that the model was made of */
	const char *kind; /* static */
	char *ns, *name;  /* ns NULL: cluster-scoped */
	char digest[AEG_DIGEST_TEXT];
};
struct aeg_documents {
	AEG_VEC(struct aeg_document) list; /* by kind, namespace, name after aeg_model_check() */
};
void aeg_documents_add(struct aeg_documents *documents, const char *kind,
		       const struct aeg_node *document);
void aeg_documents_sort(struct aeg_documents *documents);
void aeg_documents_done(struct aeg_documents *documents);
/* Of sorted lists, in order: before NULL: added; after NULL: removed; both: it says something else. */
typedef void aeg_document_change_fn(void *arg, const struct aeg_document *before,
				    const struct aeg_document *after);
void aeg_documents_diff(const struct aeg_documents *before, const struct aeg_documents *after,
			aeg_document_change_fn *fn, void *arg);
/* Of a sorted list as a whole. */
void aeg_documents_digest(const struct aeg_documents *documents, char ret[AEG_DIGEST_TEXT]);

struct aeg_model {
	AEG_VEC(struct aeg_endpoint *) endpoints; /* sorted by name after aeg_model_check() */
	AEG_VEC(struct aeg_policy *) policies; /* cluster policies first, then by namespace, name */
	AEG_VEC(struct aeg_workload *) workloads; /* by namespace, name */
	AEG_VEC(struct aeg_namespace *) namespaces;
	struct aeg_documents documents;
	struct aeg_strings files;   /* names that positions borrow */
	struct aeg_strmap left_out; /* endpoints with mistakes: rules may name them all the same */
	/* by provider (none first), name; made by aeg_model_check() */
	struct aeg_endpoints by_class[AEG_CLASS_MAX];
};

struct aeg_model *aeg_model_new(void);
void aeg_model_free(struct aeg_model *model);

/*
 * Reads a file or every YAML file of a directory into the model; mistakes go to diags, documents
 * with mistakes are left out. Call it once per path, then aeg_model_check() once.
 */
void aeg_model_load(struct aeg_model *model, const char *path, struct aeg_diags *diags);
/* The same for text that is already in memory (API, tests); file names it in messages. */
void aeg_model_add_text(struct aeg_model *model, const char *file, const char *text, size_t len,
			struct aeg_diags *diags);
/* One document's tree, whatever it was read from (later: Kubernetes objects). */
void aeg_model_add_node(struct aeg_model *model, const struct aeg_node *document,
			struct aeg_diags *diags);

/* Takes one more workload, in order, after aeg_model_check(). */
void aeg_model_workload_add(struct aeg_model *model, struct aeg_workload *workload);
void aeg_workload_free(struct aeg_workload *workload);
struct aeg_workload *aeg_workload_clone(const struct aeg_workload *workload);
/* Whether policies see the same in both. */
bool aeg_workload_same(const struct aeg_workload *a, const struct aeg_workload *b);
void aeg_namespace_free(struct aeg_namespace *ns);
struct aeg_namespace *aeg_namespace_clone(const struct aeg_namespace *ns);
bool aeg_labels_same(const struct aeg_labels *a, const struct aeg_labels *b);

/*
 * What only the whole set can tell: duplicates, unknown endpoints, templates that cannot serve a
 * selector, deny rules that can never match, classes nobody has. Sorts the lists, and marks what has
 * expired by now_s (CLOCK_REALTIME). 0, or -EINVAL when diags holds errors (from reading too).
 */
int aeg_model_check(struct aeg_model *model, uint64_t now_s, struct aeg_diags *diags);

/* Whether the labels meet every requirement; a selector that is not present matches all. */
bool aeg_selector_matches(const struct aeg_selector *selector, const struct aeg_labels *labels);
/* The key of which the requirements contradict each other, so that nothing can match; NULL: none. */
const char *aeg_selector_conflict(const struct aeg_selector *selector);
const char *aeg_labels_get(const struct aeg_labels *labels, const char *key);

/* Who a workload is to a policy: namespace and service account are fields, never labels. */
struct aeg_subject {
	const char *ns, *service_account;
	const struct aeg_labels *labels;	   /* NULL: none */
	const struct aeg_labels *namespace_labels; /* NULL: none */
};
bool aeg_policy_selects(const struct aeg_policy *policy, const struct aeg_subject *subject);
/* By name, NULL when there is none; after aeg_model_check(). */
const struct aeg_endpoint *aeg_model_endpoint(const struct aeg_model *model, const char *name);
/* The index-th endpoint that an endpoint or class destination names, NULL after the last one and for
 * bare hosts and CIDRs; after aeg_model_check(). */
const struct aeg_endpoint *aeg_to_endpoint(const struct aeg_model *model, const struct aeg_to *to,
					   size_t index);
/* Labels of the namespace as the model knows it, NULL when it does not; k8s's own
 * kubernetes.io/metadata.name is matched by aeg_policy_selects() itself. After aeg_model_check(). */
const struct aeg_labels *aeg_model_namespace_labels(const struct aeg_model *model, const char *ns);

/*
 * The host patterns and CIDRs that a `to` stands for in this model. Pushes into ret_hosts (owned
 * strings) and ret_cidrs; ret_ports is borrowed: the ports an allow rule admits with it (the rule's,
 * else the endpoint's, else 443/tcp for hosts and any/tcp for CIDRs). One call an endpoint: `index`
 * counts from 0 until it returns false (class matches several endpoints, each with its own ports).
 * With ids, regions or vendors only the names they stand for are meant, none of the endpoint's CIDRs.
 * Needs aeg_model_check(); ret is filled on true only.
 */
struct aeg_expansion {
	const struct aeg_endpoint *endpoint; /* NULL for bare hosts and CIDRs */
	struct aeg_strings hosts;
	AEG_VEC(struct aeg_cidr) cidrs;
	const struct aeg_ports *ports;
};
bool aeg_to_expand(const struct aeg_model *model, const struct aeg_to *to, size_t index,
		   struct aeg_expansion *ret);
void aeg_expansion_done(struct aeg_expansion *expansion);

/* "namespace/policy/rule" ("/policy/rule" for cluster policies): the text of a rule's label. */
char *aeg_rule_label(const struct aeg_policy *policy, const struct aeg_rule *rule);

#endif
