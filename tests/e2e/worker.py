#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""What runs inside a test pod: does one socket operation per JSON line of its standard input and
answers with one JSON line. It owns no expectation; it only reports what the kernel said."""
import array
import contextlib
import errno
import json
import os
import select
import socket
import ssl
import subprocess
import sys
import threading
import time

TIMEOUT = 5.0


def family_of(request):
    return socket.AF_INET if request["family"] == "v4" else socket.AF_INET6


def address_of(request):
    addr = request["addr"]
    return "::ffff:" + addr if request["family"] == "mapped" else addr


def new_socket(request):
    kind = socket.SOCK_DGRAM if request.get("proto", "tcp") == "udp" else socket.SOCK_STREAM
    sock = socket.socket(family_of(request), kind)
    sock.settimeout(TIMEOUT)
    return sock


def talk(sock, request):
    """Sends a payload and reads what comes back, so that byte counters have something to count."""
    size = request.get("send", 0)
    if size:
        sock.sendall(b"x" * size)
        sock.shutdown(socket.SHUT_WR)
    received = 0
    while request.get("read", False):
        data = sock.recv(65536)
        if not data:
            break
        received += len(data)
    return received


def op_connect(request):
    with new_socket(request) as sock:
        if request.get("bound"):
            sock.bind(("", 0))
        sock.connect((address_of(request), request["port"]))
        return {"received": talk(sock, request), "sport": sock.getsockname()[1]}


def op_sendto(request):
    with new_socket(request) as sock:
        for _ in range(request.get("times", 1)):
            sock.sendto(b"ping", (address_of(request), request["port"]))
        return {}


def op_send_connected(request):
    """connect() a UDP socket, then send on it."""
    with new_socket(request) as sock:
        sock.connect((address_of(request), request["port"]))
        sock.send(b"ping")
        return {}


def op_reconnect(request):
    """An allowed destination first, then AF_UNSPEC, then the one that is asked for."""
    with new_socket(request) as sock:
        sock.connect((request["first"], request["port"]))
        libc_disconnect(sock)
        sock.connect((address_of(request), request["port"]))
        return {}


def libc_disconnect(sock):
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    unspec = (ctypes.c_char * 16)()
    if libc.connect(sock.fileno(), unspec, 16) != 0:
        err = ctypes.get_errno()
        raise OSError(err, os.strerror(err))


def op_nonblocking(request):
    """connect() again and again on one non-blocking socket: one connection, one decision."""
    with new_socket(request) as sock:
        sock.setblocking(False)
        codes = []
        for _ in range(5):
            codes.append(sock.connect_ex((address_of(request), request["port"])))
        return {"codes": [errno.errorcode.get(code, "OK") for code in codes]}


def op_flood(request):
    """Connects as fast as it can; counts outcomes."""
    outcome = {}
    for _ in range(request["times"]):
        with new_socket(request) as sock:
            code = sock.connect_ex((address_of(request), request["port"]))
        name = errno.errorcode.get(code, "OK") if code else "OK"
        outcome[name] = outcome.get(name, 0) + 1
    return {"outcome": outcome}


held = []  # connections that stay open between questions


def op_hold(request):
    """Opens so many connections and keeps them; each has had a byte there and a byte back."""
    for _ in range(request["times"]):
        sock = new_socket(request)
        sock.connect((address_of(request), request["port"]))
        held.append(sock)
    return {"held": len(held)}


def op_held_ends(request):
    """Waits until every held connection ended; how, and when by the clock that all processes share."""
    start, poll, ends, at = time.monotonic(), select.poll(), {}, []
    open_ones = {sock.fileno(): sock for sock in held}
    for fd in open_ones:
        poll.register(fd, select.POLLIN)
    while open_ones and time.monotonic() - start < request.get("within", TIMEOUT):
        for fd, _ in poll.poll(100):
            code = open_ones[fd].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            name = errno.errorcode.get(code, "EOF") if code else "EOF"
            ends[name] = ends.get(name, 0) + 1
            at.append(time.monotonic())
            poll.unregister(fd)
            del open_ones[fd]
    return {"ends": ends, "open": len(open_ones), "at": at}


def op_held_talk(request):
    """One byte on each held connection; how many were answered."""
    answered = 0
    for sock in held:
        sock.sendall(b"x")
        sock.shutdown(socket.SHUT_WR)
        answered += len(sock.recv(1))
    return {"answered": answered}


class Busy:
    """A connection that always has something under way, until it is told to stop."""

    def __init__(self, request):
        self.sock, self.sent = new_socket(request), 0
        self.stopping = threading.Event()
        self.sock.connect((address_of(request), request["port"]))
        self.thread = threading.Thread(target=self.send, daemon=True)
        self.thread.start()

    def send(self):
        while not self.stopping.wait(0.0005):
            self.sock.sendall(b"x" * 100)
            self.sent += 100

    def retransmits(self):
        info = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        return int.from_bytes(info[100:104], sys.byteorder)  # tcpi_total_retrans

    def end(self):
        self.stopping.set()
        self.thread.join()
        retransmits, received = self.retransmits(), 0
        self.sock.shutdown(socket.SHUT_WR)
        while data := self.sock.recv(65536):
            received += len(data)
        return {"sent": self.sent, "received": received, "retransmits": retransmits}


busy = None


def op_busy_start(request):
    global busy
    busy = Busy(request)
    return {}


def op_busy_so_far(_request):
    return {"sent": busy.sent, "retransmits": busy.retransmits()}


def op_busy_end(_request):
    return busy.end()


serving = []  # connections that came to op_serve


def op_serve(request):
    """Accepts one connection on every address; from then on each is sent to by op_serve_send."""
    listener = socket.create_server(("", request["port"]))
    print(json.dumps({"listening": True}), flush=True)
    listener.settimeout(TIMEOUT)
    serving.append(listener.accept()[0])
    listener.close()
    return {}


def op_serve_send(_request):
    for sock in serving:
        sock.sendall(b"leak")
    return {}


def op_dial(request):
    """Opens one connection, held like others."""
    sock = new_socket(request)
    sock.connect((address_of(request), request["port"]))
    held.append(sock)
    return {}


def op_held_recv(request):
    """What each held connection has to read within a time; "" where nothing, or how it ended."""
    got = []
    for sock in held:
        sock.settimeout(request["within"])
        try:
            got.append(sock.recv(64).decode() or "EOF")
        except TimeoutError:
            got.append("")
        except OSError as error:
            got.append(errno.errorcode[error.errno])
    return {"got": got}


stowed = []  # (both ends of a Unix socket, that has what is held in its queue)


def op_stow(_request):
    """Puts what is held where no process has a descriptor of it: into the queue of a Unix socket."""
    ends = socket.socketpair()
    socket.send_fds(ends[0], [b"s"], [sock.fileno() for sock in held])
    stowed.append((ends, len(held)))
    return op_drop_held(_request)


def op_unstow(_request):
    ends, count = stowed.pop()
    _, fds, _, _ = socket.recv_fds(ends[1], 1, count)
    held.extend(socket.socket(fileno=fd) for fd in fds)
    for end in ends:
        end.close()
    return {"held": len(held)}


def op_drop_held(_request):
    while held:
        held.pop().close()
    return {}


class Background:
    """A flood that runs until it is told to stop."""

    def __init__(self):
        self.thread = None
        self.stopping = threading.Event()
        self.outcome = {}

    def run(self, request):
        while not self.stopping.is_set():
            with new_socket(request) as sock:
                code = sock.connect_ex((address_of(request), request["port"]))
            name = errno.errorcode.get(code, "OK") if code else "OK"
            self.outcome[name] = self.outcome.get(name, 0) + 1


background = Background()


def op_flood_start(request):
    background.__init__()
    background.thread = threading.Thread(target=background.run, args=(request,))
    background.thread.start()
    return {}


def op_flood_stop(_request):
    background.stopping.set()
    background.thread.join()
    return {"outcome": background.outcome}


def op_send_socket(request):
    """Makes a socket here and hands it to whoever listens on the given Unix socket; with addr it is
    connected first."""
    with new_socket(request) as sock, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as unix:
        if "addr" in request:
            sock.connect((address_of(request), request["port"]))
        unix.connect(request["path"])
        unix.sendmsg([b"s"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                               array.array("i", [sock.fileno()]))])
    return {}


def op_take_socket(request):
    """Takes a socket that another pod made and connects it from here, or sends so much if it is."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(request["path"])
        server.listen(1)
        print(json.dumps({"listening": True}), flush=True)
        peer, _ = server.accept()
        fds = array.array("i")
        _, ancillary, _, _ = peer.recvmsg(1, socket.CMSG_LEN(fds.itemsize))
        fds.frombytes(ancillary[0][2][:fds.itemsize])
        peer.close()
    with socket.socket(fileno=fds[0]) as sock:
        sock.settimeout(TIMEOUT)
        if "send" in request:
            return {"received": talk(sock, {"send": request["send"], "read": True})}
        sock.connect((address_of(request), request["port"]))
    return {}


# ---- names and TLS ----

FAMILIES = {"v4": socket.AF_INET, "v6": socket.AF_INET6, "any": socket.AF_UNSPEC}


def op_resolve(request):
    """What libc makes of a name, through the pod's own resolv.conf."""
    try:
        found = socket.getaddrinfo(request["name"], 443, FAMILIES[request.get("family", "any")],
                                   socket.SOCK_STREAM)
    except socket.gaierror as error:
        return {"addrs": [], "gai": error.errno}
    return {"addrs": [entry[4][0] for entry in found]}


def tls_context(request):
    context = ssl.create_default_context(cafile=request["ca"])
    if request.get("max_version") == "1.2":
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    if request.get("no_sni") or request.get("sni"):
        context.check_hostname = False
    return context


def connected(request):
    """A socket as a client library makes it; without addr the name is resolved first."""
    addr, port = request.get("addr"), request.get("port", 443)
    if not addr:
        return socket.create_connection((request["name"], port), TIMEOUT)
    family = request.get("family", "v6" if ":" in addr else "v4")
    sock = new_socket({"family": family})
    sock.connect((address_of({"family": family, "addr": addr}), port))
    return sock


def op_https(request):
    sni = None if request.get("no_sni") else request.get("sni", request["name"])
    with connected(request) as plain:
        with tls_context(request).wrap_socket(plain, server_hostname=sni) as sock:
            sock.sendall(f"GET / HTTP/1.0\r\nHost: {request['name']}\r\n\r\n".encode())
            answer = b""
            while data := sock.recv(65536):
                answer += data
    return {"text": answer.split(b"\r\n\r\n", 1)[1].decode().strip()}


def op_hold_https(request):
    """A connection that has shown its name and stays open between questions."""
    held.append(tls_context(request).wrap_socket(connected(request), server_hostname=request["name"]))
    return {"held": len(held)}


def op_held_https(request):
    """One request on each held connection; what was answered."""
    texts = []
    for sock in held:
        sock.sendall(f"GET / HTTP/1.1\r\nHost: {request['name']}\r\n\r\n".encode())
        texts.append(sock.recv(65536).split(b"\r\n\r\n", 1)[1].decode().strip())
    return {"texts": texts}


def op_raw(request):
    """Sends bytes, all at once or in pieces of a size, and reads what comes."""
    data, piece = bytes.fromhex(request["hex"]), request.get("piece")
    with connected(request) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(data), piece or len(data)):
            sock.sendall(data[at:at + (piece or len(data))])
        received = sock.recv(65536)
    return {"received": len(received)} if received else {"errno": "EOF"}


def op_cut_off(request):
    """Says the same hello on one connection after the other; how each ended, and after how long."""
    ends, seconds = [], []
    for _ in range(request["times"]):
        with connected(request) as sock:
            start = time.monotonic()
            try:
                sock.sendall(bytes.fromhex(request["hex"]))
                ends.append("OK" if sock.recv(65536) else "EOF")
            except OSError as error:
                ends.append(errno.errorcode.get(error.errno, "ETIMEDOUT"))
            seconds.append(time.monotonic() - start)
    return {"ends": ends, "median": sorted(seconds)[len(seconds) // 2]}


SAID_MAX = 8192  # of a connection is kept


class Witness:
    """Listens and keeps count of what arrives; answers each piece with this."""

    def __init__(self, addr, answer=b"k"):
        self.total, self.answer, self.last = 0, answer, b""
        self.listener = socket.create_server((addr, 443), family=socket.AF_INET6 if ":" in addr
                                             else socket.AF_INET)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            threading.Thread(target=self.read, args=self.listener.accept()[:1], daemon=True).start()

    def read(self, peer):
        self.last = said = bytearray()
        with contextlib.suppress(OSError):
            while data := peer.recv(65536):
                self.total += len(data)
                said += data[:SAID_MAX - len(said)]
                peer.sendall(self.answer)


witnesses = {}


def op_witness(request):
    """How many bytes have come to port 443 of an address, and those of the last connection; the first time,
    begins to listen there."""
    addr = request["addr"]
    if addr not in witnesses:
        witnesses[addr] = Witness(addr, request.get("answer", "k").encode())
    witness = witnesses[addr]
    return {"bytes": witness.total, "last": witness.last.hex()}


datagrams = None  # of udp_bind


def op_udp_bind(_request):
    global datagrams
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.settimeout(TIMEOUT)
    datagrams.bind(("", 0))
    return {"port": datagrams.getsockname()[1]}


def op_udp_send(request):
    datagrams.sendto(bytes.fromhex(request["hex"]), (request["to"], request["port"]))
    return {}


def op_udp_recv(_request):
    return {"bytes": len(datagrams.recv(65536))}


def op_send_from(request):
    """One datagram from an address and port of choice."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((request["from"], request["sport"]))
        sock.sendto(bytes.fromhex(request["hex"]), (request["to"], request["port"]))
    return {}


def op_run(request):
    """A program of the pod; how long it took is part of the answer. A proxy of this machine is none
    of the pod's."""
    env = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    start = time.monotonic()
    done = subprocess.run(request["argv"], capture_output=True, text=True, timeout=request.get("timeout", 60),
                          stdin=subprocess.DEVNULL, env={**env, **request.get("env", {})})
    return {"code": done.returncode, "out": done.stdout, "err": done.stderr,
            "seconds": time.monotonic() - start}


def serve_tcp(listener):
    while True:
        peer, _ = listener.accept()
        threading.Thread(target=answer_tcp, args=(peer,), daemon=True).start()


def answer_tcp(peer):
    with peer:
        total = 0
        try:
            while data := peer.recv(65536):
                total += len(data)
            peer.sendall(b"y" * max(total, 1))
        except OSError:
            pass  # the client went away: its business


def serve_udp(sock):
    while True:
        data, peer = sock.recvfrom(65536)
        sock.sendto(data, peer)


def op_listen(request):
    """Servers on every given (address, port): TCP echoes as many bytes as came, UDP echoes."""
    for addr, port in request["on"]:
        family = socket.AF_INET6 if ":" in addr else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((addr, port))
        listener.listen(1024)
        threading.Thread(target=serve_tcp, args=(listener,), daemon=True).start()
        datagrams = socket.socket(family, socket.SOCK_DGRAM)
        datagrams.bind((addr, port))
        threading.Thread(target=serve_udp, args=(datagrams,), daemon=True).start()
    return {}


def handle(request):
    try:
        return {"errno": "OK", **globals()["op_" + request["op"]](request)}
    except TimeoutError:
        return {"errno": "ETIMEDOUT"}
    except ssl.SSLError as error:
        return {"errno": "EOF" if "EOF" in str(error) else f"TLS: {error}"}
    except OSError as error:
        return {"errno": errno.errorcode.get(error.errno, str(error.errno))}


def main():
    print(json.dumps({"pid": os.getpid()}), flush=True)
    for line in sys.stdin:
        print(json.dumps(handle(json.loads(line))), flush=True)


main()
