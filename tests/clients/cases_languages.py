# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Clients of other languages. Two of them say hello with post-quantum keys, which makes it longer than
a TCP segment; Java connects through IPv4-mapped addresses."""
import os
import re

from harness import check, equal, run
from hub_scene import HERE, ask, denied, javascript, node24, program, quick, says, scene
from names_scene import SHARED

PATH = "/api/models/acme/tiny"
X25519MLKEM768 = "0x11ec"


def on_one_address(daemon, pod, get, aborted, denied_at_connect):
    """get(host, path): the Hub answers, the router is denied at the same address, and the LFS CDN,
    which has its own, at connect(). The way back works, too."""
    for _ in range(2):
        equal(get("huggingface.co", PATH).get("status"), 200, f"{pod.name}: allowed")
        since = daemon.next_seq()
        answer = get("router.huggingface.co", "/v1")
        says(answer, aborted)
        quick(answer)
        denied(daemon, since, "router.huggingface.co", "name-not-allowed", "hello")
    since = daemon.next_seq()
    answer = get("cdn-lfs-us-1.hf.co", "/acme/tiny/legacy.bin")
    says(answer, denied_at_connect)
    quick(answer)
    denied(daemon, since, "cdn-lfs-us-1.hf.co", "no-rule", "connect")


def long_hellos(node):
    """Every client of this world said hello with a post-quantum key share, in more than one segment."""
    hellos = [note["hello"] for note in node.noted("hello")]
    check(hellos, "nobody said hello")
    for hello in hellos:
        check(X25519MLKEM768 in hello["shares"] and hello["bytes"] > 1400, f"a hello of old: {hello}")
    return hellos


def go_version():
    version = run(program("go"), "env", "GOVERSION").stdout.strip()
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def test_node_with_post_quantum_hellos():
    with scene("hubonly") as (node, daemon, pod):
        on_one_address(daemon, pod, lambda host, path: ask(pod, [node24(), os.path.join(HERE, "get.cjs"), host, path]),
                       "ECONNABORTED", "connect EPERM")
        long_hellos(node)


def test_node_resumes_with_a_longer_hello():
    """The second connection of one process shows its ticket: the longest hello there is."""
    with scene("hubonly") as (node, _, pod):
        check("sha256" in ask(pod, javascript("download", "config.json")), "the download")
        sizes = [hello["bytes"] for hello in long_hellos(node)]
        check(max(sizes) > 1800, f"no hello was a resumption: {sizes}")


def test_go():
    go = program("go")
    with scene("hubonly") as (node, daemon, pod):
        binary = os.path.join(node.dir, "get")
        run(go, "build", "-o", binary, os.path.join(HERE, "get.go"))
        on_one_address(daemon, pod, lambda host, path: ask(pod, [binary, host, path]),
                       "software caused connection abort", "connect: operation not permitted")
        if go_version() >= (1, 24):  # older ones do not offer it
            long_hellos(node)


def test_java():
    java, javac = program("java"), program("javac")
    with scene("hubonly") as (node, daemon, pod):
        run(javac, "-d", node.dir, os.path.join(HERE, "Get.java"))
        on_one_address(daemon, pod, lambda host, path: ask(pod, [java, "-cp", node.dir, "Get", node.ca, host, path]),
                       "Software caused connection abort", "Operation not permitted")
        check(SHARED in [note["address"] for note in node.noted("hello")], "nobody came over IPv4")
