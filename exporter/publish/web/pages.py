"""The pages of one tag and of one digest, with links to each other and to the documentation."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import quote

from exporter.facts.use import ReferenceClass
from exporter.judge.explanation import places, referencing
from exporter.judge.report import Condition, Report, TagReport
from exporter.oci.digest import Digest
from exporter.publish import blocks
from exporter.publish.answers import inspect
from exporter.publish.answers.losses import cause_item
from exporter.publish.answers.remedies import cause_remedies, remedies
from exporter.publish.blocks import Block, PageLink, Table, TableColumn, Tree, TreeNode, line
from exporter.publish.formatting import address, count_words, state_cell, verdict_cell
from exporter.publish.invocation import Invocation
from exporter.publish.render.html import badge, copy_button, render, text
from exporter.publish.web.frame import crumbs, current, frame, link, section
from exporter.publish.web.query import Query
from exporter.publish.web.tag_index import IndexedTag
from exporter.publish.web.tag_list import tag_path

BROKEN: Final = {
    ReferenceClass.LIVE: "RegistryLiveTagBroken",
    ReferenceClass.IDLE: "RegistryIdleTagBroken",
    ReferenceClass.ROLLBACK: "RegistryRollbackTargetBroken",
    ReferenceClass.LATEST: "RegistryLatestTagBroken",
    ReferenceClass.SELECTED: "RegistryLiveTagBroken",
}
"""The runbook for a tag that cannot be pulled; an unused one is repaired like any other."""
_SHOWN: Final = 20
"""Tags that are listed openly: five hundred are a hundred screens of a phone."""
_MOST: Final = 500
"""Tags that are listed at all."""


def tag_page(entry: IndexedTag, invocation: Invocation, now: float) -> str:
    """Return the page of one tag; `now` is in seconds since the epoch."""
    home = "../" * tag_path(entry.registry, entry.name).count("/")
    commands = render(remedies(entry.report, entry.tag.verdict, invocation))
    aside = (
        section("uses", "Used by", f'<div class="card">{render([inspect.users(entry.tag)])}</div>'),
        section("next", "Commands", f'<div class="card">{commands}</div>'),
        _pages(entry, home),
    )
    tree = inspect.tree(entry.report, entry.tag).root
    contents = section("tree", "Contents", render([Tree(_linked(entry, tree, home))]))
    sides = f'<div class="two">{contents}<div class="aside">{"".join(aside)}</div></div>'
    body = f"{_crumbs(entry, home)}{_verdict(entry, now)}{sides}"
    return frame(f"{entry.name} · pullproof", body, home, live=True)


def _linked(entry: IndexedTag, node: TreeNode, home: str) -> TreeNode:
    """Return a tree with links from digests to their pages, if they were audited."""
    below = tuple(_linked(entry, each, home) for each in node.below)
    place = entry.tag.verdict.root.repository, node.code
    seen = place in entry.report.snapshot.sightings
    path = f"{home}{digest_path(entry.registry, node.code)}" if seen else ""
    return replace(node, below=below, path=path)


def _crumbs(entry: IndexedTag, home: str) -> str:
    repository = entry.tag.verdict.root.repository
    return crumbs(
        link(home, "Status"),
        link(Query(entry.registry).address(home), entry.registry),
        link(Query(entry.registry, repository).address(home), repository),
        current(entry.tag.verdict.root.name),
    )


def _verdict(entry: IndexedTag, now: float) -> str:
    tone, said = inspect.verdict_words(entry.tag)
    verdict = entry.tag.verdict
    name = text(address(entry.report, verdict))
    kind = f'<span class="muted small">{text(verdict.root.reference_class)}</span>'
    return (
        f'<section class="verdict {tone.value}" aria-labelledby="answer">'
        f'<div class="shell"><h1 id="reference">{name}</h1>{copy_button("reference")}</div>'
        f'<p class="answer" id="answer">{badge(verdict_cell(verdict))} {text(said)} {kind}</p>'
        f"{render([inspect.details(entry.report, entry.tag, now)])}</section>"
    )


def _pages(entry: IndexedTag, home: str) -> str:
    """Return links to the documentation on such a tag."""
    codes = sorted({each.rule.code for each in entry.tag.findings})
    ways = [(f"findings/{code}.md", code) for code in codes]
    ways += [(f"runbooks/{name}.md", name) for name in _runbooks(entry)]
    if Condition.CANNOT_BE_PULLED in entry.tag.conditions:
        ways.append(("repair.md", "Repair: which commands work, and which do not"))
    if not ways:
        return ""
    listed = "".join(f"<li>{link(f'{home}docs/{path}', words)}</li>" for path, words in ways)
    return section("read", "Read more", f'<ul class="card">{listed}</ul>')


def _runbooks(entry: IndexedTag) -> Iterator[str]:
    if Condition.CANNOT_BE_PULLED in entry.tag.conditions:
        yield from dict.fromkeys(BROKEN[each] for each in entry.tag.verdict.failing)
    if Condition.AT_RISK in entry.tag.conditions:
        rules = (each.rule for each in entry.tag.findings if each.rule.at_risk)
        yield from dict.fromkeys(rule.runbook for rule in rules)


def digest_path(registry: str, digest: str) -> str:
    """Return the path of a digest's page, from the status page."""
    return f"digest/{quote(registry, safe=':')}/{digest}"


def digest_page(
    reports: Sequence[Report], report: Report, digest: Digest, invocation: Invocation
) -> str:
    """Return the page of a digest of one registry; `reports` are those of all registries."""
    home = "../../"
    body = (
        f"{crumbs(link(home, 'Status'), current(report.snapshot.registry))}"
        '<section class="card" aria-labelledby="digest"><div class="shell">'
        f'<h1 id="digest">{text(digest)}</h1>{copy_button("digest")}</div>'
        f"{render(_blocks(reports, report, digest, home, invocation))}"
        f"{_more(report, digest, home)}</section>"
    )
    return frame(f"{digest[:19]} · pullproof", body, home, live=True)


def _blocks(
    reports: Sequence[Report], report: Report, digest: Digest, home: str, invocation: Invocation
) -> Iterator[Block]:
    found = tuple(cause_item(each, 0) for each in report.causes if each.lack.digest == digest)
    yield from blocks.section("What it breaks", found)
    if not found:
        yield line("It breaks no tag.")
    yield from cause_remedies(report, digest, invocation)
    yield _stored(reports, digest)
    tags = referencing(report, digest)
    yield line(f"Referenced by {count_words(len(tags), 'tag')} of {report.snapshot.registry}.")
    if tags:
        yield _tags(report, tags[:_SHOWN], home)


def _more(report: Report, digest: Digest, home: str) -> str:
    """Return the further tags that reference it, folded."""
    tags = referencing(report, digest)
    shown: list[Block] = [_tags(report, tags[_SHOWN:_MOST], home)]
    if len(tags) > _MOST:
        shown.append(line(f"… and {len(tags) - _MOST:,} more, in report.json"))
    more = count_words(len(tags) - _SHOWN, "more tag")
    folded = f"<details><summary>{more}</summary>{render(shown)}</details>"
    return folded if len(tags) > _SHOWN else ""


def _stored(reports: Sequence[Report], digest: Digest) -> Table:
    """Return every repository of every registry whose audit covered it."""
    rows = tuple(
        (each.snapshot.registry, where, state_cell(each.snapshot.sightings[where, digest].state))
        for each in reports
        for where in places(each, digest)
    )
    columns = TableColumn("Registry"), TableColumn("Repository", "cut"), TableColumn("State")
    return Table(columns, rows)


def _tags(report: Report, tags: Sequence[TagReport], home: str) -> Table:
    rows = tuple(
        (
            PageLink(each.name, f"{home}{tag_path(report.snapshot.registry, each.name)}"),
            str(each.verdict.root.reference_class),
            verdict_cell(each.verdict),
        )
        for each in tags
    )
    return Table((TableColumn("Tag", "cut"), TableColumn("Class"), TableColumn("State")), rows)
