# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Each file of tests/bad-policies fails with exactly the errors that its first lines announce."""
import functools
import glob
import re

from harness import aegress, check, contains, equal, parse

EXPECT = re.compile(r"^# expect: (\d+):(\d+): (.*)$")


def announced(path):
    """[(line, column, text)], [texts of also:], whether more errors than these are welcome."""
    with open(path, "rb") as file:
        lines = file.read().decode("utf-8", "replace").split("\n")
    errors, also, more = [], [], False
    for line in lines:
        found = EXPECT.match(line.rstrip("\r"))
        if found:
            errors.append((int(found[1]), int(found[2]), found[3]))
        elif line.startswith("# also: "):
            also.append(line[len("# also: "):].rstrip("\r"))
        elif line.startswith("# expect-more"):
            more = True
        elif line.startswith("# expect"):
            raise AssertionError(f"{path}: cannot read {line!r}")
    return errors, also, more


def take(diagnostics, line, column, text):
    """Removes the diagnostic that is meant."""
    for diagnostic in diagnostics:
        place = diagnostic.get("line", 0), diagnostic.get("column", 0)
        if place == (line, column) and text in diagnostic["message"]:
            diagnostics.remove(diagnostic)
            return
    found = [f"{d.get('line', 0)}:{d.get('column', 0)}: {d['message']}" for d in diagnostics]
    raise AssertionError(f"no error at {line}:{column} with {text!r}; left: {found}")


def check_file(path):
    errors, also, more = announced(path)
    check(errors, "announces no error")
    text, as_json = aegress("check", path), aegress("check", "-o", "json", path)
    equal((text.returncode, as_json.returncode, text.stdout), (1, 1, ""), "exit codes and stdout")
    answer = parse(as_json.stdout, path)
    equal(answer["ok"], False, "ok")
    left = [d for d in answer["diagnostics"] if d["severity"] == "error"]
    for line, column, part in errors:
        take(left, line, column, part)
        contains(text.stderr, f"{path}:{line}:{column}: error: ", "stderr")
    check(more or not left, f"errors that were not announced: {left}")
    for part in also:
        contains(text.stderr, part, "stderr")


def cases():
    paths = sorted(glob.glob("tests/bad-policies/*.yaml"))
    check(len(paths) >= 100, f"only {len(paths)} bad policies")
    for path in paths:
        yield path, functools.partial(check_file, path)
