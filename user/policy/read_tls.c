/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* spec.tls of a policy: what must be spoken on the connections that the policy allows. */
#include "policy/read.h"

static void read_required(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_tls *tls = target;

	if (!aeg_node_bool(value, &tls->required))
		aeg_error_at(diags, value->pos, "expected true or false");
}

static void read_min_version(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	static const char *const versions[] = {"1.2", "1.3", NULL};
	static const uint8_t flags[] = {AEG_TLS_MIN12, AEG_TLS_MIN13};
	struct aeg_tls *tls = target;
	int version = aeg_read_choice(versions, value, diags);

	if (version >= 0)
		tls->min_version = flags[version];
}

static void read_ech(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	static const char *const answers[] = {"Deny", "Allow", NULL};
	static const enum aeg_ech meanings[] = {AEG_ECH_DENY, AEG_ECH_ALLOW};
	struct aeg_tls *tls = target;
	int answer = aeg_read_choice(answers, value, diags);

	if (answer >= 0)
		tls->ech = meanings[answer];
}

static const struct aeg_field tls_fields[] = {
	{.key = "required", .read = read_required},
	{.key = "minVersion", .read = read_min_version},
	{.key = "ech", .read = read_ech},
	{0},
};

void aeg_read_tls(struct aeg_tls *ret, const struct aeg_node *value, struct aeg_diags *diags)
{
	aeg_fields_read(tls_fields, value, ret, diags);
}
