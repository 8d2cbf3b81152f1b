# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Prometheus itself: are metrics, rules and dashboard such that it takes them, and does it see exactly
what a client did?"""
import json
import os
import re
import shutil

from harness import TOP, Failure, Skip, check, equal, run
from monitor import OPEN_METRICS, Monitor, watched
from prometheus import DEPLOY, Prometheus, promtool
from scene import GOVERNED, OTHER, WORKLOADS, write

ALERTS = os.path.join(DEPLOY, "alerts.yaml")
RULES = [ALERTS, os.path.join(DEPLOY, "records.yaml")]
CASES = os.path.join(TOP, "tests", "observe", "alerts.yaml")
DASHBOARD = os.path.join(TOP, "deploy", "grafana", "aegress.json")
MANUAL = os.path.join(TOP, "docs", "metrics.md")
# What Grafana puts in the place of variables.
VARIABLES = {"$__rate_interval": "5m", "$__range": "1h", "$__interval": "1m", "$node": ".*",
             "$namespace": ".*", "$workload": ".*", "$endpoint": ".*"}
HISTOGRAM = re.compile(r"_(bucket|sum|count)$")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def named(rules, kind):
    return set(re.findall(rf"- {kind}: (\S+)", rules))


def families(body):
    """{name: help} of a scrape in the format 0.0.4."""
    return dict(re.findall(r"^# HELP (\S+) (.*)$", body, re.MULTILINE))


def traffic(pod):
    for addr in (GOVERNED, OTHER):
        pod.ask("connect", addr=addr, port=443, family="v4", send=10, read=True)


# ---- rules ----

def test_rules_and_configuration_are_good():
    promtool("check", "rules", *RULES)
    promtool("check", "config", os.path.join(DEPLOY, "scrape.yaml"))


def test_every_alert_fires_when_it_must():
    done = promtool("test", "rules", CASES, ok=False)
    equal(done.returncode, 0, f"promtool test rules: {done.stdout}{done.stderr}")
    tested = set(re.findall(r'labels: .*alertname="(\w+)"', read(CASES)))
    equal(tested, named(read(ALERTS), "alert"), "alerts with a case in which they fire")
    recorded = set(re.findall(r"- expr: (?:round\()?(aegress:[\w:]+)", read(CASES)))
    equal(recorded, named(read(RULES[1]), "record"), "recording rules with a case")


# ---- metrics ----

def test_promtool_takes_the_metrics():
    with watched(flows={"handshake": True}) as (_, monitor, pod):
        traffic(pod)
        monitor.wait_sum(1, "aegress_rtt_seconds_count")
        for headers in ({}, {"Accept": OPEN_METRICS}):
            body = monitor.get("/metrics", **headers)[2]
            if not headers:
                done = promtool("check", "metrics", input=body)
                equal((done.returncode, done.stdout + done.stderr), (0, ""),
                      "promtool check metrics")


def test_manual_lists_every_metric():
    """docs/metrics.md has a row for each, with the sentence that /metrics says, and no other."""
    rows = set(re.findall(r"^\| `(\S+)` \| (\w+) \| [^|\n]*\| (.*) \|$", read(MANUAL), re.MULTILINE))
    with watched() as (_, monitor, _):
        body = monitor.get("/metrics")[2]
        types = dict(re.findall(r"^# TYPE (\S+) (\w+)$", body, re.MULTILINE))
        said = {(name, types[name], text) for name, text in families(body).items()}
        equal(sorted(said - rows), [], "what docs/metrics.md does not say")
        equal(sorted(rows - said), [], "what /metrics does not say")


def test_prometheus_counts_what_the_client_did():
    with watched(metrics={"workloadLabel": True}) as (daemon, monitor, pod), \
            Prometheus(daemon.node.dir, "%s:%d" % monitor.address) as prometheus:
        for addr, times in ((GOVERNED, 23), (OTHER, 19)):
            pod.ask("flood", addr=addr, port=443, family="v4", times=times)
        one = 'aegress_connections_total{job="aegress", workload="chat-1", verdict="%s"}'
        prometheus.wait_value(23, one % "allowed")
        prometheus.wait_value(19, one % "denied")
        prometheus.wait_value(19, "sum(aegress_denied_total)")
        prometheus.wait_value(1, 'up{job="aegress"}')
        targets = prometheus.get("targets")["activeTargets"]
        equal([target["lastError"] for target in targets], [""], "errors of the scrape")
        groups = prometheus.get("rules")["groups"]
        equal([rule.get("lastError") for group in groups for rule in group["rules"]
               if rule.get("lastError")], [], "errors of the rules")


def rename(pins, before, after):
    """Another text for a number that counters use, where only a kernel's map could have it from."""
    tool = shutil.which("bpftool")
    if not tool:
        raise Skip("bpftool is not installed")
    path = os.path.join(pins, "maps", "labels")
    rows = json.loads(run(tool, "-j", "map", "dump", "pinned", path).stdout)
    for row in rows:
        value = bytes(int(byte, 16) for byte in row["value"])
        if value[4:].split(b"\0")[0] == before.encode():
            value = value[:4] + after.encode().ljust(len(value) - 4, b"\0")
            run(tool, "map", "update", "pinned", path, "key", "hex", *(byte[2:] for byte in row["key"]),
                "value", "hex", *(f"{byte:02x}" for byte in value))
            return
    raise Failure(f"no label {before}")


def test_hostile_label_values():
    """Quotes, newlines, backslashes and what looks like a sample, through a real scrape: the text arrives as
    it was, and no sample is lost or forged."""
    hostile = 'ch"a\nt{x="1"} 7\n# \\é'
    with watched(metrics={"workloadLabel": True}) as (daemon, monitor, pod):
        traffic(pod)
        monitor.wait_sum(2, "aegress_connections_total")
        daemon.stop()
        rename(daemon.node.pins, "ml/chat-1", "ml/" + hostile)
        write(daemon.node, workloads=WORKLOADS.replace("{name: chat-1,", "{name: chat-2,"))
        daemon.start()
        monitor = Monitor(daemon)
        body = monitor.get("/metrics")[2]
        done = promtool("check", "metrics", input=body)
        equal((done.returncode, done.stdout + done.stderr), (0, ""), "promtool check metrics")
        equal([line for line in body.splitlines() if line.startswith(("t{", "# \\"))], [], "forged lines")
        with Prometheus(daemon.node.dir, "%s:%d" % monitor.address) as prometheus:
            prometheus.wait_value(2, 'sum(aegress_connections_total{workload!=""})')
            found = {row["metric"]["workload"] for row in prometheus.query(
                'aegress_connections_total{workload!=""}')}
            equal(found, {hostile}, "the label's value")
            targets = prometheus.get("targets")["activeTargets"]
            equal([target["lastError"] for target in targets], [""], "errors of the scrape")


# ---- the dashboard ----

def expressions(node):
    """Every PromQL text of a dashboard: panels' targets, and the queries of variables."""
    if isinstance(node, list):
        for item in node:
            yield from expressions(item)
    elif isinstance(node, dict):
        if isinstance(node.get("expr"), str):
            yield node["expr"]
        if isinstance(node.get("query"), str) and node.get("type") == "query":
            yield re.sub(r"^label_values\((.*), (\w+)\)$", r"count by (\2) (\1)", node["query"])
        for value in node.values():
            yield from expressions(value)


def substitute(expr):
    for variable, value in VARIABLES.items():
        expr = expr.replace(variable, value)
    check("$" not in expr, f"a variable that the dashboard does not have: {expr}")
    return expr


def test_dashboard_asks_for_what_there_is():
    dashboard = json.loads(read(DASHBOARD))
    exprs = sorted(set(expressions(dashboard)))
    check(len(exprs) > 15, f"only {len(exprs)} queries were found")
    with watched(metrics={"workloadLabel": True}, flows={"handshake": True}) as (
            daemon, monitor, pod), Prometheus(daemon.node.dir, "%s:%d" % monitor.address) as server:
        traffic(pod)
        server.wait_value(1, 'sum(aegress_connections_total{verdict="denied"})')
        known = set(families(monitor.get("/metrics")[2])) | named(read(RULES[1]), "record") | {"up"}
        for expr in map(substitute, exprs):
            server.query(expr)  # a parse error fails
            names = re.findall(r"\b(?:aegress[_:]|process_|up\b)[\w:]*", expr)
            check(names, f"no metric in {expr}")
            for name in names:
                check(name in known or HISTOGRAM.sub("", name) in known,
                      f"{name} of {expr} does not exist")


def test_dashboard_is_whole():
    """Variables and datasource as people expect them, every panel with a title and a unit."""
    dashboard = json.loads(read(DASHBOARD))
    variables = [variable["name"] for variable in dashboard["templating"]["list"]]
    equal(variables, ["datasource", "node", "namespace", "workload", "endpoint"], "variables")
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    for panel in panels:
        what = panel.get("title")
        check(what and panel.get("description"), f"panel {panel['id']}: no title or description")
        equal(panel["datasource"]["uid"], "${datasource}", f"datasource of {what}")
        check(panel["fieldConfig"]["defaults"].get("unit"), f"{what}: no unit")
    equal(len({panel["id"] for panel in dashboard["panels"]}), len(dashboard["panels"]), "ids")
