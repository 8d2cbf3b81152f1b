# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Where DNS answers are read: at the cgroups that names decide for, and from the first answer on."""
import contextlib
import json
import os
import shutil
import subprocess

import harness
from cases_connect import wait_for_instances
from harness import check, equal, wait_until
from names_scene import WORKLOAD, NamesNode, names, resolve, served

BPFTOOL = shutil.which("bpftool", path=os.environ["PATH"] + ":/usr/sbin")
APPLIED = """\
apiVersion: aegress.dev/v1alpha1
kind: AIEgressPolicy
metadata: {name: late, namespace: ml}
spec:
  mode: Audit
  workloads: {serviceAccounts: [late]}
  allow:
  - name: hub
    to: [{endpoint: hub}]
"""
INGRESS = "cgroup_inet_ingress"


def readers(pod):
    """How many programs see what comes in for the pod's sockets."""
    shown = harness.run(BPFTOOL, "-j", "cgroup", "show", pod.cgroup, "effective").stdout
    return sum(item["attach_type"] == INGRESS for item in json.loads(shown.strip() or "[]"))


@contextlib.contextmanager
def late_scene():
    """A pod with a policy, and one that is known and has none yet."""
    with NamesNode() as node:
        node.write(node.workloads, "late.yaml", WORKLOAD.format("late"))
        daemon = node.started(defaults={"unselected": "Allow", "unknown": "Deny"})
        chat, late = node.named_pod("chat"), node.named_pod("late")
        wait_for_instances(daemon, 2)
        yield node, daemon, chat, late


def test_answers_are_read_where_a_policy_is():
    with late_scene() as (node, daemon, chat, late):
        equal((readers(chat), readers(late)), (1, 0), "with a policy, and without one")
        resolve(late, "cdn.hub.test")
        equal(names(daemon), {}, "what a bystander asked was learned")
        node.aegress("apply", node.write(node.dir, "late-policy.yaml", APPLIED))
        resolve(late, "a.cdn.hub.test")  # at once
        equal(readers(late), 1, "under its first policy")
        check("a.cdn.hub.test" in names(daemon), "the first answer under a policy was not learned")
        daemon.kill()
        equal((readers(chat), readers(late)), (1, 1), "without a daemon")
        resolve(late, "b.cdn.hub.test")
        daemon.start()
        equal((readers(chat), readers(late)), (1, 1), "after a restart")
        check("b.cdn.hub.test" in names(daemon), "an answer was not learned while no daemon ran")
        served(chat, "hub.test")
        node.aegress("delete", "aiep", "ml/late")
        equal((readers(chat), readers(late)), (1, 0), "after the policy went")
        daemon.stop()
        harness.run(f"{harness.BUILD}/aegressd", "--cleanup", "--pin-dir", node.pins)
        equal((readers(chat), readers(late)), (0, 0), "after --cleanup")


def test_where_answers_cannot_be_read():
    """The kernel attaches 64 programs to a cgroup: here, others have all places."""
    with late_scene() as (node, daemon, _, late):
        pod = os.path.dirname(late.cgroup)
        with subprocess.Popen([f"{harness.BUILD}/bench/empty", pod, *[INGRESS] * 64], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as crowd:
            equal(crowd.stdout.readline(), "attached\n", "others")
            node.aegress("apply", node.write(node.dir, "late-policy.yaml", APPLIED))
            told = node.aegress("status", ok=False)
            check(told.returncode == 1 and "DNS answers to 1 of 2 cgroups are not read" in told.stdout, told.stdout)
            wait_until(lambda: "attaching skb_ingress: Argument list too long" in daemon.log_tail(), "a line in the log")
            resolve(late, "a.cdn.hub.test")
            equal(names(daemon), {}, "unread, and learned")
            crowd.stdin.close()
        wait_until(lambda: readers(late) == 1, "another attempt")
        equal(node.aegress("status").returncode, 0, "status")
        resolve(late, "b.cdn.hub.test")
        check("b.cdn.hub.test" in names(daemon), "not learned")
