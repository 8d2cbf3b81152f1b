# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""A cluster's worth of policy: how long `aegress check` takes, how long the daemon takes from exec
to an enforcing READY=1, how much memory it keeps, and that reloading does not make it keep more."""
import json
import os
import signal
import subprocess
import time

import policies
from hook import bare_ns, slowness
from stage import BUILD, equal, on_load_cpu, wait_until

REPEATS = 3
RELOADS = 3
CONNECTIONS = 2000  # of a batch that measures the machine
LIVE = 110  # workloads with a cgroup: the kubelet's default limit of pods on a node


def check_once(node):
    argv = [os.path.join(BUILD, "aegress"), "check", "-o", "json", node.policies, node.workloads]
    begin = time.monotonic()
    process = subprocess.Popen(argv, stdout=subprocess.PIPE,
                               preexec_fn=on_load_cpu())
    told = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - begin
    process.stdout.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    equal(process.returncode, 0, f"exit code of aegress check: {told[:2000]}")
    counts = json.loads(told)["counts"]
    equal((counts["policies"], counts["workloads"]), (node.size.policies, node.size.workloads),
          "policies and workloads that were checked")
    return {"seconds": seconds, "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "max_rss_mib": usage.ru_maxrss / 1024}


def memory(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        fields = dict(line.split(":", 1) for line in status)
    return {key: int(fields[name].split()[0]) / 1024
            for key, name in (("rss_mib", "VmRSS"), ("peak_mib", "VmHWM"))}


def reload(daemon):
    """SIGHUP until the next generation is in force."""
    before = daemon.generation()
    begin = time.monotonic()
    daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: daemon.generation() > before, "the reload", deadline=30)
    return {"seconds": time.monotonic() - begin, **memory(daemon.process.pid)}


def check_loaded(network, node, daemon):
    network.probe_both(node)
    equal(daemon.get("/v1/status")["instances"], LIVE + 1, "workloads that live here")


def load_once(network, node):
    """A start with nothing pinned."""
    with node.running() as daemon:
        check_loaded(network, node, daemon)
        return daemon.active_after


def load_and_reload(network, node):
    with node.running() as daemon:
        check_loaded(network, node, daemon)
        loaded = memory(daemon.process.pid)
        reloads = [reload(daemon) for _ in range(RELOADS)]
        network.probe_both(node)
        return daemon.active_after, loaded, reloads


def run(network, node):
    for number in range(LIVE):
        node.pod_cgroup(policies.workload_uid(number))
    factor = slowness(bare_ns(network, node, CONNECTIONS))
    checks = [check_once(node) for _ in range(REPEATS)]
    seconds = [load_once(network, node) for _ in range(REPEATS - 1)]
    last, loaded, reloads = load_and_reload(network, node)
    seconds.append(last)
    return {
        "policies": node.size.policies, "hosts": node.size.hosts, "cidrs": node.size.cidrs,
        "workloads": node.size.workloads, "live": LIVE + 1,
        # The fastest run: whatever else this machine does can only make one slower.
        "check": {key: min(one[key] for one in checks) for key in checks[0]},
        "load": {"seconds": min(seconds), "scaled": min(seconds) / factor, "machine_factor": factor,
                 "all_seconds": seconds, **loaded},
        "reload": {"seconds": min(one["seconds"] for one in reloads),
                   "rss_mib": reloads[-1]["rss_mib"], "peak_mib": reloads[-1]["peak_mib"],
                   "rss_of_each_mib": [one["rss_mib"] for one in reloads],
                   # The first reload holds two generations for the first time; a leak goes on.
                   "growth": reloads[-1]["rss_mib"] / reloads[0]["rss_mib"] - 1},
    }
