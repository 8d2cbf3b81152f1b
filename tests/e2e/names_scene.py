# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""A world with names in it: dnsmasq as the trusted resolver, another one that nobody trusts, and nginx
with many names on one address, as a CDN has. Real software; only the addresses are documentation."""
import contextlib
import os
import subprocess

from harness import Node, Pod, check, dies_with_us, equal, run, wait_until

SHARED, SHARED6 = "203.0.113.50", "2001:db8:a::50"  # every name that nginx serves
OTHER = "203.0.113.60"                              # wild.test only
DENIED = "203.0.113.70"                             # upload.hub.test only
WITNESS, WITNESS6 = "203.0.113.80", "2001:db8:a::80"  # seen.hub.test; nobody is there unless a case is
RESOLVER, RESOLVER6, FORGER = "198.51.100.53", "2001:db8:b::53", "198.51.100.54"

POLICIES = """\
apiVersion: aegress.dev/v1alpha1
kind: AIEndpoint
metadata: {name: hub, labels: {provider: test}}
spec: {class: hub, hosts: [hub.test, "*.hub.test"]}
---
apiVersion: aegress.dev/v1alpha1
kind: AIEndpoint
metadata: {name: upload, labels: {provider: test}}
spec: {class: upload, hosts: [upload.hub.test, only.upload.test]}
---
apiVersion: aegress.dev/v1alpha1
kind: AIEndpoint
metadata: {name: wild, labels: {provider: test}}
spec: {class: inference, hosts: ["*.wild.test"]}
---
apiVersion: aegress.dev/v1alpha1
kind: AIEndpoint
metadata: {name: rival, labels: {provider: rival}}
spec: {class: inference, hosts: [rival.test]}
---
apiVersion: aegress.dev/v1alpha1
kind: AIEgressPolicy
metadata: {name: chat, namespace: ml}
spec:
  workloads: {serviceAccounts: [chat]}
  allow:
  - name: hub
    to: [{endpoint: hub}]
  - name: wild
    to: [{endpoint: wild}]
  deny:
  - name: no-uploads
    to: [{endpoint: upload}]
---
apiVersion: aegress.dev/v1alpha1
kind: AIEgressPolicy
metadata: {name: strict-tls, namespace: ml}
spec:
  workloads: {serviceAccounts: [strict]}
  allow:
  - name: hub
    to: [{endpoint: hub}, {cidr: 203.0.113.60/32}]
  tls: {required: true, minVersion: "1.3"}
---
apiVersion: aegress.dev/v1alpha1
kind: AIEgressPolicy
metadata: {name: lax, namespace: ml}
spec:
  workloads: {serviceAccounts: [lax]}
  allow:
  - name: hub
    to: [{endpoint: hub}]
  tls: {ech: Allow}
---
apiVersion: aegress.dev/v1alpha1
kind: AIEgressPolicy
metadata: {name: watch, namespace: ml}
spec:
  mode: Audit
  workloads: {serviceAccounts: [watched]}
  allow:
  - name: hub
    to: [{endpoint: hub}]
"""

WORKLOAD = """\
apiVersion: aegress.dev/v1alpha1
kind: Workload
metadata: {{name: {0}-1, namespace: ml}}
spec: {{serviceAccount: {0}, cgroup: "kubepods.slice/*/kubepods-*pod{0}*.slice"}}
"""
WORKLOADS = "---\n".join(WORKLOAD.format(name) for name in ("chat", "strict", "lax", "watched"))

# host-record: these very names; address: everything below. The forger says what it likes.
HONEST = f"""\
host-record=hub.test,{SHARED},{SHARED6}
host-record=upload.hub.test,{SHARED},{SHARED6}
host-record=only.upload.test,{DENIED}
host-record=rival.test,{SHARED}
host-record=free.test,{SHARED}
host-record=seen.hub.test,{WITNESS},{WITNESS6}
address=/cdn.hub.test/{SHARED}
address=/wild.test/{OTHER}
cname=www.hub.test,alias.cdn-host.test
host-record=deep.cdn-host.test,{SHARED}
cname=alias.cdn-host.test,deep.cdn-host.test
cname=hub.test.ml.svc.cluster.local,hub.test
host-record=private.hub.test,10.1.2.3,fd00::1
host-record=meta.hub.test,169.254.169.254
"""
FORGED = f"address=/#/{DENIED}\n"
NAMES = ("hub.test", "*.hub.test", "*.cdn.hub.test", "x.y.cdn.hub.test", "only.upload.test", "*.wild.test", "rival.test",
         "free.test")


class NamesNode(Node):
    """A Node whose world answers questions and serves TLS. What it says and serves may be replaced."""

    policies_yaml, workloads_yaml = POLICIES, WORKLOADS
    records, certified = HONEST, NAMES

    def __init__(self, label="names"):
        super().__init__(label)
        self.servers = []

    def make_world(self):
        super().make_world()
        for addr in (SHARED, OTHER, DENIED, RESOLVER, FORGER):
            self.world_ip("addr", "add", f"{addr}/32", "dev", "lo")
        for addr in (SHARED6, RESOLVER6):
            self.world_ip("addr", "add", f"{addr}/128", "dev", "lo")
        self.write(self.policies, "policies.yaml", self.policies_yaml)
        self.write(self.workloads, "workloads.yaml", self.workloads_yaml)
        self.make_certificate()
        self.start_web()
        self.start_dnsmasq("honest", self.records, (RESOLVER, RESOLVER6))
        self.start_dnsmasq("forged", FORGED, (FORGER,))

    def world_ip(self, *args):
        run("ip", "-n", self.world.netns, *args)

    def remove(self):
        for server in self.servers:
            server.terminate()
            server.wait()
        super().remove()

    # ---- servers ----
    def serve(self, *argv):
        """A server of the world; what it says is in DIR/servers.log."""
        with open(os.path.join(self.dir, "servers.log"), "ab") as log:
            process = subprocess.Popen(["ip", "netns", "exec", self.world.netns, *argv],
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       preexec_fn=dies_with_us())
        self.servers.append(process)
        return process

    def wait_for_server(self, process, pid_file):
        wait_until(lambda: os.path.exists(pid_file) or process.poll() is not None, pid_file)
        equal(process.poll(), None, f"exit status of the server; {self.log('servers.log')}")

    def start_dnsmasq(self, label, records, addrs, ttl=300):
        config = self.write(self.dir, f"{label}.conf", records)
        pid = os.path.join(self.dir, f"{label}.pid")
        process = self.serve(
            "dnsmasq", "--keep-in-foreground", "--conf-file=" + config, "--pid-file=" + pid,
            "--no-resolv", "--no-hosts", "--bind-interfaces", "--user=root", f"--local-ttl={ttl}",
            *(f"--listen-address={addr}" for addr in addrs))
        self.wait_for_server(process, pid)

    def make_certificate(self):
        """A CA of our own and one certificate for all names: rustls takes no CA for a server."""
        self.ca, self.cert, self.key = (os.path.join(self.dir, name) for name in
                                        ("ca.pem", "cert.pem", "key.pem"))
        ca_key = os.path.join(self.dir, "ca-key.pem")
        names = ",".join(f"DNS:{name}" for name in self.certified)
        req = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
               "-nodes", "-days", "2")
        run(*req, "-subj", "/CN=our CA", "-keyout", ca_key, "-out", self.ca)
        run(*req, "-subj", "/CN=names", "-CA", self.ca, "-CAkey", ca_key, "-addext", "subjectAltName=" + names,
            "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", self.key, "-out", self.cert)

    def start_web(self):
        paths = "".join(f"{kind}_temp_path {self.dir}/{kind};\n" for kind in
                        ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        listen = "".join(f"listen {addr} ssl;\n" for addr in
                         (f"{SHARED}:443", f"[{SHARED6}]:443", f"{OTHER}:443", f"{DENIED}:443"))
        config = self.write(self.dir, "nginx.conf", f"""\
daemon off; master_process off; pid {self.dir}/nginx.pid; error_log {self.dir}/nginx.log;
events {{}}
http {{
    access_log off;
    {paths}
    server {{
        {listen}
        listen {SHARED}:80; listen {SHARED}:8443 ssl;
        ssl_certificate {self.cert}; ssl_certificate_key {self.key};
        ssl_protocols TLSv1.2 TLSv1.3;
        location / {{ return 200 "hello from $host\\n"; }}
    }}
}}
""")
        process = self.serve("nginx", "-c", config, "-e", f"{self.dir}/nginx.log")
        self.wait_for_server(process, f"{self.dir}/nginx.pid")

    def log(self, name):
        with contextlib.suppress(FileNotFoundError):
            with open(os.path.join(self.dir, name), encoding="utf-8") as log:
                return log.read()
        return ""

    # ---- pods ----
    def named_pod(self, name, resolver=RESOLVER, search="", options=""):
        """A pod of service account NAME that asks this resolver."""
        text = f"nameserver {resolver}\noptions timeout:2 attempts:1 {options}\n"
        if search:
            text += f"search {search}\noptions {options or 'ndots:5'}\n"
        conf = self.write(self.dir, f"resolv.{name}.{len(self.pods)}", text)
        _, cgroup = self.pod_cgroup(f"{name}{len(self.pods)}")
        pod = Pod(self, name, cgroup, self.pod_netns(f"{name}{len(self.pods)}"))
        pod.resolv_conf = conf
        self.pods.append(pod)
        return pod.start()

    def started(self, **config):
        """The daemon, once it knows its workloads."""
        config.setdefault("dns", {"resolvers": [RESOLVER, RESOLVER6]})
        return self.daemon(**config).start()


# ---- what is asked of a pod ----

def resolve(pod, name, family="any"):
    answer = pod.ask("resolve", name=name, family=family)
    equal(answer["errno"], "OK", f"{pod.name}: resolving {name}")
    check(answer["addrs"], f"{pod.name}: no address of {name}")
    return answer["addrs"]


def https(pod, name, addr=None, **request):
    """One HTTPS request; addr given: nothing is resolved. The answer's text, or the errno's name."""
    answer = pod.ask("https", name=name, addr=addr, ca=pod.node.ca, **request)
    return answer["text"] if answer["errno"] == "OK" else answer["errno"]


def served(pod, name, addr=None, **request):
    equal(https(pod, name, addr, **request), f"hello from {name}", f"{pod.name}: https://{name}")


CUT = ("ECONNRESET", "ECONNABORTED", "EPIPE", "EOF")


def cut_off(daemon, pod, reason, act, verdict="denied", **want):
    """act() connects and is ended by its ClientHello: an error at once, an event and a counter."""
    since, before = daemon.next_seq(), daemon.total(verdict, reason, "hello")
    outcome = act()
    what = f"{pod.name}: {reason}"
    if verdict == "denied":
        check(outcome in CUT, f"{what}: the client saw {outcome!r}")
    record = daemon.flow(since, verdict=verdict, reason=reason, hook="hello", **want)
    equal(record["event"], "deny" if verdict == "denied" else "open", f"{what}: event")
    wait_until(lambda: daemon.total(verdict, reason, "hello") == before + 1, f"{what}: its counter")
    return record


def names(daemon):
    return {item.get("name"): item for item in daemon.get("/v1/names")["items"]}
