# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Every socket call that can reach a destination, for every kind of workload: each denial beside the
allowed twin that shows the path works."""
import os

from harness import Node, Skip, check, equal, wait_until
from scene import FREE, FREE6, GOVERNED, GOVERNED6, OTHER, OTHER6, decide, write

RULE, NO_RULE = ("allowed", "rule"), ("denied", "no-rule")
DENY_RULE, FREE_PASS = ("denied", "deny-rule"), ("allowed", "not-governed")
UDP, UNSELECTED = ("denied", "udp"), ("denied", "unselected")
UNKNOWN = ("denied", "unknown-workload")


def test_tcp_connect():
    with Node() as node:
        write(node)
        daemon, pod = node.daemon().start(), node.pod("chat", "chat1")
        wait_for_instances(daemon, 1)
        for addr, other, free in ((GOVERNED, OTHER, FREE), (GOVERNED6, OTHER6, FREE6)):
            decide(daemon, pod, "ml/chat-1", addr, RULE)
            decide(daemon, pod, "ml/chat-1", other, NO_RULE)
            decide(daemon, pod, "ml/chat-1", free, FREE_PASS)
            decide(daemon, pod, "ml/chat-1", addr, NO_RULE, port=80)
        decide(daemon, pod, "ml/chat-1", GOVERNED, RULE, family="mapped")
        decide(daemon, pod, "ml/chat-1", OTHER, NO_RULE, family="mapped")
        decide(daemon, pod, "ml/chat-1", FREE, FREE_PASS, family="mapped")


def test_udp():
    with Node() as node:
        write(node)
        daemon, chat = node.daemon().start(), node.pod("chat", "chat1")
        trainer = node.pod("trainer", "trainer1")
        wait_for_instances(daemon, 2)
        for family, addr, other, free in (("v4", GOVERNED, OTHER, FREE),
                                          ("v6", GOVERNED6, OTHER6, FREE6),
                                          ("mapped", GOVERNED, OTHER, FREE)):
            for op in ("connect", "sendto"):
                udp = {"op": op, "proto": "udp", "family": family}
                decide(daemon, chat, "ml/chat-1", addr, UDP, **udp)
                decide(daemon, chat, "ml/chat-1", free, FREE_PASS, **udp)
                decide(daemon, trainer, "ml/trainer-1", addr, RULE, **udp)
                decide(daemon, trainer, "ml/trainer-1", other, DENY_RULE, **udp)


def test_a_quic_client_learns_why():
    """connect() of a UDP socket that is bound, to an address that may be reached by TCP: a record with the
    reason, repeats folded. Of one that is not bound nobody can tell what it is for."""
    with Node() as node:
        write(node)
        daemon, pod = node.daemon(flows={"foldSeconds": 3600}).start(), node.pod("chat", "chat1")
        wait_for_instances(daemon, 1)
        decide(daemon, pod, "ml/chat-1", GOVERNED, RULE)
        since = daemon.next_seq()
        for _ in range(3):
            answer = pod.ask("connect", addr=GOVERNED, port=443, proto="udp", family="v4")
            equal(answer["errno"], "EPERM", "not bound")
        for _ in range(3):
            answer = pod.ask("connect", addr=GOVERNED, port=443, proto="udp", family="v4", bound=True)
            equal(answer["errno"], "EPERM", "bound")
        equal(daemon.total("denied", "udp", "probe"), 6, "counter")
        record = daemon.flow(since, destination__ip=GOVERNED, verdict="denied", reason="udp")
        equal((record["hook"], record["event"], record["protocol"], record["destination"]["endpoint"]),
              ("probe", "deny", "udp", "test-inference"), "record")
        decide(daemon, pod, "ml/chat-1", OTHER, NO_RULE)
        later = [one for one in daemon.flows(f"?since={since}") if one["hook"] == "probe"]
        equal(len(later), 1, "records of six attempts")


def test_deny_wins_over_allow():
    with Node() as node:
        write(node)
        daemon, pod = node.daemon().start(), node.pod("trainer", "trainer1")
        wait_for_instances(daemon, 1)
        decide(daemon, pod, "ml/trainer-1", GOVERNED, RULE)
        for port in (443, 80):
            decide(daemon, pod, "ml/trainer-1", OTHER, DENY_RULE, port=port)
            decide(daemon, pod, "ml/trainer-1", OTHER6, DENY_RULE, port=port)


def test_audit_reports_and_lets_pass():
    with Node() as node:
        write(node)
        daemon, pod = node.daemon().start(), node.pod("watched", "watched1")
        wait_for_instances(daemon, 1)
        decide(daemon, pod, "ml/watched-1", GOVERNED, RULE)
        decide(daemon, pod, "ml/watched-1", OTHER, ("audited", "no-rule"))


def test_unselected_and_unknown():
    with Node() as node:
        write(node)
        daemon, nobody = node.daemon().start(), node.pod("nobody", "nobody1")
        stranger = node.pod("stranger", "stranger1")
        wait_for_instances(daemon, 1)
        decide(daemon, nobody, "other/nobody-1", GOVERNED, UNSELECTED)
        decide(daemon, nobody, "other/nobody-1", FREE, FREE_PASS)
        decide(daemon, stranger, None, GOVERNED, UNKNOWN)
        decide(daemon, stranger, None, FREE, FREE_PASS)


def test_defaults_audit():
    with Node() as node:
        write(node)
        daemon = node.daemon(defaults={"unselected": "Audit", "unknown": "Audit"}).start()
        nobody, stranger = node.pod("nobody", "nobody1"), node.pod("stranger", "stranger1")
        wait_for_instances(daemon, 1)
        decide(daemon, nobody, "other/nobody-1", GOVERNED, ("audited", "unselected"))
        decide(daemon, stranger, None, GOVERNED, ("audited", "unknown-workload"))


def test_deny_errno():
    for name in ("ECONNREFUSED", "EACCES", "EHOSTUNREACH"):
        with Node() as node:
            write(node)
            defaults = {"unselected": "Deny", "unknown": "Deny", "denyErrno": name}
            daemon, pod = node.daemon(defaults=defaults).start(), node.pod("chat", "chat1")
            for note in daemon.get("/v1/status")["notes"]:
                if "bpf_set_retval" in note:
                    raise Skip(note)
            wait_for_instances(daemon, 1)
            decide(daemon, pod, "ml/chat-1", OTHER, NO_RULE, errno_denied=name)
            decide(daemon, pod, "ml/chat-1", GOVERNED, RULE)


def test_unmanaged_passes_untouched():
    with Node() as node:
        write(node)
        daemon = node.daemon().start()
        outside = node.pod("outside", cgroup=node.cgroup("system.slice"))
        before = daemon.get("/v1/status")["totals"]
        for addr in (GOVERNED, OTHER, GOVERNED6, OTHER6, FREE):
            family = "v6" if ":" in addr else "v4"
            equal(outside.ask("connect", addr=addr, port=443, family=family)["errno"], "OK", addr)
            equal(outside.ask("sendto", addr=addr, port=443, family=family, proto="udp")["errno"],
                  "OK", addr)
        equal(daemon.get("/v1/status")["totals"], before, "decisions about unmanaged tasks")


def test_nested_cgroup_is_its_pod():
    with Node() as node:
        write(node)
        daemon = node.daemon().start()
        _, container = node.pod_cgroup("chat1")
        path = os.path.relpath(container, node.cgroup_root)
        nested = node.cgroup(path + "/inner")
        pod = node.pod("nested", cgroup=nested)
        wait_for_instances(daemon, 1)
        decide(daemon, pod, "ml/chat-1", GOVERNED, RULE)
        decide(daemon, pod, "ml/chat-1", OTHER, NO_RULE)


def test_reconnect_is_decided_again():
    with Node() as node:
        write(node)
        daemon, pod = node.daemon().start(), node.pod("chat", "chat1")
        wait_for_instances(daemon, 1)
        for proto in ("tcp", "udp"):
            for addr, want in ((OTHER, "EPERM"), (FREE, "OK")):
                answer = pod.ask("reconnect", first=FREE, addr=addr, port=443, family="v4",
                                 proto=proto)
                equal(answer["errno"], want, f"{proto} re-connect to {addr}")


def test_nonblocking_connect_counts_once():
    with Node() as node:
        write(node)
        daemon, pod = node.daemon().start(), node.pod("chat", "chat1")
        wait_for_instances(daemon, 1)
        before = daemon.total("allowed", "rule", "connect")
        codes = pod.ask("nonblocking", addr=GOVERNED, port=443, family="v4")["codes"]
        check(codes[0] in ("EINPROGRESS", "OK"), f"first answer {codes}")
        equal(daemon.total("allowed", "rule", "connect"), before + 1, "decisions")


def test_passed_socket_gets_the_stricter():
    with Node() as node:
        write(node)
        daemon, chat = node.daemon().start(), node.pod("chat", "chat1")
        trainer = node.pod("trainer", "trainer1")
        outside = node.pod("outside", cgroup=node.cgroup("system.slice"))
        wait_for_instances(daemon, 2)
        path = os.path.join(node.dir, "pass.sock")
        # (maker, user, destination, what must come out)
        for maker, user, addr, want in ((chat, trainer, OTHER, "EPERM"),
                                        (trainer, chat, OTHER, "EPERM"),
                                        (trainer, chat, GOVERNED, "OK"),
                                        (outside, chat, OTHER, "EPERM"),
                                        (outside, chat, GOVERNED, "OK"),
                                        (chat, outside, OTHER, "EPERM"),
                                        (chat, outside, GOVERNED, "OK")):
            user.post("take_socket", path=path, addr=addr, port=443, family="v4")
            check(user.read()["listening"], "not listening")
            equal(maker.ask("send_socket", path=path, family="v4")["errno"], "OK", "passing")
            equal(user.read()["errno"], want, f"made in {maker.name}, used in {user.name}: {addr}")
            os.unlink(path)


def test_bytes_duration_rtt_of_a_flow():
    with Node() as node:
        write(node)
        daemon, pod = node.daemon().start(), node.pod("chat", "chat1")
        wait_for_instances(daemon, 1)
        since = daemon.next_seq()
        sent = 3_000_017
        answer = pod.ask("connect", addr=GOVERNED, port=443, family="v4", send=sent, read=True)
        equal(answer["received"], sent, "the echo")
        opened = daemon.flow(since, event="open")
        closed = daemon.flow(since, event="close")
        equal((closed["bytes"]["sent"], closed["bytes"]["received"]), (sent, sent), "bytes")
        equal(closed["source"]["port"], answer["sport"], "source port")
        for key in ("namespace", "name", "serviceAccount"):
            equal(closed["workload"][key], opened["workload"][key], "workload of open and close")
        check(closed["durationMs"] > 0 and closed["rttUs"] > 0, f"duration and rtt of {closed}")


def test_refused_by_the_peer_is_not_a_denial():
    with Node() as node:
        write(node)
        daemon, pod = node.daemon().start(), node.pod("chat", "chat1")
        wait_for_instances(daemon, 1)
        since = daemon.next_seq()
        equal(pod.ask("connect", addr=FREE, port=9, family="v4")["errno"], "ECONNREFUSED", "port 9")
        closed = daemon.flow(since, event="close")
        equal((closed["verdict"], closed["bytes"]["sent"]), ("allowed", 0), "closed flow")


def test_every_denial_is_counted_under_load():
    with Node() as node:
        write(node)
        daemon, pod = node.daemon().start(), node.pod("chat", "chat1")
        wait_for_instances(daemon, 1)
        before, lost = daemon.total("denied", "no-rule", "connect"), events_lost(daemon)
        since = daemon.next_seq()
        times = 20_000
        outcome = pod.ask("flood", addr=OTHER, port=443, family="v4", times=times)["outcome"]
        equal(outcome, {"EPERM": times}, "outcome")
        equal(daemon.total("denied", "no-rule", "connect"), before + times, "counter")
        wait_until(lambda: daemon.get("/v1/status")["flows"]["next"] - since
                   + events_lost(daemon) - lost >= times, "every event delivered or counted lost")


def events_lost(daemon):
    errors = daemon.get("/v1/status")["errors"]
    return errors.get("denial-lost", 0) + errors.get("event-lost", 0)


def wait_for_instances(daemon, n):
    wait_until(lambda: daemon.get("/v1/status")["instances"] >= n, f"{n} live workloads")
