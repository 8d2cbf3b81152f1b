# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""State: tables that are full, daemons that are dead, policies that change, connections that stand."""
import contextlib
import os
import signal

from corpus import attack, shot
from harness import check, equal, wait_until
from hello import modern
from names_scene import DENIED as DENIED_NAME
from stage import ALLOWED, COMMON, CROWD, CROWD_COMMON, CROWD_SHARE, DENIED, DENIED6, LATE, LATE_NAME, NARROW, POLICIES
from stage import crowd_name, resolve

FLOOD = 5000
NESTED = 500
OTHERS = 100  # addresses that all other cases learn, and more


@shot("a narrow allow within a wide deny",
      "longest prefix first: GO-2024-3208",
      "deny wins, always",
      "precedence is computed when the policy is compiled, not by the length of a prefix", target=(NARROW, DENIED6))
def narrow_allow(it):
    it.trick("tcp", NARROW)
    it.trick("udp", NARROW)


def changed(text, old, new):
    check(old in text, f"no longer there: {old}")
    return text.replace(old, new)


@attack("a flood of denials to hide one",
        "Tetragon throttles and counts what is lost; rings are shared",
        "every denial is counted, exactly",
        "counters are per CPU and lossless; events are samples, denials have a ring of their own")
def event_flood(it):
    total = lambda: sum(n for (hook, _), n in it.stage.denials().items() if hook == "connect")
    before = total()
    outcome = it.pod.ask("flood", addr=DENIED, port=443, family="v4", times=FLOOD)["outcome"]
    equal(outcome, {"EPERM": FLOOD}, "outcome")
    equal(it.connects(DENIED6, it.pod), "EPERM", "the one to be hidden")
    wait_until(lambda: total() == before + FLOOD + 1, "each to be counted once")


@attack("exhaustion: a pod makes hundreds of cgroups",
        "tables of cgroups fill up, and what is not in them is not policed",
        "descendants need no entry; a new pod is still found",
        "the nearest ancestor with an identity decides; only directories that look like pods are followed")
def many_cgroups(it):
    paths = [os.path.join(it.pod.cgroup, f"fill-{i}") for i in range(NESTED)]
    try:
        for path in paths:
            os.mkdir(path)
        with it.moved(it.pod, paths[-1]):
            equal(it.connects(DENIED), "EPERM", "in the last of them")
            equal(it.connects(ALLOWED), "OK", "the control")
    finally:
        for path in paths:
            with contextlib.suppress(OSError):
                wait_until(lambda one=path: not os.path.isdir(one) or not os.rmdir(one), path)


def ask_names(it, names):
    for n in range(names):
        resolve(it.pod, crowd_name(n), "v4")


def full_shares(it, names=CROWD_COMMON):
    ask_names(it, names)
    return it.daemon.get("/v1/status")["dns"]["fullShares"]


def flood_with_names(it, names):
    before = it.learned("over-share")
    ask_names(it, names)
    check(it.learned("over-share") > before, "what is common is not used up")
    check(it.learned("table-full") == 0, "the table is full")


@attack("exhaustion: a pod fills the table of learned addresses",
        "LRU tables evict what others rely on; agentsh evicts default-deny",
        "it gets three quarters: what was known stays, what is new is not learned, and it is counted: over-share",
        "a hash that never evicts; what is not learned is decided as an unknown address", order=80)
def full_of_names(it):
    resolve(it.pods["neighbour"], "only.upload.test", "v4")
    it.gets_through(modern("seen.hub.test"))
    equal(full_shares(it, CROWD_SHARE), [], "whom a share binds while there is room")
    flood_with_names(it, CROWD_COMMON)
    equal(it.connects(DENIED_NAME), "EPERM", "what was denied")
    it.says(modern("rival.test"), "name-not-allowed")
    it.gets_through(modern("seen.hub.test"))


@attack("exhaustion as an end in itself: a pod asks for more than the table holds, so that others learn nothing",
        "wherever a table is shared, who comes first takes it all",
        "it learns three quarters of it and no more; a pod that is contained strictly learns a new name and connects",
        "the last quarter is for workloads below their share; an address is charged to whoever taught it first", order=81)
def starved_names(it):
    pod = it.pods["contained"]
    flood_with_names(it, CROWD)
    equal(it.connects(LATE, pod), "EPERM", "an address before its name was asked for, contained strictly")
    check(it.entries("learned") < COMMON + OTHERS, "it learned more than three quarters of the table")
    wait_until(lambda: full_shares(it) == ["ml/chat-1"], "the one who has more than its share")  # some may just have expired
    equal(resolve(pod, LATE_NAME, "v4"), [LATE], "the late name")
    equal(it.connects(LATE, pod), "OK", "the same address, learned beside the flood")
    equal(it.connects(DENIED_NAME), "EPERM", "what was denied to the pod that floods")
    it.layer, it.reason = "cgroup", "over-share"


@attack("exhaustion: a table of ours is full",
        "LRU tables evict somebody else's entry (agentsh evicts default-deny)",
        "full is full: the generation is refused, the old one stays; what cannot be counted by row is counted in sums",
        "policy and name tables never evict")
def full_tables(it):
    it.prog("tables: no room")
    it.prog("events: a full counter table")
    it.layer, it.reason = "cgroup", "counted"


@attack("a broken policy, half a policy, policies that change under load",
        "CVE-2023-27595: a window without rules at start; entries are replaced one by one",
        "the old one stays until the new one is whole; then one flip, without a gap",
        "two sets of tables, one generation number; the loader refuses what does not parse", order=50)
def half_loaded(it):
    it.pod.ask("flood_start", addr=DENIED, port=443, family="v4")
    it.node.write(it.node.policies, "policies.yaml", POLICIES[:len(POLICIES) // 2] + "\n- {")
    it.node.write(it.node.policies, "policies.yaml", POLICIES[:POLICIES.rindex("  workloads")])
    for _ in range(5):
        it.reload()
    equal(set(it.pod.ask("flood_stop")["outcome"]), {"EPERM"}, "outcome")


def held_connections(it, pod):
    equal(pod.ask("hold", addr=ALLOWED, port=443, family="v4", times=5)["errno"], "OK", "connections")


BOMB = "a: &a [x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(b)}: &{chr(b)} [{', '.join('*' + chr(b - 1) for _ in range(8))}]\n" for b in range(ord("b"), ord("k")))
HOSTILE_FILES = {
    "aliases": BOMB, "depth": "[" * 5000, "size": "a: " + "x" * (2 << 20), "bytes": "\0\1\2\ufeff\ud7ff: [",
    "tag": "!!python/object/apply:os.system ['true']\n", "twice": changed(POLICIES, "kind: AIEndpoint", "kind: AIEndpoint\nkind: AIEndpoint"),
    "emptied": changed(POLICIES, "{serviceAccounts: [chat]}", "{}"),
    "widened": changed(POLICIES, "cidrs: [203.0.113.20/32", "cidrs: [0.0.0.0/0 0.0.0.0/0"),
}


@attack("hostile policy files: bombs of aliases, depth, size, tags, bytes, selectors that were emptied",
        "GO-2025-3415: parsers that crash or take forever; an empty selector selects everybody",
        "each is refused with its reason, what is in force stays, the daemon lives",
        "a reader without aliases and tags, with bounds on size and depth; all of it or nothing", order=51)
def hostile_files(it):
    generation, pid = it.daemon.generation(), it.daemon.process.pid
    try:
        for label, text in HOSTILE_FILES.items():
            it.node.write(it.node.policies, "policies.yaml", text)
            status, body = it.daemon.request("POST", "/v1/reload")
            check(status >= 400, f"{label}: {status} {body[:200]}")
            equal((it.daemon.generation(), it.daemon.process.pid), (generation, pid), f"{label}: nothing has changed")
            for addr in (DENIED, DENIED6):
                equal(it.connects(addr), "EPERM", f"{label}: {addr}")
            equal(it.connects(ALLOWED), "OK", f"{label}: the control")
    finally:
        it.reload()


@attack("upgrades: pins of an unknown ABI or layout, a start that fails half-way",
        "the new one takes what it does not understand, or cleans up and leaves a gap",
        "refused; what is in force stays in force",
        "the ABI's number and the maps' sizes are pinned with them and compared before anything is touched")
def unknown_pins(it):
    for part in ("pins of another ABI", "pins of another layout", "a failed start leaves"):
        it.prog("lifecycle: " + part)
    it.layer, it.reason = "cgroup", "refused"


@attack("connection pooling: a connection from before the revocation",
        "established connections live on almost everywhere",
        "it is decided again and ended: revoked",
        "every socket is judged again when tables or identities change; what is denied is destroyed", order=60)
def pooled_connection(it):
    held_connections(it, it.pod)
    it.node.write(it.node.policies, "policies.yaml",
                  changed(POLICIES, "[{endpoint: test-allowed}, {cidr: 203.0.113.100/32}, {cidr: 203.0.113.82/32}]",
                          "[{endpoint: wild}]"))
    ends = it.pod.ask("held_ends", within=10)
    it.unit, it.leaked = "connections", ends["open"]
    it.pod.ask("drop_held")
    it.reload()
    equal(it.connects(ALLOWED), "OK", "once it is allowed again")


@attack("revoked while no process has it: a socket in the queue of a Unix socket",
        "whoever looks for connections at processes and their descriptors misses it",
        "it is decided again as the others are; where the kernel lets nobody look, it is held",
        "connections are gone over in our own tables, not at processes; what no look met since the change sends nothing", order=60)
def stowed_socket(it):
    it.node.write(it.node.policies, "policies.yaml",
                  changed(POLICIES, "{cidr: 203.0.113.100/32}", f"{{cidr: {ALLOWED}/32, ports: [443/udp]}}"))
    wait_until(lambda: it.trick("udp", ALLOWED) == "OK", "datagrams to be allowed")
    equal(it.pod.ask("hold", addr=ALLOWED, port=443, family="v4", proto="udp", times=1)["errno"], "OK", "connected")
    equal(it.pod.ask("stow")["errno"], "OK", "no descriptor")
    revoked = lambda: it.stage.denials().get(("revoke", "revoked"), 0)
    before = revoked()
    it.reload()
    equal(it.pod.ask("unstow")["held"], 1, "it is back")
    # Dropped at the hook, or no longer connected: the daemon ends it at about this time.
    errno = it.pod.ask("held_talk")["errno"]
    check(errno in ("EPERM", "EDESTADDRREQ"), f"a datagram after the revocation: {errno}")
    wait_until(lambda: revoked() - before == 1, "the revocation to be counted")
    it.layer, it.reason = "cgroup", "revoked"
    it.pod.ask("drop_held")


@attack("everything else while a workload is in quarantine",
        "none has a stop that outlives its daemon",
        "nothing leaves, whatever the rules say; connections that stand end",
        "a flag of the identity, looked at by every hook; kept in a file", order=61)
def quarantined(it):
    pod = it.pods["neighbour"]
    held_connections(it, pod) if it.connects(ALLOWED, pod) == "OK" else None
    it.node.aegress("quarantine", "ml/neighbour-1")
    try:
        for addr in (DENIED, DENIED6):
            equal(it.connects(addr, pod), "EPERM", addr)
            equal(it.trick("udp", addr, pod=pod), "EPERM", addr)
        it.frame("syn4", "udp4", "syn6", pod="neighbour")
    finally:
        it.node.aegress("release", "ml/neighbour-1")
        pod.ask("drop_held")


@attack("the daemon is killed",
        "tetragon releases its pins by default; proxies fail open or break everything",
        "the kernel goes on: connections, frames and names are decided as before",
        "programs, links and tables are pinned; nothing asks the daemon", order=90)
def killed_daemon(it):
    it.daemon.process.send_signal(signal.SIGKILL)
    it.daemon.process.wait()
    it.daemon.process = None
    for addr in (DENIED, DENIED6):
        equal(it.connects(addr), "EPERM", addr)
        equal(it.trick("udp", addr), "EPERM", addr)
    it.frame("syn4", "syn6", "later4", "gre4")
    equal(it.connects(ALLOWED), "OK", "the control")
    it.daemon.start()
