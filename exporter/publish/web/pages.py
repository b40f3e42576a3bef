"""What does a person see in a browser: what is broken first, then what is not known?"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from exporter.publish.census import broken_since
from exporter.publish.document import gaps
from exporter.publish.sheet import inspect_command, root_name
from exporter.publish.summary import blindness
from exporter.publish.tree import Node, grow, wanted_by
from exporter.publish.urgency import Urgency, urgency
from exporter.publish.web.html import code, frame, items, link, section, table, text, toned
from exporter.publish.words import (
    Cell,
    Tone,
    age_words,
    count_words,
    platform_words,
    size_words,
    time_words,
    verdict_cell,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.judge.report import Report, TagVerdict
    from exporter.publish.standing import Picture, Standing

_MOST: Final = 200
"""Rows of one list; the JSON report has them all."""
_HEALTH: Final = {
    True: Cell("seen", Tone.GOOD),
    False: Cell("not seen", Tone.UNSURE),
    None: Cell("not audited since the start", Tone.UNSURE),
}


def front(picture: Picture, now: float) -> str:
    """Return the landing page; `now` is in seconds since the epoch."""
    ways = f"{link('metrics', 'metrics')} · {link('report.json', 'report.json')}"
    broken = [row for each in picture.standings for row in _verdicts(each, Urgency.GONE)]
    unknown = [row for each in picture.standings for row in _verdicts(each, Urgency.UNKNOWN)]
    unseen = (
        section(f"Not seen in {each.registry}", items([*map(text, _unseen(each))]))
        for each in picture.standings
    )
    body = (
        f"<h1>pullproof</h1>\n<p>{ways}</p>",
        _registries(picture, now),
        section("Cannot be pulled", _tags(broken, "Nothing that was audited.")),
        section("Not known", _tags(unknown, "Nothing that was audited.")),
        *unseen,
    )
    return frame("pullproof", "\n".join(body))


def tag_page(report: Report, verdict: TagVerdict, now: float) -> str:
    """Return the page of one tag; `now` is in seconds since the epoch."""
    root, snapshot = verdict.root, report.snapshot
    name = f"{snapshot.registry}/{root_name(verdict)}"
    home = "../" * tag_path(report, verdict).count("/")
    since = broken_since(report).get((root.repository, root.name))
    facts = [
        f"{text(root.reference_class)}: {toned(verdict_cell(verdict))}",
        f"audited {time_words(snapshot.taken_at)}, {age_words(now - snapshot.taken_at)} ago",
    ]
    if since is not None:
        facts.append(f"first seen to be so {time_words(since)}, {age_words(now - since)} ago")
    if root.platforms:
        facts.append(f"must run on {text(', '.join(map(platform_words, root.platforms)))}")
    owners = wanted_by(report, verdict)
    used = section("Used by", items([*map(text, owners)])) if owners else ""
    body = (
        f"<p>{link(home or '.', 'all registries')}</p>\n<h1>{text(name)}</h1>\n{items(facts)}",
        items([_node(grow(report, verdict))]),
        used,
        section("Look again", code(inspect_command(report, verdict))),
    )
    return frame(name, "\n".join(body))


def tag_path(report: Report, verdict: TagVerdict) -> str:
    """Where is a tag's page, from the landing page?"""
    return f"tag/{quote(report.snapshot.registry, safe=':')}/{root_name(verdict)}"


def _registries(picture: Picture, now: float) -> str:
    heads = ("Registry", "Role", "Last audit", "Truth of", "Tags")
    return table(heads, [_registry(picture, each, now) for each in picture.standings])


def _registry(picture: Picture, standing: Standing, now: float) -> tuple[str, ...]:
    health = toned(_HEALTH[standing.up])
    running = ", auditing now" if standing.registry in picture.in_progress else ""
    first = (text(standing.registry), text(standing.role), f"{health}{running}")
    report = standing.report
    if report is None:
        return (*first, toned(Cell("nothing yet", Tone.UNSURE)), "")
    taken_at = report.snapshot.taken_at
    urgent = Counter(map(urgency, report.verdicts))
    gone = urgent[Urgency.GONE]
    counts = (
        count_words(len(report.verdicts), "tag"),
        toned(Cell(f"{gone:,} broken", Tone.BAD if gone else Tone.GOOD)),
        toned(Cell(f"{urgent[Urgency.UNKNOWN]:,} unknown", Tone.PLAIN)),
    )
    age = f"{time_words(taken_at)}, {age_words(now - taken_at)} old"
    return (*first, age, ", ".join(counts))


def _verdicts(standing: Standing, wanted: Urgency) -> Iterator[tuple[str, ...]]:
    """Yield the rows of the tags that are as urgent as that, live ones first."""
    report = standing.report
    if report is None:
        return
    since = broken_since(report)
    order = sorted(report.verdicts, key=lambda each: each.root.reference_class.rank)
    for verdict in (each for each in order if urgency(each) is wanted):
        seen = since.get((verdict.root.repository, verdict.root.name))
        yield (
            text(report.snapshot.registry),
            link(tag_path(report, verdict), root_name(verdict)),
            text(verdict.root.reference_class),
            toned(verdict_cell(verdict)),
            time_words(seen) if seen is not None else "",
        )


def _tags(rows: list[tuple[str, ...]], nothing: str) -> str:
    if not rows:
        return f"<p>{text(nothing)}</p>"
    shown = table(("Registry", "Tag", "Class", "State", "Since"), rows[:_MOST])
    left = len(rows) - _MOST
    more = f"<p>… and {left:,} more in {link('report.json', 'report.json')}</p>"
    return shown + (more if left > 0 else "")


def _unseen(standing: Standing) -> tuple[str, ...]:
    if standing.report is None:
        reasons = (f"{gap.scope} {gap.subject}: {gap.reason} {gap.detail}" for gap in standing.gaps)
        return tuple(reasons) or ("Nothing was audited yet.",)
    return blindness(standing.report, gaps(standing))


def _node(node: Node) -> str:
    size = size_words(node.size) if node.size is not None else ""
    parts = (
        text(node.label),
        toned(node.cell),
        code(node.digest) if node.digest else "",
        size,
        text(", ".join(node.notes)),
    )
    below = items([_node(each) for each in node.below]) if node.below else ""
    return f"{' '.join(part for part in parts if part)}{below}"
