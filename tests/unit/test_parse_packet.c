/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Frames: every class with its reason, cut at every byte, and extension headers in every order. */
#include "tests/lib/frames.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

static const struct frame_ends ends4 = {
	.saddr = {[10] = 0xff, [11] = 0xff, 10, 0, 0, 2},
	.daddr = {[10] = 0xff, [11] = 0xff, 203, 0, 113, 9},
	.dport = 443,
};
static const struct frame_ends ends6 = {
	.saddr = {0x20, 0x01, 0x0d, 0xb8, [15] = 2},
	.daddr = {0x20, 0x01, 0x0d, 0xb8, [15] = 9},
	.dport = 443,
};
static struct wire wire;

static const struct frame_ends *ends_of(const struct frame_case *test)
{
	return test->form == FRAME_IP6 ? &ends6 : &ends4;
}

/* From the network header on, in memory of exactly that size: a sanitizer sees every byte too far. */
static struct aeg_frame read_frame(size_t len)
{
	size_t inside = len > FRAME_ETHER ? len - FRAME_ETHER : 0;
	uint8_t *exact = malloc(inside + 1);
	struct aeg_bytes bytes = {.base = exact, .len = (__u32)inside};
	struct aeg_frame frame;

	memset(&frame, 0xff, sizeof(frame));
	memcpy(exact, wire.data + FRAME_ETHER, inside);
	aeg_frame_read(&bytes, (__u32)wire.data[12] << 8 | wire.data[13], &frame);
	free(exact);
	return frame;
}

static void check_case(const struct frame_case *test)
{
	const struct frame_ends *ends = ends_of(test);
	struct aeg_frame frame;

	test->build(&wire, ends);
	frame = read_frame(wire.len);
	if (frame.reason != test->reason || frame.hidden != test->hidden ||
	    frame.local != test->local || frame.opening != test->opening)
		fail_msg("%s: reason %d hidden %d local %d opening %d", test->name, frame.reason,
			 frame.hidden, frame.local, frame.opening);
	if (test->reason || test->local)
		return;
	assert_int_equal(frame.proto, test->proto);
	assert_memory_equal(frame.saddr, ends->saddr, 16);
	assert_memory_equal(frame.daddr, ends->daddr, 16);
	if (frame.proto == AEG_PROTO_TCP || frame.proto == AEG_PROTO_UDP)
		assert_int_equal(frame.dport, ends->dport);
}

static void test_every_class(void **state)
{
	for (size_t i = 0; i < FRAME_CASES; i++)
		check_case(&frame_cases[i]);
}

/* A frame that is cut short never becomes one that is attributed to another destination or port. */
static void test_cut_everywhere(void **state)
{
	for (size_t i = 0; i < FRAME_CASES; i++) {
		const struct frame_case *test = &frame_cases[i];
		const struct frame_ends *ends = ends_of(test);

		test->build(&wire, ends);
		for (size_t len = FRAME_ETHER; len < wire.len; len++) {
			struct aeg_frame frame = read_frame(len);

			if (frame.reason || frame.local)
				continue;
			assert_memory_equal(frame.daddr, ends->daddr, 16);
			assert_true(frame.dport == ends->dport || frame.dport == 0);
		}
	}
}

/* An Ethernet trailer is not part of the packet. */
static void test_padding(void **state)
{
	struct aeg_frame frame;

	frame_syn4(&wire, &ends4);
	wire_fill(&wire, 0, 18);
	frame = read_frame(wire.len);
	assert_int_equal(frame.reason, 0);
	assert_int_equal(frame.opening, 1);
}

static void test_ports(void **state)
{
	struct aeg_frame frame;

	frame_udp6(&wire, &ends6);
	frame = read_frame(wire.len);
	assert_int_equal(frame.sport, 40001);
	assert_int_equal(frame.dport, 443);
}

/* SYN and ACK answer somebody else's SYN; FIN or URG beside a SYN do not make it less of one. */
static void test_what_opens(void **state)
{
	for (unsigned int flags = 0; flags < 256; flags++) {
		frame_syn4(&wire, &ends4);
		wire.data[FRAME_ETHER + 33] = (uint8_t)flags;
		assert_int_equal(read_frame(wire.len).opening,
				 flags & AEG_TCP_SYN && !(flags & AEG_TCP_ACK));
	}
}

/* Only a bare RST is the end of a connection and nothing else. */
static void test_what_resets(void **state)
{
	for (unsigned int flags = 0; flags < 256; flags++) {
		frame_syn4(&wire, &ends4);
		wire.data[FRAME_ETHER + 33] = (uint8_t)flags;
		assert_int_equal(read_frame(wire.len).reset, (flags & AEG_TCP_RST) != 0);
		wire_u8(&wire, 'x');
		frame_close4(&wire);
		assert_int_equal(read_frame(wire.len).reset, 0);
	}
}

static void test_fragment_bits(void **state)
{
	for (unsigned int frag = 0; frag < 65536; frag++) {
		frame_udp4(&wire, &ends4);
		wire.data[FRAME_ETHER + 6] = (uint8_t)(frag >> 8);
		wire.data[FRAME_ETHER + 7] = (uint8_t)frag;
		assert_int_equal(read_frame(wire.len).reason,
				 frag & 0x3fff ? AEG_REASON_FRAGMENT : 0);
	}
}

/* What GSO of the kernel's own makes of the length fields (BIG TCP). */
static void test_big_tcp(void **state)
{
	static struct aeg_bytes bytes;
	struct aeg_frame frame;

	frame_ack4(&wire, &ends4);
	wire.data[FRAME_ETHER + 2] = wire.data[FRAME_ETHER + 3] = 0;
	assert_int_equal(read_frame(wire.len).reason, AEG_REASON_MALFORMED);
	bytes = (struct aeg_bytes){.base = wire.data + FRAME_ETHER, .len = 100000};
	aeg_frame_read(&bytes, AEG_ETHER_IP4, &frame);
	assert_int_equal(frame.reason, 0);
}

/* Neighbour discovery is the link's business only if it has crossed no router and stays on the link. */
static void test_discovery(void **state)
{
	struct aeg_frame frame;

	frame_link6(&wire, &ends6, 135, (const char *)ends6.daddr, false);
	frame = read_frame(wire.len);
	assert_int_equal(frame.local, 0);
	assert_int_equal(frame.link, 1);
	for (int i = 0; i < 8; i++) { /* what is elsewhere would be routed */
		wire.data[FRAME_ETHER + 24 + i] ^= 1;
		assert_int_equal(read_frame(wire.len).link, 0);
		wire.data[FRAME_ETHER + 24 + i] ^= 1;
	}
	wire_fill(&wire, 0, 200);
	frame_close6(&wire);
	assert_int_equal(read_frame(wire.len).link, 0);
	frame_solicit6(&wire, &ends6);
	wire.data[FRAME_ETHER + 7] = 254;
	assert_int_equal(read_frame(wire.len).local, 0);
}

/* Chains of every length: up to the bound they are walked, beyond it they hide. */
static void test_chain_lengths(void **state)
{
	for (int n = 1; n < 12; n++) {
		struct aeg_frame frame;

		frame_open6(&wire, &ends6, AEG_IP_DSTOPTS, 64);
		for (int i = 1; i < n; i++)
			frame_extension(&wire, AEG_IP_DSTOPTS);
		frame_extension(&wire, AEG_PROTO_UDP);
		frame_udp(&wire, 443);
		frame_close6(&wire);
		frame = read_frame(wire.len);
		assert_int_equal(frame.reason, AEG_REASON_EXTENSION_HEADER);
		assert_int_equal(frame.hidden, n >= AEG_CHAIN_MAX + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_class),   cmocka_unit_test(test_cut_everywhere),
		cmocka_unit_test(test_padding),	      cmocka_unit_test(test_ports),
		cmocka_unit_test(test_what_opens),    cmocka_unit_test(test_fragment_bits),
		cmocka_unit_test(test_big_tcp),	      cmocka_unit_test(test_discovery),
		cmocka_unit_test(test_chain_lengths), cmocka_unit_test(test_what_resets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
