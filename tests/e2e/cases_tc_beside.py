# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""TC beside others: a CNI's programs at the same interface, what is reported of who is seen, and what
is denied to those who are not."""
import contextlib
import os
import signal
import subprocess
import sys

from harness import BUILD, Pod, Skip, check, equal, run, wait_until
from layers_scene import (ALLOWED, DENIED, FREE, POLICIES, SOURCE, WORKLOADS, frames, layers, stage, tc_frames,
                          watching)
from monitor import LISTEN, parse_metrics

NEIGHBOUR = os.path.join(BUILD, "e2e", "neighbour")
PLACES = ("first", "last", "clsact")


class Neighbour:
    """A program of somebody else at the host's end of the pod's veth."""

    def __init__(self, node, place):
        self.process = subprocess.Popen(["nsenter", f"--net=/run/netns/{node.host}", NEIGHBOUR, "p1", place],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "0\n":
            check(self.process.wait() == 3, f"{place}: not attached")
            raise Skip("this kernel has no tcx")

    def count(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def end(self):
        self.process.communicate(timeout=30)


@contextlib.contextmanager
def neighbours(node, places=PLACES):
    """Before ours or after it, and a filter of the old kind."""
    with contextlib.ExitStack() as stack:
        found = {}
        for place in places:
            found[place] = Neighbour(node, place)
            stack.callback(found[place].end)
        yield found


def seen_by(node, pod, found, dst):
    """Who has seen one SYN to an address, and whether it arrived."""
    before = {place: one.count() for place, one in found.items()}
    with watching(node) as seen:
        frames(node, pod, "send", SOURCE, dst, 443, "syn4")
    arrived = seen["frames"] > 0
    return {place for place, one in found.items() if one.count() > before[place]}, arrived


def check_all(node, pod, found, what, before_ours=()):
    """What is allowed everybody sees, what is denied only who stands before us."""
    equal(seen_by(node, pod, found, ALLOWED), (set(found), True), f"{what}: what is allowed")
    # The pod's kernel has its own say now and then, of routers and groups: that is not denied.
    wait_until(lambda: seen_by(node, pod, found, DENIED) == (set(before_ours), False), f"{what}: only {before_ours} "
               "to see what is denied")


def test_programs_of_a_cni():
    """They run before and after us, and nothing that becomes of us takes them off."""
    with stage() as (node, daemon, pod):
        with neighbours(node) as found:
            check_all(node, pod, found, "beside us", ["first"])
            generation = daemon.generation()
            node.write(node.policies, "policies.yaml", POLICIES + "# again\n")
            wait_until(lambda: daemon.generation() > generation, "the next generation")
            check_all(node, pod, found, "after a reload", ["first"])
            daemon.kill()
            check_all(node, pod, found, "while the daemon is dead", ["first"])
            daemon.start()
            wait_until(lambda: layers(daemon, "chat-1") == "cgroup, tc", "TC to be adopted")
            check_all(node, pod, found, "after a restart", ["first"])
            daemon.stop()
            run("nsenter", f"--net=/run/netns/{node.host}", *daemon.argv()[2:3], "--cleanup", "--pin-dir", node.pins)
            for dst in (ALLOWED, DENIED):
                equal(seen_by(node, pod, found, dst), (set(PLACES), True), f"without us: {dst}")


def test_programs_that_are_there_already():
    """Ours is put in front: what it drops nobody sees."""
    with stage(covered=False, tc="off") as (node, daemon, pod):
        with neighbours(node) as found:
            daemon.stop()
            daemon.config["tc"] = "auto"
            daemon.start()
            wait_until(lambda: layers(daemon, "chat-1") == "cgroup, tc", "TC to see the pod")
            check_all(node, pod, found, "in front of them")


def scraped(node, daemon):
    """The metrics, as something in the host's namespace sees them."""
    url = f"http://{daemon.get('/v1/status')['metrics']}/metrics"
    fetch = f"import urllib.request as r; print(r.build_opener(r.ProxyHandler({{}})).open({url!r}).read().decode())"
    return parse_metrics(run("nsenter", f"--net=/run/netns/{node.host}", sys.executable, "-c", fetch).stdout.strip())


def labelled(metrics, name):
    return {dict(labels).popitem()[1]: value for (found, labels), value in metrics.items() if found == name}


def test_metrics():
    """They say what the status says: who is seen by what, and what became of each frame."""
    with stage(metrics=LISTEN) as (node, daemon, pod):
        host = add_host_pod(node, daemon)
        equal(host.ask("connect", addr=ALLOWED, port=443, family="v4")["errno"], "OK", "no TC, none required")
        equal(pod.ask("connect", addr=ALLOWED, port=443, family="v4")["errno"], "OK", "a verified socket")
        for dst, name in ((DENIED, "syn4"), (ALLOWED, "syn4"), (DENIED, "arp")):
            frames(node, pod, "send", SOURCE, dst, 443, name)
        status = daemon.get("/v1/status")["tc"]
        wait_until(lambda: labelled(scraped(node, daemon), "aegress_frames_total") == tc_frames(daemon),
                   "the metric to say what the status says")
        metrics = scraped(node, daemon)
        layers_seen = {word: count for word, count in labelled(metrics, "aegress_workload_layers").items() if count}
        equal(layers_seen, {"cgroup, tc": 1, "cgroup (host network)": 1}, "aegress_workload_layers")
        equal({word: count for word, count in status["layers"].items() if count}, layers_seen, "the status")
        result = labelled(metrics, "aegress_frames_total")
        for word in ("denied", "allowed", "local", "verified"):
            check(result[word] > 0, f"aegress_frames_total: {word} in {result}")


def add_host_pod(node, daemon):
    node.write(node.workloads, "more.yaml", WORKLOADS.replace("chat-1", "chat-2").replace("podchat1", "podchat2"))
    daemon.process.send_signal(signal.SIGHUP)
    _, cgroup = node.pod_cgroup("chat2")
    pod = Pod(node, "chat2", cgroup, node.host).start()
    node.pods.append(pod)
    wait_until(lambda: layers(daemon, "chat-2") == "cgroup (host network)", "the host's pod to be known")
    return pod


def test_required_by_the_configuration():
    """`tc: require` is `require: [tc]` in every policy: who has no veth reaches nothing governed."""
    with stage(tc="require") as (node, daemon, pod):
        host = add_host_pod(node, daemon)
        ask = lambda who, addr: who.ask("connect", addr=addr, port=443, family="v4")["errno"]
        wait_until(lambda: ask(host, ALLOWED) == "EPERM", "the denial")
        check(daemon.total("denied", "layer", "connect") > 0, "counter")
        equal(ask(host, FREE), "OK", "what nobody governs")
        equal(ask(pod, ALLOWED), "OK", "a pod that TC sees")
        daemon.stop()
        daemon.config["tc"] = "auto"
        daemon.start()
        wait_until(lambda: ask(host, ALLOWED) == "OK", "the grant, where it is not required")
