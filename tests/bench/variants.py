# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""What rates are compared with: subtrees with nothing attached, with empty programs on the same
hooks, with aegress. What is attached to what does not change while rounds run."""
from stage import BenchNode, Empty, attached, bpftool, equal

import policies


# The same programs cost up to 2 % of a connection more or less, depending on where the kernel put them.
CAST = 3


class Cast:
    """Nodes of one kind, which take turns: whoever asks the cast asks the one that is on."""

    def __init__(self, nodes):
        self.nodes, self.on = nodes, 0

    def __getattr__(self, name):
        return getattr(self.nodes[self.on], name)

    def turn(self):
        self.on = (self.on + 1) % len(self.nodes)

    def each(self):
        """Every one once; then it is the same one's turn as before."""
        for node in list(self.nodes):
            yield node
            self.turn()


class Scene:
    """A cast for every kind, with what belongs to it attached until the end of the stack. Of the
    kinds, `nothing` stays bare, `empty` gets empty programs, each other one is daemons with the
    configuration that `daemons` has for it; `core` keeps its socket programs only."""

    def __init__(self, stack, daemons, size=policies.SMALL):
        def node(kind, number=0):
            return stack.enter_context(BenchNode(f"bench-{kind}{number or ''}", size))

        self.nodes = {kind: Cast([node(kind)]) for kind in ("nothing", "empty")}
        self.daemons = {kind: [] for kind in daemons}
        for kind, config in daemons.items():
            self.nodes[kind] = Cast([node(kind, number) for number in range(CAST)])
            self.daemons[kind] = [stack.enter_context(one.running(**config))
                                  for one in self.nodes[kind].nodes]
            if kind == "core":
                for one in self.nodes[kind].nodes:
                    one.detach_packets()
        self.hooks = sorted(attached(self.nodes["ours"].client))
        empty = Empty(self.nodes["empty"].cgroup_root, self.hooks)
        stack.callback(empty.stop)

    def check_attached(self, kind, cgroup):
        """Nothing means nothing: not even what another test suite left on the hierarchy."""
        hooks = attached(cgroup)
        if kind == "nothing":
            equal(hooks, {}, "programs attached above a client that should have none")
        elif kind == "empty":
            names = {bpftool("prog", "show", "id", str(number))["name"]
                     for number in hooks.values()}
            equal((sorted(hooks), names), (self.hooks, {"bench_empty"}), "empty programs")
        else:
            equal("cgroup_sock_ops" in hooks, kind == "backstop", f"sockops among {sorted(hooks)}")
            seen = kind != "core" and cgroup != self.nodes[kind].bystander
            equal("cgroup_inet_egress" in hooks, seen, f"egress among {sorted(hooks)}")
            equal("cgroup_inet_ingress" in hooks, seen,
                  f"whether answers are read, among {sorted(hooks)}")
