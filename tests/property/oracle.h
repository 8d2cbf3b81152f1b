/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The slow evaluator: the policy semantics of the manual, written down as plainly as possible over
 * the model's structs. It shares no code with the compiler, the tables or the verdict.
 */
#ifndef AEG_TEST_ORACLE_H
#define AEG_TEST_ORACLE_H

#include "policy/explain.h"
#include "policy/model.h"

/* What one set of policies says. */
struct oracle_answer {
	enum aeg_verdict verdict;
	enum aeg_reason reason;
	const struct aeg_policy *policy; /* that has the rule; NULL: none decided */
	const struct aeg_rule *rule;
	uint8_t tls; /* AEG_TLS_* that hold for what the rule allows */
};
struct oracle_result {
	struct oracle_answer main, other; /* other.verdict NONE: it does not differ */
	bool audit;			  /* auditing policies, or a default that audits, speak */
};

/* Whether it may ask a resolver for the target's host; main.verdict NONE: no policy judges that. */
struct oracle_result oracle_ask(const struct aeg_model *model, const struct aeg_subject *subject,
				const struct aeg_target *target);

/* subject NULL: the workload is not known. */
struct oracle_result oracle_decide(const struct aeg_model *model, const struct aeg_gen *settings,
				   const struct aeg_subject *subject,
				   const struct aeg_target *target);

#endif
