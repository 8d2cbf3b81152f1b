# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""`aegress check` on files that are huge, missing, unreadable or good; and standard input."""
import glob
import os
import re
import tempfile

from harness import Skip, aegress, check, contains, equal, expect, functions, parse

POLICY = """\
apiVersion: aegress.dev/v1alpha1
kind: AIEndpoint
metadata: {name: one}
spec: {class: hub, hosts: [one.example.org]}
"""
LIMIT = 1 << 20


def written(directory, name, text):
    path = os.path.join(directory, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def padded(size):
    """The policy, and a comment that makes it exactly that long."""
    return POLICY + "#" + "x" * (size - len(POLICY) - 2) + "\n"


def test_shipped_policies_are_clean():
    done = expect(0, "check", "--strict", "policies/", stdout=": ok\n")
    equal(done.stderr, "", "stderr")
    answer = parse(expect(0, "check", "-o", "json", "policies/").stdout, "check -o json")
    equal((answer["ok"], answer["diagnostics"]), (True, []), "answer")
    counts = answer["counts"]
    equal(done.stdout, "{policies} policies, {endpoints} endpoints, {workloads} workloads: ok\n"
          .format(**counts), "stdout")


def test_every_endpoint_of_the_catalogue_is_dated():
    """Class, provider, evidence, and the day as of which it holds; the checker sees that dates are dates."""
    for path in sorted(glob.glob("policies/catalogue/*.yaml")):
        with open(path, encoding="utf-8") as file:
            documents = [text for text in file.read().split("---\n") if "\nkind:" in text]
        check(len(documents) >= 40, f"{path}: only {len(documents)} documents")
        for text in documents:
            name = re.search(r"^  name: (\S+)", text, re.MULTILINE)[1]
            for key in ("class: ", "evidence: \"", "since: 20"):
                equal(len(re.findall(rf"^  {key}", text, re.MULTILINE)), 1, f"{name}: {key!r}")
            contains(text, "provider: ", name)


def test_one_mebibyte_is_the_limit():
    with tempfile.TemporaryDirectory() as directory:
        fits = written(directory, "fits.yaml", padded(LIMIT))
        expect(0, "check", fits, stdout="0 policies, 1 endpoint, 0 workloads: ok")
        large = written(directory, "large.yaml", padded(LIMIT + 1))
        done = expect(1, "check", large, stderr="more than 1 MiB")
        contains(done.stderr, large, "the file's name")


def test_standard_input():
    expect(0, "check", "-", stdin=POLICY, stdout="1 endpoint")
    expect(1, "check", "-", stdin="kind: Nothing\n", stderr="<stdin>:1:")
    expect(1, "check", "-", stdin=padded(LIMIT + 1), stderr="<stdin>: error: more than 1 MiB")
    expect(0, "check", "-", stdin=padded(LIMIT), stdout="1 endpoint")


def test_missing_file():
    expect(1, "check", "/nonexistent/policy.yaml", stderr="/nonexistent/policy.yaml")
    expect(2, "explain", "-f", "/nonexistent", "-n", "a", "--to", "hf.co", stderr="/nonexistent")


def test_unreadable_file():
    # Root reads everything; without these capabilities it is held to the file's mode.
    caps = "-dac_override,-dac_read_search"
    prefix = ["setpriv", "--bounding-set", caps, "--inh-caps", caps] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as directory:
        path = written(directory, "secret.yaml", POLICY)
        expect(0, "check", path, prefix=prefix)
        os.chmod(path, 0)
        expect(1, "check", path, prefix=prefix, stderr="Permission denied")


def test_special_files_are_refused():
    with tempfile.TemporaryDirectory() as directory:
        fifo = os.path.join(directory, "pipe.yaml")
        os.mkfifo(fifo)
        done = aegress("check", fifo)
        equal(done.returncode, 1, "exit status")
        contains(done.stderr, fifo, "stderr")


def test_all_mistakes_of_all_files_at_once():
    with tempfile.TemporaryDirectory() as directory:
        for name in ("a.yaml", "b.yaml"):
            written(directory, name, POLICY.replace("class", "clas"))
        done = expect(1, "check", directory)
        for name in ("a.yaml:4:8: error: ", "b.yaml:4:8: error: ", "did you mean 'class'"):
            contains(done.stderr, name, "stderr")


def test_a_file_of_the_set_repairs_another():
    policy = "policies/examples/chat-api-eu.yaml"
    expect(1, "check", policy, stderr="hf-inference-endpoints")
    expect(0, "check", policy, "policies/catalogue", stdout="1 policy, ")


def test_full_disk_is_noticed():
    if not os.path.exists("/dev/full"):
        raise Skip("no /dev/full")
    expect(1, "-c", 'exec "$0" version >/dev/full', os.path.abspath(os.environ.get(
        "AEGRESS", "build/aegress")), program="/bin/sh", stderr="No space left on device")


def cases():
    return functions(globals())
