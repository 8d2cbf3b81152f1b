/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How many payload bytes a TCP socket has sent and received, from its own counters. Pure, so that
 * wrap-arounds and lost FINs are tested without making them happen.
 */
#ifndef AEG_BYTES_H
#define AEG_BYTES_H

#include <linux/types.h>

/* net/tcp_states.h */
#define AEG_TCP_FIN_WAIT1 4
#define AEG_TCP_FIN_WAIT2 5
#define AEG_TCP_TIME_WAIT 6
#define AEG_TCP_CLOSE 7
#define AEG_TCP_LAST_ACK 9
#define AEG_TCP_CLOSING 11
#define AEG_TCP_FIN_SENT                                                                           \
	(1u << AEG_TCP_FIN_WAIT1 | 1u << AEG_TCP_FIN_WAIT2 | 1u << AEG_TCP_TIME_WAIT |             \
	 1u << AEG_TCP_LAST_ACK | 1u << AEG_TCP_CLOSING)

/* Fields of struct tcp_sock. */
struct aeg_tcp_sent {
	__u64 bytes_acked;   /* sequence numbers that the peer acknowledged */
	__u64 bytes_sent;    /* payload, repeats included */
	__u64 bytes_retrans; /* of these, repeats */
	__u32 snd_una;	     /* first sequence number that is not acknowledged */
	__u32 snd_nxt;	     /* first that is not sent */
	__u32 write_seq;     /* first that is not queued */
	__u8 state;	     /* TCP_* */
	__u8 pad[3];
};

/*
 * Payload handed to the socket. Sequence numbers count it exactly, plus one for the SYN and one for
 * a FIN. What is acknowledged is a 64-bit sum; what is not fits the send buffer, so that the 32-bit
 * difference is right whether the numbers wrapped or not. A closed socket does not say any more
 * whether it sent a FIN: if it did, fewer payload bytes than sequence numbers went out.
 */
static inline __u64 aeg_tcp_sent_bytes(const struct aeg_tcp_sent *tcp)
{
	__u64 numbers = tcp->bytes_acked + (__u32)(tcp->write_seq - tcp->snd_una);
	__u64 payload =
		tcp->bytes_sent - tcp->bytes_retrans + (__u32)(tcp->write_seq - tcp->snd_nxt);
	__u64 bytes = numbers ? numbers - 1 : 0;
	int fin = AEG_TCP_FIN_SENT >> tcp->state & 1;

	if (tcp->state == AEG_TCP_CLOSE && payload < bytes)
		fin = 1;
	return bytes && fin ? bytes - 1 : bytes;
}

/* done: the peer's FIN has arrived in order; it is counted as a byte. */
static inline __u64 aeg_tcp_received_bytes(__u64 bytes_received, int done)
{
	return bytes_received && done ? bytes_received - 1 : bytes_received;
}

#endif
