/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the files of `explain` share: descriptions of parts of the model, for people. */
#ifndef AEG_POLICY_EXPLAINER_H
#define AEG_POLICY_EXPLAINER_H

#include "policy/explain.h"

/* Fills the chain from the model alone (explain_chain.c). */
void aeg_explain_chain(const struct aeg_question *question, struct aeg_explanation *ret);

/* ---- explain_words.c ---- */

/* "ns/name", "name" for cluster policies: as in the flow record. */
void aeg_describe_policy(const struct aeg_policy *policy, struct aeg_buf *ret);
/* "endpoint hf-hub", "class inference of provider x", "host *.hf.space", "cidr 10.0.0.0/8". */
void aeg_describe_to(const struct aeg_to *to, struct aeg_buf *ret);
/* "huggingface.co" or the address. */
void aeg_describe_target(const struct aeg_target *target, struct aeg_buf *ret);
/* "443/tcp", "any/udp". */
void aeg_describe_port(uint16_t port, uint8_t proto, struct aeg_buf *ret);
void aeg_describe_ports(const struct aeg_ports *ports, struct aeg_buf *ret);
void aeg_describe_strings(const struct aeg_strings *strings, struct aeg_buf *ret); /* "a, b" */
/* "tier in (a, b)", "tier is set". */
void aeg_describe_requirement(const struct aeg_requirement *requirement, struct aeg_buf *ret);
const char *aeg_proto_word(unsigned int proto);

/* Whether a port list admits the port. */
bool aeg_ports_contain(const struct aeg_ports *ports, uint16_t port, uint8_t proto);

#endif
