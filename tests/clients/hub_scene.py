# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""A world with the Hub in it, the shipped catalogue and four profiles. The Hub, its router and one CDN
share an address, as behind CloudFront; the other CDN and the Xet server have addresses of their own."""
import contextlib
import functools
import glob
import json
import os
import shutil
import sys

import hub
from cases_connect import wait_for_instances
from harness import TOP, Skip, check, equal, run
from names_scene import DENIED, OTHER, SHARED, SHARED6, NamesNode

HERE = os.path.dirname(os.path.abspath(__file__))
SHARED_NAMES = ("huggingface.co", "router.huggingface.co", "us.aws.cdn.hf.co")
AT = {"cdn-lfs-us-1.hf.co": OTHER, "cas-server.xethub.hf.co": DENIED}

POLICY = """\
---
apiVersion: aegress.dev/v1alpha1
kind: AIEgressPolicy
metadata: {{name: {0}, namespace: ml-train}}
spec:
  workloads: {{serviceAccounts: [{0}]}}
  allow: {1}
"""
# trainer is what policies/examples/training-download-only.yaml selects; the others are:
PROFILES = {
    "hubonly": "[{name: hub, to: [{endpoint: hf-hub}]}]",
    "chat": "[{name: router, to: [{endpoint: hf-inference-router}]}]",
    "nothing": "[]",
}
WORKLOAD = """\
---
apiVersion: aegress.dev/v1alpha1
kind: Workload
metadata: {{name: {0}-1, namespace: ml-train, labels: {{job-type: {1}}}}}
spec: {{serviceAccount: {0}, cgroup: "kubepods.slice/*/kubepods-*pod{0}*.slice"}}
"""


def example(name):
    with open(os.path.join(TOP, "policies/examples", name), encoding="utf-8") as text:
        return text.read()


class HubNode(NamesNode):
    policies_yaml = example("training-download-only.yaml") + "".join(
        POLICY.format(name, allow) for name, allow in PROFILES.items())
    workloads_yaml = WORKLOAD.format("trainer", "train") + "".join(
        WORKLOAD.format(name, "other") for name in PROFILES)
    certified = SHARED_NAMES + tuple(AT)
    records = "".join(f"host-record={name},{SHARED},{SHARED6}\n" for name in SHARED_NAMES) + "".join(
        f"host-record={name},{addr}\n" for name, addr in AT.items())

    def __init__(self):
        super().__init__("clients")
        self.notes = os.path.join(self.dir, "notes")

    def start_web(self):
        pid = os.path.join(self.dir, "hub.pid")
        process = self.serve(os.path.join(HERE, "hub.py"), self.cert, self.key, self.notes, pid,
                             SHARED, SHARED6, *AT.values())
        self.wait_for_server(process, pid)

    def noted(self, key):
        """What the Hub saw, in order: its `hello`s or `request`s."""
        with open(self.notes, encoding="utf-8") as lines:
            return [note for note in map(json.loads, lines) if key in note]

    def environment(self, pod):
        return {"SSL_CERT_FILE": self.ca, "NODE_EXTRA_CA_CERTS": self.ca, "HOME": self.dir,
                "HF_HOME": os.path.join(self.dir, "hf-" + os.path.basename(pod.netns)),
                "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
                "HF_HUB_DISABLE_PROGRESS_BARS": "1"}


@contextlib.contextmanager
def scene(account):
    with HubNode() as node:
        daemon = node.started(policies=[node.policies, os.path.join(TOP, "policies/catalogue")])
        pod = node.named_pod(account)
        wait_for_instances(daemon, 1)
        yield node, daemon, pod


# ---- clients ----

@functools.cache
def installed():
    """Where the pinned clients are; installs them if need be, or skips."""
    done = run(os.path.join(TOP, "scripts/clients"), ok=False)
    if done.returncode == 75:
        raise Skip(done.stderr.strip().splitlines()[-1])
    equal(done.returncode, 0, f"scripts/clients: {done.stderr}")
    return run(os.path.join(TOP, "scripts/clients"), "--dir").stdout.strip()


def node24():
    found = glob.glob(os.path.join(installed(), "node_modules/node-linux-*/bin/node"))
    if not found:
        raise Skip("npm has no Node for this machine")
    return found[0]


def program(name):
    path = shutil.which(name)
    if not path:
        raise Skip(f"{name} is not installed")
    return path


def python(*args):
    return [os.path.join(installed(), "python/bin/python"), os.path.join(HERE, "hf.py"), *args]


def javascript(*args, node=None):
    return [node or node24(), os.path.join(HERE, "hf.cjs"), installed(), *args]


@contextlib.contextmanager
def running(pod, argv, **env):
    """Runs a client while the body does something else; its answer is filled in at the end."""
    pod.post("run", argv=argv, env={**pod.node.environment(pod), **env})
    answer = {}
    yield answer
    answer.update(answer_of(argv, pod.read()))


def ask(pod, argv, **env):
    """Runs a client in the pod; its JSON line."""
    with running(pod, argv, **env) as answer:
        pass
    return answer


def answer_of(argv, done):
    equal((done.get("errno"), done.get("code")), ("OK", 0), f"{argv}: {done}")
    return {**json.loads(done["out"].splitlines()[-1]), "err": done["err"]}


# ---- what is asked of all ----

def denied(daemon, since, host, reason, hook):
    """A record says so, and so does the line of `aegress flows` that people read."""
    key = {"hello": "destination__name", "connect": "destination__pattern"}[hook]
    record = daemon.flow(since, event="deny", verdict="denied", reason=reason, hook=hook, **{key: host})
    lines = daemon.node.aegress("flows", "--since", str(since)).stdout.splitlines()
    wanted = ("denied", reason, record["workload"]["name"], record["destination"]["endpoint"])
    check(any(all(word in line for word in wanted) for line in lines), f"{wanted} is not in: {lines}")


def explained(node, account, host):
    """What `aegress explain` says about a workload and a host: (verdict, reason, rule)."""
    done = node.aegress("explain", "--workload", f"ml-train/{account}-1", "--to", host, "-o", "json", ok=False)
    answer = json.loads(done.stdout)
    return answer["verdict"], answer["reason"], answer.get("rule")


def says(answer, *texts):
    """Every text is in what the client shows of its error: in one of its messages."""
    check("error" in answer, f"no error: {answer}")
    if "-v" in sys.argv:
        show(answer)
    for text in texts:
        check(any(text in line for line in answer["error"]), f"{text!r} is not in {answer['error']}")


def show(answer):
    """For docs/clients.md: the client's own words."""
    words = dict.fromkeys(answer["error"])  # several attempts say the same
    if answer.get("first"):
        words[f"its first warning, after {answer['first']['seconds']:.3f} s: {answer['first']['text']}"] = None
    print("\n     ".join([f"     after {answer['seconds']:.3f} s:", *words]).replace("\nTrying", " Trying"), flush=True)


def quick(answer, limit):
    check(answer["seconds"] < limit, f"it took {answer['seconds']:.2f} s to fail: {answer}")


def refused(call, *texts, limit=1.0):
    """call() says these texts, within a second. A busy machine has three attempts; a client that waits
    for anything, or tries again, needs longer each time."""
    for _ in range(3):
        answer = call()
        says(answer, *texts)
        if answer["seconds"] < limit:
            return
    quick(answer, limit)
