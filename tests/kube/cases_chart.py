# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""What is deployed: rendered files are fresh, every manifest passes a real API server's validation, values
with mistakes are refused, and nothing is granted that nobody asked for."""
import os
import subprocess

from cluster import CANNOT
from harness import Failure, Skip, check, equal
from kube_scene import TOP, added_capabilities, json_stream, shared_cluster

CHART = os.path.join(TOP, "deploy/helm/aegress")
ALL = ("metrics.prometheusRule=true", "metrics.dashboard=true")
MONITORING = ("podmonitors", "PodMonitor"), ("servicemonitors", "ServiceMonitor"), \
    ("prometheusrules", "PrometheusRule")


def script(*argv):
    done = subprocess.run([os.path.join(TOP, argv[0]), *argv[1:]], capture_output=True, text=True,
                          check=False)
    if done.returncode == CANNOT:
        raise Skip(done.stderr.strip().splitlines()[-1])
    return done


def helm(*argv, ok=True):
    where = script("scripts/kube-testenv", "helm").stdout.strip().splitlines()[-1]
    done = subprocess.run([os.path.join(where, "helm"), *argv], capture_output=True, text=True,
                          check=False)
    if ok and done.returncode:
        raise Failure(f"helm {' '.join(argv)}: {done.stderr.strip()}")
    return done


def template(*values, ok=True):
    return helm("template", "aegress", CHART, "--namespace", "aegress", "--kube-version", "1.36",
                *(word for value in values for word in ("--set", value)), ok=ok)


def server_takes(cluster, text):
    done = cluster.kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server",
                           "--validate=strict", "-f", "-", text=text, ok=False)
    equal(done.returncode, 0, done.stderr.strip())


def define_monitoring(cluster):
    """The kinds of the Prometheus operator, with any content."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    cluster.apply([{
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.monitoring.coreos.com"},
        "spec": {"group": "monitoring.coreos.com", "scope": "Namespaced",
                 "names": {"kind": kind, "plural": plural},
                 "versions": [{"name": "v1", "served": True, "storage": True,
                               "schema": {"openAPIV3Schema": schema}}]},
    } for plural, kind in MONITORING])
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")


def test_rendered_files_are_fresh():
    done = script("scripts/render", "--check")
    equal(done.returncode, 0, done.stderr.strip())


def test_server_takes_the_overlays():
    cluster = shared_cluster()
    cluster.ensure_namespaces(["aegress"])  # a dry run makes none
    for overlay in ("audit", "enforce"):
        text = cluster.kubectl("kustomize", os.path.join(TOP, "deploy/kustomize/overlays", overlay)).stdout
        wanted = {"audit": "unselected: Audit", "enforce": "unselected: Deny"}[overlay]
        check(wanted in text, f"overlay {overlay} does not say {wanted}")
        server_takes(cluster, text)


def test_server_takes_every_value():
    cluster = shared_cluster()
    cluster.ensure_namespaces(["aegress"])
    define_monitoring(cluster)
    for values in ((), (*ALL, "metrics.podMonitor=true"), (*ALL, "metrics.serviceMonitor=true"),
                   ("cleanup.enabled=true",), ("podNetworks=false", "appArmor="),
                   ("image.digest=sha256:" + "0" * 64, "priorityClassName=", "namespace.create=true")):
        server_takes(cluster, template(*values).stdout)


def test_mistakes_in_values_are_refused():
    for value in ("no.such=1", "defaults.unselected=deny", "metrics.port=70000", "image.digest=sha256:0",
                  "cgroup.hostPath=relative", "cgroup.managed={}"):
        done = template(value, ok=False)
        check(done.returncode != 0, f"helm took {value}")
    both = template("metrics.podMonitor=true", "metrics.serviceMonitor=true", ok=False)
    check(both.returncode != 0, "helm took two monitors")


def test_configuration_is_good():
    """aegressd itself reads what the ConfigMap holds, for the default and for merged values."""
    cluster = shared_cluster()
    for values in ((), ("config.dns.resolvers={10.96.0.10}", "config.log.level=debug")):
        shown = cluster.kubectl("create", "--dry-run=client", "-o", "json", "-f", "-",
                                text=template(*values).stdout).stdout
        config = next(o for o in json_stream(shown) if o["kind"] == "ConfigMap")["data"]["aegressd.yaml"]
        path = cluster.path("chart.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(config)
        done = subprocess.run([os.path.join(TOP, "build/aegressd"), "--config", path, "--check-config"],
                              capture_output=True, text=True, check=False)
        equal(done.returncode, 0, done.stderr)
        check(not values or "10.96.0.10" in config, config)


def test_no_more_rights_than_needed():
    cluster = shared_cluster()
    objects = json_stream(cluster.kubectl("create", "--dry-run=client", "-o", "json", "-f", "-",
                                          text=template("podNetworks=false").stdout).stdout)
    equal(sorted(added_capabilities(objects)),
          ["BPF", "NET_ADMIN", "NET_BROADCAST", "PERFMON", "SETPCAP", "SYS_RESOURCE"],
          "capabilities without pod networks")
    daemonset = next(o for o in objects if o["kind"] == "DaemonSet")
    container = daemonset["spec"]["template"]["spec"]["containers"][0]
    check(container["securityContext"]["readOnlyRootFilesystem"], "the root file system is writable")
    check("lifecycle" not in container, "something runs when a pod stops")
    allowed = {(group, resource, verb) for o in objects if o["kind"] in ("Role", "ClusterRole")
               for rule in o["rules"] for group in rule["apiGroups"] for resource in rule["resources"]
               for verb in rule["verbs"]}
    check(not any("*" in part for row in allowed for part in row), "a role with a star")
    writes = {row for row in allowed if row[2] not in ("get", "list", "watch")}
    equal({row[1] for row in writes},
          {"aiendpoints/status", "aiegresspolicies/status", "clusteraiegresspolicies/status", "events",
           "leases"}, "what may be written")


def test_plugin():
    """`kubectl aegress …` finds kubectl-aegress on the path, which calls itself so."""
    cluster = shared_cluster()
    link = cluster.path("kubectl-aegress")
    os.symlink(os.path.join(TOP, "build/aegress"), link)
    env = dict(os.environ, PATH=f"{cluster.dir}:{os.environ['PATH']}")
    done = subprocess.run([os.path.join(cluster.bin, "kubectl"), "aegress", "--help"], env=env,
                          capture_output=True, text=True, check=False)
    equal(done.returncode, 0, done.stderr)
    check("kubectl aegress" in done.stdout, done.stdout)
    checked = subprocess.run([os.path.join(cluster.bin, "kubectl"), "aegress", "check",
                              os.path.join(TOP, "policies")], env=env, capture_output=True, text=True,
                             check=False)
    equal(checked.returncode, 0, checked.stderr)
