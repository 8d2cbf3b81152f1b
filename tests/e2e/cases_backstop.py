# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""A denial at the ClientHello while no daemon runs: the kernel alone tells the client."""
from cases_names import scene
from harness import check, equal
from hello import modern
from names_scene import CUT, SHARED, SHARED6, WITNESS, WITNESS6, resolve, served

BOUND = 2.0  # s


def witnessed(node, addr):
    return node.world.ask("witness", addr=addr)["bytes"]


def test_a_denied_client_is_told_and_nothing_leaves():
    with scene(defaults={"unselected": "Deny", "unknown": "Deny", "backstop": True}) as (node, daemon, pod):
        for addr, bits in ((WITNESS, 32), (WITNESS6, 128)):
            node.world_ip("addr", "add", f"{addr}/{bits}", "dev", "lo")
            witnessed(node, addr)
        resolve(pod, "seen.hub.test")
        daemon.kill()
        denied, allowed = modern("upload.hub.test").hex(), modern("seen.hub.test").hex()
        for addr in (WITNESS, WITNESS6):
            answer = pod.ask("cut_off", addr=addr, hex=denied, times=3)
            equal(set(answer["ends"]), {"ETIMEDOUT"}, f"{addr}: how it ended")
            check(answer["median"] < BOUND, f"{addr}: it took {answer['median']:.2f} s")
            print(f"     {addr}: the client knew after {answer['median']:.2f} s", flush=True)
            equal(witnessed(node, addr), 0, f"{addr}: bytes that left")
            equal(pod.ask("raw", addr=addr, hex=allowed)["errno"], "OK", f"{addr}: an allowed name")
            equal(witnessed(node, addr), len(allowed) // 2, f"{addr}: what left of it")
        resolve(pod, "hub.test")
        served(pod, "hub.test", SHARED)
        served(pod, "hub.test", SHARED6)
        daemon.start()
        answer = pod.ask("cut_off", addr=WITNESS, hex=denied, times=3)
        check(set(answer["ends"]) <= set(CUT), f"with a daemon: {answer}")
