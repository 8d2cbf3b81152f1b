# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""docs/BYPASS.md: written from the corpus and from what its last whole run saw, and compared with both.
A line is closed only where its attack was tried and did not get through; one that is known to get
through, and does not any more, is closed by the next page."""
import os
import re

from corpus import ATTACKS

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "BYPASS.md")
HEAD = """\
<!-- Written by `tests/bypass/run --write-docs`; edit tests/bypass instead. -->
# Ways around, and what becomes of them

Every attack on an egress enforcer that we know of, each with a test that tries it for real: `make test-bypass`
(root) prints for each what caught it and what arrived on the other side, counted there by a packet socket or a
server that knows nothing of us. Attacks that are nothing but something sent are first sent without a daemon, and
must arrive; otherwise the test proves nothing.

**closed**: tried in the run that wrote this page, and nothing arrived. **not tried**: this machine cannot, the
reason is given. **open**: gets through, or nobody can tell; what can be tried is, and it says how much got through.
"""
CLOSED = """\
### {title}

{status} by {layer}, reason `{reason}` · `tests/bypass/run {name}`

- *Others*: {peers}.
- *We*: {ours}.
- *How*: {how}.
"""
OPEN = """\
### {title}

**open**{tried}

- *Others*: {peers}.
- *We*: {ours}.
- *Why*: {remains}.
"""
STATUS = {"passed": "closed", "failed": "open", "skipped": "not tried"}


def status_of(result):
    word = STATUS[result.word]
    why = f" ({result.text.splitlines()[0]})" if result.word == "skipped" else ""
    return f"**{word}**{why}"


def section(result):
    one = result.attack
    if result.word == "open":
        tried = f", tried: {result.seen} got through · `tests/bypass/run {one.name}`" if one.run else ""
        return OPEN.format(tried=tried, **vars(one))
    if result.word == "passed":
        return CLOSED.format(status="**closed**", layer=result.layer, reason=result.reason, **vars(one))
    text = CLOSED.format(status=status_of(result), layer="", reason="", **vars(one))
    return text.replace(" by , reason ``", "")


def summary(results):
    count = lambda *words: sum(one.word in words for one in results)
    return (f"{count('passed')} closed, {count('skipped')} not tried, {count('open', 'failed')} open.\n")


def in_order(results):
    place = {one.name: at for at, one in enumerate(ATTACKS)}
    return sorted(results, key=lambda result: place[result.attack.name])


def write(results):
    results = in_order(results)
    parts = {"## Closed\n": ("passed",), "## Not tried\n": ("skipped",), "## Open\n": ("failed", "open")}
    text = "\n".join([HEAD, summary(results)])
    for heading, words in parts.items():
        text += "\n" + "\n".join([heading, *(section(one) for one in results if one.word in words)])
    with open(PAGE + ".new", "w", encoding="utf-8") as page:
        page.write(text)
    os.rename(PAGE + ".new", PAGE)


def read():
    """title -> (status, the text below its heading)."""
    with open(PAGE, encoding="utf-8") as page:
        parts = re.split(r"^### ", page.read(), flags=re.M)[1:]
    found = {}
    for part in parts:
        title, text = part.split("\n", 1)
        status = re.search(r"\*\*(closed|open|not tried)\*\*", text)
        found[title] = (status.group(1) if status else "", text)
    return found


def complaints(statuses):
    """statuses: title -> those that the page may state."""
    page = read()
    for one in ATTACKS:
        if one.title not in page:
            yield f"docs/BYPASS.md lacks '{one.title}'"
            continue
        status, text = page[one.title]
        if status not in statuses[one.title]:
            yield f"docs/BYPASS.md says that '{one.title}' is {status or 'nothing'}"
        for said in (one.peers, one.ours, one.remains if status == "open" else one.how):
            if said and said not in text:
                yield f"docs/BYPASS.md tells '{one.title}' differently"
    for title in set(page) - {one.title for one in ATTACKS}:
        yield f"docs/BYPASS.md has '{title}', which is no attack of the corpus"


def report(statuses):
    found = list(complaints(statuses))
    for text in found:
        print(f"FAIL: {text}")
    if found:
        print("run tests/bypass/run --write-docs")
    return len(found)


def check():
    """Without a run: the same attacks in the same words, and what nothing tries is not closed."""
    return 1 if report({one.title: ("closed", "open", "not tried") if one.run else ("open",)
                        for one in ATTACKS}) else 0


def differs(results):
    """After a whole run: how many lines of the page say what the run did not see. Another machine may
    lack what ours had, or have what ours lacked: what is not tried is no contradiction."""
    allowed = {"passed": ("closed", "not tried"), "skipped": ("closed", "not tried"), "failed": ("open",),
               "open": ("open",)}
    return report({one.attack.title: allowed[one.word] for one in results})
