# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""A control plane in miniature: a real etcd and kube-apiserver on loopback, with TLS, RBAC and service
account tokens, and nothing else: no controllers, no kubelet. What those would do, the tests do."""
import base64
import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "tests/e2e"))
import harness  # noqa: E402
from harness import Failure, wait_until  # noqa: E402

START = 60.0  # s; the first start of an API server writes its roles
CANNOT = 77  # exit status of scripts/kube-testenv where no API server can be built


def programs():
    """Directory of the programs; a skip with its reason where they cannot be built."""
    done = subprocess.run([os.path.join(TOP, "scripts/kube-testenv")], capture_output=True, text=True)
    if done.returncode == CANNOT:
        raise harness.Skip(done.stderr.strip().splitlines()[-1])
    if done.returncode:
        raise Failure(f"scripts/kube-testenv: {done.stderr.strip()}")
    return done.stdout.strip().splitlines()[-1]


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def raw_signature(der):
    """Two numbers in DER as JWTs have them: 32 bytes each."""
    first = der[4:4 + der[3]]
    second = der[6 + der[3]:6 + der[3] + der[5 + der[3]]]
    return b"".join(number.lstrip(b"\0").rjust(32, b"\0") for number in (first, second))


class Process:
    """One server: its output goes to a file, it is ended by its pid, and its death is noticed."""

    def __init__(self, argv, log):
        self.argv, self.log = argv, log
        with open(log, "ab") as output:
            self.process = subprocess.Popen(argv, stdout=output, stderr=output,
                                            stdin=subprocess.DEVNULL, start_new_session=True,
                                            preexec_fn=harness.dies_with_us())

    def alive(self):
        return self.process.poll() is None

    def stop(self, signo=signal.SIGTERM):
        if self.alive():
            self.process.send_signal(signo)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def tail(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-20:])


class Cluster:
    """with Cluster() as cluster: cluster.kubectl("get", "nodes")"""

    def __init__(self):
        self.bin = programs()
        self.stack = contextlib.ExitStack()
        self.dir = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="aegress-kube-"))
        self.token = secrets.token_hex(16)
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.etcd_port, self.etcd_peer = free_port(), free_port()
        self.etcd = self.api = None

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def __enter__(self):
        try:
            self.make_keys()
            self.start_etcd()
            self.start_api()
            self.write_kubeconfig("admin.kubeconfig", self.token)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for process in (self.api, self.etcd):
            if process:
                process.stop()
        self.stack.close()

    # ---- the parts ----

    def openssl(self, *argv):
        harness.run("openssl", *argv)

    def make_keys(self):
        """A CA, a serving certificate for the loopback address, a key for service account tokens."""
        ca, key = self.path("ca.crt"), self.path("ca.key")
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                     "-keyout", key, "-out", ca, "-days", "2", "-subj", "/CN=aegress-test-ca")
        request = self.path("api.csr")
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                     "-keyout", self.path("api.key"), "-out", request, "-subj", "/CN=kube-apiserver")
        names = self.path("names")
        with open(names, "w", encoding="ascii") as file:
            file.write("subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:kubernetes.default.svc\n")
        self.openssl("x509", "-req", "-in", request, "-CA", ca, "-CAkey", key, "-CAcreateserial",
                     "-out", self.path("api.crt"), "-days", "2", "-extfile", names)
        self.openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.path("sa.key"))
        with open(self.path("tokens"), "w", encoding="ascii") as file:
            file.write(f"{self.token},admin,admin,system:masters\n")
        os.chmod(self.path("tokens"), 0o600)

    def start_etcd(self):
        client = f"http://127.0.0.1:{self.etcd_port}"
        peer = f"http://127.0.0.1:{self.etcd_peer}"
        self.etcd = Process([
            os.path.join(self.bin, "etcd"), "--name=node", "--data-dir", self.path("etcd"),
            "--listen-client-urls", client, "--advertise-client-urls", client,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
            "--initial-cluster", f"node={peer}", "--unsafe-no-fsync", "--log-level=warn",
        ], self.path("etcd.log"))

    def start_api(self):
        self.api = Process([
            os.path.join(self.bin, "kube-apiserver"), "--bind-address=127.0.0.1",
            f"--secure-port={self.port}", f"--etcd-servers=http://127.0.0.1:{self.etcd_port}",
            "--tls-cert-file", self.path("api.crt"), "--tls-private-key-file", self.path("api.key"),
            "--token-auth-file", self.path("tokens"), "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-account-signing-key-file", self.path("sa.key"),
            "--service-account-key-file", self.path("sa.key"),
            "--service-cluster-ip-range=10.96.0.0/16", "--etcd-compaction-interval=0",
            # nobody runs the controllers that these wait for
            "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition",
            "--enable-priority-and-fairness=false", "--v=0",
        ], self.path("api.log"))
        wait_until(self.ready, "the API server", START)

    def ready(self):
        for process in (self.etcd, self.api):
            if not process.alive():
                raise Failure(f"{process.argv[0]} ended:\n{process.tail()}")
        done = subprocess.run(["curl", "-sf", "--noproxy", "*", "--cacert", self.path("ca.crt"), "-H",
                               f"Authorization: Bearer {self.token}", f"{self.url}/readyz"],
                              capture_output=True, check=False)
        return done.returncode == 0

    # ---- what tests ask for ----

    def write_kubeconfig(self, name, token=None, token_file=None):
        """Path of a kubeconfig that speaks with this token, or with what the file holds."""
        user = {"token": token} if token else {"tokenFile": token_file}
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {
                "server": self.url, "certificate-authority": self.path("ca.crt")}}],
            "users": [{"name": "test", "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        }
        path = self.path(name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w",
                  encoding="ascii") as file:
            json.dump(config, file)
        return path

    def kubectl(self, *argv, text=None, ok=True):
        done = subprocess.run([os.path.join(self.bin, "kubectl"), "--kubeconfig",
                               self.path("admin.kubeconfig"), "--cache-dir", self.path("cache"), *argv],
                              input=text, capture_output=True, text=True, check=False)
        if ok and done.returncode:
            raise Failure(f"kubectl {' '.join(argv)}: {done.stderr.strip()}")
        return done

    def apply(self, documents, ok=True):
        """Creates or changes objects: YAML or JSON text, or a list of objects."""
        text = documents if isinstance(documents, str) else json.dumps(
            {"apiVersion": "v1", "kind": "List", "items": documents})
        return self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", text=text, ok=ok)

    def install_crds(self):
        self.kubectl("apply", "--server-side", "-k", os.path.join(TOP, "deploy/crds"))
        self.kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")

    def service_account_token(self, namespace, name, seconds=3600):
        return self.kubectl("create", "token", name, "-n", namespace, f"--duration={seconds}s").stdout.strip()

    def aged(self, token, seconds):
        """The same token as if it had been made so long ago: signed anew with the server's key (ES256)."""
        head, body, _ = token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        claims.update({key: claims[key] - seconds for key in ("exp", "iat", "nbf")})
        signed = f"{head}.{encoded(json.dumps(claims).encode())}"
        done = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.path("sa.key")],
                              input=signed.encode(), capture_output=True, check=True)
        return f"{signed}.{encoded(raw_signature(done.stdout))}"

    def kill_api(self):
        """As a crash does it; start_api() brings it back on the same port with the same objects."""
        self.api.stop(signal.SIGKILL)

    def compact(self):
        """Forgets every revision but the last: a watch that continues from an older one gets 410."""
        etcd = f"http://127.0.0.1:{self.etcd_port}/v3/kv"
        asked = harness.run("curl", "-sf", "--noproxy", "*", f"{etcd}/range", "-d", '{"key": "AA=="}')
        revision = json.loads(asked.stdout)["header"]["revision"]
        harness.run("curl", "-sf", "--noproxy", "*", f"{etcd}/compaction", "-d",
                    json.dumps({"revision": revision, "physical": True}))


def hold():
    """For people: python3 tests/kube/cluster.py starts one, with the CRDs, until Ctrl-C."""
    with Cluster() as cluster:
        cluster.install_crds()
        print(f"export KUBECONFIG={cluster.path('admin.kubeconfig')} PATH={cluster.bin}:$PATH")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            while cluster.api.alive():
                time.sleep(1)


if __name__ == "__main__":
    harness.Skip = RuntimeError
    hold()
