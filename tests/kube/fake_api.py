# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""What no real API server does when it is asked to: say nothing, send a line without end, break off with an
error that it chose. Everything else is tested against a real one."""
import http.server
import json
import os
import ssl
import threading
import time
import urllib.parse

from harness import run

RESOURCES = {
    "/api/v1/pods": "PodList",
    "/api/v1/namespaces": "PartialObjectMetadataList",
    "/apis/aegress.dev/v1alpha1/aiendpoints": "AIEndpointList",
    "/apis/aegress.dev/v1alpha1/aiegresspolicies": "AIEgressPolicyList",
    "/apis/aegress.dev/v1alpha1/clusteraiegresspolicies": "ClusterAIEgressPolicyList",
}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):  # pylint: disable=invalid-name
        url = urllib.parse.urlparse(self.path)
        name = url.path.rsplit("/", 1)[1]
        api = self.server.api
        if "watch" in urllib.parse.parse_qs(url.query):
            self.watch(api, name)
        else:
            api.lists[name].append(time.monotonic())
            self.answer({"kind": RESOURCES[url.path], "apiVersion": "v1", "items": api.objects[name],
                         "metadata": {"resourceVersion": "10"}})

    def answer(self, body):
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def watch(self, api, name):
        api.watches[name].append(time.monotonic())
        if name in api.silent:
            api.closing.wait()
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        lines = api.lines[name]
        if lines:
            line = lines.pop(0)
            self.wfile.write(b"%x\r\n%s\n\r\n" % (len(line) + 1, line))
            self.wfile.flush()
        api.closing.wait()
        self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_):
        """The client breaks off: that is what is tested."""


class FakeApi:
    """with FakeApi(directory) as api: api.kubeconfig"""

    def __init__(self, directory, address="127.0.0.1"):
        self.directory, self.address = directory, address
        names = [path.rsplit("/", 1)[1] for path in RESOURCES]
        self.objects = {name: [] for name in names}
        self.lists = {name: [] for name in names}  # when
        self.watches = {name: [] for name in names}
        self.lines = {name: [] for name in names}  # one for each watch, then nothing more
        self.silent = set()  # whose watches are not answered
        self.closing = threading.Event()

    def __enter__(self):
        cert, key = (os.path.join(self.directory, name) for name in ("fake.crt", "fake.key"))
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=fake", "-addext",
            f"subjectAltName=IP:{self.address}")
        self.server = Server((self.address, 0), Handler)
        self.server.api = self
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.kubeconfig = os.path.join(self.directory, "fake.kubeconfig")
        write_kubeconfig(self.kubeconfig, f"https://{self.address}:{self.server.server_address[1]}", cert)
        return self

    def __exit__(self, *_):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()

    def speak(self, names):
        """These are answered from now on; who waits in vain is let go."""
        self.silent -= set(names)
        self.closing.set()
        self.closing = threading.Event()


def write_kubeconfig(path, server, ca):
    with open(path, "w", encoding="ascii") as file:
        json.dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "fake",
            "clusters": [{"name": "fake", "cluster": {"server": server, "certificate-authority": ca}}],
            "users": [{"name": "fake", "user": {"token": "any"}}],
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
        }, file)
