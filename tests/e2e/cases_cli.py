# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The CLI and the API against a live daemon."""
import json
import os
import stat
import subprocess

from cases_connect import NO_RULE, RULE, wait_for_instances
from harness import BUILD, PATIENCE, Node, check, equal, wait_until
from scene import GOVERNED, OTHER, decide, write

EXTRA = """\
apiVersion: aegress.dev/v1alpha1
kind: AIEgressPolicy
metadata: {name: uploads-too, namespace: ml}
spec:
  workloads: {serviceAccounts: [chat]}
  allow:
  - name: uploads
    to: [{endpoint: test-upload}]
"""


def test_get_and_status_parse_as_json():
    with Node() as node:
        write(node)
        daemon, pod = node.daemon().start(), node.pod("chat", "chat1")
        wait_for_instances(daemon, 1)
        decide(daemon, pod, "ml/chat-1", GOVERNED, RULE)
        for what, expected in (("workloads", "chat-1"), ("policies", "all-but-upload"),
                               ("endpoints", "test-inference")):
            text = node.aegress("get", what, "-o", "json").stdout
            jq = subprocess.run(["jq", "."], input=text, capture_output=True, text=True)
            equal(jq.returncode, 0, f"jq on get {what}: {jq.stderr}")
            check(any(item["name"] == expected for item in json.loads(text)["items"]), text)
            for form in ("table", "wide"):
                check(expected in node.aegress("get", what, "-o", form).stdout, f"{what} {form}")
        status = node.aegress("status", "-o", "json")
        equal(json.loads(status.stdout)["generation"], daemon.generation(), "status")
        check("generation" in node.aegress("status").stdout.lower(), "human status")


def test_explain_knows_the_daemon_itself():
    """A daemon that lives in a pod that a policy selects: the kernel spares it, and explain says so."""
    with Node() as node:
        write(node)
        pod, trainer = node.pod("chat", "chat1"), node.pod("trainer", "trainer1")
        daemon = node.daemon()

        def join():
            with open(os.path.join(pod.cgroup, "cgroup.procs"), "w", encoding="ascii") as procs:
                procs.write("0")

        daemon.spawn(join)
        wait_until(daemon.ready, "aegressd to be ready", PATIENCE)
        wait_for_instances(daemon, 2)
        decide(daemon, pod, "ml/chat-1", GOVERNED, ("denied", "unselected"))
        decide(daemon, trainer, "ml/trainer-1", GOVERNED, RULE)
        said = node.aegress("explain", "--workload", "ml/chat-1", "--to", GOVERNED, ok=False).stdout
        check("the daemon's own pod, which no policy selects" in said, said)
        other = node.aegress("explain", "--workload", "ml/trainer-1", "--to", GOVERNED).stdout
        check("daemon's own" not in other, other)


def test_flows_show_the_denial():
    with Node() as node:
        write(node)
        daemon, pod = node.daemon().start(), node.pod("chat", "chat1")
        wait_for_instances(daemon, 1)
        follower = subprocess.Popen([os.path.join(BUILD, "aegress"), "flows", "--socket", node.socket,
                                     "-f", "-o", "json"], stdout=subprocess.PIPE, text=True)
        try:
            decide(daemon, pod, "ml/chat-1", OTHER, NO_RULE)
            record = json.loads(follower.stdout.readline())
        finally:
            follower.terminate()
            follower.wait()
            follower.stdout.close()
        equal((record["schema"], record["verdict"], record["reason"], record["destination"]["ip"],
               record["destination"]["endpoint"]),
              ("aegress.flow/v1", "denied", "no-rule", OTHER, "test-upload"), "followed record")
        equal(record["process"]["pid"], pod.pid, "pid")
        compact = node.aegress("flows").stdout
        check("ml/chat-1" in compact and "no-rule" in compact and OTHER in compact, compact)


def test_apply_and_delete():
    with Node() as node:
        write(node)
        daemon, pod = node.daemon().start(), node.pod("chat", "chat1")
        wait_for_instances(daemon, 1)
        decide(daemon, pod, "ml/chat-1", OTHER, NO_RULE)
        extra = node.write(node.dir, "extra.yaml", EXTRA)
        check("created" in node.aegress("apply", extra, "--dry-run").stdout, "dry run")
        decide(daemon, pod, "ml/chat-1", OTHER, NO_RULE)
        check("created" in node.aegress("apply", extra).stdout, "apply")
        decide(daemon, pod, "ml/chat-1", OTHER, RULE)
        check("unchanged" in node.aegress("apply", extra).stdout, "apply again")
        daemon.kill()
        daemon.start()
        decide(daemon, pod, "ml/chat-1", OTHER, RULE)
        node.aegress("delete", "aiep", "ml/uploads-too")
        decide(daemon, pod, "ml/chat-1", OTHER, NO_RULE)
        refused = node.aegress("delete", "aiep", "ml/chat", ok=False)
        check(refused.returncode == 1 and "policies.yaml" in refused.stderr, refused.stderr)
        bad = node.write(node.dir, "bad.yaml", EXTRA.replace("test-upload", "test-uplaod"))
        refused = node.aegress("apply", bad, ok=False)
        check(refused.returncode == 1 and "bad.yaml:8:" in refused.stderr
              and "did you mean 'test-upload'" in refused.stderr, refused.stderr)
        decide(daemon, pod, "ml/chat-1", OTHER, NO_RULE)


def test_socket_and_unreachable_daemon():
    with Node() as node:
        write(node)
        daemon = node.daemon().start()
        mode = stat.S_IMODE(os.stat(node.socket).st_mode)
        equal(mode, 0o660, "mode of the socket")
        curl = subprocess.run(["curl", "-sS", "--unix-socket", node.socket,
                               "http://localhost/v1/status"], capture_output=True, text=True)
        equal(json.loads(curl.stdout)["generation"], daemon.generation(), "curl")
        for path, want in (("/v1/nothing", 404), ("/v1/explain", 405)):
            equal(daemon.get(path, raw=True)[0], want, path)
        status, body = daemon.request("POST", "/v1/explain", "{broken", {})
        check(status == 400 and "error" in json.loads(body), body)
        status, _ = daemon.request("POST", "/v1/apply", "x" * (3 << 20), {})
        equal(status, 413, "3 MiB body")
        daemon.stop()
        silent = node.aegress("status", ok=False)
        equal(silent.returncode, 3, "exit code without a daemon")
        check(node.socket in silent.stderr, silent.stderr)


def test_slow_follower_stalls_nobody():
    with Node() as node:
        write(node)
        daemon, pod = node.daemon().start(), node.pod("chat", "chat1")
        wait_for_instances(daemon, 1)
        slow = subprocess.Popen(["curl", "-sN", "--unix-socket", node.socket,
                                 "http://localhost/v1/flows?follow=1"], stdout=subprocess.PIPE)
        try:
            seen = daemon.next_seq()
            pod.ask("flood", addr=OTHER, port=443, family="v4", times=20_000)  # nobody reads slow's pipe
            wait_until(lambda: daemon.next_seq() > seen, "the daemon to go on")
            decide(daemon, pod, "ml/chat-1", GOVERNED, RULE)
        finally:
            slow.terminate()
            slow.wait()
            slow.stdout.close()
