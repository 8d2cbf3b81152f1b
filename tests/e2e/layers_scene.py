# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""A node with a host's namespace of its own between the pods and the world, in which the daemon runs
as it does on a real node: pod - veth - host - veth - world. What leaves is counted in the world, by a
packet socket that knows nothing of us."""
import contextlib
import json
import os
import subprocess
import sys

from harness import BUILD, TOP, Failure, Node, check, equal, run, wait_until

FRAMES = os.path.join(BUILD, "bypass", "frames")
HOSTILE = os.path.join(TOP, "tests", "bypass", "hostile.py")
ALLOWED, DENIED, FREE = "203.0.113.10", "203.0.113.20", "198.51.100.7"
ALLOWED6, DENIED6, FREE6 = "2001:db8:a::10", "2001:db8:a::20", "2001:db8:b::7"
SOURCE, SOURCE6 = "192.0.2.6", "2001:db8:1::2"  # of the first pod

POLICIES = """\
apiVersion: aegress.dev/v1alpha1
kind: AIEndpoint
metadata: {name: test-allowed, labels: {provider: test}}
spec: {class: inference, cidrs: [203.0.113.10/32, "2001:db8:a::10/128"]}
---
apiVersion: aegress.dev/v1alpha1
kind: AIEndpoint
metadata: {name: test-denied, labels: {provider: test}}
spec: {class: upload, cidrs: [203.0.113.20/32, "2001:db8:a::20/128"]}
---
apiVersion: aegress.dev/v1alpha1
kind: AIEgressPolicy
metadata: {name: chat, namespace: ml}
spec:
  workloads: {serviceAccounts: [chat]}
  allow:
  - name: inference
    to: [{endpoint: test-allowed}]
"""

WORKLOADS = """\
apiVersion: aegress.dev/v1alpha1
kind: Workload
metadata: {name: chat-1, namespace: ml}
spec: {serviceAccount: chat, cgroup: "kubepods.slice/*/kubepods-*podchat1.slice"}
"""


class RoutedNode(Node):
    """Owns the host's namespace, too."""

    def make_world(self):
        super().make_world()
        host, world = self.id + "-host", self.world.netns
        run("ip", "netns", "add", host)
        self.netns.append(host)
        run("ip", "-n", host, "link", "set", "lo", "up")
        run("ip", "netns", "exec", host, "sysctl", "-qw", "net.ipv4.ip_forward=1",
            "net.ipv6.conf.all.forwarding=1", "net.ipv4.conf.all.rp_filter=0",
            "net.ipv4.conf.default.rp_filter=0")
        run("ip", "-n", host, "link", "add", "up0", "type", "veth", "peer", "name", "down0",
            "netns", world)
        for netns, link, addr, addr6 in ((host, "up0", "192.0.2.1/30", "2001:db8:ffff::1/64"),
                                         (world, "down0", "192.0.2.2/30", "2001:db8:ffff::2/64")):
            run("ip", "-n", netns, "link", "set", link, "up")
            run("ip", "-n", netns, "addr", "add", addr, "dev", link)
            run("ip", "-n", netns, "addr", "add", addr6, "dev", link, "nodad")
        # A queue of three frames waits for an unknown neighbour, and the rest of a burst is gone.
        for netns, link, far, there, there6 in ((host, "up0", "down0", "192.0.2.2", "2001:db8:ffff::2"),
                                                (world, "down0", "up0", "192.0.2.1", "2001:db8:ffff::1")):
            (end,) = json.loads(run("ip", "-n", world if netns == host else host, "-j", "link", "show", far).stdout)
            for address in (there, there6):
                run("ip", "-n", netns, "neigh", "replace", address, "lladdr", end["address"], "dev", link,
                    "nud", "permanent")
        run("ip", "-n", host, "route", "add", "default", "via", "192.0.2.2")
        run("ip", "-n", host, "-6", "route", "add", "default", "via", "2001:db8:ffff::2")
        run("ip", "-n", world, "route", "add", "192.0.2.0/24", "via", "192.0.2.1")
        run("ip", "-n", world, "-6", "route", "add", "2001:db8::/44", "via", "2001:db8:ffff::1")
        self.host = host

    def mac(self, index=1):
        """Of the host's end of a pod's veth."""
        (link,) = json.loads(run("ip", "-n", self.host, "-j", "link", "show", f"p{index}").stdout)
        return link["address"]

    def received(self, index=1):
        """Frames that came in at the host's end, as the kernel counts them."""
        (link,) = json.loads(run("ip", "-n", self.host, "-j", "-s", "link", "show",
                                 f"p{index}").stdout)
        return link["stats64"]["rx"]["packets"]

    def crossed(self):
        """(frames that have come into the world, frames that got lost on the way there)."""
        counts = [json.loads(run("ip", "-n", netns, "-j", "-s", "link", "show", link).stdout)[0]["stats64"]
                  for netns, link in ((self.world.netns, "down0"), (self.host, "up0"))]
        return counts[0]["rx"]["packets"], counts[1]["tx"]["dropped"] + counts[0]["rx"]["dropped"]


class Watch:
    """Counts what arrives in the world, and notices if it has missed any of it: then it proves nothing."""

    def __init__(self, node, denied=DENIED, denied6=DENIED6):
        self.node = node
        self.process = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{node.world.netns}", FRAMES, "watch", "down0", denied,
             denied6], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        equal(json.loads(self.process.stdout.readline()), {"ready": True}, "the watch")
        self.before = node.crossed()

    def now(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self):
        """What was seen since the beginning. The interface has counted, too, and cannot miss one."""
        try:
            crossed, dropped = (after - before for after, before in zip(self.node.crossed(), self.before))
            with contextlib.suppress(Failure):
                wait_until(lambda: self.now()["frames"] >= crossed, "the watch to see what has arrived", 5)
            seen = self.now()
        finally:
            self.process.communicate(timeout=30)
        check(seen["lost"] == 0 and dropped == 0 and seen["frames"] >= crossed,
              f"{crossed} frames arrived, {dropped} got lost on the way, the watch saw {seen}")
        return seen


@contextlib.contextmanager
def watching(node):
    """What arrived is in the dict once the block has ended."""
    watch, seen = Watch(node), {}
    try:
        yield seen
    finally:
        seen.update(watch.end())


def frames(node, pod, verb, *argv):
    """The generator, in the pod's namespace."""
    return run("nsenter", f"--net=/run/netns/{pod.netns}", FRAMES, verb, "eth0", node.mac(),
               *map(str, argv)).stdout


def classes():
    return [json.loads(line) for line in run(FRAMES, "list").stdout.splitlines()]


def layers(daemon, name):
    for item in daemon.get("/v1/workloads")["items"]:
        if item["name"] == name:
            return item.get("layers")
    return None


def tc_frames(daemon):
    return daemon.get("/v1/status")["tc"]["frames"]


def hostile(pod, trick, addr, port=443, *more):
    """The errno of a trick of tests/bypass/hostile.py."""
    done = pod.ask("run", argv=[sys.executable, HOSTILE, trick, addr, str(port), *more])
    equal((done["code"], done["err"]), (0, ""), trick)
    return done["out"].strip()


@contextlib.contextmanager
def stage(policies=POLICIES, covered=True, **config):
    """A node, a daemon in its host's namespace, and a pod whose veth TC has found."""
    with RoutedNode("tc") as node:
        node.write(node.policies, "policies.yaml", policies)
        node.write(node.workloads, "workloads.yaml", WORKLOADS)
        pod = node.pod("chat", uid="chat1")
        daemon = node.daemon(**config).start()
        if covered:
            wait_until(lambda: layers(daemon, "chat-1") == "cgroup, tc", "TC to see the pod")
        yield node, daemon, pod
