# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""What can be typed: usage errors, help, completion, the manual. All verbs and options are taken from
the help, so that a new one cannot be forgotten here."""
import glob
import os
import re
import shutil
import subprocess
import tempfile

from harness import AEGRESS, Skip, aegress, check, contains, equal, expect, functions, parse

USAGE_ERRORS = {
    (): "Usage: aegress VERB",
    ("chek",): "did you mean 'check'?",
    ("xyzzy",): "unknown verb 'xyzzy'",
    ("check",): "check needs a file or directory",
    ("check", "--strickt", "policies"): "did you mean '--strict'?",
    ("check", "-o", "yaml", "policies"): "'yaml' is not one of table, wide, json",
    ("check", "-o"): "option '--output' needs a value",
    ("check", "--strict=yes", "policies"): "takes no value",
    ("explain",): "--to says which destination",
    ("explain", "-f", "policies", "--to", "hf.co"): "say who",
    ("explain", "-f", "policies", "-s", "sa", "--to", "hf.co"): "--namespace is missing",
    ("explain", "-f", "policies", "-n", "a", "-w", "a/b", "--to", "hf.co"): "--workload excludes",
    ("explain", "--no-workload", "-w", "a/b", "--to", "hf.co"): "--no-workload excludes",
    ("explain", "-f", "policies", "--no-workload", "-n", "a", "--to", "hf.co"): "--no-workload excludes",
    ("explain", "-f", "policies", "-n", "a", "-l", "tier", "--to", "hf.co"): "expected KEY=VALUE",
    ("explain", "-f", "policies", "-n", "a", "-l", "=x", "--to", "hf.co"): "expected KEY=VALUE",
    ("explain", "-f", "policies", "-n", "a", "--to", "hf.co:99999"): "hf.co:99999",
    ("explain", "-f", "policies", "-n", "a", "--to", "hf.co", "x"): "takes no operand, found 'x'",
    ("explain", "-f", "policies", "-w", "a/b", "--to", "hf.co"): "no Workload 'a/b'",
    ("explain", "-f", "policies", "-w", "ab", "--to", "hf.co"): "expected NAMESPACE/NAME",
    ("explain", "-w", "a/b", "--unselected", "Deny", "--to", "hf.co"): "--unselected needs -f",
    ("explain", "-w", "a/b", "--unknown", "Deny", "--to", "hf.co"): "--unknown needs -f",
    ("explain", "-f", "policies", "-n", "a", "--unselected", "deny", "--to", "hf.co"):
        "'deny' is not one of Deny, Audit, Allow",
    ("get",): "policies, workloads, endpoints",
    ("get", "polices"): "did you mean 'policies'?",
    ("get", "policies", "x"): "get needs one of",
    ("get", "workloads", "-f", "policies"): "only the daemon knows them",
    ("flows", "--limit", "x"): "--limit takes a number",
    ("flows", "--limit", "1&follow=1"): "--limit takes a number",
    ("flows", "-o", "yaml"): "'yaml' is not one of table, wide, json, compact",
    ("flows", "--verdikt", "denied"): "did you mean '--verdict'?",
    ("flows", "x"): "takes no operand",
    ("apply",): "apply needs one file",
    ("apply", "a", "b"): "apply needs one file",
    ("apply", "-f", "a", "b"): "apply needs one file",
    ("delete",): "delete needs KIND/NAME",
    ("delete", "aiep"): "names no object",
    ("delete", "aiep", "a", "b"): "delete needs KIND/NAME",
    ("delete", "aiegresspolici/a/b"): "did you mean 'aiegresspolicy'?",
    ("delete", "aiep/a"): "say which with -n",
    ("delete", "aiep/a/b", "-n", "c"): "namespace 'a' or 'c'?",
    ("delete", "caiep/a/b"): "has no namespace",
    ("delete", "aiep/a/"): "is empty",
    ("delete", "aiep/a/b/c"): "has a '/'",
    ("completion",): "bash, zsh, fish",
    ("completion", "tcsh"): "bash, zsh, fish",
    ("help", "chek"): "no verb 'chek'",
    ("status", "--nope"): "unknown option '--nope'",
    ("version", "-x"): "unknown option '-x'",
}


def verbs():
    text = expect(0, "help").stdout
    section = re.search(r"^Verbs:\n((?:  .*\n)+)", text, re.MULTILINE)[1]
    return [line.split()[0] for line in section.splitlines()]


def options(verb):
    """Long names and letters of a verb, from its help."""
    text = expect(0, verb, "--help").stdout
    return set(re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", text, re.MULTILINE)) | set(
        re.findall(r"^  (-\w), --", text, re.MULTILINE))


def test_usage_errors():
    for args, sentence in USAGE_ERRORS.items():
        done = expect(2, *args, stderr=sentence)
        equal(done.stdout, "", f"{args}: stdout")


def test_the_verbs_of_the_design():
    equal(set(verbs()), {"check", "explain", "apply", "delete", "quarantine", "release", "get", "flows",
                         "top", "audit", "status", "doctor", "version", "completion", "help"},
          "verbs")


def test_help_of_every_verb():
    for verb in verbs():
        long, short = expect(0, verb, "--help"), expect(0, verb, "-h")
        equal((short.stdout, expect(0, "help", verb).stdout), (long.stdout,) * 2, f"{verb}: helps")
        equal(long.stderr, "", f"{verb}: stderr")
        contains(long.stdout, f"Usage: aegress {verb}", verb)
        examples = long.stdout.split("\nExamples:\n")[1]
        check(len(re.findall(r"^  \S", examples, re.MULTILINE)) >= 2, f"{verb}: two examples")
        check({"--help", "--socket", "--output", "--no-color"} <= options(verb), f"{verb}: options")


def test_help_fits_on_a_screen():
    for verb in verbs():
        usage = expect(0, verb, "--help").stdout.split("\nExamples:\n")[0]
        for line in usage.splitlines():
            check(len(line) <= 110, f"{verb}: {len(line)} characters: {line}")


def test_common_options_before_the_verb():
    answer = parse(expect(0, "-o", "json", "version").stdout, "version")
    equal(parse(expect(0, "version", "--output=json").stdout, "version"), answer, "both orders")
    equal(set(answer), {"version", "revision", "abi"}, "keys")
    expect(3, "--socket", "version", "status", stderr="socket 'version'")
    contains(expect(0, "--version").stdout, answer["version"], "--version")


def test_unreachable_daemon():
    for args in (("status",), ("flows",), ("flows", "-f"), ("get", "workloads"),
                 ("delete", "aiep/a/b"), ("explain", "-w", "a/b", "--to", "hf.co"),
                 ("apply", "policies/examples/no-mirrors.yaml")):
        done = expect(3, *args, stderr="/nonexistent/aegress.sock")
        contains(done.stderr, "No such file or directory", "the reason")
        contains(done.stderr, "systemctl start aegressd", "what to do")
        equal(done.stdout, "", f"{args}: stdout")
    expect(3, "status", "--socket", "/tmp/" + "x" * 200, stderr="too long")
    expect(3, "status", AEGRESS_SOCKET="", stderr="/run/aegress/aegressd.sock" if not os.path.exists(
        "/run/aegress/aegressd.sock") else "")


def test_apply_of_a_file_that_is_not_there():
    expect(1, "apply", "/nonexistent/x.yaml", stderr="/nonexistent/x.yaml: No such file")
    expect(1, "apply", "-", stdin="#" * ((1 << 20) + 1), stderr="larger than 1 MiB")


def test_doctor_names_every_check():
    done = aegress("doctor", "-o", "json", "--pins", "/nonexistent/pins",
                   "--config", "/nonexistent/config")
    answer = parse(done.stdout, "doctor")
    equal(done.returncode, 0 if answer["ok"] else 1, "exit status")
    results = {item["name"]: item for item in answer["checks"]}
    for name in ("kernel", "btf", "cgroup2", "bpffs", "pins", "config", "socket"):
        check(results[name]["detail"], name)
    equal((results["socket"]["result"], results["pins"]["result"], answer["ok"]),
          ("fail", "warn", False), "results")
    text = aegress("doctor").stdout
    for line in text.splitlines():
        check(re.match(r"(ok  |warn|FAIL) \w+: .", line), line)


def test_as_kubectl_plugin():
    with tempfile.TemporaryDirectory() as directory:
        plugin = os.path.join(directory, "kubectl-aegress")
        os.symlink(AEGRESS, plugin)
        expect(0, "check", "--help", program=plugin, stdout="Usage: kubectl aegress check ")
        expect(2, "chek", program=plugin, stderr="kubectl aegress: unknown verb")


def bash_completes(script, *words):
    """The completions of the last word."""
    line = " ".join(f"'{word}'" for word in words)
    program = (f"source {script}; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _aegress; "
               "printf '%s\\n' \"${COMPREPLY[@]}\"")
    return subprocess.run(["bash", "-c", program], capture_output=True, text=True,
                          check=True).stdout.split()


def test_bash_completion():
    with tempfile.TemporaryDirectory() as directory:
        script = os.path.join(directory, "aegress.bash")
        with open(script, "w", encoding="utf-8") as file:
            file.write(expect(0, "completion", "bash").stdout)
        subprocess.run(["bash", "-n", script], check=True)
        equal(set(bash_completes(script, "aegress", "")), set(verbs()), "verbs")
        equal(set(bash_completes(script, "aegress", "help", "")), set(verbs()), "help")
        equal(bash_completes(script, "aegress", "get", "end"), ["endpoints"], "get end")
        equal(bash_completes(script, "aegress", "get", "policies", "-o", "w"), ["wide"], "-o w")
        equal(bash_completes(script, "aegress", "explain", "--unselected", "A"),
              ["Audit", "Allow"], "--unselected A")
        contains(bash_completes(script, "aegress", "check", "polic"), "policies", "files")
        for verb in verbs():
            got = set(bash_completes(script, "aegress", verb, "-"))
            equal(got, options(verb), f"options of {verb}")


def test_zsh_and_fish_completion():
    skipped = []
    for shell in ("zsh", "fish"):
        script = expect(0, "completion", shell).stdout
        for verb in verbs():
            contains(script, verb, shell)
            for option in options(verb):
                name = option.lstrip("-")
                check(option in script or re.search(rf"-[ls] {name}\b", script),
                      f"{shell}: {verb} {option}")
        if shell == "fish":
            check(all(re.match("complete -c aegress |# ", line) for line in script.splitlines()),
                  "one fish command a line")
        if not shutil.which(shell):
            skipped.append(shell)
            continue
        done = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True,
                              check=False)
        equal((done.returncode, done.stderr), (0, ""), f"{shell} -n")
    if skipped:
        raise Skip(f"no {' and no '.join(skipped)} here: names checked, syntax not")


def test_manual_has_every_verb_and_option():
    with open("docs/man/aegress.1.scd", encoding="utf-8") as file:
        page = file.read()
    common = page.split("# OPTIONS OF EVERY VERB")[1].split("\n# ")[0]
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^##? )", page, re.MULTILINE | re.DOTALL))
    equal(set(sections), set(verbs()), "sections")
    for verb in verbs():
        for option in options(verb):
            check(f"*{option}*" in sections[verb] or f"*{option}*" in common,
                  f"aegress(1) has no {option} of {verb}")


def page_of(name):
    with open(f"docs/man/{name}.scd", encoding="utf-8") as file:
        return file.read()


def keys_of(pattern):
    """The keys of the tables of fields in these sources: what the reader of the YAML knows."""
    found = set()
    for path in glob.glob(pattern):
        with open(path, encoding="utf-8") as file:
            found |= set(re.findall(r'\.key = "(\w+)"', file.read()))
    check(len(found) >= 10, f"only {found} in {pattern}")
    return found


def test_the_daemons_manual_has_every_option():
    daemon = os.path.join(os.path.dirname(AEGRESS), "aegressd")
    told = expect(0, "--help", program=daemon).stdout
    options_told = set(re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", told, re.MULTILINE)) | set(
        re.findall(r"^  (-\w), --", told, re.MULTILINE))
    section = page_of("aegressd.8").split("# OPTIONS\n")[1].split("\n# ")[0]
    heads = "\n".join(line for line in section.splitlines() if line.startswith("*-"))
    equal(set(re.findall(r"\*(--?[a-z-]+)\*", heads)), options_told, "options in aegressd(8) and --help")


def test_the_daemons_manual_has_every_key():
    section = page_of("aegressd.8").split("# CONFIGURATION\n")[1].split("\n# ")[0]
    heads = [line for line in section.splitlines() if line.startswith("*")]
    told = {word for line in heads for dotted in re.findall(r"\*([A-Za-z0-9.]+)\*", line)
            for word in dotted.split(".")}
    equal(told, keys_of("user/daemon/config*.c"), "keys in aegressd(8) and in the reader")


def test_the_policy_manual_has_every_key():
    page = page_of("aegress-policy.5")
    for key in sorted(keys_of("user/policy/read*.c")):
        check(re.search(rf"\b{key}\b", page), f"aegress-policy(5) has no {key}")
    # and defines none that the reader does not know
    heads = [word for line in re.findall(r"^\*.*$", page, re.MULTILINE) for word in re.findall(r"\*([a-z]\w+)\*(?!\()", line)]
    check(len(heads) >= 15, f"only {heads}")
    equal(sorted(set(heads) - keys_of("user/policy/read*.c")), [], "keys that only the manual knows")


def cases():
    return functions(globals())
