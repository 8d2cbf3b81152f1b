/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A lossy line, where the kernel has no netem: one packet in five is gone. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license")
= "Dual BSD/GPL";

SEC("tc")
int lose(struct __sk_buff *skb)
{
	return bpf_get_prandom_u32() % 5 == 0 ? TC_ACT_SHOT : TC_ACT_OK;
}
