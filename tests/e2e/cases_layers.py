# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The same attempts with the cgroup's programs alone, with TC alone and with both, and which of them
caught each. `tests/e2e/run --layers cgroup|tc|both layers` runs one of the three."""
import contextlib
import dataclasses
import os
import shutil
import typing

import wire
from cases_connect import wait_for_instances
from harness import check, equal, run, wait_until
from hello import hello, modern, supported_versions
from layers_scene import (ALLOWED, ALLOWED6, DENIED, DENIED6, FREE, FREE6, SOURCE, SOURCE6, RoutedNode, Watch, frames,
                          hostile, layers)
from layers_scene import POLICIES as ADDRESS_POLICIES
from names_scene import POLICIES as NAMES_POLICIES
from names_scene import WITNESS, WITNESS6, NamesNode, resolve

BPFTOOL = shutil.which("bpftool", path=os.environ["PATH"] + ":/usr/sbin")
WANTED = os.environ.get("AEGRESS_LAYERS")
MODES = ("cgroup", "tc", "both")
LAYERS = {"frame": "tc", "revoke": "revocation"}  # of the hooks that count; the others are the cgroup's
ENDPOINTS = ADDRESS_POLICIES[:ADDRESS_POLICIES.index("---\napiVersion: aegress.dev/v1alpha1\nkind: AIEgressPolicy")]
POLICIES = ENDPOINTS + "---\n" + NAMES_POLICIES.replace("""  - name: wild
    to: [{endpoint: wild}]
""", """  - name: address
    to: [{endpoint: test-allowed}]
""")
WITHOUT_ADDRESS = POLICIES.replace("to: [{endpoint: test-allowed}]", "to: [{endpoint: wild}]")
BY_SOCKET = "cgroup", "tc", "cgroup"  # what catches it, by mode
BY_FRAME = "open", "tc", "tc"


class LayersNode(RoutedNode, NamesNode):
    policies_yaml = POLICIES


@dataclasses.dataclass
class Attempt:
    name: str
    act: typing.Callable  # may return how much got through; else it is what the watch saw
    caught: tuple = BY_SOCKET
    target: tuple = (DENIED, DENIED6)


@dataclasses.dataclass
class Scene:
    node: LayersNode
    daemon: object
    pod: object

    def denials(self):
        """So far, by layer."""
        counts = {"cgroup": 0, "tc": 0, "revocation": 0}
        for item in self.daemon.get("/v1/status")["totals"]:
            if item["verdict"] == "denied":
                counts[LAYERS.get(item["hook"], "cgroup")] += item["count"]
        return counts

    def witnessed(self):
        return self.node.world.ask("witness", addr=WITNESS)["bytes"]


# ---- attempts ----

def by_socket(op, addr, proto):
    family = "v6" if ":" in addr else "v4"
    return lambda it: it.pod.ask(op, addr=addr, port=443, proto=proto, family=family) and None


def by_frame(*names, dst=DENIED, dst6=DENIED6, src=SOURCE, src6=SOURCE6):
    def act(it):
        for name in names:
            ends = (src6, dst6) if name.endswith("6") else (src, dst)
            frames(it.node, it.pod, "send", *ends, 443, name)
    return act


def by_trick(trick, addr, *more):
    return lambda it: hostile(it.pod, trick, addr, 443, *more) and None


def says(data, **more):
    """The first words on an address that some name is allowed at; how many of their bytes arrive. The
    handshake is no attempt."""
    def act(it):
        before = it.witnessed()
        it.pod.ask("raw", addr=WITNESS, hex=data().hex(), **more)
        return it.witnessed() - before
    return act


def tagged(it):
    """VLAN 0, which Linux takes as no VLAN: no IP to who reads the frame, and it is forwarded."""
    packets = ((0x0800, wire.ip4(SOURCE, DENIED, wire.UDP, wire.udp(443))),
               (0x86dd, wire.ip6(SOURCE6, DENIED6, wire.UDP, wire.udp(443))))
    hostile(it.pod, "frame", "-", 0, *(wire.tagged(it.node.mac(), 0, *one).hex() for one in packets))


@contextlib.contextmanager
def quarantined(it):
    it.node.aegress("quarantine", "ml/chat-1")
    try:
        yield
    finally:
        it.node.aegress("release", "ml/chat-1")


def in_quarantine(act):
    def run_it(it):
        with quarantined(it):
            return act(it)
    return run_it


def new_policies(it, text):
    before = it.daemon.generation()
    it.node.write(it.node.policies, "policies.yaml", text)
    wait_until(lambda: it.daemon.generation() > before, "the next generation")


def revoked(it):
    """Connections that stand, and then their rule is taken away; how many of them go on."""
    equal(it.pod.ask("hold", addr=ALLOWED, port=443, family="v4", times=3)["errno"], "OK", "connections")
    new_policies(it, WITHOUT_ADDRESS)
    ends = it.pod.ask("held_ends", within=5)
    it.pod.ask("drop_held")
    new_policies(it, POLICIES)
    return ends["open"]


NAMED = (WITNESS, WITNESS6)
EVERYTHING = (FREE, FREE6)
ATTEMPTS = (
    Attempt("TCP connect(), IPv4", by_socket("connect", DENIED, "tcp")),
    Attempt("TCP connect(), IPv6", by_socket("connect", DENIED6, "tcp")),
    Attempt("UDP sendto(), IPv4", by_socket("sendto", DENIED, "udp")),
    Attempt("UDP sendto(), IPv6", by_socket("sendto", DENIED6, "udp")),
    Attempt("UDP connected, IPv4", by_socket("send_connected", DENIED, "udp")),
    Attempt("UDP connected, IPv6", by_socket("send_connected", DENIED6, "udp")),
    Attempt("UDP-Lite", by_trick("udp-lite", DENIED)),
    Attempt("ping socket, IPv4", by_trick("ping-socket", DENIED)),
    Attempt("ping socket, IPv6", by_trick("ping-socket", DENIED6)),
    Attempt("raw socket, header by hand, IPv4", by_trick("raw-header", DENIED, SOURCE)),
    Attempt("raw socket, header by hand, IPv6", by_trick("raw-header6", DENIED6, SOURCE6)),
    Attempt("hello with a denied name", says(lambda: modern("rival.test"))),
    Attempt("hello without a name", says(lambda: hello(supported_versions(0x0304)))),
    Attempt("no TLS at all", says(lambda: b"GET / HTTP/1.0\r\n\r\n")),
    Attempt("IP options of a socket", by_trick("source-route", DENIED, FREE), BY_FRAME),
    Attempt("routing header of a socket", by_trick("segment-route", DENIED6, FREE6), BY_FRAME),
    Attempt("frame: TCP, IPv4", by_frame("syn4"), BY_FRAME),
    Attempt("frame: TCP, IPv6", by_frame("syn6"), BY_FRAME),
    Attempt("frame: TCP to what a name opens", by_frame("syn4", "syn6", dst=WITNESS, dst6=WITNESS6), BY_FRAME, NAMED),
    Attempt("frame: UDP, IPv4", by_frame("udp4"), BY_FRAME),
    Attempt("frame: UDP, IPv6", by_frame("udp6"), BY_FRAME),
    Attempt("frame: ping, IPv4", by_frame("ping4"), BY_FRAME),
    Attempt("frame: ping, IPv6", by_frame("ping6"), BY_FRAME),
    Attempt("frame: fragments, IPv4", by_frame("first4", "later4", "tiny4"), BY_FRAME),
    Attempt("frame: fragments, IPv6", by_frame("first6", "later6"), BY_FRAME),
    Attempt("frame: IP options", by_frame("route4", "alert4"), BY_FRAME),
    Attempt("frame: extension headers", by_frame("chain6", "options6", "auth6", "routing6"), BY_FRAME),
    Attempt("frame: unknown protocols, IPv4", by_frame("sctp4", "odd4"), BY_FRAME),
    Attempt("frame: unknown protocols, IPv6", by_frame("sctp6", "nothing6"), BY_FRAME),
    Attempt("frame: tunnels, IPv4", by_frame("ipip4", "sit4", "gre4", "esp4"), BY_FRAME),
    Attempt("frame: tunnels, IPv6", by_frame("ipip6", "sit6", "gre6", "esp6"), BY_FRAME),
    Attempt("frame: no IP (VLAN tag)", tagged, BY_FRAME),
    Attempt("frame: malformed", by_frame("doff4", "cut_udp4"), BY_FRAME),
    Attempt("frame: a neighbour's source", by_frame("syn4", "syn6", dst=ALLOWED, dst6=ALLOWED6, src="192.0.2.99",
                                                    src6="2001:db8:1::99"), BY_FRAME, (ALLOWED, ALLOWED6)),
    Attempt("quarantine: TCP, IPv4", in_quarantine(by_socket("connect", FREE, "tcp")), BY_SOCKET, EVERYTHING),
    Attempt("quarantine: TCP, IPv6", in_quarantine(by_socket("connect", FREE6, "tcp")), BY_SOCKET, EVERYTHING),
    Attempt("quarantine: UDP", in_quarantine(by_socket("sendto", FREE, "udp")), BY_SOCKET, EVERYTHING),
    Attempt("quarantine: frames", in_quarantine(by_frame("syn4", "udp6", dst=FREE, dst6=FREE6)), BY_FRAME, EVERYTHING),
    Attempt("revocation: TCP that stands", revoked, ("revocation", "open", "revocation")),
)


def tried(it, one):
    """(what caught it, how much got through)."""
    before, watch = it.denials(), Watch(it.node, *one.target)
    try:
        through = one.act(it)
    finally:
        seen = watch.end()
    after = it.denials()
    return [layer for layer in after if after[layer] > before[layer]], seen["mentions"] if through is None else through


def check_one(it, mode, one):
    want = one.caught[MODES.index(mode)]
    catchers, through = tried(it, one)
    print(f"     {mode:7} {one.name:36} {' and '.join(catchers) or 'open'}", flush=True)
    if want == "open":
        check(through > 0, f"{one.name}: it should be open with {mode} alone, and nothing got through")
        equal(catchers, [], one.name)
    else:
        equal(through, 0, f"{one.name}: what got through")
        equal(catchers, [want], f"{one.name}: what caught it")


# ---- the scene ----

def prepare(node):
    """Servers that count, names that are known, ping sockets for everybody; a pod."""
    for addr in (WITNESS, WITNESS6):
        node.world_ip("addr", "add", addr, "dev", "lo")
    node.world.ask("witness", addr=WITNESS)
    pod = node.named_pod("chat")
    run("ip", "netns", "exec", pod.netns, "sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647")
    # a router that honours source routes: else the attempt would fail of itself
    run("ip", "netns", "exec", node.host, "sysctl", "-qw", *(
        f"net.ipv4.conf.{link}.accept_source_route=1" for link in ("all", "p1")))
    return pod


def detach_cgroup_programs(node):
    links = os.path.join(node.pins, "links")
    for name in os.listdir(links):
        run(BPFTOOL, "link", "detach", "pinned", os.path.join(links, name))


@contextlib.contextmanager
def stage(mode):
    with LayersNode("layers") as node:
        pod = prepare(node)
        daemon = node.started(tc="off" if mode == "cgroup" else "auto")
        wait_for_instances(daemon, 1)
        if mode != "cgroup":
            wait_until(lambda: layers(daemon, "chat-1") == "cgroup, tc", "TC to see the pod")
        for name in ("seen.hub.test", "rival.test"):
            resolve(pod, name)
        if mode == "tc":
            detach_cgroup_programs(node)
        yield Scene(node, daemon, pod)


def attempts_with(mode):
    if WANTED not in (None, mode):
        return
    with stage(mode) as it:
        for one in ATTEMPTS:
            check_one(it, mode, one)


def test_cgroup():
    attempts_with("cgroup")


def test_tc():
    attempts_with("tc")


def test_both():
    attempts_with("both")
