# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""A node in miniature: cgroups named as a kubelet names them, network namespaces, a world of servers
behind them, and a real aegressd. Everything lives below names of its own and is removed at the end,
whatever happened; nothing here sleeps and hopes: every wait has a condition and a deadline."""
import contextlib
import ctypes
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
from schema import Schema  # noqa: E402
from agreement import Agreement  # noqa: E402

SCHEMA = Schema()
AGREE = False  # a suite's: every decision of every case is compared with `aegress explain`
BUILD = os.environ.get("AEG_BUILD", os.path.join(TOP, "build"))
DEADLINE = float(os.environ.get("AEGRESS_DEADLINE", "20"))  # s; more on a busy machine
PATIENCE = 6 * DEADLINE  # for a start of the daemon: the verifier's work


class Failure(AssertionError):
    pass


class Skip(Exception):
    """Raised with the reason by a case that this machine cannot run."""


def check(condition, text):
    if not condition:
        raise Failure(text)


def equal(got, want, what):
    check(got == want, f"{what}: got {got!r}, want {want!r}")


def wait_until(condition, what, deadline=DEADLINE):
    """Polls until the condition holds and returns its value; fails at the deadline."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"waited {deadline:.0f} s for {what}")
        time.sleep(0.005)


PRCTL = ctypes.CDLL(None).prctl
PR_SET_PDEATHSIG = 1


def dies_with_us(then=None):
    """A preexec_fn for servers: they end with a suite that is killed, but for those that change their
    user, which makes the kernel forget it (dnsmasq)."""
    def prepare():
        PRCTL(PR_SET_PDEATHSIG, signal.SIGKILL)
        if then:
            then()
    return prepare


def run(*argv, ok=True):
    done = subprocess.run(argv, capture_output=True, text=True)
    if ok and done.returncode:
        raise Failure(f"{' '.join(argv)}: exit {done.returncode}: {done.stderr.strip()}")
    return done


def cgroup2_mount():
    with open("/proc/self/mounts", encoding="ascii") as mounts:
        for line in mounts:
            _, path, kind = line.split()[:3]
            if kind == "cgroup2":
                return path
    raise Failure("no cgroup2 mount")


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=DEADLINE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(DEADLINE)
        self.sock.connect(self.path)


class Pod:
    """A cgroup, a network namespace and one worker process that lives in both."""

    def __init__(self, node, name, cgroup, netns):
        self.node, self.name, self.cgroup, self.netns = node, name, cgroup, netns
        self.process = None
        self.resolv_conf = None  # a file that is /etc/resolv.conf in the pod

    def start(self):
        def enter():
            with open(os.path.join(self.cgroup, "cgroup.procs"), "w", encoding="ascii") as procs:
                procs.write(str(os.getpid()))

        argv = [sys.executable, os.path.join(HERE, "worker.py")]
        if self.resolv_conf:  # `ip netns exec` has made a mount namespace
            argv = ["sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"',
                    self.resolv_conf] + argv
        if self.netns:
            argv = ["ip", "netns", "exec", self.netns] + argv
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, preexec_fn=enter)
        self.pid = self.read()["pid"]
        return self

    def read(self):
        line = self.process.stdout.readline()
        check(line, f"the worker of pod {self.name} died")
        return json.loads(line)

    def post(self, op, **request):
        self.process.stdin.write(json.dumps({"op": op, **request}) + "\n")
        self.process.stdin.flush()

    def ask(self, op, **request):
        self.post(op, **request)
        return self.read()

    def stop(self):
        if self.process:
            self.process.stdin.close()
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process = None


class Daemon:
    """One aegressd process; its pins outlive it, as in real life."""

    def __init__(self, node, **config):
        self.node = node
        self.config = config
        self.log_path = os.path.join(node.dir, "aegressd.log")
        self.process = None

    def argv(self):
        # not `ip netns exec`, which hides the cgroups: it mounts another /sys
        there = ["nsenter", f"--net=/run/netns/{self.node.host}"] if self.node.host else []
        return there + [os.path.join(BUILD, "aegressd"), "--config",
                        self.node.write_config(self.config)]

    def spawn(self, preexec_fn=None, **popen):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.argv(), stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, preexec_fn=dies_with_us(preexec_fn), **popen)
        return self

    def start(self):
        self.spawn()
        try:
            wait_until(self.ready, "aegressd to be ready", PATIENCE)
        except Failure as failure:
            raise Failure(f"{failure}:\n{self.log_tail()}") from None
        return self

    def ready(self):
        if self.process.poll() is not None:
            raise Failure(f"aegressd ended with {self.process.returncode}")
        try:
            return self.get("/readyz", raw=True)[0] == 200
        except OSError:
            return False

    def log_tail(self):
        with contextlib.suppress(FileNotFoundError):
            with open(self.log_path, encoding="utf-8", errors="replace") as log:
                return "".join(log.readlines()[-30:])
        return ""

    def request(self, method, path, body=None, headers=None):
        connection = UnixConnection(self.node.socket)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def get(self, path, raw=False):
        status, body = self.request("GET", path)
        if raw:
            return status, body
        equal(status, 200, f"GET {path}: {body}")
        return json.loads(body)

    def signal_and_wait(self, signo):
        self.node.compare()
        self.process.send_signal(signo)
        code = self.process.wait(DEADLINE)
        self.process = None
        return code

    def kill(self):
        self.signal_and_wait(signal.SIGKILL)

    def stop(self):
        if self.process and self.process.poll() is None:
            return self.signal_and_wait(signal.SIGTERM)
        return None

    # ---- what it knows ----
    def next_seq(self):
        return self.get("/v1/status")["flows"]["next"]

    def flows(self, query):
        """Records; every one that any case looks at must be as the schema says."""
        _, body = self.get("/v1/flows" + query, raw=True)
        return [good_flow(line) for line in body.splitlines()]

    def flow(self, since, **want):
        """The first record since a number that has all the given (dotted) keys."""
        def find():
            for record in self.flows(f"?since={since}"):
                if all(dig(record, key) == value for key, value in want.items()):
                    return record
            return None

        try:
            return wait_until(find, f"a flow with {want}")
        except Failure as failure:
            raise Failure(f"{failure}; seen: {self.flows(f'?since={since}')}") from None

    def total(self, verdict, reason, hook):
        for item in self.get("/v1/status")["totals"]:
            if (item["verdict"], item["reason"], item["hook"]) == (verdict, reason, hook):
                return item["count"]
        return 0

    def generation(self):
        return self.get("/v1/status")["generation"]


def good_flow(line):
    record = json.loads(line)
    equal(SCHEMA.mistakes(record), [], f"mistakes in {line}")
    return record


def dig(record, dotted):
    for key in dotted.split("__"):
        if not isinstance(record, dict):
            return None
        record = record.get(key)
    return record


class Node:
    """Owns everything that must be gone at the end."""

    def __init__(self, label="e2e"):
        self.id = f"aegress-{label}-{os.getpid()}"
        self.dir = tempfile.mkdtemp(prefix=self.id + ".")
        self.cgroup_root = os.path.join(cgroup2_mount(), self.id)
        self.bpffs = os.path.join(self.dir, "bpf")
        self.pins = os.path.join(self.bpffs, "aegress")
        self.socket = os.path.join(self.dir, "aegressd.sock")
        self.policies = os.path.join(self.dir, "policies")
        self.workloads = os.path.join(self.dir, "workloads")
        self.pods, self.daemons, self.netns, self.cgroups = [], [], [], []
        self.world = None
        self.host = None  # a namespace that plays the host's between pods and world; None: none
        self.links = 0
        self.agreement = Agreement(self)

    def __enter__(self):
        try:
            for path in (self.bpffs, self.policies, self.workloads):
                os.mkdir(path)
            run("mount", "-t", "bpf", "bpf", self.bpffs)
            self.cgroup("")
            self.cgroup("kubepods.slice")
            self.make_world()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, failure, *_):
        try:
            self.compare()
        finally:
            self.remove()
        if AGREE and not failure:
            equal(self.agreement.differences, [], "what explain and the kernel do not agree about")

    def compare(self):
        """Before what decisions depend on changes, and at the end."""
        for daemon in self.daemons:
            if AGREE and daemon.process and daemon.process.poll() is None:
                self.agreement.compare(daemon)

    def remove(self):
        for daemon in self.daemons:
            with contextlib.suppress(Failure, subprocess.TimeoutExpired):
                daemon.stop()
        for pod in self.pods + ([self.world] if self.world else []):
            pod.stop()
        if os.path.ismount(self.bpffs):
            run(os.path.join(BUILD, "aegressd"), "--cleanup", "--pin-dir", self.pins, ok=False)
            run("umount", self.bpffs, ok=False)
        for netns in self.netns:
            run("ip", "netns", "delete", netns, ok=False)
        for cgroup in reversed(self.cgroups):
            with contextlib.suppress(FileNotFoundError):
                wait_until(lambda path=cgroup: rmdir(path), f"cgroup {cgroup} to be empty")
        shutil.rmtree(self.dir, ignore_errors=True)

    # ---- cgroups ----
    def cgroup(self, relative):
        path = os.path.join(self.cgroup_root, relative) if relative else self.cgroup_root
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.mkdir(path)
        self.cgroups.append(path)
        return path

    def pod_cgroup(self, uid, container="c1", qos="burstable"):
        """Named and nested as a kubelet with the systemd driver does; returns pod and container."""
        parent = f"kubepods.slice/kubepods-{qos}.slice"
        if not os.path.isdir(os.path.join(self.cgroup_root, parent)):
            self.cgroup(parent)
        pod = f"{parent}/kubepods-{qos}-pod{uid}.slice"
        if not os.path.isdir(os.path.join(self.cgroup_root, pod)):
            self.cgroup(pod)
        return pod, self.cgroup(f"{pod}/cri-containerd-{container}.scope")

    # ---- network ----
    def make_world(self):
        """One namespace that plays the internet: TEST-NET addresses on its loopback."""
        name = self.id + "-world"
        run("ip", "netns", "add", name)
        self.netns.append(name)
        run("ip", "-n", name, "link", "set", "lo", "up")
        for addr in ("203.0.113.10/32", "203.0.113.11/32", "203.0.113.20/32", "198.51.100.7/32",
                     "2001:db8:a::10/128", "2001:db8:a::20/128", "2001:db8:b::7/128"):
            run("ip", "-n", name, "addr", "add", addr, "dev", "lo")
        run("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv4.ip_forward=1",
            "net.ipv6.conf.all.forwarding=1")
        outside = self.cgroup("world.slice")
        self.world = Pod(self, "world", outside, name).start()
        ports = (443, 80)
        equal(self.world.ask("listen", on=[
            (addr, port) for port in ports
            for addr in ("203.0.113.10", "203.0.113.11", "203.0.113.20", "198.51.100.7",
                         "2001:db8:a::10", "2001:db8:a::20", "2001:db8:b::7")])["errno"],
              "OK", "servers")

    def pod_netns(self, name):
        self.links += 1
        netns, index = f"{self.id}-{name}", self.links
        run("ip", "netns", "add", netns)
        self.netns.append(netns)
        world = self.host or self.world.netns
        run("ip", "-n", netns, "link", "add", "eth0", "type", "veth", "peer", "name", f"p{index}",
            "netns", world)
        run("ip", "-n", netns, "link", "set", "lo", "up")
        run("ip", "-n", netns, "link", "set", "eth0", "up")
        run("ip", "-n", world, "link", "set", f"p{index}", "up")
        run("ip", "-n", netns, "addr", "add", f"192.0.2.{4 * index + 2}/30", "dev", "eth0")
        run("ip", "-n", world, "addr", "add", f"192.0.2.{4 * index + 1}/30", "dev", f"p{index}")
        run("ip", "-n", netns, "addr", "add", f"2001:db8:{index}::2/64", "dev", "eth0", "nodad")
        run("ip", "-n", world, "addr", "add", f"2001:db8:{index}::1/64", "dev", f"p{index}", "nodad")
        run("ip", "-n", netns, "route", "add", "default", "via", f"192.0.2.{4 * index + 1}")
        run("ip", "-n", netns, "-6", "route", "add", "default", "via", f"2001:db8:{index}::1")
        return netns

    def pod(self, name, uid=None, cgroup=None):
        """A running pod; with uid its cgroup is a kubelet's, else the given directory."""
        if uid:
            _, cgroup = self.pod_cgroup(uid)
        pod = Pod(self, name, cgroup, self.pod_netns(name)).start()
        self.pods.append(pod)
        return pod

    # ---- configuration ----
    def write(self, directory, name, text):
        """Atomically, as an editor or a ConfigMap would."""
        if directory in (self.policies, self.workloads):
            self.compare()
        path = os.path.join(directory, name)
        with open(path + ".new", "w", encoding="utf-8") as out:
            out.write(text)
        os.rename(path + ".new", path)
        return path

    def write_config(self, extra):
        settings = {
            "cgroup": {"root": self.cgroup_root, "managed": ["kubepods.slice"]},
            "pins": self.pins,
            "socket": self.socket,
            "policies": [self.policies],
            "workloads": [self.workloads],
            "stateDir": os.path.join(self.dir, "state"),
            "defaults": {"unselected": "Deny", "unknown": "Deny"},
            "audit": {"directory": os.path.join(self.dir, "audit")},
            "metrics": {"listen": "off"},  # whoever tests it takes a port that is free
            **extra,
            # a record for each denial, unless a case is about folding
            "flows": {"foldSeconds": 0, **extra.get("flows", {})},
        }
        # JSON is YAML that needs no writer of its own
        return self.write(self.dir, "aegressd.yaml", json.dumps(settings, indent=1))

    def daemon(self, **config):
        daemon = Daemon(self, **config)
        self.daemons.append(daemon)
        return daemon

    def aegress(self, *argv, ok=True):
        if argv[0] in ("apply", "delete", "quarantine", "release"):
            self.compare()
        return run(os.path.join(BUILD, "aegress"), *argv[:1], "--socket", self.socket, *argv[1:],
                   ok=ok)


def rmdir(path):
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
