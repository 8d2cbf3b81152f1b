# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""What nothing here closes, and why."""
from corpus import stays_open

stays_open("domain-fronting", "domain fronting behind an allowed name on an allowed address",
           "unsolved without breaking TLS (srt's README, open-computer-use#198)",
           "allow exact names instead of wildcards; endpoints of one owner's addresses",
           "the request inside TLS may name another host of the same CDN, and nobody sees it from outside")
stays_open("brought-address", "an address of one's own and a hidden name, in Governed containment",
           "the same everywhere but with default-deny",
           "`containment: Strict` closes it (own-address, encrypted-dns)",
           "Governed polices AI endpoints only: what no endpoint covers and no name betrays is let through")
stays_open("nat64-elsewhere", "NAT64 with a prefix of the network's own, 6to4 and other translations behind the node",
           "nobody translates them back",
           "64:ff9b::/96 is folded (nat64); with `containment: Strict` no such address is reached (embedded-addresses)",
           "which prefix a network translates is not known to us, and a rule for ::/0 speaks of all of them; 6to4 and Teredo "
           "end at a tunnel's router that has the IPv4 address, not at the service behind it")
stays_open("privileged-pod", "privileged pods: whoever may load programs, enter other namespaces or change the node's routes",
           "out of scope everywhere",
           "TC still holds what leaves by the pod's interface (cgroup-migration)",
           "who is root on the node can take the programs off; admission control has to keep such pods out")
stays_open("no-veth-packet-socket", "packet sockets of pods without a veth (host network, ipvlan, SR-IOV)",
           "the same everywhere",
           "reported in LAYERS, metric and status; `require: [tc]` denies such workloads",
           "there is no place between the pod and the wire where TC could look")
stays_open("first-socket", "a namespace of one's own before the workload has made its first socket",
           "nobody looks at the namespace at all",
           "the daemon tells the kernel the namespace as soon as it knows the workload",
           "until then the first socket's namespace is believed to be the workload's")
stays_open("inbound", "connections that come in: whoever may connect to the pod may take data away",
           "the business of NetworkPolicy's ingress everywhere",
           "connections that a pod opens are decided, those that it accepts are not looked at",
           "the answer of a server is data, too; close ingress with a NetworkPolicy")
