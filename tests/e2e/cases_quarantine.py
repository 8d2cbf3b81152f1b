# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The emergency stop: everything at once, over restarts, until it is taken back or its time is up."""
import json
import os

from cases_connect import wait_for_instances
from harness import Node, check, equal, wait_until
from scene import FREE, GOVERNED, decide, write


def items(node):
    return json.loads(node.aegress("get", "quarantines", "-o", "json").stdout)["items"]


def audit(node, event):
    path = os.path.join(node.dir, "audit", "audit.jsonl")
    with open(path, encoding="utf-8") as log:
        return [record for record in map(json.loads, log) if record.get("event") == event]


def test_stops_what_stands_and_what_comes():
    with Node() as node:
        write(node)
        daemon = node.daemon().start()
        chat, trainer = node.pod("chat", "chat1"), node.pod("trainer", "trainer1")
        wait_for_instances(daemon, 2)
        equal(chat.ask("hold", addr=FREE, port=443, family="v4", times=3)["errno"], "OK", "before")
        said = node.aegress("quarantine", "ml/chat-1", "--reason", "key leaked").stdout
        check("nothing leaves 1 workload that is here now" in said, said)
        equal(chat.ask("held_ends", within=10)["open"], 0, "connections that stood")
        decide(daemon, chat, "ml/chat-1", GOVERNED, ("denied", "quarantined"))
        decide(daemon, chat, "ml/chat-1", FREE, ("denied", "quarantined"))
        decide(daemon, chat, "ml/chat-1", FREE, ("denied", "quarantined"), op="sendto", proto="udp")
        decide(daemon, trainer, "ml/trainer-1", GOVERNED, ("allowed", "rule"))
        held = items(node)
        equal([(h["namespace"], h["workload"], h["reason"]) for h in held],
              [("ml", "chat-1", "key leaked")], "get quarantines")
        record = audit(node, "quarantine")[0]
        equal((record["workload"], record["reason"], record["by"]["request"]),
              ({"namespace": "ml", "name": "chat-1"}, "key leaked", "quarantine"), "audit record")
        node.aegress("release", "ml/chat-1")
        decide(daemon, chat, "ml/chat-1", GOVERNED, ("allowed", "rule"))
        equal(len(audit(node, "release")), 1, "audit records of the release")
        equal(items(node), [], "nobody is held")


def test_survives_kill_and_restart():
    with Node() as node:
        write(node)
        daemon, chat = node.daemon().start(), node.pod("chat", "chat1")
        wait_for_instances(daemon, 1)
        node.aegress("quarantine", "ml")
        daemon.kill()
        equal(chat.ask("connect", addr=GOVERNED, port=443, family="v4")["errno"], "EPERM", "daemon dead")
        daemon = node.daemon().start()
        wait_for_instances(daemon, 1)
        decide(daemon, chat, "ml/chat-1", GOVERNED, ("denied", "quarantined"))
        equal(items(node)[0]["workload"], "*", "the whole namespace")
        node.aegress("release", "ml")
        decide(daemon, chat, "ml/chat-1", GOVERNED, ("allowed", "rule"))


def test_its_time_runs_out():
    with Node() as node:
        write(node)
        daemon, chat = node.daemon().start(), node.pod("chat", "chat1")
        wait_for_instances(daemon, 1)
        node.aegress("quarantine", "ml/chat-*", "--for", "5s")
        decide(daemon, chat, "ml/chat-1", GOVERNED, ("denied", "quarantined"))
        wait_until(lambda: not items(node), "the time to run out")
        decide(daemon, chat, "ml/chat-1", GOVERNED, ("allowed", "rule"))
        equal(audit(node, "release")[0]["by"]["source"], "expiry", "who released it")


def test_mistakes():
    with Node() as node:
        write(node)
        daemon = node.daemon().start()
        for argv, code, text in ((("quarantine",), 2, "needs one NAMESPACE[/WORKLOAD]"),
                                 (("quarantine", "a/b/c"), 2, "is not NAMESPACE[/WORKLOAD]"),
                                 (("quarantine", "a/b", "--for", "soon"), 2, "write 90s"),
                                 (("quarantine", "A_B/c"), 1, "names no workload"),
                                 (("release", "ml/nobody"), 1, "is not quarantined")):
            done = node.aegress(*argv, ok=False)
            equal(done.returncode, code, f"{argv}: {done.stderr}")
            check(text in done.stderr, f"{argv}: {done.stderr}")
        daemon.stop()
        path = os.path.join(node.dir, "state", "quarantine.json")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            file.write('{"quarantines": [{"namespace": 7}]')
        daemon = node.daemon().spawn()
        wait_until(lambda: alive(daemon), "the daemon to live")
        equal(daemon.get("/readyz", raw=True)[0], 503, "readiness with a broken file")
        done = node.aegress("quarantine", "ml", ok=False)
        check("nothing is changed until this is mended" in done.stderr, done.stderr)


def alive(daemon):
    try:
        return daemon.get("/livez", raw=True)[0] == 200
    except OSError:
        return False
