# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The image that scripts/image makes: small, whole, the same every time, and its programs run in it."""
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile

from harness import check, equal
from kube_scene import TOP

IMAGE_MAX = 25 << 20
ARCHIVE = os.path.join(TOP, "build/image/aegress.tar")


def make(*argv):
    done = subprocess.run([os.path.join(TOP, "scripts/image"), *argv], capture_output=True, text=True,
                          check=False)
    equal(done.returncode, 0, done.stderr)
    return done.stdout


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def blob(archive, descriptor):
    data = archive.extractfile("./blobs/" + descriptor["digest"].replace(":", "/")).read()
    equal(digest(data), descriptor["digest"], "digest of a blob")
    equal(len(data), descriptor["size"], "size of a blob")
    return data


def test_layout_is_good_and_small():
    print("# " + make().strip())
    with open(ARCHIVE, "rb") as file:
        first = digest(file.read())
    check(os.path.getsize(ARCHIVE) < IMAGE_MAX, f"{os.path.getsize(ARCHIVE)} bytes")
    with tarfile.open(ARCHIVE) as archive:
        index = json.load(archive.extractfile("./index.json"))
        manifest = json.loads(blob(archive, index["manifests"][0]))
        config = json.loads(blob(archive, manifest["config"]))
        layer = blob(archive, manifest["layers"][0])
    equal(config["config"]["Entrypoint"], ["/usr/sbin/aegressd"], "entrypoint")
    unpacked = subprocess.run(["gzip", "-dc"], input=layer, capture_output=True, check=True).stdout
    equal(digest(unpacked), config["rootfs"]["diff_ids"][0], "digest of the layer, unpacked")
    make()
    with open(ARCHIVE, "rb") as file:
        equal(digest(file.read()), first, "the second image")


def test_programs_run_in_it():
    root = tempfile.mkdtemp(prefix="aegress-image-")
    try:
        make("--root", os.path.join(root, "image"))
        inside = ["chroot", os.path.join(root, "image")]
        shown = subprocess.run([*inside, "/usr/sbin/aegressd", "--version"], capture_output=True, text=True,
                               check=False)
        check(shown.stdout.startswith("aegressd "), shown.stderr)
        with open(os.path.join(root, "image/etc/aegress/aegressd.yaml"), "w", encoding="ascii") as file:
            file.write("defaults: {unselected: Deny}\n")
        checked = subprocess.run([*inside, "/usr/sbin/aegressd", "--check-config"], capture_output=True,
                                 text=True, check=False)
        equal(checked.returncode, 0, checked.stderr)
        plugin = subprocess.run([*inside, "/usr/bin/kubectl-aegress", "get", "endpoints", "-f",
                                 "/usr/share/aegress/catalogue"], capture_output=True, text=True, check=False)
        equal(plugin.returncode, 0, plugin.stderr)
        check("hf-hub" in plugin.stdout, plugin.stdout)
        check(not os.path.exists(os.path.join(root, "image/bin/sh")), "there is a shell")
    finally:
        shutil.rmtree(root)
