#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""What a hostile process in a pod does, one trick a run: hostile.py TRICK ADDR PORT [MORE]. It prints the
name of the errno, OK for none, and expects nothing. UNSUPPORTED: this kernel has no such protocol."""
import errno
import fcntl
import os
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import wire  # noqa: E402

IPPROTO_MPTCP, IPPROTO_SCTP, IPPROTO_UDPLITE, IPPROTO_DCCP, SOCK_DCCP = 262, 132, 136, 33, 6
MISSING = (errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT, errno.ENOPROTOOPT, errno.EAFNOSUPPORT)
SOL_PACKET, PACKET_QDISC_BYPASS = 263, 20
IP4 = 0x0800
BR_STATE_FORWARDING = "3"
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454ca, 2, 0x1000
TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ, TCP_REPAIR_OFF_NO_WP = 19, 20, 21, -1
TCP_RECV_QUEUE, TCP_SEND_QUEUE = 1, 2
SOL_MPTCP, MPTCP_INFO, MPTCPI_ADD_ADDR_ACCEPTED = 284, 1, 2


def family(addr):
    return socket.AF_INET6 if ":" in addr else socket.AF_INET


def echo_protocol(addr):
    return socket.IPPROTO_ICMPV6 if ":" in addr else socket.IPPROTO_ICMP


def made(addr, kind, proto=0):
    try:
        sock = socket.socket(family(addr), kind, proto)
    except OSError as error:
        if error.errno in MISSING:
            print("UNSUPPORTED")
            sys.exit(0)
        raise
    sock.settimeout(1)
    return sock


def connects(kind, proto):
    def trick(addr, port):
        made(addr, kind, proto).connect((addr, port))
    return trick


def datagram(proto):
    def trick(addr, port):
        made(addr, socket.SOCK_DGRAM, proto).sendto(b"ping", (addr, port))
    return trick


def connected(addr, port):
    sock = made(addr, socket.SOCK_DGRAM)
    sock.connect((addr, port))
    sock.send(b"ping")


def fast_open(addr, port):
    made(addr, socket.SOCK_STREAM).sendto(b"in the SYN", socket.MSG_FASTOPEN, (addr, port))


def raw_header(addr, port, saddr):
    """A SYN with an IP header of one's own, from a raw socket."""
    packet = wire.ip4(saddr, addr, wire.TCP, wire.tcp(port))
    made(addr, socket.SOCK_RAW, socket.IPPROTO_RAW).sendto(packet, (addr, 0))


def ping(addr, _port):
    """An echo request with room for a tunnel's data."""
    made(addr, socket.SOCK_RAW, echo_protocol(addr)).sendto(wire.echo(family(addr)), (addr, 0))


def ping_socket(addr, _port):
    """The same from a socket that needs no privilege (net.ipv4.ping_group_range)."""
    made(addr, socket.SOCK_DGRAM, echo_protocol(addr)).sendto(wire.echo(family(addr)), (addr, 0))


def ping_after_connect(addr, _port, cover):
    """connect() to what is allowed first, so that the socket is known."""
    sock = made(addr, socket.SOCK_DGRAM, echo_protocol(addr))
    sock.connect((cover, 0))
    sock.sendto(wire.echo(family(addr)), (addr, 0))


def ping_connected(addr, _port):
    sock = made(addr, socket.SOCK_DGRAM, echo_protocol(addr))
    sock.connect((addr, 0))
    sock.send(wire.echo(family(addr)))


def raw_header6(addr, port, saddr):
    packet = wire.ip6(saddr, addr, wire.TCP, wire.tcp(port))
    sock = made(addr, socket.SOCK_RAW, socket.IPPROTO_RAW)
    sock.sendto(packet, (addr, 0))


def raw_segment(addr, port):
    """The transport's header by hand, the IP header by the kernel."""
    made(addr, socket.SOCK_RAW, socket.IPPROTO_TCP).sendto(wire.tcp(port), (addr, 0))


def frame(_addr, _port, *frames):
    """Frames as they are, in hexadecimal, from a packet socket."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind(("eth0", 0))
        for one in frames:
            sock.send(bytes.fromhex(one))


def bypass_qdisc(addr, port, saddr, mac):
    """A packet socket that goes around the queueing discipline of its interface."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
        sock.bind(("eth0", 0))
        sock.send(wire.ether(mac, IP4, wire.ip4(saddr, addr, wire.TCP, wire.tcp(port))))


def wait_for_port(name):
    """A bridge forwards nothing of a port before it has noticed that somebody is there."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with open(f"/sys/class/net/{name}/brport/state", encoding="ascii") as state:
            if state.read().strip() == BR_STATE_FORWARDING:
                return
    raise TimeoutError


def tap(addr, port, name, saddr, mac):
    """What a virtual machine's monitor does: writes its guest's frames into a tap."""
    with open("/dev/net/tun", "r+b", buffering=0) as tun:
        fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
        wait_for_port(name)
        for segment, proto in ((wire.tcp(port), wire.TCP), (wire.udp(port), wire.UDP)):
            tun.write(wire.ether(mac, IP4, wire.ip4(saddr, addr, proto, segment)))


def source_route(addr, port, cover):
    """Asks for the way to a harmless address, over the one that is meant: no privilege needed."""
    sock = made(addr, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, wire.loose_route(addr))
    sock.sendto(b"ping", (cover, port))


def source_route_tcp(addr, port, cover):
    sock = made(addr, socket.SOCK_STREAM)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, wire.loose_route(addr))
    sock.connect((cover, port))


def source_route_later(addr, port, cover):
    """connect() first, the route afterwards: no hook sees a change."""
    sock = made(addr, socket.SOCK_DGRAM)
    sock.connect((cover, port))
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, wire.loose_route(addr))
    sock.send(b"ping")


def segment_route(addr, port, cover):
    """The same with a routing header of IPv6: the kernel sends it to the first segment."""
    sock = made(addr, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RTHDR, wire.segment_route(cover, addr))
    sock.sendto(b"ping", (cover, port))


def repaired(addr, port):
    """A connection that never was made: TCP_REPAIR says that it stands."""
    sock = made(addr, socket.SOCK_STREAM)
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    sock.connect((addr, port))
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 0)
    sock.send(b"data")


def sequence(sock, queue):
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, queue)
    return sock.getsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ)


def lay_over(sock, saddr, mac, *pieces):
    """Says (where, relative to what the socket will send next; bytes) on a connection that stands: ports and
    sequence numbers are its own. The peer believes what comes first."""
    addr, port = sock.getpeername()
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    seq, ack = sequence(sock, TCP_SEND_QUEUE), sequence(sock, TCP_RECV_QUEUE) & 0xffffffff
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_OFF_NO_WP)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as packets:
        packets.bind(("eth0", 0))
        for at, piece in pieces:
            segment = wire.tcp(port, wire.PUSH_ACK, sock.getsockname()[1], seq + at & 0xffffffff, ack, piece)
            packets.send(wire.ether(mac, IP4, wire.ip4(saddr, addr, wire.TCP, wire.summed(saddr, addr, segment))))


def overlap(addr, port, saddr, mac, good, bad):
    """A hello of which a packet socket says the pieces first, the later one before the other."""
    good, bad = bytes.fromhex(good), bytes.fromhex(bad)
    half = len(bad) // 2
    sock = made(addr, socket.SOCK_STREAM)
    sock.connect((addr, port))
    lay_over(sock, saddr, mac, (half, bad[half:]), (0, bad[:half]))
    sock.send(good)
    sock.recv(1)


def overlap_verified(addr, port, saddr, mac, hello, data, forged):
    """As if the hello were sent again, with other bytes at its end, and more behind it: before the socket
    says what it has to say there."""
    hello, data, forged = (bytes.fromhex(one) for one in (hello, data, forged))
    sock = made(addr, socket.SOCK_STREAM)
    sock.connect((addr, port))
    sock.send(hello)
    sock.recv(1)
    back = len(hello) // 2
    lay_over(sock, saddr, mac, (-back, b"\0" * back + forged))
    sock.send(data)
    sock.recv(1)


def mptcp_subflow(addr, port):
    """Talks until the server has been believed about its other addresses, or for a second."""
    sock = made(addr, socket.SOCK_STREAM, IPPROTO_MPTCP)
    sock.connect((addr, port))
    end = time.monotonic() + 1
    while time.monotonic() < end and not sock.getsockopt(SOL_MPTCP, MPTCP_INFO, 64)[MPTCPI_ADD_ADDR_ACCEPTED]:
        sock.send(b"x")
        sock.recv(1)


def make_family(_addr, _port, family_number):
    """A stream socket of another family altogether."""
    socket.socket(int(family_number), socket.SOCK_STREAM).close()


def retarget(addr, port, cover):
    """connect() to what is allowed, AF_UNSPEC, connect() to what is not."""
    import ctypes

    sock = made(addr, socket.SOCK_DGRAM)
    sock.connect((cover, port))
    ctypes.CDLL(None).connect(sock.fileno(), (ctypes.c_char * 16)(), 16)
    sock.connect((addr, port))
    sock.send(b"ping")


def mapped(addr, port):
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as sock:
        sock.settimeout(1)
        sock.connect(("::ffff:" + addr, port))


def makes(kind, proto):
    """socket() and nothing else."""
    def trick(addr, _port):
        made(addr, kind, proto).close()
    return trick


def question(name, kind):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">6H", 7, 0x100, 1, 0, 0, 0) + labels + struct.pack(">BHH", 0, kind, 1)


def tunnel(addr, port, suffix, count=20):
    """A kilobyte or two in names, to whoever owns the suffix."""
    with made(addr, socket.SOCK_DGRAM) as sock:
        for i in range(count):
            data = ".".join(f"{i:02x}" + "6465616462656566" * 3 for _ in range(3))
            sock.sendto(question(f"{data}.{suffix}", 16), (addr, port))


def flood(addr, port, name, count):
    """The same question again and again; what one was refused with is told in the end."""
    refused = None
    with made(addr, socket.SOCK_DGRAM) as sock:
        for _ in range(int(count)):
            try:
                sock.sendto(question(name, 1), (addr, port))
            except OSError as error:
                refused = error
    if refused:
        raise refused


TRICKS = {
    "tunnel": tunnel, "flood": flood,
    "make-mptcp": makes(socket.SOCK_STREAM, IPPROTO_MPTCP), "make-udp-lite": makes(socket.SOCK_DGRAM, IPPROTO_UDPLITE),
    "make-raw": makes(socket.SOCK_RAW, socket.IPPROTO_RAW), "make-raw-icmp": makes(socket.SOCK_RAW, socket.IPPROTO_ICMP),
    "make-raw-tcp": makes(socket.SOCK_RAW, socket.IPPROTO_TCP),
    "tcp": connects(socket.SOCK_STREAM, 0), "udp": datagram(0), "connected-udp": connected,
    "mptcp": connects(socket.SOCK_STREAM, IPPROTO_MPTCP), "sctp": connects(socket.SOCK_STREAM, IPPROTO_SCTP),
    "dccp": connects(SOCK_DCCP, IPPROTO_DCCP), "udp-lite": datagram(IPPROTO_UDPLITE),
    "fast-open": fast_open, "raw-header": raw_header, "ping": ping, "bypass-qdisc": bypass_qdisc,
    "source-route": source_route, "source-route-tcp": source_route_tcp, "source-route-later": source_route_later,
    "segment-route": segment_route, "ping-socket": ping_socket, "ping-after-connect": ping_after_connect,
    "ping-connected": ping_connected, "raw-header6": raw_header6, "raw-segment": raw_segment, "frame": frame,
    "tap": tap, "repaired": repaired, "mptcp-subflow": mptcp_subflow, "overlap": overlap,
    "overlap-verified": overlap_verified, "make-family": make_family,
    "retarget": retarget, "mapped": mapped,
}


def main():
    trick, addr, port = sys.argv[1:4]
    try:
        TRICKS[trick](addr, int(port), *sys.argv[4:])
        print("OK")
    except TimeoutError:
        print("ETIMEDOUT")
    except OSError as error:
        print(errno.errorcode.get(error.errno, str(error)))


main()
