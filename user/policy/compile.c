/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The compiler from above: model in, tables out. It reads nothing but the model. */
#include "policy/compile.h"
#include "policy/compiler.h"
#include <errno.h>

static void freep_tables(struct aeg_tables **tables)
{
	aeg_tables_free(*tables);
}

static struct aeg_compiler *compiler_new(const struct aeg_model *model)
{
	struct aeg_compiler *compiler = aeg_xcalloc(1, sizeof(*compiler));

	compiler->model = model;
	aeg_sets_init(&compiler->ports);
	aeg_sets_init(&compiler->classes);
	aeg_sets_init(&compiler->profiles);
	return compiler;
}

void aeg_compiler_free(struct aeg_compiler *compiler)
{
	if (!compiler)
		return;
	for (size_t i = 0; i < compiler->ntouched; i++)
		AEG_VEC_DONE(compiler->touched[i].list);
	free(compiler->touched);
	AEG_VEC_DONE(compiler->references);
	aeg_sets_done(&compiler->ports);
	aeg_sets_done(&compiler->classes);
	aeg_sets_done(&compiler->profiles);
	free(compiler);
}

static void build_done(struct aeg_build *build)
{
	for (size_t i = 0; i < build->groups.n; i++)
		AEG_VEC_DONE(build->groups.items[i].references);
	for (size_t i = 0; i < build->names.n; i++) {
		free(build->names.items[i].pattern);
		AEG_VEC_DONE(build->names.items[i].groups.groups);
	}
	for (size_t i = 0; i < build->cidrs.n; i++)
		AEG_VEC_DONE(build->cidrs.items[i].groups.groups);
	AEG_VEC_DONE(build->groups);
	AEG_VEC_DONE(build->names);
	AEG_VEC_DONE(build->cidrs);
	aeg_strmap_done(&build->name_rows);
	aeg_strmap_done(&build->cidr_rows);
	aeg_strmap_done(&build->endpoint_groups);
	aeg_sets_done(&build->group_sets);
}

static int check_limits(const struct aeg_build *build, struct aeg_buf *error)
{
	if (build->cidrs.n > AEG_MAX_ADDRS) {
		aeg_buf_printf(error, "%zu different CIDRs; at most %u fit", build->cidrs.n,
			       AEG_MAX_ADDRS);
		return -E2BIG;
	}
	if (build->names.n > AEG_MAX_NAMES) {
		aeg_buf_printf(error, "%zu different host patterns; at most %u fit", build->names.n,
			       AEG_MAX_NAMES);
		return -E2BIG;
	}
	return 0;
}

int aeg_compile(const struct aeg_model *model, struct aeg_numbers *numbers, struct aeg_tables **ret,
		struct aeg_buf *error)
{
	AEG_CLEANUP(freep_tables) struct aeg_tables *tables = aeg_xcalloc(1, sizeof(*tables));
	AEG_CLEANUP(build_done) struct aeg_build build = {.numbers = numbers};
	int err;

	aeg_sets_init(&build.group_sets);
	tables->compiler = compiler_new(model);
	build.compiler = tables->compiler;
	AEG_VEC_PUSH(tables->profiles)->compiled = true; /* profile 0 decides nothing */
	aeg_build_groups(&build);
	err = check_limits(&build, error);
	if (err)
		return err;
	aeg_build_nodes(&build, tables);
	*ret = AEG_TAKE_PTR(tables);
	return 0;
}
