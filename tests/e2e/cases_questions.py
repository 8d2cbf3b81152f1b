# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""What a workload that is contained strictly may ask: dnsmasq, libc and curl, and what dnsmasq heard."""
import os
import time

from cases_connect import wait_for_instances
from cases_names import scene
from harness import check, equal, wait_until
from names_scene import POLICIES, SHARED, names, resolve, served

LOGGED, LOGGED6 = "198.51.100.58", "2001:db8:b::58"
SEALED = """\
apiVersion: aegress.dev/v1alpha1
kind: AIEgressPolicy
metadata: {{name: chat, namespace: ml}}
spec:
  mode: {mode}
  workloads: {{serviceAccounts: [chat]}}
  containment: Strict
  dns: AllowedNames
  allow:
  - name: hub
    to: [{{endpoint: hub}}]
  deny:
  - name: no-uploads
    to: [{{endpoint: upload}}]
"""


def sealed(mode="Enforce"):
    """The scene's policies, with the one for `chat` in place of its own."""
    first, rest = POLICIES.split("kind: AIEgressPolicy\nmetadata: {name: chat,", 1)
    return first[:first.rindex("apiVersion")] + SEALED.format(mode=mode) + "---\n" + rest.split("---\n", 1)[1]


def heard(node):
    """What the resolver that keeps a log was asked."""
    path = os.path.join(node.dir, "asked.log")
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8", errors="replace") as log:
        return log.read()


class Sealed:
    def __init__(self, mode="Enforce", options=""):
        self.scene, self.mode, self.options = scene(dns={"resolvers": [LOGGED, LOGGED6]}), mode, options

    def __enter__(self):
        node, daemon, _ = self.scene.__enter__()
        try:
            node.world_ip("addr", "add", f"{LOGGED}/32", "dev", "lo")
            node.world_ip("addr", "add", f"{LOGGED6}/128", "dev", "lo")
            records = node.records + f"log-queries\nlog-facility={node.dir}/asked.log\nlog-async=0\n"
            node.start_dnsmasq("logged", records, (LOGGED, LOGGED6))
            before = daemon.generation()
            node.write(node.policies, "policies.yaml", sealed(self.mode))
            wait_until(lambda: daemon.generation() > before, "the policy")
            pod = node.named_pod("chat", resolver=LOGGED, options=self.options)
            wait_for_instances(daemon, 2)
        except BaseException:
            self.scene.__exit__(None, None, None)
            raise
        return node, daemon, pod

    def __exit__(self, *error):
        return self.scene.__exit__(*error)


def questions(daemon, verdict, reason):
    return sum(item["count"] for item in daemon.get("/v1/status")["totals"]
               if (item["hook"], item["verdict"], item["reason"]) == ("question", verdict, reason))


def refused(pod, name):
    """libc gives up at once: it is told that nothing was sent."""
    start = time.monotonic()
    found = pod.ask("resolve", name=name)
    equal((found["addrs"], "gai" in found), ([], True), f"resolving {name}")
    return time.monotonic() - start


def test_only_allowed_names_are_asked_for():
    with Sealed() as (node, daemon, pod):
        since = daemon.next_seq()
        served(pod, "hub.test")
        check("hub.test" in names(daemon), "an allowed name was not learned")
        took = [refused(pod, name) for name in
                ("rival.test", "upload.hub.test", "6465616462656566.free.test", "hub.test.free.test")]
        check(min(took) < 2, f"libc waited for answers: {took}")  # its time-out, of each attempt
        served(pod, "a.cdn.hub.test")
        log = heard(node)
        check("a.cdn.hub.test" in log, "the resolver's log")
        for name in ("rival.test", "upload.hub.test", "free.test"):
            check(name not in log, f"the resolver was asked for {name}: {log}")
        check(questions(daemon, "denied", "dns-name") >= 4, "counted")
        check(questions(daemon, "allowed", "rule") >= 2, "what was let through is counted")
        record = daemon.flow(since, verdict="denied", hook="question", reason="dns-name", destination__name="rival.test")
        equal((record["workload"]["name"], record["destination"]["port"]), ("chat-1", 53), "the record")


def test_over_tcp():
    with Sealed(options="use-vc") as (node, daemon, pod):
        served(pod, "hub.test")
        refused(pod, "6465616462656566.free.test")
        served(pod, "a.cdn.hub.test")
        check("free.test" not in heard(node), "the resolver was asked over TCP")
        check(questions(daemon, "denied", "dns-name") >= 1, "counted")


def test_audited():
    with Sealed("Audit") as (node, daemon, pod):
        equal(resolve(pod, "free.test", "v4"), [SHARED], "an audited question")
        check("free.test" in heard(node), "the resolver was not asked")
        check(questions(daemon, "audited", "dns-name") >= 1, "counted")
        equal(questions(daemon, "denied", "dns-name"), 0, "denied")


def test_without_a_daemon():
    with Sealed() as (node, daemon, pod):
        daemon.kill()
        served(pod, "hub.test")
        refused(pod, "rival.test")
        served(pod, "a.cdn.hub.test")
        check("rival.test" not in heard(node), "the resolver was asked")
        daemon.start()
        check(questions(daemon, "denied", "dns-name") >= 1, "counted meanwhile")
