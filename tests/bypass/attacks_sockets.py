# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Sockets: other calls than connect(), other protocols than TCP, other ways to write an address."""
import os

from corpus import attack, shot
from harness import BUILD, Skip, equal
from stage import ALLOWED, DENIED, DENIED6, FREE, FREE6, SUBFLOWS

NAT64 = "64:ff9b::203.0.113.20"  # DENIED
V4, BOTH = ((DENIED,),), ((DENIED,), (DENIED6,))
COVERED, BOTH_COVERED = ((DENIED, FREE),), ((DENIED, FREE), (DENIED6, FREE6))  # behind what is free
UNSEEN = "cgroup_skb fails closed for packets of sockets that no hook has seen"


def sent(name, tricks, targets, title, peers, ours, how, **more):
    """A shot that is nothing but tricks of hostile.py, each of them at each target."""
    def run(it):
        for target in targets:
            for trick in tricks:
                it.trick(trick, *target)
    run.__name__ = name.replace("-", "_")
    shot(title, peers, ours, how, **more)(run)


sent("plain-connect", ["tcp"], BOTH,
     "connect() to a denied address",
     "everybody closes this one",
     "EPERM at once, IPv4 and IPv6",
     "cgroup/connect4 and connect6 look the address up for the pod that made the socket")

sent("unconnected-udp", ["udp"], BOTH,
     "unconnected UDP: sendto() without connect()",
     "tools on the connect() hook or LSM never see it (KubeArmor#1254)",
     "each datagram is decided by its own address",
     "cgroup/sendmsg4 and sendmsg6; TC looks at each datagram again")

sent("connected-udp", ["connected-udp"], BOTH,
     "UDP that is connected first",
     "decided once at connect(), if at all",
     "connect() of a datagram socket is decided like any other",
     "cgroup/connect4 and connect6; TC does not trust a UDP socket longer than the tables stand")

sent("retarget", ["retarget"], COVERED,
     "connect(AF_UNSPEC), then connect() elsewhere",
     "tools that remember a verdict for a socket go on believing it (KubeArmor#1254)",
     "the second connect() is decided again",
     "the cached decision holds for its destination, hook and table generation only")

sent("v4-mapped", ["mapped"], V4,
     "an IPv4 address in IPv6 clothes (::ffff:a.b.c.d)",
     "real holes: ephpm#489, cowrie#40329; Linux runs the IPv6 hook for it",
     "the same decision as for the IPv4 address",
     "one canonical 128-bit key for every address, in tables, hooks and explain")

sent("fast-open", ["fast-open"], BOTH,
     "TCP Fast Open: data in the SYN, without connect()",
     "the LSM connect hook is not called (landlock-lsm#41, KubeArmor#1254)",
     "EPERM, and nothing leaves",
     "the kernel calls the cgroup connect hook for MSG_FASTOPEN, too; SYN payload is parsed as a hello")


def ring(it, verb):
    for addr in (DENIED, DENIED6):
        done = it.pod.ask("run", argv=[os.path.join(BUILD, "bypass", "ring"), verb, addr, "443"])
        if done["code"] == 3:
            raise Skip(done["err"].strip())
        equal((done["code"], done["err"]), (0, ""), "ring")
        if it.enforced:
            equal(done["out"].strip(), "1", f"io_uring {verb} to {addr}: EPERM")


@shot("io_uring: IORING_OP_CONNECT",
      "hooks on system calls miss it (Tetragon needs inner functions)",
      "the request completes with -EPERM",
      "cgroup hooks are below the system calls: io_uring ends in the same functions")
def io_uring_connect(it):
    ring(it, "connect")


@shot("io_uring: IORING_OP_SENDMSG",
      "hooks on system calls miss it",
      "the request completes with -EPERM",
      "cgroup/sendmsg4 and sendmsg6 are below the system calls")
def io_uring_sendmsg(it):
    ring(it, "sendmsg")

sent("repaired", ["repaired"], BOTH,
     "TCP_REPAIR: a connection that was never made",
     "nothing opens it: no SYN, no handshake",
     "connect() is decided, repaired or not",
     "cgroup/connect4 and connect6 run before the kernel asks whether there is anything to connect")


@shot("Multipath TCP: the server names a denied address (ADD_ADDR), the kernel joins it",
      "no system call: the kernel connects by itself, from a worker thread",
      "the subflow is decided like any connection of the socket's maker",
      "cgroup/connect runs for subflows, too, and reads the maker from the socket; TC sees their SYN",
      counts="toDenied")  # that it was named the peer is told
def mptcp_subflow(it):
    it.trick("mptcp-subflow", SUBFLOWS[0], port=SUBFLOWS[1])

sent("mptcp", ["mptcp"], V4,
     "Multipath TCP (IPPROTO_MPTCP)",
     "Landlock missed it (landlock-lsm#54)",
     "judged as TCP",
     "cgroup/connect; each subflow is a TCP socket whose frames TC checks against where it may go")

for protocol, called, peers in (("sctp", "SCTP", "Landlock leaves it open (landlock-lsm#40)"),
                                ("udp-lite", "UDP-Lite", "seen as an unknown protocol, passed by most"),
                                ("dccp", "DCCP", "seen as an unknown protocol, passed by most")):
    sent(protocol, [protocol], V4, called, peers, "no packet leaves: protocol",
         "cgroup_skb drops it for governed addresses and TC everywhere")


@shot("SCTP and unknown protocols by hand, from a packet socket",
      "passed by parsers that know TCP and UDP only",
      "dropped: protocol",
      "TC: what is neither TCP, UDP nor checked ICMP does not leave")
def unknown_protocols(it):
    it.frame("sctp4", "odd4", "sctp6", "nothing6")


@shot("raw socket with an IP header of one's own",
      "skips connect() and sendmsg() hooks; CAP_NET_RAW is a default of many runtimes",
      "EPERM",
      UNSEEN)
def raw_socket(it):
    it.trick("raw-header", DENIED, it.pod_address())


@shot("raw sockets of IPv6: a header of one's own, a segment of one's own",
      "the IPv6 side is forgotten (AWS's agent passes all of it)",
      "EPERM",
      UNSEEN)
def raw_socket6(it):
    it.trick("raw-header6", DENIED6, it.pod_address6())
    it.trick("raw-segment", DENIED6)
    it.trick("ping", DENIED6)

sent("ping-socket", ["ping-socket", "ping-connected"], BOTH,
     "ping sockets (SOCK_DGRAM, ICMP): no privilege, no raw socket",
     "no connect(), no sendmsg() hook before 6.0; ICMP is what diagnostics need",
     "no ICMP to governed addresses, connected or not",
     "cgroup_skb for their packets, TC for the frames")

sent("ping-retargeted", ["ping-after-connect"], BOTH_COVERED,
     "a ping socket that is connected to what is free, then sends elsewhere",
     "the socket is known and trusted",
     "each packet goes by its own address",
     "TC trusts no socket but those of TCP and UDP")


@shot("ICMP tunnel: data in echo requests",
      "AWS's agent passes all ICMPv6; most ignore ICMP",
      "no ICMP to governed addresses; none at all in Strict",
      "cgroup_skb for raw and ping sockets, TC for frames")
def icmp_tunnel(it):
    it.trick("ping", DENIED)
    it.frame("ping4", "error4", "ping6", "error6")

sent("source-routing", ["source-route", "source-route-later", "source-route-tcp"], COVERED,
     "source routing by IP_OPTIONS",
     "the hook sees the harmless address, the packet goes to the other; no privilege needed",
     "dropped",
     "TC compares the header with what was decided about the socket and refuses IP options")

sent("segment-routing", ["segment-route"], [(DENIED6, FREE6)],
     "segment routing by IPV6_RTHDR",
     "the same, and no privilege needed either",
     "dropped: extension-header",
     "TC: a routing header's address is not the last")


@attack("other protocols, raw and ping sockets in Strict containment",
        "socket() of anything is open in most; a default-deny sandbox of seccomp lists families",
        "socket() itself fails: TCP and UDP are what there is",
        "cgroup/sock_create looks at the identity of who asks; packet sockets are left to TC", target=(FREE, FREE6))
def strict_protocols(it):
    pod = it.pods["contained"]
    equal(it.connects(ALLOWED, pod), "OK", "the control: TCP to what is allowed")
    for trick in ("make-mptcp", "make-udp-lite", "make-raw", "make-raw-icmp", "make-raw-tcp"):
        equal(it.trick(trick, FREE), "OK", f"the control: {trick} of a pod that is not contained")
        equal(it.trick(trick, FREE, pod=pod), "EPERM", trick)


@shot("NAT64: a denied IPv4 address behind 64:ff9b::/96",
      "nobody translates it back",
      "denied like the IPv4 address; in Strict like every address that no rule names",
      "where no rule covers the address itself, what covers the IPv4 address decides: in hooks, TC and explain",
      target=(DENIED, NAT64))
def nat64(it):
    it.trick("tcp", NAT64)
    it.trick("udp", NAT64)
    it.frame("syn6", "udp6", dst6=NAT64)
    if it.enforced:
        equal(it.connects(NAT64), "EPERM", "connect()")
        equal(it.connects(NAT64, it.pods["contained"]), "EPERM", "contained strictly")


EMBEDDED = {  # forms of DENIED that some translator or tunnel turns back into it
    "6to4": "2002:cb00:7114::1", "Teredo": "2001:0:cb00:7114::1", "IPv4-compatible": "::203.0.113.20",
    "IPv4-translated": "::ffff:0:203.0.113.20", "local NAT64": "64:ff9b:1::203.0.113.20",
    "ISATAP": "2001:db8:b::5efe:203.0.113.20",
}


@attack("IPv4 addresses within IPv6 ones: 6to4, Teredo, ISATAP, translated, compatible; in Strict containment",
        "nobody translates them back",
        "denied: strict, whatever they contain",
        "Strict: what no rule names is not reached; Governed: see nat64-elsewhere",
        target=(DENIED, EMBEDDED["6to4"]))
def embedded_addresses(it):
    pod = it.pods["contained"]
    for form, addr in EMBEDDED.items():
        equal(it.connects(addr, pod), "EPERM", form)
        equal(it.trick("udp", addr, pod=pod), "EPERM", form)
        it.frame("syn6", "udp6", pod="contained", dst6=addr)


OTHER_FAMILIES = {"AF_VSOCK": 40, "AF_TIPC": 30, "AF_RDS": 21}


@attack("sockets of other families, in Strict containment: AF_VSOCK to the hypervisor, AF_TIPC, AF_RDS",
        "runtimes' default seccomp profiles refuse AF_VSOCK (moby#44562), for pods that use one",
        "what they send over the pod's veth TC drops as no IP or as a tunnel",
        "cgroup/sock_create",
        remains="no hook of a cgroup runs for families that are no IP, and AF_VSOCK knows no namespace; "
                "`seccompProfile: RuntimeDefault` refuses it")
def other_families(it):
    pod, it.unit = it.pods["contained"], "families"
    it.leaked = sum(it.trick("make-family", "-", number, pod=pod) == "OK" for number in OTHER_FAMILIES.values())
