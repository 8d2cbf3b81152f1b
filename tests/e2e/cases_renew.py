# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""An address stays while connections use it: longer than the answer said, over reloads and while no
daemon runs, and no longer than they do. Strictly contained: what is not known is not reached."""
import contextlib
import resource
import time

from cases_connect import wait_for_instances
from harness import check, equal, wait_until
from monitor import LISTEN, Monitor
from names_scene import OTHER, POLICIES, SHARED, NamesNode, https, names, resolve, served

SHORT, TTL = "198.51.100.57", 4  # a resolver whose answers, like the least time, are good so long, s
NAME, UNUSED = "a.cdn.hub.test", "a.wild.test"
STRICT = """\
---
apiVersion: aegress.dev/v1alpha1
kind: AIEgressPolicy
metadata: {name: contain, namespace: ml}
spec:
  workloads: {serviceAccounts: [chat]}
  containment: Strict
  allow: [{name: hub, to: [{endpoint: hub}]}]
"""


def policies(pattern):
    """Those of the scene, contained strictly, with another pattern for NAME in place of *.hub.test."""
    return POLICIES.replace('[hub.test, "*.hub.test"]', f'["{pattern}"]') + STRICT


class RenewNode(NamesNode):
    policies_yaml = policies("*.hub.test")


@contextlib.contextmanager
def scene(**config):
    """A pod that knows two names, and holds a connection by one of them."""
    with RenewNode() as node:
        node.world_ip("addr", "add", f"{SHORT}/32", "dev", "lo")
        node.start_dnsmasq("short", node.records, (SHORT,), ttl=TTL)
        daemon = node.started(dns={"resolvers": [SHORT], "minTtl": f"{TTL}s"}, **config)
        pod = node.named_pod("chat", resolver=SHORT)
        wait_for_instances(daemon, 1)
        resolve(pod, UNUSED, "v4")
        resolve(pod, NAME, "v4")
        equal(pod.ask("hold_https", name=NAME, addr=SHARED, ca=node.ca)["errno"], "OK", "a connection")
        yield node, daemon, pod


def stays(daemon):
    """NAME is listed all the while that its time passes over and over, and the other's time is over."""
    begin = time.monotonic()
    while time.monotonic() - begin < 2 * TTL + 2:
        check(NAME in names(daemon), f"{NAME} expired after {time.monotonic() - begin:.1f} s")
        time.sleep(0.1)
    check(UNUSED not in names(daemon), f"{UNUSED} is not used and did not expire")


def still_open(pod):
    equal(pod.ask("held_https", name=NAME)["texts"], [f"hello from {NAME}"], "the connection that stands")


def goes_with_the_connection(daemon, pod):
    pod.ask("drop_held")
    wait_until(lambda: NAME not in names(daemon), "the name to expire")
    time.sleep(1.1)  # it is good to the end of its last second
    equal(https(pod, NAME, SHARED), "EPERM", "where nothing is known")


def held(daemon):
    return daemon.get("/v1/status")["dns"]["learned"]["held"]


def test_an_address_stays_while_a_connection_uses_it():
    with scene() as (_, daemon, pod):
        stays(daemon)
        check(held(daemon) > 0, "nothing was counted")
        equal(https(pod, UNUSED, OTHER), "EPERM", "the address that nobody used")
        served(pod, NAME, SHARED)
        still_open(pod)
        goes_with_the_connection(daemon, pod)


def test_reloads_revoke_nothing_that_stands():
    """The pattern that let it through is gone: it is decided again by its address."""
    with scene() as (node, daemon, pod):
        for pattern in ("*.cdn.hub.test", NAME, "*.hub.test"):
            stays(daemon)
            before = daemon.generation()
            node.write(node.policies, "policies.yaml", policies(pattern))
            wait_until(lambda before=before: daemon.generation() > before, f"a generation with {pattern}")
            equal(names(daemon)[NAME]["pattern"], pattern, "the pattern now")
            equal(daemon.total("denied", "revoked", "revoke"), 0, f"revoked with {pattern}")
            still_open(pod)
        goes_with_the_connection(daemon, pod)


def test_time_that_passes_without_a_daemon():
    with scene() as (node, daemon, pod):
        daemon.kill()
        time.sleep(2 * TTL)
        node.write(node.policies, "policies.yaml", policies("*.cdn.hub.test"))
        daemon.start()
        equal(names(daemon)[NAME]["pattern"], "*.cdn.hub.test", "the pattern now")
        check(UNUSED not in names(daemon), f"{UNUSED} came back")
        equal(daemon.total("denied", "revoked", "revoke"), 0, "revoked")
        still_open(pod)
        goes_with_the_connection(daemon, pod)


@contextlib.contextmanager
def no_descriptor_free(daemon):
    """An iterator over storage is read through a descriptor of its own; seats need none."""
    pid = daemon.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, before[1]))  # those that it has stay
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


def test_storage_is_not_looked_at():
    """Counted, said once. Whoever sits is found all the same."""
    said = "addresses that connections use cannot be found"
    with scene(metrics=LISTEN) as (_, daemon, pod):
        monitor = Monitor(daemon)
        with no_descriptor_free(daemon):
            wait_until(lambda: said in daemon.log_tail(), "a failure")
            time.sleep(2 * TTL)
            equal(https(pod, NAME, SHARED), f"hello from {NAME}", "an address that is in use")
        check(monitor.sum("aegress_dns_renewals_total", result="failed") > 1, "failures")
        wait_until(lambda: monitor.sum("aegress_dns_renewals_total", result="done") > 0, "a look")
        check(UNUSED not in names(daemon), f"{UNUSED} came back")
        equal(daemon.log_tail().count(said), 1, "times that it was said")
        still_open(pod)
        goes_with_the_connection(daemon, pod)
