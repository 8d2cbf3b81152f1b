#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""A stand-in for the Hub, its CDN and its inference router: as much of their HTTP as real clients need
to list, download and chat. It notes every ClientHello and request as a JSON line; it expects nothing.
Usage: hub.py CERT KEY NOTES PID-FILE ADDRESS..."""
import hashlib
import http.server
import json
import os
import socket
import ssl
import struct
import sys
import threading

REPO, COMMIT = "acme/tiny", "5" * 40
CDN = {"model.safetensors": "us.aws.cdn.hf.co", "legacy.bin": "cdn-lfs-us-1.hf.co"}
XET = "chunks.xet"  # what a client with Xet fetches through the CAS server, others as above
SIZES = {"config.json": 300, "model.safetensors": 1 << 20, "legacy.bin": 70_000, XET: 50_000}
CAS = "https://cas-server.xethub.hf.co"


def content(name):
    """The same bytes in every process: what a client must end up with."""
    block = hashlib.sha256(name.encode()).digest()
    return (block * (SIZES[name] // len(block) + 1))[:SIZES[name]]


def digest(name):
    return hashlib.sha256(content(name)).hexdigest()


# ---- the ClientHello, before TLS takes it ----

def peek(sock, size):
    return sock.recv(size, socket.MSG_PEEK | socket.MSG_WAITALL)


def extensions(hello):
    """(type, body) of each extension of a ClientHello message without its header."""
    at = 2 + 32
    at += 1 + hello[at]
    at += 2 + struct.unpack_from(">H", hello, at)[0]
    at += 1 + hello[at]
    end = at + 2 + struct.unpack_from(">H", hello, at)[0]
    at += 2
    while at < end:
        kind, size = struct.unpack_from(">HH", hello, at)
        yield kind, hello[at + 4:at + 4 + size]
        at += 4 + size


def key_shares(body):
    at = 2
    while at < len(body):
        group, size = struct.unpack_from(">HH", body, at)
        yield f"{group:#06x}"
        at += 4 + size


def hello_of(sock):
    """What the first record of a connection says. `bytes` is its length on the wire."""
    header = peek(sock, 5)
    if len(header) < 5 or header[0] != 0x16:
        return {"bytes": len(header)}
    size = 5 + struct.unpack_from(">H", header, 3)[0]
    found = dict(extensions(peek(sock, size)[9:]))
    return {"bytes": size, "name": found[0][5:].decode() if 0 in found else None,
            "shares": list(key_shares(found[51])) if 51 in found else []}


# ---- HTTP ----

def model():
    return {"_id": "1", "id": REPO, "modelId": REPO, "sha": COMMIT, "private": False, "gated": False,
            "downloads": 1, "likes": 1, "tags": [], "pipeline_tag": "text-generation",
            "lastModified": "2026-01-01T00:00:00.000Z", "createdAt": "2026-01-01T00:00:00.000Z",
            "siblings": [{"rfilename": name} for name in SIZES],
            "inferenceProviderMapping": [{"provider": "hf-inference", "providerId": REPO, "status": "live",
                                          "task": "conversational"}]}


def tree():
    return [{"type": "file", "path": name, "size": size, "oid": "1" * 40} for name, size in SIZES.items()]


def completion(host):
    return {"id": "1", "object": "chat.completion", "created": 1, "model": REPO, "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": f"hello from {host}"}}]}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.respond()

    def do_HEAD(self):
        self.respond()

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.respond()

    def respond(self):
        host, path = self.headers["Host"], self.path.split("?")[0]
        self.server.note(request=self.command, host=host, path=path)
        name = path.rsplit("/", 1)[-1]
        if host in CDN.values():
            self.file(name, {"ETag": f'"{digest(name)}"'})
        elif host == "router.huggingface.co":
            self.json(completion(host))
        elif path.startswith("/api/"):
            self.api(path)
        elif name in SIZES and path.startswith(f"/{REPO}/resolve/"):
            self.resolve(name)
        else:
            self.json({"error": "Entry not found"}, 404)

    def api(self, path):
        """The Hub's own."""
        parts = path.removeprefix(f"/api/models/{REPO}").strip("/").split("/")
        if not path.startswith(f"/api/models/{REPO}"):
            self.json({"error": "not found"}, 404)
        elif parts[0] == "tree":
            self.json(tree())
        elif parts[0] == "xet-read-token":
            self.json({"casUrl": CAS, "exp": 4_000_000_000, "accessToken": "token"},
                      headers={"X-Xet-Cas-Url": CAS, "X-Xet-Token-Expiration": "4000000000",
                               "X-Xet-Access-Token": "token"})
        else:
            self.json(model())

    def resolve(self, name):
        """A small file is answered here, a big one is a redirect; Xet clients find their hints in it."""
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{digest(name)[:40]}"'}
        if name not in CDN and name != XET:
            self.file(name, headers)
            return
        headers.update({"X-Linked-Etag": f'"{digest(name)}"', "X-Linked-Size": str(SIZES[name]),
                        "Location": f"https://{CDN.get(name, CDN['model.safetensors'])}/{REPO}/{name}"})
        if name == XET:
            token = f"https://huggingface.co/api/models/{REPO}/xet-read-token/{COMMIT}"
            headers.update({"X-Xet-Hash": digest(name), "Link": f'<{token}>; rel="xet-auth"'})
        self.answer(302, b"", headers)

    def json(self, value, status=200, headers=None):
        self.answer(status, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})

    def file(self, name, headers):
        data, status = content(name), 200
        wanted = self.headers.get("Range", "").removeprefix("bytes=")
        if wanted:
            first, _, last = wanted.partition("-")
            last = min(int(last or len(data) - 1), len(data) - 1)
            headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
            data, status = data[int(first):last + 1], 206
        self.answer(status, data, {"Accept-Ranges": "bytes", **headers})

    def answer(self, status, body, headers):
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, addr, context, notes):
        self.address_family = socket.AF_INET6 if ":" in addr else socket.AF_INET
        self.context, self.notes = context, notes
        super().__init__((addr, 443), Handler)

    def note(self, **what):
        self.notes.write(json.dumps(what) + "\n")

    def finish_request(self, request, client_address):
        request.settimeout(30)
        hello = hello_of(request)
        self.note(hello=hello, address=self.server_address[0])
        with self.context.wrap_socket(request, server_side=True) as tls:
            Handler(tls, client_address, self)

    def handle_error(self, *_):
        pass  # a client that was cut off in the middle: its business


def main():
    cert, key, notes, pid_file = sys.argv[1:5]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with open(notes, "a", encoding="utf-8", buffering=1) as log:
        servers = [Server(addr, context, log) for addr in sys.argv[5:]]
        threads = [threading.Thread(target=server.serve_forever) for server in servers]
        for thread in threads:
            thread.start()
        with open(pid_file, "w", encoding="ascii") as out:
            out.write(str(os.getpid()))
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main()
