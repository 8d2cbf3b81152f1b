# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""A connection that stands is no fact: when policies, labels or a quarantine deny it, it ends, at once
and with a reason; those that are still allowed notice nothing."""
import time

from cases_connect import wait_for_instances
from harness import Node, check, equal, wait_until
from scene import GOVERNED, OTHER, POLICIES, WORKLOADS, write

ALL_IN = 1.0  # s, for a thousand connections
MANY = 1000


def revoked(daemon):
    return daemon.total("denied", "revoked", "revoke")


def without(name):
    """The policies without one of them."""
    return "---\n".join(doc for doc in POLICIES.split("---\n") if f"name: {name}," not in doc)


def test_a_thousand_connections_end():
    with Node() as node:
        write(node)
        daemon = node.daemon().start()
        chat, trainer = node.pod("chat", "chat1"), node.pod("trainer", "trainer1")
        wait_for_instances(daemon, 2)
        equal(chat.ask("hold", addr=GOVERNED, port=443, family="v4", times=MANY)["errno"], "OK", "chat")
        equal(trainer.ask("hold", addr=GOVERNED, port=443, family="v4", times=5)["errno"], "OK", "others")
        since = daemon.next_seq()
        chat.post("held_ends", within=20)
        begin = time.monotonic()
        node.write(node.policies, "policies.yaml", without("chat"))
        ends = chat.read()
        took = time.monotonic() - begin
        print(f"# {MANY} connections ended within {took:.2f} s of the policy's change")
        equal(ends["open"], 0, f"still open: {ends}")
        equal(sum(ends["ends"].values()), MANY, "ended")
        check("EOF" not in ends["ends"], f"an end without an error: {ends['ends']}")
        check(took < ALL_IN, f"took {took:.2f} s")
        equal(revoked(daemon), MANY, "counter revoked")
        record = daemon.flow(since, verdict="denied", reason="revoked")
        equal((record["hook"], record["workload"]["name"]), ("revoke", "chat-1"), "record")
        equal(trainer.ask("held_talk")["answered"], 5, "allowed connections go on")


def test_relabelled():
    with Node() as node:
        write(node)
        daemon, chat = node.daemon().start(), node.pod("chat", "chat1")
        wait_for_instances(daemon, 1)
        equal(chat.ask("hold", addr=GOVERNED, port=443, family="v4", times=3)["errno"], "OK", "before")
        node.write(node.workloads, "workloads.yaml", WORKLOADS.replace("serviceAccount: chat,",
                                                                       "serviceAccount: nobody,"))
        ends = chat.ask("held_ends", within=10)
        equal((ends["open"], revoked(daemon)), (0, 3), "ended, counted")


def test_a_changed_policy_that_allows_still_is_no_reason():
    with Node() as node:
        write(node)
        daemon, chat = node.daemon().start(), node.pod("chat", "chat1")
        wait_for_instances(daemon, 1)
        equal(chat.ask("hold", addr=GOVERNED, port=443, family="v4", times=3)["errno"], "OK", "before")
        before = daemon.generation()
        node.write(node.policies, "policies.yaml", without("watch"))
        wait_until(lambda: daemon.generation() > before, "the next generation")
        equal(chat.ask("held_talk")["answered"], 3, "connections")
        equal(revoked(daemon), 0, "counter revoked")


def test_udp_that_is_connected():
    """A connected UDP socket passes no hook when it sends; what was revoked must not leave."""
    policies = POLICIES.replace("test-inference, ports: [443, 443/udp]", "test-inference, ports: [443/udp]")
    with Node() as node:
        write(node, policies)
        daemon, trainer = node.daemon().start(), node.pod("trainer", "trainer1")
        wait_for_instances(daemon, 1)
        equal(trainer.ask("hold", addr=GOVERNED, port=443, family="v4", proto="udp", times=1)["errno"],
              "OK", "before")
        node.write(node.policies, "policies.yaml", without("all-but-upload"))
        wait_until(lambda: revoked(daemon) == 1, "the revocation")
        check(trainer.ask("held_talk")["errno"] != "OK", "a datagram was answered after the revocation")


def test_other_workloads_of_other_rules():
    with Node() as node:
        write(node)
        daemon, trainer = node.daemon().start(), node.pod("trainer", "trainer1")
        wait_for_instances(daemon, 1)
        equal(trainer.ask("hold", addr=GOVERNED, port=443, family="v4", times=2)["errno"], "OK", "before")
        node.write(node.policies, "policies.yaml", POLICIES.replace(
            "    to: [{endpoint: test-upload}]\n---", "    to: [{endpoint: test-inference}]\n---"))
        ends = trainer.ask("held_ends", within=10)
        equal((ends["open"], revoked(daemon)), (0, 2), "a new deny rule ends them")
        equal(trainer.ask("connect", addr=OTHER, port=443, family="v4")["errno"], "OK", "the other one")
