# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Where the benchmarks play: a pod and a remote end of their own, joined by a veth, and cgroup
subtrees to attach nothing, empty programs or aegress to. Client and server share one CPU
at a raised priority, so that a rate is the inverse of a cost; the daemon has another CPU at that
priority."""
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from harness import BUILD, TOP, Failure, Node, check, dies_with_us, equal, run, wait_until  # noqa: E402

import policies  # noqa: E402

CPUS = sorted(os.sched_getaffinity(0))
LOAD_CPU, DAEMON_CPU = CPUS[-1], CPUS[0]
NICE = -15
PORT = 443
CRR = os.path.join(BUILD, "bench", "crr")
EMPTY = os.path.join(BUILD, "bench", "empty")
BPFTOOL = shutil.which("bpftool", path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin")

ALLOWED = {4: "198.18.0.0", 6: "2001:db8::1:0"}
DENIED = {4: policies.DENIED4, 6: policies.DENIED6}
UNGOVERNED = {4: "198.51.100.7", 6: "2001:db8:0:beef::7"}


def ahead(cpu):
    """Onto the CPU and ahead of the neighbours. Where sessions share a CPU by autogroup, nice counts
    within a session only, so this becomes one with a priority of its own."""
    os.setsid()
    os.sched_setaffinity(0, {cpu})
    os.setpriority(os.PRIO_PROCESS, 0, NICE)
    with contextlib.suppress(FileNotFoundError), open("/proc/self/autogroup", "w",
                                                      encoding="ascii") as autogroup:
        autogroup.write(str(NICE))


def on_load_cpu(cgroup=None):
    """A preexec_fn: into the cgroup, onto the load's CPU."""
    def enter():
        if cgroup:
            with open(os.path.join(cgroup, "cgroup.procs"), "w", encoding="ascii") as procs:
                procs.write(str(os.getpid()))
        ahead(LOAD_CPU)
    return enter


def on_daemon_cpu():
    ahead(DAEMON_CPU)


def cpu_ns(pid):
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as schedstat:
        return int(schedstat.read().split()[0])


def bpftool(*argv):
    out = run(BPFTOOL, "-j", *argv).stdout
    return json.loads(out) if out.strip() else []


def attached(cgroup):
    """{hook: program id} of what runs for a process of the cgroup, attached there or above."""
    shown = bpftool("cgroup", "show", cgroup, "effective")
    return {item["attach_type"]: item["id"] for item in shown}


class Network:
    """pod –veth– host –veth– remote: the host forwards, as a Kubernetes node does; the remote end
    answers on every documentation and benchmark address."""

    LOCAL = ["198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/48"]

    def __init__(self, node, label=""):
        self.node = node
        self.pod, self.host, self.remote = (f"{node.id}-{label}{end}"
                                            for end in ("pod", "host", "remote"))
        self.servers = []

    def __enter__(self):
        try:
            self.build()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_):
        self.remove()

    def join(self, netns, device, ends):
        """A veth from eth0 of the namespace to a device of the host; addresses of both ends."""
        run("ip", "-n", netns, "link", "add", "eth0", "type", "veth", "peer", "name", device,
            "netns", self.host)
        for where, link, (v4, v6) in ((netns, "eth0", ends[0]), (self.host, device, ends[1])):
            run("ip", "-n", where, "link", "set", link, "up")
            run("ip", "-n", where, "addr", "add", v4 + "/30", "dev", link)
            run("ip", "-n", where, "addr", "add", v6 + "/64", "dev", link, "nodad")

    def route(self, netns, *gateways):
        for gateway in gateways:
            run("ip", "-n", netns, "route", "add", "default", "via", gateway)

    def build(self):
        for netns in (self.pod, self.host, self.remote):
            run("ip", "netns", "add", netns)
            self.node.netns.append(netns)
            run("ip", "-n", netns, "link", "set", "lo", "up")
        run("ip", "netns", "exec", self.host, "sysctl", "-qw", "net.ipv4.ip_forward=1",
            "net.ipv6.conf.all.forwarding=1")
        self.join(self.pod, "pod0", (("192.0.2.2", "2001:db8:ffff::2"),
                                     ("192.0.2.1", "2001:db8:ffff::1")))
        self.join(self.remote, "uplink", (("192.0.2.6", "2001:db8:fffe::2"),
                                          ("192.0.2.5", "2001:db8:fffe::1")))
        self.route(self.pod, "192.0.2.1", "2001:db8:ffff::1")
        self.route(self.host, "192.0.2.6", "2001:db8:fffe::2")
        self.route(self.remote, "192.0.2.5", "2001:db8:fffe::1")
        for prefix in self.LOCAL:
            run("ip", "-n", self.remote, "route", "add", "local", prefix, "dev", "lo")
        # 30,000 closes a second would fill the ports with TIME_WAIT: none is kept, so that the last
        # round costs what the first did. FIN_WAIT2 above 60 s keeps the full handshake.
        for netns in (self.pod, self.remote):
            run("ip", "netns", "exec", netns, "sysctl", "-qw", "net.ipv4.tcp_max_tw_buckets=0",
                "net.ipv4.tcp_fin_timeout=90", "net.ipv4.ip_local_port_range=1024 65535")

    def start(self, *argv, prepare=on_load_cpu()):
        """A process of the remote end that lives until the end."""
        server = subprocess.Popen(["ip", "netns", "exec", self.remote, *argv],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                                  preexec_fn=dies_with_us(prepare))
        self.servers.append(server)
        return server

    def listen(self, *argv, **start):
        """One of our own, that says so when it is ready."""
        server = self.start(*argv, **start)
        equal(server.stdout.readline().strip(), "listening", " ".join(argv))
        return server

    def serve(self, *options):
        """One server for each family."""
        for address in ("0.0.0.0", "::"):
            self.listen(CRR, "--serve", *map(str, options), address, str(PORT))

    @contextlib.contextmanager
    def replying(self, size):
        """Servers with replies of another size, for a while."""
        self.remove()
        self.serve("--reply", size)
        try:
            yield
        finally:
            self.remove()
            self.serve()

    def remove(self):
        for server in self.servers:
            server.kill()
            server.wait()
            server.stdout.close()
        self.servers = []

    def servers_ns(self):
        return sum(cpu_ns(server.pid) for server in self.servers)

    def client(self, cgroup, *argv):
        """Runs a client in a cgroup to its end; what it counted, and CPU time of both ends."""
        before = self.servers_ns()
        done = subprocess.run(["ip", "netns", "exec", self.pod, *map(str, argv)],
                              capture_output=True, text=True, preexec_fn=on_load_cpu(cgroup),
                              timeout=120)
        if done.returncode:
            raise Failure(f"{argv}: {done.stderr.strip()}")
        result = json.loads(done.stdout)
        result["cpu_ns"] += self.servers_ns() - before
        result["rate"] = result["total"] / result["seconds"]
        return result

    def load(self, cgroup, address, *options, port=PORT):
        return self.client(cgroup, CRR, *options, address, port)

    def probe(self, cgroup, address, want, port=PORT):
        """One connection must end with this errno."""
        got = self.load(cgroup, address, "--mode", "connect", "--count", 1, port=port)["outcomes"]
        equal(got, {want: 1}, f"a connection of {os.path.basename(cgroup)} to {address}")

    def probe_both(self, node):
        """Enforcement is there: one destination is allowed and another denied, in both families."""
        for family in (4, 6):
            self.probe(node.client, ALLOWED[family], "OK")
            self.probe(node.client, DENIED[family], "EPERM")


class BenchNode(Node):
    """A node of the end-to-end suite without its world, with documents of a given size."""

    def __init__(self, label, size):
        super().__init__(label)
        self.size = size

    def make_world(self):
        policies.generate(self.size, self.policies, self.workloads)
        _, self.client = self.pod_cgroup(policies.CLIENT_UID)
        self.bystander = self.cgroup("system.slice")

    @contextlib.contextmanager
    def running(self, **config):
        """A daemon on the daemon's CPU that said READY=1, `active_after` seconds after its exec. At
        the end it goes, and its programs with it."""
        daemon = self.daemon(**config)
        try:
            self.start(daemon)
            yield daemon
        finally:
            self.stop(daemon)

    def start(self, daemon):
        path = os.path.join(self.dir, "notify")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as notify:
            notify.bind(path)
            begin = time.monotonic()
            daemon.spawn(preexec_fn=on_daemon_cpu, env={**os.environ, "NOTIFY_SOCKET": path})
            self.wait_ready(daemon, notify)
            daemon.active_after = time.monotonic() - begin
        check(daemon.ready(), "READY=1 was sent, but /readyz says no")

    @staticmethod
    def wait_ready(daemon, notify):
        def told():
            if daemon.process.poll() is not None:
                raise Failure(f"aegressd ended with {daemon.process.returncode}:\n"
                              f"{daemon.log_tail()}")
            with contextlib.suppress(BlockingIOError):
                return b"READY=1" in notify.recv(4096)
            return False

        wait_until(told, "READY=1 from aegressd", deadline=30)

    def detach_packets(self):
        """The programs that see packets, names among what they decide by, go: the others stay, and
        decide by addresses."""
        links = os.path.join(self.pins, "links")
        for name in os.listdir(links):
            if name.startswith("skb_"):
                bpftool("link", "detach", "pinned", os.path.join(links, name))

    def stop(self, daemon):
        daemon.stop()
        run(os.path.join(BUILD, "aegressd"), "--cleanup", "--pin-dir", self.pins)
        wait_until(lambda: not attached(self.client), "the programs to be detached")


class Empty:
    """Programs that do nothing on the given hooks."""

    def __init__(self, cgroup, hooks):
        self.process = subprocess.Popen([EMPTY, cgroup, *hooks], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        equal(self.process.stdout.readline().strip(), "attached", "empty programs")

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
