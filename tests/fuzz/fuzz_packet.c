/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Frames of any bytes: nothing is read outside of them, what is attributed is what the header's fixed
 * fields say, and what lies behind the end does not matter.
 */
#include "bpf/parse_packet.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct aeg_frame read_frame(const uint8_t *data, size_t size, uint32_t ethertype)
{
	struct aeg_bytes bytes = {.base = (void *)(uintptr_t)data, .len = (__u32)size};
	struct aeg_frame frame;

	memset(&frame, 0xff, sizeof(frame));
	aeg_frame_read(&bytes, ethertype, &frame);
	return frame;
}

static void demand(bool holds)
{
	if (!holds)
		abort();
}

/* Ports and addresses as any receiver reads them. */
static void check_plain(const struct aeg_frame *frame, const uint8_t *ip, uint32_t ethertype)
{
	bool v4 = ethertype == AEG_ETHER_IP4;
	const uint8_t *inside = ip + (v4 ? 20 : 40);

	demand(frame->proto == ip[v4 ? 9 : 6]);
	demand(ip[0] >> 4 == (v4 ? 4 : 6));
	demand(v4 ? memcmp(frame->daddr + 12, ip + 16, 4) == 0
		  : memcmp(frame->daddr, ip + 24, 16) == 0);
	if (frame->proto == AEG_PROTO_TCP || frame->proto == AEG_PROTO_UDP)
		demand(frame->dport == (inside[2] << 8 | inside[3]));
	else
		demand(frame->proto == AEG_IP_ICMP || frame->proto == AEG_IP_ICMPV6);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t ethertype;
	struct aeg_frame frame;

	if (size < 2 || size > AEG_IP_BYTES_MAX)
		return 0;
	ethertype = (uint32_t)data[0] << 8 | data[1];
	frame = read_frame(data + 2, size - 2, ethertype);
	demand(frame.reason < AEG_REASON_MAX && frame.hidden <= 1 && frame.local <= 1);
	demand(!frame.hidden || frame.reason);
	if (!frame.reason && !frame.local)
		check_plain(&frame, data + 2, ethertype);
	return 0;
}
