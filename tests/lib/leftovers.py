#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""What a suite left behind: cgroups, network namespaces, mounts and pins of ours that were not there
before, and processes that it started.

    leftovers.py before FILE            notes what is there
    leftovers.py after FILE [RUN]       prints what is new, one a line; exit 1 if there is anything

Other runs may be going on beside it: processes are known by AEGRESS_RUN=RUN in their environment, which
every process of a run inherits, and a name that holds the number of a process that lives is that one's."""
import glob
import os
import re
import sys
import time

SECONDS = 5  # the kernel and servers that were told to end take their time


def mounts():
    with open("/proc/self/mounts", encoding="utf-8", errors="replace") as file:
        return [line.split()[:3] for line in file]


def cgroups():
    """Directories of ours right below a hierarchy: what is deeper goes with them."""
    return {f"cgroup {path}" for _, mount, kind in mounts() if kind == "cgroup2"
            for path in glob.glob(f"{mount}/aegress-*")}


def namespaces():
    return {f"netns {os.path.basename(path)}" for path in glob.glob("/run/netns/aegress-*")}


def pins():
    """Mounts of bpffs that we made, and our directory in the machine's own."""
    return ({f"mount {path}" for _, path, kind in mounts() if kind == "bpf" and "aegress-" in path}
            | {f"pins {path}" for path in glob.glob("/sys/fs/bpf/aegress*")})


def directories():
    """With a process's number in the name; others cannot be told from those of another run."""
    return {f"directory {path}" for path in glob.glob("/tmp/aegress-*") if numbers(path)}


def processes(run):
    """Those that carry the run's mark, other than those that ended and wait for their parent."""
    mark, found = f"AEGRESS_RUN={run}".encode(), set()
    for path in glob.glob("/proc/[0-9]*"):
        pid = int(os.path.basename(path))
        if not run or pid == os.getpid():
            continue
        try:
            with open(f"{path}/environ", "rb") as environ:
                if mark not in environ.read().split(b"\0"):
                    continue
            with open(f"{path}/cmdline", "rb") as cmdline:
                words = cmdline.read().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if words:
            found.add(f"process {pid}: {words.strip()}")
    return found


def numbers(name):
    return [int(digits) for digits in re.findall(r"aegress-[a-z0-9-]+?-([0-9]+)(?=[-./]|$)", name)]


def somebody_elses(name):
    return any(os.path.exists(f"/proc/{number}") for number in numbers(name))


def there():
    return cgroups() | namespaces() | pins() | directories()


def left(before, run):
    return sorted({name for name in there() - before if not somebody_elses(name)} | processes(run))


def after(before, run, seconds=SECONDS):
    end = time.monotonic() + seconds
    while left(before, run) and time.monotonic() < end:
        time.sleep(0.05)
    return left(before, run)


def main(argv):
    if len(argv) == 2 and argv[0] == "before":
        with open(argv[1], "w", encoding="utf-8") as file:
            file.writelines(f"{name}\n" for name in there())
        return 0
    if len(argv) not in (2, 3) or argv[0] != "after":
        print(__doc__, file=sys.stderr)
        return 2
    with open(argv[1], encoding="utf-8") as file:
        found = after(set(file.read().splitlines()), argv[2] if len(argv) == 3 else "")
    for name in found:
        print(name)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
