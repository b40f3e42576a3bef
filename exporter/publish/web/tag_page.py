"""The page of one tag: the blocks of `inspect`, and links to what the documentation says."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from exporter.facts.use import ReferenceClass
from exporter.judge.report import Condition
from exporter.publish.answers import inspect
from exporter.publish.answers.remedies import remedies
from exporter.publish.blocks import Tree, TreeNode
from exporter.publish.formatting import address, verdict_cell
from exporter.publish.invocation import Invocation
from exporter.publish.render.html import badge, copy_button, render, text
from exporter.publish.web.digest_page import digest_path
from exporter.publish.web.frame import frame, link, section
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
    ways = (
        link(home, "Status"),
        link(Query(entry.registry).address(home), entry.registry),
        link(Query(entry.registry, repository).address(home), repository),
        f'<span aria-current="page">{text(entry.tag.verdict.root.name)}</span>',
    )
    listed = "".join(f"<li>{each}</li>" for each in ways)
    return f'<nav class="crumbs" aria-label="Breadcrumb"><ol>{listed}</ol></nav>'


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
