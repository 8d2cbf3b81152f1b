# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""A headless Chromium with a profile of its own, told what to do over its debugging pipe (the DevTools
protocol: one JSON message, one NUL)."""
import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
import time

from harness import Failure, Skip, dies_with_us, wait_until

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--remote-debugging-pipe", "--window-size=1240,1000", "--hide-scrollbars"]
DEADLINE = 60.0


def high_pipe():
    """Its ends are out of the way of the descriptors 3 and 4 that the browser takes."""
    ends = []
    for low in os.pipe():
        ends.append(fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, 10))
        os.close(low)
    return ends


class Browser:
    """One tab. Descriptors 3 and 4 of the browser are where it listens and where it answers."""

    def __init__(self, directory):
        if not shutil.which("chromium"):
            raise Skip("chromium is not installed: scripts/setup --observe installs Debian's package")
        self.number, self.answers, self.errors, self.rest = 0, {}, [], b""
        self.log = open(os.path.join(directory, "chromium.log"), "wb")
        commands, self.commands = high_pipe()
        self.replies, replies = high_pipe()
        # bash, because a Popen cannot say which descriptor a child has as which
        self.process = subprocess.Popen(
            ["bash", "-c", f'exec 3<&{commands} 4>&{replies} && exec chromium "$@"', "chromium", *FLAGS,
             f"--user-data-dir={directory}/chromium", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            pass_fds=(commands, replies), start_new_session=True, preexec_fn=dies_with_us())
        os.close(commands)
        os.close(replies)
        self.session = None

    def __enter__(self):
        try:
            self.open_tab()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        with contextlib.suppress(OSError, Failure):
            self.call("Browser.close", session=None)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, 9)
        self.process.wait()
        for end in (self.commands, self.replies):
            os.close(end)
        self.log.close()

    def open_tab(self):
        target = self.call("Target.createTarget", url="about:blank", session=None)["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True,
                                 session=None)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(domain + ".enable")

    # ---- messages ----
    def call(self, method, session="", **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = self.session
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + DEADLINE
        while self.number not in self.answers:
            self.receive(end - time.monotonic(), method)
        answer = self.answers.pop(self.number)
        if "error" in answer:
            raise Failure(f"{method}: {answer['error']}")
        return answer["result"]

    def receive(self, seconds, method):
        if seconds <= 0 or not select.select([self.replies], [], [], seconds)[0]:
            raise Failure(f"chromium did not answer {method} in {DEADLINE:.0f} s")
        block = os.read(self.replies, 1 << 20)
        if not block:
            raise Failure(f"chromium ended before it answered {method}")
        *messages, self.rest = (self.rest + block).split(b"\0")
        for message in map(json.loads, messages):
            self.take(message)

    def take(self, message):
        if "id" in message:
            self.answers[message["id"]] = message
        elif message.get("method") == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(message["params"]["exceptionDetails"])[:500])
        elif message.get("method") == "Log.entryAdded" and \
                message["params"]["entry"]["level"] == "error":
            self.errors.append(message["params"]["entry"]["text"])

    # ---- what a person does ----
    def go(self, url):
        self.call("Page.navigate", url=url)

    def run(self, script):
        """The value of a JavaScript expression in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True,
                           awaitPromise=True)
        if "exceptionDetails" in answer:
            raise Failure(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait_for(self, script, what):
        return wait_until(lambda: self.run(script), what, deadline=DEADLINE)

    def theme(self, name):
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": name}])

    def screenshot(self, path):
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))
