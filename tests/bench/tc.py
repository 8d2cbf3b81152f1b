# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The same pod, host and remote end once more, with a daemon that lives in the host's namespace, as it
does on a node: so that TC sees the pod's veth, and nobody else's rates pay for it."""
import contextlib
import subprocess

from stage import BenchNode, Network, on_load_cpu, wait_until
from variants import Cast

import policies


@contextlib.contextmanager
def resident(node, network):
    """A process that keeps the pod's namespace known."""
    process = subprocess.Popen(["ip", "netns", "exec", network.pod, "sleep", "infinity"],
                               preexec_fn=on_load_cpu(node.client))
    try:
        yield
    finally:
        process.kill()
        process.wait()


def open_network(stack, scene):
    """Adds the kind `tc` to the scene; returns the network that it is measured on."""
    node = stack.enter_context(BenchNode("bench-tc", policies.SMALL))
    network = stack.enter_context(Network(node, "tc"))
    network.serve()
    node.host = network.host
    stack.enter_context(resident(node, network))
    daemon = stack.enter_context(node.running())
    wait_until(lambda: any(item["layers"] == "cgroup, tc"
                           for item in daemon.get("/v1/workloads")["items"]),
               "TC to see the pod", 30)
    scene.nodes["tc"] = Cast([node])
    return network
