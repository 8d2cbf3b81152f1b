# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""What rates are compared with: subtrees with nothing attached, with empty programs on the same
hooks, with aegress. What is attached to what does not change while rounds run."""
from stage import BenchNode, Empty, attached, bpftool, equal

import policies


class Scene:
    """A node for every kind, with what belongs to it attached until the end of the stack. Of the
    kinds, `nothing` stays bare, `empty` gets empty programs, each other one is a daemon with the
    configuration that `daemons` has for it; `core` keeps its socket programs only."""

    def __init__(self, stack, daemons, size=policies.SMALL):
        self.nodes = {kind: stack.enter_context(BenchNode(f"bench-{kind}", size))
                      for kind in ("nothing", "empty", *daemons)}
        self.daemons = {kind: stack.enter_context(self.nodes[kind].running(**config))
                        for kind, config in daemons.items()}
        if "core" in daemons:
            self.nodes["core"].detach_packets()
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
            equal("cgroup_inet_egress" in hooks, kind != "core", f"egress among {sorted(hooks)}")
            equal("cgroup_inet_ingress" in hooks,
                  kind != "core" and cgroup != self.nodes[kind].bystander,
                  f"whether answers are read, among {sorted(hooks)}")
