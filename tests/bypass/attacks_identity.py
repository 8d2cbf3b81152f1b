# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Identity: being taken for somebody else."""
import os

from corpus import attack
from harness import Pod, check, equal, wait_until
from stage import ALLOWED, DENIED, DENIED6, WORKLOADS

NOBODY6 = "2001:db8:dead::1"


def hand_over(it, maker, user, addr):
    path = os.path.join(it.node.dir, "pass.sock")
    user.post("take_socket", path=path, addr=addr, port=443, family="v4")
    check(user.read()["listening"], "not listening")
    equal(maker.ask("send_socket", path=path, family="v4")["errno"], "OK", "passing")
    os.unlink(path)
    return user.read()["errno"]


@attack("fd passing: a socket that a neighbour made, or made for a neighbour",
        "nobody compares maker and user",
        "the stricter of the two decides",
        "the kernel keeps the maker's cgroup with the socket; connect() compares it with the caller's")
def passed_socket(it):
    chat, neighbour = it.pods["chat"], it.pods["neighbour"]
    for maker, user in ((neighbour, chat), (chat, neighbour), (it.node.world, chat)):
        equal(hand_over(it, maker, user, DENIED), "EPERM", f"made in {maker.name}, used in {user.name}")


@attack("leaving the cgroup: a privileged process moves itself out of the pod",
        "accepted by all that know cgroups only",
        "TC goes on enforcing: the interface stays the pod's",
        "TC: identity by interface; the frames of such sockets are judged by their headers")
def cgroup_migration(it):
    with it.moved(it.pod, os.path.join(it.node.cgroup_root, "world.slice")):
        for addr in (DENIED, DENIED6):
            it.trick("udp", addr)
            equal(it.trick("tcp", addr), "ETIMEDOUT", addr)
    equal(it.connects(ALLOWED), "OK", "the control, back in the pod")


@attack("a nested cgroup with the name of another pod",
        "tools that match path names anywhere take it for that pod",
        "whatever is below a pod is that pod",
        "the first component that looks like a pod's counts (user/workload/pod.c); globs do not cross '/'")
def nested_name(it):
    inner = os.path.relpath(it.pod.cgroup, it.node.cgroup_root) + "/kubepods-burstable-podneighbour9.slice"
    with it.moved(it.pod, it.node.cgroup(inner)):
        for addr in (DENIED, DENIED6):
            equal(it.connects(addr), "EPERM", "at once")
        it.reload()
        for addr in (DENIED, DENIED6):
            equal(it.connects(addr), "EPERM", "after everything was looked at again")


def end(it, pod):
    pod.stop()
    it.node.pods.remove(pod)
    wait_until(lambda: remove(pod.cgroup) and remove(os.path.dirname(pod.cgroup)), "the directories to go")


def remove(path):
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def start(it, uid, netns):
    _, cgroup = it.node.pod_cgroup(uid)
    pod = Pod(it.node, uid, cgroup, netns).start()
    it.node.pods.append(pod)
    return pod


@attack("address and cgroup id reuse: a new pod where an allowed one was",
        "cilium#16565, antrea#6507, tracee#1534: a late event, and the new pod inherits",
        "denied from its first socket on",
        "identity is the cgroup, whose number is used once; unknown pods are denied until they are known",
        target=(DENIED, NOBODY6))
def reused_address(it):
    netns = it.node.pod_netns("reused")
    former = start(it, "neighbour7", netns)
    wait_until(lambda: it.connects(DENIED6, former) == "OK", "the control: the former pod is let through")
    end(it, former)
    stranger = start(it, "stranger7", netns)
    for _ in range(3):
        equal(it.connects(DENIED, stranger), "EPERM", "the same address, another pod")
    it.trick("udp", DENIED, pod=stranger)
    end(it, stranger)


IMPOSTOR = """\
apiVersion: aegress.dev/v1alpha1
kind: Workload
metadata:
  name: impostor-1
  namespace: other
  labels: {serviceAccount: neighbour, namespace: ml, "kubernetes.io/metadata.name": ml,
           "io.cilium.k8s.policy.serviceaccount": neighbour, "aegress.dev/service-account": neighbour}
spec: {cgroup: "kubepods.slice/*/kubepods-*podimpostor*.slice"}
"""


@attack("label tricks: labels that look like a service account or a namespace",
        "CVE-2023-39347, CVE-2023-41333: reserved keys were labels like others",
        "they are labels and nothing else: denied",
        "namespace and service account are fields of their own, never read from labels")
def label_tricks(it):
    before = it.daemon.generation()
    it.node.write(it.node.workloads, "workloads.yaml", WORKLOADS + "---\n" + IMPOSTOR)
    pod = start(it, "impostor5", it.node.pod_netns("impostor"))
    wait_until(lambda: "impostor-1" in [one["name"] for one in it.daemon.get("/v1/workloads")["items"]
                                        if one.get("instances", 1)], "the impostor to be known")
    it.reload()
    check(it.daemon.generation() > before, "reloaded")
    equal(it.connects(DENIED, pod), "EPERM", "the impostor")
    it.trick("udp", DENIED, pod=pod)
    end(it, pod)
    it.node.write(it.node.workloads, "workloads.yaml", WORKLOADS)


@attack("a pod in the host's network namespace: there is no veth",
        "almost nobody polices it",
        "enforced by its cgroup, and reported as such; `require: [tc]` denies",
        "cgroup programs at the managed root hold for every namespace")
def host_network(it):
    pod = start(it, "chathost", it.node.host)
    for addr in (DENIED, DENIED6):
        wait_until(lambda to=addr: it.connects(to, pod) == "EPERM", addr)
        equal(it.trick("udp", addr, pod=pod), "EPERM", addr)
    it.trick("raw-header", DENIED, "192.0.2.1", pod=pod)
    end(it, pod)
