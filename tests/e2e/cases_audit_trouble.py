# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Disks and directories that fail under a running audit log: enforcement goes on, memory is bounded, one
line in the daemon's log and a metric say so, and everything is on record once it can be written."""
import contextlib
import glob
import json
import os
import shutil
import signal
import subprocess

from cases_audit import Log, deny, fill, log_lines, small_disk
from harness import BUILD, Node, Skip, check, equal, run, wait_until
from monitor import LISTEN, Monitor
from scene import GOVERNED, OTHER, write

AUDIT = "aegress_audit_"


@contextlib.contextmanager
def trouble(node, directory=None, state=None, verify=(), **audit):
    """A daemon whose audit log, or state, is in a directory of the case's."""
    write(node)
    directory = directory or os.path.join(node.dir, "audit")
    config = {"stateDir": state} if state else {}
    daemon = node.daemon(metrics=LISTEN, audit={"directory": directory, **audit}, **config).start()
    pod, log = node.pod("chat", "chat1"), Log(node, directory)
    if state:
        log.head = os.path.join(state, "audit.head")
    wait_until(lambda: daemon.get("/v1/status")["instances"] == 1, "the workload")
    yield daemon, pod, log, Monitor(daemon)
    equal(pod.ask("connect", addr=GOVERNED, port=443, family="v4")["errno"], "OK", "control")
    daemon.signal_and_wait(signal.SIGTERM)
    log.verify(*verify)


def gets_well(monitor, what):
    wait_until(lambda: monitor.sum(AUDIT + "ok") == 1, f"{what}: the metric to say that it is well")


def goes_wrong(monitor, what):
    wait_until(lambda: monitor.sum(AUDIT + "ok") == 0, f"{what}: the metric to say so")
    check(monitor.sum(AUDIT + "errors_total") > 0, f"{what}: errors")


def one_line(daemon, text):
    equal(log_lines(daemon, text), 1, f"lines with '{text}' in the daemon's log: {daemon.log_tail()}")


def fresh_denials(pod, n, port=[1000]):
    """Each is another one, so that each is a record."""
    for _ in range(n):
        port[0] += 1
        equal(pod.ask("connect", addr=OTHER, port=port[0], family="v4")["errno"], "EPERM", "connect()")
    return n


# ---- disks ----

def test_full_disk():
    with Node() as node, small_disk(node) as disk, \
            trouble(node, os.path.join(disk, "audit")) as (daemon, pod, log, monitor):
        made = fresh_denials(pod, 2)
        log.wait_denials(made)
        equal(monitor.sum(AUDIT + "ok"), 1, "before")
        fill(disk)
        while not daemon.get("/v1/audit").get("error"):
            made += fresh_denials(pod, 20)
        goes_wrong(monitor, "full disk")
        wait_until(lambda: monitor.sum(AUDIT + "waiting_bytes") > 0, "what waits")
        os.unlink(os.path.join(disk, "filler"))
        log.wait_denials(made)
        gets_well(monitor, "full disk")
        one_line(daemon, "audit log.*cannot be written: No space left on device")
        one_line(daemon, "is written again")
        equal(monitor.sum(AUDIT + "lost_total"), 0, "lost")


def test_disk_is_full_when_a_file_is_closed():
    """The next file has no room for its first record, gzip none for the closed one."""
    with Node() as node, small_disk(node, "1m") as disk, \
            trouble(node, os.path.join(disk, "audit"), maxSize="16KiB", maxTotal="10MiB") as (
                daemon, pod, log, monitor):
        made = fresh_denials(pod, 5)
        log.wait_denials(made)
        fill(disk)
        while not daemon.get("/v1/audit").get("error"):
            made += fresh_denials(pod, 10)
        made += fresh_denials(pod, 40)  # more than the current file has room for
        goes_wrong(monitor, "full disk")
        os.unlink(os.path.join(disk, "filler"))
        log.wait_denials(made)
        wait_until(lambda: glob.glob(os.path.join(log.dir, "audit-*.gz")) and
                   not glob.glob(os.path.join(log.dir, "audit-*.jsonl")), "closed files to be compressed")
        gets_well(monitor, "full disk")
        one_line(daemon, "cannot be written: No space left on device")
        check(monitor.sum(AUDIT + "rotations_total") > 0, "rotations")


def test_state_disk_is_full():
    with Node() as node, small_disk(node, "64k") as disk, \
            trouble(node, state=os.path.join(disk, "state")) as (daemon, pod, log, monitor):
        made = fresh_denials(pod, 1)
        log.wait_denials(made)
        fill(disk)
        made += fresh_denials(pod, 1)
        goes_wrong(monitor, "full state disk")
        log.wait_denials(made)  # the log itself is written
        equal(daemon.get("/v1/audit")["ok"], False, "ok in the API")
        os.unlink(os.path.join(disk, "filler"))
        gets_well(monitor, "full state disk")
        one_line(daemon, "cannot be made durable: No space left on device")
        one_line(daemon, "is made durable again")


def test_disk_turns_read_only():
    """As a file system does that found an error: open files, too, can be written no more."""
    with Node() as node:
        image, disk = os.path.join(node.dir, "image"), os.path.join(node.dir, "disk")
        os.mkdir(disk)
        run("truncate", "-s", "8M", image)
        run("mkfs.ext4", "-q", image)
        if run("mount", "-o", "loop", image, disk, ok=False).returncode:
            raise Skip("no loop device")
        try:
            read_only_while_running(node, image, disk)
        finally:
            run("umount", "-l", disk, ok=False)
            run("umount", "-l", disk, ok=False)


def read_only_while_running(node, image, disk):
    with trouble(node, os.path.join(disk, "audit"), sync="always") as (daemon, pod, log, monitor):
        made = fresh_denials(pod, 3)
        log.wait_denials(made)
        run("sync", "-f", disk)
        run("mount", "-o", "remount,abort", disk)
        made += fresh_denials(pod, 3)
        goes_wrong(monitor, "read-only disk")
        error = daemon.get("/v1/audit")["error"]
        one_line(daemon, "audit log.*cannot be written: " + error)
        wait_until(lambda: run("umount", disk, ok=False).returncode == 0, "the disk to be let go")
        run("cp", image, image + ".repaired")  # somebody else's namespace may still hold the old one
        run("e2fsck", "-fy", image + ".repaired", ok=False)
        run("mount", "-o", "loop", image + ".repaired", disk)
        log.wait_denials(made)
        gets_well(monitor, "repaired disk")
        equal(monitor.sum(AUDIT + "lost_total"), 0, "lost")
        one_line(daemon, "cannot be written")


# ---- directories ----

def test_log_directory_vanishes():
    with Node() as node, trouble(node, verify=("--part",)) as (daemon, pod, log, monitor):
        log.wait_denials(fresh_denials(pod, 2))
        shutil.rmtree(log.dir)
        log.wait_denials(fresh_denials(pod, 3))
        one_line(daemon, "audit log.*is not where it was; it goes on in a new file")
        wait_until(lambda: monitor.sum(AUDIT + "vanished_total") == 1, "the metric")
        gets_well(monitor, "new directory")


def test_state_directory_vanishes():
    with Node() as node, trouble(node) as (daemon, pod, log, monitor):
        state = os.path.join(node.dir, "state")
        log.wait_denials(fresh_denials(pod, 2))
        wait_until(lambda: os.path.exists(log.head), "the head")
        shutil.rmtree(state)
        made = 2 + fresh_denials(pod, 3)
        log.wait_denials(made)
        wait_until(lambda: os.path.exists(log.head), "the head, made anew")
        one_line(daemon, "audit log.*has lost its state directory")
        wait_until(lambda: monitor.sum(AUDIT + "vanished_total") == 1, "the metric")
        gets_well(monitor, "new state directory")


# ---- readers ----

def numbers(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line)["audit"]["n"] for line in file if line.endswith("\n")]


def test_tail_follows_over_closed_files():
    """The reader sleeps while several files are closed: it prints every record, once."""
    with Node() as node, trouble(node, maxSize="16KiB", maxTotal="10MiB") as (daemon, pod, log, _):
        log.wait_denials(fresh_denials(pod, 3))
        said = os.path.join(node.dir, "tail")
        with open(said, "wb") as out, \
                subprocess.Popen([os.path.join(BUILD, "aegress"), "audit", "tail", "-f", "-n", "1000",
                                  log.dir], stdout=out) as tail:
            try:
                wait_until(lambda: len(numbers(said)) == len(log.records()), "the first records")
                tail.send_signal(signal.SIGSTOP)
                log.wait_denials(3 + fresh_denials(pod, 100))
                check(len(glob.glob(os.path.join(log.dir, "audit-*"))) >= 3, "closed files")
                wait_until(lambda: not glob.glob(os.path.join(log.dir, "audit-*.jsonl")), "gzip")
                tail.send_signal(signal.SIGCONT)
                last = log.records()[-1]["audit"]["n"]
                wait_until(lambda: numbers(said)[-1] == last, "the last record")
                equal(numbers(said), list(range(1, last + 1)), "records, in order")
                fresh_denials(pod, 1)
                wait_until(lambda: numbers(said)[-1] > last, "a record after that")
            finally:
                tail.send_signal(signal.SIGCONT)
                tail.terminate()


def first_of(path):
    return int(os.path.basename(path).split("-")[1])


def test_verify_looks_into_closed_files():
    with Node() as node:
        with trouble(node, maxSize="16KiB", maxTotal="10MiB") as (daemon, pod, log, _):
            log.wait_denials(fresh_denials(pod, 100))
            wait_until(lambda: len(glob.glob(os.path.join(log.dir, "audit-*.gz"))) >= 3 and
                       not glob.glob(os.path.join(log.dir, "audit-*.jsonl")), "closed files")
        log.verify()
        closed = sorted(glob.glob(os.path.join(log.dir, "audit-*.gz")))
        with open(closed[1], "rb") as file:
            whole = file.read()
        for at in (len(whole) // 2, len(whole) - 6):  # in the data, in its checksum
            with open(closed[1], "wb") as file:
                file.write(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
            done = log.verify(ok=False)
            equal(done.returncode, 1, f"a flipped bit at {at}")
            check(os.path.basename(closed[1]) in done.stderr, done.stderr)
        os.unlink(closed[1])
        done = log.verify(ok=False)
        equal(done.returncode, 1, "a file that was removed")
        check(f"records {first_of(closed[1])} to {first_of(closed[2]) - 1} are missing" in done.stderr, done.stderr)
        with open(closed[1], "wb") as file:
            file.write(whole)
    

def test_would_be_denials_fold():
    """A loop that is only audited fills no disk: its connections are counted in few records."""
    with Node() as node, trouble(node) as (daemon, _, log, _):
        pod = node.pod("watched", "watched1")
        wait_until(lambda: daemon.get("/v1/status")["instances"] == 2, "the workload")
        times = 2000
        equal(pod.ask("flood", addr=OTHER, port=443, family="v4", times=times)["outcome"], {"OK": times},
              "outcome")

        def audited():
            return [record for record in log.events("open") if record["verdict"] == "audited"]

        wait_until(lambda: sum(record.get("count", 1) for record in audited()) >= times, "all of them")
        equal(sum(record.get("count", 1) for record in audited()), times, "connections on record")
        check(len(audited()) < times / 4, f"{len(audited())} records")
