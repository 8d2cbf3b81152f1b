# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Variants against each other. Every round runs every variant once, in shuffled order; `none` runs
twice: how far the two come apart is the noise floor. Rounds are short and many, so that a neighbour's
burst hits few of them or all variants of one."""
import random

from figures import noise, ratios, spread
from goals import NOISE_MAX
from stage import equal

KEEP = ("rate", "cpu_ns", "p50_us", "p99_us")


class Contest:
    """names: of the variants, none and none2 among them. pairs: {key: (over, under)}, ratios that are
    wanted beside those over none, where both are there."""

    names, pairs = (), {"ours_over_empty": ("ours", "empty")}

    def probe(self, name):
        """Raises Failure unless the variant allows and denies what it should."""
        raise NotImplementedError

    def load(self, name):
        """Runs it once; what the client counted."""
        raise NotImplementedError

    def measure(self, name):
        load = self.load(name)
        equal(list(load["outcomes"]), ["OK"], f"outcomes of {name}")
        load["cpu_ns"] /= load["total"]
        return {key: load[key] for key in KEEP}

    def one_round(self):
        order = random.sample(list(self.names), len(self.names))
        return {name: self.measure(name) for name in order}


def summary(contest, rounds):
    result = {"rounds": len(rounds), "noise": noise(rounds, "none2", "none"),
              "noise_cpu": noise(rounds, "none2", "none", "cpu_ns"), "variants": {}}
    for name in contest.names:
        result["variants"][name] = {
            **{key: spread([one[name][key] for one in rounds]) for key in KEEP},
            "ratio": ratios(rounds, name, "none"),
            "added_ns": spread([one[name]["cpu_ns"] - one["none"]["cpu_ns"] for one in rounds]),
            "added_p50_us": spread([one[name]["p50_us"] - one["none"]["p50_us"]
                                    for one in rounds])}
    for key, (over, under) in contest.pairs.items():
        if over in contest.names and under in contest.names:
            result[key] = ratios(rounds, over, under)
    return result


def attempt(contest, options):
    """Probed before and after: in between nothing is attached or detached."""
    for name in contest.names:
        contest.probe(name)
    contest.one_round()  # warms caches and neighbour tables; not counted
    rounds = [contest.one_round() for _ in range(options.rounds)]
    for name in contest.names:
        contest.probe(name)
    return summary(contest, rounds)


def quietest(contest, options):
    """Again, a bounded number of times, until the noise floor is low enough; all are shown."""
    floors, best = [], None
    while len(floors) < options.attempts and (best is None or best["noise"] > NOISE_MAX):
        result = attempt(contest, options)
        floors.append(result["noise"])
        print(f"  noise floor {100 * result['noise']:.2f} %", flush=True)
        if best is None or result["noise"] < best["noise"]:
            best = result
    best["noise_of_attempts"] = floors
    return best
