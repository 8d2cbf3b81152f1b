# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Connections to a name: connect, a captured post-quantum ClientHello with the name behind its keys,
reply, close. The address was learned from an answer, the name is verified, one event tells of the
connection; beside it nginx, which reads the name in a proxy."""
import contextlib
import os

import policies
from names import PROXY, PROXY_PORT, TRUSTED, NamesNetwork, address
from rounds import Contest, quietest
from stage import PORT, TOP, check, equal
from variants import Scene

FIXTURE = os.path.join(TOP, "tests", "fixtures", "clienthello",
                       "ch_1826B_c16_sni1715_grease9a9a-X25519MLKEM768-x255.bin")
STRANGER = b"huggingfake.co"  # as long as the name in the hello
ADDRESS = address(0)
CUT = {"ECONNRESET", "ECONNABORTED", "EPIPE"}
# `ends` has the default, which is a second event.
DAEMONS = {"ours": {**TRUSTED, "flows": {"closes": False}}, "ends": TRUSTED}


class Hellos(Contest):
    pairs = {**Contest.pairs, "ours_over_nginx": ("ours", "nginx")}

    def __init__(self, network, scene, options):
        self.network, self.scene, self.options = network, scene, options
        self.names = ("none", "none2", "ours", "ends", "nginx") + (() if options.ci else ("empty",))
        with open(FIXTURE, "rb") as fixture:
            hello = fixture.read()
        equal(hello.count(policies.HELLO_NAME.encode()), 1, "names in the ClientHello")
        self.hello, self.size = self.save("hello", hello), len(hello)
        self.strange = self.save("strange", hello.replace(policies.HELLO_NAME.encode(), STRANGER))
        self.shown = dict.fromkeys(DAEMONS, 0)

    def save(self, name, data):
        path = os.path.join(self.network.node.dir, name)
        with open(path, "wb") as out:
            out.write(data)
        return path

    def kind(self, name):
        return name if name == "empty" or name in DAEMONS else "nothing"

    def connect(self, name, hello, *options):
        where, port = (PROXY, PROXY_PORT) if name == "nginx" else (ADDRESS, PORT)
        return self.network.load(self.scene.nodes[self.kind(name)].client, where, "--request-file",
                                 hello, *options, port=port)

    def probe(self, name):
        for _ in self.scene.nodes[self.kind(name)].each():
            self.probe_one(name)

    def probe_one(self, name):
        cgroup = self.scene.nodes[self.kind(name)].client
        self.scene.check_attached(self.kind(name), cgroup)
        self.network.ask(cgroup, policies.HELLO_NAME)
        good = self.connect(name, self.hello, "--count", 1)["outcomes"]
        equal(good, {"OK": 1}, f"{name}: the ClientHello with the allowed name")
        other = self.connect(name, self.strange, "--count", 1)["outcomes"]
        held = name == "nginx" or name in DAEMONS
        check(other.keys() <= (CUT if held else {"OK"}), f"{name}: another name: {other}")
        self.count(name, 1)

    def count(self, name, connections):
        if name in self.shown:
            self.shown[name] += connections

    def load(self, name):
        load = self.connect(name, self.hello, "--millis", self.options.millis)
        self.count(name, load["total"])
        self.scene.nodes[self.kind(name)].turn()
        return load


def run(small, options):
    with contextlib.ExitStack() as stack:
        network = stack.enter_context(NamesNetwork(small, "hello-"))
        network.resolve()
        contest = Hellos(network, Scene(stack, DAEMONS), options)
        network.serve("--request", contest.size)
        network.proxy()
        result = quietest(contest, options)
        verified = {name: sum(one.total("allowed", "rule", "hello")
                              for one in contest.scene.daemons[name]) for name in DAEMONS}
        equal(verified, contest.shown, "ClientHellos that were found to be allowed")
        return {**result, "bytes": contest.size, "verified": sum(verified.values())}
