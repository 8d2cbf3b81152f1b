# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""What a scrape costs: 1,000 workloads that each used 20 endpoints, asked for by namespace and, with a
label for each workload, as 100,000 samples."""
import os
import statistics
import subprocess
import sys
import time

from stage import DAEMON_CPU, LOAD_CPU, Node, equal, on_daemon_cpu, run, wait_until

import monitor  # of the end-to-end suite, which stage makes importable

WORKLOADS, ENDPOINTS, NAMESPACES, SCRAPES = 1000, 20, 20, 15
NET = "198.18.0"  # the pods' network namespace has it on lo, and nobody listens
USE = """\
import os, socket, sys
for cgroup in open(sys.argv[1]).read().split():
    with open(cgroup + "/cgroup.procs", "w") as procs:
        procs.write(str(os.getpid()))
    for i in range(int(sys.argv[2])):
        with socket.socket() as sock:
            sock.connect_ex((sys.argv[3] + "." + str(i + 1), 443))
"""


def endpoint(i):
    return ("apiVersion: aegress.dev/v1alpha1\nkind: AIEndpoint\n"
            f"metadata: {{name: endpoint-{i}}}\nspec: {{class: other, cidrs: [{NET}.{i + 1}/32]}}\n")


def workload(i):
    return ("apiVersion: aegress.dev/v1alpha1\nkind: Workload\n"
            f"metadata: {{name: workload-{i}, namespace: namespace-{i % NAMESPACES}}}\n"
            f'spec: {{cgroup: "kubepods.slice/pod{i}.slice"}}\n')


class ScrapeNode(Node):
    """The end-to-end suite's node with a network namespace in which every connection is refused."""

    def make_world(self):
        self.name = self.id + "-pods"
        run("ip", "netns", "add", self.name)
        self.netns.append(self.name)
        run("ip", "-n", self.name, "link", "set", "lo", "up")
        run("ip", "-n", self.name, "route", "add", "local", f"{NET}.0/24", "dev", "lo")
        self.write(self.policies, "endpoints.yaml", "---\n".join(map(endpoint, range(ENDPOINTS))))
        self.write(self.workloads, "workloads.yaml", "---\n".join(map(workload, range(WORKLOADS))))
        pods = [self.cgroup(f"kubepods.slice/pod{i}.slice") for i in range(WORKLOADS)]
        self.list = self.write(self.dir, "pods", "\n".join(pods))

    def use(self):
        """Every workload connects to every endpoint. `ip netns exec` would hide the cgroups."""
        subprocess.run(["nsenter", f"--net=/run/netns/{self.name}", sys.executable, "-c", USE,
                        self.list, str(ENDPOINTS), NET], check=True, timeout=600)


def scrape(one):
    time.sleep(0.11)  # answers are shared for a tenth of a second: this one is made anew
    begin = time.monotonic()
    answer = one.ask(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return time.monotonic() - begin, answer


def scrapes(node, **config):
    # Not in the daemon's way, and not waiting behind it either
    os.sched_setaffinity(0, {LOAD_CPU})
    daemon = node.daemon(metrics={**monitor.LISTEN, **config}, defaults={"unselected": "Audit"})
    daemon.spawn(preexec_fn=on_daemon_cpu)
    try:
        wait_until(daemon.ready, "the daemon", deadline=120)
        wait_until(lambda: daemon.get("/v1/status")["instances"] == WORKLOADS, "the workloads",
                   deadline=120)
        one = monitor.Monitor(daemon)
        if not one.sum("aegress_connections_total"):
            node.use()
        one.wait_sum(WORKLOADS * ENDPOINTS, "aegress_connections_total")
        taken = [scrape(one) for _ in range(SCRAPES)]
        equal(monitor.parse_answer(taken[-1][1])[0], 200, "status")
        return {"ms": 1000 * statistics.median(seconds for seconds, _ in taken),
                "best_ms": 1000 * min(seconds for seconds, _ in taken),
                "made_ms": 1000 * one.sum("aegress_metrics_duration_seconds"),
                "bytes": len(taken[-1][1]),
                "samples": len(one.metrics())}
    finally:
        daemon.stop()
        os.sched_setaffinity(0, {DAEMON_CPU, LOAD_CPU})


def measure():
    """The pins, and so the counters, stay between the two daemons."""
    with ScrapeNode("bench-scrape") as node:
        return {"namespaces": scrapes(node),
                "workloads": scrapes(node, workloadLabel=True, seriesMax=100_000)}
