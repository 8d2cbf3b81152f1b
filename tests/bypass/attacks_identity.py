# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Identity: being taken for somebody else."""
import os

from corpus import attack, shot
from harness import Pod, Skip, check, equal, run, wait_until
from layers_scene import layers
from stage import ALLOWED, DENIED, DENIED6, FREE, FREE6, WORKLOADS

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


@shot("fd passing: a connection that a neighbour has made, and may have",
      "nobody can tell a passed descriptor from a proxy",
      "it stays the neighbour's: counted, limited and revoked as its own",
      "connections are decided when they are made",
      remains="who is allowed may send for others, by descriptor or by relaying; keep Unix sockets of pods apart")
def passed_connection(it):
    path = os.path.join(it.node.dir, "pass.sock")
    it.pod.post("take_socket", path=path, send=10)
    check(it.pod.read()["listening"], "not listening")
    equal(it.ask("neighbour", "send_socket", path=path, family="v4", addr=DENIED, port=443)["errno"], "OK", "passing")
    os.unlink(path)
    equal(it.pod.read()["errno"], "OK", "sending")


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


@shot("ping socket of a pod without a veth, connected to what is free first",
      "the socket is known and trusted",
      "each packet goes by its own address",
      "cgroup_skb: sockets that are neither TCP nor UDP are never done with",
      remains="connect() leaves state that lets the socket's packets pass; `require: [tc]` keeps such pods out")
def ping_retargeted_no_veth(it):
    with it.host_pod() as pod:
        for addr, cover in ((DENIED, FREE), (DENIED6, FREE6)):
            it.trick("ping-after-connect", addr, cover, pod=pod)
            it.trick("ping-socket", addr, pod=pod)


@shot("source routes of a pod without a veth: IP_OPTIONS, IPV6_RTHDR",
      "the hook sees the harmless address; no privilege needed",
      "dropped where a veth is (source-routing, segment-routing)",
      "cgroup_skb compares the header with what was decided",
      remains="no hook of the cgroup sees the options of a socket or reads the header of what was let through; "
              "`require: [tc]` denies such pods, and a network drops source routes unless told to honour them")
def source_routing_no_veth(it):
    with it.host_pod() as pod:
        for trick in ("source-route", "source-route-later", "source-route-tcp"):
            it.trick(trick, DENIED, FREE, pod=pod)
        it.trick("segment-route", DENIED6, FREE6, pod=pod)


# How `ip link` makes an interface that has no peer on the host.
NO_VETH = {
    "macvlan": "link add eth0 link up0 netns {} type macvlan mode bridge",
    "ipvlan": "link add eth0 link up0 netns {} type ipvlan mode l2",
    "netkit": "link add eth0 netns {} type netkit",
}


def pod_without_veth(it, kind):
    """A namespace beside the host's: its link is as good as the host's own."""
    netns, addr = f"{it.node.id}-{kind}", "192.0.2.250"
    run("ip", "netns", "add", netns)
    it.node.netns.append(netns)
    made = run("ip", "-n", it.node.host, *NO_VETH[kind].format(netns).split(), ok=False)
    if made.returncode:
        raise Skip(f"this kernel makes no {kind}: {made.stderr.strip().splitlines()[0]}")
    for line in ("link set lo up", "link set eth0 up", f"addr add {addr}/32 dev eth0",
                 "route add 192.0.2.2 dev eth0", "route add default via 192.0.2.2"):
        run("ip", "-n", netns, *line.split())
    run("ip", "-n", it.node.world.netns, "route", "replace", addr, "dev", "down0")
    return netns


def without_veth(it, kind):
    """Where it works at all: what is free is reached, what needs TC is not, and it is said why."""
    netns = pod_without_veth(it, kind)
    with it.another_pod("required" + kind, netns) as required, it.another_pod("chat" + kind, netns) as chat:
        wait_until(lambda: layers(it.daemon, "required-1") == "cgroup (no veth)", "the report of it")
        wait_until(lambda: it.connects(ALLOWED, chat) == "OK", "the control: a pod that needs no TC")
        equal(it.connects(FREE, required), "OK", "the control: the way out")
        wait_until(lambda: it.denials_now("connect", "layer") or it.connects(ALLOWED, required) and None, "layer")
        for addr in (ALLOWED, DENIED):
            equal(it.connects(addr, required), "EPERM", f"{addr}, where TC is required")
            it.trick("udp", addr, pod=required)
        equal(it.connects(DENIED, chat), "EPERM", "by its cgroup")
        equal(it.trick("udp", DENIED, pod=chat), "EPERM", "by its cgroup")


def attack_without_veth(kind):
    def run_it(it):
        without_veth(it, kind)
    run_it.__name__ = "no_veth_" + kind
    attack(f"a pod with {kind} instead of a veth",
           "attached to nothing, and nobody says so",
           "enforced by its cgroup and reported as such; `require: [tc]` denies: layer",
           "what TC cannot see is a flag of the identity, looked at after every decision",
           target=(DENIED, NOBODY6))(run_it)


for one in NO_VETH:
    attack_without_veth(one)


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
