# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Does `aegress explain` say what the kernel did? Every decision that a case of this suite brought about
is asked for again: live, and of the files alone where they can tell. The harness calls compare() before
anything changes that decisions depend on, and when a case has come to its end."""
import json
import os

LIMIT = 400  # questions a case: what is asked for twice is asked once

# What no question can hold: what the client said beside the name, what a single packet looked like, when
# and how much came before, and a name together with an address. Only these reasons are left out.
UNASKABLE = {
    "name-missing", "not-tls", "ech", "tls-malformed", "tls-version", "hello-too-long",  # the ClientHello
    "protocol", "fragment", "spoofed-source", "unverified",  # the packet
    "rate-limit", "byte-budget", "dns-rate",  # the time
    "name-address-mismatch",  # both at once
    "revoked",  # what it was before
    "table-full", "internal",  # something failed
}
STANDING = ("quarantined", "layer")
KEYS = ("verdict", "reason", "mode", "policy", "rule")
ASKED = ("verdict", "reason", "policy", "rule")  # of a question to a resolver


def said(record):
    """What both speak of. At a ClientHello the reason says that it was the name which no rule allows."""
    answer = {key: record.get(key) for key in KEYS}
    answer["other"] = record.get("other")
    for part in (answer, answer["other"] or {}):
        if part.get("reason") == "name-not-allowed":
            part["reason"] = "no-rule"
    return answer


def who(record):
    workload = record.get("workload") or {}
    if not workload.get("name"):
        return ("--no-workload",)
    return ("--workload", f"{workload['namespace']}/{workload['name']}")


def target(record, by_name):
    place = record["destination"]
    host = place["name"] if by_name else place["ip"]
    return f"[{host}]:{place['port']}/{record['protocol']}" if ":" in host else \
        f"{host}:{place['port']}/{record['protocol']}"


def askable(record, generation):
    return (record["event"] in ("open", "deny") and record.get("generation") == generation
            and record["protocol"] in ("tcp", "udp") and record["reason"] not in UNASKABLE
            and record["destination"].get("port")
            and (record["hook"] != "question" or record["destination"].get("name")))


class Agreement:
    """Of one node: what was compared, and where the two differed."""

    def __init__(self, node):
        self.node, self.asked, self.compared, self.offline = node, set(), 0, 0
        self.differences, self.seen = [], {}  # seen: the next record's number, by daemon

    def ask(self, *argv):
        done = self.node.aegress("explain", *argv, "-o", "json", ok=False)
        if done.returncode not in (0, 1):
            return {"verdict": f"exit {done.returncode}", "reason": done.stderr.strip()}
        return json.loads(done.stdout)

    def live(self, record):
        """By name where a ClientHello was read. A CIDR that a rule allows gives way to deny rules only: then
        it is the address that decides, whatever the name."""
        by_name = record["hook"] == "hello" and record["destination"].get("name")
        to = target(record, by_name)
        answer = self.ask(*who(record), "--to", to)
        if not by_name or answer["reason"] == "deny-rule":
            return to, answer
        address = self.ask(*who(record), "--to", target(record, False))
        if address.get("rule") and address["verdict"] == "allowed" and "/" in address["destination"].get("pattern", ""):
            return target(record, False), address
        return to, answer

    def files(self, record, to, defaults):
        paths = [path for path in (self.node.policies, self.node.workloads,
                                   os.path.join(self.node.dir, "state", "applied")) if os.path.isdir(path)]
        return self.ask(*(word for path in paths for word in ("-f", path)), *who(record), "--to", to,
                        "--unselected", defaults["unselected"], "--unknown", defaults["unknown"])

    def question(self, record):
        """What explain says of asking for that name, beside what it says of reaching it."""
        name = record["destination"]["name"]
        answer = self.ask(*who(record), "--to", name).get("dns") or {}
        self.compared += 1
        want, got = ([part.get(key) for key in ASKED] for part in (record, answer))
        if want != got:
            self.differences.append(f"{' '.join(who(record))} asks for {name}: the kernel {want}, explain {got}; "
                                    f"the record: {record}")

    @staticmethod
    def stands(daemon, record, reason):
        """Whether that is so now: the decision is older."""
        workload = record.get("workload") or {}
        if reason == "quarantined":
            return any(item["namespace"] == workload.get("namespace")
                       for item in daemon.get("/v1/quarantines")["items"])
        return all(item["layers"] != "cgroup, tc" for item in daemon.get("/v1/workloads")["items"]
                   if item["name"] == workload.get("name"))

    def one(self, daemon, record, defaults):
        want = said(record)
        to, answer = self.live(record)
        if answer["reason"] in STANDING and want["reason"] not in STANDING and \
                self.stands(daemon, record, answer["reason"]):
            return
        self.compared += 1
        if said(answer) != want:
            self.differences.append(f"{' '.join(who(record))} --to {to}: the kernel {want}, explain "
                                    f"{said(answer)}; the record: {record}")
        # Of an address files know the CIDRs only, of a resolver nothing, of an operator's hand nothing, and
        # not which pod is the daemon's own, which is all that a daemon has to note.
        elif (not answer.get("learned") and not to.endswith((":53/udp", ":53/tcp"))
              and answer["reason"] not in STANDING and "note" not in answer):
            self.offline += 1
            answer = self.files(record, to, defaults)
            if said(answer) != want:
                self.differences.append(f"{' '.join(who(record))} --to {to}: the kernel {want}, explain -f "
                                        f"{said(answer)}; the record: {record}")

    @staticmethod
    def over(daemon, record):
        """What was so for a while and no longer is: a quarantine that ended, a layer that is there by now."""
        if record["reason"] == "quarantined":
            return not daemon.get("/v1/quarantines")["items"]
        return record["reason"] == "layer" and any(
            "tc" in (item.get("layers") or "") for item in daemon.get("/v1/workloads")["items"]
            if item["name"] == record["workload"]["name"])

    def compare(self, daemon):
        """Every decision since the last time that was made by the tables in force."""
        try:
            status = daemon.get("/v1/status")
            since = self.seen.get(status["pid"], 0)
            _, lines = daemon.get(f"/v1/flows?event=open,deny&since={since}", raw=True)
            self.seen[status["pid"]] = status["flows"]["next"]
        except (OSError, ValueError, AssertionError):
            return  # it does not answer: a case about that
        if not status["lastReload"]["ok"]:
            return  # files and tables are not the same
        records = [json.loads(line) for line in lines.splitlines()]
        last = {who(record): at for at, record in enumerate(records) if record.get("reason") in STANDING}
        for at, record in enumerate(records):
            if at < last.get(who(record), 0) and record.get("reason") not in STANDING:
                continue  # how the workload stands has changed since, by no change of documents
            key = json.dumps([who(record), record["destination"], record.get("protocol"), record["hook"],
                              said(record), record.get("generation"), status["pid"]]) \
                if askable(record, status["generation"]) else None
            if key and key not in self.asked and len(self.asked) < LIMIT and not self.over(daemon, record):
                self.asked.add(key)
                if record["hook"] == "question":
                    self.question(record)
                else:
                    self.one(daemon, record, status["defaults"])
