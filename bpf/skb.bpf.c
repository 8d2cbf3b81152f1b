/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The packet programs: egress attached where the socket programs are, ingress at the cgroups of those
 * whose answers matter. Nearly every packet leaves them after one look into its socket's seat or storage:
 * neither is found of what is no full socket, so that asking whether it is one can wait.
 */
#define AEG_CASTING_CONTEXT /* before everything */
#include "bpf/dns_quick.bpf.h"
#include "bpf/dns_tcp.bpf.h"
#include "bpf/hello.bpf.h"
#include "bpf/raw.bpf.h"
#include "bpf/seats.bpf.h"
#include "bpf/standing.bpf.h"

char LICENSE[] SEC("license")
= "Dual BSD/GPL";

SEC("cgroup_skb/egress")
int skb_egress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct aeg_sock *sock, *seat;
	struct aeg_packet packet;
	const struct sock *tcp;
	int verdict;

	if (!sk)
		return AEG_PASS;
	tcp = aeg_tcp_of_context(skb, sk);
	if (tcp && aeg_stranger_passes(tcp))
		return AEG_PASS;
	seat = tcp ? aeg_seat_of_tcp(tcp) : NULL;
	sock = seat ? seat : bpf_sk_storage_get(&socks, sk, NULL, 0);
	if (!seat && sock && aeg_unseen(sock)) {
		aeg_failed(AEG_ERROR_UNSEEN);
		WRITE_ONCE(sock->watch, AEG_WATCH_DEAD);
	}
	if (sock && (sock->watch <= AEG_WATCH_DONE ||
		     (sock->watch <= AEG_WATCH_DEAD && aeg_tcp_empty(skb, sock))))
		return AEG_PASS;
	if (sock && sock->watch == AEG_WATCH_DNS && aeg_ask_free(sock) &&
	    aeg_quick_ask(skb, sk, sock))
		return AEG_PASS;
	if (tcp && sock && sock->watch < AEG_WATCH_DNS)
		return aeg_hello_egress(skb, sk, sock);
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return AEG_PASS;
	if (!sock) {
		sock = aeg_stranger_egress(skb, sk, &verdict);
		if (!sock)
			return verdict;
	}
	if (sock->watch < AEG_WATCH_DNS)
		return AEG_DENY; /* revoked; only TCP still says that it ends */
	if (!aeg_packet_read(skb, &packet)) {
		aeg_failed(AEG_ERROR_PACKET_READ);
		return AEG_DENY;
	}
	if (sock->watch == AEG_WATCH_DNS)
		return sk->protocol == AEG_PROTO_UDP ? aeg_dns_egress(skb, sock, &packet)
						     : aeg_talk_egress(skb, sk, sock, &packet);
	return aeg_raw_egress(skb, sk, sock, &packet);
}

SEC("cgroup_skb/ingress")
int skb_ingress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct aeg_packet packet;
	struct aeg_proof proof;
	struct aeg_sock *sock;
	__u16 peer;

	if (!sk)
		return AEG_PASS;
	/* What is connected elsewhere hears nobody that is learned from. */
	peer = sk->dst_port;
	if (peer && peer != bpf_htons(AEG_PORT_DNS))
		return AEG_PASS;
	sock = bpf_sk_storage_get(&socks, sk, NULL, 0);
	if (!sock || sock->watch != AEG_WATCH_DNS || sock->deaf ||
	    aeg_quick_answer(skb, sk, &proof))
		return AEG_PASS;
	sk = bpf_sk_fullsock(sk);
	if (!sk || !aeg_packet_read(skb, &packet))
		return AEG_PASS;
	return sk->protocol == AEG_PROTO_UDP ? aeg_dns_ingress(skb, sock, &packet, &proof)
					     : aeg_talk_ingress(skb, sk, sock, &packet);
}
