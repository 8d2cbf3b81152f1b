/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The TC program, attached at the host's end of a pod's veth: what comes in there is what the pod
 * sends, whatever it used to send it. It never says "ok", only "next" or "drop", so that a CNI's own
 * programs see everything that is let through.
 */
#include "bpf/frame.bpf.h"

char LICENSE[] SEC("license")
= "Dual BSD/GPL";

SEC("tc")
int veth_ingress(struct __sk_buff *skb)
{
	return aeg_frame_police(skb);
}
