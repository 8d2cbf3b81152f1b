# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""More events than sockets can make, by flood.bpf.c: what the daemon takes in a second of its CPU, that
a reader that stalls for a second loses nothing at 60,000 a second, and that beyond that every event is
read or counted as lost. All the way through the ring and the daemon into the audit log's file. And what
the daemon weighs while nothing happens, and after all that."""
import contextlib
import glob
import json
import os
import signal
import subprocess
import tempfile
import time

from stage import BUILD, cpu_ns, equal, on_load_cpu, wait_until

FLOOD = os.path.join(BUILD, "bench", "flood")
RATE, SECONDS = 1100000, 2  # a bit more than the goal, which the pace must not miss by itself
AUDIT_RATE, AUDIT_SECONDS = 220000, 2
STALL_RATE, STALL_SECONDS = 60000, 1
OVERLOAD = 1000000


def resident_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return None


def flows(daemon):
    status = daemon.get("/v1/status")["flows"]
    return {"read": status["events"], "lost": sum(status["lost"].values()), "next": status["next"]}


def flood(node, kind, count, rate):
    done = subprocess.run([FLOOD, node.pins, kind, str(count), str(rate)], capture_output=True, text=True,
                          check=True, preexec_fn=on_load_cpu(), timeout=120)
    made = json.loads(done.stdout)
    equal(made["produced"], count, "events made")
    return made


@contextlib.contextmanager
def stopped(process):
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


class Account:
    """What became of the events since it was opened."""

    def __init__(self, daemon):
        self.daemon, self.begin = daemon, flows(daemon)
        self.cpu = cpu_ns(daemon.process.pid)

    def lost_now(self):
        return flows(self.daemon)["lost"] - self.begin["lost"]

    def close(self, produced):
        """The daemon tells of losses once it has read what is behind them: it is waited for."""
        def all_known():
            now = flows(self.daemon)
            seen = {key: now[key] - self.begin[key] for key in now}
            return seen if seen["read"] + seen["lost"] >= produced else None

        seen = wait_until(all_known, f"{produced} events to be read or counted", deadline=60)
        cpu = cpu_ns(self.daemon.process.pid) - self.cpu
        return {"produced": produced, "lost": seen["lost"], "records": seen["next"],
                "unaccounted": produced - seen["read"] - seen["lost"],
                "per_second": seen["read"] / (cpu / 1e9), "ns_per_event": cpu / max(seen["read"], 1)}


def paced(node, daemon, kind):
    account = Account(daemon)
    made = flood(node, kind, RATE * SECONDS, RATE)
    return {**account.close(made["produced"]), "rate": made["produced"] / made["seconds"]}


def in_files(directory):
    """Denials that the audit log's files hold."""
    total = 0
    for path in glob.glob(os.path.join(directory, "audit*.jsonl")):
        with open(path, "rb") as file:
            total += sum(line.count(b'"event":"deny"') for line in file)
    return total


def audited(node):
    """Every denial is another one, so that each is a record of its own; gzip is somebody else's figure."""
    with tempfile.TemporaryDirectory(prefix="aegress-bench-flood-") as directory:
        audit = {"directory": directory, "compress": False, "maxSize": "4GiB", "maxTotal": "4GiB"}
        with node.running(audit=audit, flows={"foldSeconds": 0}) as daemon:
            before, account = daemon.get("/v1/audit"), Account(daemon)
            begin = time.monotonic()
            made = flood(node, "scan", AUDIT_RATE * AUDIT_SECONDS, AUDIT_RATE)["produced"]

            def written():
                now = daemon.get("/v1/audit")
                return now if now["records"] - before["records"] + now["lost"] >= made - account.lost_now() else None

            after = wait_until(written, f"{made} records to be written", deadline=60)
            seconds = time.monotonic() - begin
            result = account.close(made)
            return {**result, "rate": made / seconds, "lost": result["lost"] + after["lost"],
                    "missing": made - result["lost"] - in_files(directory),
                    "bytes": (after["bytes"] - before["bytes"]) / made}


def stalled(node, daemon):
    """Half of them opens and closes, half denials, as a busy node with a loop in it would."""
    account, made = Account(daemon), 0
    with stopped(daemon.process):
        for kind in ("close", "scan"):
            made += flood(node, kind, STALL_RATE * STALL_SECONDS, STALL_RATE)["produced"]
    return account.close(made)


def overloaded(node, daemon):
    account = Account(daemon)
    with stopped(daemon.process):
        made = flood(node, "close", OVERLOAD, 0)["produced"] + flood(node, "scan", OVERLOAD, 0)["produced"]
    return account.close(made)


def run(node):
    # What the audit log costs is measured apart.
    with node.running(audit={"enabled": False}, flows={"foldSeconds": 30}) as daemon:
        idle = resident_mib(daemon.process.pid)
        result = {"idle": {"rss_mib": idle}}
        for kind in ("close", "deny", "scan"):
            result[kind] = paced(node, daemon, kind)
            print(f"  {kind}: {result[kind]}", flush=True)
        result["stall"] = stalled(node, daemon)
        result["overload"] = overloaded(node, daemon)
        result["after"] = {"rss_mib": resident_mib(daemon.process.pid)}
    result["audit"] = audited(node)
    print(f"  audit: {result['audit']}", flush=True)
    return result
