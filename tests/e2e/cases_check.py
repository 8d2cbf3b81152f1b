# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""`aegress check`, `aegressd --check-config` and a daemon that runs say exactly the same of documents:
text for text, of every mistake that we know, of warnings, and of what does not fit."""
import glob
import json
import os
import shutil

from harness import BUILD, TOP, Node, check, equal, run, wait_until
from scene import write

HEAD = "apiVersion: aegress.dev/v1alpha1\nkind: "
WARNED = HEAD + """AIEndpoint
metadata: {name: old, labels: {provider: test}}
spec: {class: other, hosts: [old.example.org], since: 2024-01-01, retired: 2025-01-01}
---
""" + HEAD + """AIEgressPolicy
metadata: {name: warned, namespace: ml}
spec:
  workloads: {serviceAccounts: [chat]}
  allow:
  - name: first
    to: [{endpoint: old}]
  - name: never
    to: [{host: new.example.org}]
  deny:
  - name: new
    to: [{host: new.example.org}, {cidr: 192.0.2.0/24}]
"""


def reload(daemon):
    """(whether it was good, the daemon's text, its diagnostics, the text in its log)"""
    status, body = daemon.request("POST", "/v1/reload")
    last = daemon.get("/v1/status")["lastReload"]
    if status != 200:
        equal(json.loads(body)["text"], last["text"], "answer and status")
    return status == 200, last["text"], last["errors"], logged(daemon, last["text"])


def logged(daemon, text):
    """The newest line of the log that ends with this text, or None."""
    with open(daemon.log_path, encoding="utf-8") as log:
        for line in reversed(log.readlines()):
            message = json.loads(line)["msg"] if line.startswith("{") else ""
            if text and message.endswith(text):
                return text
    return None


def checked(node):
    """(exit code, what `aegress check` says without its last line, its diagnostics) of the policies."""
    said = node.aegress("check", node.policies, ok=False)
    as_json = json.loads(node.aegress("check", "-o", "json", node.policies, ok=False).stdout)
    lines = said.stderr.splitlines(keepends=True)
    if said.returncode:  # the last line counts
        lines.pop()
    equal(said.returncode, 0 if as_json["ok"] else 1, "exit code")
    return said.returncode, "".join(lines), as_json["diagnostics"]


def config_checked(node, daemon):
    """(exit code, what --check-config says); terminals only are shown colours."""
    done = run(*daemon.argv(), "--check-config", ok=False)
    return done.returncode, done.stderr


def same_of_all(node, daemon, what):
    """All three of what lies in the policies' directory."""
    code, text, diagnostics = checked(node)
    good, told, told_diagnostics, log = reload(daemon)
    equal(good, code == 0, f"{what}: good or not")
    equal(told, text, f"{what}: the daemon's text")
    equal(told_diagnostics, diagnostics, f"{what}: the daemon's diagnostics")
    equal(log, text or None, f"{what}: the log; it ends {daemon.log_tail()}")
    equal(config_checked(node, daemon), (code, text), f"{what}: --check-config")
    return code, text


def running(node):
    write(node, workloads="")
    return node.daemon(log={"format": "json"}).start()


def test_every_bad_policy():
    with Node() as node:
        daemon = running(node)
        generation = daemon.generation()
        paths = sorted(glob.glob(os.path.join(TOP, "tests", "bad-policies", "*.yaml")))
        check(len(paths) >= 100, f"only {len(paths)} bad policies")
        os.unlink(os.path.join(node.policies, "policies.yaml"))
        for path in paths:
            there = shutil.copy(path, os.path.join(node.dir, "next.yaml"))
            os.rename(there, os.path.join(node.policies, "bad.yaml"))
            code, _ = same_of_all(node, daemon, os.path.basename(path))
            equal(code, 1, path)
        equal(daemon.generation(), generation, "generation after all of them")


def test_warnings():
    with Node() as node:
        daemon = running(node)
        node.write(node.policies, "warned.yaml", WARNED)
        code, text = same_of_all(node, daemon, "warnings")
        equal(code, 0, "exit code")
        for part in ("warned.yaml:13:21: warning: endpoint 'old' is retired",
                     "warned.yaml:14:11: warning: allow rule 'never' has no effect"):
            check(part in text, f"no {part!r} in {text}")
        equal(same_of_all(node, daemon, "again"), (code, text), "the same once more")


def test_what_does_not_fit():
    """One policy may not name more than there is room for: 256 ids in 65 regions are 16,640 patterns."""
    with Node() as node:
        daemon = running(node)
        generation = daemon.generation()
        node.write(node.policies, "e.yaml", HEAD + "AIEndpoint\nmetadata: {name: many, labels: {provider: p}}\n"
                   'spec: {class: other, hosts: ["*.example.org"], template: "{id}.{region}.example.org"}\n')
        words = lambda letter, n: ", ".join(f"{letter}{i}" for i in range(n))
        big = (HEAD + "ClusterAIEgressPolicy\nmetadata: {name: all}\nspec:\n  workloads: {all: true}\n  allow:\n"
               f"  - {{name: many, to: [{{endpoint: many, ids: [{words('i', 256)}], regions: [{words('r', 65)}]}}]}}\n")
        path = node.write(node.policies, "p.yaml", big)
        code, text = same_of_all(node, daemon, "limit")
        equal(code, 1, "exit code")
        check("/p.yaml:" in text and "16384" in text.replace(",", ""), text)
        equal(daemon.generation(), generation, "generation")
        os.unlink(path)
        refused = node.aegress("apply", node.write(node.dir, "big.yaml", big), ok=False)
        check(refused.returncode == 1 and "16384" in refused.stderr.replace(",", ""), refused.stderr)
        wait_until(lambda: reload(daemon)[0], "a good set")
