# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""A question and its answer over one UDP socket, a CNAME and four addresses each: what learning adds,
and what a forwarder would. The names come in turn; from the second time on their addresses are
renewed."""
import argparse
import contextlib

import policies
from names import FORWARDER, RESOLVER, TRUSTED, NamesNetwork, address
from rounds import Contest, quietest
from stage import check, cpu_ns, equal
from variants import Scene

NAMES = 1000
# Times as long a slice as others have, and half as many of them. Each begins with a second in which no
# answer was read yet; whoever goes on asking meets such a one once a second.
LONGER = 5
DENIED_NAME = 15000  # its addresses are not among those of the others
# Median of a bare round trip on the machine on which the goal in microseconds was set.
BARE_P50_US = 6.7
SIZE = policies.Size(policies=3, hosts=10000, cidrs=10, workloads=3)


class Questions(Contest):
    def __init__(self, network, scene, options):
        self.network, self.scene, self.options = network, scene, options
        self.names = ("none", "none2", "ours", "dnsmasq") + (() if options.ci else ("empty",))
        self.asked = 0

    def kind(self, name):
        return name if name in ("empty", "ours") else "nothing"

    def probe(self, name):
        for _ in self.scene.nodes[self.kind(name)].each():
            self.probe_one(name)

    def probe_one(self, name):
        cgroup = self.scene.nodes[self.kind(name)].client
        self.scene.check_attached(self.kind(name), cgroup)
        if name == "dnsmasq":
            self.probe_forwarder(cgroup)
            return
        self.network.ask(cgroup, f"n{DENIED_NAME}.{policies.DENIED_ZONE}")
        self.network.ask(cgroup, f"n0.{policies.ALLOWED_ZONE}")
        self.network.probe(cgroup, address(DENIED_NAME), "EPERM" if name == "ours" else "OK")
        self.network.probe(cgroup, address(0), "OK")

    def probe_forwarder(self, cgroup):
        before = cpu_ns(self.network.resolver.pid)
        load = self.network.query(cgroup, f"n0.{policies.ALLOWED_ZONE}", "--count", 1000,
                                  resolver=FORWARDER)
        equal(load["outcomes"], {"OK": 1000}, "answers of dnsmasq")
        check(cpu_ns(self.network.resolver.pid) - before > 1000 * 500,
              "dnsmasq did not pass the same question on each time")

    def load(self, name):
        load = self.network.query(self.scene.nodes[self.kind(name)].client, policies.ALLOWED_ZONE,
                                  "--names", NAMES, "--millis", self.options.millis,
                                  resolver=FORWARDER if name == "dnsmasq" else RESOLVER)
        self.asked += load["total"] if name == "ours" else 0
        self.scene.nodes[self.kind(name)].turn()
        return load


def learned(daemons):
    """(answers that parsed, addresses that were learned or renewed) so far."""
    told = [daemon.get("/v1/status")["dns"] for daemon in daemons]
    return (sum(dns["answers"].get("ok", 0) for dns in told),
            sum(dns["learned"].get("new", 0) + dns["learned"].get("again", 0) for dns in told))


def longer(options):
    return argparse.Namespace(**{**vars(options), "millis": LONGER * options.millis,
                                 "rounds": max(options.rounds // 2, 1)})


def run(small, options):
    options = longer(options)
    with contextlib.ExitStack() as stack:
        network = stack.enter_context(NamesNetwork(small, "dns-"))
        network.serve()
        network.resolve()
        network.forward()
        contest = Questions(network, Scene(stack, {"ours": TRUSTED}, SIZE), options)
        daemons = contest.scene.daemons["ours"]
        result = quietest(contest, options)
        answers, addresses = learned(daemons)
        check(answers >= contest.asked and addresses >= 4 * contest.asked,
              f"{contest.asked} answers, of which {answers} were read, {addresses} addresses learned")
        ours, none = (result["variants"][name] for name in ("ours", "none"))
        factor = none["p50_us"]["median"] / BARE_P50_US
        return {**result, "machine_factor": factor,
                "scaled_p50_us": ours["added_p50_us"]["median"] / factor, "names": NAMES, "patterns": SIZE.hosts, "answers": answers,
                "addresses": addresses}
