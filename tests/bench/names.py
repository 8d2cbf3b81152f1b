# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""A remote end with names: a resolver that has an answer for every one, and the peers that stand in
the way of a name elsewhere: dnsmasq for questions, nginx for ClientHellos."""
import ipaddress
import os

import policies
from stage import BUILD, Failure, Network, equal, on_load_cpu, run, wait_until

DNS = os.path.join(BUILD, "bench", "dns")
RESOLVER, FORWARDER, PROXY = "198.51.100.53", "198.51.100.54", "198.51.100.80"
PROXY_PORT = 8443
BASE4 = ipaddress.ip_address("198.19.0.0")  # as in dns.c
TRUSTED = {"dns": {"resolvers": [RESOLVER]}}


def address(name, records=4):
    """First address of name number `name`."""
    return str(BASE4 + name * records)


class NamesNetwork(Network):
    def build(self):
        super().build()
        for addr in (RESOLVER, FORWARDER, PROXY):
            run("ip", "-n", self.remote, "addr", "add", addr + "/32", "dev", "lo")

    def resolve(self, records=4, prepare=on_load_cpu()):
        """The resolver; every answer has a CNAME and so many addresses."""
        self.resolver = self.listen(DNS, "serve", "--records", str(records), RESOLVER, "53",
                                    prepare=prepare)

    def forward(self):
        """dnsmasq in front of it; it caches nothing, since a question asked twice proves nothing."""
        process = self.start(
            "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=", "--no-resolv",
            "--no-hosts", "--bind-interfaces", "--user=root", "--cache-size=0",
            f"--listen-address={FORWARDER}", f"--server={RESOLVER}")
        self.wait_bound(process, "udp", 53, FORWARDER)

    def proxy(self):
        """nginx that reads the ClientHello and lets one name through; one process, no log."""
        path = os.path.join(self.node.dir, "nginx")
        config = self.node.write(self.node.dir, "nginx.conf", f"""\
daemon off; master_process off; pid {path}.pid; error_log {path}.log emerg;
load_module modules/ngx_stream_module.so;
events {{ worker_connections 8192; }}
stream {{
    upstream allowed {{ server 127.0.0.1:443; }}
    map $ssl_preread_server_name $where {{ {policies.HELLO_NAME} allowed; }}
    server {{
        listen {PROXY}:{PROXY_PORT} backlog=4096;
        ssl_preread on; proxy_pass $where; access_log off;
    }}
}}
""")
        process = self.start("nginx", "-c", config, "-e", path + ".log")
        self.wait_bound(process, "tcp", PROXY_PORT, PROXY)

    def wait_bound(self, process, protocol, port, addr):
        def bound():
            if process.poll() is not None:
                raise Failure(f"{process.args} ended with {process.returncode}")
            return f"{addr}:{port}" in run("ip", "netns", "exec", self.remote, "ss", "-Hln",
                                           f"--{protocol}").stdout

        wait_until(bound, f"a server on {addr}:{port}")

    # ---- clients ----
    def query(self, cgroup, zone, *options, resolver=RESOLVER):
        """Questions to a resolver, over one socket."""
        return self.client(cgroup, DNS, "query", "--zone", zone, *options, resolver, 53)

    def ask(self, cgroup, name):
        equal(self.query(cgroup, name, "--count", 1)["outcomes"], {"OK": 1}, f"the answer for {name}")

    def race(self, cgroup, zone, *options):
        """getaddrinfo() with the resolver in resolv.conf, and connect() at once."""
        conf = self.node.write(self.node.dir, "resolv.conf",
                               f"nameserver {RESOLVER}\noptions timeout:2 attempts:1\n")
        return self.client(cgroup, "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"',
                           conf, DNS, "race", "--zone", zone, *options, "-", 443)
