# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The port for those who watch: do metrics say exactly what a client did, also when events are lost,
and what do garbage, slow clients and a thousand scrapers do to it?"""
import contextlib
import json
import os
import select
import signal
import socket
import time

from harness import Node, check, equal, wait_until
from monitor import LISTEN, OPEN_METRICS, Monitor, parse_answer, read_all, watched
from scene import FREE, GOVERNED, OTHER, WORKLOADS, write


def rss_mib(daemon):
    with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


def still_serves(monitor):
    equal(monitor.get("/livez")[::2], (200, "ok\n"), "/livez")


# ---- what it says ----

def test_counters_are_exact():
    with watched(("chat", "trainer", "watched"),
                 metrics={"workloadLabel": True}) as (daemon, monitor, chat, trainer, seen):
        for pod, addr, times in ((chat, GOVERNED, 7), (chat, OTHER, 5), (chat, FREE, 3),
                                 (trainer, OTHER, 2), (seen, OTHER, 4)):
            for _ in range(times):
                pod.ask("connect", addr=addr, port=443, family="v4", send=10, read=True)
        ml = {"namespace": "ml"}
        count = "aegress_connections_total"
        monitor.wait_sum(21, count, **ml)
        for want, labels in (
                (7, {"workload": "chat-1", "endpoint": "test-inference", "verdict": "allowed"}),
                (5, {"workload": "chat-1", "endpoint": "test-upload", "verdict": "denied"}),
                (3, {"workload": "chat-1", "endpoint": "", "verdict": "allowed"}),
                (4, {"workload": "watched-1", "verdict": "audited", "mode": "Audit"})):
            equal(monitor.sum(count, **ml, **labels), want, f"{count} {labels}")
        equal(monitor.sum("aegress_denied_total", reason="no-rule", endpoint="test-upload"), 5,
              "denied by no rule")
        equal(monitor.sum("aegress_denied_total", reason="deny-rule", policy="ml/all-but-upload"),
              2, "denied by a rule")
        equal(monitor.sum("aegress_audited_total", workload="watched-1"), 4, "audited")
        for direction in ("sent", "received"):
            monitor.wait_sum(140, "aegress_egress_bytes_total", direction=direction)
        equal(monitor.sum("aegress_closed_connections_total"), 14, "closed")
        monitor.wait_sum(14, "aegress_rtt_seconds_count")


def test_counters_are_exact_when_events_are_lost():
    """Rings of one page: nearly every event is lost, no decision is."""
    with watched(flows={"ringBytes": 4096}) as (daemon, monitor, pod):
        times = 20_000
        equal(pod.ask("flood", addr=OTHER, port=443, family="v4", times=times)["outcome"],
              {"EPERM": times}, "outcome")
        monitor.wait_sum(times, "aegress_connections_total", verdict="denied")
        monitor.wait_sum(times, "aegress_denied_total", reason="no-rule")
        equal(monitor.sum("aegress_decisions_total", verdict="denied", hook="connect"), times,
              "decisions")
        wait_until(lambda: monitor.sum("aegress_events_total", type="deny")
                   + monitor.sum("aegress_events_lost_total", ring="denials") == times,
                   "every event read or counted as lost")


def test_connections_are_exact_when_events_are_lost():
    """The same of what is allowed: beginnings, ends and bytes, while nobody reads a ring of one page."""
    with watched(flows={"ringBytes": 4096}) as (daemon, monitor, pod):
        daemon.process.send_signal(signal.SIGSTOP)
        try:
            equal(pod.ask("flood", addr=GOVERNED, port=443, family="v4", times=3000)["outcome"],
                  {"OK": 3000}, "outcome")
            for _ in range(50):
                pod.ask("connect", addr=GOVERNED, port=443, family="v4", send=10, read=True)
        finally:
            daemon.process.send_signal(signal.SIGCONT)
        monitor.wait_sum(3050, "aegress_connections_total", verdict="allowed")
        monitor.wait_sum(3050, "aegress_closed_connections_total")
        monitor.wait_sum(500, "aegress_egress_bytes_total", direction="sent")
        monitor.wait_sum(500, "aegress_egress_bytes_total", direction="received")
        wait_until(lambda: sum(monitor.sum("aegress_events_total", type=kind)
                               for kind in ("open", "close"))
                   + monitor.sum("aegress_events_lost_total", ring="events") == 6100,
                   "every event read or counted as lost")
        check(monitor.sum("aegress_events_lost_total", ring="events") > 5000, "a page has room for few")


def test_metrics_are_the_api():
    """The same figures as /v1/status, family by family."""
    with watched() as (daemon, monitor, pod):
        pod.ask("connect", addr=OTHER, port=443, family="v4")
        monitor.wait_sum(1, "aegress_denied_total")
        status, metrics = daemon.get("/v1/status"), monitor.metrics()
        for name, label, want in (
                ("aegress_bpf_errors_total", "place", status["errors"]),
                ("aegress_dns_messages_total", "result", status["dns"]["answers"]),
                ("aegress_dns_learned_total", "result", status["dns"]["learned"]),
                ("aegress_hellos_total", "result", status["hellos"])):
            got = {dict(has)[label]: value for (found, has), value in metrics.items()
                   if found == name}
            equal(got, want, name)
        for key, name in (("generation", "aegress_policy_generation"),
                          ("endpoints", "aegress_endpoints"), ("workloads", "aegress_workloads")):
            equal(metrics[name, frozenset()], status[key], name)
        equal(metrics["aegress_ready", frozenset()], 1, "ready")
        equal(monitor.sum("aegress_program_attached"), len(status["programs"]), "attached")
        check(metrics["process_resident_memory_bytes", frozenset()] > 1 << 20, "resident memory")


def test_openmetrics():
    with watched() as (_, monitor, pod):
        pod.ask("connect", addr=GOVERNED, port=443, family="v4")
        status, headers, body = monitor.get("/metrics", Accept=OPEN_METRICS)
        equal(status, 200, "status")
        check(headers["content-type"].startswith("application/openmetrics-text"), str(headers))
        check(body.endswith("# EOF\n"), "no end mark")
        check("# TYPE aegress_connections counter\n" in body, "a counter's family")
        _, headers, plain = monitor.get("/metrics")
        check(headers["content-type"].startswith("text/plain; version=0.0.4"), str(headers))
        check("# EOF" not in plain and "# TYPE aegress_connections_total counter\n" in plain,
              "0.0.4")


def test_series_are_bounded():
    """Ten label sets, fifteen pairs of namespace and endpoint: the rest is in _other, and adds up."""
    names = [f"e{i}" for i in range(15)]
    with Node("metrics") as node:
        write(node, policies="---\n".join(
            "apiVersion: aegress.dev/v1alpha1\nkind: AIEndpoint\n"
            f"metadata: {{name: {name}}}\nspec: {{class: other, cidrs: [198.51.100.{i}/32]}}\n"
            for i, name in enumerate(names)))
        daemon = node.daemon(metrics={**LISTEN, "seriesMax": 10}).start()
        pod = node.pod("chat", "chat1")
        wait_until(lambda: daemon.get("/v1/status")["instances"] == 1, "the workload")
        monitor = Monitor(daemon)
        for i in range(15):
            pod.ask("connect", addr=f"198.51.100.{i}", port=443, family="v4")
        monitor.wait_sum(15, "aegress_connections_total")
        equal(monitor.sum("aegress_connections_total", endpoint="_other"), 5, "folded decisions")
        equal(monitor.sum("aegress_metrics_folded_rows", metric="connections"), 5, "folded rows")


# ---- who is gone ----

OF_ML = {"namespace": "ml"}


def counted(monitor):
    """What the node counted in ml, in each family that has it, over all label sets."""
    return {name: monitor.sum(name, **OF_ML) for name in (
        "aegress_connections_total", "aegress_denied_total", "aegress_closed_connections_total",
        "aegress_egress_bytes_total")}


def rows_of(daemon):
    """{workload: its rows} of the kernel's counters."""
    found = {}
    for row in daemon.get("/v1/counts")["items"]:
        found.setdefault(row["workload"], []).append(row)
    return found


def use(*pods):
    for pod in pods:
        for addr in (GOVERNED, OTHER, FREE):
            pod.ask("connect", addr=addr, port=443, family="v4", send=10, read=True)


def without(node, name):
    documents = WORKLOADS.split("---\n")
    kept = [one for one in documents if f"name: {name}," not in one]
    equal(len(kept), len(documents) - 1, f"documents without {name}")
    write(node, workloads="---\n".join(kept))


def test_rows_of_who_is_gone():
    """They make room, and no sum of a namespace changes: at no time, and not by a restart."""
    with watched(("chat", "trainer"), metrics={"keepGone": "1s"}) as (daemon, monitor, chat, trainer):
        use(chat, trainer)
        monitor.wait_sum(6, "aegress_connections_total")
        monitor.wait_sum(4, "aegress_closed_connections_total")
        before, rows = counted(monitor), rows_of(daemon)
        equal((len(rows["ml/chat-1"]), len(rows["ml/trainer-1"])), (3, 3), "rows")
        without(daemon.node, "chat-1")
        seen = []
        wait_until(lambda: seen.append(counted(monitor)) or "ml/chat-1" not in rows_of(daemon),
                   "the rows of who is gone to go")
        for one in seen + [counted(monitor)]:
            equal(one, before, "sums of the namespace")
        after = rows_of(daemon)
        equal(set(after), {"ml/trainer-1", "ml/"}, "whose rows there are")
        equal(after["ml/trainer-1"], rows["ml/trainer-1"], "rows of who stays")
        as_sums = lambda items: sorted(json.dumps({**row, "workload": ""}) for row in items)
        equal(as_sums(after["ml/"]), as_sums(rows["ml/chat-1"]), "the sum of who is gone")

        daemon.stop()
        daemon.start()
        monitor = Monitor(daemon)
        equal(counted(monitor), before, "after a restart")
        write(daemon.node)
        wait_until(lambda: daemon.get("/v1/status")["instances"] == 2, "who came back")
        use(chat)
        monitor.wait_sum(9, "aegress_connections_total")
        daemon.node.write(daemon.node.workloads, "workloads.yaml", WORKLOADS.split("---\n")[-1])
        wait_until(lambda: not rows_of(daemon), "the sum of a namespace that is gone to go, too")
        equal(monitor.sum("aegress_connections_total"), 0, "of nobody")
        check(monitor.sum("aegress_decisions_total") >= 9, "the node's totals stay")


def test_series_of_who_is_gone():
    """A workload's own series ends, and nothing else of it appears anywhere."""
    with watched(("chat", "trainer"),
                 metrics={"keepGone": "1s", "workloadLabel": True}) as (daemon, monitor, chat, trainer):
        use(chat, trainer)
        monitor.wait_sum(6, "aegress_connections_total")
        monitor.wait_sum(4, "aegress_closed_connections_total")
        mine = lambda: {key: value for key, value in monitor.metrics().items()
                        if ("namespace", "ml") in key[1]}
        of = lambda found, name: {key: value for key, value in found.items()
                                  if ("workload", name) in key[1]}
        before = mine()
        check(of(before, "chat-1"), "no series of chat-1")
        without(daemon.node, "chat-1")
        wait_until(lambda: not of(mine(), "chat-1"), "the series of who is gone to end")
        equal(mine(), of(before, "trainer-1"), "what is left")
        equal(mine(), of(before, "trainer-1"), "and at the next look")


def test_probes():
    with watched() as (daemon, monitor, _):
        equal(monitor.get("/livez")[::2], (200, "ok\n"), "/livez")
        equal(monitor.get("/readyz")[::2], (200, "ok\n"), "/readyz")
        node = daemon.node
        node.write(node.policies, "broken.yaml", "kind: [\n")
        wait_until(lambda: not daemon.get("/v1/status")["lastReload"]["ok"], "the failed reload")
        status, _, body = monitor.get("/readyz?verbose")
        checks = {one["name"]: one for one in json.loads(body)["checks"]}
        equal((status, json.loads(body)["ready"]), (200, True), "a bad document is not unready")
        check({"tables", "links", "rings"} < set(checks), f"checks: {set(checks)}")
        equal([name for name, one in checks.items() if not one["ok"]], ["documents"], "what failed")
        check("broken.yaml" in checks["documents"]["detail"], str(checks["documents"]))
        wait_until(lambda: monitor.sum("aegress_policy_last_reload_ok") == 0, "the metric")
        check(monitor.sum("aegress_policy_reloads_total", result="failed") >= 1, "failed reloads")


def test_off_and_taken():
    with Node("metrics") as node, socket.socket() as taken:
        write(node)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        daemon = node.daemon(metrics={"listen": f"127.0.0.1:{port}"}).start()
        status = daemon.get("/v1/status")
        check("metrics" not in status and any("metrics" in note for note in status["notes"]),
              f"notes of a daemon whose port is taken: {status['notes']}")
        check(f"'127.0.0.1:{port}': Address already in use" in daemon.log_tail(), "the log")
        daemon.stop()
        daemon = node.daemon(metrics={"listen": "off"}).start()
        check("metrics" not in daemon.get("/v1/status"), "metrics are off")


# ---- bad input ----

def test_only_reads():
    with watched() as (daemon, monitor, _):
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            answer = monitor.ask(f"{method} /metrics HTTP/1.1\r\nHost: localhost\r\n"
                                 "Content-Length: 4\r\n\r\nbody".encode())
            equal(parse_answer(answer)[0], 405, method)
        equal(monitor.get("/v1/status")[0], 404, "the API is not here")
        equal(monitor.get("/v1/reload")[0], 404, "the API is not here")


def test_a_rebound_name_is_refused():
    with watched() as (_, monitor, _):
        for host, want in (("evil.example", 403), (f"evil.example:{monitor.address[1]}", 403),
                           ("localhost", 200), (f"localhost:{monitor.address[1]}", 200),
                           ("127.0.0.1", 200), ("[::1]:9477", 200)):
            answer = monitor.ask(f"GET /status.json HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            equal(parse_answer(answer)[0], want, f"Host: {host}")


def test_garbage():
    with watched() as (daemon, monitor, _):
        before = rss_mib(daemon)
        for data in (b"\0" * 100_000, b"\xff\xfe" * 5000 + b"\r\n\r\n", b"GET\r\n\r\n",
                     b"GET /metrics HTTP/9.9\r\n\r\n", b"\r\n" * 10_000,
                     b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                     b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 512,
                     b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: " + b"y" * 200_000 + b"\r\n\r\n",
                     b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 50_000 + b"\r\n"):
            for _ in range(10):
                with contextlib.suppress(OSError), monitor.connect() as sock:
                    sock.sendall(data)
                    sock.shutdown(socket.SHUT_WR)
                    read_all(sock)
        still_serves(monitor)
        monitor.wait_sum(1, "aegress_ready")
        check(monitor.sum("aegress_http_connections_total", result="unreadable") >= 50, "counted")
        equal(daemon.log_tail().count("no request that could be read"), 1, "lines in the log")
        check(rss_mib(daemon) < before + 8, f"memory: {before} -> {rss_mib(daemon)} MiB")


def test_what_garbage_is_told():
    with watched() as (_, monitor, _):
        for data, want in ((b"GET / HTTP/1.1\r\nHost: x\r\nNo colon\r\n\r\n", 400),
                           (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n", 414),
                           (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: " + b"y" * 100_000 + b"\r\n\r\n", 431),
                           (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 50_000 + b"\r\n", 431)):
            with monitor.connect() as sock:
                with contextlib.suppress(ConnectionError):
                    sock.sendall(data)
                answer = sock.recv(1 << 16)
                equal(int(answer.split()[1]) if answer else None, want, str(data[:40]))


def test_a_probe_of_the_port_is_no_trouble():
    """A TCP probe connects and says nothing: counted, but no line in the log."""
    with watched() as (daemon, monitor, _):
        for _ in range(5):
            monitor.connect().close()
        monitor.wait_sum(5, "aegress_http_connections_total", result="unreadable")
        equal(daemon.log_tail().count("no request that could be read"), 0, "lines in the log")


def test_the_socket_has_a_guard():
    """The same for the API's socket: garbage, and more slow clients of its group than there are places."""
    with watched() as (daemon, monitor, _), contextlib.ExitStack() as stack:
        before = rss_mib(daemon)

        def connect():
            sock = stack.enter_context(socket.socket(socket.AF_UNIX))
            sock.settimeout(30)
            sock.connect(daemon.node.socket)
            return sock

        for data in (b"\0" * 50_000, b"GET\r\n\r\n", b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n"):
            sock = connect()
            with contextlib.suppress(OSError):
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
                read_all(sock)
        monitor.wait_sum(3, "aegress_api_connections_total", result="unreadable")
        os.chmod(daemon.node.dir, 0o755)
        os.chmod(daemon.node.socket, 0o666)
        os.seteuid(65534)
        try:
            slow = []
            for _ in range(150):
                slow.append(connect())
                slow[-1].sendall(b"GET /livez HTTP/1.1\r\nX: ")
        except OSError:
            pass  # refused already
        finally:
            os.seteuid(0)
        began = time.monotonic()
        equal(daemon.get("/livez", raw=True), (200, "ok\n"), "root")
        check(time.monotonic() - began < 2, "root had to wait")
        wait_until(lambda: drip(slow) == 0, "every slow client to be ended", deadline=30)
        check(monitor.sum("aegress_api_connections_total", result="refused") > 0, "refused")
        wait_until(lambda: monitor.sum("aegress_api_connections_total", result="slow") >= 50, "slow")
        for text in ("component=api msg=\"a connection had no request", "component=api msg=\"a connection was ended",
                     "component=api msg=\"a connection was refused"):
            equal(daemon.log_tail().count(text), 1, text)
        check(rss_mib(daemon) < before + 8, f"memory: {before} -> {rss_mib(daemon)} MiB")


def test_slow_clients():
    """More of them than there are places, each sending a byte now and then: others get through."""
    with watched() as (daemon, monitor, _), contextlib.ExitStack() as stack:
        slow = [stack.enter_context(monitor.connect()) for _ in range(300)]
        for sock in slow:
            sock.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
        began = time.monotonic()
        still_serves(monitor)
        took = time.monotonic() - began
        check(took < 5, f"the probe waited {took:.1f} s")
        wait_until(lambda: drip(slow) == 0, "every slow client to be ended", deadline=30)
        wait_until(lambda: monitor.sum("aegress_http_connections_total", result="slow") == 300,
                   "all of them counted")
        equal(daemon.log_tail().count("too slow"), 1, "lines in the log")


def drip(socks):
    """A byte to each; how many still take it."""
    alive = 0
    for sock in socks:
        with contextlib.suppress(OSError):
            sock.sendall(b"y")
            readable = select.select([sock], [], [], 0)[0]
            alive += not readable or bool(sock.recv(1))
    time.sleep(0.05)  # between the bytes: this is what a slow client does
    return alive


def test_a_thousand_scrapes_at_once():
    with watched() as (daemon, monitor, _), contextlib.ExitStack() as stack:
        monitor.metrics()
        before = rss_mib(daemon)
        socks = [stack.enter_context(monitor.connect()) for _ in range(1000)]
        request = f"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: {OPEN_METRICS}\r\n\r\n"
        for sock in socks:
            sock.sendall(request.encode())
        for sock in socks:
            status, _, body = parse_answer(read_all(sock))
            check(status == 200 and body.endswith("# EOF\n"), f"answer {status}, {len(body)} bytes")
        still_serves(monitor)
        check(rss_mib(daemon) < before + 16, f"memory: {before} -> {rss_mib(daemon)} MiB")
        wait_until(lambda: monitor.sum("aegress_http_connections_total", result="answered") >= 1001,
                   "all of them counted")


def test_readers_that_do_not_read():
    """Their answers share memory, and they are ended."""
    with watched() as (daemon, monitor, _), contextlib.ExitStack() as stack:
        before = rss_mib(daemon)
        for _ in range(100):
            sock = stack.enter_context(monitor.connect())
            sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        still_serves(monitor)
        check(rss_mib(daemon) < before + 16, f"memory: {before} -> {rss_mib(daemon)} MiB")


def test_idle_daemon_sleeps():
    with watched() as (daemon, monitor, _):
        monitor.metrics()
        path = f"/proc/{daemon.process.pid}/status"

        def wakeups():
            with open(path, encoding="ascii") as status:
                return next(line for line in status if line.startswith("voluntary_ctxt"))

        def rested():
            before = wakeups()
            time.sleep(1.0)  # what is measured is that nothing happens in a second
            return wakeups() == before

        wait_until(rested, "a second without a wake-up")
