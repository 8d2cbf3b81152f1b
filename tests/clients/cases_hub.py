# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The real huggingface_hub, @huggingface/hub and @huggingface/inference: what an allowed profile gets,
and what the others are told, how soon, and what aegress says about it. docs/clients.md has the texts."""
import hub
from harness import check, equal
from hub_scene import ask, denied, explained, javascript, program, python, quick, refused, running, says, scene

EPERM, ABORTED = "[Errno 1] Operation not permitted", "[Errno 103] Software caused connection abort"
# huggingface_hub waits between its attempts, whatever the error is: 1+2+4+8+8 s, and 5 × 1 s in a download
PATIENCE, RESUMING = 23, 5
AT_ONCE = 3  # s, on a busy machine: a connection that hangs would take the client's 10 s


def reads_everything(call):
    """call(*args) is one client: metadata, a list, and the right bytes of every file."""
    equal(call("info")["sha"], hub.COMMIT, "commit of the model")
    equal(call("list")["files"], sorted(hub.SIZES), "files of the model")
    for name in hub.SIZES:
        equal(call("download", name).get("sha256"), hub.digest(name), f"content of {name}")


def seen(daemon, since, host):
    """The rule under which a connection to the host went through."""
    return daemon.flow(since, event="open", verdict="allowed", hook="hello", destination__name=host)["rule"]


def trainer(client):
    with scene("trainer") as (node, daemon, pod):
        since = daemon.next_seq()
        reads_everything(lambda *args: ask(pod, client(*args)))
        for host, rule in (("huggingface.co", "hub"), ("us.aws.cdn.hf.co", "weights"),
                           ("cdn-lfs-us-1.hf.co", "weights")):
            equal(seen(daemon, since, host), rule, f"rule for {host}")
            equal(explained(node, "trainer", host), ("allowed", "rule", rule), f"explain {host}")


def test_python_allowed():
    trainer(python)


def test_javascript_allowed():
    trainer(javascript)


def test_javascript_allowed_on_the_installed_node():
    trainer(lambda *args: javascript(*args, node=program("node")))


# ---- the Hub is allowed, the CDN is not ----

def test_python_without_the_cdn():
    """At the Hub's own address the name decides, elsewhere the address. Both at once: they take a while."""
    with scene("hubonly") as (node, daemon, pod):
        other = node.named_pod("hubonly")
        since = daemon.next_seq()
        with running(pod, python("download", "model.safetensors")) as shared, \
                running(other, python("download", "legacy.bin")) as own:
            pass
        for answer, text, error in ((shared, ABORTED, "ConnectionAbortedError"), (own, EPERM, "PermissionError")):
            says(answer, "ConnectError: " + text, f"{error}: {text}")
            check("Error while downloading from https://" in answer["first"]["text"] and text in answer["first"]["text"],
                  f"the first warning: {answer['first']}")
            quick(answer["first"], AT_ONCE)
            quick(answer, RESUMING + AT_ONCE)
        denied(daemon, since, "us.aws.cdn.hf.co", "name-not-allowed", "hello")
        denied(daemon, since, "cdn-lfs-us-1.hf.co", "no-rule", "connect")
        equal(seen(daemon, since, "huggingface.co"), "hub", "rule for the Hub")
        for host in ("us.aws.cdn.hf.co", "cdn-lfs-us-1.hf.co"):
            equal(explained(node, "hubonly", host), ("denied", "no-rule", None), f"explain {host}")
        equal(ask(pod, python("download", "config.json")).get("sha256"), hub.digest("config.json"),
              "a file that the Hub serves itself")


def test_javascript_without_the_cdn():
    with scene("hubonly") as (_, daemon, pod):
        for name, host, text, reason, hook in (
                ("model.safetensors", "us.aws.cdn.hf.co", "ECONNABORTED", "name-not-allowed", "hello"),
                ("legacy.bin", "cdn-lfs-us-1.hf.co", "connect EPERM 203.0.113.60:443", "no-rule", "connect")):
            since = daemon.next_seq()
            refused(lambda name=name: ask(pod, javascript("download", name)), "TypeError: fetch failed", text)
            denied(daemon, since, host, reason, hook)
        equal(ask(pod, javascript("download", "config.json")).get("sha256"), hub.digest("config.json"),
              "a file that the Hub serves itself")


# ---- nothing is allowed ----

def test_python_denied():
    """One attempt fails at once; a download tries for 23 s, but tells at once why."""
    with scene("nothing") as (node, daemon, pod):
        other = node.named_pod("nothing")
        since = daemon.next_seq()
        with running(other, python("download", "config.json")) as answer:
            refused(lambda: ask(pod, python("info")), "ConnectError: " + EPERM, "PermissionError: " + EPERM)
        says(answer, "LocalEntryNotFoundError", "ConnectError: " + EPERM, "PermissionError: " + EPERM)
        check(EPERM in answer["first"]["text"], f"the first warning: {answer['first']}")
        quick(answer["first"], AT_ONCE)
        quick(answer, PATIENCE + AT_ONCE)
        denied(daemon, since, "huggingface.co", "no-rule", "connect")
        equal(explained(node, "nothing", "huggingface.co"), ("denied", "no-rule", None), "explain")
        equal(node.noted("hello"), [], "what reached the Hub")


def test_javascript_denied():
    with scene("nothing") as (node, daemon, pod):
        for verb in (["info"], ["list"], ["download", "config.json"]):
            since = daemon.next_seq()
            refused(lambda verb=verb: ask(pod, javascript(*verb)), "TypeError: fetch failed", "connect EPERM")
            denied(daemon, since, "huggingface.co", "no-rule", "connect")
        equal(node.noted("hello"), [], "what reached the Hub")


# ---- inference ----

def inference(client, aborted):
    with scene("chat") as (node, daemon, pod):
        since = daemon.next_seq()
        equal(ask(pod, client("chat")).get("text"), "hello from router.huggingface.co", "the answer")
        equal(seen(daemon, since, "router.huggingface.co"), "router", "rule")
        # a provider by name needs the Hub; the address stands for the router by now: the name is denied
        since = daemon.next_seq()
        refused(lambda: ask(pod, client("chat", "hf-inference")), aborted)
        denied(daemon, since, "huggingface.co", "name-not-allowed", "hello")
        equal(explained(node, "chat", "huggingface.co"), ("denied", "no-rule", None), "explain")


def test_python_inference():
    inference(python, "ConnectionAbortedError: " + ABORTED)


def test_javascript_inference():
    inference(javascript, "read ECONNABORTED")


# ---- Xet ----

def test_xet_is_an_upload():
    """Xet's server takes writes, so a profile that may not write cannot read there either. Its client
    never tells the errno, only the address; left alone it tries for minutes."""
    with scene("trainer") as (node, daemon, pod):
        since = daemon.next_seq()
        answer = ask(pod, python("download", hub.XET), HF_HUB_DISABLE_XET="0", HF_XET_CLIENT_RETRY_MAX_ATTEMPTS="1")
        says(answer, "error sending request for url (https://cas-server.xethub.hf.co/")
        quick(answer, 15)
        denied(daemon, since, "cas-server.xethub.hf.co", "deny-rule", "connect")
        equal(explained(node, "trainer", "cas-server.xethub.hf.co"), ("denied", "deny-rule", "no-uploads"), "explain")
        equal(ask(pod, python("download", hub.XET)).get("sha256"), hub.digest(hub.XET), "without Xet")
