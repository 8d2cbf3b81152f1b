# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""What the cluster is told: conditions and counts of documents, Events on pods; by a daemon with the
rights and capabilities of the DaemonSet, and with what happens when they end."""
import contextlib
import json
import os
import time

from cases_crds import documents
from cases_pods import SLOW, answers, until
from harness import BUILD, check, equal, run, wait_until
from kube_scene import GOVERNED, OTHER, TOP, kube_node, policy_object

SOON = 20  # s


def status_of(node, *what):
    return node.cluster.get(*what).get("status", {})


def condition(status, kind):
    return next((c for c in status.get("conditions", []) if c["type"] == kind), {})


def policy_status(node, name):
    return status_of(node, "aiep", "-n", node.ns, name)


def test_conditions_and_counts():
    with kube_node("status") as node:
        for name in ("chat-1", "chat-2"):
            node.apply_pod(name, account="chat")
        node.cluster.apply([
            policy_object("good", accounts=["chat"], endpoint="test-inference"),
            policy_object("bad", accounts=["chat"], endpoint="no-such-endpoint"),
        ])
        node.daemon_of_chart().start()
        wait_until(lambda: condition(policy_status(node, "good"), "Enforced").get("status") == "True",
                   "the good policy's status", SOON)
        good = policy_status(node, "good")
        equal((good["selectedPods"], good["nodesEnforced"], good["nodesTotal"]), (2, 1, 1), "counts")
        equal(condition(good, "Accepted")["status"], "True", "Accepted of the good one")
        equal(condition(good, "Accepted")["observedGeneration"], 1, "its generation")
        wait_until(lambda: condition(policy_status(node, "bad"), "Accepted"), "the other's", SOON)
        bad = policy_status(node, "bad")
        equal(condition(bad, "Accepted")["status"], "False", "Accepted of the bad one")
        check("no-such-endpoint" in condition(bad, "Accepted")["message"], f"no reason: {bad}")
        equal(condition(bad, "Enforced")["status"], "False", "Enforced of the bad one")
        endpoint = lambda: status_of(node, "aie", "test-inference")
        wait_until(lambda: condition(endpoint(), "Accepted"), "the endpoint's", SOON)
        # mended: the condition turns, and says when
        node.cluster.apply([policy_object("bad", accounts=["chat"], endpoint="test-upload")])
        wait_until(lambda: condition(policy_status(node, "bad"), "Accepted")["status"] == "True",
                   "the mended policy's status", SOON)
        equal(policy_status(node, "bad")["observedGeneration"], 2, "its generation")
        holder = node.cluster.get("lease", "-n", "aegress", "aegress-status")["spec"]["holderIdentity"]
        equal(holder, node.name, "holder of the lease")


def states_since(node, path, version):
    """(generation it is about, {condition: status}) of an object, each that there was since this version."""
    connection = node.cluster.connection()
    with contextlib.closing(connection):
        connection.request("GET", f"{path}?watch=1&timeoutSeconds=2&resourceVersion={version}",
                           headers={"Authorization": f"Bearer {node.cluster.token}"})
        events = [json.loads(line) for line in connection.getresponse().read().splitlines()]
    check(all(event["type"] != "ERROR" for event in events), f"{events}")
    found = []
    for event in events:
        status = event["object"].get("status", {})
        found.append((event["object"]["metadata"]["name"], status.get("observedGeneration"),
                      {c["type"]: c["status"] for c in status.get("conditions", [])}))
    return found


def test_others_stay_as_they_are():
    """One policy changes, again and again: nobody writes the other's status, and of the one nothing is
    said that is not so."""
    with kube_node("others") as node:
        node.cluster.apply([policy_object("still", accounts=["chat"], endpoint="test-inference"),
                            policy_object("busy", accounts=["chat"], endpoint="test-upload")])
        node.daemon_of_chart().start()
        for name in ("still", "busy"):
            wait_until(lambda name=name: condition(policy_status(node, name), "Enforced").get("status")
                       == "True", f"the status of {name}", SOON)
        path = f"/apis/aegress.dev/v1alpha1/namespaces/{node.ns}/aiegresspolicies"
        version = node.cluster.request("GET", path)["metadata"]["resourceVersion"]
        generation = 1
        for endpoint in ("test-inference", "no-such-endpoint", "test-upload", "no-such-endpoint"):
            node.cluster.patch(f"{path}/busy", {"spec": {"allow": [
                {"name": "it", "to": [{"endpoint": endpoint}]}]}})
            generation += 1
            wait_until(lambda: policy_status(node, "busy").get("observedGeneration") == generation,
                       f"generation {generation}", SOON)
        states = states_since(node, path, version)
        equal([state for state in states if state[0] == "still"], [], "what was said of the other")
        told = [(about, conditions) for _, about, conditions in states if about]
        for about, good in ((2, "True"), (3, "False"), (4, "True"), (5, "False")):
            said = [conditions for generation, conditions in told if generation == about]
            check(said, f"nothing was said of generation {about}")
            check(all(c["Accepted"] == good for c in said), f"of generation {about}: {said}")
            check(all(c["Enforced"] == good for c in said), f"of generation {about}: {said}")


def test_failed_reload_is_no_acceptance():
    """A file of the node is broken: what the cluster changes meanwhile is not in force, and not said to be."""
    with kube_node("broken") as node:
        node.cluster.apply([policy_object("old", accounts=["chat"], endpoint="test-inference")])
        node.daemon_of_chart().start()
        accepted = lambda name: condition(policy_status(node, name), "Accepted")
        enforced = lambda name: condition(policy_status(node, name), "Enforced").get("status")
        wait_until(lambda: enforced("old") == "True", "the status", SOON)
        broken = node.write(node.policies, "broken.yaml", "kind: [")
        node.cluster.apply([policy_object("new", accounts=["chat"], endpoint="test-upload")])
        wait_until(lambda: accepted("new"), "the status of the new one", SOON)
        equal((accepted("new")["status"], accepted("new")["reason"]), ("Unknown", "ReloadFailed"), "Accepted")
        check("broken.yaml:" in accepted("new")["message"], f"no place: {accepted('new')}")
        equal((enforced("new"), accepted("old")["status"], enforced("old")), ("False", "True", "True"),
              "Enforced of the new one; the old one")
        os.unlink(broken)
        wait_until(lambda: enforced("new") == "True", "the mended reload", SOON)
        equal(accepted("new")["status"], "True", "Accepted afterwards")


def test_dead_nodes_are_not_counted():
    """A lease that nobody renews counts no longer than a minute, whoever leads, and does not stay for ever."""
    with kube_node("dead") as node:
        installed = node.cluster.install_chart()
        check(installed, "no chart")
        path = "/apis/coordination.k8s.io/v1/namespaces/aegress/leases"
        for name, age in (("aegress-node-gone", 300), ("aegress-node-long-gone", 3600)):
            then = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(time.time() - age))
            node.cluster.request("POST", path, {
                "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                "metadata": {"name": name, "namespace": "aegress", "labels": {"aegress.dev/node": "true"}},
                "spec": {"holderIdentity": name, "leaseDurationSeconds": 60, "renewTime": then}})
        node.cluster.apply([policy_object("good", accounts=["chat"], endpoint="test-inference")])
        node.daemon_of_chart().start()
        wait_until(lambda: condition(policy_status(node, "good"), "Enforced"), "the status", SOON)
        equal(policy_status(node, "good")["nodesTotal"], 1, "nodes")
        leases = lambda: {item["metadata"]["name"] for item in node.cluster.request("GET", path)["items"]}
        wait_until(lambda: "aegress-node-long-gone" not in leases(), "its lease to be deleted", 40)
        check("aegress-node-gone" in leases(), "a lease of five minutes is gone")
        equal(condition(policy_status(node, "good"), "Enforced")["status"], "True", "Enforced")


def test_status_is_written_once():
    """Nothing changes: nobody writes."""
    with kube_node("quiet") as node:
        node.cluster.apply([policy_object("good", accounts=["chat"], endpoint="test-inference")])
        node.daemon_of_chart().start()
        wait_until(lambda: condition(policy_status(node, "good"), "Enforced"), "the status", SOON)
        version = lambda: node.cluster.get("aiep", "-n", node.ns, "good")["metadata"]["resourceVersion"]
        renewed = lambda: node.cluster.get("lease", "-n", "aegress", "aegress-status")["spec"]["renewTime"]
        before, lease = version(), renewed()
        wait_until(lambda: renewed() != lease, "the lease to be renewed", 40)
        equal(version(), before, "version of the policy")


def test_two_nodes_and_one_writer():
    """Both are counted; only the holder of the lease writes, and the other one after it."""
    with kube_node("one") as one, kube_node("two") as two:
        daemons = {node.name: node.daemon_of_chart() for node in (one, two)}
        one.apply_pod("chat-1", account="chat")
        one.cluster.apply([policy_object("everywhere", namespace_labels={
            "kubernetes.io/metadata.name": one.ns}, endpoint="test-inference")])
        for daemon in daemons.values():
            daemon.start()
        status = lambda: status_of(one, "caiep", f"{two.ns}-everywhere")
        counts = lambda: tuple(status().get(k) for k in ("nodesEnforced", "nodesTotal", "selectedPods"))
        wait_until(lambda: counts() == (2, 2, 1), "both nodes to be counted", SOON)
        holder = lambda: one.cluster.get("lease", "-n", "aegress", "aegress-status")["spec"]["holderIdentity"]
        first = holder()
        other = daemons[next(name for name in daemons if name != first)]
        check("this node writes" not in other.whole_log(), "both lead")
        daemons[first].kill()
        two.cluster.apply([policy_object("later", accounts=["chat"], endpoint="test-inference")])
        wait_until(lambda: condition(policy_status(two, "later"), "Accepted"), "the other to write", 60)
        equal(daemons[holder()], other, "the holder afterwards")


def test_event_on_the_pod():
    with kube_node("event") as node:
        node.cluster.apply([policy_object("chat", accounts=["chat"], endpoint="test-inference")])
        node.apply_pod("chat-1", account="chat")
        node.daemon_of_chart().start()
        chat = node.run_pod("chat-1")
        until(chat, GOVERNED, "OK", "the policy")
        for _ in range(50):
            equal(chat.ask("connect", addr=OTHER, port=443, proto="tcp", family="v4")["errno"], "EPERM",
                  "what no rule allows")
        found = lambda: [e for e in node.cluster.get("events.events.k8s.io", "-n", node.ns)["items"]
                         if e["reason"] == "EgressDenied" and "test-upload" in e["note"]]
        wait_until(found, "the Event", SOON)
        equal(len(found()), 1, "Events for fifty denials")
        event = found()[0]
        equal(event["regarding"]["uid"], node.uids["chat-1"], "whom it regards")
        equal(event["type"], "Warning", "its type")
        check("no-rule" in event["note"], event["note"])
        shown = node.cluster.kubectl("describe", "pod", "-n", node.ns, "chat-1").stdout
        check("EgressDenied" in shown, shown)


# Files of tests/bad-policies that the schemas let through, and that say the same one by one.
COMPILERS = ("deny-never-matches", "host-too-long", "template-bad", "template-not-covered",
             "template-unclosed", "to-ids-without-regions", "to-ids-without-template",
             "to-regions-without-vendors", "to-unknown-endpoint")


def test_refused_in_the_words_of_check():
    """What only aegress can tell is told in the condition as `aegress check` tells it."""
    with kube_node("words") as node:
        node.cluster.ensure_namespaces(["ml-prod"])
        node.daemon_of_chart().start()
        for name in COMPILERS:
            path = os.path.join(TOP, "tests/bad-policies", name + ".yaml")
            text = "\n---\n".join(documents(path))
            checked = json.loads(run(os.path.join(BUILD, "aegress"), "check", "-o", "json", path, ok=False).stdout)
            wanted = {d["message"] for d in checked["diagnostics"] if d["severity"] == "error"}
            node.cluster.apply(text)

            def refused(text=text):
                shown = node.cluster.kubectl("get", "-f", "-", "-o", "json", text=text).stdout
                items = json.loads(shown)
                found = [condition(item.get("status", {}), "Accepted") for item in items.get("items", [items])]
                return all(found) and [c["message"] for c in found if c["status"] == "False"]

            try:
                for message in wait_until(refused, f"{name}.yaml to be refused", SOON):
                    check(message.split("; ")[0] in {text.split("; ")[0] for text in wanted},
                          f"{name}.yaml: {message!r} is none of {wanted}")
            finally:
                node.cluster.kubectl("delete", "-f", "-", text=text)


def test_token_that_ran_out():
    """Signed by the server's own key, of the right account, and out of date since an hour."""
    with kube_node("old-token") as node:
        daemon = node.daemon_of_chart()
        good = node.cluster.service_account_token("aegress", "aegress")
        with open(node.token_file, "w", encoding="ascii") as file:
            file.write(node.cluster.aged(good, 7200))
        daemon.spawn()
        wait_until(lambda: "Unauthorized" in readiness(daemon), "the 401", 120)
        equal(answers(daemon, "/readyz"), 503, "readiness")
        with open(node.token_file, "w", encoding="ascii") as file:
            file.write(node.cluster.aged(good, 0))  # the same hand, the right date
        wait_until(lambda: answers(daemon, "/readyz") == 200, "readiness with a good one", 60)


def readiness(daemon):
    try:
        return daemon.get("/readyz?verbose", raw=True)[1]
    except OSError:
        return ""


def test_expired_token():
    """The server takes the old one no longer; what the kubelet has written meanwhile is read."""
    with kube_node("token") as node:
        node.apply_pod("chat-1", account="chat")
        daemon = node.daemon_of_chart().start()
        chat = node.run_pod("chat-1")
        until(chat, GOVERNED, "EPERM", "the pod")
        with open(node.token_file, "w", encoding="ascii") as file:
            file.write("expired")
        node.cluster.kill_api()
        node.cluster.start_api()
        wait_until(lambda: "Unauthorized" in daemon.get("/readyz?verbose", raw=True)[1], "the 401", 40)
        equal(answers(daemon, "/readyz"), 503, "readiness with a bad token")
        node.write_token()
        node.cluster.apply([policy_object("chat", accounts=["chat"], endpoint="test-inference")])
        until(chat, GOVERNED, "OK", "the policy, with the new token", 60)
        wait_until(lambda: answers(daemon, "/readyz") == 200, "readiness", 40)


def test_revoked_rights():
    with kube_node("rbac") as node:
        node.cluster.apply([policy_object("chat", accounts=["chat"], endpoint="test-inference")])
        node.apply_pod("chat-1", account="chat")
        daemon = node.daemon_of_chart().start()
        chat = node.run_pod("chat-1")
        until(chat, GOVERNED, "OK", "the policy")
        rules = node.cluster.get("clusterrole", "aegress")["rules"]
        try:
            node.cluster.patch("/apis/rbac.authorization.k8s.io/v1/clusterroles/aegress",
                               {"rules": [r for r in rules if "pods" not in r["resources"]]})
            node.cluster.kill_api()
            node.cluster.start_api()
            why = lambda: json.dumps(daemon.get("/readyz?verbose", raw=True)[1])
            wait_until(lambda: "pods is forbidden" in why(), "the reason in readyz", 60)
            check("pods is forbidden" in daemon.whole_log(), daemon.log_tail())
            equal(chat.ask("connect", addr=GOVERNED, port=443, proto="tcp", family="v4")["errno"], "OK",
                  "what was known stays in force")
        finally:
            node.cluster.patch("/apis/rbac.authorization.k8s.io/v1/clusterroles/aegress",
                               {"rules": rules})
        wait_until(lambda: answers(daemon, "/readyz") == 200, "readiness with the rights back", 60)


def test_many_policies():
    """5,000 of them, one bad: how long until they are known, how large the daemon gets, and the next."""
    with kube_node("many") as node:
        node.apply_pod("chat-1", account="chat")
        policies = [policy_object(f"p-{i}", accounts=[f"account-{i}"], endpoint="test-inference")
                    for i in range(4998)]
        policies.append(policy_object("bad", accounts=["chat"], endpoint="no-such-endpoint"))
        for i in range(0, len(policies), 1000):
            node.cluster.apply(policies[i:i + 1000])
        begin = time.monotonic()
        daemon = node.daemon_of_chart().start()
        chat = node.run_pod("chat-1")
        until(chat, GOVERNED, "EPERM", "everything to be known", 60)
        took = time.monotonic() - begin
        print(f"# {len(policies)} policies: {took:.1f} s from start to known, "
              f"{daemon.resident_mib():.0f} MiB resident")
        check(took < 30 * SLOW, f"it took {took:.0f} s")
        begin = time.monotonic()
        node.cluster.apply([policy_object("chat", accounts=["chat"], endpoint="test-inference")])
        until(chat, GOVERNED, "OK", "one more policy", 60)
        took = time.monotonic() - begin
        print(f"# one more: {took:.2f} s, {daemon.resident_mib():.0f} MiB resident")
        check(took < 5 * SLOW, f"one more took {took:.1f} s")
        check(daemon.resident_mib() < 96, f"{daemon.resident_mib():.0f} MiB resident")
        check(f"AIEgressPolicy {node.ns}/bad is refused" in daemon.whole_log(), "the bad one")
