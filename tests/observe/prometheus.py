# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""A real Prometheus that scrapes one daemon, on a port and in a directory of its own."""
import contextlib
import json
import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from harness import TOP, Failure, Skip, dies_with_us, run, wait_until

DEPLOY = os.path.join(TOP, "deploy", "prometheus")
CONFIG = """\
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}/records.yaml", "{rules}/alerts.yaml"]
scrape_configs:
- job_name: aegress
  static_configs: [{{targets: ["{target}"], labels: {{node: n1}}}}]
"""


def need(tool):
    if not shutil.which(tool):
        raise Skip(f"{tool} is not installed: scripts/setup installs it from Debian's packages")


def promtool(*argv, ok=True, **more):
    need("promtool")
    return run("promtool", *argv, ok=ok) if not more else subprocess.run(
        ["promtool", *argv], capture_output=True, text=True, check=False, **more)


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Prometheus:
    def __init__(self, directory, target):
        need("prometheus")
        self.address = f"127.0.0.1:{free_port()}"
        config = os.path.join(directory, "prometheus.yaml")
        with open(config, "w", encoding="utf-8") as out:
            out.write(CONFIG.format(rules=DEPLOY, target=target))
        with open(os.path.join(directory, "prometheus.log"), "wb") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={config}", f"--web.listen-address={self.address}",
                 f"--storage.tsdb.path={directory}/prometheus"], stdout=log, stderr=log,
                preexec_fn=dies_with_us())

    def __enter__(self):
        try:
            wait_until(self.is_ready, "Prometheus to be ready", deadline=60)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.kill()
        self.process.wait()

    def is_ready(self):
        if self.process.poll() is not None:
            raise Failure(f"prometheus ended with {self.process.returncode}")
        with contextlib.suppress(OSError):
            with urllib.request.urlopen(f"http://{self.address}/-/ready", timeout=10) as answer:
                return answer.status == 200
        return False

    def get(self, path, **query):
        url = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise Failure(f"{query}: {error.read().decode()}") from None

    def query(self, expr):
        return self.get("query", query=expr)["result"]

    def value(self, expr):
        """The one number that an expression gives; None: nothing yet."""
        result = self.query(expr)
        return float(result[0]["value"][1]) if len(result) == 1 else None

    def wait_value(self, want, expr):
        wait_until(lambda: self.value(expr) == want, f"{expr} to be {want}", deadline=30)
