# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""README.md, as a newcomer follows it: its policy, its commands, its targets, its links."""
import os
import re
import shlex
import subprocess
import tempfile

from harness import aegress, check, contains, equal, expect, functions

POLICY = "chat-api.yaml"  # as it says
NO_DAEMON = "cannot reach aegressd"


def text():
    with open("README.md", encoding="utf-8") as file:
        return file.read()


def blocks(*languages):
    return re.findall(rf"^```(?:{'|'.join(languages)})\n(.*?)^```", text(), re.MULTILINE | re.DOTALL)


def commands(program):
    """The arguments of every line that runs it; what a console printed is none."""
    lines = "".join(blocks("sh")) + "".join(re.findall(r"^\$ (.*\n)", "".join(blocks("console")), re.MULTILINE))
    lines = lines.replace("\\\n", " ").replace(" && ", "\n")
    words = (shlex.split(line, comments=True) for line in lines.splitlines())
    return [line[1:] for line in words if line and os.path.basename(line[0]) == program]


def test_policy():
    """What the two commands below it need is what it says, and the answer is the one that it promises."""
    (policy,) = blocks("yaml")
    mine = [one for one in commands("aegress") if POLICY in one]
    equal([one[0] for one in mine], ["check", "explain"], "commands")
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, POLICY)
        with open(path, "w", encoding="utf-8") as file:
            file.write(policy)
        checked, explained = ([path if word == POLICY else word for word in one] for one in mine)
        expect(0, *checked, stdout="1 policy, ")
        expect(0, *explained, stdout="allowed  rule")
        expect(1, *explained[:-1], "huggingface.co", stdout="denied  no-rule")


def test_commands_are_understood():
    """Without a daemon each of them says that, and none that it does not know a verb or an option."""
    asked = [one for one in commands("aegress") if POLICY not in one]
    check(len(asked) >= 6, f"only {len(asked)} commands: {asked}")
    for one in asked:
        done = aegress(*one)
        if one == ["doctor"]:
            check(done.returncode in (0, 1), f"doctor: {done.returncode}")
        else:
            equal(done.returncode, 3, f"{one}: {done.stderr[:200]}")
            contains(done.stderr, NO_DAEMON, str(one))


def test_targets():
    named = {word for line in commands("make") for word in line if re.fullmatch("[a-z-]+", word)}
    named |= set(re.findall(r"`make ([a-z-]+)`", text()))
    check(len(named) >= 6, f"only {named}")
    done = subprocess.run(["make", "-s", "help"], capture_output=True, text=True, check=True)
    equal(named - set(re.findall(r"^  (\S+)", done.stdout, re.MULTILINE)), set(), "targets that make help lacks")


def test_files():
    """Links, and files that commands take from here."""
    named = set(re.findall(r"\]\(([^):#]+)(?:#[^)]*)?\)", text()))
    named |= {word for block in blocks("sh", "console") for word in re.findall(r"(?:deploy|policies)/[\w./-]+", block)}
    named |= set(re.findall(r"-f (policies/[\w./-]+)`", text())) | {"LICENSE"}
    check(len(named) >= 20, f"only {named}")
    equal([name for name in sorted(named) if not os.path.exists(name)], [], "not there")


def cases():
    return functions(globals())
