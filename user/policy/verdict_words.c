/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The words for bpf/abi.h's enums, from the one table that it holds. */
#include "policy/explain.h"

const char *aeg_verdict_word(unsigned int verdict)
{
	static const char *const words[AEG_VERDICT_MAX] = {
		[AEG_VERDICT_NONE] = "none",
		[AEG_VERDICT_ALLOWED] = "allowed",
		[AEG_VERDICT_AUDITED] = "audited",
		[AEG_VERDICT_DENIED] = "denied",
	};

	return verdict < AEG_VERDICT_MAX ? words[verdict] : "?";
}

const char *aeg_reason_word(unsigned int reason)
{
	switch (reason) {
#define CASE(number, symbol, word, sentence)                                                       \
	case number:                                                                               \
		return word;
		AEG_REASONS(CASE)
#undef CASE
	default:
		return "?";
	}
}

const char *aeg_reason_sentence(unsigned int reason)
{
	switch (reason) {
#define CASE(number, symbol, word, sentence)                                                       \
	case number:                                                                               \
		return sentence;
		AEG_REASONS(CASE)
#undef CASE
	default:
		return "?";
	}
}

const char *aeg_mode_word(unsigned int mode)
{
	if (mode == AEG_MODE_ENFORCE)
		return "Enforce";
	return mode == AEG_MODE_AUDIT ? "Audit" : "?";
}

const char *aeg_tls_version_word(unsigned int tls)
{
	if (tls & AEG_TLS_MIN13)
		return "1.3";
	return tls & AEG_TLS_MIN12 ? "1.2" : NULL;
}
