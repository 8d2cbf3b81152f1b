# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""DNS over TCP with the libc that everybody has: answers that do not fit a datagram, and resolvers
that are asked over TCP from the start."""
from cases_connect import wait_for_instances
from cases_names import scene
from harness import check, equal
from names_scene import SHARED, SHARED6, cut_off, https, names, resolve, served

MANY, MANY6 = "198.51.100.57", "2001:db8:b::57"
RECORDS = "".join(f"host-record=big.hub.test,198.18.200.{i},2001:db8:c::{i:x}\n" for i in range(1, 45))
RECORDS += (f"host-record=big.hub.test,{SHARED},{SHARED6}\nhost-record=hub.test,{SHARED},{SHARED6}\n"
            f"host-record=rival.test,{SHARED},{SHARED6}\n")


def answers(daemon):
    return daemon.get("/v1/status")["dns"]["answers"]


def many_addresses(resolver, options, family):
    with scene(dns={"resolvers": [MANY, MANY6]}) as (node, daemon, _):
        node.world_ip("addr", "add", f"{MANY}/32", "dev", "lo")
        node.world_ip("addr", "add", f"{MANY6}/128", "dev", "lo")
        node.start_dnsmasq("many", RECORDS, (MANY, MANY6))
        pod = node.named_pod("chat", resolver=resolver, options=options)
        wait_for_instances(daemon, 2)
        before = answers(daemon)
        found = set(resolve(pod, "big.hub.test", family))
        equal(len(found), 45, "addresses that libc was given")
        equal({item["ip"] for item in names(daemon)["big.hub.test"]["addresses"]}, found, "learned")
        after = answers(daemon)
        # libc asks once more where its first buffer was too small for all of them
        check(after["ok"] > before["ok"], f"answers that were read: {after}")
        equal(after["truncated"] > before["truncated"], not options, "whether one did not fit a datagram")
        equal(after["lost"], before["lost"], "connections that were not followed")
        addr = SHARED6 if family == "v6" else SHARED
        served(pod, "big.hub.test", addr)
        resolve(pod, "rival.test", family)
        check("rival.test" in names(daemon), "the next name")
        cut_off(daemon, pod, "name-not-allowed", lambda: https(pod, "rival.test", addr))


def test_truncated_answers_are_asked_for_again():
    many_addresses(MANY, "", "v4")


def test_truncated_answers_over_ipv6():
    many_addresses(MANY6, "", "v6")


def test_tcp_from_the_start():
    many_addresses(MANY, "use-vc", "v4")


def test_tcp_from_the_start_over_ipv6():
    many_addresses(MANY6, "use-vc", "v6")


def test_both_families_in_one_connection():
    """libc asks for A and AAAA in one segment; each name is known before it is connected to."""
    with scene() as (node, daemon, _):
        pod = node.named_pod("chat", options="use-vc")
        wait_for_instances(daemon, 2)
        equal({SHARED, SHARED6}, set(resolve(pod, "hub.test")), "addresses")
        equal({item["ip"] for item in names(daemon)["hub.test"]["addresses"]}, {SHARED, SHARED6}, "learned")
        for name in ("a.cdn.hub.test", "x.y.cdn.hub.test"):
            served(pod, name)
        equal(https(pod, "only.upload.test"), "EPERM", "a denied name")


def test_without_a_daemon():
    with scene() as (node, daemon, _):
        pod = node.named_pod("chat", options="use-vc")
        wait_for_instances(daemon, 2)
        daemon.kill()
        served(pod, "a.cdn.hub.test")
        equal(https(pod, "only.upload.test"), "EPERM", "a denied name")
        daemon.start()
        check("a.cdn.hub.test" in names(daemon), "what was learned meanwhile")
