# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Frames from a packet socket: what no hook on sockets will ever see. TC at the host's end does."""
import os
import sys

import wire
from corpus import attack, shot
from harness import BUILD, Skip, check, equal, run
from layers_scene import classes, frames
from names_scene import WITNESS, WITNESS6, resolve
from stage import ALLOWED, ALLOWED6, DENIED, DENIED6, FREE, FREE6, HOSTILE

PEERS_PARSE = "AWS's agent reads fixed offsets and handles none of these; Cilium drops what it cannot track"
ODDITIES = 20000
IP4, IP6 = 0x0800, 0x86dd


@shot("AF_PACKET: a SYN or datagram by hand",
      "tools on cgroups are blind to it; bullfrog documents it as a bypass",
      "dropped: it is judged by its headers",
      "TC on the host's end of the veth, identity by interface")
def packet_socket(it):
    it.frame("syn4", "syn6", "udp4", "udp6")


@shot("AF_PACKET with PACKET_QDISC_BYPASS",
      "skips egress programs of the pod's own interface",
      "dropped",
      "TC looks at the host's end, where the frame comes in")
def qdisc_bypass(it):
    it.trick("bypass-qdisc", DENIED, it.pod_address(), it.node.mac())


@shot("AF_XDP: a frame past the whole network stack of the pod",
      "no packet socket, no queueing discipline, no hook of the pod's own interface sees it",
      "dropped: it is judged by its headers",
      "TC looks at the host's end, where the frame comes in")
def xdp_socket(it):
    packet = wire.ip4(it.pod_address(), DENIED, wire.TCP, wire.tcp(443))
    done = it.pod.ask("run", argv=[os.path.join(BUILD, "bypass", "xdp"), "eth0",
                                   wire.ether(it.node.mac(), IP4, packet).hex()])
    if done["code"] == 3:
        raise Skip(done["err"].strip())
    equal((done["code"], done["err"]), (0, ""), "xdp")


@shot("IP fragments, first, later and tiny ones", PEERS_PARSE, "no fragment to a governed address: fragment",
      "TC denies fragments instead of tracking them; local TCP never makes any")
def fragments(it):
    it.frame("first4", "later4", "tiny4", "first6", "later6")


@shot("IPv4 options by hand: source routes, router alert", PEERS_PARSE, "dropped: ip-options",
      "TC reads the header's length; options may name another first hop")
def ip_options(it):
    it.frame("route4", "alert4")


@shot("IPv6 extension headers and long chains of them", PEERS_PARSE, "dropped: extension-header",
      "TC walks the chain, at most 8; a routing header's address is not the last")
def extension_headers(it):
    it.frame("options6", "hopopts6", "chain6", "auth6", "routing6", "long6")


@shot("tunnels: IPIP, 6in4, GRE, ESP", "the outer address is all that most look at", "dropped: tunnel",
      "TC: what is encapsulated goes elsewhere")
def tunnels(it):
    it.frame("ipip4", "sit4", "gre4", "esp4", "sit6", "ipip6", "gre6", "esp6")


@shot("tunnels to a free address with a denied one inside: IPIP, 6in4, GRE, over IPv6",
      "the outer address is allowed, and the other end takes the rest out",
      "dropped, wherever they go: tunnel",
      "TC: what is encapsulated goes elsewhere")
def tunnels_to_free(it):
    here, here6, mac = it.pod_address(), it.pod_address6(), it.node.mac()
    inner = wire.ip4(here, DENIED, wire.UDP, wire.udp(443))
    inner6 = wire.ip6(here6, DENIED6, wire.UDP, wire.udp(443))
    outer = ((wire.IPIP, inner), (wire.SIT, inner6), (wire.GRE, b"\0\0\x08\0" + inner))
    it.by_hand(*(wire.ether(mac, IP4, wire.ip4(here, FREE, proto, body)) for proto, body in outer),
               *(wire.ether(mac, IP6, wire.ip6(here6, FREE6, proto, body)) for proto, body in outer))


@shot("source routes by hand to a free address, with a denied one as the next hop",
      "the destination is allowed; routers on the way put the other one there",
      "dropped: ip-options, extension-header",
      "TC refuses IPv4 options and routing headers wherever they go")
def routes_to_free(it):
    here, here6, mac = it.pod_address(), it.pod_address6(), it.node.mac()
    route = wire.segment_route(DENIED6, FREE6, following=wire.UDP)
    it.by_hand(wire.ether(mac, IP4, wire.ip4(here, FREE, wire.UDP, wire.udp(443), wire.loose_route(DENIED))),
               wire.ether(mac, IP4, wire.ip4(here, FREE, wire.TCP, wire.tcp(443), wire.loose_route(DENIED))),
               wire.ether(mac, IP6, wire.ip6(here6, FREE6, wire.ROUTING, route + wire.udp(443))))


@shot("a VLAN tag before the packet: VLAN 0, which Linux takes as no VLAN",
      "parsers that expect the IP header behind the addresses read something else",
      "dropped: non-ip",
      "TC passes no tagged frame: where a tag leads only bridges know")
def vlan(it):
    here, here6, mac = it.pod_address(), it.pod_address6(), it.node.mac()
    it.by_hand(wire.tagged(mac, 0, IP4, wire.ip4(here, DENIED, wire.TCP, wire.tcp(443))),
               wire.tagged(mac, 0, IP6, wire.ip6(here6, DENIED6, wire.UDP, wire.udp(443))))


@shot("a tap in the pod's namespace: frames of a virtual machine or of a network stack of one's own (Kata, gVisor)",
      "tools on cgroups see no socket; the machine's monitor may be in any cgroup",
      "judged by their headers, whoever wrote them",
      "TC: identity by interface")
def tap(it):
    with it.machine() as (netns, addr, mac):
        done = run("ip", "netns", "exec", netns, sys.executable, HOSTILE, "tap", DENIED, "443", "tap0", addr, mac)
        equal(done.stdout.strip(), "OK", "writing")


@attack("frames that are no IP: unknown types, PPPoE",
        "passed by everything that parses IP only", "dropped: non-ip", "TC passes ARP and nothing else")
def no_ip(it):
    it.frame("odd", "pppoe")
    check(it.denials_now("frame", "non-ip"), "counter")


@shot("headers that contradict themselves", PEERS_PARSE, "dropped: malformed",
      "TC checks every length against the frame before it believes it")
def malformed(it):
    it.frame("cut_tcp4", "cut_udp4", "doff4", "short4", "long4", "ihl4", "version4", "short6", "version6", "cut6")


@attack("an allowed neighbour's source address",
        "tools that identify by address take it for the neighbour",
        "denied even to what the pod itself may reach: spoofed-source",
        "identity is the interface; the source must be one of its addresses", target=(ALLOWED, ALLOWED6))
def spoofed_source(it):
    it.frame("syn4", "syn6", dst=ALLOWED, dst6=ALLOWED6, src="192.0.2.14", src6="2001:db8:3::2")
    check(it.denials_now("frame", "spoofed-source"), "counter")


@shot("a reply to a connection that nobody opened",
      "connection tracking learns a reverse flow from it (AWS#584)",
      "judged like a SYN",
      "nothing is allowed because it answers something: no state is kept that a pod could forge")
def forged_reverse_flow(it):
    it.frame("ack4", "ack6", "null4")


@shot("20,000 random and mutated frames",
      "parsers with fixed offsets read what the sender wants them to",
      "none to a denied address arrives; each is counted once",
      "TC, with the same parser that is fuzzed natively (`tests/e2e/run tc.flood` sends a million)")
def random_frames(it):
    frames(it.node, it.pod, "flood", ODDITIES, 7, "192.0.2.6", "2001:db8:1::2", FREE, FREE6, DENIED, DENIED6)


@shot("any frame to an address that nobody governs, in Strict containment",
      "default-deny on sockets only",
      "dropped, whatever it is",
      "TC: with Strict every destination counts as governed", target=(FREE, FREE6))
def strict_frames(it):
    it.frame(*(one["name"] for one in classes() if not one["local"]), pod="contained", dst=FREE, dst6=FREE6)


@attack("allowed by name, said by a packet socket",
        "an address that is allowed for one program is open for all",
        "denied: unverified",
        "TC: only a socket whose ClientHello was read may talk to an address that is allowed by name",
        target=(WITNESS, WITNESS6))
def unverified(it):
    resolve(it.pod, "seen.hub.test")
    it.frame("syn4", "syn6", dst=WITNESS, dst6=WITNESS6)
    check(it.denials_now("frame", "unverified"), "counter")
