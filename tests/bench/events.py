# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The way of an event: what denials cost and that every one is counted and accounted for, how often
the daemon is woken under load, and that it sleeps when nothing happens."""
import glob
import time

from stage import ALLOWED, DENIED, Failure, equal, wait_until

DENIALS = 100000
CONNECTIONS = 50000
HISTORY = 262144  # lines: more than all events of this suite, so that each can be found
LOST = ("event-lost", "denial-lost")
CLOSED_PORT = 9


def switches(pid):
    """How often the process's threads went to sleep: each time they had been woken."""
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/status"):
        with open(path, encoding="ascii") as status:
            total += sum(int(line.split()[1]) for line in status
                         if line.startswith("voluntary_ctxt_switches"))
    return total


def wakeups(pid, seconds):
    before = switches(pid)
    time.sleep(seconds)
    return switches(pid) - before


def settle(pid):
    """Lets it read what the last load left; a daemon that never rests is a figure, not an error."""
    try:
        wait_until(lambda: wakeups(pid, 1) == 0, "the daemon to come to rest", deadline=10)
    except Failure as failure:
        print(f"  {failure}")


class Account:
    """Decisions, and what became of their events, since it was opened."""

    def __init__(self, daemon):
        self.daemon = daemon
        settle(daemon.process.pid)
        self.begin = self.read()

    def read(self):
        status = self.daemon.get("/v1/status")
        decided = {"allowed": 0, "denied": 0}
        for item in status["totals"]:
            if item["hook"] == "connect":
                decided[item["verdict"]] += item["count"]
        lines = self.daemon.get("/v1/flows", raw=True)[1].splitlines()
        return {**decided, "lost": sum(status["errors"][ring] for ring in LOST),
                # A gap is a line too, but no event.
                "delivered": sum('"event":"lost"' not in line for line in lines)}

    def settled(self):
        """Once the daemon has read everything: what was added since."""
        settle(self.daemon.process.pid)
        return {key: value - self.begin[key] for key, value in self.read().items()}


def denials(network, node, daemon):
    """Every connect() is refused by policy; beside it, what a refusal by the peer costs."""
    refused = network.load(node.bystander, DENIED[4], "--mode", "connect", "--count",
                           DENIALS // 4, port=CLOSED_PORT)
    equal(list(refused["outcomes"]), ["ECONNREFUSED"], "connections to a closed port")
    account = Account(daemon)
    denied = network.load(node.client, DENIED[4], "--mode", "connect", "--count", DENIALS)
    equal(denied["outcomes"], {"EPERM": DENIALS}, "denied connections")
    seen = account.settled()
    return {"denials": DENIALS, "rate": denied["rate"], "refused_rate": refused["rate"],
            "rate_over_refused": denied["rate"] / refused["rate"],
            "uncounted": DENIALS - seen["denied"], "lost": seen["lost"],
            "unaccounted": DENIALS - seen["delivered"] - seen["lost"]}


def allowed(network, node, daemon):
    """Allowed connections, each with an open and a close; how often that wakes the daemon."""
    account, pid = Account(daemon), daemon.process.pid
    before = switches(pid)
    load = network.load(node.client, ALLOWED[4], "--count", CONNECTIONS)
    woken = switches(pid) - before
    equal(load["outcomes"], {"OK": CONNECTIONS}, "allowed connections")
    seen = account.settled()
    return {"connections": CONNECTIONS, "rate": load["rate"], "lost": seen["lost"],
            "uncounted": CONNECTIONS - seen["allowed"],
            "unaccounted": 2 * CONNECTIONS - seen["delivered"] - seen["lost"],
            "wakeups_per_1000": 1000 * woken / CONNECTIONS}


def run(network, node, options):
    with node.running(flows={"history": HISTORY, "foldSeconds": 0}) as daemon:
        network.probe_both(node)
        denied = denials(network, node, daemon)
        admitted = allowed(network, node, daemon)
        settle(daemon.process.pid)
        idle = wakeups(daemon.process.pid, options.idle)
    return {"denied": denied, "allowed": admitted,
            "idle": {"seconds": options.idle, "wakeups": idle}}
