# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The status page in a real browser: does it show what workloads did, in both themes, and can nothing
that a workload or a policy says become more than text? AEGRESS_SCREENSHOTS=DIR keeps pictures."""
import json
import os
import struct
import tempfile

from browser import Browser
from harness import check, equal
from monitor import parse_answer, watched
from scene import FREE, GOVERNED, OTHER

PATHS = 'document.querySelectorAll("#picture .edge%s").length'
CELLS = '[...document.querySelectorAll("%s")].map(cell => cell.textContent)'
# 4.5 : 1 is what WCAG 2.1 AA asks of text.
CONTRAST = """(() => {
	const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= .03928 ? v / 12.92 :
		((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
	const rgb = text => text.match(/[\\d.]+/g).map(Number);
	const ground = node => { for (; node; node = node.parentElement) {
		const c = rgb(getComputedStyle(node).backgroundColor);
		if (c.length === 3 || c[3] > 0) return c.slice(0, 3); } return [255, 255, 255]; };
	const worst = [...document.querySelectorAll("h1, h2, td, th, .soft, .pill, button, a")]
		.filter(node => node.offsetParent && node.textContent.trim()).map(node => {
			const a = light(rgb(getComputedStyle(node).color)) + .05, b = light(ground(node)) + .05;
			return [Math.max(a, b) / Math.min(a, b), node.className || node.tagName]; });
	return worst.sort((a, b) => a[0] - b[0])[0];
})()"""


def keep(browser, name):
    """A picture is always made, and is one of a page on which something is; without a directory it goes."""
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(os.environ.get("AEGRESS_SCREENSHOTS", scratch), name + ".png")
        browser.screenshot(path)
        with open(path, "rb") as picture:
            data = picture.read()
    equal(data[:8], b"\x89PNG\r\n\x1a\n", "the picture")
    width, height = struct.unpack(">II", data[16:24])
    check(width >= 600 and height >= 400 and len(data) > 20_000, f"{width}x{height}, {len(data)} bytes")


def url(monitor):
    return f"http://127.0.0.1:{monitor.address[1]}/"


def test_page_shows_what_happened():
    with watched(("chat", "trainer", "watched")) as (daemon, monitor, chat, trainer, seen), \
            Browser(daemon.node.dir) as browser:
        browser.go(url(monitor))
        browser.wait_for('document.querySelector("#ready")?.textContent === "ready"', "the page")
        equal(browser.run(PATHS % ""), 0, "edges before anything happened")
        for pod, addr, times in ((chat, GOVERNED, 12), (chat, OTHER, 3), (chat, FREE, 4),
                                 (trainer, GOVERNED, 140), (trainer, OTHER, 31), (seen, OTHER, 5)):
            for _ in range(times):
                pod.ask("connect", addr=addr, port=443, family="v4", send=100, read=True)
        browser.wait_for((PATHS % ".denied") + " === 2", "two denied edges, without a reload")
        equal(browser.run(PATHS % ".allowed"), 3, "allowed edges")
        equal(browser.run(PATHS % ".audited"), 1, "audited edges")
        browser.wait_for((CELLS % "#denials td:nth-child(2)") + '.includes("31")', "31 denials")
        rows = browser.run(CELLS % "#denials tr")
        equal(len(rows), 3, "rows of denials")
        row = next(row for row in rows if "ml/chat-1" in row)
        for part in (f"{OTHER}:443", "no-rule", "no allow rule", "test-upload",
                     f"aegress explain --workload ml/chat-1 --to {OTHER}:443"):
            check(part in row, f"'{part}' is not in the row {row}")
        check(any("ml/all-but-upload · no-uploads" in row for row in rows), f"policy of {rows}")
        said = json.loads(monitor.get("/readyz?verbose")[2])["checks"]
        equal(browser.run(CELLS % "#checks strong"), [one["name"] for one in said], "checks")
        for theme in ("light", "dark"):
            browser.theme(theme)
            keep(browser, "page-" + theme)
            ratio, where = browser.run(CONTRAST)
            check(ratio >= 4.5, f"contrast {ratio:.2f} of {where}, {theme}")
        equal(browser.errors, [], "errors of the page")


def test_explain_command_of_the_page_works():
    with watched() as (daemon, monitor, pod), Browser(daemon.node.dir) as browser:
        pod.ask("connect", addr=OTHER, port=443, family="v4")
        browser.go(url(monitor))
        command = browser.wait_for('document.querySelector("#denials code")?.textContent',
                                   "the command").split()
        equal(command[:2], ["aegress", "explain"], "the command")
        done = daemon.node.aegress(*command[1:], ok=False)
        equal(done.returncode, 1, f"{command}: {done.stdout}{done.stderr}")
        check("no-rule" in done.stdout, done.stdout)


def test_command_is_copied_without_a_clipboard():
    """As on http://POD_IP:9477/, which is no secure context: there the command is selected and copied."""
    with watched() as (daemon, monitor, pod), Browser(daemon.node.dir) as browser:
        pod.ask("connect", addr=OTHER, port=443, family="v4")
        browser.go(url(monitor))
        browser.wait_for('!!document.querySelector("#denials button")', "the button")
        selected = browser.run("""(() => {
            Object.defineProperty(navigator, "clipboard", {value: undefined});
            document.querySelector("#denials button").click();
            return [getSelection().toString(), document.querySelector("#denials code").textContent];
        })()""")
        equal(selected[0], selected[1], "what was selected")
        equal(browser.errors, [], "errors of the page")


def test_names_stay_text():
    """What the daemon says is replaced by markup on its way: nothing of it may come to life."""
    evil = json.dumps('<img src=x onerror="window.hit=1"><script>window.hit=1</script>\'\\')
    with watched() as (daemon, monitor, pod), Browser(daemon.node.dir) as browser:
        pod.ask("connect", addr=OTHER, port=443, family="v4")
        monitor.wait_sum(1, "aegress_events_total", type="deny")
        browser.go(url(monitor))
        browser.wait_for('document.querySelectorAll("#denials tr").length === 1', "the denial")
        browser.run(f"""(() => {{
            const evil = {evil}, poison = value => typeof value === "string" ? evil :
                Array.isArray(value) ? value.map(poison) : value && typeof value === "object" ?
                Object.fromEntries(Object.entries(value).map(([k, v]) => [k, poison(v)])) : value;
            const real = window.fetch;
            window.fetch = async (...args) => {{ const answer = await real(...args);
                const status = await answer.json();
                return {{ok: true, json: async () => poison(status)}}; }};
        }})()""")
        browser.wait_for('document.querySelector("#node")?.textContent.startsWith("<img")', "the text")
        equal(browser.run('document.querySelectorAll("img, main script").length'), 0, "elements")
        equal(browser.run("window.hit"), None, "scripts that ran")


def test_policy_of_the_page_holds():
    """The header lets in the page's own style and script, by their hashes, and no others."""
    with watched() as (daemon, monitor, _), Browser(daemon.node.dir) as browser:
        headers = parse_answer(monitor.ask(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))[1]
        check("default-src 'none'" in headers["content-security-policy"], str(headers))
        check("unsafe" not in headers["content-security-policy"], str(headers))
        browser.go(url(monitor))
        browser.wait_for('document.querySelector("#ready")?.textContent === "ready"', "the page")
        browser.run("""(() => { const made = document.createElement("script");
            made.textContent = "window.hit = 1"; document.body.append(made); })()""")
        equal(browser.run("window.hit"), None, "an inline script that is not the page's")
        refused = browser.run('fetch("http://127.0.0.1:1/").then(() => "sent", () => "refused")')
        equal(refused, "refused", "a request to somewhere else")
        check(any("Content Security Policy" in error for error in browser.errors),
              f"what the browser says: {browser.errors}")


def test_page_says_when_the_daemon_is_gone():
    with watched() as (daemon, monitor, _), Browser(daemon.node.dir) as browser:
        browser.go(url(monitor))
        browser.wait_for('document.querySelector("#ready")?.textContent === "ready"', "the page")
        daemon.stop()
        browser.wait_for('document.querySelector("#ready")?.textContent === "no answer"', "the loss")
