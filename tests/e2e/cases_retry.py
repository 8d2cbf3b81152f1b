# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The second ClientHello as OpenSSL really says it: its server has no use for the key that is offered
first and asks for another (HelloRetryRequest), with and without early data on the way."""
import contextlib
import os
import sys

from cases_names import scene
from harness import check, equal, wait_until
from names_scene import WITNESS, WITNESS6, resolve

NAME = "seen.hub.test"
RETRY, PLAIN = "X25519:P-521", "P-521"  # of the client: the server takes P-521 only

# Ends the client once it has said this line.
UNTIL = """\
import subprocess, sys
client = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
for line in client.stdout:
    sys.stdout.write(line.decode(errors="replace"))
    if sys.argv[1].encode() in line and not client.stdin.closed:
        client.stdin.write(b"Q\\n")
        client.stdin.close()
sys.exit(client.wait())
"""
HANDSHAKE_OVER, TICKET = "Early data was", "New Session Ticket arrived"


def at_443(addr):
    return f"[{addr}]:443" if ":" in addr else f"{addr}:443"


def listening(node, addr):
    return addr in node.world.ask("run", argv=["ss", "-Hltn", "src", at_443(addr)])["out"]


RETRIES = ("-groups", PLAIN, "-early_data", "-no_anti_replay")


@contextlib.contextmanager
def retrying(account="chat", server=RETRIES):
    """s_server at the address of seen.hub.test, in both families."""
    with scene(account) as (node, daemon, pod):
        fifo = os.path.join(node.dir, "silence")  # a standard input that never ends
        os.mkfifo(fifo)
        for addr, length in ((WITNESS, 32), (WITNESS6, 128)):
            node.world_ip("addr", "add", f"{addr}/{length}", "dev", "lo")
            node.serve("sh", "-c", 'fifo=$1; shift; exec openssl s_server "$@" <>"$fifo"', "sh", fifo,
                       "-accept", at_443(addr), "-cert", node.cert, "-key", node.key, *server)
            wait_until(lambda addr=addr: listening(node, addr), f"s_server at {addr}")
        resolve(pod, NAME)
        yield node, daemon, pod


def s_client(pod, addr, groups, *more, name=NAME, until=HANDSHAKE_OVER):
    """What s_client says; every message of the handshake is in it."""
    done = pod.ask("run", argv=[sys.executable, "-c", UNTIL, until, "openssl", "s_client", "-msg", "-connect", at_443(addr),
                                "-groups", groups, "-servername", name, "-CAfile", pod.node.ca,
                                "-verify_return_error", *more])
    return done["code"], done["out"] + done["err"]


def hellos(said):
    return sum(line.startswith(">>>") and "ClientHello" in line for line in said.splitlines())


def shook_hands(addr, groups, said, times):
    code, out = said
    check(code == 0 and "Verify return code: 0" in out, f"{addr}, {groups}: {out[-2000:]}")
    equal(hellos(out), times, f"{addr}, {groups}: ClientHellos")


def test_a_second_hello_with_the_same_name():
    with retrying() as (_, daemon, pod):
        for addr in (WITNESS, WITNESS6):
            since = daemon.next_seq()
            shook_hands(addr, PLAIN, s_client(pod, addr, PLAIN), 1)
            shook_hands(addr, RETRY, s_client(pod, addr, RETRY), 2)
            record = daemon.flow(since, event="open", hook="hello", destination__ip=addr)
            equal((record["destination"]["name"], record["reason"]), (NAME, "rule"), "open")
            code, out = s_client(pod, addr, RETRY, name="rival.test")
            check(code != 0 and hellos(out) == 1, f"{addr}: a denied name: {out[-2000:]}")


def test_early_data():
    """Taken, and skipped where the server wants a second hello: both are what clients do every day."""
    with retrying() as (node, _, pod):
        data, ticket = node.write(node.dir, "early", "early\n" * 300), os.path.join(node.dir, "ticket")
        for addr in (WITNESS, WITNESS6):
            shook_hands(addr, PLAIN, s_client(pod, addr, PLAIN, "-sess_out", ticket, until=TICKET), 1)
            for groups, times, became in ((PLAIN, 1, "accepted"), (RETRY, 2, "rejected")):
                said = s_client(pod, addr, groups, "-sess_in", ticket, "-early_data", data)
                shook_hands(addr, groups, said, times)
                check(f"Early data was {became}" in said[1], f"{addr}, {groups}: {said[1][-2000:]}")


def test_a_policy_that_demands_tls():
    with retrying("strict") as (_, _, pod):
        for addr in (WITNESS, WITNESS6):
            shook_hands(addr, RETRY, s_client(pod, addr, RETRY), 2)


def test_a_server_of_old():
    """The client offers TLS 1.3, the server says 1.2, five times with a session of before: then a
    change_cipher_spec and what is encrypted come at once."""
    with retrying(server=("-tls1_2",)) as (_, _, pod):
        code, out = s_client(pod, WITNESS, "X25519:P-256", "-reconnect", until="Verify return code")
        check(code == 0 and out.count("Reused, TLSv1.2") == 5, f"{code}: {out[-2000:]}")
        equal(hellos(out), 6, "ClientHellos")
