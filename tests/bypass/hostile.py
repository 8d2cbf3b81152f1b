#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""What a hostile process in a pod does, one trick a run: hostile.py TRICK ADDR PORT [MORE]. It prints the
name of the errno, OK for none, and expects nothing. UNSUPPORTED: this kernel has no such protocol."""
import errno
import socket
import struct
import sys

IPPROTO_MPTCP, IPPROTO_SCTP, IPPROTO_UDPLITE, IPPROTO_DCCP, SOCK_DCCP = 262, 132, 136, 33, 6
MISSING = (errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT, errno.ENOPROTOOPT, errno.EAFNOSUPPORT)
SOL_PACKET, PACKET_QDISC_BYPASS = 263, 20
IPOPT_LSRR = 131


def family(addr):
    return socket.AF_INET6 if ":" in addr else socket.AF_INET


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


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~((total & 0xffff) + (total >> 16)) & 0xffff


def header4(saddr, daddr, proto, payload):
    parts = [0x45, 0, 20 + len(payload), 1, 0, 64, proto, 0, socket.inet_aton(saddr), socket.inet_aton(daddr)]
    shape = ">BBHHHBBH4s4s"
    parts[7] = checksum(struct.pack(shape, *parts))
    return struct.pack(shape, *parts)


def syn(port):
    return struct.pack(">HHIIBBHHH", 40000, port, 1, 0, 0x50, 2, 65535, 0, 0)


def raw_header(addr, port, saddr):
    """A SYN with an IP header of one's own, from a raw socket."""
    packet = header4(saddr, addr, socket.IPPROTO_TCP, syn(port)) + syn(port)
    made(addr, socket.SOCK_RAW, socket.IPPROTO_RAW).sendto(packet, (addr, 0))


def ping(addr, _port):
    """An echo request with room for a tunnel's data."""
    body = struct.pack(">BBHHH", 8, 0, 0, 1, 1) + b"what a tunnel carries..."
    body = body[:2] + struct.pack(">H", checksum(body)) + body[4:]
    made(addr, socket.SOCK_RAW, socket.IPPROTO_ICMP).sendto(body, (addr, 0))


def bypass_qdisc(addr, port, saddr, mac):
    """A packet socket that goes around the queueing discipline of its interface."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
        sock.bind(("eth0", 0))
        frame = bytes.fromhex(mac.replace(":", "")) + b"\2\0\0\0\0\1" + b"\x08\0"
        sock.send(frame + header4(saddr, addr, socket.IPPROTO_TCP, syn(port)) + syn(port))


def source_route(addr, port, cover):
    """Asks for the way to a harmless address, over the one that is meant: no privilege needed."""
    sock = made(addr, socket.SOCK_DGRAM)
    hop = bytes([IPOPT_LSRR, 7, 4]) + socket.inet_aton(addr) + b"\0"
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, hop)
    sock.sendto(b"ping", (cover, port))


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
    "source-route": source_route, "retarget": retarget, "mapped": mapped,
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
