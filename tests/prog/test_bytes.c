/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The arithmetic of a connection's bytes: wrap-arounds, more than 4 GiB, FINs seen and unseen. */
#include "bpf/bytes.h"
#include "base/mem.h"
#include "tests/prog/tests.h"

#define ESTABLISHED 1
#define SYN_SENT 2
#define GIB (1ull << 30)

static const struct {
	const char *name;
	struct aeg_tcp_sent tcp;
	uint64_t want;
} sent[] = {
	{"SYN not answered",
	 {.snd_una = 100, .snd_nxt = 101, .write_seq = 101, .state = SYN_SENT},
	 0},
	{"refused: SYN neither answered nor counted",
	 {.snd_una = 100, .snd_nxt = 101, .write_seq = 101, .state = AEG_TCP_CLOSE},
	 0},
	{"never connected", {.state = AEG_TCP_CLOSE}, 0},
	{"established, nothing sent",
	 {.bytes_acked = 1, .snd_una = 101, .snd_nxt = 101, .write_seq = 101, .state = ESTABLISHED},
	 0},
	{"10 acknowledged, 5 in flight, 7 queued",
	 {.bytes_acked = 11,
	  .bytes_sent = 15,
	  .snd_una = 111,
	  .snd_nxt = 116,
	  .write_seq = 123,
	  .state = ESTABLISHED},
	 22},
	{"in flight across the wrap",
	 {.bytes_acked = 11,
	  .bytes_sent = 30,
	  .snd_una = 0xfffffff6,
	  .snd_nxt = 10,
	  .write_seq = 10,
	  .state = ESTABLISHED},
	 30},
	{"9 GiB and repeats, in flight across the wrap",
	 {.bytes_acked = 9 * GIB + 1,
	  .bytes_sent = 9 * GIB + 20 + 3000,
	  .bytes_retrans = 3000,
	  .snd_una = 0xfffffff6,
	  .snd_nxt = 10,
	  .write_seq = 10,
	  .state = ESTABLISHED},
	 9 * GIB + 20},
	{"FIN queued behind 10 bytes",
	 {.bytes_acked = 1,
	  .snd_una = 101,
	  .snd_nxt = 101,
	  .write_seq = 112,
	  .state = AEG_TCP_FIN_WAIT1},
	 10},
	{"FIN acknowledged",
	 {.bytes_acked = 12,
	  .bytes_sent = 10,
	  .snd_una = 112,
	  .snd_nxt = 112,
	  .write_seq = 112,
	  .state = AEG_TCP_FIN_WAIT2},
	 10},
	{"closed after a FIN",
	 {.bytes_acked = 12,
	  .bytes_sent = 10,
	  .snd_una = 112,
	  .snd_nxt = 112,
	  .write_seq = 112,
	  .state = AEG_TCP_CLOSE},
	 10},
	{"closed by a reset, no FIN",
	 {.bytes_acked = 11,
	  .bytes_sent = 10,
	  .snd_una = 111,
	  .snd_nxt = 111,
	  .write_seq = 111,
	  .state = AEG_TCP_CLOSE},
	 10},
	{"reset with 5 in flight and 7 queued",
	 {.bytes_acked = 11,
	  .bytes_sent = 15,
	  .snd_una = 111,
	  .snd_nxt = 116,
	  .write_seq = 123,
	  .state = AEG_TCP_CLOSE},
	 22},
};

static void sent_bytes(void)
{
	for (size_t i = 0; i < AEG_ARRAY_SIZE(sent); i++) {
		check_context("%s", sent[i].name);
		CHECK_EQUAL(aeg_tcp_sent_bytes(&sent[i].tcp), sent[i].want);
	}
}

static void received_bytes(void)
{
	CHECK_EQUAL(aeg_tcp_received_bytes(0, 0), 0);
	CHECK_EQUAL(aeg_tcp_received_bytes(1, 1), 0);
	CHECK_EQUAL(aeg_tcp_received_bytes(11, 1), 10);
	CHECK_EQUAL(aeg_tcp_received_bytes(11, 0), 11);
	CHECK_EQUAL(aeg_tcp_received_bytes(9 * GIB + 1, 1), 9 * GIB);
}

const struct test bytes_tests[] = {
	{"bytes: sent", sent_bytes},
	{"bytes: received", received_bytes},
	{NULL, NULL},
};
