/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Why would this workload reach that destination, or not? The verdict comes from the compiled tables
 * and bpf/verdict.h, as in the kernel; the chain says of every rule why it did or did not match.
 */
#ifndef AEG_POLICY_EXPLAIN_H
#define AEG_POLICY_EXPLAIN_H

#include "base/json.h"
#include "policy/compile.h"
#include "policy/model.h"
#include "policy/tables.h"

struct aeg_target { /* host or address */
	char *host; /* canonical; NULL: addr is meant */
	struct aeg_addr addr;
	uint16_t port;
	uint8_t proto;
};
/* HOST|ADDR|[V6][:PORT][/tcp|/udp], or an http(s) URL; port 443 and tcp when not said. -EINVAL with
 * a sentence, ret is untouched then. */
int aeg_target_parse(const char *text, struct aeg_target *ret, struct aeg_buf *error);
void aeg_target_done(struct aeg_target *target);

struct aeg_question {
	const struct aeg_model *model;
	struct aeg_tables *tables; /* a profile may be added */
	const struct aeg_numbers *numbers;
	const struct aeg_gen *gen;	   /* defaults */
	const char *workload_name;	   /* "namespace/name", for display; NULL: none */
	const struct aeg_subject *subject; /* NULL: not a known workload */
	const struct aeg_target *target;
	/* The patterns that the kernel learned the target's address for; NULL: nobody knows. */
	const struct aeg_strings *learned;
	bool resolver; /* the target's address is a trusted name server's */
	/* The workload lives here: AEG_IDENT_QUARANTINED, _NEEDS_TC, _HAS_TC as the kernel has them. */
	bool lives;
	uint32_t standing;
	bool exempt; /* it is the daemon itself, which no policy selects */
};

/* A name that the address was learned for: the ClientHello tells which of them is meant. */
struct aeg_meant {
	const char *pattern; /* the question's */
	struct aeg_decision decision;
	const struct aeg_policy *policy; /* NULL: a default */
	const struct aeg_rule *rule;
};
struct aeg_step { /* one rule, or one remark, in the order considered */
	const struct aeg_policy *policy;
	const struct aeg_rule *rule; /* NULL: about the policy itself */
	bool matched;
	bool wrong_port; /* it would, for another port */
	bool expired;	 /* it would, had it not expired */
	char *why;	 /* "allows huggingface.co:443/tcp", "port 80 is not in 443/tcp" */
};
struct aeg_explanation {
	struct aeg_decision decision;
	uint8_t tls;			 /* AEG_TLS_* of what a rule allowed over TCP */
	bool tls_by_name;		 /* allowed by name on the port where that means TLS */
	const struct aeg_policy *policy; /* that decided; NULL: a default */
	const struct aeg_rule *rule;
	const struct aeg_policy *other_policy; /* of decision.other_rule */
	const struct aeg_rule *other_rule;
	struct aeg_decision
		asked; /* the DNS question for the host; verdict NONE: nobody judges it */
	struct aeg_dns_caps caps[AEG_LAYERS];  /* on such questions */
	const struct aeg_policy *asked_policy; /* NULL: no rule decided that */
	const struct aeg_rule *asked_rule;
	const struct aeg_endpoint *endpoint; /* most specific; NULL: not governed */
	char *pattern;			     /* pattern or CIDR that covers it; NULL: none */
	const char *note;		     /* how far to trust the answer; static; NULL: none */
	AEG_VEC(struct aeg_meant) meant;     /* of an address */
	AEG_VEC(struct aeg_step) chain;
};
int aeg_explain(const struct aeg_question *question, struct aeg_explanation *ret,
		struct aeg_buf *error);
void aeg_explanation_done(struct aeg_explanation *explanation);
/* The keys of the flow record plus chain[] and note: stable. */
void aeg_explanation_json(const struct aeg_question *question,
			  const struct aeg_explanation *explanation, struct aeg_buf *ret);
/* For people: verdict first, then why, then the chain, then what would change it. */
void aeg_explanation_text(const struct aeg_question *question,
			  const struct aeg_explanation *explanation, struct aeg_buf *ret);

/* Words of bpf/abi.h's enums; "?" for numbers nobody knows. */
const char *aeg_verdict_word(unsigned int verdict);
const char *aeg_reason_word(unsigned int reason);
const char *aeg_reason_sentence(unsigned int reason);
const char *aeg_mode_word(unsigned int mode);
/* "1.2", "1.3" of AEG_TLS_*; NULL: no version is demanded. */
const char *aeg_tls_version_word(unsigned int tls);

#endif
