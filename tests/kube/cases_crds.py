# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The schemas of the resources, held against a real API server: what `aegress check` takes it takes,
what the schema can tell it refuses with a sentence, and the columns are there."""
import glob
import json
import os
import re
import subprocess

from harness import check, equal
from kube_scene import TOP, shared_cluster

# Not resources: without Kubernetes they say who lives where.
FILES_ONLY = ("kind: Workload", "kind: Namespace")
# Mistakes that only the whole set of documents, or YAML before it is JSON, can show.
SCHEMA_CANNOT = re.compile(r"^(yaml-|doc-|many-|too-many|namespace-|workload-)")


def documents(path):
    with open(path, encoding="utf-8") as file:
        return [text for text in re.split(r"^---\s*$", file.read(), flags=re.M)
                if "apiVersion:" in text and not any(kind in text for kind in FILES_ONLY)]


def dry_run(cluster, text):
    return cluster.kubectl("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-",
                           text=text, ok=False)


def test_rendered_files_are_fresh():
    done = subprocess.run([os.path.join(TOP, "scripts/crds"), "--check"], capture_output=True, text=True,
                          check=False)
    equal(done.returncode, 0, done.stderr.strip())


def test_catalogue_and_examples_are_taken():
    cluster = shared_cluster()
    files = glob.glob(os.path.join(TOP, "policies/**/*.yaml"), recursive=True)
    texts = [text for path in files for text in documents(path)]
    check(len(texts) > 90, f"only {len(texts)} documents were found")
    cluster.ensure_namespaces(re.findall(r"^  namespace: (\S+)$", "\n".join(texts), re.M))
    done = dry_run(cluster, "\n---\n".join(texts))
    equal(done.returncode, 0, done.stderr.strip())


def test_mistakes_that_a_schema_can_tell():
    """Each of these has a file in tests/bad-policies; the API server refuses it before aegress does."""
    cluster = shared_cluster()
    cluster.ensure_namespaces(["ml-prod"])
    told, untold = [], []
    for path in sorted(glob.glob(os.path.join(TOP, "tests/bad-policies/*.yaml"))):
        name = os.path.basename(path)
        if SCHEMA_CANNOT.match(name) or not documents(path):
            continue
        done = dry_run(cluster, "\n---\n".join(documents(path)))
        (told if done.returncode else untold).append(name)
    print(f"# schema: {len(told)} of {len(told) + len(untold)} refused; left to the compiler: "
          f"{', '.join(untold)}")
    for name in ("policy-strict.yaml", "policy-neither.yaml", "to-two-kinds.yaml", "to-empty.yaml",
                 "tls-without-allow.yaml", "rule-duplicate-name.yaml", "ports-bad.yaml",
                 "cidr-host-bits.yaml", "cidr-garbage.yaml", "endpoint-nothing-to-match.yaml",
                 "selector-in-without-values.yaml", "selector-exists-with-values.yaml",
                 "workloads-empty.yaml", "workloads-all-false.yaml", "workloads-unknown-key.yaml",
                 "policy-unknown-key.yaml", "to-unknown-key.yaml", "policy-bad-mode.yaml"):
        check(name in told, f"{name}: the API server took it")


def test_columns_and_names():
    cluster = shared_cluster()
    shown = cluster.kubectl("get", "aiep,caiep,aie", "-A").stdout
    check("No resources" not in shown or shown == "", shown)
    kinds = cluster.kubectl("api-resources", "--categories=aegress", "-o", "name").stdout.split()
    equal(sorted(kinds), ["aiegresspolicies.aegress.dev", "aiendpoints.aegress.dev",
                          "clusteraiegresspolicies.aegress.dev"], "category aegress")
    crd = json.loads(cluster.kubectl("get", "crd", "aiegresspolicies.aegress.dev", "-o", "json").stdout)
    columns = [c["name"] for c in crd["spec"]["versions"][0]["additionalPrinterColumns"]]
    equal(columns, ["Mode", "Containment", "Pods", "Accepted", "Enforced", "Reason", "Age"], "columns")
