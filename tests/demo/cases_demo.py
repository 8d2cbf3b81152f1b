# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The demo, from outside."""
import contextlib
import os
import re
import signal
import subprocess
import tempfile
import uuid

import leftovers  # tests/lib, which harness puts on the path
from harness import PATIENCE, TOP, check, equal, wait_until

# What must be there, in this order: an attempt's outcome, and below it the kernel's word on it.
CHAT, RELEASE, NOTEBOOK = (re.escape(name) for name in
                           ("ml-prod/chat-1", "ml-prod/release-1", "research/notebook-1"))
CUT = r"curl: \((35|56|55)\) .*"
SHOWN = (
    r"chat +https://router\.huggingface\.co/ +hello from router\.huggingface\.co",
    rf"learned +{CHAT} +router\.huggingface\.co is 203\.0\.113\.10 \(hf-inference-router\)",
    rf"allowed +{CHAT} +router\.huggingface\.co .*\(hf-inference-router\) +rule +ml-prod/chat-api/router",
    rf"allowed +{CHAT} .* closed: sent \d+B, received \d+B",
    rf"chat +https://huggingface\.co/ +{CUT}",
    rf"denied +{CHAT} +huggingface\.co .*\(hf-hub\) +name-not-allowed",
    rf"chat +https://api\.openai\.com/ +{CUT}",
    rf"denied +{CHAT} +api\.openai\.com .*\(openai\) +name-not-allowed",
    r"chat +https://pypi\.org/ +hello from pypi\.org",
    rf"allowed +{CHAT} +203\.0\.113\.20:443 +not-governed",
    r"release +https://huggingface\.co/ +hello from huggingface\.co",
    rf"allowed +{RELEASE} +huggingface\.co .*\(hf-hub\) +rule +ml-prod/release/publish",
    r"release +https://cas-server\.xethub\.hf\.co/ +hello from cas-server\.xethub\.hf\.co",
    rf"allowed +{RELEASE} +cas-server\.xethub\.hf\.co .*\(hf-upload\) +rule +ml-prod/release/publish",
    r"notebook +https://api\.openai\.com/ +hello from api\.openai\.com",
    rf"audited +{NOTEBOOK} +api\.openai\.com .*\(openai\) +name-not-allowed",
    r"huggingface\.co +203\.0\.113\.10 .*hf-hub",  # what the kernel learned
    r"denied +no-rule: no allow rule of the workload's policies matches",  # explain
    r"an allow rule of ml-prod/chat-api with `to: \[\{endpoint: hf-hub\}\]`",
    r"kill -9 of the daemon",
    r"chat +https://router\.huggingface\.co/ +hello from router\.huggingface\.co",
    r"chat +https://huggingface\.co/ +curl: \(\d+\)",
    r"pins of an earlier daemon adopted",
    r"Everything the demo made is removed now",
)
STEPS = ("1. Three pods", "2. aegressd starts", "3. Real names", "chat-1            203.0.113.20",
         "5. kill -9", "6. The next daemon")


def environment(run):
    """As from a shell: what started this suite is nobody's business."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
    return {**kept, "AEGRESS_RUN": run, "NO_COLOR": "1"}


@contextlib.contextmanager
def nothing_left():
    """The block gets the mark of its processes; afterwards nothing that is new may be there."""
    before, run = leftovers.there(), uuid.uuid4().hex
    yield run
    equal(leftovers.after(before, run), [], "left behind")


class Demo:
    """A demo that runs in a process group of its own, as in a terminal: no signal is ignored, whatever
    the tests were started with."""

    def __init__(self, run, *argv):
        self.process = subprocess.Popen(("env", "--default-signal", *(argv or ("scripts/demo",))), cwd=TOP,
                                        env=environment(run), text=True, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                        start_new_session=True)
        self.text = ""

    def read_until(self, words):
        for line in self.process.stdout:
            self.text += line
            if words in line:
                return
        check(False, f"it ended before {words!r}:\n{self.text}")

    def interrupt(self, signo=signal.SIGINT):
        """What a terminal does at Ctrl-C: everybody in the group gets it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signo)

    def end(self):
        """The exit status."""
        rest, _ = self.process.communicate(timeout=PATIENCE)
        self.text += rest
        return self.process.returncode


def check_shown(text):
    at = 0
    for pattern in SHOWN:
        found = re.compile(pattern).search(text, at)
        check(found, f"not shown, or not in its place: {pattern!r}\n{text}")
        at = found.end()


def test_what_it_shows():
    with nothing_left() as run:
        demo = Demo(run, "make", "demo")
        code = demo.end()
        equal(code, 0, f"exit code; it said:\n{demo.text}")
        check_shown(demo.text)
        for line in re.findall(r"^ {6}.* (?:denied|audited) .*$", demo.text, re.MULTILINE):
            check("name-not-allowed" in line, f"a denial that nobody expects: {line}")


def test_ctrl_c_at_every_step():
    for step in STEPS:
        with nothing_left() as run:
            demo = Demo(run)
            demo.read_until(step)
            demo.interrupt()
            code = demo.end()
            check(code in (130, -signal.SIGINT), f"exit code at {step!r}: {code}\n{demo.text}")
            check("Everything the demo made" not in demo.text, f"{step!r}: it went on to its end")


def test_ctrl_c_again_and_again():
    """Who presses it until something happens: the cleaning up must not be cut short."""
    with nothing_left() as run:
        demo = Demo(run)
        demo.read_until("3. Real names")

        def press():
            demo.interrupt()
            return demo.process.poll() is not None

        wait_until(press, "the demo to end", PATIENCE)
        check(demo.end() in (130, -signal.SIGINT), demo.text)


def test_terminated_and_hung_up():
    for signo in (signal.SIGTERM, signal.SIGHUP):
        with nothing_left() as run:
            demo = Demo(run)
            demo.read_until("2. aegressd starts")
            demo.process.send_signal(signo)
            equal(demo.end(), 143, f"exit code after {signo.name}")


def test_somebody_stays_in_a_pod():
    """A shell that a reader left in one of the cgroups must not keep the demo for ever."""
    with nothing_left() as run:
        demo = Demo(run)
        demo.read_until("3. Real names")
        (pod,) = (path for path in leftovers.cgroups() if path.endswith(f"aegress-demo-{demo.process.pid}"))
        procs = os.path.join(pod.split(" ", 1)[1], "kubepods.slice/kubepods-burstable.slice/"
                             "kubepods-burstable-pod1111.slice/cri-containerd-1111.scope/cgroup.procs")
        with subprocess.Popen(["sleep", "1000"]) as stranger:
            with open(procs, "w", encoding="ascii") as file:
                file.write(str(stranger.pid))
            equal(demo.end(), 0, f"exit code:\n{demo.text}")
            equal(stranger.wait(), -signal.SIGKILL, "how the stranger ended")


# ---- would it be seen? ----

def dead_number():
    with subprocess.Popen(["true"]) as process:
        process.wait()
        return process.pid


def told(run, before):
    return leftovers.after(before, run, seconds=0)


def test_whose_a_name_is():
    """Of those who are alive, nothing is left."""
    for name, want in ((f"mount /tmp/aegress-e2e-{os.getpid()}.0ic7vhs/bpf", True),
                       (f"netns aegress-e2e-{os.getpid()}-world", True),
                       (f"cgroup /sys/fs/cgroup/aegress-bench-floor-{os.getpid()}", True),
                       (f"netns aegress-e2e-{dead_number()}-world", False),
                       ("pins /sys/fs/bpf/aegress", False)):
        equal(leftovers.somebody_elses(name), want, name)


def test_leftovers_are_found():
    mount = next(mount for _, mount, kind in leftovers.mounts() if kind == "cgroup2")
    before, run, gone = leftovers.there(), uuid.uuid4().hex, dead_number()
    cgroup, other = f"{mount}/aegress-left-{gone}", f"{mount}/aegress-left-{os.getpid()}"
    with subprocess.Popen(["sleep", "1000"], env=environment(run)) as process:
        try:
            os.mkdir(cgroup)
            os.mkdir(other)
            equal(subprocess.run(["ip", "netns", "add", f"aegress-left-{gone}-x"], check=False).returncode, 0, "ip")
            equal(told(run, before), [f"cgroup {cgroup}", f"netns aegress-left-{gone}-x",
                                      f"process {process.pid}: sleep 1000"], "what is left")
        finally:
            process.kill()
            subprocess.run(["ip", "netns", "delete", f"aegress-left-{gone}-x"], check=False)
            for path in (cgroup, other):
                os.rmdir(path)
    equal(told(run, before), [], "after all is gone")


def test_a_suite_that_leaves_something_fails():
    """tests/lib/suite.sh, with a make that starts a process and forgets it."""
    stub = ("#!/bin/sh\necho $1 $2\n[ -z \"$LEAVE\" ] || { setsid sleep 1000 >/dev/null 2>&1 & echo left $!; }\n"
            "echo 1 passed, 0 failed, 0 skipped\n")
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "make")
        with open(path, "w", encoding="utf-8") as file:
            file.write(stub)
        os.chmod(path, 0o755)
        for leave, want in (("", (0, "1 passed, 0 failed, 0 skipped")),
                            ("1", (1, "1 passed, 1 failed, 0 skipped"))):
            done = subprocess.run(["tests/lib/suite.sh", "suites", "stub"], cwd=TOP, text=True, capture_output=True,
                                  env={**os.environ, "PATH": f"{directory}:{os.environ['PATH']}", "LEAVE": leave},
                                  check=False)
            for pid in re.findall(r"^left (\d+)$", done.stdout, re.MULTILINE):
                os.kill(int(pid), signal.SIGKILL)
            equal((done.returncode, done.stdout.splitlines()[-1]), want, f"with LEAVE={leave!r}:\n{done.stdout}")
            check(not leave or ": sleep 1000" in done.stdout, f"it is not named:\n{done.stdout}")
    os.unlink(os.path.join(TOP, "build/log/stub.log"))
