/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the kernel learned: names with the addresses they stand for just now. */
#include "daemon/api.h"

struct known {	    /* a member of a learned address */
	char *name; /* "" when its text was forgotten */
	struct aeg_addr addr;
	uint32_t node, expires_in;
};
struct known_list {
	struct aeg_datapath *datapath;
	uint32_t now;
	AEG_VEC(struct known) list;
};

static void collect(void *arg, const struct aeg_learned *learned)
{
	struct known_list *all = arg;

	for (size_t i = 0; i < AEG_MEMBERS_MAX; i++) {
		const struct aeg_member *member = &learned->members[i];
		uint32_t left = aeg_member_left(member, all->now);
		struct aeg_spoken spoken;
		struct known *known;

		if (!left)
			continue;
		if (aeg_datapath_spoken(all->datapath, member->name, &spoken))
			spoken.text[0] = '\0';
		known = AEG_VEC_PUSH(all->list);
		*known = (struct known){
			.name = aeg_xstrdup(spoken.text), .node = member->node, .expires_in = left};
		memcpy(&known->addr, learned->addr, sizeof(known->addr));
	}
}

static void known_done(struct known_list *all)
{
	for (size_t i = 0; i < all->list.n; i++)
		free(all->list.items[i].name);
	AEG_VEC_DONE(all->list);
}

/* By name, then pattern, then address. */
static int compare(const void *a, const void *b)
{
	const struct known *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (order)
		return order;
	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	return memcmp(&x->addr, &y->addr, sizeof(x->addr));
}

static bool same_name(const struct known *a, const struct known *b)
{
	return aeg_streq(a->name, b->name) && a->node == b->node;
}

static void put_address(struct aeg_json *json, const struct known *known)
{
	char text[AEG_ADDR_TEXT];

	aeg_addr_format(&known->addr, text);
	aeg_json_object(json, NULL);
	aeg_json_str(json, "ip", text);
	aeg_json_u64(json, "expiresIn", known->expires_in);
	aeg_json_object_end(json);
}

/* The n that have the name of the first. */
static void put_name(struct aeg_json *json, struct aeg_names *names, const struct known *known,
		     size_t n)
{
	const struct aeg_endpoint *endpoint = aeg_names_endpoint(names, 0, known->node);

	aeg_json_object(json, NULL);
	aeg_json_str(json, "name", *known->name ? known->name : NULL);
	aeg_json_array(json, "addresses");
	for (size_t i = 0; i < n; i++)
		put_address(json, &known[i]);
	aeg_json_array_end(json);
	aeg_json_str(json, "endpoint", endpoint ? endpoint->name : NULL);
	aeg_json_str(json, "pattern", aeg_numbers_text(names->numbers, known->node));
	aeg_json_object_end(json);
}

void aeg_api_names(const struct aeg_daemon *daemon, const struct aeg_request *request,
		   struct aeg_reply *reply)
{
	struct known_list all = {.datapath = daemon->reconciler->datapath, .now = aeg_now_s()};
	int err = aeg_datapath_learned(all.datapath, collect, &all);
	struct aeg_json json;

	if (all.list.n)
		qsort(all.list.items, all.list.n, sizeof(*all.list.items), compare);
	aeg_items_begin(&json, reply);
	for (size_t i = 0, n; i < all.list.n; i += n) {
		for (n = 1; i + n < all.list.n; n++)
			if (!same_name(&all.list.items[i], &all.list.items[i + n]))
				break;
		put_name(&json, &daemon->events->names, &all.list.items[i], n);
	}
	aeg_items_end(&json);
	known_done(&all);
	if (err)
		aeg_reply_error(reply, 500, "the learned names cannot be read: %s", strerror(-err));
}
