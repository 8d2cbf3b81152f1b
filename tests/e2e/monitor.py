# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The metrics port as tests see it: raw requests, and what a scrape says."""
import contextlib
import re
import socket

from harness import DEADLINE, Node, check, equal, wait_until
from scene import write

LISTEN = {"listen": "127.0.0.1:0"}
OPEN_METRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
SAMPLE = re.compile(r'([a-z_]+)(?:\{(.*)\})? (\S+)')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


class Monitor:
    """The daemon's metrics port, and raw connections to it."""

    def __init__(self, daemon):
        host, port = daemon.get("/v1/status")["metrics"].rsplit(":", 1)
        self.daemon, self.address = daemon, (host.strip("[]"), int(port))

    def connect(self):
        return socket.create_connection(self.address, timeout=DEADLINE)

    def ask(self, request):
        """Sends bytes and reads the whole answer; an answer that was cut off is an error."""
        with self.connect() as sock:
            sock.sendall(request)
            return read_all(sock)

    def get(self, path, **headers):
        lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{self.address[1]}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return parse_answer(self.ask("\r\n".join(lines + ["", ""]).encode()))

    def metrics(self):
        """{(name, frozenset of labels): value}."""
        status, _, body = self.get("/metrics")
        equal(status, 200, "status of /metrics")
        return parse_metrics(body)

    def sum(self, name, **labels):
        want = set(labels.items())
        return sum(value for (found, has), value in self.metrics().items()
                   if found == name and want <= has)

    def wait_sum(self, want, name, **labels):
        """Answers are shared for a tenth of a second, so the newest may not be the first."""
        last = []
        with contextlib.suppress(Exception):
            wait_until(lambda: last.append(self.sum(name, **labels)) or last[-1] >= want,
                       "a sum", deadline=2)
        equal(last[-1], want, f"{name} {labels}")


def read_all(sock):
    return b"".join(iter(lambda: sock.recv(1 << 20), b""))


def parse_answer(data):
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    if "content-length" in headers:
        equal(len(body), int(headers["content-length"]), "bytes of the answer")
    return int(lines[0].split()[1]), headers, body.decode()


def parse_metrics(body):
    found = {}
    for line in body.splitlines():
        if line.startswith("#"):
            continue
        match = SAMPLE.fullmatch(line)
        check(match, f"no sample: {line!r}")
        key = match[1], frozenset(LABEL.findall(match[2] or ""))
        check(key not in found, f"twice: {line}")
        found[key] = float(match[3])
    return found


@contextlib.contextmanager
def watched(pods=("chat",), **config):
    with Node("metrics") as node:
        write(node)
        daemon = node.daemon(metrics={**LISTEN, **config.pop("metrics", {})}, **config).start()
        started = [node.pod(name, name + "1") for name in pods]
        wait_until(lambda: daemon.get("/v1/status")["instances"] >= len(pods), "the workloads")
        yield daemon, Monitor(daemon), *started
