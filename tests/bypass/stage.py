# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""One node for all attacks, since a start of the daemon is seconds of the verifier's work: pods, the
host's namespace, a world with real resolvers and servers, and a count of what arrives there."""
import contextlib
import json
import os
import sys

import harness
from cases_connect import wait_for_instances
from harness import BUILD, TOP, Pod, Skip, check, equal, rmdir, run, wait_until
from layers_scene import ALLOWED, ALLOWED6, FRAMES, RoutedNode, Watch, layers
from layers_scene import DENIED, DENIED6, FREE, FREE6
from names_scene import HONEST, RESOLVER, RESOLVER6, WITNESS, NamesNode, cut_off, resolve
from names_scene import POLICIES as NAMES_POLICIES

BYPASS = os.path.join(TOP, "tests", "bypass")
HOSTILE = os.path.join(BYPASS, "hostile.py")
POLICIES = NAMES_POLICIES.replace("""  - name: wild
    to: [{endpoint: wild}]
  deny:
""", """  - name: wild
    to: [{endpoint: wild}]
  - name: address
    to: [{endpoint: test-allowed}, {cidr: 203.0.113.100/32}, {cidr: 203.0.113.82/32}]
  deny:
  - name: wide
    to: [{cidr: 203.0.113.96/28}]
""") + """\
---
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
metadata: {name: contained, namespace: ml}
spec:
  containment: Strict
  dns: AllowedNames
  dnsLimits: {questions: 100/s, nameLength: 100}
  workloads: {serviceAccounts: [contained]}
  allow:
  - name: hub
    to: [{endpoint: hub}, {endpoint: test-allowed}]
---
apiVersion: aegress.dev/v1alpha1
kind: AIEgressPolicy
metadata: {name: neighbour, namespace: ml}
spec:
  workloads: {serviceAccounts: [neighbour]}
  allow:
  - name: upload
    to: [{endpoint: upload}, {endpoint: test-denied}]
---
apiVersion: aegress.dev/v1alpha1
kind: AIEgressPolicy
metadata: {name: required, namespace: ml}
spec:
  require: [tc]
  workloads: {serviceAccounts: [required]}
  allow:
  - name: address
    to: [{endpoint: test-allowed}]
"""
WORKLOAD = """\
apiVersion: aegress.dev/v1alpha1
kind: Workload
metadata: {{name: {0}-1, namespace: ml{1}}}
spec: {{serviceAccount: {0}, cgroup: "kubepods.slice/*/kubepods-*pod{0}*.slice"}}
"""
QUIET = "203.0.113.81"   # as WITNESS, but it never answers
BY_CIDR = "203.0.113.82"  # as WITNESS, but it is the address that a rule allows
BARRIER = "203.0.113.11"  # no endpoint covers it
ODD_RESOLVER, ODD_ADDR = "198.51.100.55", "203.0.113.90"  # a trusted one; what it answers
SUBFLOWS = FREE, 4443     # of a server of Multipath TCP that says it is at DENIED, too
NARROW = "203.0.113.100"  # a narrow allow in a wide deny
NAMES = ("chat", "contained", "neighbour")
WORKLOADS = "---\n".join(WORKLOAD.format(name, "") for name in NAMES + ("required",))
HOOK_LAYERS = {"frame": "tc", "revoke": "daemon"}


COMMON = 65536 // 4 * 3       # addresses of the table that anybody may take; the rest is for who has few
CROWD, CROWD_EACH = 2350, 28  # names that would fill the table: 65,536
CROWD_SHARE, CROWD_COMMON = 2048 // CROWD_EACH + 10, COMMON // CROWD_EACH + 10
LATE, LATE_NAME = "203.0.113.83", "late.hub.test"  # as WITNESS; nobody asks for it before it is about it


def crowd_name(n):
    return f"crowd{n}.hub.test"


def crowd():
    """So many addresses to a name as fit a datagram without EDNS."""
    for n in range(CROWD):
        for i in range(n * CROWD_EACH, (n + 1) * CROWD_EACH):
            yield f"host-record={crowd_name(n)},198.{18 + (i >> 16)}.{i >> 8 & 255}.{i & 255}\n"


class BypassNode(RoutedNode, NamesNode):
    policies_yaml, workloads_yaml = POLICIES, WORKLOADS
    records = HONEST + "".join(f"host-record={name},{addr}\n" for addr in (WITNESS, QUIET)
                               for name in ("seen.hub.test", "rival.test", "upload.hub.test"))
    records += f"host-record={LATE_NAME},{LATE}\n" + "".join(crowd())


@contextlib.contextmanager
def stage():
    with BypassNode("bypass") as node:
        yield Stage(node)


class Stage:
    def __init__(self, node):
        self.node, self.daemon = node, None
        self.pods = {name: node.named_pod(name) for name in NAMES}
        # a router that honours source routes: else the attack would fail of itself
        run("ip", "netns", "exec", node.host, "sysctl", "-qw", *(
            f"net.ipv4.conf.{link}.accept_source_route=1" for link in ("all", "p1")))
        for addr, answer in ((WITNESS, "k"), (BY_CIDR, "k"), (QUIET, ""), (LATE, "k")):
            node.world_ip("addr", "add", f"{addr}/32", "dev", "lo")
            node.world.ask("witness", addr=addr, answer=answer)
        self.serve("dns", ODD_RESOLVER, ODD_ADDR)
        self.serve("mptcp", *SUBFLOWS)
        run("ip", "-n", node.world.netns, "mptcp", "endpoint", "add", DENIED, "signal")
        for netns in [pod.netns for pod in self.pods.values()] + [node.host]:
            run("ip", "netns", "exec", netns, "sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647")
            run("ip", "-n", netns, "mptcp", "limits", "set", "subflow", "4", "add_addr_accepted", "4")
        for pod in self.pods.values():  # the neighbours on the way are known from now on
            for addr in (FREE, FREE6):
                equal(pod.ask("connect", addr=addr, port=443, family="v6" if ":" in addr else "v4")["errno"],
                      "OK", f"the way from {pod.name} to {addr}")
        # it has its process id written before it has read all those names
        wait_until(lambda: self.pods["chat"].ask("resolve", name="seen.hub.test", family="v4")["addrs"],
                   "the resolver to answer", harness.PATIENCE)

    def serve(self, what, addr, *more):
        if what == "dns":
            self.node.world_ip("addr", "add", f"{addr}/32", "dev", "lo")
        pid_file = os.path.join(self.node.dir, what + ".far_end")
        process = self.node.serve(sys.executable, os.path.join(BYPASS, "far_end.py"), what, addr,
                                  *map(str, more), pid_file)
        self.node.wait_for_server(process, pid_file)

    def enforce(self):
        self.daemon = self.node.started(dns={"resolvers": [RESOLVER, RESOLVER6, ODD_RESOLVER]})
        wait_for_instances(self.daemon, len(NAMES))
        for name in NAMES:
            wait_until(lambda one=name: layers(self.daemon, one + "-1") == "cgroup, tc",
                       f"TC to see {name}", harness.PATIENCE)

    def denials(self):
        """(hook, reason) -> how many."""
        if not self.daemon or not self.daemon.process:
            return {}
        found = {}
        for item in self.daemon.get("/v1/status")["totals"]:
            if item["verdict"] == "denied":
                key = item["hook"], item["reason"]
                found[key] = found.get(key, 0) + item["count"]
        return found


class Try:
    """One attempt of one attack: what it does goes through here, what came of it stays here."""

    def __init__(self, stage, attack):
        self.stage, self.attack = stage, attack
        self.node, self.daemon, self.pods = stage.node, stage.daemon, stage.pods
        self.pod = self.pods["chat"]
        self.layer = self.reason = None  # where the counters cannot say it
        self.unit, self.leaked = "frames", 0

    @property
    def enforced(self):
        return self.daemon is not None

    @contextlib.contextmanager
    def counted(self):
        """Everything that happens here; nothing of it may arrive, and all of it must without us."""
        target = self.attack.target or (DENIED, DENIED6)
        self.before, watch = self.stage.denials(), Watch(self.node, *target)
        try:
            yield
            # what was sent before has arrived when this has been there and back
            equal(self.connects(BARRIER), "OK", "the way to the world")
        finally:
            seen = watch.end()
        # what is within a tunnel, or the next hop, is no better than a destination
        self.arrived = seen[self.attack.counts]
        after = self.stage.denials()
        new = sorted(key for key in after if after[key] > self.before.get(key, 0))
        # libc connects UDP sockets to sort addresses: no attempt, unless there is nothing else
        self.denials = [key for key in new if key[0] != "probe"] or new

    def verdict(self):
        layer = {HOOK_LAYERS.get(hook, "cgroup") for hook, _ in self.denials}
        self.layer = self.layer or ("both" if {"cgroup", "tc"} <= layer else "+".join(sorted(layer)) or "-")
        self.reason = self.reason or ", ".join(sorted({reason for _, reason in self.denials})) or "-"

    def denials_now(self, hook, reason):
        return self.stage.denials().get((hook, reason), 0) > self.before.get((hook, reason), 0)

    def pod_address(self, pod="chat"):
        return f"192.0.2.{4 * (NAMES.index(pod) + 1) + 2}"

    def pod_address6(self, pod="chat"):
        return f"2001:db8:{NAMES.index(pod) + 1}::2"

    # ---- pods of its own ----
    @contextlib.contextmanager
    def another_pod(self, uid, netns):
        _, cgroup = self.node.pod_cgroup(uid)
        pod = Pod(self.node, uid, cgroup, netns).start()
        self.node.pods.append(pod)
        try:
            yield pod
        finally:
            pod.stop()
            self.node.pods.remove(pod)
            for path in (pod.cgroup, os.path.dirname(pod.cgroup)):
                wait_until(lambda one=path: rmdir(one), f"{path} to go")

    @contextlib.contextmanager
    def host_pod(self, uid="chathost"):
        """In the host's network namespace, known to the daemon."""
        with self.another_pod(uid, self.node.host) as pod:
            if self.enforced:
                wait_until(lambda: self.connects(DENIED, pod) == "EPERM", "the pod to be known")
            yield pod

    @contextlib.contextmanager
    def machine(self):
        """(namespace, its address, the way out's) of a pod with a tap that is bridged to its veth."""
        netns = self.node.pod_netns(f"machine{self.node.links}")
        index = self.node.links
        for line in ("link add br0 type bridge", "tuntap add tap0 mode tap", "link set tap0 master br0",
                     "link set eth0 master br0", "link set tap0 up", "link set br0 up"):
            run("ip", "-n", netns, *line.split())
        covered = lambda: len(os.listdir(os.path.join(self.node.pins, "veths")))
        before = covered() if self.enforced else 0
        with self.another_pod("chatmachine", netns):
            if self.enforced:
                wait_until(lambda: covered() > before, "TC to see the machine's veth")
            yield netns, f"192.0.2.{4 * index + 2}", self.node.mac(index)

    # ---- what is tried ----
    def trick(self, name, addr=DENIED, *more, port=443, pod=None):
        """The errno of a trick of hostile.py."""
        argv = ["python3", HOSTILE, name, addr, port, *more]
        done = (pod or self.pod).ask("run", argv=list(map(str, argv)))
        equal((done["code"], done["err"]), (0, ""), name)
        if done["out"].strip() == "UNSUPPORTED":
            raise Skip(f"this kernel has no {name}")
        return done["out"].strip()

    def ask(self, pod, op, **request):
        return self.pods[pod].ask(op, **request)

    def frame(self, *classes, pod="chat", dst=DENIED, dst6=DENIED6, src=None, src6=None, port=443):
        index = NAMES.index(pod) + 1
        ends = {False: (src or f"192.0.2.{4 * index + 2}", dst),
                True: (src6 or f"2001:db8:{index}::2", dst6)}
        for one in classes:
            run("nsenter", f"--net=/run/netns/{self.pods[pod].netns}", FRAMES, "send", "eth0",
                self.node.mac(index), *ends[one.endswith("6")], str(port), one)

    def by_hand(self, *frames, pod="chat"):
        """Frames made by wire.py."""
        equal(self.trick("frame", "-", *(one.hex() for one in frames), pod=self.pods[pod]), "OK", "sending")

    def prog(self, part):
        """A test of tests/prog, by (a part of) its name: it has a node and a witness of its own, and fails
        where something arrives there."""
        self.unit = "in prog"
        done = run(os.path.join(BUILD, "obj", "tests", "prog", "prog"), part, ok=False)
        skips = [line for line in done.stdout.splitlines() if line.startswith("skip: ")]
        if skips:
            raise Skip(skips[0][6:])
        check(done.returncode == 0, f"prog {part!r}: {done.stdout[-600:]}{done.stderr[-300:]}")

    def says(self, hello, reason, addr=WITNESS, **raw):
        """A ClientHello on an address that some name is allowed at: not a byte of it may arrive."""
        before = self.witnessed(addr)
        self.know_witnesses()
        cut_off(self.daemon, self.pod, reason, lambda: self.pod.ask("raw", addr=addr, hex=hello.hex(), **raw)["errno"])
        self.unit, self.leaked = "bytes", self.leaked + self.witnessed(addr) - before

    def says_in_parts(self, hello, reason, **raw):
        """The same in parts: the first ones leave before the name is there. The whole must not."""
        before, leaked = self.witnessed(QUIET), self.leaked
        self.says(hello, reason, QUIET, **raw)
        self.unit, self.leaked = "hellos", leaked + (self.witnessed(QUIET) - before >= len(hello))

    def lays_over(self, trick, said, forged, addr=WITNESS):
        """A packet socket that says `forged` on a connection of this pod's to a witness, where its socket
        says `said`: nothing else than the latter may arrive there, and the whole of it."""
        self.know_witnesses()
        self.trick(trick, addr, self.pod_address(), self.node.mac(), *(one.hex() for one in (*said, *forged)))
        if self.enforced and not self.attack.remains:
            check(self.denials_now("frame", "unverified"), "the forged segments")
        came, said = bytes.fromhex(self.node.world.ask("witness", addr=addr)["last"]), b"".join(said)
        self.unit = "bytes"
        self.leaked += sum(one != other for one, other in zip(came, said)) + abs(len(came) - len(said))

    def know_witnesses(self):
        for name in ("seen.hub.test", "rival.test", "upload.hub.test"):
            resolve(self.pod, name, "v4")

    def gets_through(self, hello, addr=WITNESS, **raw):
        before = self.witnessed(addr)
        self.know_witnesses()
        equal(self.pod.ask("raw", addr=addr, hex=hello.hex(), **raw)["errno"], "OK", "an allowed hello")
        check(self.witnessed(addr) > before, "the control did not arrive")

    def witnessed(self, addr=WITNESS):
        return self.node.world.ask("witness", addr=addr)["bytes"]

    def connects(self, addr, pod=None, **more):
        family = "v6" if ":" in addr else "v4"
        return (pod or self.pod).ask("connect", **{"addr": addr, "port": 443, "family": family, **more})["errno"]

    def learned(self, what):
        return self.daemon.get("/v1/status")["dns"]["learned"][what]

    def entries(self, name):
        return next(one["entries"] for one in self.daemon.get("/v1/status")["maps"] if one["name"] == name)

    def reload(self):
        """The policies as they were, as a new generation."""
        before = self.daemon.generation()
        self.node.write(self.node.policies, "policies.yaml", POLICIES + f"# after {before}\n")
        wait_until(lambda: self.daemon.generation() > before, "the next generation")

    @contextlib.contextmanager
    def moved(self, pod, directory):
        """The pod's process in another cgroup, as one with privileges can do it."""
        write_pid(directory, pod.pid)
        try:
            yield
        finally:
            write_pid(pod.cgroup, pod.pid)


def write_pid(directory, pid):
    with open(os.path.join(directory, "cgroup.procs"), "w", encoding="ascii") as procs:
        procs.write(str(pid))
