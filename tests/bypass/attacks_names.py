# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Names: who teaches which address, and what a ClientHello says."""
import random
import time

from cases_names import dns
from corpus import attack, shot
from harness import check, equal, wait_until
from hello import ech, extension, hello, modern, server_name, supported_versions
from names_scene import DENIED as DENIED_NAME
from names_scene import FORGER, RESOLVER, RESOLVER6, WITNESS, names, resolve
from layers_scene import Watch
from stage import BARRIER, BY_CIDR, FREE, FREE6, ODD_ADDR, ODD_RESOLVER

NOBODY6 = "2001:db8:a::70"
POISONED = {"target": (DENIED_NAME, NOBODY6)}


def denied_name_is_known(it):
    """What is denied must be known to be: then a forged name would have to open it."""
    resolve(it.pods["neighbour"], "only.upload.test", "v4")
    check("only.upload.test" in names(it.daemon), "the honest answer was not learned")


def only_honest(it):
    ips = {item["ip"] for item in names(it.daemon).get("hub.test", {}).get("addresses", [])}
    check(DENIED_NAME not in ips, "a forged answer was learned")


@attack("DNS poisoning: a resolver of one's own choice",
        "Cilium trusts any server that a rule selects (PR#45525 warns); kntrl learns any A record",
        "nothing is learned from it, the address stays denied",
        "answers are learned from configured resolvers only, and only to a question of that socket", **POISONED)
def untrusted_resolver(it):
    denied_name_is_known(it)
    it.ask("chat", "udp_bind")
    it.ask("chat", "udp_send", to=FORGER, port=53, hex=dns("hub.test", 7).hex())
    check(it.ask("chat", "udp_recv")["bytes"] > 12, "the forger did not answer")
    only_honest(it)
    equal(it.connects(DENIED_NAME), "EPERM", "the forged address")


@attack("forged answers: wrong number, name, server, twice, cut off",
        "most match the transaction id at best",
        "nothing is learned: unasked",
        "open questions are kept in the socket that asked: server, number, whole question; each is answered once")
def forged_answers(it):
    it.prog("dns: lies teach nothing")
    it.layer, it.reason = "cgroup", "nothing learned"


def odd_answer(it, label, number=9):
    """Asks the resolver that answers oddly; whether something was learned from it."""
    name = f"{label}.hub.test"
    it.ask("chat", "udp_bind")
    it.ask("chat", "udp_send", to=ODD_RESOLVER, port=53, hex=dns(name, number).hex())
    check(it.ask("chat", "udp_recv").get("bytes", 0) > 3, f"{label}: no answer")
    return name in names(it.daemon)


@attack("answers of a trusted resolver that were cut, lie about themselves or are no DNS at all; EDNS; fragments",
        "unparsable answers are skipped or half read (Antrea#4225, cilium#31197)",
        "EDNS and reassembled answers are read; from what is truncated or not understood whole nothing is learned",
        "one parser, bounded, that must reach the end of the message; the kernel reassembles before cgroup_skb",
        target=(ODD_ADDR, FREE6))
def odd_answers(it):
    for label in ("plain", "edns", "fragmented"):
        check(odd_answer(it, label), f"the control: {label} was not learned")
    for label in ("truncated", "more", "loop", "long", "cut", "short"):
        check(not odd_answer(it, label), f"{label} was learned")
    it.layer, it.reason = "cgroup", "nothing learned"


@attack("hostile bytes: 300 mutated answers of a resolver, 60 mutated hellos",
        "parsers crash, or read what the sender wants (GO-2025-3415)",
        "no denied name gets through, nothing but the asked name is learned, and all goes on",
        "the parsers are the fuzzed ones; the verifier has proven their bounds")
def hostile_bytes(it):
    before = set(names(it.daemon))
    for number in range(300):
        odd_answer(it, "garbage", number + 1)
    equal(set(names(it.daemon)) - before - {"garbage.hub.test"}, set(), "names that were learned")
    it.know_witnesses()
    whole, rolls = modern("rival.test"), random.Random(5)
    protected = set(range(9)) | set(range(whole.index(b"rival.test"), whole.index(b"rival.test") + 10))
    for _ in range(60):
        text = bytearray(whole)
        for at in rolls.sample(sorted(set(range(len(text))) - protected), 3):
            text[at] = rolls.randrange(256)
        before = it.witnessed()
        it.pod.ask("raw", addr=WITNESS, hex=text.hex())
        it.leaked += it.witnessed() - before >= len(whole)
    it.unit = "hellos"
    it.gets_through(modern("seen.hub.test"))


@attack("forged answers within DNS over TCP",
        "not read at all (Antrea#4225, cilium#31197)",
        "nothing is learned: streams are read in order, from the first byte",
        "questions and answers of a connection to a trusted resolver are matched like datagrams")
def forged_stream(it):
    it.prog("dns over TCP: lies teach nothing")
    it.layer, it.reason = "cgroup", "nothing learned"


@attack("a name server in a network namespace of one's own, with the resolver's address",
        "nobody looks at the namespace (our first design did not either)",
        "nothing is learned: away",
        "the namespace's cookie of the asking socket must be the workload's")
def own_name_server(it):
    it.prog("holes: a name server of one's own")
    it.layer, it.reason = "cgroup", "nothing learned"


@attack("an answer injected over loopback by a raw socket that knows the question",
        "nobody looks at the interface",
        "the raw socket is denied; an answer that comes in by lo teaches nothing",
        "cgroup_skb; the ingress program ignores answers of lo unless the resolver lives there")
def injected_answer(it):
    it.prog("holes: injected answers")
    it.layer, it.reason = "cgroup", "protocol, nothing learned"


@attack("DNS rebinding: an allowed name with a metadata or private address",
        "OpenShell and pipelock check ranges; CIDR precedence in Cilium",
        "not learned: special-use; in Strict the address is not reached either",
        "special-use ranges are refused in the kernel, whoever says them", target=("169.254.169.254", "fd00::1"))
def rebinding(it):
    before = it.learned("special-use")
    for name in ("private.hub.test", "meta.hub.test"):
        resolve(it.pods["contained"], name)
        check(name not in names(it.daemon), f"{name} was learned")
    check(it.learned("special-use") > before, "counted")
    for addr in ("169.254.169.254", "10.1.2.3", "fd00::1"):
        equal(it.connects(addr, it.pods["contained"]), "EPERM", addr)


@attack("cross-pod learning: a neighbour's question opens the address for all",
        "Cilium's answers are shared by the node",
        "the neighbour's name is no name of ours: denied",
        "each workload's own rules decide about every name of an address; then the ClientHello must say it", **POISONED)
def cross_pod_learning(it):
    denied_name_is_known(it)
    equal(it.connects(DENIED_NAME), "EPERM", "an address that a neighbour asked for")


@attack("an allowed server name to another address",
        "pure SNI filters let it pass",
        "the connection ends: name-address-mismatch; not a byte of it arrives",
        "a name never grants: the address must have been an answer for it")
def spoofed_name(it):
    it.gets_through(modern("seen.hub.test"))
    it.says(modern("hub.test"), "name-address-mismatch")


@attack("a denied name on a shared address",
        "address filters let it pass: a CDN has all names on it",
        "the connection ends: name-not-allowed; not a byte of it arrives",
        "the ClientHello is read in cgroup_skb before anything behind the handshake leaves")
def denied_name(it):
    it.gets_through(modern("seen.hub.test"))
    it.says(modern("rival.test"), "name-not-allowed")
    it.says(modern("upload.hub.test"), "deny-rule")


@attack("no server name, no TLS, plain HTTP on 443",
        "passed by name filters that find no name",
        "the connection ends: name-missing, not-tls",
        "an address that is allowed by name demands to be shown one")
def nameless(it):
    it.says(hello(supported_versions(0x0304)), "name-missing")
    it.says(b"GET / HTTP/1.0\r\nHost: seen.hub.test\r\n\r\n", "not-tls")


@attack("Encrypted ClientHello behind an allowed outer name",
        "nobody looks at the extension",
        "the connection ends: ech (unless a policy says `ech: Allow`)",
        "extension 0xfe0d is found in the hello")
def encrypted_hello(it):
    it.says(modern("seen.hub.test", ech()), "ech")


@attack("a ClientHello in pieces: single bytes, small segments",
        "Inspektor Gadget and lunatik miss it, AWS Network Firewall aborts",
        "read across segments, decided once the name is there; what is behind that never leaves",
        "what was read so far is kept with the socket; the hello never arrives whole")
def split_hello(it):
    for piece in (1, 7, 100):
        it.gets_through(modern("seen.hub.test"), piece=piece)
        it.says_in_parts(modern("rival.test"), "name-not-allowed", piece=piece)


def records(data, size):
    """The same handshake message in TLS records of a size."""
    body = data[5:]
    return b"".join(b"\x16\x03\x01" + len(body[at:at + size]).to_bytes(2, "big") + body[at:at + size]
                    for at in range(0, len(body), size))


@shot("a ClientHello whose pieces somebody else has sent already, in the wrong order, with other bytes",
        "the classic evasion: the filter and the server keep different ones of what overlaps",
        "the forged pieces never arrive: unverified",
        "TC: only the connection's own socket sends on it, and the kernel's TCP never says a byte in two ways")
def overlapping_hello(it):
    it.lays_over("overlap", [modern("seen.hub.test")], [modern("rival.test")])
    if it.enforced:
        it.prog("hello: over a lossy line")  # the kernel's own retransmissions
        it.unit = "bytes"


@shot("segments by hand over a connection whose ClientHello was let through: other bytes for those that were "
      "sent, and more",
      "a connection that was checked is trusted, whoever sends on it",
      "they never arrive: unverified",
      "TC looks at the socket that a frame comes from, not at its addresses, ports and sequence numbers")
def overlapping_verified(it):
    data = b"\x14\x03\x03\0\x01\x01" + b"\x17\x03\x03\x02\0" + b"s" * 512
    it.lays_over("overlap-verified", [modern("seen.hub.test"), data], [modern("rival.test")])


@shot("a ClientHello by hand, from a packet socket, with a name that a deny rule is about, to an address that a "
      "CIDR of an allow rule covers",
      "an address that is allowed is open for every program and every name",
      "a socket's hello is held against the deny rule; write CIDRs into allow rules only where every name may be "
      "said, and take CAP_NET_RAW away",
      "",
      remains="TC reads no ClientHello, and a CIDR that a rule allows demands none")
def hello_by_hand(it):
    if it.enforced:
        it.says(modern("upload.hub.test"), "deny-rule", BY_CIDR)
        equal(it.leaked, 0, "bytes of a socket's hello")
    it.lays_over("overlap", [modern("seen.hub.test")], [modern("upload.hub.test")], BY_CIDR)


@attack("a ClientHello over many TLS records",
        "Envoy had to be fixed; many filters read the first record",
        "read across records", "records are taken apart before the message is parsed")
def split_records(it):
    for size in (16, 50):
        it.gets_through(records(modern("seen.hub.test"), size))
        it.says_in_parts(records(modern("rival.test"), size), "name-not-allowed")


@attack("post-quantum key shares in front of the name, a hello longer than a packet",
        "lunatik#193, haproxy#3148, caddy-l4#346: fixed offsets, linear data only",
        "found wherever it is, up to 4 KB; longer ones are denied: hello-too-long",
        "the whole message is copied and parsed, paged data included")
def long_hello(it):
    share = extension(51, b"\0" * 1250)
    it.gets_through(hello(share, supported_versions(0x0304), server_name("seen.hub.test")))
    it.says(hello(share, supported_versions(0x0304), server_name("rival.test")), "name-not-allowed")
    it.says(modern("seen.hub.test", *(server_name("x" * 60) for _ in range(80))), "hello-too-long")


@attack("two server names in one hello", "the first or the last is believed", "the connection ends: tls-malformed",
        "an extension may be there once (RFC 8446, 4.2)")
def two_names(it):
    it.says(hello(server_name("seen.hub.test"), server_name("rival.test"), supported_versions(0x0304)),
            "tls-malformed")


@attack("a second ClientHello with another name, after a HelloRetryRequest",
        "read once and never again", "read a second time, the names must agree with the rules",
        "the reader goes on until the handshake is past the point where one may come")
def second_hello(it):
    it.prog("hello: the one after a HelloRetryRequest, denied")
    it.layer, it.reason = "cgroup", "name-not-allowed"


@attack("sendfile(), splice(), MSG_ZEROCOPY of a hello, then the page is rewritten",
        "what is checked and what is sent are the same memory (shown on 5.10 to 6.18)",
        "such pages are refused until the hello is through",
        "the skb's shared-fragment flag, read by CO-RE")
def rewritten_pages(it):
    it.prog("holes: pages that are rewritten")
    it.layer, it.reason = "cgroup", "tls-malformed"


@attack("an urgent byte in the hello", "read with it or without it: the two ends disagree",
        "the connection ends", "MSG_OOB before the verdict is denied")
def urgent_byte(it):
    it.prog("holes: an urgent byte")
    it.layer, it.reason = "cgroup", "tls-malformed"


@attack("a hello in the SYN (TCP Fast Open to a server that has given a cookie)",
        "streams are read from the first segment on", "read there", "the payload of a SYN is part of the stream")
def hello_in_syn(it):
    it.prog("hello: in the SYN")
    it.layer, it.reason = "cgroup", "name-not-allowed"


@attack("DNS over HTTPS, TLS and QUIC, in Strict containment",
        "lists of providers' addresses (securix#146)",
        "denied: not even the trusted resolver is reached on another port than 53",
        "Strict: nothing leaves but what a rule allows and port 53 of the resolvers", target=(FREE, FREE6))
def encrypted_dns(it):
    pod = it.pods["contained"]
    for addr in (FREE, FREE6, RESOLVER, RESOLVER6):
        for port in (443, 853):
            equal(it.connects(addr, pod, port=port), "EPERM", f"{addr}:{port}")
            equal(pod.ask("sendto", addr=addr, port=port, proto="udp", family="v6" if ":" in addr else "v4")["errno"],
                  "EPERM", f"{addr}:{port}/udp")


@attack("another resolver, in Strict containment", "port 53 is open to everywhere", "denied: resolver",
        "only the configured resolvers", target=(FORGER, FREE6))
def other_resolver(it):
    pod = it.pods["contained"]
    equal(it.trick("udp", FORGER, port=53, pod=pod), "EPERM", "UDP")
    equal(it.trick("tcp", FORGER, port=53, pod=pod), "EPERM", "TCP")
    resolve(pod, "hub.test")


@shot("DNS tunnelling: data in the names that are asked of the trusted resolver",
      "most sandboxes are hit by it: whoever may resolve may send",
      "refused at once (EPERM): dns-name; the resolver never hears of it",
      "`dns: AllowedNames`: each question's name is looked up in cgroup_skb before it leaves", target=(RESOLVER, RESOLVER6))
def dns_tunnel(it):
    pod = it.pods["contained"]
    for addr in (RESOLVER, RESOLVER6):
        for suffix in ("collect.example", "upload.hub.test", "hub.test.collect.example"):
            equal(it.trick("tunnel", addr, suffix, port=53, pod=pod), "EPERM" if it.enforced else "OK", suffix)


@shot("DNS tunnelling from a packet socket, which no cgroup program sees", "as above",
      "denied: unverified", "TC: what no checked socket sent to a resolver is dropped where questions are judged",
      target=(RESOLVER, RESOLVER6))
def dns_tunnel_frames(it):
    it.frame("udp4", "udp6", "syn4", "syn6", pod="contained", dst=RESOLVER, dst6=RESOLVER6, port=53)


@attack("DNS tunnelling over TCP, in pieces, behind an allowed question, urgent, from a file", "not read at all",
        "the connection ends: dns-name; the last byte of the question never leaves",
        "streams to resolvers are read in order; what cannot be followed goes no further")
def dns_tunnel_stream(it):
    it.prog("questions: over TCP")
    it.layer, it.reason = "cgroup", "dns-name"


@attack("DNS tunnelling where nobody reads: UDP_SEGMENT, shared pages, extension headers, old and handed sockets",
        "one question a packet is taken for granted", "refused: dns-name",
        "several questions in a packet, pages that can change, headers in front: denied to who is judged; identity is "
        "looked up again after every change")
def dns_tunnel_unread(it):
    it.prog("questions unread")
    it.layer, it.reason = "cgroup", "dns-name"


@attack("DNS tunnelling below an allowed wildcard, in the number and in the length of questions", "no cap",
        "refused over the cap: dns-rate, dns-size", "`dnsLimits`: a bucket a workload, the longest name")
def dns_flood(it):
    pod, cap = it.pods["contained"], 100
    watch, start = Watch(it.node, RESOLVER, RESOLVER6), time.monotonic()
    equal(it.trick("flood", RESOLVER, "seen.hub.test", 10 * cap, port=53, pod=pod), "EPERM", "a flood")
    most = cap * (1 + time.monotonic() - start) + 1
    equal(it.connects(BARRIER), "OK", "the way to the world")
    arrived = watch.end()["toDenied"]
    check(cap / 2 < arrived, f"only {arrived} questions arrived: that is no cap of {cap}")
    it.unit, it.leaked = "over cap", max(0, arrived - int(most))
    wait_until(lambda: it.trick("flood", RESOLVER, "hub.test", 1, port=53, pod=pod) == "OK", "the next token")
    equal(it.trick("flood", RESOLVER, ".".join(["6465616462656566"] * 6) + ".hub.test", 1, port=53, pod=pod), "EPERM",
          "a long name")


@attack("QUIC to an address that is allowed by name", "the name is hidden in QUIC's Initial",
        "denied: udp; clients fall back to TCP", "UDP needs a rule of its own", target=(WITNESS, FREE6))
def quic(it):
    resolve(it.pod, "seen.hub.test", "v4")
    equal(it.trick("udp", WITNESS), "EPERM", "UDP 443")


@attack("an address of one's own with an allowed name, in Strict containment",
        "SNI filters let it pass", "denied before the first packet: strict",
        "what no trusted resolver has answered is not reached", target=(FREE, FREE6))
def own_address(it):
    resolve(it.pods["contained"], "hub.test")
    for addr in (FREE, FREE6):
        equal(it.connects(addr, it.pods["contained"]), "EPERM", addr)
