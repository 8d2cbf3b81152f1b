# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""What a figure is worth depends on where it was taken: machine, kernel, neighbours, revision."""
import os
import platform
import subprocess
import time

from stage import CPUS, DAEMON_CPU, LOAD_CPU


def cpu_model():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as cpuinfo:
        for line in cpuinfo:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def ticks():
    """Of the load's CPU, in jiffies: (all, idle, steal)."""
    with open("/proc/stat", encoding="ascii") as stat:
        for line in stat:
            if line.startswith(f"cpu{LOAD_CPU} "):
                fields = [int(field) for field in line.split()[1:9]]
                return sum(fields), fields[3] + fields[4], fields[7]
    return 1, 0, 0


def spin_ns():
    """Nanoseconds of a fixed piece of work, at best: machines and their days can be compared."""
    def once():
        begin = time.perf_counter_ns()
        sum(range(100000))
        return time.perf_counter_ns() - begin

    return min(once() for _ in range(50)) // 100


def revision():
    here = os.path.dirname(os.path.abspath(__file__))
    done = subprocess.run(["git", "-C", here, "describe", "--always", "--dirty"],
                          capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def describe():
    return {"kernel": platform.release(), "arch": platform.machine(), "cpu": cpu_model(),
            "cpus": len(CPUS), "load_cpu": LOAD_CPU, "daemon_cpu": DAEMON_CPU,
            "spin_ns": spin_ns(), "revision": revision(),
            "date": time.strftime("%Y-%m-%d", time.gmtime())}


def share_of_steal(before, after):
    return (after[2] - before[2]) / max(1, after[0] - before[0])
