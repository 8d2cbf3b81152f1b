# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""A server that misbehaves, or is not there: what is known stays, what is wrong is told, and nobody can
stop the pods' watch of a node."""
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys

from fake_api import FakeApi, write_kubeconfig
from harness import PATIENCE, Node, Skip, check, equal, wait_until

GOVERNED = "203.0.113.10"
UID = "7d3c1f0a-0000-4000-8000-0000000000a1"
OTHER_UID = "7d3c1f0a-0000-4000-8000-0000000000b2"
ENDPOINT = f"""
apiVersion: aegress.dev/v1alpha1
kind: AIEndpoint
metadata: {{name: test-inference}}
spec: {{class: inference, cidrs: [{GOVERNED}/32]}}
"""
EVERYBODY = {
    "apiVersion": "aegress.dev/v1alpha1", "kind": "ClusterAIEgressPolicy", "metadata": {"name": "all"},
    "spec": {"workloads": {"all": True}, "allow": [{"name": "it", "to": [{"endpoint": "test-inference"}]}]},
}


@contextlib.contextmanager
def scene(label, address="127.0.0.1"):
    with Node("server-" + label) as node, FakeApi(node.dir, address) as api:
        node.write(node.policies, "endpoint.yaml", ENDPOINT)
        api.objects["namespaces"].append({"metadata": {"name": "ml", "uid": "n1", "labels": {}}})
        api.objects["clusteraiegresspolicies"].append(EVERYBODY)
        yield node, api


def daemon_of(node, kubeconfig, **config):
    daemon = node.daemon(kubernetes={"enabled": True, "kubeconfig": kubeconfig, "status": False,
                                     "events": False}, **config)
    daemon.config["node"] = "n1"
    return daemon


def pod_object(**metadata):
    return {"kind": "Pod", "metadata": {"name": "chat", "namespace": "ml", "uid": UID, **metadata},
            "spec": {"serviceAccountName": "chat"}}


def readyz(daemon):
    try:
        return daemon.get("/readyz?verbose", raw=True)
    except OSError:
        return 0, ""


def connect(pod):
    return pod.ask("connect", addr=GOVERNED, port=443, proto="tcp", family="v4")["errno"]


def log_of(daemon):
    with open(daemon.log_path, encoding="utf-8") as log:
        return log.read()


def test_silent_server_is_no_followed_one():
    """It takes connections and never answers: not ready, at no retry, until it does."""
    with scene("silent") as (node, api):
        api.silent.add("pods")
        daemon = daemon_of(node, api.kubeconfig).spawn()
        seen = set()

        def retried():
            seen.add(readyz(daemon)[0])
            return len(api.watches["pods"]) >= 2

        wait_until(retried, "a second watch", PATIENCE)
        check(200 not in seen, f"ready while nobody answers: {seen}")
        check("does not answer" in log_of(daemon), daemon.log_tail())
        api.speak(["pods"])
        wait_until(lambda: readyz(daemon)[0] == 200, "readiness", 40)


def test_too_long_line_means_a_new_list():
    """A pod whose event is longer than any line may be stops nothing: the rest is listed anew."""
    with scene("long") as (node, api):
        pod = node.run_pod = node.pod("chat", uid=UID.replace("-", "_"))
        big = pod_object(annotations={"blob": "x" * (17 << 20)})
        api.lines["pods"].append(json.dumps({"type": "MODIFIED", "object": big}).encode())
        daemon = daemon_of(node, api.kubeconfig).spawn()
        wait_until(lambda: len(api.lists["pods"]) == 1, "the first list", PATIENCE)
        api.objects["pods"].append(pod_object())
        wait_until(lambda: len(api.lists["pods"]) == 2, "a second list", 40)
        wait_until(lambda: connect(pod) == "OK", "the pod of the second list", 40)
        wait_until(lambda: readyz(daemon)[0] == 200, "readiness", 40)
        equal(len(api.lists["pods"]), 2, "lists")
        equal(log_of(daemon).count("too long"), 1, "lines in the log")


def test_error_within_a_watch():
    """Not a 410: the server's sentence is told, the watch goes on from where it was, later and later."""
    with scene("error") as (node, api):
        error = {"type": "ERROR", "object": {"kind": "Status", "code": 500, "message": "etcd is full"}}
        api.lines["pods"] += [json.dumps(error).encode()] * 6
        daemon = daemon_of(node, api.kubeconfig).spawn()
        wait_until(lambda: "etcd is full" in readyz(daemon)[1], "the sentence in readyz", PATIENCE)
        wait_until(lambda: len(api.watches["pods"]) == 7, "seven watches", 60)
        gaps = [b - a for a, b in zip(api.watches["pods"], api.watches["pods"][1:])]
        check(gaps[5] > 2.5 and gaps[0] < 2.5, f"waits do not grow: {gaps}")
        equal(len(api.lists["pods"]), 1, "lists")
        wait_until(lambda: readyz(daemon)[0] == 200, "readiness", 40)


def test_forgotten_version():
    with scene("forgotten") as (node, api):
        gone = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old"}}
        api.lines["pods"].append(json.dumps(gone).encode())
        daemon = daemon_of(node, api.kubeconfig).start()
        wait_until(lambda: len(api.lists["pods"]) == 2, "a second list")
        equal(daemon.stop(), 0, "exit code")


def first_start(label, unselected):
    """What a pod that was there before the daemon gets, of a daemon that cannot reach the server."""
    with scene(label) as (node, api):
        nobody = f"{node.dir}/nobody.kubeconfig"
        write_kubeconfig(nobody, "https://127.0.0.1:1", f"{node.dir}/fake.crt")
        pod = node.pod("chat", uid=UID.replace("-", "_"))
        daemon = daemon_of(node, nobody, defaults={"unselected": unselected, "unknown": "Deny"}).spawn()
        wait_until(lambda: "pods: " in readyz(daemon)[1], "an answer of readyz", PATIENCE)
        equal(readyz(daemon)[0], 503, "readiness without a list")
        wait_until(lambda: "is ready" in log_of(daemon), "the daemon to attach")
        answers = {connect(pod) for _ in range(10)}
        if unselected == "Audit":
            check("until the API server" in log_of(daemon), daemon.log_tail())
            check(daemon.total("audited", "unknown-workload", "connect") >= 10, "nothing was reported")
        # and once there was a list, what is not in it is denied
        api.objects["pods"] = []
        daemon.stop()
        daemon = daemon_of(node, api.kubeconfig, defaults={"unselected": unselected, "unknown": "Deny"})
        daemon.start()
        wait_until(lambda: connect(pod) == "EPERM", "unknown: Deny after the first list")
        return answers


def test_first_start_blocks_nobody_who_audits():
    equal(first_start("audit", "Audit"), {"OK"}, "connects before the first list")


def test_first_start_stays_closed_where_it_should():
    equal(first_start("deny", "Deny"), {"EPERM"}, "connects before the first list")


def test_pod_of_unknown_namespace_is_unknown():
    """The two watches race. A policy that holds where a label is not there must not take the pod in before
    the namespace's labels are known."""
    with scene("namespace") as (node, api):
        spec = {"workloads": {"namespaceSelector": {"matchExpressions": [
            {"key": "tier", "operator": "NotIn", "values": ["prod"]}]}}, "allow": EVERYBODY["spec"]["allow"]}
        api.objects["clusteraiegresspolicies"][:] = [{**EVERYBODY, "spec": spec}]
        chat, lab = node.pod("chat", uid=UID.replace("-", "_")), node.pod("lab", uid=OTHER_UID.replace("-", "_"))
        api.objects["pods"] = [pod_object(namespace="late"), pod_object(name="lab", uid=OTHER_UID)]
        daemon = daemon_of(node, api.kubeconfig).start()
        wait_until(lambda: connect(lab) == "OK", "the pod of the known namespace")
        equal(connect(chat), "EPERM", "a pod whose namespace is not known")
        # the same by the watch
        late = {"metadata": {"name": "late", "uid": "n2", "labels": {"tier": "lab"}}}
        changed = pod_object(namespace="late", labels={"a": "b"})
        api.lines["pods"].append(json.dumps({"type": "MODIFIED", "object": changed}).encode())
        api.speak([])
        wait_until(lambda: len(api.watches["pods"]) == 2, "a second watch", 40)
        wait_until(lambda: readyz(daemon)[0] == 200, "readiness", 40)
        equal(connect(chat), "EPERM", "its change tells nothing of the namespace")
        api.lines["namespaces"].append(json.dumps({"type": "ADDED", "object": late}).encode())
        api.speak([])
        wait_until(lambda: connect(chat) == "OK", "the namespace to be known", 40)


def own_address():
    """One of this machine that is no loopback address: policies let those pass."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.254", 9))
        except OSError as error:
            raise Skip(f"this machine has no route: {error}") from None
        return sock.getsockname()[0]


def test_policy_for_everybody_leaves_the_daemon_its_server():
    """The daemon lives in a pod as all do. A policy that lets nothing out must still be deletable."""
    with scene("self", own_address()) as (node, api):
        own = "7d3c1f0a-0000-4000-8000-0000000000d1"
        lockdown = {**EVERYBODY, "spec": {"workloads": {"all": True}, "containment": "Strict", "allow": []}}
        api.objects["clusteraiegresspolicies"][:] = [lockdown]
        api.objects["pods"] = [pod_object(), pod_object(name="aegress-x", uid=own)]
        chat = node.pod("chat", uid=UID.replace("-", "_"))
        _, container = node.pod_cgroup(own.replace("-", "_"))
        daemon = daemon_of(node, api.kubeconfig)

        def enter():
            with open(f"{container}/cgroup.procs", "w", encoding="ascii") as procs:
                procs.write(str(os.getpid()))

        daemon.spawn(preexec_fn=enter)
        try:
            wait_until(lambda: readyz(daemon)[0] == 200, "readiness", PATIENCE)
            wait_until(lambda: connect(chat) == "EPERM", "the policy")
            deleted = json.dumps({"type": "DELETED", "object": lockdown}).encode()
            api.lines["clusteraiegresspolicies"].append(deleted)
            api.speak([])  # every connection ends, and is made anew
            free = lambda: chat.ask("connect", addr="198.51.100.7", port=443, proto="tcp", family="v4")
            wait_until(lambda: free()["errno"] == "OK", "the deletion to arrive", 40)
            wait_until(lambda: readyz(daemon)[0] == 200, "readiness", 40)
        finally:
            daemon.stop()


def homes(node):
    """What the kernel knows of workloads' network namespaces: cgroup -> (cookie, whether it was told)."""
    bpftool = shutil.which("bpftool", path=os.environ["PATH"] + ":/usr/sbin")
    if not bpftool:
        raise Skip("bpftool is not installed")
    done = subprocess.run([bpftool, "-j", "map", "dump", "pinned", f"{node.pins}/maps/homes"],
                          capture_output=True, text=True, check=True)
    word = lambda octets: int.from_bytes(bytes(int(octet, 16) for octet in octets), sys.byteorder)
    found = {word(row["key"]): word(row["value"]) for row in json.loads(done.stdout)}
    return {cgroup: (value & ~(1 << 63), value >> 63) for cgroup, value in found.items()}


def test_home_is_told_before_anything_is_asked():
    """Not the first socket says where a pod lives, but the daemon: a pod that has made none is known."""
    with scene("home") as (node, api):
        api.objects["pods"] = [pod_object()]
        daemon_of(node, api.kubeconfig).start()
        node.pod("chat", uid=UID.replace("-", "_"))
        pod_dir, _ = os.path.split(node.pods[-1].cgroup)
        wait_until(lambda: homes(node).get(os.stat(pod_dir).st_ino, (0, 0))[1] == 1, "its home to be told")
