/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Who pays for reading answers: skb_ingress is in effect once where names decide, and nowhere else. */
#include "datapath/internal.h"
#include "tests/prog/names_policy.h"
#include "tests/prog/tests.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define PROGRAMS_MAX 64 /* that the kernel attaches to one cgroup and hook */
#define GONE "managed/gone"

static int open_cgroup(const char *cgroup)
{
	AEG_AUTO_FREE char *path = aeg_xasprintf("%s/%s", stage.cgroup, cgroup);

	return needed(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

/* How many programs see what comes in for this cgroup; the first one's id. */
static uint32_t in_effect(const char *cgroup, uint32_t *ret_id)
{
	AEG_AUTO_CLOSE int fd = open_cgroup(cgroup);
	uint32_t ids[PROGRAMS_MAX] = {0}, n = PROGRAMS_MAX;

	CHECK_EQUAL(bpf_prog_query(fd, BPF_CGROUP_INET_INGRESS, BPF_F_QUERY_EFFECTIVE, NULL, ids,
				   &n),
		    0);
	if (ret_id)
		*ret_id = ids[0];
	return n;
}

static char *pin_of(uint64_t cgroup)
{
	return aeg_xasprintf("%s/links/skb_ingress_%llu", stage.pin_dir,
			     (unsigned long long)cgroup);
}

static bool is_pinned(const char *cgroup)
{
	AEG_AUTO_FREE char *pin = pin_of(stage_cgroup(cgroup));

	return access(pin, F_OK) == 0;
}

/* Pinned here or not, and in effect once anyway. */
static void check_heard(const char *cgroup, bool here)
{
	check_context("%s", cgroup);
	CHECK_EQUAL(is_pinned(cgroup), here);
	CHECK_EQUAL(in_effect(cgroup, NULL), 1);
}

static void check_unheard(const char *cgroup)
{
	check_context("%s", cgroup);
	CHECK(!is_pinned(cgroup));
	CHECK_EQUAL(in_effect(cgroup, NULL), 0);
}

static void check_counts(size_t attached, size_t failed)
{
	size_t have_attached, have_failed;

	check_context("%s", "counts");
	aeg_datapath_listeners(datapath, &have_attached, &have_failed);
	CHECK_EQUAL(have_attached, attached);
	CHECK_EQUAL(have_failed, failed);
}

/* Its identity from now on, selected by a policy or by none. */
static void set_ident(const char *cgroup, bool selected)
{
	struct aeg_ident_row row = ident_row(cgroup, WORKLOAD_A, 1);

	if (!selected)
		row.ident.flags = 0;
	CHECK_EQUAL(aeg_datapath_set_ident(datapath, &row), 0);
}

static void delete_ident(const char *cgroup)
{
	CHECK_EQUAL(aeg_datapath_delete_ident(datapath, stage_cgroup(cgroup)), 0);
}

/* ---- who ---- */

static void where_names_decide(void)
{
	const struct aeg_datapath_config config = stage_config();
	struct aeg_gen settings = default_settings();

	if (datapath_start(&config)) {
		check_heard("managed/a", true);
		check_heard(IN_A, false);
		check_heard("managed/b", true);
		check_unheard("managed");
		check_unheard(OUTSIDE);
		set_ident(IN_STRAY, false);
		check_unheard(IN_STRAY);
		set_ident(IN_STRAY, true);
		check_heard(IN_STRAY, true);
		set_ident(IN_STRAY, false);
		check_unheard(IN_STRAY);
		check_counts(2, 0);
		/* What is not learned would count as what nobody governs. */
		settings.unselected = AEG_VERDICT_DENIED;
		install(settings, RULE_A_ALLOWS);
		set_ident(IN_STRAY, false);
		check_heard(IN_STRAY, true);
		install(default_settings(), RULE_A_ALLOWS);
		check_unheard(IN_STRAY);
		delete_ident("managed/b");
		check_unheard("managed/b");
		check_heard("managed/a", true);
	}
	datapath_stop();
	CHECK_EQUAL(in_effect(IN_A, NULL), 0);
}

/* ---- inside each other ---- */

static void topmost_only(void)
{
	const struct aeg_datapath_config config = stage_config();

	if (datapath_start(&config)) {
		set_ident(IN_A, true);
		check_heard(IN_A, false);
		set_ident("managed", true);
		check_heard("managed", true);
		check_heard("managed/a", false);
		check_heard(IN_A, false);
		check_heard(IN_B, false);
		check_counts(1, 0);
		delete_ident("managed");
		check_unheard("managed");
		check_heard("managed/a", true);
		check_heard(IN_A, false);
		check_heard("managed/b", true);
		set_ident("managed/a", false);
		check_unheard("managed/a");
		check_heard(IN_A, true);
		set_ident("managed/a", true);
		check_heard("managed/a", true);
		check_heard(IN_A, false);
		/* The next generation does not know the two that were added. */
		set_ident("managed", true);
		install(default_settings(), RULE_A_ALLOWS);
		check_unheard("managed");
		check_heard("managed/a", true);
		check_heard(IN_B, false);
		check_counts(2, 0);
	}
	datapath_stop();
}

/* ---- a later daemon ---- */

static uint32_t link_of(const char *cgroup)
{
	AEG_AUTO_FREE char *pin = pin_of(stage_cgroup(cgroup));
	AEG_AUTO_CLOSE int fd = bpf_obj_get(pin);
	struct bpf_link_info info = {0};
	uint32_t len = sizeof(info);

	CHECK_EQUAL(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	return info.id;
}

/* As versions before this one had it. */
static void attach_at_the_root(const char *pin)
{
	AEG_AUTO_CLOSE int cgroup = open_cgroup("");
	AEG_AUTO_CLOSE int fd = bpf_link_create(datapath->progs[AEG_PROG_SKB_INGRESS], cgroup,
						BPF_CGROUP_INET_INGRESS, NULL);

	CHECK(fd >= 0);
	CHECK_EQUAL(bpf_obj_pin(fd, pin), 0);
}

static void adopted(void)
{
	const struct aeg_datapath_config config = stage_config();
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
	AEG_AUTO_FREE char *dir = aeg_xasprintf("%s/" GONE, stage.cgroup), *gone = NULL;
	AEG_AUTO_FREE char *root = aeg_xasprintf("%s/links/skb_ingress", stage.pin_dir);
	uint32_t link, before, kept, after;

	CHECK_EQUAL(mkdir(dir, 0755), 0);
	if (datapath_start(&config)) {
		set_ident(GONE, true);
		gone = pin_of(stage_cgroup(GONE));
		link = link_of("managed/a");
		in_effect(IN_A, &before);
		attach_at_the_root(root);
		aeg_datapath_close(datapath);
		CHECK_EQUAL(in_effect(IN_A, NULL), 2);
		CHECK_EQUAL(rmdir(dir), 0);
		CHECK(access(gone, F_OK) == 0);
		CHECK_EQUAL(aeg_datapath_open(&config, &datapath, &error), 0);
		/* Without a generation of its own it takes nothing off. */
		CHECK_EQUAL(aeg_datapath_attach(datapath, &error), 0);
		CHECK_EQUAL(link_of("managed/a"), link);
		CHECK_EQUAL(unlink(root), 0);
		in_effect(IN_A, &kept);
		CHECK(kept != before);
		attach_at_the_root(root);
		install(default_settings(), RULE_A_ALLOWS);
		CHECK_EQUAL(link_of("managed/a"), link);
		check_heard(IN_A, false);
		in_effect(IN_A, &after);
		CHECK_EQUAL(after, kept);
		CHECK(access(gone, F_OK) < 0);
		CHECK(access(root, F_OK) < 0);
	}
	rmdir(dir);
	datapath_stop();
}

/* ---- where there is no room ---- */

struct complaint {
	const char *path;
	int err;
	size_t n;
};

static void note(void *arg, const char *path, int err)
{
	struct complaint *complaint = arg;

	complaint->path = path;
	complaint->err = err;
	complaint->n++;
}

static void crowd(const char *cgroup, int links[PROGRAMS_MAX])
{
	AEG_AUTO_CLOSE int fd = open_cgroup(cgroup);

	for (int i = 0; i < PROGRAMS_MAX; i++) {
		links[i] = bpf_link_create(datapath->progs[AEG_PROG_SKB_INGRESS], fd,
					   BPF_CGROUP_INET_INGRESS, NULL);
		CHECK(links[i] >= 0);
	}
}

static void is_shown(bool attached)
{
	struct aeg_prog_stat stats[16];
	size_t n = aeg_datapath_programs(datapath, stats, AEG_ARRAY_SIZE(stats));

	for (size_t i = 0; i < n; i++) {
		if (aeg_streq(stats[i].name, "skb_ingress"))
			CHECK_EQUAL(stats[i].attached, attached);
	}
}

static void tried_again(void)
{
	const struct aeg_datapath_config config = stage_config();
	struct complaint complaint = {0};
	int links[PROGRAMS_MAX];

	if (datapath_start(&config)) {
		set_ident("managed/a", false);
		crowd("managed/a", links);
		set_ident("managed/a", true);
		check_counts(1, 1);
		is_shown(false);
		/* Who is below hears for himself meanwhile. */
		set_ident(IN_A, true);
		CHECK(is_pinned(IN_A));
		check_counts(2, 1);
		CHECK_EQUAL(aeg_datapath_retry_listeners(datapath, note, &complaint), 1);
		CHECK_EQUAL(complaint.n, 1);
		CHECK_EQUAL(complaint.err, -E2BIG);
		CHECK(aeg_streq(complaint.path, "managed/a"));
		for (int i = 0; i < PROGRAMS_MAX; i++)
			close(links[i]);
		CHECK_EQUAL(aeg_datapath_retry_listeners(datapath, note, &complaint), 0);
		check_heard("managed/a", true);
		check_heard(IN_A, false);
		check_counts(2, 0);
		is_shown(true);
	}
	datapath_stop();
}

/* ---- what it is for ---- */

static void learns_with_its_policy(void)
{
	struct aeg_ident_row row;

	world_start();
	if (names_start()) {
		row = ident_row("managed/a", WORKLOAD_A, 1);
		row.ident.flags = 0;
		CHECK_EQUAL(aeg_datapath_set_ident(datapath, &row), 0);
		stage_enter(IN_A);
		CHECK(world_ask("a-5-1-9-1.rival.test"));
		CHECK(!world_learned("5.1.9.1"));
		names_install();
		CHECK(world_ask("a-5-1-9-2.rival.test"));
		CHECK(world_learned("5.1.9.2"));
		CHECK_EQUAL(learnings(AEG_LEARNING_UNASKED), 0);
		stage_leave();
	}
	datapath_stop();
	world_stop();
}

const struct test listener_tests[] = {
	{"listeners: one where names decide, none elsewhere", where_names_decide},
	{"listeners: the topmost of a chain, whichever comes and goes", topmost_only},
	{"listeners: a later daemon takes them over", adopted},
	{"listeners: one that fails is shown and tried again", tried_again},
	{"listeners: names are learned from the first answer under a policy",
	 learns_with_its_policy},
	{NULL, NULL},
};
