# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""What a run of each program costs in place: the kernel's own account (bpf_stats) over real
connections, with few and with many CIDRs loaded, in batches that take turns; and over requests on one
connection, when there is nothing left to decide."""
import contextlib
import ctypes
import os

import policies
from figures import spread
from stage import ALLOWED, Empty, BenchNode, attached, bpftool, check, equal, wait_until
from variants import CAST

BATCHES = 15  # of options.connections each: 120,000 in a full run
# CPU time of a bare connection on the machine on which the goal in nanoseconds was set.
BARE_NS = 33000
CONNECT = {4: "cgroup_inet4_connect", 6: "cgroup_inet6_connect"}
CREATE, RELEASE = "cgroup_inet_sock_create", "cgroup_inet_sock_release"
PACKETS = {"egress": "cgroup_inet_egress", "ingress": "cgroup_inet_ingress"}
REQUESTS = 5  # of one connection, for each one connection of a batch
STRIDES = {4: policies.STRIDE4, 6: policies.STRIDE6}


@contextlib.contextmanager
def stats_enabled():
    """The accounting is on while the descriptor is open; nothing to restore after a crash."""
    fd = ctypes.CDLL("libbpf.so.1", use_errno=True).bpf_enable_stats(0)
    check(fd >= 0, f"BPF_ENABLE_STATS: {os.strerror(ctypes.get_errno())}")
    try:
        yield
    finally:
        os.close(fd)


def account(hooks):
    """{hook: (runs, ns)} so far."""
    programs = {hook: bpftool("prog", "show", "id", str(number)) for hook, number in hooks.items()}
    return {hook: (p.get("run_cnt", 0), p.get("run_time_ns", 0)) for hook, p in programs.items()}


class Subject:
    """A cgroup root with something attached, and the client that is measured in it."""

    def __init__(self, ns, node, daemon=None, spread_over=1):
        """ns: (family or "rr", hook) -> one mean a batch; of all subjects of a kind."""
        self.ns, self.node, self.daemon, self.spread_over = ns, node, daemon, spread_over
        self.hooks = attached(node.client)

    def rings_empty(self):
        """A batch must not pay for what the one before it left unread."""
        maps = self.daemon.get("/v1/status")["maps"]
        return all(one["entries"] == 0 for one in maps if one["name"] in ("events", "denials"))

    def batch(self, network, family, connections):
        if self.daemon:
            wait_until(self.rings_empty, "the daemon to read its rings", deadline=60)
        self.account_for(network, family, connections, ALLOWED[family], "--spread",
                         self.spread_over, "--stride", STRIDES[family])
        check((family, CONNECT[family]) in self.ns, f"{CONNECT[family]} did not run")

    def requests(self, network, count):
        self.account_for(network, "rr", count, ALLOWED[4], "--mode", "rr")

    def account_for(self, network, label, count, *load):
        before = account(self.hooks)
        done = network.load(self.node.client, *load, "--count", count)
        equal(done["outcomes"], {"OK": count}, "a batch")
        for hook, (runs, ns) in account(self.hooks).items():
            runs, ns = runs - before[hook][0], ns - before[hook][1]
            if runs:
                self.ns.setdefault((label, hook), []).append(ns / runs)


class Kind:
    """Subjects that take turns: see variants.CAST."""

    def __init__(self, nodes, daemons=(None,), spread_over=1):
        self.ns = {}
        self.subjects = [Subject(self.ns, node, daemon, spread_over)
                         for node, daemon in zip(nodes, daemons)]

    def of(self, batch):
        return self.subjects[batch % len(self.subjects)]

    def figures(self):
        result = {}
        for family, hook in CONNECT.items():
            create = self.ns.get((family, CREATE), [0] * len(self.ns[family, hook]))
            total = [a + b for a, b in zip(create, self.ns[family, hook])]
            result[f"connect{family}"] = spread(self.ns[family, hook])
            result[f"create_and_connect{family}"] = spread(total)
        for hook in (CREATE, RELEASE):
            both = self.ns.get((4, hook), []) + self.ns.get((6, hook), [])
            if both:
                result[hook.rsplit("inet_", 1)[1]] = spread(both)
        for name, hook in PACKETS.items():
            if (4, hook) in self.ns:
                result[name] = spread(self.ns[4, hook] + self.ns[6, hook])
            if ("rr", hook) in self.ns:
                result[name + "_after"] = spread(self.ns["rr", hook])
        return result


def bare_ns(network, node, connections):
    """What a connection costs with nothing attached: the measure of this machine, today."""
    def once():
        load = network.load(node.client, ALLOWED[4], "--count", connections)
        equal(load["outcomes"], {"OK": connections}, "bare connections")
        return load["cpu_ns"] / connections

    return spread([once() for _ in range(BATCHES)])


def slowness(bare):
    """How many times as long as there; a faster machine gets no harder goal."""
    return max(1, bare["median"] / BARE_NS)


def kinds_of(nodes, daemons, floor, options):
    kinds = {"few": Kind(nodes["few"], daemons["few"]), "many": Kind(nodes["many"], daemons["many"]),
             "empty": Kind([floor])}
    if not options.ci:
        every = policies.Size().cidrs // 2 - 1  # of each family; the denied endpoint has the last one
        kinds["many_spread"] = Kind(nodes["many"], daemons["many"], every)
    return kinds


def cast_of(stack, node):
    """The node, and others of its kind."""
    label = f"bench-{'many' if node.size.cidrs > policies.SMALL.cidrs else 'few'}"
    return [node] + [stack.enter_context(BenchNode(f"{label}{number}", node.size))
                     for number in range(1, CAST)]


def measure(network, small, large, options):
    """Few and many CIDRs side by side on roots of their own; all probed before they are timed."""
    with contextlib.ExitStack() as stack:
        nodes = {"few": cast_of(stack, small), "many": cast_of(stack, large)}
        daemons = {kind: [stack.enter_context(node.running()) for node in cast]
                   for kind, cast in nodes.items()}
        for node in nodes["few"] + nodes["many"]:
            network.probe_both(node)
        floor = stack.enter_context(BenchNode("bench-floor", policies.SMALL))
        empty = Empty(floor.cgroup_root, sorted(attached(small.client)))
        stack.callback(empty.stop)
        kinds = kinds_of(nodes, daemons, floor, options)
        for batch in range(BATCHES):
            for family in (4, 6):
                for kind in kinds.values():
                    kind.of(batch).batch(network, family, options.connections)
            for name in ("few", "empty"):
                kinds[name].of(batch).requests(network, REQUESTS * options.connections)
        return {name: kind.figures() for name, kind in kinds.items()}


def run(network, small, large, options):
    bare = bare_ns(network, small, options.connections // 4)
    with stats_enabled():
        result = measure(network, small, large, options)
    result.update({"connections": BATCHES * options.connections, "bare_ns": bare,
                   "machine_factor": bare["median"] / BARE_NS})
    for family in (4, 6):
        key = f"create_and_connect{family}"
        few = result["few"][key]["median"]
        result[f"scaled{family}"] = few / slowness(bare)
        for name in result.keys() & {"many", "many_spread"}:
            result[f"{name}_over_few{family}"] = result[name][key]["median"] / few
    return result
