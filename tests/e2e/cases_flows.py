# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Flow records: folding, filters, readers that are too slow, rings that are too small, and who talks
most. That every record is as docs/flow-v1.schema.json says is checked by the harness, in all cases."""
import contextlib
import json
import signal
import socket

from harness import DEADLINE, Node, SCHEMA, check, equal, good_flow, wait_until
from scene import FREE, GOVERNED, OTHER, write


@contextlib.contextmanager
def playing(**flows):
    """A daemon and a pod of the workload ml/chat-1, which it knows."""
    with Node() as node:
        write(node)
        daemon = node.daemon(flows=flows).start()
        pod = node.pod("chat", "chat1")
        wait_until(lambda: daemon.get("/v1/status")["instances"] >= 1, "the workload")
        yield node, daemon, pod


def denied(pod, times, addr=OTHER, port=443):
    outcome = pod.ask("flood", addr=addr, port=port, family="v4", times=times)["outcome"]
    equal(outcome, {"EPERM": times}, "outcome")


def denials(daemon, since):
    return [flow for flow in daemon.flows(f"?since={since}") if flow["event"] == "deny"]


def number(records):
    """Denials that records stand for."""
    return sum(record.get("count", 1) for record in records)


def test_retry_loop_is_one_record():
    with playing(foldSeconds=2) as (_, daemon, pod):
        since = daemon.next_seq()
        denied(pod, 14)
        denied(pod, 3, port=80)
        first = wait_until(lambda: len(denials(daemon, since)) >= 2 and denials(daemon, since),
                           "the first of each")
        check(all("count" not in record for record in first[:2]), "the first ones stand for themselves")
        records = wait_until(lambda: number(denials(daemon, since)) >= 17 and denials(daemon, since),
                             "the others, folded")
        equal(number(records), 17, "denials that were reported")
        by_port = {record["destination"]["port"]: record for record in records if "count" in record}
        equal({port: record["count"] for port, record in by_port.items()}, {443: 13, 80: 2}, "counts")
        folded = by_port[443]
        check(records[0]["time"] < folded["firstSeen"] < folded["lastSeen"] == folded["time"], "times")
        equal(folded["reason"], "no-rule", "reason")
        denied(pod, 1)  # the window of the loop goes on
        equal(daemon.total("denied", "no-rule", "connect"), 18, "the counter knows no folding")


def test_filters():
    with playing() as (node, daemon, pod):
        since = daemon.next_seq()
        denied(pod, 1)
        for addr in (GOVERNED, FREE):
            equal(pod.ask("connect", addr=addr, port=443, family="v4")["errno"], "OK", addr)
        wait_until(lambda: len(daemon.flows(f"?since={since}")) == 5, "one denial, two opens and closes")

        def found(query):
            return sorted((f["event"], f["destination"]["ip"]) for f in daemon.flows("?" + query))

        equal(found("verdict=denied"), [("deny", OTHER)], "verdict")
        equal(found("event=open"), [("open", FREE), ("open", GOVERNED)], "event")
        equal(found("endpoint=test-inf*&event=close"), [("close", GOVERNED)], "endpoint")
        equal(found("class=upload,hub"), [("deny", OTHER)], "class")
        equal(found(f"name={FREE}&event=open,deny"), [("open", FREE)], "address")
        equal(found("policy=ml/chat&event=open"), [("open", GOVERNED)], "policy")
        equal(found("reason=not-governed&event=open"), [("open", FREE)], "reason")
        equal(len(found("namespace=ml&workload=chat*&serviceAccount=chat&since=5m")), 5, "everything")
        equal(found("namespace=other"), [], "nothing")
        equal(found("verdict=denied,allowed&limit=1&event=deny"), [("deny", OTHER)], "limit")
        shown = node.aegress("flows", "--verdict", "denied", "-o", "compact").stdout
        equal((shown.count("\n"), f"> {OTHER}:443 no-rule" in shown), (1, True), shown)


def words_of(daemon, key):
    """The daemon tells which words a filter takes, to whoever uses another one."""
    status, body = daemon.get(f"/v1/flows?{key}=?", raw=True)
    equal(status, 400, key)
    return json.loads(body)["error"].removeprefix(f"{key}: '?' is not one of ").split(", ")


def test_schema_has_the_daemons_words():
    with Node() as node:
        daemon, described = node.daemon().start(), SCHEMA.root
        equal(words_of(daemon, "verdict"), described["$defs"]["verdict"]["enum"], "verdicts")
        equal(words_of(daemon, "reason"), described["$defs"]["reason"]["enum"], "reasons")
        equal(sorted(words_of(daemon, "event") + ["lost"]),
              sorted(described["properties"]["event"]["enum"]), "events")
        equal(words_of(daemon, "class"),
              described["properties"]["destination"]["properties"]["class"]["enum"], "classes")


class Reader:
    """Follows, but reads only when it is told to."""

    def __init__(self, node):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE)
        self.socket.connect(node.socket)
        self.socket.sendall(b"GET /v1/flows?follow=1&limit=0 HTTP/1.0\r\n\r\n")
        self.file = self.socket.makefile("rb")
        while self.file.readline().strip():
            pass  # the answer's head: from now on it follows

    def read(self, total):
        """Until so many denials were seen or lost."""
        seen = lost = 0
        while seen + lost < total:
            record = good_flow(self.file.readline())
            seen += record["event"] == "deny"
            lost += record.get("lost", 0)
        return seen, lost

    def close(self):
        self.file.close()
        self.socket.close()


def test_slow_reader_loses_alone():
    with playing(history=512) as (node, daemon, pod):
        slow, fast = Reader(node), Reader(node)
        times, rounds = 200, 20
        for _ in range(rounds):
            denied(pod, times)
            equal(fast.read(times), (times, 0), "who reads gets all")
        seen, lost = slow.read(rounds * times)
        check(lost > 0, "4,000 records fit into the buffers of a socket")
        equal(seen + lost, rounds * times, "seen and lost")
        equal(daemon.get("/v1/status")["flows"]["lost"], {"events": 0, "denials": 0}, "rings")
        slow.close()
        fast.close()


def test_full_ring_is_accounted_for():
    with playing(ringBytes=65536) as (_, daemon, pod):
        since, times = daemon.next_seq(), 5000
        daemon.process.send_signal(signal.SIGSTOP)
        try:
            denied(pod, times)
        finally:
            daemon.process.send_signal(signal.SIGCONT)
        records = wait_until(lambda: [f for f in daemon.flows(f"?since={since}") if f["event"] == "lost"]
                             and daemon.flows(f"?since={since}"), "a record of the loss")
        lost = [record for record in records if record["event"] == "lost"]
        equal([record["where"] for record in lost], ["denials"], "where")
        check(lost[0]["lost"] > 4000, "65,536 bytes have room for no more than 410")
        equal(sum(record["event"] == "deny" for record in records) + lost[0]["lost"], times,
              "seen and lost")
        equal([record["seq"] for record in records], list(range(since, since + len(records))),
              "numbers without a gap")
        equal(daemon.get("/v1/status")["flows"]["lost"]["denials"], lost[0]["lost"], "status")
        equal(daemon.total("denied", "no-rule", "connect"), times, "the counter")


def test_top():
    with playing() as (node, daemon, pod):
        denied(pod, 7)
        for _ in range(5):
            equal(pod.ask("connect", addr=GOVERNED, port=443, family="v4")["errno"], "OK", "connect")
        rows = wait_until(lambda: (items := daemon.get("/v1/top?seconds=60")["items"])
                          and sum(item["closes"] for item in items) == 5 and items, "all closes")
        by_endpoint = {item["endpoint"]: item for item in rows}
        equal({key: (item["opens"], item["denials"]) for key, item in by_endpoint.items()},
              {"test-inference": (5, 0), "test-upload": (0, 7)}, "pairs")
        equal([(item["workload"], item["opens"], item["denials"])
               for item in daemon.get("/v1/top?by=workload&seconds=60")["items"]],
              [(rows[0]["workload"], 5, 7)], "by workload")
        shown = node.aegress("top", "--once", "--window", "60", "--by", "endpoint", "--sort", "denials").stdout
        check(shown.splitlines()[2].startswith("test-upload"), shown)
        equal(daemon.get("/v1/top?by=colour", raw=True)[0], 400, "by=colour")
        equal(daemon.get("/v1/top?seconds=61", raw=True)[0], 400, "seconds=61")
