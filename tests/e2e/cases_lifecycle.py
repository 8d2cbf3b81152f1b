# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""What happens to enforcement while the daemon starts, reloads, is refused, dies and comes back."""
import os
import signal
import subprocess

from cases_connect import DENY_RULE, NO_RULE, RULE, UNKNOWN, wait_for_instances
from harness import BUILD, PATIENCE, Node, check, equal, rmdir, run, wait_until
from scene import GOVERNED, OTHER, POLICIES, WORKLOADS, decide, write


def errno_of(pod, addr, port=443):
    return pod.ask("connect", addr=addr, port=port, family="v4")["errno"]


def test_kill_9_changes_nothing():
    with Node() as node:
        write(node)
        daemon, pod = node.daemon().start(), node.pod("chat", "chat1")
        wait_for_instances(daemon, 1)
        decide(daemon, pod, "ml/chat-1", GOVERNED, RULE)
        daemon.kill()
        equal((errno_of(pod, GOVERNED), errno_of(pod, OTHER)), ("OK", "EPERM"), "without a daemon")
        daemon.start()
        check(daemon.get("/v1/status")["adopted"], "the pins were not adopted")
        decide(daemon, pod, "ml/chat-1", GOVERNED, RULE)
        decide(daemon, pod, "ml/chat-1", OTHER, NO_RULE)


def test_restart_leaves_no_gap():
    with Node() as node:
        write(node)
        daemon, chat = node.daemon().start(), node.pod("chat", "chat1")
        other = node.pod("denied", "chat2")  # unknown workload: denied all the time
        wait_for_instances(daemon, 1)
        chat.ask("flood_start", addr=GOVERNED, port=443, family="v4")
        other.ask("flood_start", addr=GOVERNED, port=443, family="v4")
        for signo in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
            daemon.signal_and_wait(signo)
            daemon.start()
        allowed = chat.ask("flood_stop")["outcome"]
        denied = other.ask("flood_stop")["outcome"]
        check(set(allowed) == {"OK"} and allowed["OK"] > 100, f"allowed pod saw {allowed}")
        check(set(denied) == {"EPERM"} and denied["EPERM"] > 100, f"denied pod saw {denied}")


def test_reload_is_one_flip():
    with Node() as node:
        write(node)
        daemon, chat = node.daemon().start(), node.pod("chat", "chat1")
        trainer = node.pod("trainer", "trainer1")
        wait_for_instances(daemon, 2)
        chat.ask("flood_start", addr=GOVERNED, port=443, family="v4")
        trainer.ask("flood_start", addr=OTHER, port=443, family="v4")
        for i in range(10):
            generation = daemon.generation()
            # the order of documents and a comment change, the meaning does not
            write(node, "\n---\n".join(reversed(POLICIES.split("---\n"))) + f"\n# {i}\n"
                  if i % 2 == 0 else POLICIES)
            daemon.process.send_signal(signal.SIGHUP)
            wait_until(lambda seen=generation: daemon.generation() > seen, "a new generation")
        equal(set(chat.ask("flood_stop")["outcome"]), {"OK"}, "allowed through ten reloads")
        equal(set(trainer.ask("flood_stop")["outcome"]), {"EPERM"}, "denied through ten reloads")


def test_policy_change_is_followed():
    with Node() as node:
        write(node)
        daemon, pod = node.daemon().start(), node.pod("chat", "chat1")
        wait_for_instances(daemon, 1)
        decide(daemon, pod, "ml/chat-1", OTHER, NO_RULE)
        generation = daemon.generation()
        write(node, POLICIES.replace("to: [{endpoint: test-inference}]\n---\n",
                                     "to: [{endpoint: test-upload}]\n---\n", 1))
        wait_until(lambda: daemon.generation() > generation, "inotify to bring a new generation")
        decide(daemon, pod, "ml/chat-1", OTHER, RULE)
        decide(daemon, pod, "ml/chat-1", GOVERNED, NO_RULE)


def test_broken_policy_keeps_the_old():
    with Node() as node:
        write(node)
        daemon, pod = node.daemon().start(), node.pod("chat", "chat1")
        wait_for_instances(daemon, 1)
        generation = daemon.generation()
        broken = node.write(node.policies, "broken.yaml", "apiVersion: aegress.dev/v1alpha1\n"
                            "kind: AIEgressPolicy\nmetadata: {name: x, namespace: ml}\nspce: {}\n")
        refused = wait_until(lambda: lastreload(daemon), "the refusal")
        check("broken.yaml:4:1: error: unknown key 'spce'" in refused["text"], refused["text"])
        check("did you mean 'spec'" in refused["text"], refused["text"])
        told = node.aegress("check", node.policies, ok=False)
        equal(told.returncode, 1, "aegress check")
        # check adds a line that counts the errors
        equal(told.stderr.rsplit("\n", 2)[0].strip(), refused["text"].strip(),
              "check and daemon say the same")
        equal(daemon.generation(), generation, "generation")
        decide(daemon, pod, "ml/chat-1", GOVERNED, RULE)
        decide(daemon, pod, "ml/chat-1", OTHER, NO_RULE)
        os.unlink(broken)
        wait_until(lambda: daemon.get("/v1/status")["lastReload"]["ok"], "the mended reload")
        decide(daemon, pod, "ml/chat-1", OTHER, NO_RULE)


def lastreload(daemon):
    last = daemon.get("/v1/status")["lastReload"]
    return None if last["ok"] else last


def test_restart_with_broken_policy_keeps_enforcing():
    with Node() as node:
        write(node)
        daemon, pod = node.daemon().start(), node.pod("chat", "chat1")
        wait_for_instances(daemon, 1)
        daemon.kill()
        write(node, "kind: [nonsense\n")
        daemon.spawn()
        wait_until(lambda: lives(daemon), "the daemon to answer")
        equal((errno_of(pod, GOVERNED), errno_of(pod, OTHER)), ("OK", "EPERM"), "old tables")
        write(node)
        wait_until(lambda: daemon.get("/v1/status")["lastReload"]["ok"], "the mended policy")
        decide(daemon, pod, "ml/chat-1", OTHER, NO_RULE)


def lives(daemon):
    try:
        return daemon.get("/livez", raw=True)[0] == 200
    except OSError:
        return False


def test_workloads_come_and_go():
    with Node() as node:
        write(node)
        daemon, pod = node.daemon().start(), node.pod("trainer", "trainer1")
        wait_for_instances(daemon, 1)
        decide(daemon, pod, "ml/trainer-1", OTHER, DENY_RULE)
        node.write(node.workloads, "workloads.yaml", WORKLOADS.replace("podtrainer1", "podgone"))
        wait_until(lambda: daemon.get("/v1/status")["instances"] == 0, "the workload to go")
        decide(daemon, pod, None, GOVERNED, UNKNOWN)
        node.write(node.workloads, "workloads.yaml",
                   WORKLOADS.replace("serviceAccount: trainer", "serviceAccount: chat"))
        wait_for_instances(daemon, 1)
        decide(daemon, pod, "ml/trainer-1", OTHER, NO_RULE)
        cgroup = pod.cgroup
        pod.stop()
        for path in (cgroup, os.path.dirname(cgroup)):
            wait_until(lambda path=path: rmdir(path), "the cgroup to go")
        wait_until(lambda: daemon.get("/v1/status")["instances"] == 0, "the instance to go")


def test_managed_directory_appears_later():
    with Node() as node:
        write(node)
        daemon = node.daemon(cgroup={"root": node.cgroup_root,
                                     "managed": ["kubepods.slice", "late"]}).start()
        node.cgroup("late")
        pod = node.pod("late", cgroup=node.cgroup("late/pod"))
        wait_until(lambda: errno_of(pod, GOVERNED) == "EPERM", "the late directory to be managed")
        decide(daemon, pod, None, GOVERNED, UNKNOWN)


def test_one_thousand_cgroups_at_once():
    with Node() as node:
        write(node, workloads=WORKLOADS.replace("podchat1", "podmany*"))
        daemon = node.daemon().start()
        parent = node.cgroup("kubepods.slice/kubepods-burstable.slice")
        for i in range(1000):
            node.cgroup(f"kubepods.slice/{os.path.basename(parent)}/kubepods-burstable-podmany{i}.slice")
        wait_until(lambda: daemon.get("/v1/status")["instances"] == 1000, "1,000 instances")
        pod = node.pod("many", cgroup=os.path.join(parent, "kubepods-burstable-podmany999.slice"))
        decide(daemon, pod, "ml/chat-1", OTHER, NO_RULE)
        decide(daemon, pod, "ml/chat-1", GOVERNED, RULE)


def test_second_daemon_is_refused():
    with Node() as node:
        write(node)
        node.daemon().start()
        second = node.daemon(socket=os.path.join(node.dir, "second.sock")).spawn()
        equal(second.process.wait(PATIENCE), 1, "exit code of the second daemon")
        second.process = None
        check("another daemon" in second.log_tail(), second.log_tail())
        check(not os.path.exists(os.path.join(node.dir, "second.sock")), "its socket is still there")


def pins(node):
    """Some kernels put *.debug iterators into every new bpffs."""
    return [name for name in os.listdir(node.bpffs) if not name.endswith(".debug")]


def refused(daemon, words):
    """It does not start, says why, and leaves nothing."""
    node = daemon.node
    equal(daemon.spawn().process.wait(PATIENCE), 1, f"exit code; {words!r}")
    daemon.process = None
    check(words in daemon.log_tail(), f"no {words!r} in {daemon.log_tail()}")
    check(not os.path.exists(node.socket), "the socket is still there")
    check(not os.path.exists(node.socket + ".new"), "the unfinished socket is still there")


def test_a_first_start_with_a_broken_document():
    """Nothing was in force, so nothing may seem to be."""
    with Node() as node:
        write(node)
        broken = node.write(node.policies, "broken.yaml", "kind: [nonsense\n")
        daemon = node.daemon()
        refused(daemon, "broken.yaml:")
        check("nothing is in force" in daemon.log_tail(), daemon.log_tail())
        equal(pins(node), [], "pins after a start that failed")
        pod = node.pod("chat", "chat1")
        equal((errno_of(pod, GOVERNED), errno_of(pod, OTHER)), ("OK", "OK"), "nobody enforces")
        os.unlink(broken)
        daemon.start()
        wait_for_instances(daemon, 1)
        decide(daemon, pod, "ml/chat-1", OTHER, NO_RULE)
        daemon.stop()


def test_second_daemon_on_the_same_socket():
    """It stops before it touches anything, and takes neither the socket nor the pins with it."""
    with Node() as node:
        write(node)
        daemon, pod = node.daemon().start(), node.pod("chat", "chat1")
        wait_for_instances(daemon, 1)
        generation = daemon.generation()
        second = node.daemon().spawn()
        equal(second.process.wait(PATIENCE), 1, "exit code of the second daemon")
        second.process = None
        check("another aegressd is running" in second.log_tail(), second.log_tail())
        equal(daemon.generation(), generation, "the first daemon answers, and nothing was reloaded")
        decide(daemon, pod, "ml/chat-1", OTHER, NO_RULE)
        decide(daemon, pod, "ml/chat-1", GOVERNED, RULE)


def test_workload_of_a_systemd_unit():
    """`unit:` is the cgroup that systemd gives a service of that name, wherever below the root."""
    workload = ("apiVersion: aegress.dev/v1alpha1\nkind: Workload\nmetadata: {name: svc, namespace: ml}\n"
                "spec: {serviceAccount: chat, unit: chat@blue.service}\n")
    with Node() as node:
        write(node, workloads=workload)
        daemon = node.daemon(cgroup={"root": node.cgroup_root, "managed": ["system.slice"]}).start()
        node.cgroup("system.slice")
        node.cgroup("system.slice/system-chat.slice")
        unit = node.cgroup("system.slice/system-chat.slice/chat@blue.service")
        other = node.cgroup("system.slice/system-chat.slice/chat@green.service")
        blue, green = node.pod("blue", cgroup=unit), node.pod("green", cgroup=other)
        wait_for_instances(daemon, 1)
        decide(daemon, blue, "ml/svc", GOVERNED, RULE)
        decide(daemon, blue, "ml/svc", OTHER, NO_RULE)
        decide(daemon, green, None, GOVERNED, UNKNOWN)


def test_check_config_sees_what_a_start_would():
    with Node() as node:
        write(node)
        daemon = node.daemon()

        def says():
            done = run(*daemon.argv(), "--check-config", ok=False)
            return done.returncode, done.stdout + done.stderr

        code, text = says()
        equal((code, "are good" in text), (0, True), text)
        node.write(node.policies, "bad.yaml", "kind: [nonsense\n")
        code, text = says()
        check(code == 1 and "bad.yaml:" in text and "are good" not in text, text)
        os.unlink(os.path.join(node.policies, "bad.yaml"))
        node.write(node.workloads, "bad.yaml", WORKLOADS)  # everybody twice
        code, text = says()
        check(code == 1 and "workloads/" in text and "error: " in text, text)
        equal(pins(node), [], "pins")
        check(not os.path.exists(node.socket), "a socket")


def test_precise_errors_at_start():
    with Node() as node:
        write(node)
        for config, words in (({"cgroup": {"root": "/nowhere"}}, "/nowhere"),
                              ({"cgroup": {"root": node.dir}}, "cgroup2"),
                              ({"pins": os.path.join(node.dir, "notbpf")}, "bpf"),
                              ({"policies": [os.path.join(node.dir, "absent")]}, "absent"),
                              ({"defaults": {"unselected": "Maybe"}}, "'Maybe' is not one of")):
            refused(node.daemon(**config), words)
        equal(pins(node), [], "pins after refused starts")


def test_without_privileges():
    with Node() as node:
        write(node)
        daemon = node.daemon().spawn(user=65534, group=65534, extra_groups=[])
        equal(daemon.process.wait(PATIENCE), 1, "exit code")
        daemon.process = None
        text = daemon.log_tail()
        check("CAP_BPF" in text or "permission" in text.lower(), text)


def test_clean_stop_and_cleanup():
    with Node() as node:
        write(node)
        daemon, pod = node.daemon().start(), node.pod("chat", "chat1")
        wait_for_instances(daemon, 1)
        equal(daemon.stop(), 0, "exit code after SIGTERM")
        check(not os.path.exists(node.socket), "the socket is still there")
        equal(errno_of(pod, OTHER), "EPERM", "after a clean stop")
        run(os.path.join(BUILD, "aegressd"), "--cleanup", "--pin-dir", node.pins)
        equal(errno_of(pod, OTHER), "OK", "after --cleanup")
        check(not os.path.exists(node.pins), "pins are still there")
        attached = subprocess.run(["bpftool", "cgroup", "tree", node.cgroup_root, "-j"],
                                  capture_output=True, text=True,
                                  env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
        check("aegress" not in attached.stdout and "connect4" not in attached.stdout,
              attached.stdout)


def test_idle_daemon_does_not_wake():
    with Node() as node:
        write(node)
        daemon, pod = node.daemon().start(), node.pod("chat", "chat1")
        wait_for_instances(daemon, 1)
        decide(daemon, pod, "ml/chat-1", GOVERNED, RULE)
        path = f"/proc/{daemon.process.pid}/status"

        def switches():
            with open(path, encoding="ascii") as status:
                return [int(line.split()[1]) for line in status if line.startswith("voluntary")][0]

        def quiet():
            import time
            before = switches()
            time.sleep(1.0)  # the measured window, not a wait for something
            return switches() == before

        wait_until(quiet, "a second without a wake-up")
