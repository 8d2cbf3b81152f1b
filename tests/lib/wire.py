# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Packets by hand, byte by byte: what a process with a packet or raw socket can put together."""
import socket
import struct

TCP, UDP, IPIP, SIT, ROUTING, GRE = 6, 17, 4, 41, 43, 47
SYN, PUSH_ACK = 2, 0x18
LSRR, RR_TYPE_SRH = 131, 4


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~((total & 0xffff) + (total >> 16)) & 0xffff


def ip4(saddr, daddr, proto, payload, options=b""):
    """A packet; options are padded to words."""
    options += b"\0" * (-len(options) % 4)
    ends = socket.inet_aton(saddr) + socket.inet_aton(daddr)
    words = 5 + len(options) // 4
    head = struct.pack(">BBHHHBBH", 0x40 | words, 0, words * 4 + len(payload), 1, 0, 64, proto, 0)
    total = checksum(head + ends + options)
    return head[:10] + struct.pack(">H", total) + ends + options + payload


def ip6(saddr, daddr, following, payload):
    ends = socket.inet_pton(socket.AF_INET6, saddr) + socket.inet_pton(socket.AF_INET6, daddr)
    return struct.pack(">IHBB", 6 << 28, len(payload), following, 64) + ends + payload


def tcp(port, flags=SYN, sport=40000, seq=1, ack=0, payload=b""):
    return struct.pack(">HHIIBBHHH", sport, port, seq, ack, 0x50, flags, 65535, 0, 0) + payload


def summed(saddr, daddr, segment):
    """The same TCP segment with its checksum over IPv4."""
    pseudo = socket.inet_aton(saddr) + socket.inet_aton(daddr) + struct.pack(">HH", TCP, len(segment))
    return segment[:16] + struct.pack(">H", checksum(pseudo + segment)) + segment[18:]


def udp(port, payload=b"ping"):
    return struct.pack(">HHHH", 40001, port, 8 + len(payload), 0) + payload


def echo(family, payload=b"what a tunnel carries..."):
    """An echo request; the kernel sums that of IPv6."""
    body = struct.pack(">BBHHH", 8 if family == socket.AF_INET else 128, 0, 0, 1, 1) + payload
    return body[:2] + struct.pack(">H", checksum(body)) + body[4:] if family == socket.AF_INET else body


def loose_route(hop):
    """The option that names the next hop (RFC 791)."""
    return bytes([LSRR, 7, 4]) + socket.inet_aton(hop) + b"\0"


def segment_route(*segments, following=0):
    """A segment routing header (RFC 8754); the last of the segments comes first."""
    body = b"".join(socket.inet_pton(socket.AF_INET6, one) for one in segments)
    return bytes([following, len(body) // 8, RR_TYPE_SRH, len(segments) - 1, len(segments) - 1, 0, 0, 0]) + body


def ether(mac, ethertype, payload):
    return bytes.fromhex(mac.replace(":", "")) + b"\2\0\0\0\0\1" + struct.pack(">H", ethertype) + payload


def tagged(mac, vlan, ethertype, payload):
    """With an IEEE 802.1Q tag; VLAN 0 is a priority and nothing else, which Linux takes as untagged."""
    return ether(mac, 0x8100, struct.pack(">HH", vlan, ethertype) + payload)
