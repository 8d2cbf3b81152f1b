# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The audit log: how many denials a second get into its file, sealed, and whether all are there. The
rate is that of a machine that has a CPU for it: the time spent waiting for one is taken off."""
import glob
import gzip
import json
import os
import statistics
import tempfile

from stage import BUILD, equal, run

RECORDS = 300000
ROUNDS = 3


def denials(directory):
    total = 0
    for path in glob.glob(os.path.join(directory, "audit*.jsonl*")):
        with gzip.open(path) if path.endswith(".gz") else open(path, "rb") as file:
            total += file.read().count(b'"event":"deny"')
    return total


def measure(directory):
    done = run(os.path.join(BUILD, "bench", "audit"), directory, str(RECORDS))
    head = os.path.join(directory, "audit.head")
    verified = run(os.path.join(BUILD, "aegress"), "audit", "verify", "-o", "json", "--head-file", head,
                   directory, ok=False)
    figures, found = json.loads(done.stdout), json.loads(verified.stdout)
    equal(found["first"], 1, "first record")
    return {**figures, "broken": found["problemCount"],
            "missing": RECORDS - denials(directory)}


def run_all():
    rounds = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory(prefix="aegress-bench-audit-") as directory:
            rounds.append(measure(directory))
    return {"rounds": rounds, "records": RECORDS,
            "rate": statistics.median(item["rate"] for item in rounds),
            "cpu_us": statistics.median(item["cpuUs"] for item in rounds),
            "bytes": rounds[0]["bytes"] / RECORDS,
            **{key: sum(item[key] for item in rounds) for key in ("lost", "missing", "broken")}}
