# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Runs the cases of a directory: each module cases_*.py has functions test_*(); they run in file
order, side by side where a suite says so: most of a case is the verifier's work. Nothing is passed that
did not run: a case that cannot raises harness.Skip with the reason."""
import contextlib
import glob
import importlib
import io
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import time
import traceback

import harness

FORK = multiprocessing.get_context("fork")
JOBS = int(os.environ.get("AEGRESS_JOBS", min(4, len(os.sched_getaffinity(0)))))


def cases(directory, wanted):
    for path in sorted(glob.glob(os.path.join(directory, "cases_*.py"))):
        module = importlib.import_module(os.path.basename(path)[:-3])
        for name, function in list(vars(module).items()):
            if not name.startswith("test_"):
                continue
            full = f"{module.__name__[6:]}.{name[5:]}"
            if not wanted or any(part in full for part in wanted):
                yield full, function


def outcome_of(name, function):
    """("passed", "failed" or "skipped", the line that says so)."""
    start = time.monotonic()
    try:
        function()
    except harness.Skip as skip:
        return "skipped", f"skip {name}: {skip}"
    except Exception as error:  # a broken case is a failed case
        detail = "" if isinstance(error, harness.Failure) and "-v" not in sys.argv else "\n" + traceback.format_exc()
        return "failed", f"FAIL {name}: {error}{detail.rstrip()}"
    return "passed", f"ok   {name} ({time.monotonic() - start:.1f} s)"


def unwind(*_):
    """The first signal ends the case like Ctrl-C, so that nothing is left behind; more would disturb that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def work(chosen, turn, results):
    """A process that takes one case after the other."""
    signal.signal(signal.SIGINT, unwind)
    signal.signal(signal.SIGTERM, unwind)
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            with turn.get_lock():
                index, turn.value = turn.value, turn.value + 1
            if index >= len(chosen):
                return
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                word, line = outcome_of(*chosen[index])
            results.send((word, said.getvalue() + line))


def side_by_side(chosen, jobs):
    """Each case's outcome, as they come from so many processes."""
    turn, workers = FORK.Value("i", 0), {}
    try:
        for _ in range(min(jobs, len(chosen))):
            results, far_end = FORK.Pipe(duplex=False)
            workers[results] = FORK.Process(target=work, args=(chosen, turn, far_end))
            workers[results].start()
            far_end.close()  # else its end would go unseen
        open_ends = list(workers)
        while open_ends:
            for results in multiprocessing.connection.wait(open_ends):
                try:
                    yield results.recv()
                except EOFError:
                    open_ends.remove(results)
    finally:
        for worker in workers.values():
            worker.terminate()
            worker.join()


def main(directory, jobs=1):
    """The exit status: 0 if nothing failed and there was something to run or to skip. Where jobs is not
    one, no case may share anything with another."""
    if os.geteuid() != 0:
        print("FAIL: this suite makes cgroups and namespaces and must run as root")
        print("0 passed, 1 failed, 0 skipped")
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    tally = {"passed": 0, "failed": 0, "skipped": 0}
    chosen = list(cases(directory, [arg for arg in sys.argv[1:] if arg != "-v"]))
    for word, text in side_by_side(chosen, jobs) if jobs > 1 else (outcome_of(*case) for case in chosen):
        tally[word] += 1
        print(text, flush=True)
    if sum(tally.values()) < len(chosen):
        tally["failed"] += 1
        print(f"FAIL: of {len(chosen)} cases only {sum(tally.values()) - 1} came to an end")
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**tally))
    return 1 if tally["failed"] or not chosen else 0
