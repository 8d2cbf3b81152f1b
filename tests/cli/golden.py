# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Output that people read, kept word for word in golden/*.txt: a command, what it prints, its exit
status. And the answers that the comments of policies/examples promise ("Try:")."""
import functools
import glob
import os
import re
import shlex

from harness import aegress, check, contains, equal, parse

HERE = os.path.dirname(os.path.abspath(__file__))
TRY = re.compile(r"(aegress explain|…) ((?:(?!aegress |…).)*?) *→ *(allowed|audited|denied)"
                 r"(?:, (rule )?([\w-]+))?")
SHIPPED = "policies/examples/*.yaml"


def output(command):
    done = aegress(*shlex.split(command)[1:])
    return f"$ {command}\n{done.stdout}{done.stderr}[exit status {done.returncode}]\n"


def commands(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    return [line[2:] for line in text.splitlines() if line.startswith("$ ")], text


def render(path):
    return "\n".join(output(command) for command in commands(path)[0])


def check_golden(path):
    got, expected = render(path), commands(path)[1]
    for number, (mine, theirs) in enumerate(zip(got.splitlines(), expected.splitlines()), 1):
        equal(mine, theirs, f"{os.path.relpath(path)}:{number}")
    equal(got, expected, path)


def golden_files():
    return sorted(glob.glob(os.path.join(HERE, "golden", "*.txt")))


def update():
    for path in golden_files():
        text = render(path)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def promises(path):
    """(args, verdict, rule or None, reason or None) of each line of the comments under "Try:"."""
    with open(path, encoding="utf-8") as file:
        comments = [line[1:].rstrip("\n\\").strip() for line in file if line.startswith("#")]
    args = []
    for found in TRY.finditer(" ".join(comments)):
        words = shlex.split(found[2])
        args = words if found[1] != "…" else args[:args.index("--to")] + words
        rule, reason = (found[5], None) if found[4] else (None, found[5])
        yield args, found[3], rule, reason


def check_promise(args, verdict, rule, reason):
    done = aegress("explain", *args, "-o", "json")
    answer = parse(done.stdout, f"explain: {done.stderr}")
    equal((answer["verdict"], done.returncode), (verdict, 1 if verdict == "denied" else 0),
          f"verdict and exit status ({answer['reason']})")
    equal(reason or answer["reason"], answer["reason"], "reason")
    equal(rule or answer.get("rule"), answer.get("rule"), "rule")
    check(answer["chain"], "chain")
    text = aegress("explain", *args)
    contains(text.stdout, verdict, "text")
    equal(text.returncode, done.returncode, "exit status of the text")


def cases():
    for path in golden_files():
        yield os.path.basename(path), functools.partial(check_golden, path)
    number = 0
    for path in sorted(glob.glob(SHIPPED)):
        for promise in promises(path):
            number += 1
            yield (f"{os.path.basename(path)}: {shlex.join(promise[0])}",
                   functools.partial(check_promise, *promise))
    yield "promises were found", lambda: check(number >= 25, f"only {number}")
