# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Runs the cases of a directory: each module cases_*.py has functions test_*(); they run in file
order. Nothing is passed that did not run: a case that cannot raises harness.Skip with the reason."""
import glob
import importlib
import os
import signal
import sys
import time
import traceback

import harness


def cases(directory, wanted):
    for path in sorted(glob.glob(os.path.join(directory, "cases_*.py"))):
        module = importlib.import_module(os.path.basename(path)[:-3])
        for name, function in list(vars(module).items()):
            if not name.startswith("test_"):
                continue
            full = f"{module.__name__[6:]}.{name[5:]}"
            if not wanted or any(part in full for part in wanted):
                yield full, function


def run_one(name, function, tally):
    start = time.monotonic()
    try:
        function()
    except harness.Skip as skip:
        tally["skipped"] += 1
        print(f"skip {name}: {skip}", flush=True)
    except Exception as error:  # a broken case is a failed case
        tally["failed"] += 1
        print(f"FAIL {name}: {error}", flush=True)
        if not isinstance(error, harness.Failure) or "-v" in sys.argv:
            traceback.print_exc()
    else:
        tally["passed"] += 1
        print(f"ok   {name} ({time.monotonic() - start:.1f} s)", flush=True)


def main(directory):
    """The exit status: 0 if nothing failed and there was something to run or to skip."""
    if os.geteuid() != 0:
        print("FAIL: this suite makes cgroups and namespaces and must run as root")
        print("0 passed, 1 failed, 0 skipped")
        return 1
    # SIGTERM unwinds like Ctrl-C, so that a stopped run leaves nothing behind either
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    tally = {"passed": 0, "failed": 0, "skipped": 0}
    for name, function in cases(directory, [arg for arg in sys.argv[1:] if arg != "-v"]):
        run_one(name, function, tally)
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**tally))
    return 1 if tally["failed"] or not sum(tally.values()) else 0
