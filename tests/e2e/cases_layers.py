# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The same attempts with the cgroup's programs alone, with TC alone and with both, and which of them
caught each. `tests/e2e/run --layers cgroup|tc|both layers` runs one of the three."""
import os
import shutil

from harness import check, equal, run
from layers_scene import DENIED, DENIED6, frames, stage, watching

SOURCE, SOURCE6 = "192.0.2.6", "2001:db8:1::2"
BPFTOOL = shutil.which("bpftool", path=os.environ["PATH"] + ":/usr/sbin")
WANTED = os.environ.get("AEGRESS_LAYERS")


def by_socket(op, addr, proto):
    family = "v6" if ":" in addr else "v4"
    return lambda node, pod: pod.ask(op, addr=addr, port=443, proto=proto, family=family)


def by_packet_socket(name, v6=False):
    source, target = (SOURCE6, DENIED6) if v6 else (SOURCE, DENIED)
    return lambda node, pod: frames(node, pod, "send", source, target, 443, name)


# name, attempt, whether the cgroup's programs see it
ATTEMPTS = (
    ("TCP connect(), IPv4", by_socket("connect", DENIED, "tcp"), True),
    ("TCP connect(), IPv6", by_socket("connect", DENIED6, "tcp"), True),
    ("UDP sendto(), IPv4", by_socket("sendto", DENIED, "udp"), True),
    ("UDP sendto(), IPv6", by_socket("sendto", DENIED6, "udp"), True),
    ("packet socket: SYN, IPv4", by_packet_socket("syn4"), False),
    ("packet socket: SYN, IPv6", by_packet_socket("syn6", True), False),
    ("packet socket: UDP", by_packet_socket("udp4"), False),
    ("packet socket: ping", by_packet_socket("ping4"), False),
    ("packet socket: later fragment", by_packet_socket("later4"), False),
    ("packet socket: extension headers", by_packet_socket("chain6", True), False),
    ("packet socket: tunnel", by_packet_socket("gre4"), False),
)


def caught_by(daemon):
    """Denials so far, by layer."""
    counts = {"cgroup": 0, "tc": 0}
    for item in daemon.get("/v1/status")["totals"]:
        if item["verdict"] == "denied":
            counts["tc" if item["hook"] == "frame" else "cgroup"] += item["count"]
    return counts


def attempt(node, daemon, pod, one):
    """(what caught it or None, frames that arrived)."""
    before = caught_by(daemon)
    with watching(node) as seen:
        one(node, pod)
    after = caught_by(daemon)
    catchers = [layer for layer in after if after[layer] > before[layer]]
    return catchers, seen["toDenied"]


def detach_cgroup_programs(node):
    links = os.path.join(node.pins, "links")
    for name in os.listdir(links):
        run(BPFTOOL, "link", "detach", "pinned", os.path.join(links, name))


def attempts_with(layer):
    if WANTED not in (None, layer):
        return
    with stage(covered=layer != "cgroup", tc="off" if layer == "cgroup" else "auto") as (node, daemon,
                                                                                        pod):
        if layer == "tc":
            detach_cgroup_programs(node)
        for name, one, seen_by_cgroup in ATTEMPTS:
            catchers, arrived = attempt(node, daemon, pod, one)
            print(f"     {layer:7} {name:34} {' and '.join(catchers) or 'open'}", flush=True)
            if layer == "cgroup" and not seen_by_cgroup:
                check(arrived > 0, f"{name}: it should be open without TC, and nothing arrived")
                equal(catchers, [], name)
            else:
                equal(arrived, 0, f"{name}: frames that arrived")
                want = "cgroup" if seen_by_cgroup and layer != "tc" else "tc"
                equal(catchers, [want], f"{name}: what caught it")


def test_cgroup():
    attempts_with("cgroup")


def test_tc():
    attempts_with("tc")


def test_both():
    attempts_with("both")
