/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* See asking.h. */
#include "tests/prog/asking.h"
#include "tests/prog/check.h"
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>

const struct aeg_dns_caps uncapped;

bool asking_enter_with(uint32_t flags, struct aeg_dns_caps caps)
{
	if (!names_enter() || !names_install_asking(flags, caps, caps))
		return false;
	named_reset();
	return true;
}

bool asking_enter(void)
{
	return asking_enter_with(ENFORCED | NAMES, uncapped);
}

uint64_t asking_total(uint8_t verdict, uint8_t reason)
{
	uint64_t totals[AEG_TOTALS];

	CHECK_EQUAL(aeg_datapath_totals(datapath, totals), 0);
	return totals[aeg_total_index(verdict, reason, AEG_HOOK_QUESTION)];
}

uint64_t asking_denied(uint8_t reason)
{
	return asking_total(AEG_VERDICT_DENIED, reason);
}

struct sockaddr_in resolver_addr(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(DNS_PORT)};

	CHECK_EQUAL(inet_pton(AF_INET, RESOLVER, &addr.sin_addr), 1);
	return addr;
}

int asking_socket(bool connected)
{
	struct sockaddr_in addr = resolver_addr();
	int fd = needed(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));

	if (connected && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		err(1, "connect to the resolver");
	return fd;
}

int error_of(ssize_t n)
{
	return n < 0 ? errno : 0;
}

int asking_on(int fd, const struct wire *question)
{
	return error_of(send(fd, question->data, question->len, 0));
}

void asking_check_arrived(uint32_t before, uint32_t n)
{
	CHECK(world_ask("last.wild.test"));
	CHECK_EQUAL(world->nquestions - before, n + 1);
}

int asking(const char *name, uint16_t type)
{
	AEG_AUTO_CLOSE int fd = asking_socket(true);
	struct wire question;

	wire_question(name, 7, type, &question);
	return asking_on(fd, &question);
}
