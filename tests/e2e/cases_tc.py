# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""TC: packets that no socket program sees, from a packet socket in the pod. What is denied must not
arrive in the world, counted there; what is allowed must, or the count would prove nothing."""
import contextlib
import os
import signal

from harness import Pod, check, equal, run, wait_until
from layers_scene import (ALLOWED, ALLOWED6, DENIED, DENIED6, FREE, FREE6, POLICIES, SOURCE,
                          SOURCE6, WORKLOADS, Watch, classes, frames, layers, stage, tc_frames, watching)

FLOOD = int(os.environ.get("AEGRESS_FRAMES", "1000000"))
ROUND = min(FLOOD, 50000)  # frames between two looks of the watch


def send(node, pod, one, dst, dst6, src=SOURCE, src6=SOURCE6):
    frames(node, pod, "send", *((src6, dst6) if one["v6"] else (src, dst)), 443, one["name"])


def test_every_class_to_a_denied_destination():
    with stage() as (node, daemon, pod):
        before = tc_frames(daemon)
        with watching(node) as seen:
            for one in classes():
                send(node, pod, one, DENIED, DENIED6)
        after = tc_frames(daemon)
        dropped = sum(after[word] - before[word] for word in ("denied", "quiet"))
        equal((seen["toDenied"], seen["mentions"]), (0, 0), "frames to the denied destination")
        check(dropped >= sum(not one["local"] for one in classes()) , f"only {dropped} were dropped")


def test_control_without_the_daemon():
    """The same frames arrive when nobody looks: the route and the watch work."""
    with stage() as (node, daemon, pod):
        daemon.stop()
        run("nsenter", f"--net=/run/netns/{node.host}", *daemon.argv()[2:3], "--cleanup", "--pin-dir",
            node.pins)
        with watching(node) as seen:
            for one in classes():
                if not one["reason"] and not one["local"]:
                    send(node, pod, one, DENIED, DENIED6)
        check(seen["toDenied"] >= 10, f"only {seen['toDenied']} arrived")


def test_free_and_allowed_destinations():
    with stage() as (node, daemon, pod):
        plain = [one for one in classes() if not one["reason"] and not one["local"]]
        with watching(node) as seen:
            for one in plain:
                send(node, pod, one, FREE, FREE6)
        check(seen["frames"] >= len(plain) - 2, f"{seen['frames']} of {len(plain)} arrived")
        with watching(node) as seen:
            for one in plain:
                if one["proto"] == 6:
                    send(node, pod, one, ALLOWED, ALLOWED6)
        check(seen["frames"] >= 5, f"{seen['frames']} TCP segments to what is allowed arrived")


def test_spoofed_source():
    with stage() as (node, daemon, pod):
        before = daemon.total("denied", "spoofed-source", "frame")
        watch = Watch(node, ALLOWED, ALLOWED6)
        for one in classes():
            if one["name"] in ("syn4", "syn6"):
                send(node, pod, one, ALLOWED, ALLOWED6, "192.0.2.99", "2001:db8:1::99")
        seen = watch.end()
        equal((seen["toDenied"], seen["mentions"]), (0, 0), "spoofed frames that arrived")
        equal(daemon.total("denied", "spoofed-source", "frame"), before + 2, "counter")


def test_addresses_are_followed():
    """An address that the pod gets later is its own from then on."""
    with stage() as (node, daemon, pod):
        (syn,) = [one for one in classes() if one["name"] == "syn4"]
        run("ip", "-n", pod.netns, "addr", "add", "192.0.2.99/32", "dev", "eth0")

        def arrives():
            with watching(node) as seen:
                send(node, pod, syn, ALLOWED, ALLOWED6, src="192.0.2.99")
            return seen["frames"]
        wait_until(arrives, "the new address to be known")


def test_verified_sockets_pass_by_their_storage():
    with stage() as (node, daemon, pod):
        before = tc_frames(daemon)
        equal(pod.ask("connect", addr=ALLOWED, port=443, family="v4", send=1000, read=True)["errno"],
              "OK", "connect")
        equal(pod.ask("connect", addr=ALLOWED6, port=443, family="v6", send=1000, read=True)["errno"],
              "OK", "connect")
        after = tc_frames(daemon)
        check(after["verified"] >= before["verified"] + 8, f"{before} {after}")
        for word in ("allowed", "denied", "quiet", "audited"):
            equal(after[word], before[word], f"frames that were {word}")


def test_killed_daemon_changes_nothing():
    with stage() as (node, daemon, pod):
        (syn,) = [one for one in classes() if one["name"] == "syn4"]
        daemon.kill()
        with watching(node) as seen:
            for _ in range(10):
                send(node, pod, syn, DENIED, DENIED6)
        equal((seen["toDenied"], seen["mentions"]), (0, 0), "frames while the daemon is dead")
        daemon.start()
        wait_until(lambda: layers(daemon, "chat-1") == "cgroup, tc", "TC to be adopted")
        with watching(node) as seen:
            send(node, pod, syn, DENIED, DENIED6)
        equal((seen["toDenied"], seen["mentions"]), (0, 0), "frames after the restart")


def test_pods_come_and_go():
    with stage() as (node, daemon, pod):
        pods = lambda: sorted(os.listdir(os.path.join(node.pins, "veths")))
        equal(len(pods()), 1, "pinned links")
        run("ip", "-n", pod.netns, "link", "delete", "eth0")
        wait_until(lambda: pods() == [], "the pin to go with its interface")
        wait_until(lambda: layers(daemon, "chat-1") == "cgroup (no veth)", "the report of it")
        run("ip", "-n", pod.netns, "link", "add", "eth0", "type", "veth", "peer", "name", "p1",
            "netns", node.host)
        wait_until(lambda: len(pods()) == 1, "the new interface to be found")
        wait_until(lambda: layers(daemon, "chat-1") == "cgroup, tc", "the report of it")


@contextlib.contextmanager
def stopped_helper(daemon):
    """The process that enters pods' namespaces answers nobody meanwhile."""
    pid = next(pid for pid in children(daemon.process.pid) if comm(pid) == "aegressd-netns")
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return list(map(int, file.read().split()))


def comm(pid):
    with open(f"/proc/{pid}/comm", encoding="ascii") as file:
        return file.read().strip()


def wake(node, address):
    """An address that comes makes the daemon look at all interfaces again."""
    run("ip", "-n", node.host, "addr", "add", address, "dev", "up0")


def test_a_look_that_fails_takes_nothing_off():
    with stage() as (node, daemon, pod):
        (syn,) = [one for one in classes() if one["name"] == "syn4"]
        with stopped_helper(daemon):
            wake(node, "192.0.2.130/32")
            wait_until(lambda: "looking for its interfaces" in daemon.log_tail(), "the failure")
            wake(node, "192.0.2.131/32")  # read when the look is over: its rows are written by then
            daemon.get("/v1/status")
            equal(len(os.listdir(os.path.join(node.pins, "veths"))), 1, "pinned links")
            with watching(node) as seen:
                send(node, pod, syn, DENIED, DENIED6)
            equal((seen["toDenied"], seen["mentions"]), (0, 0), "frames to the denied destination")
        # answers that came too late are nobody's: the next look finds what there is
        run("ip", "-n", pod.netns, "link", "delete", "eth0")
        wait_until(lambda: layers(daemon, "chat-1") == "cgroup (no veth)", "the interface to be gone")
        equal(os.listdir(os.path.join(node.pins, "veths")), [], "pinned links without an interface")


def test_a_restart_whose_look_fails_takes_nothing_off():
    """The new daemon's first look at the pod fails: what the former one attached stays."""
    with stage() as (node, daemon, pod):
        (syn,) = [one for one in classes() if one["name"] == "syn4"]
        daemon.kill()
        os.kill(pod.pid, signal.SIGSTOP)
        try:
            # nobody is in the workload's cgroup: there is no process whose namespace could be entered
            with open(os.path.join(node.cgroup_root, "world.slice", "cgroup.procs"), "w",
                      encoding="ascii") as procs:
                procs.write(str(pod.pid))
            daemon.start()
            equal(len(os.listdir(os.path.join(node.pins, "veths"))), 1, "pinned links")
            with watching(node) as seen:
                send(node, pod, syn, DENIED, DENIED6)
            equal((seen["toDenied"], seen["mentions"]), (0, 0), "frames to the denied destination")
        finally:
            os.kill(pod.pid, signal.SIGCONT)


def test_switched_off():
    with stage(covered=False, tc="off") as (node, daemon, pod):
        equal(layers(daemon, "chat-1"), "cgroup", "layers")
        equal(os.listdir(os.path.join(node.pins, "veths")), [], "pinned links")


def test_required_and_missing():
    """A policy that requires TC: a pod whose veth is gone reaches nothing governed until it is back."""
    policies = POLICIES.replace("  workloads: {serviceAccounts: [chat]}",
                                "  require: [tc]\n  workloads: {serviceAccounts: [chat]}")
    with stage(policies) as (node, daemon, pod):
        equal(pod.ask("connect", addr=ALLOWED, port=443, family="v4")["errno"], "OK", "with TC")
        run("ip", "-n", pod.netns, "link", "delete", "eth0")
        wait_until(lambda: layers(daemon, "chat-1") != "cgroup, tc", "TC to lose the pod")
        denied = lambda: pod.ask("connect", addr=ALLOWED, port=443, family="v4")["errno"] == "EPERM"
        wait_until(denied, "the denial")
        check(daemon.total("denied", "layer", "connect") > 0, "counter")


def test_required_and_lost():
    """What stands does not outlive the loss of the layer that was demanded."""
    policies = POLICIES.replace("  workloads: {serviceAccounts: [chat]}",
                                "  require: [tc]\n  workloads: {serviceAccounts: [chat]}")
    with stage(policies) as (node, daemon, pod):
        equal(pod.ask("hold", addr=ALLOWED, port=443, family="v4", times=3)["errno"], "OK", "with TC")
        # a second way out that TC does not see
        run("ip", "-n", node.host, "link", "add", "link", "up0", "name", "mv0", "type", "macvlan")
        run("ip", "-n", node.host, "link", "set", "mv0", "netns", pod.netns)
        wait_until(lambda: layers(daemon, "chat-1") == "cgroup, tc on some interfaces", "the loss")
        ends = pod.ask("held_ends", within=10)
        equal((ends["open"], daemon.total("denied", "revoked", "revoke")), (0, 3), "ended, counted")


def test_host_network_is_reported():
    with stage() as (node, daemon, pod):
        node.write(node.workloads, "more.yaml", WORKLOADS.replace("chat-1", "chat-2").replace(
            "podchat1", "podchat2"))
        daemon.process.send_signal(signal.SIGHUP)
        _, cgroup = node.pod_cgroup("chat2")
        node.pods.append(Pod(node, "chat2", cgroup, node.host).start())
        wait_until(lambda: layers(daemon, "chat-2") == "cgroup (host network)", "the report")
        equal(daemon.get("/v1/status")["tc"]["layers"]["cgroup (host network)"], 1, "status")
        equal(layers(daemon, "chat-1"), "cgroup, tc", "the other pod")


def settled(node, daemon):
    """(frames received, frames counted) of a moment in which none came: the pod's kernel has its say,
    too."""
    def still():
        pairs = [(node.received(), sum(tc_frames(daemon).values())) for _ in range(3)]
        return pairs[0] if pairs[0] == pairs[1] == pairs[2] else None
    return wait_until(still, "a quiet moment")


def test_flood():
    """Random and mutated frames: none that names a denied address arrives, and each is counted once. In
    rounds, since the watch must keep up: it sees everything, or the round fails."""
    with stage() as (node, daemon, pod):
        before, seen = settled(node, daemon), {"frames": 0, "toDenied": 0, "mentions": 0}
        for seed in range(1, FLOOD // ROUND + 1):
            with watching(node) as part:
                frames(node, pod, "flood", ROUND, seed, SOURCE, SOURCE6, FREE, FREE6, DENIED, DENIED6)
            seen = {word: seen[word] + part[word] for word in seen}
        received, counted = (now - then for now, then in zip(settled(node, daemon), before))
        print(f"     {FLOOD} frames sent, {received} received, {counted} counted, {seen['frames']} in the "
              f"world, of them {seen['toDenied']} to what is denied, {seen['mentions']} with its address anywhere")
        equal((seen["toDenied"], seen["mentions"]), (0, 0), "frames to the denied destinations")
        check(seen["frames"] > FLOOD / 100, f"only {seen['frames']} arrived at all")
        check(received >= FLOOD * 0.99, f"only {received} were sent")
        equal(counted, received, "frames counted")
        equal(pod.ask("connect", addr=ALLOWED, port=443, family="v4")["errno"], "OK", "afterwards")
