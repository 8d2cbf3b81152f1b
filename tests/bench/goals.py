# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The goals as data, and how a run's figures are held against them. A figure that the run could not
resolve is skipped with the reason, never passed."""
import operator
from dataclasses import dataclass

NOISE_MAX = 0.02  # of a rate: the distance of two runs of nothing
ERROR_MAX = 0.05  # of a hook's cost: standard error of the batches' median

COMPARE = {"<": operator.lt, "<=": operator.le, ">=": operator.ge, "==": operator.eq}


@dataclass(frozen=True)
class Goal:
    title: str
    path: str  # in the figures of the run
    compare: str
    limit: float
    unit: str = ""
    guard: str = ""  # figure that says whether the run can tell; see unresolved()
    # Of a goal that is known to be missed: a bound that holds meanwhile, so that it gets no worse.
    # Between the two the gate skips and says so; it never passes.
    bound: float | None = None


GOALS = [
    Goal("aegress check, 1,000 policies", "scale.check.seconds", "<", 1.0, "s"),
    # On the machine on which the goal was set, as below: nearly all of it is the kernel's, verifying.
    Goal("aegressd, exec to active, scaled", "scale.load.scaled", "<", 2.0, "s", bound=3.5),
    Goal("aegressd, resident after the load", "scale.load.rss_mib", "<", 64, "MiB"),
    Goal("aegressd, resident after 3 reloads", "scale.reload.rss_mib", "<", 64, "MiB"),
    Goal("aegressd, growth from reload 1 to 3", "scale.reload.growth", "<=", 0.05, "of it", bound=0.1),
    Goal("a scrape, 1,000 workloads × 20 endpoints, median", "scrape.namespaces.ms", "<", 50, "ms"),
    # 100,000 samples, which nobody gets who did not ask for them: metrics.workloadLabel.
    Goal("the same with a label for each workload, median", "scrape.workloads.ms", "<", 50, "ms",
         bound=400),
    # In nanoseconds of the machine on which the goal was set; see hook.BARE_NS.
    Goal("socket() + connect() hooks, IPv4, scaled", "hook.scaled4", "<=", 800, "ns",
         "hook.few.create_and_connect4", bound=1200),
    Goal("socket() + connect() hooks, IPv6, scaled", "hook.scaled6", "<=", 800, "ns",
         "hook.few.create_and_connect6", bound=1200),
    Goal("the same, 10,000 CIDRs over 10, IPv4", "hook.many_over_few4", "<=", 1.2, "×",
         "hook.many.create_and_connect4"),
    Goal("the same, 10,000 CIDRs over 10, IPv6", "hook.many_over_few6", "<=", 1.2, "×",
         "hook.many.create_and_connect6"),
    Goal("connections, ours over none", "rate.variants.ours.ratio.median", ">=", 0.94, "×",
         "rate.noise", bound=0.88),
    Goal("connections, bystander over none", "rate.variants.bystander.ratio.median", ">=", 0.985,
         "×", "rate.noise", bound=0.96),
    # The same of the programs that decide by addresses alone: whether it is packets that cost the rest.
    Goal("connections, socket programs over none", "rate.variants.core.ratio.median", ">=", 0.94, "×",
         "rate.noise", bound=0.92),
    Goal("connections, socket programs, bystander over none",
         "rate.variants.bystander+core.ratio.median", ">=", 0.985, "×", "rate.noise", bound=0.97),
    Goal("connections, ours and TC over none", "rate.variants.ours+tc.ratio.median", ">=", 0.91, "×",
         "rate.noise", bound=0.86),
    Goal("getaddrinfo() and connect(), addresses not known", "race.misses", "==", 0),
    Goal("addresses of the race that were not learned", "race.unlearned", "==", 0),
    # In nanoseconds of the machine on which the goals were set; see parsers.EMPTY_NS.
    Goal("ClientHello of 1.8 KB in one piece, scaled", "parsers.hello_whole.scaled", "<=", 500,
         "ns"),
    Goal("ClientHello of 1.8 KB in two pieces, scaled", "parsers.hello_split.scaled", "<=", 2500,
         "ns"),
    # Where every return is made safe from speculation (Zen 3), a call costs more than an empty program says.
    Goal("look-up of a name, 100,000 patterns, scaled", "parsers.name.scaled", "<=", 150, "ns",
         bound=180),
    Goal("table of 100,000 patterns", "parsers.names_mib", "<=", 32, "MiB"),
    Goal("packet of a verified connection, above empty, scaled", "parsers.verified.scaled", "<=", 10,
         "ns", bound=15),
    Goal("connections by name, 1.8 KB ClientHello, ours over none",
         "hello.variants.ours.ratio.median", ">=", 0.93, "×", "hello.noise", bound=0.85),
    Goal("the same, ours over nginx ssl_preread", "hello.ours_over_nginx.median", ">=", 1.9, "×",
         "hello.noise"),
    Goal("DNS round trips, ours over none", "dns.variants.ours.ratio.median", ">=", 0.93, "×",
         "dns.noise", bound=0.88),
    # In microseconds of the machine on which the goal was set; see dns.BARE_P50_US.
    Goal("DNS round trip, added to the median, scaled", "dns.scaled_p50_us", "<=", 1, "µs",
         "dns.noise", bound=1.2),
    Goal("requests on one connection, ours over none", "rr.variants.ours.ratio.median", ">=", 0.97,
         "×", "rr.noise"),
    Goal("bulk, ours over none", "bulk.variants.ours.ratio.median", ">=", 0.99, "×", "bulk.noise"),
    Goal("denials not counted", "events.denied.uncounted", "==", 0),
    Goal("denial events neither delivered nor counted lost", "events.denied.unaccounted", "==", 0),
    Goal("connections not counted", "events.allowed.uncounted", "==", 0),
    Goal("events neither delivered nor counted lost", "events.allowed.unaccounted", "==", 0),
    Goal("audit records written, sealed", "audit.rate", ">=", 200000, "/s"),
    Goal("audit records lost while writing", "audit.lost", "==", 0),
    Goal("audit records that are not in the files", "audit.missing", "==", 0),
    Goal("breaks in the chain of the audit log", "audit.broken", "==", 0),
    # Of the daemon's CPU time, so that a neighbour's share of the CPU does not count.
    Goal("closed connections that the daemon takes", "flood.close.per_second", ">=", 1e6, "/s"),
    Goal("denials of a loop that the daemon takes", "flood.deny.per_second", ">=", 1e6, "/s"),
    Goal("different denials that the daemon takes", "flood.scan.per_second", ">=", 1e6, "/s"),
    *(goal for kind, what in (("close", "closed connections"), ("deny", "denials of a loop"),
                              ("scan", "different denials"))
      for goal in (Goal(f"{what}, made", f"flood.{kind}.rate", ">=", 1e6, "/s"),
                   Goal(f"{what} at that pace, lost", f"flood.{kind}.lost", "==", 0),
                   Goal(f"{what} neither read nor counted lost", f"flood.{kind}.unaccounted", "==", 0))),
    Goal("denials, ring to audit file", "flood.audit.rate", ">=", 200000, "/s"),
    Goal("the same in a second of the daemon's CPU", "flood.audit.per_second", ">=", 200000, "/s"),
    Goal("denials lost on that way", "flood.audit.lost", "==", 0),
    Goal("denials that are not in the audit file", "flood.audit.missing", "==", 0),
    Goal("reader stalled 1 s at 60k/s in each ring, events lost", "flood.stall.lost", "==", 0),
    Goal("events neither read nor counted lost, of a stall", "flood.stall.unaccounted", "==", 0),
    Goal("events neither read nor counted lost, of an overload", "flood.overload.unaccounted", "==",
         0),
    Goal("events lost in an overload, so that it was one", "flood.overload.lost", ">=", 1),
    Goal("idle daemon, resident", "flood.idle.rss_mib", "<", 24, "MiB"),
    Goal("the same after the floods", "flood.after.rss_mib", "<", 24, "MiB"),
    Goal("wake-ups of the idle daemon", "events.idle.wakeups", "==", 0),
]


def dig(figures, path):
    for key in path.split("."):
        if not isinstance(figures, dict) or key not in figures:
            return None
        figures = figures[key]
    return figures


def unresolved(goal, figures):
    """Why this run cannot tell whether the goal is met; None when it can."""
    guard = dig(figures, goal.guard) if goal.guard else None
    if isinstance(guard, dict):
        error = guard["error"] / guard["median"]
        if error > ERROR_MAX:
            return f"uncertain by {100 * error:.0f} %, more than {100 * ERROR_MAX:.0f} %"
    elif guard is not None and guard > NOISE_MAX:
        return f"noise floor {100 * guard:.1f} %, more than {100 * NOISE_MAX:.0f} %"
    return None


def too_close(goal, value, figures):
    """Why a miss may be noise; None when it is a miss."""
    guard = dig(figures, goal.guard) if goal.guard else None
    short = abs(goal.limit - value) / goal.limit if goal.limit else 1
    if isinstance(guard, float) and short <= guard:
        return f"short by {100 * short:.1f} %, the noise floor is {100 * guard:.1f} %"
    return None


def held(goal, value):
    """What to say of a miss that is known and stays within its bound; None when it is a failure."""
    if goal.bound is None or not COMPARE[goal.compare](value, goal.bound):
        return None
    return f"MISSED, as known; {goal.compare} {goal.bound:g} holds meanwhile"


def judge(goal, figures):
    value = dig(figures, goal.path)
    if value is None:
        return "skip", "not measured in this run"
    text = f"{value:.4g} {goal.unit}".rstrip() + f", goal {goal.compare} {goal.limit:g}"
    met = COMPARE[goal.compare](value, goal.limit)
    reason = unresolved(goal, figures) or (None if met else too_close(goal, value, figures))
    if reason:
        return "skip", f"{reason} ({text})"
    if met:
        return "ok", text
    known = held(goal, value)
    return ("known", f"{known} ({text})") if known else ("FAIL", text)


def judgements(figures):
    """Of what was asked for: suites that were left out on purpose have no line."""
    for suite, result in figures.items():
        if "failure" in result:
            yield f"suite {suite}", ("FAIL", result["failure"])
            continue
        for goal in GOALS:
            if goal.path.split(".")[0] == suite:
                yield goal.title, judge(goal, figures)


def gate(figures):
    """Prints every judgement and the sum; the exit status."""
    tally = {"ok": 0, "FAIL": 0, "skip": 0}
    for title, (word, text) in judgements(figures):
        word = "skip" if word == "known" else word
        tally[word] += 1
        print(f"{word:4} {title}: {text}")
    print(f"{tally['ok']} passed, {tally['FAIL']} failed, {tally['skip']} skipped")
    return 1 if tally["FAIL"] or not sum(tally.values()) else 0
