# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Runs aegress and says what was different from what was expected."""
import json
import os
import subprocess

AEGRESS = os.path.abspath(os.environ.get("AEGRESS", "build/aegress"))
SECONDS = 60


class Skip(Exception):
    """The case cannot run here, and why."""


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def equal(got, expected, what):
    check(got == expected, f"{what}: got {got!r}, expected {expected!r}")


def contains(text, part, what):
    check(part in text, f"{what}: no {part!r} in {text!r}")


def aegress(*args, stdin="", program=AEGRESS, prefix=(), **env):
    """The finished process; no socket of this machine is ever asked by accident."""
    environment = {"PATH": os.environ["PATH"], "AEGRESS_SOCKET": "/nonexistent/aegress.sock",
                   "LC_ALL": "C.UTF-8", **env}
    environment.update({key: value for key, value in os.environ.items() if "SAN_OPTIONS" in key})
    return subprocess.run([*prefix, program, *args], input=stdin, text=True, capture_output=True,
                          timeout=SECONDS, env=environment, check=False)


def expect(code, *args, stderr="", stdout="", **options):
    """Runs it; exit status and parts of its output must be these."""
    done = aegress(*args, **options)
    what = "aegress " + " ".join(args)
    equal(done.returncode, code, f"{what}: exit status (stderr {done.stderr[:400]!r})")
    contains(done.stderr, stderr, f"{what}: stderr")
    contains(done.stdout, stdout, f"{what}: stdout")
    return done


def parse(text, what):
    try:
        return json.loads(text)
    except ValueError as failure:
        raise AssertionError(f"{what}: not JSON: {failure}: {text[:200]!r}") from None


def functions(namespace):
    """The cases of a module: its functions test_*, in the order written."""
    for name, function in namespace.items():
        if name.startswith("test_"):
            yield name[len("test_"):], function
