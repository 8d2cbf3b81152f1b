# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""getaddrinfo(), and connect() at once to every address it gave: is an address known by then? No name
is asked for twice and no address answered twice. The resolver has the other CPU, so that the answer
can be on its way to the client while its addresses are learned.

Half of the names are denied: an address that is not known would be let through, as not governed.
Half are allowed: an address that is not known would be counted as not governed."""
import policies
from names import RESOLVER, TRUSTED, NamesNetwork, address
from stage import BenchNode, check, equal, on_daemon_cpu

ROUNDS = 10000  # at most 65,536 addresses can be known
RECORDS = 2     # of each family
NEVER_ASKED = address(2 * ROUNDS, RECORDS)


class Count:
    """What the daemon says was decided and learned since it was opened."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.begin = self.read()

    def read(self):
        status = self.daemon.get("/v1/status")
        decided = {kind: self.daemon.total(*kind, "connect") for kind in
                   (("allowed", "rule"), ("allowed", "not-governed"))}
        return {**decided, "learned": status["dns"]["learned"].get("new", 0)}

    def since(self):
        return {key: value - self.begin[key] for key, value in self.read().items()}


def half(network, node, zone, first):
    load = network.race(node.client, zone, "--first", first, "--names", ROUNDS // 2, "--count",
                        ROUNDS // 2)
    connections = ROUNDS // 2 * 2 * RECORDS
    equal(load["total"], connections, f"connections to names of {zone}: {load['outcomes']}")
    return load


def measure(network, node, daemon):
    network.probe(node.client, NEVER_ASKED, "OK")  # so would a miss
    count = Count(daemon)
    denied = half(network, node, policies.DENIED_ZONE, 0)
    check(denied["outcomes"].keys() <= {"EPERM", "OK"}, f"denied names: {denied['outcomes']}")
    allowed = half(network, node, policies.ALLOWED_ZONE, ROUNDS // 2)
    equal(allowed["outcomes"], {"OK": allowed["total"]}, "allowed names")
    seen = count.since()
    through = denied["outcomes"].get("OK", 0)
    equal(seen["allowed", "rule"] + seen["allowed", "not-governed"], allowed["total"] + through,
          "connections that were counted as allowed")
    return {"rounds": ROUNDS, "connections": denied["total"] + allowed["total"],
            "addresses": ROUNDS * 2 * RECORDS, "unlearned": ROUNDS * 2 * RECORDS - seen["learned"],
            "misses": seen["allowed", "not-governed"],
            "rate": ROUNDS / (denied["seconds"] + allowed["seconds"])}


def run(small):
    with NamesNetwork(small, "race-") as network, \
         BenchNode("bench-race", policies.SMALL) as node:
        network.serve()
        network.resolve(RECORDS, on_daemon_cpu)
        with node.running(**TRUSTED) as daemon:
            equal(daemon.get("/v1/status")["dns"]["resolvers"], [RESOLVER], "resolvers")
            return measure(network, node, daemon)
