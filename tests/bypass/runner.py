# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Tries the attacks of the corpus on one stage: those that are nothing but something sent first without
a daemon, where they must arrive, then all of them with it. Prints the table and the sum."""
import contextlib
import dataclasses
import importlib
import os
import sys
import time
import traceback

import pages
from corpus import ATTACKS

MODULES = ("sockets", "frames", "names", "identity", "state", "open")


@dataclasses.dataclass
class Result:
    attack: object
    word: str            # passed, failed, skipped; open: nothing to try, or it got through as was known
    layer: str = "-"
    reason: str = "-"
    seen: str = "-"
    text: str = ""


def load():
    for name in MODULES:
        importlib.import_module("attacks_" + name)
    return ATTACKS


def chosen(wanted):
    return [one for one in ATTACKS if not wanted or any(part in one.name for part in wanted)]


def guarded(attack, act):
    """None, or the Result of what kept it from being one."""
    from harness import Skip

    try:
        act()
    except Skip as skip:
        return Result(attack, "skipped", text=str(skip))
    except Exception as error:  # a broken case is a failed case
        detail = traceback.format_exc() if "-v" in sys.argv else ""
        return Result(attack, "failed", text=f"{error}\n{detail}".rstrip())
    return None


def control(stage, attack):
    """Without a daemon it arrives: the attack is one, and the count counts."""
    from harness import check
    from stage import Try

    one = Try(stage, attack)

    def act():
        with one.counted():
            attack.run(one)
        check(one.arrived + one.leaked > 0, "without a daemon nothing arrived either: it proves nothing")
    return guarded(attack, act)


def attempt(stage, attack):
    from harness import equal
    from stage import Try

    one = Try(stage, attack)

    def act():
        with one.counted():
            attack.run(one)
        one.verdict()
        if not attack.remains:
            equal(one.arrived + one.leaked, 0, "what arrived on the other side")
    start = time.monotonic()
    return guarded(attack, act) or found(one, time.monotonic() - start)


def found(one, seconds):
    through = one.arrived + one.leaked
    if through:
        return Result(one.attack, "open", seen=f"{through} {one.unit}", text=one.attack.remains)
    return Result(one.attack, "passed", one.layer, one.reason, f"0 {one.unit}", f"{seconds:.1f} s")


def try_all(attacks):
    """Yields a Result for each that can be tried."""
    from stage import stage

    attacks = sorted(attacks, key=lambda one: one.order)
    if not attacks:
        return
    with stage() as scene:
        spoiled = {}
        for one in attacks:
            result = control(scene, one) if one.control else None
            if result:
                spoiled[one.name] = result
        scene.enforce()
        for one in attacks:
            yield spoiled.get(one.name) or attempt(scene, one)


def line(result):
    return (f"{result.attack.name:<28} {result.layer:<10} {result.reason:<34} {result.seen:<10} "
            f"{result.word:<8} {result.text}")


def run(wanted):
    results = [Result(one, "open", text=one.remains) for one in chosen(wanted) if not one.run]
    attacks = [one for one in chosen(wanted) if one.run]
    print(f"{'ATTACK':<28} {'CAUGHT BY':<10} {'REASON':<34} {'ARRIVED':<10} RESULT", flush=True)
    with contextlib.ExitStack() as stack:
        found = try_all(attacks)
        stack.callback(found.close)
        for result in found:
            results.append(result)
            print(line(result), flush=True)
    for result in results:
        if not result.attack.run:
            print(line(result))
        if result.word == "skipped":
            print(f"skip {result.attack.name}: {result.text}")
    return results


def main(argv, usage):
    load()
    if "--list" in argv:
        print("\n".join(one.name for one in ATTACKS))
        return 0
    if "--check-docs" in argv:
        return pages.check()
    if set(argv) & {"-h", "--help"}:
        print(usage)
        return 0
    if os.geteuid() != 0:
        print("FAIL: this suite makes cgroups and namespaces and must run as root")
        print("0 passed, 1 failed, 0 skipped")
        return 1
    wanted = [arg for arg in argv if not arg.startswith("-")]
    results = run(wanted)
    tally = {word: sum(one.word == word for one in results) for word in ("passed", "failed", "skipped", "open")}
    if "--write-docs" in argv and not wanted:
        pages.write(results)
    elif not wanted:
        tally["failed"] += pages.differs(results)
    print("{open} stay open\n{passed} passed, {failed} failed, {skipped} skipped".format(**tally))
    return 1 if tally["failed"] or not results else 0
