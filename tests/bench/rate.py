# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Connect, request, reply, close: how many a second with nothing, with empty programs and with all
of aegress attached, and what a pod pays that aegress does not govern. Every round runs every
variant once, in shuffled order; `none` runs twice: how far the two come apart is the noise floor.

What is attached to what does not change while rounds run: every variant has a subtree of its own.
So rounds are short and many, and a neighbour's burst hits few of them or all variants of one."""
import contextlib
import random
from dataclasses import dataclass

import policies
from figures import noise, ratios, spread
from goals import NOISE_MAX
from stage import ALLOWED, DENIED, UNGOVERNED, BenchNode, Empty, attached, bpftool, check, equal

KEEP = ("rate", "cpu_ns", "p50_us", "p99_us")
KINDS = ("nothing", "empty", "ours", "handshake")


@dataclass(frozen=True)
class Variant:
    """expected: (cgroup, destination, errno) of the probes that must hold before it is timed."""
    kind: str
    cgroup: str
    destination: str
    expected: tuple


CLIENT_FREE = (("client", DENIED[4], "OK"), ("client", ALLOWED[4], "OK"))
CLIENT_HELD = (("client", DENIED[4], "EPERM"), ("client", ALLOWED[4], "OK"))

VARIANTS = {
    "none": Variant("nothing", "client", ALLOWED[4], CLIENT_FREE),
    "none2": Variant("nothing", "client", ALLOWED[4], CLIENT_FREE),
    "empty": Variant("empty", "client", ALLOWED[4], CLIENT_FREE),
    "bystander": Variant("ours", "bystander", ALLOWED[4],
                         CLIENT_HELD + (("bystander", DENIED[4], "OK"),)),
    "ungoverned": Variant("ours", "client", UNGOVERNED[4],
                          CLIENT_HELD + (("client", UNGOVERNED[4], "OK"),)),
    "ours": Variant("ours", "client", ALLOWED[4], CLIENT_HELD),
    "handshake": Variant("handshake", "client", ALLOWED[4], CLIENT_HELD),
}


class Scene:
    """A node for every kind, with what belongs to it attached until the end of the stack."""

    def __init__(self, stack):
        self.nodes = {kind: stack.enter_context(BenchNode(f"bench-{kind}", policies.SMALL))
                      for kind in KINDS}
        for kind in ("ours", "handshake"):
            flows = {"handshake": kind == "handshake"}
            stack.enter_context(self.nodes[kind].running(flows=flows))
        self.hooks = sorted(attached(self.nodes["ours"].client))
        empty = Empty(self.nodes["empty"].cgroup_root, self.hooks)
        stack.callback(empty.stop)

    def cgroup(self, variant, name=None):
        return getattr(self.nodes[variant.kind], name or variant.cgroup)

    def check_attached(self, variant):
        """Nothing means nothing: not even what another test suite left on the hierarchy."""
        hooks = attached(self.cgroup(variant))
        if variant.kind == "nothing":
            equal(hooks, {}, "programs attached above a client that should have none")
        elif variant.kind == "empty":
            names = {bpftool("prog", "show", "id", str(number))["name"]
                     for number in hooks.values()}
            equal((sorted(hooks), names), (self.hooks, {"bench_empty"}), "empty programs")
        elif variant.kind == "handshake":
            check("cgroup_sock_ops" in hooks, f"no sockops program among {sorted(hooks)}")

    def probe(self, network, variant):
        self.check_attached(variant)
        for cgroup, destination, want in variant.expected:
            network.probe(self.cgroup(variant, cgroup), destination, want)


def measure(network, scene, variant, *options):
    load = network.load(scene.cgroup(variant), variant.destination, *options)
    equal(list(load["outcomes"]), ["OK"], f"outcomes, {variant}")
    load["cpu_ns"] /= load["total"]
    return {key: load[key] for key in KEEP}


def one_round(network, scene, names, *options):
    order = random.sample(list(names), len(names))
    return {name: measure(network, scene, VARIANTS[name], *options) for name in order}


def summary(rounds):
    result = {"rounds": len(rounds), "noise": noise(rounds, "none2", "none"),
              "noise_cpu": noise(rounds, "none2", "none", "cpu_ns"), "variants": {}}
    for name in (name for name in VARIANTS if name in rounds[0]):
        result["variants"][name] = {
            **{key: spread([one[name][key] for one in rounds]) for key in KEEP},
            "ratio": ratios(rounds, name, "none"),
            "added_ns": spread([one[name]["cpu_ns"] - one["none"]["cpu_ns"] for one in rounds])}
    result["ours_over_empty"] = ratios(rounds, "ours", "empty")
    return result


def attempt(network, scene, names, options, *client):
    """Probed before and after: in between nothing is attached or detached."""
    for name in names:
        scene.probe(network, VARIANTS[name])
    one_round(network, scene, names, *client)  # warms caches and neighbour tables; not counted
    rounds = [one_round(network, scene, names, *client) for _ in range(options.rounds)]
    for name in names:
        scene.probe(network, VARIANTS[name])
    return summary(rounds)


def quietest(network, names, options, *client):
    """Again, a bounded number of times, until the noise floor is low enough; all are shown."""
    floors, best = [], None
    with contextlib.ExitStack() as stack:
        scene = Scene(stack)
        while len(floors) < options.attempts and (best is None or best["noise"] > NOISE_MAX):
            result = attempt(network, scene, names, options, *client)
            floors.append(result["noise"])
            print(f"  noise floor {100 * result['noise']:.2f} %", flush=True)
            if best is None or result["noise"] < best["noise"]:
                best = result
    best["noise_of_attempts"] = floors
    return best


def run(network, options):
    return quietest(network, VARIANTS, options, "--millis", options.millis)


def run_rr(network, options):
    """One connection, one request after the other: what is left after connect() is the question."""
    return quietest(network, ["none", "none2", "empty", "ours"], options, "--mode", "rr",
                    "--millis", options.millis)
