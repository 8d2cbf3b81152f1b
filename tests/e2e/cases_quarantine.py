# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The emergency stop: everything at once, over restarts, until it is taken back or its time is up."""
import json
import os

from cases_connect import wait_for_instances
from cases_tc import stopped_helper
from harness import Node, check, equal, run, wait_until
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


def pod_address(pod):
    (line,) = [line for line in run("ip", "-n", pod.netns, "-4", "-o", "addr", "show", "eth0").stdout.splitlines()]
    return line.split()[3].split("/")[0]


def accepted(node, server, port=7000):
    """A connection from the world to a server in the pod."""
    server.post("serve", port=port)
    server.read()
    equal(node.world.ask("dial", addr=pod_address(server), port=port, family="v4")["errno"], "OK", "dial")
    equal(server.read()["errno"], "OK", "accept")


def test_ends_what_was_accepted():
    """A server's connections have passed no connect(); the peer learns of the end and gets nothing."""
    with Node() as node:
        write(node)
        daemon, chat = node.daemon().start(), node.pod("chat", "chat1")
        trainer = node.pod("trainer", "trainer1")
        wait_for_instances(daemon, 2)
        accepted(node, chat)
        accepted(node, trainer, port=7001)
        chat.ask("serve_send")
        trainer.ask("serve_send")
        equal(node.world.ask("held_recv", within=5)["got"], ["leak", "leak"], "before")
        node.aegress("quarantine", "ml/chat-1")
        chat.ask("serve_send")
        trainer.ask("serve_send")
        equal(node.world.ask("held_recv", within=5)["got"], ["ECONNRESET", "leak"], "afterwards")


def test_ends_what_is_older_than_the_programs():
    with Node() as node:
        write(node)
        chat = node.pod("chat", "chat1")
        equal(chat.ask("hold", addr=FREE, port=443, family="v4", times=2)["errno"], "OK", "before the daemon")
        accepted(node, chat)
        daemon = node.daemon().start()
        wait_for_instances(daemon, 1)
        chat.ask("serve_send")
        equal(node.world.ask("held_recv", within=5)["got"], ["leak"], "before")
        node.aegress("quarantine", "ml")
        ends = chat.ask("held_ends", within=10)
        equal((ends["open"], ends["ends"].get("EOF", 0)), (0, 0), f"{ends}")
        chat.ask("serve_send")
        equal(node.world.ask("held_recv", within=5)["got"], ["ECONNRESET"], "afterwards")


def test_what_cannot_be_ended_is_silent():
    """Where nobody can end them, the packets of accepted connections stop all the same."""
    with Node() as node:
        write(node)
        daemon, chat = node.daemon().start(), node.pod("chat", "chat1")
        wait_for_instances(daemon, 1)
        accepted(node, chat)
        with stopped_helper(daemon):
            node.aegress("quarantine", "ml/chat-1")
            chat.ask("serve_send")
            equal(node.world.ask("held_recv", within=0.5)["got"], [""], "what arrived")
            check(daemon.total("denied", "quarantined", "packet") > 0, "counter")
