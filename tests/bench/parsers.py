# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""What parsing costs by itself, in the kernel, with warm caches: the test runs of tests/parsers. Of
all runs the fastest counts: whatever else has the CPU, or its other half, only makes them slower."""
import json
import os
import subprocess

from figures import spread
from stage import BUILD, TOP, Failure, on_load_cpu

PARSERS = os.path.join(BUILD, "obj", "tests", "parsers", "parsers")
PROGRAMS = os.path.join(BUILD, "tests", "parsers", "parsers.bpf.o")
FIXTURES = os.path.join(TOP, "tests", "fixtures")
# An empty program's test run on the machine on which the goals in nanoseconds were set.
EMPTY_NS = 19
PATTERNS = 100000
REPEATS = 3  # seconds apart: a neighbour's burst hits all runs of one input


def costs():
    """Every figure, with the runs of all repeats."""
    first, *others = [costs_once() for _ in range(REPEATS)]
    for lines in others:
        for line, more in zip(first, lines, strict=True):
            line["runs"] = line.get("runs", []) + more.get("runs", [])
    return first


def costs_once():
    path = os.path.join(BUILD, "bench", "parsers.json")
    if not os.access(PARSERS, os.X_OK):
        raise Failure(f"{PARSERS} is missing: run make test-programs")
    subprocess.run([PARSERS, PROGRAMS, FIXTURES, "0"], check=True, stdout=subprocess.DEVNULL,
                   preexec_fn=on_load_cpu(), env={**os.environ, "AEG_COST": path})
    with open(path, encoding="ascii") as lines:
        return [json.loads(line) for line in lines]


class Costs:
    def __init__(self, lines):
        self.lines = [{**line, "ns": spread(line.pop("runs"))} if line["runs"] else line
                      for line in lines]
        self.empty = self.of("bench_empty")[0]["ns"]
        self.factor = self.empty["min"] / EMPTY_NS

    def of(self, program, **want):
        found = [line for line in self.lines if line["program"] == program and
                 all(line[key] == value for key, value in want.items())]
        if not found:
            raise Failure(f"no figure of {program} {want}")
        return found

    def above(self, one, floor):
        """What one test run costs more than another."""
        ns = one["ns"]["min"] - floor["min"]
        return {"ns": ns, "scaled": ns / self.factor, "what": one["what"]}

    def name(self):
        """Of the dearest name: canonical form, hashes of its suffixes, look-ups, comparison."""
        return max((self.above(find, load["ns"]) for find, load in
                    zip(self.of("bench_find", patterns=PATTERNS),
                        self.of("bench_load", patterns=PATTERNS))),
                   key=lambda one: one["ns"])


def run():
    measured = Costs(costs())
    largest = max(line["bytes"] for line in measured.of("bench_hello"))
    whole = measured.of("bench_hello", bytes=largest)[-1]
    split = measured.of("bench_split", bytes=largest)[0]
    return {"empty": measured.empty, "machine_factor": measured.factor, "hello_bytes": largest,
            "hello_whole": measured.above(whole, measured.empty),
            "hello_split": measured.above(split, measured.empty),
            "verified": measured.above(measured.of("bench_verified")[0], measured.empty),
            "name": measured.name(), "patterns": PATTERNS,
            "names_mib": measured.of("names", patterns=PATTERNS)[0]["kib"] / 1024,
            "costs": measured.lines}
