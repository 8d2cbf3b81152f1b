# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Connections to an address: how many a second with nothing, with empty programs and with all of
aegress attached, and what a pod pays that aegress does not govern. Also requests on one connection,
and bulk."""
import contextlib
from dataclasses import dataclass

from rounds import Contest, quietest
from stage import ALLOWED, DENIED, UNGOVERNED
from variants import Scene

import tc

DAEMONS = {"ours": {}, "core": {}, "backstop": {"defaults": {"unselected": "Deny", "unknown": "Deny", "backstop": True}}}
BULK = 262144  # bytes of a reply


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
    "core": Variant("core", "client", ALLOWED[4], CLIENT_HELD),
    "bystander+core": Variant("core", "bystander", ALLOWED[4],
                              CLIENT_HELD + (("bystander", DENIED[4], "OK"),)),
    "ours+tc": Variant("tc", "client", ALLOWED[4], CLIENT_HELD),
    "backstop": Variant("backstop", "client", ALLOWED[4], CLIENT_HELD),
}


class Connections(Contest):
    def __init__(self, networks, scene, names, *client):
        self.networks, self.scene, self.names, self.client = networks, scene, names, client

    def network(self, variant):
        return self.networks.get(variant.kind, self.networks["all"])

    def cgroup(self, variant, name=None):
        return getattr(self.scene.nodes[variant.kind], name or variant.cgroup)

    def probe(self, name):
        variant = VARIANTS[name]
        for _ in self.scene.nodes[variant.kind].each():
            self.scene.check_attached(variant.kind, self.cgroup(variant))
            for cgroup, destination, want in variant.expected:
                self.network(variant).probe(self.cgroup(variant, cgroup), destination, want)

    def load(self, name):
        variant = VARIANTS[name]
        load = self.network(variant).load(self.cgroup(variant), variant.destination, *self.client)
        self.scene.nodes[variant.kind].turn()
        return load


def contest(network, names, options, *client):
    with contextlib.ExitStack() as stack:
        kinds = {VARIANTS[name].kind for name in names}
        scene = Scene(stack, {kind: config for kind, config in DAEMONS.items() if kind in kinds})
        networks = {"all": network}
        if any(VARIANTS[name].kind == "tc" for name in names):
            networks["tc"] = tc.open_network(stack, scene)
        return quietest(Connections(networks, scene, names, *client), options)


FEW = ("none", "none2", "empty", "ours")


def run(network, options):
    names = (*FEW, "core", "bystander+core", "bystander") if options.ci else tuple(VARIANTS)
    return contest(network, names, options, "--millis", options.millis)


def run_rr(network, options):
    """One connection, one request after the other: what is left after connect() is the question."""
    return contest(network, FEW, options, "--mode", "rr", "--millis", options.millis)


def run_bulk(network, options):
    """The same with replies that fill many packets."""
    with network.replying(BULK):
        return contest(network, FEW, options, "--mode", "rr", "--reply", BULK, "--millis",
                       options.millis)
