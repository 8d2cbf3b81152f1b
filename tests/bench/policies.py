#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Writes a cluster's worth of documents: endpoints, policies of every kind, workloads. The same
arguments give the same bytes. The client of the benchmarks, bench/client, may reach every endpoint
but `bench-denied` and `bench-refused`. Usage: tests/bench/policies.py DIR [--policies N] [--hosts N] [--cidrs N]
[--workloads N]"""
import argparse
import ipaddress
import os
import random
from dataclasses import dataclass

CLASSES = ["hub", "download", "upload", "inference", "spaces", "jobs", "admin", "other"]
REGIONS = ["eu-west-1", "us-east-1", "ap-south-1"]
NAMESPACES, ZONES, TEAMS = 50, 10, 25
DOCUMENTS_PER_FILE = 100
PARTS = ("policies", "workloads")

# One block of 16 addresses for every IPv4 CIDR and one of 65536 for every IPv6 CIDR, counted from
# here, so that a client can step through all of them: RFC 2544 and RFC 3849 addresses.
BASE4, STRIDE4, LENGTHS4 = int(ipaddress.ip_address("198.18.0.0")), 16, [28, 29, 30, 32]
BASE6, STRIDE6, LENGTHS6 = int(ipaddress.ip_address("2001:db8::1:0")), 65536, [112, 116, 120, 128]
DENIED4, DENIED6 = "203.0.113.66", "2001:db8:0:dead::66"

CLIENT_UID = "bench0client"
CLIENT = f"""\
apiVersion: aegress.dev/v1alpha1
kind: Workload
metadata: {{name: client, namespace: bench}}
spec: {{serviceAccount: bench, cgroup: "kubepods.slice/*/kubepods-*pod{CLIENT_UID}.slice"}}
"""


@dataclass(frozen=True)
class Size:
    policies: int = 1000
    hosts: int = 10000
    cidrs: int = 10000
    workloads: int = 1000

    def endpoints(self):
        """Beside bench-denied, which has two of the CIDRs."""
        return max(1, min(100, self.cidrs // 4))


SMALL = Size(policies=3, hosts=10, cidrs=10, workloads=3)


def cidr(index):
    """Even numbers are IPv4, odd ones IPv6; lengths are mixed, as they are in life."""
    base, stride, lengths, width = ((BASE6, STRIDE6, LENGTHS6, 128) if index % 2 else
                                    (BASE4, STRIDE4, LENGTHS4, 32))
    nth = index // 2
    length = lengths[nth % len(lengths)]
    kind = ipaddress.IPv6Network if width == 128 else ipaddress.IPv4Network
    return str(kind((base + nth * stride, length)))


def host(index, endpoint):
    star = "*." if index % 5 == 0 else ""
    return f"{star}h{index}.{REGIONS[index % 3]}.ep{endpoint}.bench.example"


def share(total, parts, part):
    """The part-th of `parts` slices of range(total), equal but for the rest."""
    return range(total * part // parts, total * (part + 1) // parts)


def endpoint_class(number):
    return CLASSES[number % len(CLASSES)]


def endpoint(size, number):
    count = size.endpoints()
    hosts = [host(i, number) for i in share(size.hosts, count, number)]
    cidrs = [cidr(i) for i in share(size.cidrs - 2, count, number)]
    lines = ["apiVersion: aegress.dev/v1alpha1", "kind: AIEndpoint", "metadata:",
             f"  name: ep{number}", f"  labels: {{provider: provider{number % 4}}}", "spec:",
             f"  class: {endpoint_class(number)}", f"  region: {REGIONS[number % 3]}", "  hosts:"]
    lines += [f'  - "{name}"' for name in hosts] + ["  cidrs:"]
    lines += [f'  - "{net}"' for net in cidrs] + ["  ports: [443, 443/udp]"]
    return "\n".join(lines) + "\n"


DENIED = f"""\
apiVersion: aegress.dev/v1alpha1
kind: AIEndpoint
metadata: {{name: bench-denied}}
spec:
  class: telemetry
  cidrs: ["{DENIED4}/32", "{DENIED6}/128"]
"""

# Names that a resolver of the benchmarks answers; the client may reach the class of the first.
HELLO_NAME = "huggingface.co"  # in the captured ClientHellos
ALLOWED_ZONE, DENIED_ZONE = "allowed.test", "denied.test"
NAMED = f"""\
apiVersion: aegress.dev/v1alpha1
kind: AIEndpoint
metadata: {{name: bench-named}}
spec: {{class: {CLASSES[0]}, hosts: [{HELLO_NAME}, "*.{ALLOWED_ZONE}"]}}
---
apiVersion: aegress.dev/v1alpha1
kind: AIEndpoint
metadata: {{name: bench-refused}}
spec: {{class: telemetry, hosts: ["*.{DENIED_ZONE}"]}}
"""


def head(kind, name, namespace=None):
    scope = f", namespace: {namespace}" if namespace else ""
    return (f"apiVersion: aegress.dev/v1alpha1\nkind: {kind}\n"
            f"metadata: {{name: {name}{scope}}}\nspec:\n")


def client_policy(size):
    used = sorted({endpoint_class(number) for number in range(size.endpoints())})
    allowed = "".join(f"    - {{class: {name}}}\n" for name in used)
    return (head("AIEgressPolicy", "client", "bench") +
            "  workloads: {serviceAccounts: [bench]}\n"
            "  tls: {ech: Allow}\n"  # the largest of the captured hellos pretend to have it
            "  allow:\n  - name: everything\n    to:\n" +
            allowed + "  deny:\n  - name: no-telemetry\n    to: [{endpoint: bench-denied}]\n")


def by_account(size, number, rng):
    """The most common kind: one application, the few endpoints it needs, a port of its own."""
    some = rng.sample(range(size.endpoints()), min(3, size.endpoints()))
    rules = "".join(f"  - name: rule{i}\n    to: [{{endpoint: ep{e}}}]\n"
                    for i, e in enumerate(some))
    return f"  workloads: {{serviceAccounts: [sa{number}]}}\n  allow:\n" + rules


def by_team(size, number, rng):
    first = rng.randrange(size.endpoints())
    return (f"  workloads: {{podSelector: {{matchLabels: {{team: team{number % TEAMS}}}}}}}\n"
            f"  allow:\n  - name: class\n    to: [{{class: {endpoint_class(first)}}}]\n"
            f"  deny:\n  - name: but-one\n    to: [{{endpoint: ep{first}}}]\n")


def by_expression(size, number, rng):
    which = rng.randrange(size.endpoints())
    first = share(size.hosts, size.endpoints(), which)[0]
    net = share(size.cidrs - 2, size.endpoints(), which)[0]
    return ("  workloads:\n    podSelector:\n      matchExpressions:\n"
            f"      - {{key: app, operator: In, values: [app{number}, app{number + 1}]}}\n"
            "      - {key: legacy, operator: DoesNotExist}\n"
            "  allow:\n  - name: places\n    to:\n"
            f'    - {{host: "{host(first, which)}"}}\n'
            f'    - {{cidr: "{cidr(net)}", ports: [443, 8443]}}\n')


def auditing(size, number, rng):
    return "  mode: Audit\n" + by_account(size, number - 1, rng)


def denying(size, number, rng):
    which = rng.randrange(size.endpoints())
    return (f"  workloads: {{podSelector: {{matchLabels: {{team: team{number % TEAMS}}}}}}}\n"
            f"  deny:\n  - name: never\n    to: [{{endpoint: ep{which}}}]\n")


def cluster_wide(size, number, rng):
    which = rng.randrange(size.endpoints())
    return (f"  workloads: {{namespaceSelector: {{matchLabels: {{zone: zone{number % ZONES}}}}}}}\n"
            f"  deny:\n  - name: nobody\n    to: [{{endpoint: ep{which}, ports: [443]}}]\n")


KINDS = [by_account] * 5 + [by_team, by_expression, auditing, denying, cluster_wide]


def policy(size, number, rng):
    make = KINDS[number % len(KINDS)]
    if make is cluster_wide:
        return head("ClusterAIEgressPolicy", f"cluster{number}") + make(size, number, rng)
    return (head("AIEgressPolicy", f"policy{number}", f"ns{number % NAMESPACES}") +
            make(size, number, rng))


def namespace(number):
    return (f"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: ns{number}\n"
            f"  labels: {{zone: zone{number % ZONES}}}\n")


def workload_uid(number):
    return f"bench{number:06d}"


def workload(number):
    return (head("Workload", f"pod{number}", f"ns{number % NAMESPACES}").replace(
        "}\nspec", f", labels: {{team: team{number % TEAMS}, app: app{number}}}}}\nspec") +
            f'  serviceAccount: sa{number}\n'
            f'  cgroup: "kubepods.slice/*/kubepods-*pod{workload_uid(number)}.slice"\n')


def write(directory, name, documents):
    for start in range(0, len(documents), DOCUMENTS_PER_FILE):
        path = os.path.join(directory, f"{name}-{start // DOCUMENTS_PER_FILE:02d}.yaml")
        with open(path, "w", encoding="ascii") as out:
            out.write("---\n".join(documents[start:start + DOCUMENTS_PER_FILE]))


def generate(size, policies, workloads):
    """Fills two directories that exist."""
    rng = random.Random(1)
    write(policies, "endpoints", [DENIED, NAMED] + [endpoint(size, i) for i in range(size.endpoints())])
    write(policies, "policies",
          [client_policy(size)] + [policy(size, i, rng) for i in range(size.policies - 1)])
    write(workloads, "workloads", [namespace(i) for i in range(NAMESPACES)] + [CLIENT] +
          [workload(i) for i in range(size.workloads - 1)])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory")
    for field, default in vars(Size()).items():
        parser.add_argument(f"--{field}", type=int, default=default)
    args = vars(parser.parse_args())
    directory = args.pop("directory")
    for part in PARTS:
        os.makedirs(os.path.join(directory, part), exist_ok=True)
    generate(Size(**args), *(os.path.join(directory, part) for part in PARTS))


if __name__ == "__main__":
    main()
