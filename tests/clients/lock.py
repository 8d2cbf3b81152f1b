# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Turns pip's installation report (standard input) into a requirements file with the hashes of every
wheel of those versions that a supported machine may choose: Python 3.11 to 3.14, x86-64 and arm64."""
import json
import re
import sys
import urllib.request

WANTED = re.compile(r"-(py3|py2\.py3|cp31[1-4]|cp3\d+-abi3)-.*(any|manylinux\S*_(x86_64|aarch64))\.whl$")


LINK = re.compile(r'#sha256=([0-9a-f]{64})"[^>]*>([^<]+)</a>')


def wheels(name, version):
    with urllib.request.urlopen(f"https://pypi.org/simple/{name}/", timeout=60) as answer:
        page = answer.read().decode()
    stem = f"{name.replace('-', '_')}-{version}-"
    return sorted(digest for digest, file in LINK.findall(page)
                  if file.lower().startswith(stem) and WANTED.search(file))


def main():
    print("# Written by scripts/clients --lock; pip checks every file against it.")
    packages = {item["metadata"]["name"].lower(): item["metadata"]["version"]
                for item in json.load(sys.stdin)["install"]}
    for name, version in sorted(packages.items()):
        hashes = wheels(name, version)
        if not hashes:
            sys.exit(f"{name} {version}: no wheel for the machines we support")
        print(" \\\n    ".join([f"{name}=={version}"] + [f"--hash=sha256:{value}" for value in hashes]))


main()
