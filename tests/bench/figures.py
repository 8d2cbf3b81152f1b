# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The arithmetic of the benchmarks: medians with their spread, ratios within a round, noise."""
import statistics


def median_error(values):
    """Standard error of a median, from the median absolute deviation: outliers are usual."""
    middle = statistics.median(values)
    deviation = statistics.median(abs(value - middle) for value in values)
    return 1.4826 * deviation * 1.2533 / len(values) ** 0.5


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values),
            "n": len(values), "error": median_error(values)}


def ratios(rounds, over, under, key="rate"):
    """Of two variants of the same round: what the neighbours do to one they mostly do to both."""
    return spread([one[over][key] / one[under][key] for one in rounds])


def noise(rounds, again, first, key="rate"):
    """How far two runs of the same thing come apart: the distance of their median ratio from 1, or
    that median's own uncertainty, whichever is larger."""
    values = [one[again][key] / one[first][key] for one in rounds]
    return max(abs(statistics.median(values) - 1), median_error(values))
