/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The first and only process of a virtual machine that boots one kernel: lets aegressd enforce a small
 * policy (guest.d), compares what sockets see with what the kernel counts, and powers off. One line a
 * check goes to the second serial port, where no message of the kernel gets in between: `ok NAME`,
 * `FAIL NAME: why`, `skip NAME: why`; the last line is `end`.
 */
#include "tests/kernels/guest.h"
#include <errno.h>
#include <sys/socket.h>
#include <sys/utsname.h>

#define CONFIG "/etc/aegress/aegressd.yaml"
#define CONFIG_REFUSED "/etc/aegress/refused.yaml"

#define CHAT "kubepods.slice/kubepods-podchat.slice/c1"
#define NAMES "kubepods.slice/kubepods-podnames.slice"
#define WATCH "kubepods.slice/kubepods-podwatch.slice"
#define STRANGER "kubepods.slice/kubepods-podstranger.slice"
#define OUTSIDE "system.slice"

#define CONNECT(addr) GUEST_CONNECT, SOCK_STREAM, addr
#define PROBE(addr) GUEST_CONNECT, SOCK_DGRAM, addr
#define SENDTO(addr) GUEST_SENDTO, SOCK_DGRAM, addr
#define TALK(addr) GUEST_TALK, SOCK_STREAM, addr
#define ALLOWED(why) AEG_VERDICT_ALLOWED, AEG_REASON_##why
#define AUDITED(why) AEG_VERDICT_AUDITED, AEG_REASON_##why
#define DENIED(why) AEG_VERDICT_DENIED, AEG_REASON_##why
#define NOT_COUNTED AEG_VERDICT_NONE, 0

/* clang-format off */
static const struct guest_attempt attempts[] = {
	{"tcp4 allowed",       CHAT,     CONNECT("203.0.113.10"),        ALLOWED(RULE),            AEG_HOOK_CONNECT},
	{"tcp4 denied",        CHAT,     CONNECT("203.0.113.20"),        DENIED(NO_RULE),          AEG_HOOK_CONNECT},
	{"tcp6 allowed",       CHAT,     CONNECT("2001:db8:a::10"),      ALLOWED(RULE),            AEG_HOOK_CONNECT},
	{"tcp6 denied",        CHAT,     CONNECT("2001:db8:a::20"),      DENIED(NO_RULE),          AEG_HOOK_CONNECT},
	{"mapped tcp allowed", CHAT,     CONNECT("::ffff:203.0.113.10"), ALLOWED(RULE),            AEG_HOOK_CONNECT},
	{"mapped tcp denied",  CHAT,     CONNECT("::ffff:203.0.113.20"), DENIED(NO_RULE),          AEG_HOOK_CONNECT},
	{"udp4 probe allowed", CHAT,     PROBE("203.0.113.10"),          ALLOWED(RULE),            AEG_HOOK_PROBE},
	{"udp4 probe denied",  CHAT,     PROBE("203.0.113.20"),          DENIED(UDP),              AEG_HOOK_PROBE},
	{"udp6 probe allowed", CHAT,     PROBE("2001:db8:a::10"),        ALLOWED(RULE),            AEG_HOOK_PROBE},
	{"udp6 probe denied",  CHAT,     PROBE("2001:db8:a::20"),        DENIED(UDP),              AEG_HOOK_PROBE},
	{"udp4 allowed",       CHAT,     SENDTO("203.0.113.10"),         ALLOWED(RULE),            AEG_HOOK_DATAGRAM},
	{"udp4 denied",        CHAT,     SENDTO("203.0.113.20"),         DENIED(UDP),              AEG_HOOK_DATAGRAM},
	{"udp6 allowed",       CHAT,     SENDTO("2001:db8:a::10"),       ALLOWED(RULE),            AEG_HOOK_DATAGRAM},
	{"udp6 denied",        CHAT,     SENDTO("2001:db8:a::20"),       DENIED(UDP),              AEG_HOOK_DATAGRAM},
	{"mapped udp allowed", CHAT,     SENDTO("::ffff:203.0.113.10"),  ALLOWED(RULE),            AEG_HOOK_DATAGRAM},
	{"mapped udp denied",  CHAT,     SENDTO("::ffff:203.0.113.20"),  DENIED(UDP),              AEG_HOOK_DATAGRAM},
	{"not governed",       CHAT,     CONNECT("198.51.100.7"),        ALLOWED(NOT_GOVERNED),    AEG_HOOK_CONNECT},
	{"audited",            WATCH,    CONNECT("203.0.113.20"),        AUDITED(NO_RULE),         AEG_HOOK_CONNECT},
	{"unknown workload",   STRANGER, CONNECT("203.0.113.10"),        DENIED(UNKNOWN_WORKLOAD), AEG_HOOK_CONNECT},
	{"outside",            OUTSIDE,  CONNECT("203.0.113.20"),        NOT_COUNTED,              0},
};
/* 203.0.113.50 is known for an allowed name first, then for a denied one as well. */
#define UDP(name) name, SOCK_DGRAM
#define TCP(name) name, SOCK_STREAM
static const struct guest_name names[] = {
	{"allowed",             NAMES, UDP("50.names.test"), "203.0.113.50", "50.names.test", ALLOWED(RULE),                 AEG_HOOK_HELLO},
	{"denied",              NAMES, UDP("50.rival.test"), "203.0.113.50", "50.rival.test", DENIED(NAME_NOT_ALLOWED),      AEG_HOOK_HELLO},
	{"of another address",  NAMES, UDP("60.wild.test"),  "203.0.113.60", "50.names.test", DENIED(NAME_ADDRESS_MISMATCH), AEG_HOOK_HELLO},
	{"known as denied",     NAMES, UDP("61.rival.test"), "203.0.113.61", "61.rival.test", DENIED(NO_RULE),               AEG_HOOK_CONNECT},
	{"over TCP, allowed",   NAMES, TCP("62.names.test"), "203.0.113.62", "62.names.test", ALLOWED(RULE),                 AEG_HOOK_HELLO},
	{"over TCP, denied",    NAMES, TCP("63.rival.test"), "203.0.113.63", "63.rival.test", DENIED(NO_RULE),               AEG_HOOK_CONNECT},
};
/* What nobody asked for before the daemon died. */
static const struct guest_name later[] = {
	{"allowed",             NAMES, UDP("64.names.test"), "203.0.113.64", "64.names.test", ALLOWED(RULE),                 AEG_HOOK_HELLO},
	{"denied",              NAMES, TCP("64.rival.test"), "203.0.113.64", "64.rival.test", DENIED(NAME_NOT_ALLOWED),      AEG_HOOK_HELLO},
	{"known as denied",     NAMES, TCP("65.rival.test"), "203.0.113.65", "65.rival.test", DENIED(NO_RULE),               AEG_HOOK_CONNECT},
};
static const struct guest_attempt talk = {
	"talk",                CHAT,     TALK("203.0.113.10"),           ALLOWED(RULE),            AEG_HOOK_CONNECT,
};
/* clang-format on */

/* denied: the errno of a denial. */
static void attempt_all(const char *phase, int denied)
{
	uint64_t before = guest_totals(), counted = 0;

	for (size_t i = 0; i < AEG_ARRAY_SIZE(attempts); i++) {
		guest_attempt(phase, &attempts[i], denied);
		counted += attempts[i].verdict != AEG_VERDICT_NONE;
	}
	guest_equal(phase, "decisions in all", guest_totals() - before, counted);
}

/* ---- cases: each goes on where the one before left the machine --------------------------------- */

/* Loads the programs once more, which says more: old kernels' figures, and why one is refused. */
static bool insns_again(void)
{
	return guest_run("programs", "insns", "insns /lib/aegress.o >" GUEST_RESULTS);
}

/* What the verifier did for each program that is attached. */
static bool note_insns(void)
{
	struct guest_link links[GUEST_LINKS_MAX];
	size_t n = guest_links(links);

	if (n == 0 || links[0].insns == 0)
		return insns_again();
	for (size_t i = 0; i < n; i++)
		guest_note("insns %s %u\n", links[i].prog_name, links[i].insns);
	return true;
}

static bool case_enforcing(void)
{
	if (!guest_daemon_start("enforcing", CONFIG)) {
		insns_again();
		return false;
	}
	attempt_all("enforcing", EPERM);
	guest_run("enforcing", "aegress status", "aegress status");
	return note_insns();
}

/* A denial reaches the daemon through its ring, with workload, destination and reason. */
static bool case_event(void)
{
	guest_run("event", "denial",
		  "i=0; until aegress flows -o json | grep '\"verdict\":\"denied\"' |"
		  " grep '\"reason\":\"no-rule\"' | grep '\"name\":\"chat-1\"' |"
		  " grep -q '203.0.113.20'; do i=$((i + 1)); [ $i -lt 20 ] || exit 1; done");
	return true;
}

static bool case_bytes(void)
{
	struct aeg_count before = guest_closed(), after;

	guest_attempt("close", &talk, EPERM);
	after = guest_closed();
	guest_equal("close", "connections", after.closed - before.closed, 1);
	guest_equal("close", "bytes sent", after.sent - before.sent, GUEST_TALK_BYTES);
	guest_equal("close", "bytes received", after.received - before.received, GUEST_TALK_BYTES);
	return true;
}

static bool case_names(void)
{
	for (size_t i = 0; i < AEG_ARRAY_SIZE(names); i++)
		guest_name("names", &names[i], true);
	return true;
}

/* TC: by a tcx link where the kernel has them (6.6), else by a filter. */
static bool case_frames(void)
{
	if (!guest_pod_start(CHAT) || !guest_pod_covered("frames"))
		return false;
	guest_pod_frames("frames", &talk);
	return true;
}

/* Adoption: the very links that were there, every one with a new program. */
static const char *adopted(const struct guest_link *before, size_t nbefore,
			   const struct guest_link *after, size_t nafter)
{
	if (nbefore == 0 || nbefore != nafter)
		return "there are more or fewer than before";
	for (size_t i = 0; i < nbefore; i++) {
		if (before[i].link != after[i].link)
			return "one was made anew: there was a moment without it";
		if (before[i].prog == after[i].prog)
			return "one still has its former program";
	}
	return NULL;
}

/* bpf_set_retval came with 5.18. */
static bool has_set_retval(void)
{
	unsigned long major, minor;
	struct utsname uts;
	char *end;

	uname(&uts);
	major = strtoul(uts.release, &end, 10);
	minor = strtoul(end + 1, NULL, 10);
	return major > 5 || (major == 5 && minor >= 18);
}

/* The next daemon is told another errno for denials; 5.10 goes on with EPERM. */
static bool case_killed(void)
{
	struct guest_link before[GUEST_LINKS_MAX], after[GUEST_LINKS_MAX];
	size_t nbefore = guest_links(before);

	guest_daemon_kill();
	attempt_all("killed", EPERM);
	guest_pod_frames("killed", &talk);
	for (size_t i = 0; i < AEG_ARRAY_SIZE(later); i++)
		guest_name("killed, names", &later[i], false);
	if (!guest_daemon_start("adopted", CONFIG_REFUSED))
		return false;
	guest_say("adopted", "links", adopted(before, nbefore, after, guest_links(after)));
	attempt_all("adopted", has_set_retval() ? ECONNREFUSED : EPERM);
	if (guest_pod_covered("adopted"))
		guest_pod_frames("adopted", &talk);
	return true;
}

/* Nothing in a program failed all the while, not even where the outcome was right. */
static bool case_errors(void)
{
	static const char *const words[] = {
#define ERROR_WORD(symbol, word, then) [AEG_ERROR_##symbol] = (word),
		AEG_ERRORS(ERROR_WORD)
#undef ERROR_WORD
	};

	for (uint32_t i = 0; i < AEG_ARRAY_SIZE(words); i++)
		guest_equal("errors", words[i], guest_element("errors", i), 0);
	return true;
}

static bool case_cleanup(void)
{
	guest_daemon_kill();
	if (!guest_run("cleanup", "aegressd --cleanup", "aegressd --cleanup"))
		return false;
	for (size_t i = 0; i < AEG_ARRAY_SIZE(attempts); i++)
		guest_equal("cleanup", attempts[i].name, (uint64_t)guest_act(&attempts[i]), 0);
	return true;
}

/* In this order; false: nothing after it makes sense. */
static bool (*const cases[])(void) = {
	guest_set_up, guest_serve, guest_serve_names, case_enforcing, case_event,   case_bytes,
	case_names,   case_frames, case_killed,	      case_errors,    case_cleanup,
};

int main(void)
{
	struct utsname uts;

	if (guest_boot()) {
		uname(&uts);
		guest_note("kernel %s\n", uts.version);
		for (size_t i = 0; i < AEG_ARRAY_SIZE(cases) && cases[i](); i++)
			;
		guest_note("end\n");
	}
	guest_power_off();
	return 1; /* the kernel panics, and with panic=-1 that is an end, too */
}
