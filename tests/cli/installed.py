# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""What `make install` puts where, for a distribution and for an administrator; and whether the unit
starts what was installed."""
import functools
import os
import re
import shutil
import subprocess
import tempfile

from harness import Skip, check, contains, equal

FILES = {"sbin/aegressd": 0o755, "bin/aegress": 0o755, "lib/systemd/system/aegressd.service": 0o644,
         "share/aegress/catalogue/huggingface.yaml": 0o644, "share/man/man8/aegressd.8": 0o644,
         "share/bash-completion/completions/aegress": 0o644}


def install(root, prefix):
    """Runs make as a user would, whatever started this suite; returns the unit's text."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    done = subprocess.run(["make", "-s", "install", f"DESTDIR={root}", f"PREFIX={prefix}"], env=env,
                          capture_output=True, text=True, check=False)
    equal(done.returncode, 0, f"make install: {done.stderr[-400:]}")
    with open(f"{root}{prefix}/lib/systemd/system/aegressd.service", encoding="utf-8") as unit:
        return unit.read()


def check_installed(prefix):
    with tempfile.TemporaryDirectory() as root:
        unit = install(root, prefix)
        for name, mode in FILES.items():
            path = f"{root}{prefix}/{name}"
            check(os.path.isfile(path), f"{path} is not there")
            equal(oct(os.stat(path).st_mode & 0o777), oct(mode), f"mode of {name}")
        programs = re.findall(r"^ExecStart=(\S+)", unit, re.MULTILINE)
        equal(programs, [f"{prefix}/sbin/aegressd"], "ExecStart")
        said = subprocess.run([root + programs[0], "--version"], capture_output=True, text=True, check=True)
        contains(said.stdout, "aegressd ", "what the unit starts")
        check("@" not in re.sub(r"@system-service", "", unit), "a placeholder is left in the unit")
        with open(f"{root}{prefix}/share/bash-completion/completions/aegress", encoding="utf-8") as script:
            contains(script.read(), "-F _aegress aegress", "completion")


def verify_unit():
    if not shutil.which("systemd-analyze"):
        raise Skip("no systemd-analyze here: the unit's keys are not checked")
    with tempfile.TemporaryDirectory() as root:
        unit = install(root, "/usr")
        path = os.path.join(root, "aegressd.service")
        with open(path, "w", encoding="utf-8") as copy:
            copy.write(unit.replace("ExecStart=", "ExecStart=" + root))
        done = subprocess.run(["systemd-analyze", "--man=no", "verify", path], capture_output=True,
                              text=True, check=False)
        equal((done.returncode, done.stdout + done.stderr), (0, ""), "systemd-analyze verify")


def cases():
    for prefix in ("/usr", "/usr/local"):
        yield prefix, functools.partial(check_installed, prefix)
    yield "unit", verify_unit
