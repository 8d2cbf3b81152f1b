#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Servers of the world that no honest one would be: far_end.py dns ADDR PIDFILE, a trusted resolver
whose answers are odd, as the question's first label says; far_end.py mptcp ADDR PORT PIDFILE."""
import os
import random
import socket
import struct
import sys
import threading

IPPROTO_MPTCP = 262
QR_RD_RA, TRUNCATED = 0x8180, 0x0200
OPT, A, IN = 41, 1, 1
FILLER_RECORD = b"\xc0\x0c" + struct.pack(">HHIH", 16, IN, 300, 201) + b"\xc8" + b"x" * 200  # TXT


def question_of(message):
    """(its first label, the question's bytes)."""
    at = 12
    while message[at]:
        at += 1 + message[at]
    return message[13:13 + message[12]].decode(), message[12:at + 5]


def record(addr, owner=b"\xc0\x0c"):
    return owner + struct.pack(">HHIH", A, IN, 300, 4) + socket.inet_aton(addr)


def message(asked, question, records, flags=QR_RD_RA, extra=b"", said=None):
    head = struct.pack(">HHHHHH", int.from_bytes(asked[:2], "big"), flags, 1,
                       len(records) if said is None else said, 0, 1 if extra else 0)
    return head + question + b"".join(records) + extra


def opt(size, options=b""):
    return b"\0" + struct.pack(">HHIH", OPT, size, 0, len(options)) + options


def garbage(asked, question, addr):
    """An answer with bytes that a line has changed; the first ones are as they must be to be believed."""
    text = bytearray(message(asked, question, [record(addr)] * 3, extra=opt(4096)))
    for _ in range(random.randint(1, 8)):
        text[random.randrange(4, len(text))] = random.randrange(256)
    return bytes(text[:random.randint(12, len(text))])


def answer(asked, addr):
    label, question = question_of(asked)
    honest = [record(addr)]
    return {
        "plain": lambda: message(asked, question, honest),
        "truncated": lambda: message(asked, question, honest, QR_RD_RA | TRUNCATED),
        "edns": lambda: message(asked, question, honest, extra=opt(4096, struct.pack(">HH", 10, 8) + b"cookie!!")),
        "fragmented": lambda: message(asked, question, [FILLER_RECORD] * 12 + honest),
        "more": lambda: message(asked, question, honest, said=7),
        "loop": lambda: message(asked, question, [record(addr, struct.pack(">H", 0xc000 | 12 + len(question)))]),
        "long": lambda: message(asked, question, [record(addr, b"\x3f" + b"y" * 9)]),
        "cut": lambda: message(asked, question, honest)[:-2],
        "short": lambda: asked[:2] + b"\x81\x80",
    }.get(label, lambda: garbage(asked, question, addr))()


def serve_dns(addr, target):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((addr, 53))
        yield
        while True:
            asked, peer = sock.recvfrom(4096)
            sock.sendto(answer(asked, target), peer)


def serve_mptcp(addr, port):
    """Answers each byte, so that there is something on which to say where else it may be reached."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((addr, int(port)))
        listener.listen(16)
        yield
        while True:
            threading.Thread(target=echo, args=listener.accept()[:1], daemon=True).start()


def echo(peer):
    with peer:
        while data := peer.recv(4096):
            peer.sendall(data)


def main():
    verb, pid_file = sys.argv[1], sys.argv[-1]
    server = {"dns": serve_dns, "mptcp": serve_mptcp}[verb](*sys.argv[2:-1])
    next(server)
    with open(pid_file + ".new", "w", encoding="ascii") as out:
        out.write(str(os.getpid()))
    os.rename(pid_file + ".new", pid_file)
    next(server)


main()
