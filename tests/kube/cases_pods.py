# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Identities and policies from the API server: what is written there is enforced on this node, soon,
and stays enforced when the server is away."""
import collections
import contextlib
import os
import signal
import statistics
import subprocess
import threading
import time
import urllib.request

from cluster import free_port
from harness import check, equal, wait_until
from kube_scene import FREE, GOVERNED, OTHER, kube_node, pod_object, policy_object

SOON = 0.1  # s, from the server's answer to the kernel's; the median of ROUNDS
ROUNDS = 9
PODS, BATCH = 1000, 20
SLOW = float(os.environ.get("AEGRESS_DEADLINE", "20")) / 20  # a busy machine's patience


def verdict(pod, addr):
    return pod.ask("connect", addr=addr, port=443, proto="tcp", family="v4")["errno"]


def until(pod, addr, errno, what, deadline=5.0):
    """Seconds until connections end like this."""
    begin = time.monotonic()
    wait_until(lambda: verdict(pod, addr) == errno, what, deadline)
    return time.monotonic() - begin


def answers(daemon, path):
    try:
        return daemon.get(path, raw=True)[0]
    except OSError:
        return None


def test_identity_policy_and_what_was_first():
    with kube_node("pods") as node:
        daemon = node.daemon_of_chart().start()
        node.apply_pod("chat-1", account="chat")
        chat = node.run_pod("chat-1")
        equal(verdict(chat, GOVERNED), "EPERM", "a pod without a policy, unselected: Deny")
        node.cluster.apply([policy_object("chat", accounts=["chat"], endpoint="test-inference")])
        until(chat, GOVERNED, "OK", "the policy to be enforced")
        equal(verdict(chat, OTHER), "EPERM", "no rule for this endpoint")
        equal(verdict(chat, FREE), "OK", "not governed")
        record = daemon.flow(1, destination__ip=GOVERNED, verdict="allowed")
        equal(record["policy"], f"{node.ns}/chat", "policy of the record")
        equal(record["workload"]["serviceAccount"], "chat", "service account of the record")
        equal(record["workload"]["uid"], node.uids["chat-1"], "uid of the record")
        node.cluster.kubectl("delete", "aiep", "-n", node.ns, "chat")
        until(chat, GOVERNED, "EPERM", "the policy to be gone")


def usual(what, rounds):
    """The median of them, printed; each is a pair: what changes something, what waits for it."""
    took = [wait() for change, wait in rounds if change() or True]
    print(f"# {what}: " + ", ".join(f"{t * 1000:.0f}" for t in took) + " ms")
    check(statistics.median(took) < SOON, f"{what}: the median is {statistics.median(took):.3f} s")


def test_changes_are_soon_enforced():
    with kube_node("soon") as node:
        node.apply_pod("p", account="chat", labels={"tier": "other"})
        node.daemon_of_chart().start()
        pod, cluster = node.run_pod("p"), node.cluster
        policy = policy_object("chat", accounts=["chat"], endpoint="test-inference")
        path = f"/apis/aegress.dev/v1alpha1/namespaces/{node.ns}/aiegresspolicies"
        until(pod, GOVERNED, "EPERM", "the pod to be known")
        add = (lambda: cluster.request("POST", path, policy), lambda: until(pod, GOVERNED, "OK", "added"))
        delete = (lambda: cluster.request("DELETE", f"{path}/chat"),
                  lambda: until(pod, GOVERNED, "EPERM", "deleted"))
        usual("policies added and deleted", [add, delete] * ROUNDS)
        add[0]()
        until(pod, GOVERNED, "OK", "added")

        def point(endpoint):
            rules = [{"name": "it", "to": [{"endpoint": endpoint}]}]
            return lambda: cluster.patch(f"{path}/chat", {"spec": {"allow": rules}})

        usual("policies changed", [
            (point("test-upload"), lambda: until(pod, OTHER, "OK", "changed")),
            (point("test-inference"), lambda: until(pod, OTHER, "EPERM", "changed back")),
        ] * ROUNDS)
        delete[0]()
        cluster.apply([policy_object("by-label", labels={"tier": "chat"}, endpoint="test-inference"),
                       policy_object("by-namespace", namespace_labels={"env": "prod"},
                                     endpoint="test-upload")])
        until(pod, GOVERNED, "EPERM", "both policies")

        def label(path, key, value):
            return lambda: cluster.patch(path, {"metadata": {"labels": {key: value}}})

        own = f"/api/v1/namespaces/{node.ns}/pods/p"
        usual("pods relabelled", [
            (label(own, "tier", "chat"), lambda: until(pod, GOVERNED, "OK", "labelled")),
            (label(own, "tier", "other"), lambda: until(pod, GOVERNED, "EPERM", "labelled back")),
        ] * ROUNDS)
        usual("namespaces relabelled", [
            (label(f"/api/v1/namespaces/{node.ns}", "env", "prod"),
             lambda: until(pod, OTHER, "OK", "labelled")),
            (label(f"/api/v1/namespaces/{node.ns}", "env", "lab"),
             lambda: until(pod, OTHER, "EPERM", "labelled back")),
        ] * ROUNDS)


LAYOUTS = {  # of a pod's cgroup, and of a container's in it
    "systemd, burstable, containerd": ("kubepods.slice/kubepods-burstable.slice/"
                                       "kubepods-burstable-pod{_}.slice", "cri-containerd-{c}.scope"),
    "systemd, best effort, CRI-O": ("kubepods.slice/kubepods-besteffort.slice/"
                                    "kubepods-besteffort-pod{_}.slice", "crio-{c}.scope"),
    "systemd, guaranteed, containerd": ("kubepods.slice/kubepods-pod{_}.slice", "cri-containerd-{c}.scope"),
    "systemd, guaranteed, CRI-O, nested": ("kubepods.slice/kubepods-pod{_}.slice", "crio-{c}.scope/container"),
    "cgroupfs, burstable": ("kubepods/burstable/pod{-}", "{c}"),
    "cgroupfs, best effort, CRI-O": ("kubepods/besteffort/pod{-}", "crio-{c}"),
    "cgroupfs, guaranteed, nested": ("kubepods/pod{-}", "{c}/init/inner"),
}


def test_layouts():
    """Whatever the driver, the runtime and the class: the pod's policy holds in the innermost cgroup."""
    with kube_node("layouts") as node:
        node.cluster.apply([policy_object("chat", labels={"tier": "chat"}, endpoint="test-inference"),
                            policy_object("nobody", everyone=True, endpoint="test-upload")])
        daemon = node.daemon_of_chart()
        daemon.config["cgroup"] = {"root": node.cgroup_root, "managed": ["kubepods.slice", "kubepods"]}
        daemon.start()
        for number, (layout, (pod, container)) in enumerate(LAYOUTS.items()):
            for tier, wanted in (("chat", "OK"), ("none", "EPERM")):
                name = f"l{number}-{tier}"
                node.apply_pod(name, labels={"tier": tier})
                uid = node.uids[name]
                pod_dir = pod.replace("{_}", uid.replace("-", "_")).replace("{-}", uid)
                inner = f"{pod_dir}/{container.replace('{c}', 64 * 'c')}"
                parts = inner.split("/")
                for i in range(1, len(parts) + 1):
                    if not os.path.isdir(os.path.join(node.cgroup_root, *parts[:i])):
                        node.cgroup("/".join(parts[:i]))
                pod_process = node.pod(name, cgroup=os.path.join(node.cgroup_root, inner))
                until(pod_process, GOVERNED, wanted, f"{layout}, {tier}")
                if wanted == "EPERM":
                    until(pod_process, OTHER, "OK", f"{layout}: the pod to be known")


def test_upgrade_under_a_flood():
    """Another daemon takes over while pods connect all the time: every single answer is the policy's."""
    with kube_node("upgrade") as node:
        node.cluster.apply([policy_object("chat", accounts=["chat"], endpoint="test-inference")])
        node.apply_pod("chat-1", account="chat")
        daemon = node.daemon_of_chart().start()
        chat = node.run_pod("chat-1")
        until(chat, GOVERNED, "OK", "the policy")
        found, done = collections.Counter(), threading.Event()

        def flood():
            while not done.is_set():
                found[verdict(chat, GOVERNED), verdict(chat, OTHER)] += 1

        thread = threading.Thread(target=flood)
        thread.start()
        try:
            for _ in range(2):
                before = sum(found.values())
                equal(daemon.stop(), 0, "exit code")
                wait_until(lambda: sum(found.values()) > before + 100, "connections without a daemon")
                daemon.start()
                before = sum(found.values())
                wait_until(lambda: sum(found.values()) > before + 100, "connections with the new one")
        finally:
            done.set()
            thread.join()
        print(f"# {2 * sum(found.values())} connections")
        equal(set(found), {("OK", "EPERM")}, "answers")


def test_uninstall():
    """With the capabilities of the chart's cleanup container: nothing is attached or pinned afterwards."""
    with kube_node("uninstall") as node:
        node.apply_pod("chat-1", account="chat")
        daemon = node.daemon_of_chart().start()
        chat = node.run_pod("chat-1")
        until(chat, GOVERNED, "EPERM", "the pod")
        argv = daemon.argv()
        equal(daemon.stop(), 0, "exit code")
        equal(verdict(chat, GOVERNED), "EPERM", "a stop ends nothing")
        done = subprocess.run([*argv, "--cleanup"], capture_output=True, text=True, check=False)
        equal(done.returncode, 0, done.stderr)
        equal(verdict(chat, GOVERNED), "OK", "after the cleanup")
        check(not os.path.exists(node.pins) or not os.listdir(node.pins), "pins are left")


def test_unknown_pod_is_denied_until_it_is_known():
    with kube_node("unknown") as node:
        node.cluster.apply([policy_object("all", endpoint="test-inference", everyone=True)])
        node.daemon_of_chart().start()
        pod = node.run_pod("late", uid="7d3c1f0a-0000-4000-8000-00000000aaaa")
        equal(verdict(pod, GOVERNED), "EPERM", "a pod that the API server does not know")
        node.cluster.apply([pod_object(node, "late")])
        uid = node.real_uid("late")
        other = node.run_pod("late-real", uid=uid)
        until(other, GOVERNED, "OK", "the pod to be known")
        equal(verdict(pod, GOVERNED), "EPERM", "the other cgroup stays unknown")


def test_server_gone_and_back():
    with kube_node("outage") as node:
        node.cluster.apply([policy_object("chat", accounts=["chat"], endpoint="test-inference")])
        node.apply_pod("chat-1", account="chat")
        daemon = node.daemon_of_chart().start()
        chat = node.run_pod("chat-1")
        until(chat, GOVERNED, "OK", "the policy")
        node.cluster.kill_api()
        for _ in range(20):
            equal((verdict(chat, GOVERNED), verdict(chat, OTHER)), ("OK", "EPERM"), "while it is away")
        daemon.kill()  # and the daemon restarts meanwhile
        daemon.spawn()
        wait_until(lambda: answers(daemon, "/livez") == 200, "the daemon to live")
        equal(answers(daemon, "/readyz"), 503, "readiness without an API server")
        for _ in range(20):
            equal((verdict(chat, GOVERNED), verdict(chat, OTHER)), ("OK", "EPERM"),
                  "after a restart without it")
        node.cluster.start_api()
        node.cluster.kubectl("delete", "aiep", "-n", node.ns, "chat")
        until(chat, GOVERNED, "EPERM", "the deletion to arrive", 40)


def new_lists(port):
    """Lists after the first ones, of all resources, as the metrics count them."""
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            f"http://127.0.0.1:{port}/metrics", timeout=20) as response:
        lines = response.read().decode().splitlines()
    found = [int(line.split()[1]) for line in lines
             if line.startswith("aegress_kube_watch_restarts_total{")]
    equal(len(found), 5, "resources")
    return sum(found)


def test_compaction():
    """A watch whose version the server has forgotten begins with a new list, and misses nothing. The daemon
    is held while the versions that it knows go."""
    with kube_node("gone") as node:
        node.apply_pod("chat-1", account="chat")
        port = free_port()
        daemon = node.daemon_of_chart(metrics={"listen": f"127.0.0.1:{port}"}).start()
        chat = node.run_pod("chat-1")
        until(chat, GOVERNED, "EPERM", "the pod")
        node.cluster.kill_api()
        wait_until(lambda: answers(daemon, "/readyz") == 503, "the daemon to see it")
        equal(new_lists(port), 0, "lists after the first ones")
        os.kill(daemon.process.pid, signal.SIGSTOP)
        try:
            node.cluster.start_api()
            node.cluster.apply([policy_object(f"chat-{i}", accounts=["chat"], endpoint="test-inference")
                                for i in range(5)])
            node.cluster.compact()
            node.cluster.kill_api()
            node.cluster.start_api()
        finally:
            os.kill(daemon.process.pid, signal.SIGCONT)
        until(chat, GOVERNED, "OK", "the policies, by a new list", 60)
        check(new_lists(port) >= 1, "no new list: the server had not forgotten the version")
        wait_until(lambda: answers(daemon, "/readyz") == 200, "readiness", 60)


def test_one_bad_policy_of_many():
    with kube_node("bad") as node:
        node.apply_pod("chat-1", account="chat")
        node.cluster.apply([
            policy_object("bad", accounts=["chat"], endpoint="no-such-endpoint"),
            policy_object("good", accounts=["chat"], endpoint="test-inference"),
        ])
        daemon = node.daemon_of_chart().start()
        chat = node.run_pod("chat-1")
        until(chat, GOVERNED, "OK", "the good policy")
        check("AIEgressPolicy " + node.ns + "/bad is refused" in daemon.whole_log(), daemon.log_tail())


def test_hostile_objects():
    """Surprising fields, much of nothing, odd text: what can be used is, and memory stays bounded."""
    with kube_node("hostile") as node:
        daemon = node.daemon_of_chart().start()
        before = daemon.resident_mib()
        for i in range(20):
            big = pod_object(node, f"big-{i}", annotations={"blob": "x" * 200_000, "uni": "ｅｇｒéｓｓ 🚀"})
            node.cluster.apply([big])
        node.apply_pod("chat-1", account="chat", annotations={"a": "\u2028\t\u0001"})
        node.cluster.apply([policy_object("chat", accounts=["chat"], endpoint="test-inference")])
        chat = node.run_pod("chat-1")
        until(chat, GOVERNED, "OK", "the policy")
        grown = daemon.resident_mib() - before
        print(f"# 4 MB of annotations: {grown:.1f} MiB more resident")
        # nearly what the server takes in one request; as JSON each of these characters is six bytes
        huge = pod_object(node, "huge")
        huge["spec"]["containers"][0]["args"] = ["\u0001" * 500_000]
        node.cluster.request("POST", f"/api/v1/namespaces/{node.ns}/pods", huge)
        node.cluster.apply([policy_object("chat", accounts=["chat"], endpoint="test-upload")])
        until(chat, OTHER, "OK", "the policy behind it")
        node.apply_pod("chat-2", account="chat")
        until(node.run_pod("chat-2"), OTHER, "OK", "the pod behind it")
        check("too long" not in daemon.whole_log(), daemon.log_tail())
        grown = daemon.resident_mib() - before
        print(f"# and an object of 3 MB: {grown:.1f} MiB more resident")
        check(grown < 24, f"grew by {grown:.1f} MiB")


def churn_batch(node, api, number, hasty):
    """Pods of one batch, each with its first connection: [(who, errno)]. A hasty pod connects as soon as it
    has a cgroup, sooner than any runtime can; of the others all cgroups are made before."""
    names = [f"churn-{number}-{i}" for i in range(BATCH)]
    tier = lambda i: "chat" if i % 2 else "none"
    for i, name in enumerate(names):
        node.cluster.post_pod(node, name, over=api, labels={"tier": tier(i)})
    made = {} if hasty else {name: node.pod_cgroup(node.uids[name].replace("-", "_")) for name in names}
    results = [(tier(i), node.first_connect(name, GOVERNED, made.get(name)))
               for i, name in enumerate(names)]
    for name in names:
        node.cluster.delete_pod(node, name, over=api)
    return results


def test_many_pods_none_unpoliced():
    """A thousand within a minute, each connects with its first instruction: whom no rule allows never gets
    through, known or not; and nearly all are known, for whom a rule allows is not kept waiting."""
    with kube_node("churn") as node:
        node.cluster.apply([policy_object("nobody", everyone=True, endpoint="test-upload"),
                            policy_object("chat", labels={"tier": "chat"}, endpoint="test-inference")])
        daemon = node.daemon_of_chart().start()
        begin, hasty, calm = time.monotonic(), [], []
        with contextlib.closing(node.cluster.connection()) as api:
            for number in range(PODS // BATCH):
                (calm if number % 2 else hasty).extend(churn_batch(node, api, number, number % 2 == 0))
        took = time.monotonic() - begin
        let_in = [errno for tier, errno in calm if tier == "chat"].count("OK") / (len(calm) / 2)
        early = [errno for tier, errno in hasty if tier == "chat"].count("OK") / (len(hasty) / 2)
        leaked = [errno for tier, errno in hasty + calm if tier == "none" and errno != "EPERM"]
        print(f"# {PODS} pods in {took:.1f} s, {len(leaked)} unpoliced connections; known at the first "
              f"instruction: {100 * let_in:.1f} %, without any runtime's delay {100 * early:.1f} %")
        equal((len(hasty) + len(calm), leaked), (PODS, []), "pods, and the unpoliced of them")
        check(took <= 60 * SLOW, f"it took {took:.0f} s")
        check(let_in >= 0.95, f"only {100 * let_in:.1f} % were known")
        check({errno for _, errno in hasty + calm} == {"OK", "EPERM"}, "other errors")
        denied = sum(daemon.total("denied", reason, "connect")
                     for reason in ("no-rule", "unknown-workload"))
        equal(denied, sum(errno == "EPERM" for _, errno in hasty + calm), "connections counted as denied")
