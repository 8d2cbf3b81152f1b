# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""What the cases share: one control plane for the whole run, and nodes that belong to it."""
import atexit
import contextlib
import ctypes
import errno
import http.client
import json
import os
import socket
import ssl

import cluster as control_plane
from cluster import TOP  # noqa: F401  (for the cases)
from harness import Node, check, wait_until

GOVERNED, OTHER, FREE = "203.0.113.10", "203.0.113.20", "198.51.100.7"

ENDPOINTS = [
    {"apiVersion": "aegress.dev/v1alpha1", "kind": "AIEndpoint", "metadata": {"name": "test-inference"},
     "spec": {"class": "inference", "cidrs": [GOVERNED + "/32"]}},
    {"apiVersion": "aegress.dev/v1alpha1", "kind": "AIEndpoint", "metadata": {"name": "test-upload"},
     "spec": {"class": "upload", "cidrs": [OTHER + "/32"]}},
]

_shared = None


def json_stream(text):
    """kubectl prints several objects one after the other."""
    decoder, objects, at = json.JSONDecoder(), [], 0
    while at < len(text.rstrip()):
        found, at = decoder.raw_decode(text, at)
        objects.append(found)
        at += len(text[at:]) - len(text[at:].lstrip())
    return objects


class TestCluster(control_plane.Cluster):
    installed = None

    def ensure_namespaces(self, names):
        self.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
                    for name in sorted(set(names))])

    def get(self, *argv):
        return json.loads(self.kubectl("get", *argv, "-o", "json").stdout)

    def connection(self):
        context = ssl.create_default_context(cafile=self.path("ca.crt"))
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=30)

    def request(self, method, path, body=None, over=None):
        """Straight to the server: a kubectl for each of a thousand pods would take minutes, and a new
        connection for each a good part of one."""
        with contextlib.ExitStack() as stack:
            connection = over or stack.enter_context(contextlib.closing(self.connection()))
            kind = "merge-patch+json" if method == "PATCH" else "json"
            connection.request(method, path, json.dumps(body) if body else None,
                               {"Authorization": f"Bearer {self.token}",
                                "Content-Type": f"application/{kind}"})
            response = connection.getresponse()
            answer = json.loads(response.read())
            check(response.status < 300, f"{method} {path}: {response.status} {answer}")
            return answer

    def install_chart(self):
        """The overlay that audits, as the README says; its objects. Nobody runs the DaemonSet here."""
        if not self.installed:
            overlay = os.path.join(TOP, "deploy/kustomize/overlays/audit")
            self.kubectl("apply", "--server-side", "--force-conflicts", "-k", overlay)
            shown = self.kubectl("create", "--dry-run=client", "-o", "json", "-k", overlay).stdout
            self.installed = json_stream(shown)
        return self.installed

    def patch(self, path, body):
        return self.request("PATCH", path, body)

    def post_pod(self, node, name, over=None, **fields):
        answer = self.request("POST", f"/api/v1/namespaces/{node.ns}/pods", pod_object(node, name, **fields),
                              over)
        node.uids[name] = answer["metadata"]["uid"]

    def delete_pod(self, node, name, over=None):
        self.request("DELETE", f"/api/v1/namespaces/{node.ns}/pods/{name}",
                     {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0}, over)


def added_capabilities(objects):
    """Of the one container of the one DaemonSet."""
    sets = [item for item in objects if item["kind"] == "DaemonSet"]
    security = sets[0]["spec"]["template"]["spec"]["containers"][0]["securityContext"]
    check(security["capabilities"]["drop"] == ["ALL"], "not every capability is dropped")
    return security["capabilities"]["add"]


def shared_cluster():
    """Started by the first case that asks; a skip where it cannot be built."""
    global _shared  # pylint: disable=global-statement
    if _shared is None:
        _shared = TestCluster().__enter__()
        atexit.register(_shared.close)
        _shared.install_crds()
        _shared.apply(ENDPOINTS)
    return _shared


def pod_object(node, name, account="default", labels=None, annotations=None):
    """As the scheduler leaves it: bound to a node, not yet running."""
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": node.ns, "labels": labels or {},
                     "annotations": annotations or {}},
        "spec": {"nodeName": node.name, "serviceAccountName": account,
                 "automountServiceAccountToken": False, "terminationGracePeriodSeconds": 0,
                 "containers": [{"name": "c1", "image": "none"}]},
    }


def policy_object(name, endpoint, accounts=None, labels=None, namespace_labels=None, everyone=False):
    workloads = {}
    if everyone:
        workloads["all"] = True
    if accounts:
        workloads["serviceAccounts"] = accounts
    if labels:
        workloads["podSelector"] = {"matchLabels": labels}
    kind, metadata = "AIEgressPolicy", {"name": name, "namespace": KubeNode.current.ns}
    if namespace_labels:
        kind, metadata = "ClusterAIEgressPolicy", {"name": f"{KubeNode.current.ns}-{name}"}
        workloads["namespaceSelector"] = {"matchLabels": namespace_labels}
    return {"apiVersion": "aegress.dev/v1alpha1", "kind": kind, "metadata": metadata,
            "spec": {"workloads": workloads, "allow": [{"name": "it", "to": [{"endpoint": endpoint}]}]}}


class KubeNode(Node):
    """A node of the shared cluster, with a namespace of its own for the case's objects."""

    current = None

    def __init__(self, label):
        super().__init__("kube-" + label)
        self.cluster = shared_cluster()
        self.ns = self.name = self.id
        self.uids = {}

    def __enter__(self):
        super().__enter__()
        KubeNode.current = self
        self.cluster.ensure_namespaces([self.ns])
        return self

    def remove(self):
        with contextlib.suppress(Exception):
            self.cluster.kubectl("delete", "pods", "--all", "-n", self.ns, "--force",
                                 "--grace-period=0", "--wait=false")
            group = "/apis/aegress.dev/v1alpha1"  # kubectl deletes one by one
            self.cluster.request("DELETE", f"{group}/namespaces/{self.ns}/aiegresspolicies")
            self.cluster.request("DELETE", f"{group}/clusteraiegresspolicies")
            self.cluster.request("DELETE", "/apis/coordination.k8s.io/v1/namespaces/aegress/leases")
        super().remove()

    def daemon_of_cluster(self, kubeconfig=None, kubernetes=None, **config):
        """Speaks as the administrator, or as this kubeconfig does; takes no part in status unless told."""
        daemon = self.daemon(kubernetes={
            "enabled": True, "kubeconfig": kubeconfig or self.cluster.path("admin.kubeconfig"),
            **(kubernetes or {"status": False})}, **config)
        daemon.config["node"] = self.name
        daemon.whole_log = lambda: read(daemon.log_path)
        daemon.resident_mib = lambda: resident_mib(daemon.process.pid)
        return daemon

    def daemon_of_chart(self, seconds=3600, **config):
        """With the service account, the roles and the capabilities of the DaemonSet, and no more."""
        installed = self.cluster.install_chart()
        self.token_file = self.cluster.path(f"{self.id}.token")
        self.write_token(seconds)
        kubeconfig = self.cluster.write_kubeconfig(f"{self.id}.kubeconfig", token_file=self.token_file)
        daemon = self.daemon_of_cluster(kubeconfig, {"namespace": "aegress"}, **config)
        kept = ",".join("+" + name.lower() for name in added_capabilities(installed))
        argv = daemon.argv
        daemon.argv = lambda: [*argv()[:-3], "setpriv", "--no-new-privs", f"--bounding-set=-all,{kept}",
                               *argv()[-3:]]
        return daemon

    def write_token(self, seconds=3600):
        """As the kubelet does it: the file is replaced."""
        token = self.cluster.service_account_token("aegress", "aegress", seconds)
        with open(self.token_file + ".new", "w", encoding="ascii") as file:
            file.write(token)
        os.rename(self.token_file + ".new", self.token_file)

    def apply_pod(self, name, **fields):
        self.cluster.apply([pod_object(self, name, **fields)])
        self.real_uid(name)

    def real_uid(self, name):
        self.uids[name] = self.cluster.get("pod", "-n", self.ns, name)["metadata"]["uid"]
        return self.uids[name]

    def run_pod(self, name, uid=None):
        """What a kubelet and a runtime would do with it: cgroups, namespace, a process."""
        return self.pod(name, uid=(uid or self.uids[name]).replace("-", "_"))

    def first_connect(self, name, addr, made=None):
        """errno of a connect() that is the first thing a process of the pod does; made: its cgroups, where
        they were made before."""
        pod_path, container = made or self.pod_cgroup(self.uids[name].replace("-", "_"))
        with open(os.path.join(container, "cgroup.procs"), "w", encoding="ascii") as procs:
            child = os.fork()
            if child == 0:
                os._exit(connect_from(procs, f"/run/netns/{self.world.netns}", addr))
        _, status = os.waitpid(child, 0)
        for path in (container, os.path.join(self.cgroup_root, pod_path)):
            wait_until(lambda path=path: rmdir(path), f"{path} to be empty")
            self.cgroups.remove(path)
        code = os.waitstatus_to_exitcode(status)
        return errno.errorcode[code] if code else "OK"


def connect_from(procs, netns, addr):
    """In a child that does nothing else: into the cgroup, into the namespace, connect; its errno."""
    try:
        procs.write(str(os.getpid()))
        procs.flush()
        with open(netns, "rb") as namespace:
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), 0):
                return ctypes.get_errno()
        with socket.socket() as sock:
            return sock.connect_ex((addr, 443))
    except OSError as error:
        return error.errno


def rmdir(path):
    try:
        os.rmdir(path)
    except OSError:
        return False
    return True


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def resident_mib(pid):
    for line in read(f"/proc/{pid}/status").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0


def kube_node(label):
    return KubeNode(label)
