# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Clients of other languages. Two of them say hello with post-quantum keys, which makes it longer than
a TCP segment; Java connects through IPv4-mapped addresses."""
import os
import re
import sys

from harness import check, equal, run
from hub_scene import HERE, ask, denied, javascript, node24, program, refused, scene
from names_scene import SHARED

PATH = "/api/models/acme/tiny"
X25519MLKEM768 = "0x11ec"


def on_one_address(daemon, pod, get, aborted, denied_at_connect, limit=1.0):
    """get(host, path): the Hub answers, the router is denied at the same address, and the LFS CDN,
    which has its own, at connect(). The way back works, too."""
    for _ in range(2):
        equal(get("huggingface.co", PATH).get("status"), 200, f"{pod.name}: allowed")
        since = daemon.next_seq()
        refused(lambda: get("router.huggingface.co", "/v1"), aborted, limit=limit)
        denied(daemon, since, "router.huggingface.co", "name-not-allowed", "hello")
    since = daemon.next_seq()
    refused(lambda: get("cdn-lfs-us-1.hf.co", "/acme/tiny/legacy.bin"), denied_at_connect, limit=limit)
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


def test_python_urllib():
    with scene("hubonly") as (_, daemon, pod):
        on_one_address(daemon, pod, lambda host, path: ask(pod, [sys.executable, os.path.join(HERE, "get.py"), host, path]),
                       "ConnectionAbortedError: [Errno 103]", "PermissionError: [Errno 1] Operation not permitted")


def test_curl():
    curl = program("curl")
    with scene("hubonly") as (node, daemon, pod):
        def get(host, path):
            done = pod.ask("run", argv=[curl, "-sS", "--cacert", node.ca, "-o", os.devnull, "-w", "%{http_code}",
                                        f"https://{host}{path}"])
            outcome = {"error": [f"exit {done['code']}: {done['err']}"]} if done["code"] else {"status": int(done["out"])}
            return {**outcome, "seconds": done["seconds"]}

        on_one_address(daemon, pod, get, "exit 35: ", "exit 7: ")


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
                       "Software caused connection abort", "Operation not permitted", limit=3.0)  # a cold JVM
        check(SHARED in [note["address"] for note in node.noted("hello")], "nobody came over IPv4")
