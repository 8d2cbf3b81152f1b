# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Names, with real resolvers, servers and clients: what is learned, what a ClientHello may say, and
what a pod gains by lying. Each denial stands beside the allowed twin that shows the path works."""
import concurrent.futures
import contextlib
import json
import shutil

import harness
from cases_connect import wait_for_instances
from harness import check, equal, wait_until
from hello import ech, hello, modern, server_name, supported_versions
from names_scene import (CUT, DENIED, FORGER, OTHER, POLICIES, RESOLVER, RESOLVER6, SHARED, SHARED6, NamesNode,
                         cut_off, https, names, resolve, served)
from scene import explain


EIGHT = [f"one-of-{i}.eight.test" for i in range(8)]


@contextlib.contextmanager
def scene(account="chat", resolver=None, search="", **config):
    with NamesNode() as node:
        daemon = node.started(**config)
        pod = node.named_pod(account, **({"resolver": resolver} if resolver else {}), search=search)
        wait_for_instances(daemon, 1)
        yield node, daemon, pod


def raw(pod, data, addr=SHARED, **request):
    """The errno's name of sending these bytes; OK: the server answered them."""
    return pod.ask("raw", addr=addr, hex=data.hex(), **request)["errno"]


# ---- what is learned ----

def test_allowed_name_works_and_is_shown():
    with scene() as (node, daemon, pod):
        since = daemon.next_seq()
        served(pod, "hub.test")
        record = daemon.flow(since, event="name", destination__ip=SHARED)
        equal((record["destination"]["name"], record["destination"]["endpoint"], record["ttl"]),
              ("hub.test", "hub", 300), "name event")
        equal((record["workload"]["name"], record["destination"]["pattern"], record["resolver"]),
              ("chat-1", "hub.test", RESOLVER), "who asked, and whom")
        check("verdict" not in record, f"a name has no verdict: {record}")
        opened = daemon.flow(since, event="open", hook="hello", destination__name="hub.test")
        equal((opened["verdict"], opened["reason"], opened["rule"]), ("allowed", "rule", "hub"), "open")
        known = names(daemon)["hub.test"]
        equal((known["endpoint"], known["pattern"]), ("hub", "hub.test"), "get names")
        ips = {item["ip"]: item["expiresIn"] for item in known["addresses"]}
        check(SHARED in ips and 0 < ips[SHARED] <= 300, f"addresses of hub.test: {ips}")
        check("hub.test" in node.aegress("get", "names").stdout, "get names, for people")


def test_wildcards_and_cname_chains():
    with scene() as (_, daemon, pod):
        for name in ("cdn.hub.test", "a.cdn.hub.test", "x.y.cdn.hub.test"):
            served(pod, name)
        served(pod, "www.hub.test")  # an alias of an alias of a name nobody knows
        equal(names(daemon)["www.hub.test"]["pattern"], "*.hub.test", "the name that was asked for counts")
        check("deep.cdn-host.test" not in names(daemon), "the alias was learned")


def test_both_families_and_mapped():
    with scene() as (_, _, pod):
        equal({SHARED, SHARED6}, set(resolve(pod, "hub.test")), "addresses")
        served(pod, "hub.test", SHARED)
        served(pod, "hub.test", SHARED6)
        served(pod, "hub.test", SHARED, family="mapped")  # as Java connects
        resolve(pod, "rival.test")
        for family in ("v4", "mapped"):
            check(https(pod, "rival.test", SHARED, family=family) in CUT, f"rival.test over {family}")


def test_resolver_over_ipv6():
    with scene(resolver=RESOLVER6) as (_, daemon, pod):
        served(pod, "hub.test")
        check("hub.test" in names(daemon), "nothing was learned")


def test_search_suffixes_are_seen_through():
    with scene(search="ml.svc.cluster.local svc.cluster.local cluster.local") as (_, daemon, pod):
        served(pod, "hub.test")  # asked for as hub.test.ml.svc.cluster.local first
        equal(names(daemon)["hub.test"]["endpoint"], "hub", "learned under its own name")


def test_expired_names_are_forgotten():
    with scene(dns={"resolvers": ["198.51.100.55"], "minTtl": "1s"}) as (node, daemon, _):
        node.world_ip("addr", "add", "198.51.100.55/32", "dev", "lo")
        node.start_dnsmasq("short", f"host-record=hub.test,{SHARED}\n", ("198.51.100.55",), ttl=1)
        pod = node.named_pod("chat", resolver="198.51.100.55")
        wait_for_instances(daemon, 2)
        resolve(pod, "hub.test", "v4")
        check("hub.test" in names(daemon), "not learned")
        wait_until(lambda: "hub.test" not in names(daemon), "the name to expire")
        served(pod, "hub.test")


def test_thousands_of_addresses():
    """128 names of one pattern with 32 addresses each, as a CDN has; and eight names at one address."""
    records = "".join(f"host-record=n{n}.hub.test,198.18.{n}.{i}\n" for n in range(128) for i in range(32))
    records += "".join(f"host-record={name},{SHARED}\n" for name in EIGHT)
    more = "".join(f'---\napiVersion: aegress.dev/v1alpha1\nkind: AIEndpoint\nmetadata: {{name: e{i}}}\n'
                   f'spec: {{class: other, hosts: ["{name}"]}}\n' for i, name in enumerate(EIGHT))
    with scene(dns={"resolvers": ["198.51.100.55"]}) as (node, daemon, _):
        generation = daemon.generation()
        node.write(node.policies, "policies.yaml", POLICIES + more)
        wait_until(lambda: daemon.generation() > generation, "the new generation")
        node.world_ip("addr", "add", "198.51.100.55/32", "dev", "lo")
        node.start_dnsmasq("many", records, ("198.51.100.55",))
        pod = node.named_pod("chat", resolver="198.51.100.55", search="test", options="edns0 ndots:1")
        for name in EIGHT:
            resolve(pod, name, "v4")
        check(set(EIGHT) <= set(names(daemon)), f"eight names at one address: {list(names(daemon))}")
        for n in range(128):
            equal(len(resolve(pod, f"n{n}.hub.test", "v4")), 32, "addresses of the answer")
        listed = {item["name"]: len(item["addresses"]) for item in names(daemon).values()}
        equal([listed.get(f"n{n}.hub.test") for n in range(128)], [32] * 128, "addresses learned")
        fill = {item["name"]: item["entries"] for item in daemon.get("/v1/status")["maps"]}
        equal(fill["learned"], 128 * 32 + 1, "fill of the table")


def test_special_addresses_are_not_believed():
    with scene() as (node, daemon, pod):
        since, learned = daemon.next_seq(), daemon.get("/v1/status")["dns"]["learned"]["special-use"]
        for name in ("private.hub.test", "meta.hub.test"):
            resolve(pod, name)
            check(name not in names(daemon), f"{name} was learned")
        equal(daemon.get("/v1/status")["dns"]["learned"]["special-use"], learned + 3, "counted")
        record = daemon.flow(since, event="refused", destination__ip="169.254.169.254")
        equal((record["refusal"], record["destination"]["name"], record["destination"]["endpoint"],
               record["workload"]["name"], record["resolver"]),
              ("special-use", "meta.hub.test", "hub", "chat-1", RESOLVER), "the record")
        check("meta.hub.test is not 169.254.169.254 (hub)" in
              node.aegress("flows", "--event", "dns").stdout, "flows, for people")
        resolve(pod, "hub.test")
        check("hub.test" in names(daemon), "an honest address")


def test_records_of_dns_are_as_configured():
    for wanted, expected in (("off", set()), ("learned", {"name"}), ("all", {"name", "refused"})):
        with scene(flows={"dns": wanted}) as (_, daemon, pod):
            resolve(pod, "meta.hub.test")
            served(pod, "hub.test")
            daemon.flow(0, event="open", destination__name="hub.test")  # they were read before it
            equal({record["event"] for record in daemon.flows("?event=dns")}, expected, wanted)
            check("hub.test" in names(daemon), "learned all the same")
            counts = daemon.get("/v1/status")["dns"]["learned"]
            check(counts["new"] > 0 and counts["special-use"] > 0, f"counted all the same: {counts}")


# ---- what the ClientHello says ----

def test_denied_names_on_an_allowed_address():
    with scene() as (_, daemon, pod):
        served(pod, "hub.test")
        record = cut_off(daemon, pod, "name-not-allowed", lambda: https(pod, "rival.test"),
                         destination__name="rival.test")
        equal(record["destination"]["endpoint"], "rival", "endpoint of the name")
        record = cut_off(daemon, pod, "deny-rule", lambda: https(pod, "upload.hub.test"),
                         destination__name="upload.hub.test")
        equal(record["rule"], "no-uploads", "the rule that denies the name")
        served(pod, "hub.test")


def test_denied_name_alone_fails_at_connect():
    with scene() as (node, daemon, pod):
        resolve(pod, "only.upload.test")
        since = daemon.next_seq()
        equal(https(pod, "only.upload.test"), "EPERM", "connect()")
        daemon.flow(since, event="deny", reason="deny-rule", hook="connect", destination__ip=DENIED)
        told = explain(node, "ml/chat-1", DENIED, 443, "tcp")
        equal((told["verdict"], told["reason"], told["learned"][0]["pattern"]),
              ("denied", "deny-rule", "only.upload.test"), "explain")


def test_somebody_elses_rule_is_no_way_out():
    """A rule of another workload names every address: that opens nothing for this one."""
    foreign = POLICIES.replace("{cidr: 203.0.113.60/32}", "{cidr: 0.0.0.0/0}, {host: free.test}")
    with scene() as (node, daemon, pod):
        generation = daemon.generation()
        node.write(node.policies, "policies.yaml", foreign)
        wait_until(lambda: daemon.generation() > generation, "the new generation")
        resolve(pod, "rival.test")
        resolve(pod, "free.test")
        equal(https(pod, "rival.test", SHARED), "EPERM", "only denied names are known of the address")
        told = explain(node, "ml/chat-1", SHARED, 443, "tcp")
        equal((told["verdict"], told["reason"]), ("denied", "no-rule"), "explain")


def test_explain_agrees_with_what_was_learned():
    with scene() as (node, daemon, pod):
        told = explain(node, "ml/chat-1", SHARED, 443, "tcp")
        equal((told["verdict"], told["reason"]), ("allowed", "not-governed"), "before")
        for name in ("rival.test", "hub.test"):
            resolve(pod, name)
        told = explain(node, "ml/chat-1", SHARED, 443, "tcp")
        equal((told["verdict"], told["reason"], told["rule"]), ("allowed", "rule", "hub"), "after")
        equal({item["pattern"]: item["verdict"] for item in told["learned"]},
              {"rival.test": "denied", "hub.test": "allowed"}, "each name")
        equal(told["tls"], {"required": True, "ech": "Deny"}, "tls")
        equal(daemon.get("/v1/status")["dns"]["learned"]["crowded"], 0, "crowded")


def test_unlearned_addresses_are_judged_by_name():
    with scene() as (_, daemon, pod):
        served(pod, "hub.test", SHARED)  # E is empty: the name alone
        cut_off(daemon, pod, "name-not-allowed", lambda: https(pod, "rival.test", SHARED))
        served(pod, "free.test", SHARED)


def test_a_name_must_belong_to_its_address():
    with scene() as (_, daemon, pod):
        resolve(pod, "a.wild.test")
        resolve(pod, "hub.test")
        served(pod, "a.wild.test")
        cut_off(daemon, pod, "name-address-mismatch", lambda: https(pod, "hub.test", OTHER))
        cut_off(daemon, pod, "name-address-mismatch", lambda: https(pod, "free.test", SHARED))


def test_hellos_that_hide_the_name():
    with scene() as (_, daemon, pod):
        resolve(pod, "hub.test")
        served(pod, "hub.test")
        for reason, data in (
                ("name-missing", hello(supported_versions(0x0304))),
                ("not-tls", b"GET / HTTP/1.0\r\nHost: hub.test\r\n\r\n"),
                ("ech", modern("hub.test", ech())),
                ("tls-malformed", modern("hub.test")[:60] + b"\0" * 200),
                ("hello-too-long", modern("hub.test", *(server_name("x" * 60) for _ in range(80))))):
            cut_off(daemon, pod, reason, lambda data=data: raw(pod, data))
        equal(raw(pod, modern("hub.test")), "OK", "the same by hand, as it should be")


def test_a_denied_client_learns_of_it_at_once():
    with scene() as (_, _, pod):
        for name in ("hub.test", "upload.hub.test"):
            resolve(pod, name)
        for addr in (SHARED, SHARED6):
            answer = pod.ask("cut_off", addr=addr, hex=modern("upload.hub.test").hex(), times=21)
            check(set(answer["ends"]) <= set(CUT), f"{addr}: {answer}")
            check(answer["median"] < 0.01, f"{addr}: it took {answer['median'] * 1000:.1f} ms")


def test_hellos_in_pieces():
    with scene() as (_, daemon, pod):
        resolve(pod, "hub.test")
        resolve(pod, "rival.test")
        for piece in (1, 7, 100):
            equal(raw(pod, modern("hub.test"), piece=piece), "OK", f"pieces of {piece}")
            cut_off(daemon, pod, "name-not-allowed",
                    lambda size=piece: raw(pod, modern("rival.test"), piece=size))


def test_tls_demands_of_a_policy():
    with scene("strict") as (_, daemon, pod):
        served(pod, "hub.test")
        cut_off(daemon, pod, "tls-version", lambda: https(pod, "hub.test", max_version="1.2"))
        # by CIDR: any name that nobody governs, but TLS it must be
        cut_off(daemon, pod, "not-tls", lambda: raw(pod, b"GET / HTTP/1.0\r\n\r\n", addr=OTHER))


def test_ech_is_let_through_where_a_policy_says_so():
    with scene("lax") as (_, daemon, pod):
        resolve(pod, "hub.test")
        resolve(pod, "rival.test")
        equal(raw(pod, modern("hub.test", ech())), "OK", "an allowed outer name")
        cut_off(daemon, pod, "name-not-allowed", lambda: raw(pod, modern("rival.test", ech())))


def test_audit_reports_names_and_lets_pass():
    with scene("watched") as (_, daemon, pod):
        served(pod, "hub.test")
        cut_off(daemon, pod, "name-not-allowed", lambda: https(pod, "rival.test"), verdict="audited")
        served(pod, "rival.test")


def test_quic_is_denied():
    with scene() as (_, daemon, pod):
        resolve(pod, "hub.test", "v4")
        since = daemon.next_seq()
        equal(pod.ask("sendto", addr=SHARED, port=443, proto="udp", family="v4")["errno"], "EPERM",
              "UDP to a learned address")
        daemon.flow(since, event="deny", reason="udp", destination__ip=SHARED)


# ---- real clients ----

ADDRS = {"v4": SHARED, "v6": SHARED6}


def clients(node, family):
    """name -> argv of one request over this family, or over whichever the client likes."""
    number = {"v4": "4", "v6": "6", "any": "0"}[family]
    script = ("require('https').get({host: process.argv[1], agent: false, family: FAMILY}, r => {"
              "r.on('data', d => process.stdout.write(d)); r.on('end', () => process.exit(0));"
              "}).setTimeout(8000, () => process.exit(2)).on('error', e => { console.error(e.message); process.exit(1); });")
    known = {"v4": "socket.AF_INET", "v6": "socket.AF_INET6", "any": "0"}[family]
    return {
        "curl": ["curl", "-sS", "--max-time", "8", "--cacert", node.ca, *([f"-{number}"] if family != "any" else [])],
        "python": ["python3", "-c", "import socket, sys, ssl, urllib.request as u\n"
                   "found = socket.getaddrinfo\n"
                   f"socket.getaddrinfo = lambda host, port, *_: found(host, port, {known}, socket.SOCK_STREAM)\n"
                   "print(u.urlopen(sys.argv[1], timeout=8, context="
                   f"ssl.create_default_context(cafile={node.ca!r})).read().decode())"],
        "node": ["node", "-e", script.replace("FAMILY", number)],
    }


def client(name):
    if not shutil.which("python3" if name == "python" else name):
        raise harness.Skip(f"{name} is not installed")
    with scene() as (node, daemon, pod):
        def ask(host, family="any"):
            target = host if name == "node" else f"https://{host}/"
            return pod.ask("run", argv=clients(node, family)[name] + [target],
                           env={"NODE_EXTRA_CA_CERTS": node.ca})

        def allowed(host, family="any", **want):
            since = daemon.next_seq()
            done = ask(host, family)
            check(done["code"] == 0 and f"hello from {host}" in done["out"], f"{family}, allowed: {done}")
            daemon.flow(since, event="open", hook="hello", destination__name=host, **want)

        def denied(host, reason, family="any", **want):
            since = daemon.next_seq()
            done = ask(host, family)
            check(done["code"] != 0, f"{family}, denied: {done}")
            check(done["seconds"] < 4, f"{family}: it took {done['seconds']:.1f} s to learn of the denial")
            daemon.flow(since, event="deny", hook="hello", reason=reason, destination__name=host, **want)

        allowed("hub.test")
        denied("rival.test", "name-not-allowed")
        allowed("a.cdn.hub.test")
        for family, addr in ADDRS.items():
            allowed("hub.test", family, destination__ip=addr)
            denied("upload.hub.test", "deny-rule", family, destination__ip=addr)
            allowed("hub.test", family, destination__ip=addr)


def test_client_curl():
    client("curl")


def test_client_python():
    client("python")


def test_client_node():
    client("node")


# ---- the daemon's life ----

def test_without_a_daemon_names_are_learned_and_enforced():
    with scene() as (_, daemon, pod):
        daemon.kill()
        served(pod, "hub.test")
        served(pod, "a.cdn.hub.test")
        outcome = https(pod, "rival.test")
        check(outcome in CUT + ("ETIMEDOUT",), f"rival.test without a daemon: {outcome}")
        equal(https(pod, "only.upload.test"), "EPERM", "a denied name without a daemon")
        daemon.start()
        check("hub.test" in names(daemon), "what was learned meanwhile")
        served(pod, "hub.test")
        cut_off(daemon, pod, "name-not-allowed", lambda: https(pod, "rival.test"))


FLOOD, FRESH = "198.51.100.56", 4000  # a resolver, and of how many names it knows
FLOODED = """\
---
apiVersion: aegress.dev/v1alpha1
kind: AIEndpoint
metadata: {name: flood, labels: {provider: rival}}
spec: {class: inference, hosts: ["*.flood.test"]}
"""


def test_killed_and_started_in_a_flood_of_names():
    """Every name is new, and every denied one has an address that nobody has seen: one answer that is not
    learned, and connect() says something else than EPERM."""
    records = "".join(f"host-record=d{i}.flood.test,198.18.{i // 250}.{i % 250}\n" for i in range(FRESH))
    with scene(dns={"resolvers": [FLOOD]}) as (node, daemon, _):
        generation = daemon.generation()
        node.write(node.policies, "policies.yaml", POLICIES + FLOODED)
        wait_until(lambda: daemon.generation() > generation, "the new generation")
        node.world_ip("addr", "add", f"{FLOOD}/32", "dev", "lo")
        node.start_dnsmasq("flood", records + f"address=/cdn.hub.test/{SHARED}\n", (FLOOD,))
        pod = node.named_pod("chat", resolver=FLOOD)
        wait_for_instances(daemon, 2)
        rounds = iter(range(FRESH))

        def flood(until):
            for i in rounds:
                served(pod, f"n{i}.cdn.hub.test")
                equal(https(pod, f"d{i}.flood.test"), "EPERM", f"new denied name {i}")
                if until():
                    return
            raise harness.Failure(f"{FRESH} names were not enough")

        def some_more():
            enough = iter(range(50))
            flood(lambda: next(enough, None) is None)

        some_more()
        with concurrent.futures.ThreadPoolExecutor(1) as beside:
            killed = beside.submit(daemon.kill)
            flood(killed.done)
            killed.result()
        some_more()
        daemon.spawn()  # by this thread, which it ends with
        flood(daemon.ready)
        some_more()
        last = next(rounds) - 1
        known = names(daemon)
        equal([i for i in range(last + 1) if f"d{i}.flood.test" not in known], [], "names not learned")


def test_reload_matches_names_anew():
    exact = POLICIES + """\
---
apiVersion: aegress.dev/v1alpha1
kind: AIEndpoint
metadata: {name: special, labels: {provider: test}}
spec: {class: other, hosts: [a.cdn.hub.test]}
---
apiVersion: aegress.dev/v1alpha1
kind: ClusterAIEgressPolicy
metadata: {name: no-special}
spec:
  workloads: {all: true}
  deny: [{name: special, to: [{endpoint: special}]}]
"""
    with scene() as (node, daemon, pod):
        served(pod, "a.cdn.hub.test")
        equal(names(daemon)["a.cdn.hub.test"]["pattern"], "*.hub.test", "before")
        generation = daemon.generation()
        node.write(node.policies, "policies.yaml", exact)
        wait_until(lambda: daemon.generation() > generation, "the new generation")
        wait_until(lambda: names(daemon)["a.cdn.hub.test"]["pattern"] == "a.cdn.hub.test", "a new match")
        resolve(pod, "hub.test")
        cut_off(daemon, pod, "deny-rule", lambda: https(pod, "a.cdn.hub.test", SHARED))
        node.write(node.policies, "policies.yaml", POLICIES)
        wait_until(lambda: names(daemon)["a.cdn.hub.test"]["pattern"] == "*.hub.test", "the old match")
        served(pod, "a.cdn.hub.test")


# ---- lies ----

def test_an_untrusted_resolver_teaches_nothing():
    with scene(resolver=FORGER) as (node, daemon, liar):
        honest = node.named_pod("chat")
        wait_for_instances(daemon, 2)
        resolve(honest, "only.upload.test")
        equal(https(honest, "only.upload.test"), "EPERM", "the address is denied")
        equal(resolve(liar, "hub.test", "v4"), [DENIED], "the forged answer")
        equal(https(liar, "hub.test", DENIED), "EPERM", "the forged name opened the address")
        check("hub.test" not in names(daemon), "a forged answer was learned")
        served(honest, "hub.test")


def test_a_resolver_of_ones_own_teaches_nothing():
    """The trusted resolver's address, but in a network namespace that the pod made itself."""
    with scene() as (node, daemon, pod):
        resolve(pod, "only.upload.test")
        config = node.write(node.dir, "own.conf", f"address=/#/{DENIED}\n")
        script = ("ip link set lo up && ip addr add 198.51.100.53/32 dev lo && "
                  f"dnsmasq --conf-file={config} --no-resolv --no-hosts --user=root "
                  f"--pid-file={node.dir}/own.pid --listen-address=198.51.100.53 --bind-interfaces && "
                  "python3 -c 'import socket, sys; print(socket.gethostbyname(sys.argv[1]))' hub.test; "
                  f"kill $(cat {node.dir}/own.pid)")
        done = pod.ask("run", argv=["unshare", "--net", "sh", "-c", script])
        equal((done["code"], done["out"].strip()), (0, DENIED), f"the exploit: {done}")
        record = daemon.flow(0, event="refused")
        equal((record["refusal"], record["workload"]["name"], record["resolver"]), ("away", "chat-1", RESOLVER),
              "the record")
        check("hub.test" not in names(daemon), "the pod taught itself")
        equal(https(pod, "hub.test", DENIED), "EPERM", "the address is open")
        resolve(pod, "hub.test")
        check("hub.test" in names(daemon), "the same question to the real one")


def test_answers_nobody_asked_for():
    """Another name, another number, another server's question, the same answer twice: all by hand."""
    quiet = "198.51.100.56"  # trusted, and this test speaks for it
    with scene(dns={"resolvers": [quiet]}) as (node, daemon, pod):
        node.world_ip("addr", "add", f"{quiet}/32", "dev", "lo")
        port = pod.ask("udp_bind")["port"]

        def asks(name, number):
            equal(pod.ask("udp_send", to=quiet, port=53, hex=dns(name, number).hex())["errno"], "OK",
                  "the question")

        def answers(name, number, addr):
            answer = dns(name, number, addr)
            node.world.ask("send_from", **{"from": quiet, "sport": 53, "to": pod_address(pod),
                                           "port": port, "hex": answer.hex()})
            equal(pod.ask("udp_recv")["bytes"], len(answer), "the answer reached the pod")

        asks("hub.test", 7)
        for name, number in (("cdn.hub.test", 7), ("hub.test", 8), ("x.wild.test", 9)):
            since, before = daemon.next_seq(), daemon.get("/v1/status")["dns"]["learned"]["unasked"]
            answers(name, number, DENIED)
            equal(names(daemon), {}, f"{name} was learned")
            equal(daemon.get("/v1/status")["dns"]["learned"]["unasked"], before + 1, "counted")
            record = daemon.flow(since, event="refused", destination__name=name)
            equal((record["refusal"], record["workload"]["name"], record["resolver"]), ("unasked", "chat-1", quiet),
                  "the record")
        answers("hub.test", 7, SHARED)
        equal([item["ip"] for item in names(daemon)["hub.test"]["addresses"]], [SHARED], "asked for")
        answers("hub.test", 7, DENIED)
        equal([item["ip"] for item in names(daemon)["hub.test"]["addresses"]], [SHARED], "once")


def pod_address(pod):
    out = json.loads(harness.run("ip", "-n", pod.netns, "-j", "-4", "addr", "show", "eth0").stdout)
    return out[0]["addr_info"][0]["local"]


def dns(name, number, addr=None):
    """A question for A records, or its answer."""
    question = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"
    question += bytes.fromhex("0001" "0001")
    if addr is None:
        return number.to_bytes(2, "big") + bytes.fromhex("0100" "0001" "0000" "0000" "0000") + question
    header = number.to_bytes(2, "big") + bytes.fromhex("8180" "0001" "0001" "0000" "0000")
    record = bytes.fromhex("c00c" "0001" "0001" "0000012c" "0004") + bytes(map(int, addr.split(".")))
    return header + question + record
