/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Every look is a complete one: what the kernel shall have is computed anew and compared there, so
 * that nothing depends on having seen every event. Events only say when.
 */
#include "daemon/veths.h"
#include "base/log.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#define COMPONENT "tc"
#define SOON_MS 20	 /* one look for a burst of changes */
#define RETRY_MAX_MS 500 /* for workloads that have no process yet, or could not be looked at */
#define MISSES_MAX 8	 /* looks that what was found last holds for, where nothing is found */

const char *const aeg_tc_words[] = {
	[AEG_TC_AUTO] = "auto",
	[AEG_TC_OFF] = "off",
	[AEG_TC_REQUIRE] = "require",
	NULL,
};

/* What was found last: a look that fails must take nothing off. */
struct former {
	uint64_t cgroup;
	struct aeg_links links;
	enum aeg_layers layers;
	unsigned int misses; /* looks since then */
};

struct formers {
	AEG_VEC(struct former) list;
};

struct aeg_veths {
	struct aeg_datapath *datapath;
	struct aeg_registry *registry; /* NULL: nothing was followed yet, and nothing is changed */
	struct aeg_watch *timer, *watch;
	aeg_veths_fn *changed;
	void *arg;
	struct formers formers;
	uint64_t retry_ms;
	int fd;
};

const char *aeg_layers_word(enum aeg_layers layers)
{
	static const char *const words[] = {
		[AEG_LAYERS_UNKNOWN] = "cgroup",
		[AEG_LAYERS_BOTH] = "cgroup, tc",
		[AEG_LAYERS_HOST] = "cgroup (host network)",
		[AEG_LAYERS_NO_VETH] = "cgroup (no veth)",
		[AEG_LAYERS_PARTLY] = "cgroup, tc on some interfaces",
		[AEG_LAYERS_FAILED] = "cgroup (tc failed)",
	};

	return words[layers];
}

void aeg_layers_count(struct aeg_registry *registry, uint64_t ret[AEG_LAYERS_MAX])
{
	memset(ret, 0, AEG_LAYERS_MAX * sizeof(*ret));
	for (size_t i = 0; registry && i < aeg_registry_count(registry); i++) {
		const struct aeg_instance *instance = aeg_registry_at(registry, i);

		ret[instance->layers] += (instance->flags & AEG_IDENT_SELECTED) != 0;
	}
}

/* ---- one look ---- */

struct found {
	struct aeg_instance *instance;
	struct aeg_links links;
	enum aeg_layers layers;
	unsigned int misses; /* 0: links are of this look */
	size_t first, n;     /* of its rows */
};

struct look {
	AEG_VEC(struct found) found;
	AEG_VEC(struct aeg_veth_row) rows;
	bool again; /* somebody has no process yet, or could not be looked at */
};

static enum aeg_layers layers_of(const struct aeg_links *links)
{
	if (links->host)
		return AEG_LAYERS_HOST;
	if (!links->nveths)
		return AEG_LAYERS_NO_VETH;
	return links->elsewhere ? AEG_LAYERS_PARTLY : AEG_LAYERS_BOTH;
}

/*
 * A runtime moves the first process into its cgroup before it gives it its namespace: one that still
 * lives where the host does tells nothing, and is looked at once more.
 */
static enum aeg_layers find(struct aeg_veths *veths, const struct aeg_instance *instance,
			    struct aeg_links *ret)
{
	int err = aeg_datapath_find_links(veths->datapath, instance->cgroup.id, ret);

	if (!err && !ret->host &&
	    (instance->layers == AEG_LAYERS_UNKNOWN || instance->layers == AEG_LAYERS_HOST))
		(void)aeg_datapath_set_home(veths->datapath, instance->cgroup.id);
	if (!err)
		return layers_of(ret);
	if (err == -ESRCH || err == -ENOENT)
		return AEG_LAYERS_UNKNOWN;
	aeg_log(AEG_LOG_WARNING, COMPONENT, "cgroup '%s': looking for its interfaces: %s",
		instance->cgroup.path, strerror(-err));
	return AEG_LAYERS_FAILED;
}

static struct former *former_of(const struct aeg_veths *veths, uint64_t cgroup)
{
	for (size_t i = 0; i < veths->formers.list.n; i++) {
		if (veths->formers.list.items[i].cgroup == cgroup)
			return &veths->formers.list.items[i];
	}
	return NULL;
}

/*
 * Nothing was found: what was found last stays attached. A workload without a process sends nothing, and
 * is let go after a while; one that cannot be looked at is not, but counts as covered no longer.
 */
static void recall(const struct aeg_veths *veths, struct found *found)
{
	const struct former *former = former_of(veths, found->instance->cgroup.id);
	bool late = former && former->misses >= MISSES_MAX;

	if (!former || (late && found->layers == AEG_LAYERS_UNKNOWN))
		return;
	found->links = former->links;
	found->misses = late ? former->misses : former->misses + 1;
	if (!late)
		found->layers = former->layers;
}

/* Of the next look. */
static void keep(struct aeg_veths *veths, const struct look *look)
{
	struct formers formers = {0};

	for (size_t i = 0; i < look->found.n; i++) {
		const struct found *found = &look->found.items[i];
		bool fresh = !found->misses && found->layers != AEG_LAYERS_UNKNOWN &&
			     found->layers != AEG_LAYERS_FAILED;

		if (!fresh && !found->misses)
			continue;
		*AEG_VEC_PUSH(formers.list) = (struct former){
			.cgroup = found->instance->cgroup.id,
			.links = found->links,
			.layers = found->layers,
			.misses = found->misses,
		};
	}
	AEG_VEC_DONE(veths->formers.list);
	veths->formers = formers;
}

static void find_all(struct aeg_veths *veths, struct look *look)
{
	for (size_t i = 0; i < aeg_registry_count(veths->registry); i++) {
		struct aeg_instance *instance = aeg_registry_at(veths->registry, i);
		struct found *found;

		if (!(instance->flags & AEG_IDENT_SELECTED))
			continue;
		found = AEG_VEC_PUSH(look->found);
		found->instance = instance;
		found->layers = find(veths, instance, &found->links);
		look->again |= found->layers == AEG_LAYERS_HOST &&
			       instance->layers == AEG_LAYERS_UNKNOWN;
		if (found->layers == AEG_LAYERS_UNKNOWN || found->layers == AEG_LAYERS_FAILED) {
			look->again = true;
			recall(veths, found);
		}
	}
	keep(veths, look);
}

/* Two cgroups of one pod share its interfaces: the first keeps them. */
static bool is_taken(const struct look *look, uint32_t ifindex)
{
	for (size_t i = 0; i < look->rows.n; i++) {
		if (look->rows.items[i].ifindex == ifindex)
			return true;
	}
	return false;
}

static void add_rows(struct look *look, struct found *found)
{
	found->first = look->rows.n;
	for (uint32_t j = 0; j < found->links.nveths; j++) {
		if (is_taken(look, found->links.veths[j]))
			continue;
		*AEG_VEC_PUSH(look->rows) = (struct aeg_veth_row){
			.ifindex = found->links.veths[j],
			.cgroup = found->instance->cgroup.id,
			.sources = found->links.sources,
			.nsources = found->links.nsources,
		};
		found->n++;
	}
}

/* Rows borrow what was found, so everything is found first; and what was found just now comes first. */
static void make_rows(struct look *look)
{
	for (size_t i = 0; i < look->found.n; i++) {
		if (!look->found.items[i].misses)
			add_rows(look, &look->found.items[i]);
	}
	for (size_t i = 0; i < look->found.n; i++) {
		if (look->found.items[i].misses)
			add_rows(look, &look->found.items[i]);
	}
}

static void note_failures(struct look *look)
{
	static struct aeg_log_limit limit = {.burst = 5, .seconds = 60};

	for (size_t i = 0; i < look->found.n; i++) {
		struct found *found = &look->found.items[i];

		for (size_t j = found->first; j < found->first + found->n; j++) {
			const struct aeg_veth_row *row = &look->rows.items[j];

			/* It went while we looked; an event tells. */
			if (!row->err || row->err == -ENODEV)
				continue;
			found->layers = AEG_LAYERS_FAILED;
			if (aeg_log_allowed(&limit, aeg_now_ns()))
				aeg_log(AEG_LOG_WARNING, COMPONENT,
					"cgroup '%s': interface %u: attaching: %s",
					found->instance->cgroup.path, row->ifindex,
					strerror(-row->err));
		}
	}
}

static void tell(struct aeg_veths *veths, const struct look *look)
{
	for (size_t i = 0; i < look->found.n; i++) {
		const struct found *found = &look->found.items[i];
		struct aeg_instance *instance = found->instance;
		bool covered = found->layers == AEG_LAYERS_BOTH, was = instance->covered;

		if (instance->layers != found->layers)
			aeg_log(AEG_LOG_DEBUG, COMPONENT, "cgroup '%s': %s", instance->cgroup.path,
				aeg_layers_word(found->layers));
		instance->layers = found->layers;
		instance->covered = covered;
		if (covered != was)
			veths->changed(veths->arg, instance);
	}
}

static void look(void *arg)
{
	struct aeg_veths *veths = arg;
	struct look look = {0};
	int err;

	if (!veths->registry)
		return;
	find_all(veths, &look);
	make_rows(&look);
	err = aeg_datapath_set_veths(veths->datapath, look.rows.items, look.rows.n);
	if (err)
		aeg_log(AEG_LOG_ERROR, COMPONENT, "tables of interfaces: %s", strerror(-err));
	note_failures(&look);
	tell(veths, &look);
	if (look.again) {
		aeg_timer_arm(veths->timer, veths->retry_ms);
		veths->retry_ms *= 2;
		if (veths->retry_ms > RETRY_MAX_MS)
			veths->retry_ms = RETRY_MAX_MS;
	}
	AEG_VEC_DONE(look.found);
	AEG_VEC_DONE(look.rows);
}

void aeg_veths_wake(struct aeg_veths *veths)
{
	if (!veths)
		return;
	veths->retry_ms = SOON_MS;
	aeg_timer_arm(veths->timer, SOON_MS);
}

void aeg_veths_follow(struct aeg_veths *veths, struct aeg_registry *registry)
{
	if (!veths)
		return;
	veths->registry = registry;
	veths->retry_ms = SOON_MS;
	look(veths);
}

void aeg_veths_carry(struct aeg_veths *veths, const struct aeg_registry *from,
		     struct aeg_registry *to)
{
	for (size_t i = 0; veths && i < aeg_registry_count(to); i++) {
		struct aeg_instance *instance = aeg_registry_at(to, i);
		const struct aeg_instance *former =
			from ? aeg_registry_by_cgroup(from, instance->cgroup.id) : NULL;
		struct aeg_links links;

		if (!(instance->flags & AEG_IDENT_SELECTED))
			continue;
		if (former)
			instance->layers = former->layers;
		else if (!from)
			instance->layers = find(veths, instance, &links);
		instance->covered = instance->layers == AEG_LAYERS_BOTH;
	}
}

/* ---- events ---- */

/* What they say does not matter: lost ones (ENOBUFS) say the same. */
static void on_event(void *arg, int fd, uint32_t ready)
{
	struct aeg_veths *veths = arg;
	char data[4096];
	ssize_t len;

	do {
		len = recv(fd, data, sizeof(data), MSG_DONTWAIT);
	} while (len >= 0 || errno == ENOBUFS || errno == EINTR);
	aeg_veths_wake(veths);
}

static int listen_to_links(struct aeg_veths *veths, struct aeg_loop *loop)
{
	const struct sockaddr_nl groups = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
	};
	int on = 1;

	veths->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (veths->fd < 0 || bind(veths->fd, (const struct sockaddr *)&groups, sizeof(groups)) < 0)
		return -errno;
	/* Without CAP_NET_BROADCAST: addresses that change in a pod are seen at the next look. */
	if (setsockopt(veths->fd, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, &on, sizeof(on)) < 0)
		aeg_log(AEG_LOG_DEBUG, COMPONENT, "pods' own events are not heard: %s",
			strerror(errno));
	return aeg_loop_fd(loop, veths->fd, EPOLLIN, on_event, veths, &veths->watch);
}

/* ---- life ---- */

/* A former daemon's: what it covered is not known until there was a look. */
static void take_over(void *arg, uint32_t ifindex, uint64_t cgroup, const struct aeg_addr *source)
{
	struct aeg_veths *veths = arg;
	struct former *former = former_of(veths, cgroup);

	if (!former) {
		former = AEG_VEC_PUSH(veths->formers.list);
		*former = (struct former){.cgroup = cgroup, .layers = AEG_LAYERS_FAILED};
	}
	if (!source && former->links.nveths < AEG_LINKS_MAX)
		former->links.veths[former->links.nveths++] = ifindex;
	/* All of a workload's interfaces have the same. */
	if (source && ifindex == former->links.veths[0] &&
	    former->links.nsources < AEG_LINK_SOURCES_MAX)
		former->links.sources[former->links.nsources++] = *source;
}

int aeg_veths_open(struct aeg_datapath *datapath, struct aeg_loop *loop, aeg_veths_fn *changed,
		   void *arg, struct aeg_veths **ret)
{
	struct aeg_veths *veths = aeg_xcalloc(1, sizeof(*veths));
	int err;

	veths->datapath = datapath;
	veths->changed = changed;
	veths->arg = arg;
	veths->fd = -1;
	veths->retry_ms = SOON_MS;
	err = aeg_datapath_veths(datapath, take_over, veths);
	if (!err)
		err = aeg_loop_timer(loop, look, veths, &veths->timer);
	if (!err)
		err = listen_to_links(veths, loop);
	if (err) {
		aeg_veths_close(veths);
		return err;
	}
	*ret = veths;
	return 0;
}

void aeg_veths_close(struct aeg_veths *veths)
{
	if (!veths)
		return;
	aeg_watch_remove(veths->timer);
	aeg_watch_remove(veths->watch);
	aeg_closep(&veths->fd);
	AEG_VEC_DONE(veths->formers.list);
	free(veths);
}
