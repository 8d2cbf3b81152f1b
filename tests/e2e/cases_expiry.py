# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""A grant ends when its time is up: what stands by it ends with it, at once and with a reason; a broken
file, a killed daemon and a restart do not make it longer."""
import contextlib
import json
import os
import time

from cases_connect import wait_for_instances
from cases_quarantine import audit
from cases_revoke import AT_ONCE, TRIES, before_others, revoked
from harness import Node, check, equal, wait_until
from scene import GOVERNED, OTHER, POLICIES, decide, explain, write

LEAD = 3  # s that a grant has left, at least, when it is in force
LONG = 8  # the same where something slow is done meanwhile


def until(seconds):
    """That time as it is written in a rule."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def granting(moment):
    """chat may reach both endpoints, the first of them until that moment."""
    return POLICIES.replace("  - name: inference\n    to: [{endpoint: test-inference}]\n---",
                            "  - name: inference\n    to: [{endpoint: test-inference}]\n"
                            f"    expires: {until(moment)}\n"
                            "  - name: upload\n    to: [{endpoint: test-upload}]\n---", 1)


def grant(node, daemon, lead=LEAD):
    """Puts the grant in force; when it ends, by the wall clock."""
    moment = int(time.time()) + 1 + lead
    node.write(node.policies, "policies.yaml", granting(moment))
    equal(daemon.request("POST", "/v1/reload")[0], 200, "reload")
    return moment


@contextlib.contextmanager
def scene():
    """A node with a daemon, and chat's pod."""
    with Node() as node:
        write(node)
        daemon, chat = node.daemon().start(), node.pod("chat", "chat1")
        wait_for_instances(daemon, 1)
        yield node, daemon, chat


def hold(pod, addr):
    equal(pod.ask("hold", addr=addr, port=443, family="v4", times=1)["errno"], "OK", f"{pod.name} to {addr}")


def connects(pod, addr):
    equal(pod.ask("connect", addr=addr, port=443, family="v4")["errno"], "OK", f"{pod.name} to {addr}")


def ended_after(chat, moment):
    """Seconds from the moment to the end that the client sees."""
    begin = moment - time.time() + time.monotonic()
    ends = chat.ask("held_ends", within=moment - time.time() + 20)
    equal(ends["open"], 0, f"still open: {ends}")
    check("EOF" not in ends["ends"], f"an end without an error: {ends['ends']}")
    chat.ask("drop_held")
    return max(ends["at"]) - begin


def test_at_once():
    """To the error that the client sees; meanwhile connections that are allowed lose nothing."""
    with before_others(), Node() as node:
        write(node)
        daemon = node.daemon().start()
        chat, trainer = node.pod("chat", "chat1"), node.pod("trainer", "trainer1")
        beside = node.pod("beside", cgroup=chat.cgroup)
        wait_for_instances(daemon, 2)
        grant(node, daemon)
        for neighbour, addr in ((beside, OTHER), (trainer, GOVERNED)):
            equal(neighbour.ask("busy_start", addr=addr, port=443, family="v4")["errno"], "OK", "busy")
        best, tries = None, 0
        while tries < TRIES and (best is None or best >= AT_ONCE):
            tries += 1
            since, before = daemon.next_seq(), revoked(daemon)
            moment = grant(node, daemon)
            hold(chat, GOVERNED)
            took = ended_after(chat, moment)
            print(f"# ended {took * 1000:.1f} ms after the time was up")
            check(took > 0, f"ended {-took:.3f} s too early")
            best = took if best is None else min(best, took)
            equal(revoked(daemon), before + 1, "counter revoked")
            record = daemon.flow(since, verdict="denied", reason="revoked")
            equal((record["hook"], record["workload"]["name"]), ("revoke", "chat-1"), "record")
        check(best < AT_ONCE, f"took {best:.3f} s")
        decide(daemon, chat, "ml/chat-1", GOVERNED, ("denied", "no-rule"))
        decide(daemon, chat, "ml/chat-1", OTHER, ("allowed", "rule"))
        for neighbour in (beside, trainer):
            busy = neighbour.ask("busy_end")
            check(busy["sent"] > 0, "the busy connection was not")
            equal((busy["received"], busy["retransmits"]), (busy["sent"], 0), "of the busy connection")


def test_said_everywhere():
    with scene() as (node, daemon, chat):
        moment = grant(node, daemon)
        at = until(moment)
        told = explain(node, "ml/chat-1", GOVERNED, 443, "tcp")
        (rule,) = [step for step in told["chain"] if step.get("rule") == "inference" and step["matched"]]
        equal((rule["expires"], rule["expired"]), (at, False), "explain, before")
        listed = grants(node)
        equal(listed, [{"rule": "inference", "at": at, "expired": False}], "get policies, before")
        wait_until(lambda: grants(node)[0]["expired"], "the time to run out")
        decide(daemon, chat, "ml/chat-1", GOVERNED, ("denied", "no-rule"))
        text = node.aegress("explain", "--workload", "ml/chat-1", "--to", GOVERNED, ok=False).stdout
        check(f"expired at {at}; until then: allows" in text, text)
        check(f"a later time in the `expires` of rule inference, which expired at {at}" in text, text)
        record = audit(node, "policy")[-1]
        equal((record["by"]["source"], record["expired"]), ("expiry", ["ml/chat/inference"]), "audit record")
        done = node.aegress("get", "policies", "-o", "wide").stdout
        check(at in done, done)
        offline = json.loads(node.aegress("explain", "-f", node.policies, "-f", node.workloads, "--workload",
                                          "ml/chat-1", "--to", GOVERNED, "-o", "json", ok=False).stdout)
        live = explain(node, "ml/chat-1", GOVERNED, 443, "tcp")
        equal([(s.get("rule"), s["matched"], s["why"]) for s in offline["chain"]],
              [(s.get("rule"), s["matched"], s["why"]) for s in live["chain"]], "offline and live")
        equal((offline["verdict"], offline["reason"]), (live["verdict"], live["reason"]), "both verdicts")


def grants(node):
    items = json.loads(node.aegress("get", "policies", "-o", "json").stdout)["items"]
    return [ending for item in items for ending in item["expires"]]


def reloaded(daemon):
    return daemon.get("/v1/status")["lastReload"]["ok"]


def test_a_broken_file_makes_no_grant_longer():
    """Nothing can be read just then: what is in force goes on without the rule."""
    with scene() as (node, daemon, chat):
        beside = node.pod("beside", cgroup=chat.cgroup)
        moment = grant(node, daemon, LONG)
        hold(chat, GOVERNED)
        hold(beside, OTHER)
        node.write(node.policies, "broken.yaml", "kind: [\n")
        wait_until(lambda: not reloaded(daemon), "the refusal")
        check(time.time() < moment, "too slow for this test")
        took = ended_after(chat, moment)
        check(0 < took < 2, f"ended {took:.3f} s after its time")
        equal(revoked(daemon), 1, "counter revoked")
        equal(beside.ask("held_talk")["answered"], 1, "what another rule allows")
        decide(daemon, chat, "ml/chat-1", GOVERNED, ("denied", "no-rule"))
        decide(daemon, chat, "ml/chat-1", OTHER, ("allowed", "rule"))
        check("without the rules that have expired" in daemon.log_tail(), daemon.log_tail())
        os.unlink(os.path.join(node.policies, "broken.yaml"))
        wait_until(lambda: reloaded(daemon), "the next good reload")
        decide(daemon, chat, "ml/chat-1", GOVERNED, ("denied", "no-rule"))


def test_killed_before_and_started_after():
    """Nobody counts the time while the daemon is dead: the kernel keeps what it has. The next start ends it."""
    with scene() as (node, daemon, chat):
        beside = node.pod("beside", cgroup=chat.cgroup)
        moment = grant(node, daemon)
        hold(chat, GOVERNED)
        hold(beside, OTHER)
        daemon.kill()
        wait_until(lambda: time.time() > moment + 0.5, "the time to run out")
        connects(chat, GOVERNED)
        daemon = node.daemon().start()
        wait_for_instances(daemon, 1)
        ends = chat.ask("held_ends", within=10)
        equal((ends["open"], revoked(daemon)), (0, 1), "ended, counted")
        decide(daemon, chat, "ml/chat-1", GOVERNED, ("denied", "no-rule"))
        equal(beside.ask("held_talk")["answered"], 1, "what another rule allows")


def test_killed_and_started_before():
    with Node() as node:
        write(node)
        begin = time.monotonic()
        daemon, chat = node.daemon().start(), node.pod("chat", "chat1")
        wait_for_instances(daemon, 1)
        moment = grant(node, daemon, LONG + int(2 * (time.monotonic() - begin)))
        hold(chat, GOVERNED)
        daemon.kill()
        daemon = node.daemon().start()
        wait_for_instances(daemon, 1)
        check(time.time() < moment, "too slow for this test")
        connects(chat, GOVERNED)
        took = ended_after(chat, moment)
        check(0 < took < 2, f"ended {took:.3f} s after its time")
        decide(daemon, chat, "ml/chat-1", GOVERNED, ("denied", "no-rule"))


def test_a_longer_grant_in_time():
    """Whoever writes a later time before the first is up notices nothing."""
    with scene() as (node, daemon, chat):
        moment = grant(node, daemon)
        hold(chat, GOVERNED)
        node.write(node.policies, "policies.yaml", granting(moment + 3600))
        equal(daemon.request("POST", "/v1/reload")[0], 200, "reload")
        wait_until(lambda: time.time() > moment + 0.5, "the first time to run out")
        equal((chat.ask("held_talk")["answered"], revoked(daemon)), (1, 0), "still allowed")
        equal(audit(node, "policy")[-1]["by"]["source"] != "expiry", True, "nothing expired")
