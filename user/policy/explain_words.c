/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Parts of the model in words. */
#include "policy/explainer.h"

void aeg_describe_policy(const struct aeg_policy *policy, struct aeg_buf *ret)
{
	if (policy->ns)
		aeg_buf_printf(ret, "%s/", policy->ns);
	aeg_buf_puts(ret, policy->name);
}

void aeg_describe_strings(const struct aeg_strings *strings, struct aeg_buf *ret)
{
	for (size_t i = 0; i < strings->list.n; i++)
		aeg_buf_printf(ret, "%s%s", i ? ", " : "", strings->list.items[i]);
}

/* " (regions eu, us; vendors aws)" */
static void describe_selection(const struct aeg_to *to, struct aeg_buf *ret)
{
	const struct {
		const char *what;
		const struct aeg_strings *strings;
	} parts[] = {{"ids", &to->ids}, {"regions", &to->regions}, {"vendors", &to->vendors}};
	const char *separator = " (";

	for (size_t i = 0; i < AEG_ARRAY_SIZE(parts); i++) {
		if (parts[i].strings->list.n == 0)
			continue;
		aeg_buf_printf(ret, "%s%s ", separator, parts[i].what);
		aeg_describe_strings(parts[i].strings, ret);
		separator = "; ";
	}
	if (*separator == ';')
		aeg_buf_putc(ret, ')');
}

void aeg_describe_to(const struct aeg_to *to, struct aeg_buf *ret)
{
	char cidr[AEG_ADDR_TEXT];

	switch (to->kind) {
	case AEG_TO_ENDPOINT:
		aeg_buf_printf(ret, "endpoint %s", to->endpoint);
		describe_selection(to, ret);
		return;
	case AEG_TO_CLASS:
		aeg_buf_printf(ret, "class %s", aeg_class_names[to->class]);
		if (to->provider)
			aeg_buf_printf(ret, " of provider %s", to->provider);
		return;
	case AEG_TO_HOST:
		aeg_buf_printf(ret, "host %s", to->host);
		return;
	case AEG_TO_CIDR:
		aeg_cidr_format(&to->cidr, cidr);
		aeg_buf_printf(ret, "cidr %s", cidr);
		return;
	}
}

void aeg_describe_target(const struct aeg_target *target, struct aeg_buf *ret)
{
	char addr[AEG_ADDR_TEXT];

	if (target->host) {
		aeg_buf_puts(ret, target->host);
		return;
	}
	aeg_addr_format(&target->addr, addr);
	aeg_buf_puts(ret, addr);
}

const char *aeg_proto_word(unsigned int proto)
{
	if (proto == AEG_PROTO_TCP)
		return "tcp";
	return proto == AEG_PROTO_UDP ? "udp" : "?";
}

void aeg_describe_port(uint16_t port, uint8_t proto, struct aeg_buf *ret)
{
	if (port == AEG_PORT_ANY)
		aeg_buf_printf(ret, "any/%s", aeg_proto_word(proto));
	else
		aeg_buf_printf(ret, "%u/%s", port, aeg_proto_word(proto));
}

void aeg_describe_ports(const struct aeg_ports *ports, struct aeg_buf *ret)
{
	for (size_t i = 0; i < ports->list.n; i++) {
		if (i)
			aeg_buf_puts(ret, ", ");
		aeg_describe_port(ports->list.items[i].port, ports->list.items[i].proto, ret);
	}
}

void aeg_describe_requirement(const struct aeg_requirement *requirement, struct aeg_buf *ret)
{
	aeg_buf_puts(ret, requirement->key);
	switch (requirement->op) {
	case AEG_OP_EXISTS:
		aeg_buf_puts(ret, " is set");
		return;
	case AEG_OP_DOES_NOT_EXIST:
		aeg_buf_puts(ret, " is not set");
		return;
	case AEG_OP_IN:
	case AEG_OP_NOT_IN:
		aeg_buf_printf(ret, " %s (", requirement->op == AEG_OP_IN ? "in" : "not in");
		aeg_describe_strings(&requirement->values, ret);
		aeg_buf_putc(ret, ')');
		return;
	}
}

bool aeg_ports_contain(const struct aeg_ports *ports, uint16_t port, uint8_t proto)
{
	for (size_t i = 0; i < ports->list.n; i++) {
		const struct aeg_port *item = &ports->list.items[i];

		if (item->proto == proto && (item->port == AEG_PORT_ANY || item->port == port))
			return true;
	}
	return false;
}
