# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Connect, request, reply, close: how many a second with nothing, with empty programs and with all
of aegress attached, and what a pod pays that aegress does not govern. Every round runs every
variant once, in shuffled order; `none` runs twice: how far the two come apart is the noise floor."""
import random
from dataclasses import dataclass

from figures import noise, ratios, spread
from goals import NOISE_MAX
from stage import ALLOWED, DENIED, UNGOVERNED, attached, bpftool, check, equal

KEEP = ("rate", "cpu_ns", "p50_us", "p99_us")


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


def check_attached(stage, variant):
    """Nothing means nothing: not even a program that another test suite left on the hierarchy."""
    hooks = attached(getattr(stage.node, variant.cgroup))
    if variant.kind == "nothing":
        equal(hooks, {}, "programs attached above a client that should have none")
    elif variant.kind == "empty":
        equal(sorted(hooks), stage.hooks, "hooks with an empty program")
        names = {bpftool("prog", "show", "id", str(number))["name"] for number in hooks.values()}
        equal(names, {"bench_empty"}, "names of the empty programs")
    elif variant.kind == "handshake":
        check("cgroup_sock_ops" in hooks, f"no sockops program among {sorted(hooks)}")


def prepare(network, stage, variant):
    stage.set(variant.kind)
    check_attached(stage, variant)
    for cgroup, destination, want in variant.expected:
        network.probe(getattr(stage.node, cgroup), destination, want)


def measure(network, stage, variant, *options):
    prepare(network, stage, variant)
    load = network.load(getattr(stage.node, variant.cgroup), variant.destination, *options)
    equal(list(load["outcomes"]), ["OK"], f"outcomes, {variant}")
    load["cpu_ns"] /= load["total"]
    return {key: load[key] for key in KEEP}


def one_round(network, stage, names, *options):
    order = random.sample(list(names), len(names))
    return {name: measure(network, stage, VARIANTS[name], *options) for name in order}


def summary(rounds):
    result = {"rounds": len(rounds), "noise": noise(rounds, "none2", "none"),
              "noise_cpu": noise(rounds, "none2", "none", "cpu_ns"), "variants": {}}
    for name in (name for name in VARIANTS if name in rounds[0]):
        result["variants"][name] = {
            **{key: spread([one[name][key] for one in rounds]) for key in KEEP},
            "ratio": ratios(rounds, name, "none"),
            "added_ns": spread([one[name]["cpu_ns"] - one["none"]["cpu_ns"] for one in rounds])}
    if "empty" in rounds[0]:
        result["ours_over_empty"] = ratios(rounds, "ours", "empty")
    return result


def attempt(network, stage, names, options, *client):
    one_round(network, stage, ["none"], *client)  # warms caches and neighbour tables; not counted
    return summary([one_round(network, stage, names, *client) for _ in range(options.rounds)])


def quietest(network, stage, names, options, *client):
    """Again, a bounded number of times, until the noise floor is low enough; all are shown."""
    floors, best = [], None
    while len(floors) < options.attempts and (best is None or best["noise"] > NOISE_MAX):
        result = attempt(network, stage, names, options, *client)
        floors.append(result["noise"])
        print(f"  noise floor {100 * result['noise']:.2f} %", flush=True)
        if best is None or result["noise"] < best["noise"]:
            best = result
    best["noise_of_attempts"] = floors
    return best


def run(network, stage, options):
    return quietest(network, stage, VARIANTS, options, "--millis", options.millis)


def run_rr(network, stage, options):
    """One connection, one request after the other: what is left after connect() is the question."""
    return quietest(network, stage, ["none", "none2", "empty", "ours"], options, "--mode", "rr",
                    "--millis", options.millis)
