# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Flow records: folding, filters, readers that are too slow, rings that are too small, and who talks
most. That every record is as docs/flow-v1.schema.json says is checked by the harness, in all cases."""
import contextlib
import datetime
import fcntl
import json
import os
import signal
import socket
import struct
import termios
import time

from harness import BUILD, DEADLINE, Node, SCHEMA, check, equal, good_flow, run, wait_until
from monitor import LISTEN, Monitor
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


def test_ends_are_left_out():
    """The second connection begins after the first one's end."""
    for closes, events in ((True, ["open", "close", "open"]), (False, ["open", "open"])):
        with playing(closes=closes) as (_, daemon, pod):
            since = daemon.next_seq()
            for _ in range(2):
                equal(pod.ask("connect", addr=GOVERNED, port=443, family="v4")["errno"], "OK", "connection")
            wait_until(lambda: [f["event"] for f in daemon.flows(f"?since={since}")].count("open") == 2,
                       "two connections")
            got = [flow["event"] for flow in daemon.flows(f"?since={since}")]
            equal(got[:len(events)], events, f"records with closes: {closes}")
            check(closes or "close" not in got, f"an end among {got}")


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
              sorted(described["properties"]["event"]["enum"] + ["dns"]), "events")
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


def test_losses_while_no_daemon_runs():
    """What the rings drop while nobody reads them is told by the next daemon, once, to readers and in the
    audit log."""
    with playing(ringBytes=4096) as (node, daemon, pod):
        daemon.kill()
        times = 5000
        denied(pod, times)
        daemon.start()

        def lost(name):
            return [record for record in daemon.flows("?since=1") if record["event"] == name]

        records = wait_until(lambda: lost("lost") and lost("deny") and daemon.flows("?since=1"), "the record of the loss")
        total = sum(record.get("lost", 0) for record in records)
        equal(total + number(denials(daemon, 1)), times, "told and read")
        check(total > times - 100, f"a page has room for few: {total}")
        equal(daemon.get("/v1/status")["flows"]["lost"]["denials"], total, "status")
        with open(os.path.join(node.dir, "audit", "audit.jsonl"), encoding="utf-8") as file:
            equal(sum(json.loads(line).get("lost", 0) for line in file), total, "in the audit log")
        for stop in (daemon.kill, daemon.stop):
            stop()
            daemon.start()
            denied(pod, 1)
            wait_until(lambda: denials(daemon, 1), "the next denial")
            equal(lost("lost"), [], "told once only")


def test_numbers_of_another_run():
    """Numbers begin with 1 after a restart: who comes back must learn that, not wait for ever."""
    with playing() as (node, daemon, pod):
        denied(pod, 5)
        wait_until(lambda: daemon.next_seq() == 6, "the records")
        run = daemon.get("/v1/status")["run"]
        equal(len(daemon.flows(f"?since=3&run={run}")), 3, "of this run")
        daemon.stop()
        daemon.start()
        status, body = daemon.get(f"/v1/flows?since=1&run={run}", raw=True)
        equal((status, run in json.loads(body)["error"]), (409, True), "of the run before")
        equal(daemon.get("/v1/flows?follow=1&since=6", raw=True)[0], 409, "a number that is not there")
        other = daemon.get("/v1/status")["run"]
        check(other != run, "a run like the one before")
        done = node.aegress("flows", "--since", "6", ok=False)
        check(done.returncode != 0 and "not of this run" in done.stderr, done.stderr)
        with open(os.path.join(node.dir, "audit", "audit.jsonl"), encoding="utf-8") as file:
            runs = [record["run"] for record in map(json.loads, file) if record["event"] == "start"]
        equal(runs, [run, other], "runs in the audit log")


def test_reader_that_does_not_read_is_hung_up_on():
    """Its place is free again after 15 seconds; until then it costs the others nothing."""
    with playing() as (node, daemon, pod):
        before, reader = sockets_of(daemon), Reader(node)
        wait_until(lambda: denied(pod, 1000) or is_full(reader.socket), "the socket to be full", deadline=60)
        its = sockets_of(daemon) - before
        equal(len(its), 1, "the reader's connection")
        wait_until(lambda: not its & sockets_of(daemon), "the daemon to hang up", deadline=60)
        equal(daemon.get("/readyz", raw=True)[0], 200, "the others")
        reader.close()


def sockets_of(daemon):
    found, directory = set(), f"/proc/{daemon.process.pid}/fd"
    for name in os.listdir(directory):
        with contextlib.suppress(FileNotFoundError):
            found.add(os.readlink(os.path.join(directory, name)))
    return {link for link in found if link.startswith("socket:")}


def is_full(sock):
    """The daemon can write no more: what it wrote is more than half of a socket's buffer."""
    return struct.unpack("i", fcntl.ioctl(sock, termios.FIONREAD, bytes(4)))[0] > 100_000


# ---- the wall clock ----

SHIM = """
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
static const volatile long *ahead;
__attribute__((constructor)) static void map(void)
{
	int fd = open(getenv("AHEAD"), O_RDONLY | O_CLOEXEC);
	ahead = mmap(NULL, sizeof(*ahead), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
}
int clock_gettime(clockid_t id, struct timespec *ret)
{
	int err = (int)syscall(SYS_clock_gettime, id, ret);
	if (!err && id == CLOCK_REALTIME)
		ret->tv_sec += *ahead;
	return err;
}
"""


class WallClock:
    """Seconds that a daemon's wall clock is ahead of the machine's; it can be set while that runs."""

    def __init__(self, node):
        source, self.shim = node.write(node.dir, "shim.c", SHIM), os.path.join(node.dir, "shim.so")
        run("gcc", "-shared", "-fPIC", "-O", "-o", self.shim, source)
        self.path = os.path.join(node.dir, "ahead")
        self.set(0)

    def set(self, seconds):
        with open(self.path, "r+b" if os.path.exists(self.path) else "wb") as file:
            file.write(struct.pack("l", seconds))

    def environment(self):
        return {**os.environ, "LD_PRELOAD": self.shim, "AHEAD": self.path}


def seconds(text):
    return datetime.datetime.fromisoformat(text[:26] + "+00:00").timestamp()


def test_wall_clock_is_set():
    """Times follow the clock, durations and windows do not; each jump is one line and a metric."""
    with Node() as node:
        write(node)
        clock = WallClock(node)
        daemon = node.daemon(flows={"foldSeconds": 2}, metrics=LISTEN)
        daemon.spawn(env=clock.environment())
        wait_until(daemon.ready, "aegressd to be ready", 60)
        pod = node.pod("chat", "chat1")
        wait_until(lambda: daemon.get("/v1/status")["instances"] >= 1, "the workload")
        monitor = Monitor(daemon)
        pod.ask("hold", addr=GOVERNED, port=443, family="v4", times=1)
        denied(pod, 2)
        wait_until(lambda: denials(daemon, 1), "the first denial")
        clock.set(-3600)
        denied(pod, 2)
        folded = wait_until(lambda: [one for one in denials(daemon, 1) if "count" in one], "the folded ones")[0]
        equal(folded["count"], 3, "denials in one window")
        took = seconds(folded["lastSeen"]) - seconds(folded["firstSeen"])
        check(0 <= took < 60, f"the window took {took} s")
        check(seconds(folded["lastSeen"]) < time.time() - 3000, "the record has the clock's time")
        pod.ask("drop_held")
        closed = wait_until(lambda: [one for one in daemon.flows("?since=1") if one["event"] == "close"],
                            "the end of the connection")[0]
        check(0 <= closed["durationMs"] < 60_000, f"it took {closed['durationMs']} ms")
        wait_until(lambda: monitor.sum("aegress_clock_jumps_total") == 1, "the metric")
        clock.set(7200)
        denied(pod, 1, port=80)
        wait_until(lambda: monitor.sum("aegress_clock_jumps_total") == 2, "the second jump")
        with open(daemon.log_path, encoding="utf-8") as log:
            lines = [line for line in log if "the wall clock jumped" in line]
        equal(len(lines), 2, f"lines: {lines}")
        check("by -3600." in lines[0] or "by -3599." in lines[0], lines[0])
        equal(daemon.signal_and_wait(signal.SIGTERM), 0, "exit")
        equal(run(os.path.join(BUILD, "aegress"), "audit", "verify", os.path.join(node.dir, "audit"),
                  ok=False).returncode, 0, "audit verify")


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
