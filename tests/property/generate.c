/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Random worlds, written as the YAML that users write: the parser is part of what is tested. */
#include "generate.h"
#include "base/timestamp.h"
#include "random.h"

#define SUBJECTS 8 /* the last one is unknown */
#define TARGETS 24

static const char *const namespaces[] = {"prod", "lab", "edge"};
static const char *const accounts[] = {"web", "train", "default"};
static const char *const label_values[] = {"a", "b", "c"};
static const char *const providers[] = {"huggingface", "acme", NULL};
static const char *const tails[] = {"hub.test", "hub.test", "ml.hub.test", "models.example"};
static const char *const host_labels[] = {"a", "b", "cdn"};
#define TEMPLATE_TAIL "run.hub.test"
#define TEMPLATE_LONG "{id}.{region}.{vendor}." TEMPLATE_TAIL
#define TEMPLATE_SHORT "{id}.app." TEMPLATE_TAIL
static const char *const ids[] = {"i1", "i2"};
static const char *const regions[] = {"eu", "us"};
static const char *const vendors[] = {"aws", "gcp"};
const uint16_t world_ports[] = {22, 80, 443, 8443};
const size_t world_nports = AEG_ARRAY_SIZE(world_ports);

/* An endpoint as the rules need to know it. */
struct made_endpoint {
	enum aeg_class class;
	const char *provider; /* NULL: none */
	int template;	      /* 0: none, 1: TEMPLATE_SHORT, 2: TEMPLATE_LONG */
};
struct maker {
	struct random random;
	struct world *world;
	AEG_VEC(struct made_endpoint) endpoints;
	struct aeg_buf text; /* of the document being written */
};

static void finish_document(struct maker *maker)
{
	*AEG_VEC_PUSH(maker->world->documents.list) = aeg_buf_take(&maker->text);
}

/* ---- names and addresses ---- */

static void put_host(struct maker *maker, struct aeg_buf *ret)
{
	for (unsigned int n = random_below(&maker->random, 3); n > 0; n--)
		aeg_buf_printf(ret, "%s.", RANDOM_OF(&maker->random, host_labels));
	aeg_buf_puts(ret, RANDOM_OF(&maker->random, tails));
}

static void put_pattern(struct maker *maker, struct aeg_buf *ret)
{
	if (random_percent(&maker->random, 50))
		aeg_buf_puts(ret, "*.");
	put_host(maker, ret);
}

static struct aeg_addr random_v4(struct random *random)
{
	struct aeg_addr addr = {.bytes = {[10] = 0xff, [11] = 0xff, [12] = 10}};

	for (size_t i = 13; i < 16; i++)
		addr.bytes[i] = (uint8_t)random_below(random, 3);
	return addr;
}

static struct aeg_addr random_v6(struct random *random)
{
	struct aeg_addr addr = {.bytes = {0x20, 0x01, 0x0d, 0xb8}};

	addr.bytes[5] = (uint8_t)random_below(random, 3);
	addr.bytes[7] = (uint8_t)random_below(random, 3);
	addr.bytes[15] = (uint8_t)random_below(random, 4);
	return addr;
}

static struct aeg_addr random_addr(struct random *random)
{
	return random_percent(random, 60) ? random_v4(random) : random_v6(random);
}

static void put_cidr(struct maker *maker, struct aeg_buf *ret)
{
	static const unsigned int v4_bits[] = {14, 15, 16, 16, 22, 23, 24, 30, 31, 32};
	static const unsigned int v6_bits[] = {46, 47, 48, 48, 62, 63, 64, 126, 128};
	struct random *random = &maker->random;
	struct aeg_cidr cidr = {.addr = random_addr(random)};
	char text[AEG_ADDR_TEXT];

	if (random_percent(random, 1)) { /* everything there is */
		aeg_buf_puts(ret, random_percent(random, 50) ? "0.0.0.0/0" : "::/0");
		return;
	}
	cidr.bits = aeg_addr_is_v4(&cidr.addr) ? AEG_V4_PREFIX + RANDOM_OF(random, v4_bits)
					       : RANDOM_OF(random, v6_bits);
	for (unsigned int i = cidr.bits; i < 128; i++)
		cidr.addr.bytes[i / 8] &= (uint8_t)~(0x80u >> i % 8);
	aeg_cidr_format(&cidr, text);
	aeg_buf_puts(ret, text);
}

/* "[x, y]" without repetitions. */
static void put_list(struct maker *maker, unsigned int n,
		     void (*put)(struct maker *maker, struct aeg_buf *ret))
{
	struct aeg_strings seen = {0};

	aeg_buf_putc(&maker->text, '[');
	for (unsigned int i = 0; i < n; i++) {
		AEG_CLEANUP(aeg_buf_done) struct aeg_buf item = {0};
		bool repeated = false;

		put(maker, &item);
		for (size_t j = 0; j < seen.list.n; j++)
			repeated |= aeg_streq(seen.list.items[j], aeg_buf_text(&item));
		if (repeated)
			continue;
		aeg_buf_printf(&maker->text, "%s\"%s\"", seen.list.n ? ", " : "",
			       aeg_buf_text(&item));
		*AEG_VEC_PUSH(seen.list) = aeg_buf_take(&item);
	}
	aeg_buf_putc(&maker->text, ']');
	for (size_t i = 0; i < seen.list.n; i++)
		free(seen.list.items[i]);
	AEG_VEC_DONE(seen.list);
}

static void put_port(struct maker *maker, struct aeg_buf *ret)
{
	struct random *random = &maker->random;
	bool any = random_percent(random, 20), udp = random_percent(random, 30);
	uint16_t port = world_ports[random_below(random, (unsigned int)world_nports)];

	if (any)
		aeg_buf_puts(ret, "any");
	else
		aeg_buf_printf(ret, "%u", port);
	/* Each port in one spelling: 443 and 443/tcp in one list are refused as duplicates. */
	if (any || udp || port > 100)
		aeg_buf_puts(ret, udp ? "/udp" : "/tcp");
}

static void put_ports(struct maker *maker)
{
	aeg_buf_puts(&maker->text, "ports: ");
	put_list(maker, 1 + random_below(&maker->random, 2), put_port);
}

/* ---- endpoints ---- */

static void put_template_host(struct maker *maker, struct aeg_buf *ret)
{
	(void)maker;
	aeg_buf_puts(ret, "*." TEMPLATE_TAIL);
}

static void make_endpoint(struct maker *maker)
{
	struct random *random = &maker->random;
	struct made_endpoint made = {
		.class = random_below(random, 4),
		.provider = RANDOM_OF(random, providers),
		.template = random_percent(random, 30) ? 1 + (int)random_below(random, 2) : 0,
	};
	bool has_hosts = made.template || random_percent(random, 60);

	aeg_buf_printf(&maker->text,
		       "apiVersion: aegress.dev/v1alpha1\nkind: AIEndpoint\n"
		       "metadata: {name: ep-%zu",
		       maker->endpoints.n);
	if (made.provider)
		aeg_buf_printf(&maker->text, ", labels: {provider: %s}", made.provider);
	aeg_buf_printf(&maker->text, "}\nspec:\n  class: %s\n", aeg_class_names[made.class]);
	if (has_hosts) {
		aeg_buf_puts(&maker->text, "  hosts: ");
		if (made.template)
			put_list(maker, 1, put_template_host);
		else
			put_list(maker, 1 + random_below(random, 3), put_pattern);
		aeg_buf_putc(&maker->text, '\n');
	}
	if (made.template)
		aeg_buf_printf(&maker->text, "  template: \"%s\"\n",
			       made.template == 1 ? TEMPLATE_SHORT : TEMPLATE_LONG);
	if (!has_hosts || random_percent(random, 60)) {
		aeg_buf_puts(&maker->text, "  cidrs: ");
		put_list(maker, 1 + random_below(random, 3), put_cidr);
		aeg_buf_putc(&maker->text, '\n');
	}
	if (random_percent(random, 30)) {
		aeg_buf_puts(&maker->text, "  ");
		put_ports(maker);
		aeg_buf_putc(&maker->text, '\n');
	}
	*AEG_VEC_PUSH(maker->endpoints) = made;
	finish_document(maker);
}

/* ---- rules ---- */

static void put_id(struct maker *maker, struct aeg_buf *ret)
{
	aeg_buf_puts(ret, RANDOM_OF(&maker->random, ids));
}

static void put_region(struct maker *maker, struct aeg_buf *ret)
{
	aeg_buf_puts(ret, RANDOM_OF(&maker->random, regions));
}

static void put_vendor(struct maker *maker, struct aeg_buf *ret)
{
	aeg_buf_puts(ret, RANDOM_OF(&maker->random, vendors));
}

/* Only the front of a template may stay open. */
static void put_template_selection(struct maker *maker, int template)
{
	unsigned int closed = template == 1 ? 1 : 1 + random_below(&maker->random, 3);

	if (template == 1 || closed == 3) {
		aeg_buf_puts(&maker->text, ", ids: ");
		put_list(maker, 1 + random_below(&maker->random, 2), put_id);
	}
	if (template == 2 && closed >= 2) {
		aeg_buf_puts(&maker->text, ", regions: ");
		put_list(maker, 1 + random_below(&maker->random, 2), put_region);
	}
	if (template == 2) {
		aeg_buf_puts(&maker->text, ", vendors: ");
		put_list(maker, 1 + random_below(&maker->random, 2), put_vendor);
	}
}

static void put_to(struct maker *maker)
{
	struct random *random = &maker->random;
	unsigned int which = random_below(random, (unsigned int)maker->endpoints.n);
	const struct made_endpoint *made = &maker->endpoints.items[which];
	unsigned int kind = random_below(random, 10);

	aeg_buf_puts(&maker->text, "    - {");
	if (kind < 4) {
		aeg_buf_printf(&maker->text, "endpoint: ep-%u", which);
		if (made->template && random_percent(random, 70))
			put_template_selection(maker, made->template);
	} else if (kind < 6) {
		aeg_buf_printf(&maker->text, "class: %s", aeg_class_names[made->class]);
		if (made->provider && random_percent(random, 50))
			aeg_buf_printf(&maker->text, ", provider: %s", made->provider);
	} else if (kind < 8) {
		aeg_buf_puts(&maker->text, "host: \"");
		put_pattern(maker, &maker->text);
		aeg_buf_putc(&maker->text, '"');
	} else {
		aeg_buf_puts(&maker->text, "cidr: \"");
		put_cidr(maker, &maker->text);
		aeg_buf_putc(&maker->text, '"');
	}
	if (random_percent(random, 35)) {
		aeg_buf_puts(&maker->text, ", ");
		put_ports(maker);
	}
	aeg_buf_puts(&maker->text, "}\n");
}

static void put_rules(struct maker *maker, const char *list, unsigned int n, bool may_end)
{
	static const char *const ends[] = {"1999-12-31T23:59:59Z", "2126-11-20T12:00:00Z"};

	aeg_buf_printf(&maker->text, "  %s:%s\n", list, n ? "" : " []");
	for (unsigned int i = 0; i < n; i++) {
		aeg_buf_printf(&maker->text, "  - name: %s-%u\n    to:\n", list, i);
		for (unsigned int j = 1 + random_below(&maker->random, 2); j > 0; j--)
			put_to(maker);
		if (may_end && random_percent(&maker->random, 20))
			aeg_buf_printf(&maker->text, "    expires: %s\n",
				       RANDOM_OF(&maker->random, ends));
	}
}

/* ---- policies ---- */

static void put_account(struct maker *maker, struct aeg_buf *ret)
{
	aeg_buf_puts(ret, RANDOM_OF(&maker->random, accounts));
}

static void put_namespace(struct maker *maker, struct aeg_buf *ret)
{
	aeg_buf_puts(ret, RANDOM_OF(&maker->random, namespaces));
}

static void put_label_value(struct maker *maker, struct aeg_buf *ret)
{
	aeg_buf_puts(ret, RANDOM_OF(&maker->random, label_values));
}

/* One requirement a key: contradictions are refused. */
static void put_requirement(struct maker *maker, const char *key)
{
	static const char *const operators[] = {"In", "NotIn", "Exists", "DoesNotExist"};
	unsigned int which = random_below(&maker->random, 4);

	aeg_buf_printf(&maker->text, "{key: %s, operator: %s", key, operators[which]);
	if (which < 2) {
		aeg_buf_puts(&maker->text, ", values: ");
		put_list(maker, 1 + random_below(&maker->random, 2), put_label_value);
	}
	aeg_buf_puts(&maker->text, "}");
}

static void put_selector(struct maker *maker, const char *field)
{
	bool both = random_percent(&maker->random, 40);

	aeg_buf_printf(&maker->text, "    %s:\n", field);
	if (both || random_percent(&maker->random, 50))
		aeg_buf_printf(&maker->text, "      matchLabels: {app: %s}\n",
			       RANDOM_OF(&maker->random, label_values));
	else
		both = true;
	if (both) {
		aeg_buf_puts(&maker->text, "      matchExpressions: [");
		put_requirement(maker, "tier");
		aeg_buf_puts(&maker->text, "]\n");
	}
}

static void put_field_list(struct maker *maker, const char *field, unsigned int max,
			   void (*put)(struct maker *maker, struct aeg_buf *ret))
{
	aeg_buf_printf(&maker->text, "    %s: ", field);
	put_list(maker, 1 + random_below(&maker->random, max), put);
	aeg_buf_putc(&maker->text, '\n');
}

static void put_workloads(struct maker *maker, bool cluster)
{
	struct random *random = &maker->random;
	bool by_account = random_percent(random, 50), by_label = random_percent(random, 35);
	bool by_namespace = cluster && random_percent(random, 35);
	bool by_namespace_label = cluster && random_percent(random, 30);

	aeg_buf_puts(&maker->text, "  workloads:\n");
	if (!by_account && !by_label && !by_namespace && !by_namespace_label)
		aeg_buf_puts(&maker->text, "    all: true\n");
	if (by_account)
		put_field_list(maker, "serviceAccounts", 2, put_account);
	if (by_label)
		put_selector(maker, "podSelector");
	if (by_namespace)
		put_field_list(maker, "namespaces", 2, put_namespace);
	if (by_namespace_label && random_percent(random, 30))
		aeg_buf_printf(&maker->text,
			       "    namespaceSelector: {matchLabels: "
			       "{kubernetes.io/metadata.name: %s}}\n",
			       RANDOM_OF(random, namespaces));
	else if (by_namespace_label)
		put_selector(maker, "namespaceSelector");
}

static void put_tls(struct maker *maker)
{
	static const char *const keys[] = {
		"required: true, ",	 "required: false, ", "minVersion: \"1.2\", ",
		"minVersion: \"1.3\", ", "ech: Deny, ",	      "ech: Allow, ",
	};
	struct random *random = &maker->random;

	aeg_buf_puts(&maker->text, "  tls: {");
	for (size_t pair = 0; pair < AEG_ARRAY_SIZE(keys); pair += 2)
		if (random_percent(random, 50))
			aeg_buf_puts(&maker->text, keys[pair + random_below(random, 2)]);
	aeg_buf_puts(&maker->text, "}\n");
}

static void put_strict(struct maker *maker)
{
	static const char *const dns[] = {
		"",
		"  dns: AllowedNames\n",
		"  dns: Any\n",
		"  dns: AllowedNames\n  dnsLimits: {questions: 50/s, nameLength: 14}\n",
		"  dnsLimits: {nameLength: 10}\n",
		"  dnsLimits: {questions: 5/min}\n",
	};

	aeg_buf_puts(&maker->text, "  containment: Strict\n");
	aeg_buf_puts(&maker->text, RANDOM_OF(&maker->random, dns));
}

static void make_policy(struct maker *maker, unsigned int number)
{
	struct random *random = &maker->random;
	bool cluster = random_percent(random, 35);
	bool has_allow = random_percent(random, 70);
	bool has_deny = !has_allow || random_percent(random, 35);

	aeg_buf_printf(&maker->text,
		       "apiVersion: aegress.dev/v1alpha1\nkind: %s\nmetadata: {name: policy-%u",
		       cluster ? "ClusterAIEgressPolicy" : "AIEgressPolicy", number);
	if (!cluster)
		aeg_buf_printf(&maker->text, ", namespace: %s", RANDOM_OF(random, namespaces));
	aeg_buf_puts(&maker->text, "}\nspec:\n");
	if (random_percent(random, 30))
		aeg_buf_puts(&maker->text, "  mode: Audit\n");
	put_workloads(maker, cluster);
	if (has_allow && random_percent(random, 20))
		put_strict(maker);
	if (has_allow)
		put_rules(maker, "allow", random_below(random, 4), true);
	if (has_allow && random_percent(random, 40))
		put_tls(maker);
	if (has_deny)
		put_rules(maker, "deny", 1 + random_below(random, 2), false);
	finish_document(maker);
}

static void make_namespace(struct maker *maker, const char *name)
{
	struct random *random = &maker->random;

	aeg_buf_printf(&maker->text,
		       "apiVersion: v1\nkind: Namespace\n"
		       "metadata: {name: %s, labels: {app: %s, tier: %s}}\n",
		       name, RANDOM_OF(random, label_values), RANDOM_OF(random, label_values));
	finish_document(maker);
}

/* ---- who and where to ---- */

static void add_label(struct maker *maker, struct world_subject *subject, const char *key)
{
	*AEG_VEC_PUSH(subject->labels.list) = (struct aeg_label_pair){
		.key = aeg_xstrdup(key),
		.value = aeg_xstrdup(RANDOM_OF(&maker->random, label_values)),
	};
}

static void make_subject(struct maker *maker, bool known)
{
	struct world_subject *subject = AEG_VEC_PUSH(maker->world->subjects);

	subject->known = known;
	subject->ns = RANDOM_OF(&maker->random, namespaces);
	subject->service_account = RANDOM_OF(&maker->random, accounts);
	if (random_percent(&maker->random, 70))
		add_label(maker, subject, "app");
	if (random_percent(&maker->random, 70))
		add_label(maker, subject, "tier");
}

static char *target_host(struct maker *maker)
{
	struct random *random = &maker->random;
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf host = {0};

	if (random_percent(random, 75)) {
		put_host(maker, &host);
	} else {
		if (random_percent(random, 20))
			aeg_buf_puts(&host, "x.");
		aeg_buf_printf(&host, "%s.", RANDOM_OF(random, ids));
		if (random_percent(random, 30))
			aeg_buf_puts(&host, "app");
		else
			aeg_buf_printf(&host, "%s.%s", RANDOM_OF(random, regions),
				       RANDOM_OF(random, vendors));
		aeg_buf_puts(&host, "." TEMPLATE_TAIL);
	}
	return aeg_buf_take(&host);
}

static void make_target(struct maker *maker)
{
	static const uint8_t others[] = {1, 58, 132, 136}; /* ICMP, ICMPv6, SCTP, UDP-Lite */
	struct random *random = &maker->random;
	struct aeg_target *target = AEG_VEC_PUSH(maker->world->targets);
	unsigned int proto = random_below(random, 20);

	target->port = random_percent(random, 60)
			       ? 443
			       : world_ports[random_below(random, (unsigned int)world_nports)];
	target->proto = AEG_PROTO_TCP;
	if (proto >= 13)
		target->proto = proto == 19 ? RANDOM_OF(random, others) : AEG_PROTO_UDP;
	if (random_percent(random, 50))
		target->host = target_host(maker);
	else
		target->addr = random_addr(random);
}

void world_generate(uint64_t seed, struct world *ret)
{
	static const uint32_t defaults[] = {AEG_VERDICT_ALLOWED, AEG_VERDICT_AUDITED,
					    AEG_VERDICT_DENIED};
	struct maker maker = {.random = {.state = seed}, .world = ret};
	struct random *random = &maker.random;

	*ret = (struct world){.seed = seed};
	for (size_t i = 0; i < AEG_ARRAY_SIZE(namespaces); i++)
		if (random_percent(random, 70))
			make_namespace(&maker, namespaces[i]);
	for (unsigned int n = 2 + random_below(random, 6); n > 0; n--)
		make_endpoint(&maker);
	for (unsigned int n = 1 + random_below(random, 14); n > 0; n--)
		make_policy(&maker, n);
	for (int i = 0; i < SUBJECTS; i++)
		make_subject(&maker, i < SUBJECTS - 1);
	for (int i = 0; i < TARGETS; i++)
		make_target(&maker);
	ret->settings = (struct aeg_gen){
		.number = 1,
		.unselected = RANDOM_OF(random, defaults),
		.unknown = RANDOM_OF(random, defaults),
	};
	AEG_VEC_DONE(maker.endpoints);
	aeg_buf_done(&maker.text);
}

void world_done(struct world *world)
{
	for (size_t i = 0; i < world->documents.list.n; i++)
		free(world->documents.list.items[i]);
	AEG_VEC_DONE(world->documents.list);
	for (size_t i = 0; i < world->subjects.n; i++) {
		struct aeg_labels *labels = &world->subjects.items[i].labels;

		for (size_t j = 0; j < labels->list.n; j++) {
			free(labels->list.items[j].key);
			free(labels->list.items[j].value);
		}
		AEG_VEC_DONE(labels->list);
	}
	AEG_VEC_DONE(world->subjects);
	for (size_t i = 0; i < world->targets.n; i++)
		aeg_target_done(&world->targets.items[i]);
	AEG_VEC_DONE(world->targets);
}

/* ---- reading it back ---- */

void world_text(const struct world *world, struct aeg_buf *ret)
{
	for (size_t i = 0; i < world->documents.list.n; i++)
		aeg_buf_printf(ret, "%s%s", i ? "---\n" : "", world->documents.list.items[i]);
}

struct aeg_model *world_model(const struct world *world, struct aeg_buf *error)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf text = {0};
	AEG_CLEANUP(aeg_diags_done) struct aeg_diags diags = {0};
	struct aeg_model *model = aeg_model_new();
	uint64_t now_s;

	if (aeg_time_parse_s(WORLD_NOW, &now_s))
		abort();
	world_text(world, &text);
	aeg_model_add_text(model, "world.yaml", aeg_buf_text(&text), text.len, &diags);
	if (aeg_model_check(model, now_s, &diags) == 0)
		return model;
	aeg_diags_print(&diags, error, false);
	aeg_model_free(model);
	return NULL;
}

struct aeg_subject world_subject(const struct aeg_model *model, const struct world_subject *who)
{
	return (struct aeg_subject){
		.ns = who->ns,
		.service_account = who->service_account,
		.labels = &who->labels,
		.namespace_labels = aeg_model_namespace_labels(model, who->ns),
	};
}
