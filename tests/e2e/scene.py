# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The scene most cases play in: two endpoints, four policies, five pods; and the one question that is
asked of every decision: do errno, counter, event and `aegress explain` say the same?"""
import json

from harness import check, equal

GOVERNED, OTHER, FREE = "203.0.113.10", "203.0.113.20", "198.51.100.7"
GOVERNED6, OTHER6, FREE6 = "2001:db8:a::10", "2001:db8:a::20", "2001:db8:b::7"

POLICIES = """\
apiVersion: aegress.dev/v1alpha1
kind: AIEndpoint
metadata: {name: test-inference, labels: {provider: test}}
spec:
  class: inference
  region: eu
  cidrs: [203.0.113.10/31, "2001:db8:a::10/124"]
---
apiVersion: aegress.dev/v1alpha1
kind: AIEndpoint
metadata: {name: test-upload, labels: {provider: test}}
spec:
  class: upload
  cidrs: [203.0.113.20/32, "2001:db8:a::20/128"]
  ports: [443, 80]
---
apiVersion: aegress.dev/v1alpha1
kind: AIEgressPolicy
metadata: {name: chat, namespace: ml}
spec:
  workloads: {serviceAccounts: [chat]}
  allow:
  - name: inference
    to: [{endpoint: test-inference}]
---
apiVersion: aegress.dev/v1alpha1
kind: AIEgressPolicy
metadata: {name: all-but-upload, namespace: ml}
spec:
  workloads: {serviceAccounts: [trainer]}
  allow:
  - name: everything
    to:
    - {endpoint: test-inference, ports: [443, 443/udp]}
    - {endpoint: test-upload}
  deny:
  - name: no-uploads
    to: [{endpoint: test-upload}]
---
apiVersion: aegress.dev/v1alpha1
kind: AIEgressPolicy
metadata: {name: watch, namespace: ml}
spec:
  mode: Audit
  workloads: {podSelector: {matchLabels: {tier: watched}}}
  allow:
  - name: inference
    to: [{endpoint: test-inference}]
"""

WORKLOADS = """\
apiVersion: aegress.dev/v1alpha1
kind: Workload
metadata: {name: chat-1, namespace: ml, labels: {tier: inference}}
spec: {serviceAccount: chat, cgroup: "kubepods.slice/*/kubepods-*podchat1.slice"}
---
apiVersion: aegress.dev/v1alpha1
kind: Workload
metadata: {name: trainer-1, namespace: ml}
spec: {serviceAccount: trainer, cgroup: "kubepods.slice/*/kubepods-*podtrainer1.slice"}
---
apiVersion: aegress.dev/v1alpha1
kind: Workload
metadata: {name: watched-1, namespace: ml, labels: {tier: watched}}
spec: {cgroup: "kubepods.slice/*/kubepods-*podwatched1.slice"}
---
apiVersion: aegress.dev/v1alpha1
kind: Workload
metadata: {name: nobody-1, namespace: other}
spec: {cgroup: "kubepods.slice/*/kubepods-*podnobody1.slice"}
"""

HOOKS = {("connect", "tcp"): "connect", ("connect", "udp"): "probe", ("sendto", "udp"): "datagram"}


def write(node, policies=POLICIES, workloads=WORKLOADS):
    node.write(node.policies, "policies.yaml", policies)
    node.write(node.workloads, "workloads.yaml", workloads)


def explain(node, workload, addr, port, proto):
    """workload None: a process of no known one asks."""
    target = f"[{addr}]:{port}/{proto}" if ":" in addr else f"{addr}:{port}/{proto}"
    who = ("--workload", workload) if workload else ("--no-workload",)
    done = node.aegress("explain", *who, "--to", target, "-o", "json", ok=False)
    check(done.returncode in (0, 1), f"explain: exit {done.returncode}: {done.stderr}")
    answer = json.loads(done.stdout)
    equal(done.returncode, 1 if answer["verdict"] == "denied" else 0, "explain's exit code")
    return answer


def decide(daemon, pod, workload, addr, want, op="connect", proto="tcp", family=None, port=443,
           errno_denied="EPERM"):
    """One decision. want: (verdict, reason). Controls: errno, counter, event, explain."""
    verdict, reason = want
    family = family or ("v6" if ":" in addr else "v4")
    hook = HOOKS[op, proto]
    since, before = daemon.next_seq(), daemon.total(verdict, reason, hook)
    answer = pod.ask(op, addr=addr, port=port, proto=proto, family=family)
    what = f"{pod.name} {op} {proto} {family} {addr}:{port}"
    equal(answer["errno"], errno_denied if verdict == "denied" else "OK", what)
    equal(daemon.total(verdict, reason, hook), before + 1, f"{what}: counter {verdict}/{reason}")
    reported = hook != "probe" and (hook == "connect" or reason != "not-governed")
    if reported:
        record = daemon.flow(since, destination__ip=addr, verdict=verdict, reason=reason)
        equal(record["event"], "deny" if verdict == "denied" else "open", what)
        if workload:
            name = f"{record['workload']['namespace']}/{record['workload']['name']}"
            equal(name, workload, f"{what}: workload of the event")
    else:
        equal([r for r in daemon.flows(f"?since={since}") if r["event"] != "close"], [],
              f"{what}: events")
    told = explain(daemon.node, workload, addr, port, proto)
    equal((told["verdict"], told["reason"]), want, f"{what}: explain")
    if reported:
        equal((told.get("policy"), told.get("rule")), (record.get("policy"), record.get("rule")),
              f"{what}: policy and rule of explain and event")
    return answer
