# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The audit log of a real daemon: every denial once, whoever changed the policy, and what remains of it
when the daemon, the disk or the directory goes away."""
import contextlib
import glob
import gzip
import json
import os
import re
import shutil
import signal

from cases_connect import wait_for_instances
from harness import BUILD, Node, check, equal, run, wait_until
from scene import GOVERNED, OTHER, POLICIES, write

ENDPOINT = """\
apiVersion: aegress.dev/v1alpha1
kind: AIEndpoint
metadata: {name: late}
spec: {class: hub, hosts: [%s]}
"""


class Log:
    """The audit log of a node's daemon."""

    def __init__(self, node, directory=None):
        self.node = node
        self.dir = directory or os.path.join(node.dir, "audit")
        self.head = os.path.join(node.dir, "state", "audit.head")

    def closed(self):
        """Records of closed files; None: one of them was compressed while we looked."""
        found = []
        try:
            for path in sorted(glob.glob(os.path.join(self.dir, "audit-*"))):
                with gzip.open(path, "rt") if path.endswith(".gz") else open(path) as file:
                    found += [json.loads(line) for line in file]
        except FileNotFoundError:
            return None
        return found

    def records(self):
        found = None
        while found is None:
            found = self.closed()
        with contextlib.suppress(FileNotFoundError):
            with open(os.path.join(self.dir, "audit.jsonl"), encoding="utf-8") as file:
                # a line that is being written just now has no end yet
                found += [json.loads(line) for line in file if line.endswith("\n")]
        return found

    def events(self, name):
        return [record for record in self.records() if record["event"] == name]

    def denials(self):
        return sum(record.get("count", 1) for record in self.events("deny"))

    def verify(self, *args, ok=True):
        done = run(os.path.join(BUILD, "aegress"), "audit", "verify", "--head-file", self.head,
                   *args, self.dir, ok=False)
        if ok:
            equal((done.returncode, done.stderr), (0, ""), "aegress audit verify")
        return done

    def wait_denials(self, n):
        wait_until(lambda: self.denials() >= n, f"{n} denials in the audit log")
        equal(self.denials(), n, "denials in the audit log")


@contextlib.contextmanager
def scene(**config):
    with Node() as node:
        write(node)
        daemon, pod = node.daemon(**config).start(), node.pod("chat", "chat1")
        wait_for_instances(daemon, 1)
        yield node, daemon, pod


def deny(pod, times):
    for _ in range(times):
        equal(pod.ask("connect", addr=OTHER, port=443, family="v4")["errno"], "EPERM", "connect()")


def test_every_denial_once_also_after_kill_9():
    with scene() as (node, daemon, pod):
        log, total = Log(node), 0
        for _ in range(3):
            deny(pod, 7)
            total += 7
            log.wait_denials(total)
            daemon.kill()
            deny(pod, 5)  # while nobody reads: they wait in the ring
            total += 5
            daemon.start()
            log.wait_denials(total)
        equal(pod.ask("connect", addr=GOVERNED, port=443, family="v4")["errno"], "OK", "control")
        equal([record["previousRun"] for record in log.events("opened")],
              ["none"] + 3 * ["unclean"], "how the runs ended")
        daemon.signal_and_wait(signal.SIGTERM)
        log.wait_denials(total)
        equal(log.records()[-1]["event"], "stop", "the last record")
        equal(log.records()[-1]["reason"], "TERM", "why")
        log.verify()
        daemon.start()
        equal(log.events("opened")[-1]["previousRun"], "clean", "after SIGTERM")


def test_torn_line():
    with scene() as (node, daemon, pod):
        log = Log(node)
        deny(pod, 1)
        log.wait_denials(1)
        daemon.kill()
        with open(os.path.join(log.dir, "audit.jsonl"), "a", encoding="ascii") as file:
            file.write('{"schema":"aegress.flo')
        equal(log.verify(ok=False).returncode, 1, "verify sees the torn line")
        daemon.start()
        equal(log.events("opened")[-1]["tornBytes"], 22, "what was cut off")
        log.verify()


def test_who_changed_what():
    with scene() as (node, daemon, _):
        log = Log(node)
        node.write(node.policies, "late.yaml", ENDPOINT % "a.late.test")
        wait_until(lambda: len(log.events("policy")) == 2, "the record of the new file")
        node.write(node.policies, "late.yaml", ENDPOINT % "b.late.test")
        wait_until(lambda: len(log.events("policy")) == 3, "the record of the changed file")
        os.unlink(os.path.join(node.policies, "late.yaml"))
        wait_until(lambda: len(log.events("policy")) == 4, "the record of the removed file")
        run("sh", "-c", 'printf "%s" "$1" | "$2" apply --socket "$3" -', "sh",
            ENDPOINT % "c.late.test", os.path.join(BUILD, "aegress"), node.socket)
        daemon.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(log.events("policy")) == 6, "the record of SIGHUP")
        start, added, changed, removed, applied, hup = log.events("policy")
        equal((start["by"], "changes" in start), ({"source": "start"}, False), "start")
        for record, action in ((added, "added"), (changed, "changed"), (removed, "removed"),
                               (applied, "added")):
            equal([(item["action"], item["kind"], item["name"]) for item in record["changes"]],
                  [(action, "AIEndpoint", "late")], action)
        equal(added["by"], {"source": "files"}, "who added")
        equal(changed["changes"][0]["before"], added["changes"][0]["after"], "digest")
        equal((applied["by"]["source"], applied["by"]["request"], applied["by"]["uid"]),
              ("api", "apply", 0), "who applied")
        check(applied["by"]["pid"] > 1, "no pid of the client")
        equal((hup["by"], hup["changes"]), ({"source": "signal"}, []), "SIGHUP")
        equal(hup["generation"], daemon.generation(), "generation")
        node.write(node.policies, "policies.yaml", "kind: Nonsense\n")
        wait_until(lambda: log.events("policy-refused"), "the record of the refusal")
        check("Nonsense" in log.events("policy-refused")[0]["error"], "why it was refused")
        log.verify()


@contextlib.contextmanager
def small_disk(node, size="256k"):
    path = os.path.join(node.dir, "disk")
    os.mkdir(path)
    run("mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", path)
    try:
        yield path
    finally:
        run("umount", "-l", path)


def log_lines(daemon, text):
    with open(daemon.log_path, encoding="utf-8", errors="replace") as file:
        return sum(bool(re.search(text, line)) for line in file)


def fill(path):
    with open(os.path.join(path, "filler"), "wb", buffering=0) as file, \
            contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass


def test_full_disk():
    with Node() as node, small_disk(node) as disk:
        write(node)
        directory = os.path.join(disk, "audit")
        daemon = node.daemon(audit={"directory": directory}).start()
        pod, log = node.pod("chat", "chat1"), Log(node, directory)
        wait_for_instances(daemon, 1)
        deny(pod, 2)
        log.wait_denials(2)
        fill(disk)
        made = 2

        def is_full():
            """What is denied at once is one record, and the log's last page may have room for some."""
            nonlocal made
            deny(pod, 50)
            made += 50
            return daemon.get("/v1/audit").get("error")

        wait_until(is_full, "the error in the API")
        equal(daemon.get("/v1/audit")["error"], "No space left on device", "error")
        equal(pod.ask("connect", addr=GOVERNED, port=443, family="v4")["errno"], "OK", "control")
        equal(log_lines(daemon, "No space left on device"), 1, "lines in the daemon's log")
        for record in log.records():  # whole lines only
            check(record["audit"]["n"] > 0, "a record")
        os.unlink(os.path.join(disk, "filler"))
        log.wait_denials(made)
        status = daemon.get("/v1/audit")
        equal((status["ok"], status["lost"]), (True, 0), "after there is room")
        daemon.signal_and_wait(signal.SIGTERM)
        log.verify()


def test_read_only_disk():
    with Node() as node, small_disk(node, "4m") as disk:
        write(node)
        directory = os.path.join(disk, "audit")
        daemon = node.daemon(audit={"directory": directory}).start()
        pod, log = node.pod("chat", "chat1"), Log(node, directory)
        wait_for_instances(daemon, 1)
        deny(pod, 1)
        log.wait_denials(1)
        daemon.signal_and_wait(signal.SIGTERM)  # an open file keeps a file system writable
        run("mount", "-o", "remount,ro", disk)
        daemon.start()
        deny(pod, 3)
        equal(daemon.get("/v1/audit")["error"], "Read-only file system", "error")
        run("mount", "-o", "remount,rw", disk)
        log.wait_denials(4)
        daemon.signal_and_wait(signal.SIGTERM)
        log.verify()


def test_directory_vanishes():
    with scene() as (node, daemon, pod):
        log = Log(node)
        deny(pod, 2)
        log.wait_denials(2)
        shutil.rmtree(log.dir)
        deny(pod, 3)
        log.wait_denials(3)
        equal(len(log.events("moved")), 1, "records that say so")
        done = log.verify(ok=False)
        equal(done.returncode, 1, "what was removed is missed")
        check("are missing, and no record says" in done.stderr, done.stderr)
        log.verify("--part")


def test_what_verify_finds():
    with scene() as (node, daemon, pod):
        log = Log(node)
        deny(pod, 3)
        log.wait_denials(3)
        daemon.signal_and_wait(signal.SIGTERM)
        path = os.path.join(log.dir, "audit.jsonl")
        with open(path, encoding="utf-8") as file:
            lines = file.readlines()
        flipped = lines[4].replace("chat-1", "chat-2", 1)
        check(flipped != lines[4], "nothing was flipped")
        cases = {"was changed": lines[:4] + [flipped] + lines[5:],
                 "records 5 to 5 are missing": lines[:4] + lines[5:],
                 "the end was cut off": lines[:-1],
                 "torn": lines[:-1] + [lines[-1][:-20]],
                 "stands behind": lines[:4] + [lines[5], lines[4]] + lines[6:]}
        for said, content in cases.items():
            with open(path, "w", encoding="utf-8") as file:
                file.writelines(content)
            done = log.verify(ok=False)
            equal(done.returncode, 1, said)
            check(said in done.stderr, f"{said}: {done.stderr}")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(lines)
        log.verify()


def test_rotation_and_head():
    audit = {"maxSize": "16KiB", "maxTotal": "10MiB"}
    with Node() as node:
        write(node)
        log = Log(node)
        daemon = node.daemon(audit={"directory": log.dir, **audit}).start()
        pod = node.pod("chat", "chat1")
        wait_for_instances(daemon, 1)
        for i in range(100):
            pod.ask("connect", addr=OTHER, port=443 - i, family="v4")
        log.wait_denials(100)
        wait_until(lambda: len(glob.glob(os.path.join(log.dir, "audit-*.jsonl.gz"))) >= 2
                   and not glob.glob(os.path.join(log.dir, "audit-*.jsonl")),
                   "closed files to be compressed")
        head = node.aegress("audit", "head").stdout.strip()
        answer = daemon.get("/v1/audit")
        equal(head, f"{answer['head']['n']}:{answer['head']['hash']}", "aegress audit head")
        daemon.signal_and_wait(signal.SIGTERM)
        log.verify("--head", head)
        equal(log.verify("--head", "1:" + head.split(":")[1], ok=False).returncode, 1, "a wrong head")


def test_switched_off():
    with scene(audit={"enabled": False}) as (node, daemon, pod):
        deny(pod, 1)
        equal(daemon.get("/v1/audit")["enabled"], False, "enabled")
        equal(node.aegress("audit", "head", ok=False).returncode, 1, "aegress audit head")


def test_key_is_needed():
    with Node() as node:
        write(node)
        key = node.write(node.dir, "key", "0123456789abcdef")
        log = Log(node)
        daemon = node.daemon(audit={"directory": log.dir, "keyFile": key}).start()
        daemon.signal_and_wait(signal.SIGTERM)
        log.verify("--key", key)
        equal(log.verify(ok=False).returncode, 1, "without the key")
        os.unlink(key)
        daemon.spawn()
        equal(daemon.process.wait(60), 1, "start without the key")
        check("audit.keyFile" in daemon.log_tail(), daemon.log_tail())
        daemon.process = None


def test_policies_are_recorded_as_they_are():
    """The digest of the whole set is the same after a restart when nothing changed."""
    with scene() as (node, daemon, _):
        daemon.signal_and_wait(signal.SIGTERM)
        node.write(node.policies, "policies.yaml", "# only a comment\n" + POLICIES)
        daemon.start()
        first, second = Log(node).events("policy")
        equal(first["digest"], second["digest"], "digest")
