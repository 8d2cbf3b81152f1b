# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The verbs that talk to the daemon, against a made-up one that answers what no real one would: broken
JSON, terminal escapes, errors. That they get on with the real one is for tests/e2e to show."""
import contextlib
import fcntl
import http.server
import json
import os
import pty
import select
import signal
import socketserver
import struct
import subprocess
import tempfile
import termios
import threading
import time
import urllib.parse

from harness import AEGRESS, SECONDS, check, contains, equal, expect, functions, parse

FLOW = {
    "schema": "aegress.flow/v1", "seq": 7, "time": "2026-11-20T12:55:18.123456789Z",
    "event": "deny", "verdict": "denied", "reason": "no-rule", "policy": "ml-prod/chat-api",
    "rule": "models", "workload": {"namespace": "ml-prod", "name": "chat-1"},
    "process": {"pid": 42, "comm": "curl\x1b[31m"}, "protocol": "tcp",
    "destination": {"ip": "2001:db8::1", "port": 443, "endpoint": "hf-upload"},
}
STATUS = {
    "version": "0.1.0", "pid": 1, "startedAt": "2026-11-20T12:00:00Z", "node": "n1",
    "generation": 3, "generationAt": "2026-11-20T12:00:00Z", "policies": 2, "endpoints": 1,
    "workloads": 4, "instances": 3, "contested": 0, "programs": [{"name": "aeg_connect4",
                                                                   "attached": True}],
    "errors": {"event-lost": 0, "denial-lost": 5}, "lastReload": {"ok": True, "errors": []},
    "totals": [{"verdict": "denied", "reason": "udp", "hook": "connect", "count": 2},
               {"verdict": "denied", "reason": "no-rule", "hook": "connect", "count": 3}],
    "dns": {"resolvers": ["192.0.2.53"], "addressesPerWorkload": 48, "fullShares": ["ml/x\x1b-1"],
            "answers": {"ok": 9, "short": 0, "truncated": 1},
            "learned": {"new": 4, "again": 7}}, "hellos": {"done": 3, "not-tls": 0},
    "maps": [{"name": "counts", "entries": 90, "capacity": 100},
             {"name": "learned", "entries": 7, "capacity": 64}], "notes": ["names \x1b]0;x\x07"],
}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "unix"

    def log_message(self, *args):
        pass

    def answer(self):
        length = int(self.headers.get("Content-Length", 0))
        self.server.asked.append((self.command, self.path, self.rfile.read(length),
                                  self.headers.get("Accept")))
        status, body = self.server.reply
        self.send_response(status)
        # A held answer lacks its last byte, as a stream that goes on does.
        self.send_header("Content-Length", str(len(body) + bool(self.server.held)))
        self.end_headers()
        self.wfile.write(body)
        if self.server.held:
            self.server.held.wait(SECONDS)

    do_GET = do_POST = do_DELETE = answer


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def get_request(self):
        request, _ = super().get_request()
        return request, ("unix", 0)

    def handle_error(self, request, client_address):
        """A client that hung up early is what some cases are about; others miss its answer."""


@contextlib.contextmanager
def daemon(body, status=200, held=None):
    """A daemon that answers everything like this; `held` keeps its connections open until set."""
    if not isinstance(body, bytes):
        body = (body if isinstance(body, str) else json.dumps(body)).encode()
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "sock")
        with Server(path, Handler) as server:
            server.reply, server.asked, server.held, server.path = (status, body), [], held, path
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            try:
                yield server
            finally:
                server.shutdown()
                thread.join()


def ask(code, server, *args, **options):
    return expect(code, *args, AEGRESS_SOCKET=server.path, **options)


def test_get_passes_json_on():
    answer = {"items": [{"name": "a", "class": "hub", "hosts": ["x.org", "y.org", "z.org"],
                         "ports": ["443/tcp"], "evidence": "docs"}], "later": 1}
    with daemon(answer) as server:
        equal(parse(ask(0, server, "get", "endpoints", "-o", "json").stdout, "get"), answer, "json")
        ask(0, server, "get", "endpoints", stdout="x.org,+2")
        ask(0, server, "get", "endpoints", "-o", "wide", stdout="x.org,y.org,z.org")
        equal(server.asked[0][:2], ("GET", "/v1/endpoints"), "request")
    with daemon({"items": []}) as server:
        equal(ask(0, server, "get", "workloads", stderr="no workloads").stdout, "", "stdout")


def test_get_names():
    addresses = [{"ip": f"192.0.2.{i}", "expiresIn": 60 - i} for i in range(3)]
    with daemon({"items": [{"name": "hf.co", "addresses": addresses, "endpoint": "hf-hub"},
                           {"addresses": [], "pattern": "*.hf.co"}]}) as server:
        done = ask(0, server, "get", "names", stdout="192.0.2.0,192.0.2.1,+1")
        for part in ("60,59,+1", "hf-hub", "*.hf.co"):
            contains(done.stdout, part, "names")
        ask(0, server, "get", "names", "-o", "wide", stdout="192.0.2.0,192.0.2.1,192.0.2.2")
        equal(server.asked[0][1], "/v1/names", "request")
    expect(2, "get", "names", "-f", "policies", stderr="only the daemon")


def test_bad_answers():
    for body in ("", "{", "[]", '{"items": 3}', b"\xff\xfe", '{"a":1} x', "[" * 100000):
        with daemon(body) as server:
            done = ask(3, server, "get", "policies", stderr="aegressd")
            equal(done.stdout, "", repr(body[:20]))
    with daemon({"items": [1, None, {"name": None, "mode": {"a": [True, 1.5]}}]}) as server:
        ask(0, server, "get", "policies", stdout="a=yes,1.5")


def test_refusals():
    with daemon({"error": "no such \x1b[31m thing"}, 404) as server:
        done = ask(1, server, "delete", "AIEP/ml/a b", stderr="no such ?[31m thing")
        equal(done.stdout, "", "stdout")
        equal(server.asked[0][:2], ("DELETE", "/v1/objects/AIEgressPolicy/ml/a%20b"), "request")
        ask(2, server, "explain", "-w", "a/b", "--to", "hf.co")
    with daemon({"error": "table is full"}, 500) as server:
        ask(3, server, "status", stderr="table is full")
    with daemon("<html>", 502) as server:
        ask(3, server, "status", stderr="HTTP status 502")


def test_delete():
    with daemon({"action": "deleted"}) as server:
        for args in (("aiep/ml/chat",), ("aiegresspolicies", "chat", "-n", "ml"),
                     ("AIEgressPolicy", "ml/chat"), ("aiep/chat", "--namespace=ml")):
            ask(0, server, "delete", *args, stdout="AIEgressPolicy ml/chat deleted")
        for args in (("caiep/x",), ("ClusterAIEgressPolicy", "x")):
            ask(0, server, "delete", *args, stdout="ClusterAIEgressPolicy x deleted")
        equal({path for _, path, _, _ in server.asked}, {
            "/v1/objects/AIEgressPolicy/ml/chat", "/v1/objects/ClusterAIEgressPolicy/-/x"}, "paths")


def test_apply():
    item = {"kind": "AIEgressPolicy", "namespace": "ml", "name": "chat", "action": "created"}
    with daemon({"items": [item], "generation": 9}) as server:
        ask(0, server, "apply", "-", stdin="a: ü\n", stdout="AIEgressPolicy ml/chat created\n")
        ask(0, server, "apply", "--dry-run", "policies/examples/no-mirrors.yaml", stdout="(dry run)")
        equal(server.asked[0][:3], ("POST", "/v1/apply?file=%3Cstdin%3E", "a: ü\n".encode()), "first")
        equal(server.asked[1][1],
              "/v1/apply?dryRun=1&file=policies%2Fexamples%2Fno-mirrors.yaml", "second")
    text = "x.yaml:8:2: error: no\n"
    with daemon({"error": "1 error", "text": text, "diagnostics": []}, 422) as server:
        ask(1, server, "apply", "-", stdin="a: 1\n", stderr=text)
        parse(ask(1, server, "apply", "-o", "json", "-", stdin="a: 1\n").stdout, "apply -o json")


def test_explain_live():
    for verdict, code in (("allowed", 0), ("audited", 0), ("denied", 1)):
        with daemon({"verdict": verdict}) as server:
            done = ask(code, server, "explain", "-n", "ns", "-s", "sa", "-l", "a=b=c", "--to", "hf.co",
                       "-o", "json")
            equal(parse(done.stdout, "explain")["verdict"], verdict, "verdict")
            method, path, body, accept = server.asked[0]
            equal((method, path, accept), ("POST", "/v1/explain", "application/json"), "request")
            equal(json.loads(body), {"namespace": "ns", "serviceAccount": "sa", "labels": {"a": "b=c"},
                                     "to": "hf.co"}, "body")
        with daemon(f"{verdict}  because\n  why\n") as server:
            ask(code, server, "explain", "-w", "ns/x", "--to", "hf.co", stdout="because\n  why\n")
            equal(server.asked[0][3], "text/plain", "Accept")
            equal(json.loads(server.asked[0][2])["workload"], "ns/x", "workload")
        with daemon({"verdict": verdict}) as server:
            ask(code, server, "explain", "--no-workload", "--to", "hf.co", "-o", "json")
            equal(json.loads(server.asked[0][2]), {"unknown": True, "labels": {}, "to": "hf.co"}, "body")
    for body in ("", "maybe", "{}"):
        with daemon(body) as server:
            equal(ask(3, server, "explain", "-w", "a/b", "--to", "hf.co").stdout, "", "stdout")


def test_status():
    with daemon(STATUS) as server:
        done = ask(0, server, "status", stdout="generation")
        for part in ("ok", "3 running", "0 allowed, 0 audited, 5 denied", "denial-lost: 5 times",
                     "counts: 90 of 100", "resolvers    192.0.2.53", "9 ok, 1 truncated",
                     "addresses    7 of 64 learned, each workload is sure of 48\n", "full shares  ml/x?-1\n",
                     "4 new, 7 again", "hellos       3 done\n", "names ?]0;x?"):
            contains(done.stdout, part, "status")
        check("event-lost" not in done.stdout, "an error that did not happen")
        equal(parse(ask(0, server, "status", "-o", "json").stdout, "status"), STATUS, "json")
    for change in ({"programs": [{"name": "p", "attached": False}]}, {"programs": []},
                   {"lastReload": {"ok": False, "text": "bad"}}, {"generation": 0}):
        with daemon({**STATUS, **change}) as server:
            ask(1, server, "status", stdout="UNHEALTHY")
            ask(1, server, "status", "-o", "json")
            ask(1, server, "doctor", stdout="FAIL daemon")


def lines(*records):
    return "".join((record if isinstance(record, str) else json.dumps(record)) + "\n"
                   for record in records)


def test_flows():
    closed = {**FLOW, "event": "close", "verdict": "allowed", "protocol": "udp",
              "bytes": {"sent": 2048, "received": 12}, "durationMs": 1500.5}
    named = {**FLOW, "destination": {**FLOW["destination"], "name": "x\x1b.hf.co"}}
    learned = {"event": "name", "time": FLOW["time"], "workload": FLOW["workload"], "ttl": 300,
               "destination": {"ip": "192.0.2.1", "name": "hf.co", "endpoint": "hf-hub"}, "resolver": "192.0.2.53"}
    with daemon(lines(FLOW, closed, {"event": "lost", "lost": 12, "where": "reader"}, named, learned)) as server:
        done = ask(0, server, "flows", "--since", "3", "--limit", "9")
        first, second, third, fourth, fifth = done.stdout.splitlines()
        contains(fourth, "x?.hf.co [2001:db8::1]:443 (hf-upload)", "denial by name")
        contains(fifth, "learned  ml-prod/chat-1", "name")
        contains(fifth, "hf.co is 192.0.2.1 (hf-hub)", "name")
        contains(fifth, "for 5m0s", "name")
        for part in ("12:55:18.123  denied", "ml-prod/chat-1", "[2001:db8::1]:443 (hf-upload)",
                     "no-rule", "ml-prod/chat-api/models"):
            contains(first, part, "denial")
        contains(second, "[2001:db8::1]:443/udp", "close")
        contains(second, "closed: sent 2.0KiB, received 12B, 1.500s", "close")
        contains(third, "12 records lost", "lost")
        equal(server.asked[0][1], "/v1/flows?since=3&limit=9", "request")
        wide = ask(0, server, "flows", "-o", "wide").stdout
        contains(wide, "curl?[31m[42]", "a hostile process name")
        contains(wide, "2026-11-20T12:55:18.123456789Z", "time")
        contains(wide, "for 5m0s  from 192.0.2.53", "resolver")
        check("\x1b" not in wide + done.stdout, "an escape reached the terminal")
        for line in ask(0, server, "flows", "-o", "json").stdout.splitlines():
            parse(line, "flows -o json")


def test_flows_refused():
    refused = {"event": "refused", "time": FLOW["time"], "workload": FLOW["workload"], "resolver": "192.0.2.53"}
    address = {**refused, "refusal": "special-use", "count": 3, "firstSeen": FLOW["time"], "lastSeen": FLOW["time"],
               "destination": {"ip": "10.0.0.1", "name": "hf.co", "endpoint": "hf-hub"}}
    whole = {**refused, "refusal": "unasked", "destination": {"name": "x\x1b.hf.co", "endpoint": "hf-hub"}}
    unread = {**refused, "refusal": "away"}
    with daemon(lines(address, whole, unread)) as server:
        first, second, third = ask(0, server, "flows", "--event", "dns").stdout.splitlines()
        contains(first, "refused  ml-prod/chat-1", "address")
        contains(first, "hf.co is not 10.0.0.1 (hf-hub)", "address")
        contains(first, "special-use  3 times in", "address")
        contains(second, "x?.hf.co (hf-hub)", "the whole answer")
        contains(second, "  unasked", "the whole answer")
        contains(third, "  away", "unread")
        contains(ask(0, server, "flows", "-o", "wide").stdout, "unasked  from 192.0.2.53", "resolver")
        equal([line.split("ml-prod/chat-1 > ")[1]
               for line in ask(0, server, "flows", "-o", "compact").stdout.splitlines()],
              ["hf.co is not 10.0.0.1 special-use  3 times in 0s", "x?.hf.co unasked", "- away"], "compact")


def test_flows_filters():
    with daemon(lines(FLOW)) as server:
        ask(0, server, "flows", "-n", "ml-prod,ml-*", "-w", "a/b", "--name", "*.hf.co&x=1", "--verdict",
            "denied", "--verdict", "audited", "--since", "10m", "--service-account", "s")
        path = server.asked[0][1]
        equal(urllib.parse.parse_qs(urllib.parse.urlsplit(path).query), {
            "namespace": ["ml-prod,ml-*"], "workload": ["a/b"], "name": ["*.hf.co&x=1"],
            "verdict": ["denied,audited"], "since": ["10m"], "serviceAccount": ["s"]}, "query")
    with daemon({"error": "verdict: 'deny' is not one of allowed, audited, denied"}, 400) as server:
        ask(1, server, "flows", "--verdict", "deny", stderr="is not one of allowed, audited, denied")


def test_flows_compact_and_folded():
    folded = {**FLOW, "count": 13, "firstSeen": "2026-11-20T12:55:00Z",
              "lastSeen": "2026-11-20T12:55:23Z"}
    rings = {"event": "lost", "lost": 7, "where": "denials"}
    with daemon(lines(FLOW, folded, rings)) as server:
        first, second, third = ask(0, server, "flows", "-o", "compact").stdout.splitlines()
        equal(first, "12:55:18.123  denied  ml-prod/chat-1 > [2001:db8::1]:443 no-rule", "compact")
        contains(second, "13 times in 23s", "folded")
        contains(third, "7 events lost: the kernel's ring of denials was full", "lost")


TOP = {"by": "pair", "seconds": 10, "items": [
    {"namespace": "ml", "workload": "chat\x1b", "endpoint": "hf-hub", "opens": 123, "audited": 1, "denials": 0,
     "closes": 120, "sent": 2048, "received": 3 << 20, "retransmits": 7, "rttUs": 1500},
    {"namespace": "ml", "workload": "loop", "opens": 0, "audited": 0, "denials": 5, "closes": 0, "sent": 0,
     "received": 0, "retransmits": 0},
    {"rest": True, "opens": 1, "audited": 0, "denials": 0, "closes": 0, "sent": 0, "received": 0,
     "retransmits": 0}]}


def test_top():
    with daemon(TOP) as server:
        lines_of = ask(0, server, "top", "--once", "--window", "60").stdout.splitlines()
        equal(server.asked[0][1], "/v1/top?by=pair&seconds=60", "request")
        equal([line.split() for line in lines_of], [
            ["last", "10", "s:", "3", "pairs"],
            ["WORKLOAD", "ENDPOINT", "CONN/S", "DENIED/S", "SENT", "RECEIVED", "RTT"],
            ["ml/chat?", "hf-hub", "12.3", "0.0", "2.0KiB", "3.0MiB", "1.5ms"],
            ["(all", "others)", "-", "0.1", "0.0", "0B", "0B", "-"],
            ["ml/loop", "-", "0.0", "0.5", "0B", "0B", "-"]], "table")
        by_denials = ask(0, server, "top", "-n", "1", "--sort", "denials", "-o", "wide").stdout
        contains(by_denials.splitlines()[1], "RETRANSMITS", "wide")
        contains(by_denials.splitlines()[2], "ml/loop", "sorted")
        check("WORKLOAD" not in ask(0, server, "top", "--once", "--by", "endpoint").stdout, "hidden column")
        equal(parse(ask(0, server, "top", "--once", "-o", "json").stdout, "json"), TOP, "json")
    with daemon({"error": "seconds=99 is not a number from 1 to 60"}, 400) as server:
        ask(1, server, "top", "--once", "--window", "99", stderr="from 1 to 60")


def test_top_repeats_until_it_is_told():
    with daemon(TOP) as server:
        equal(ask(0, server, "top", "-n", "2", "--interval", "1").stdout.count("WORKLOAD"), 2, "tables")
        command = [AEGRESS, "top", "--socket", server.path, "--interval", "60"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
            for _ in range(5):
                running.stdout.readline()
            running.send_signal(signal.SIGINT)
            equal(running.wait(SECONDS), 0, "exit status after Ctrl-C")


def frames(terminal, n):
    """What is drawn until the screen was cleared n times, and then whole."""
    said, end = b"", time.monotonic() + SECONDS
    while said.count(b"\x1b[H\x1b[J") < n or b"rest" not in said.rsplit(b"\x1b[J", 1)[1]:
        check(time.monotonic() < end, f"only {said!r}")
        if select.select([terminal], [], [], 0.1)[0]:
            said += os.read(terminal, 65536)
    return [frame.decode().splitlines() for frame in said.split(b"\x1b[H\x1b[J")[1:]]


def test_top_on_a_terminal():
    """Drawn over itself, no taller than the terminal, and what others chose moves no cursor."""
    many = {**TOP, "items": TOP["items"][:1] + [
        {**TOP["items"][1], "workload": f"loop{i}"} for i in range(40)] + [{**TOP["items"][0], "workload": "rest"}]}
    with daemon(many) as server:
        terminal, theirs = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 8, 100, 0, 0))
        command = [AEGRESS, "top", "--socket", server.path, "--interval", "1"]
        with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as running:
            os.close(theirs)
            try:
                drawn = frames(terminal, 2)
                for frame in drawn[:2]:
                    check(2 < len(frame) <= 8, f"{len(frame)} lines on a terminal of 8: {frame}")
                    check("\x1b" not in "".join(frame), f"an escape: {frame}")
                equal(drawn[0][0].split(), ["last", "10", "s:", "42", "pairs"], "title")
                running.send_signal(signal.SIGINT)
                equal(running.wait(SECONDS), 0, "exit status after Ctrl-C")
            finally:
                running.kill()
                os.close(terminal)


def test_flows_skip_broken_lines():
    with daemon(lines(FLOW, "{broken", "[1]", "", {"event": "deny"}, FLOW)) as server:
        done = ask(3, server, "flows", stderr="not a JSON object")
        equal((done.stdout.count("hf-upload"), done.stderr.count("not a JSON object")), (2, 2), "lines")
    with daemon({"error": "no such thing"}, 400) as server:
        ask(1, server, "flows", "-f", stderr="no such thing")
    with daemon(b"x" * (2 << 20)) as server:  # a line that does not end
        ask(3, server, "flows")


def follow(server):
    """`aegress flows -f` after it printed the record that is there."""
    process = subprocess.Popen([AEGRESS, "flows", "-f", "--socket", server.path],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    contains(process.stdout.readline(), "hf-upload", "first line")
    return process


def test_flows_end_cleanly():
    for signo in (signal.SIGINT, signal.SIGTERM):
        held = threading.Event()
        with daemon(lines(FLOW), held=held) as server:
            process = follow(server)
            process.send_signal(signo)
            out, error = process.communicate(timeout=SECONDS)
            equal((process.returncode, out, error), (0, "", ""), str(signo))
            contains(server.asked[0][1], "follow=1", "request")
            held.set()


def test_flows_tell_when_the_daemon_goes():
    with daemon(lines(FLOW)) as server:
        process = follow(server)
        _, error = process.communicate(timeout=SECONDS)
        equal(process.returncode, 3, "exit status")
        contains(error, "closed the connection", "stderr")


def test_nobody_listens():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "sock")
        with Server(path, Handler):
            pass
        done = expect(3, "status", "--socket", path, stderr=path)
        contains(done.stderr, "Connection refused", "stderr")


def cases():
    return functions(globals())
