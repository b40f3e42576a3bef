"""The page of one digest: what it breaks, where it is stored, and which tags reference it."""

from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import quote

from exporter.judge.explanation import places, referencing
from exporter.judge.report import Report, TagReport
from exporter.oci.digest import Digest
from exporter.publish.answers.losses import cause_item
from exporter.publish.answers.remedies import cause_remedies
from exporter.publish.blocks import Block, PageLink, Table, TableColumn, line, section
from exporter.publish.formatting import count_words, state_cell, verdict_cell
from exporter.publish.invocation import Invocation
from exporter.publish.render.html import copy_button, render, text
from exporter.publish.web.frame import frame, link
from exporter.publish.web.tag_list import tag_path

_SHOWN: Final = 20
"""Tags that are listed openly: five hundred are a hundred screens of a phone."""
_MOST: Final = 500
"""Tags that are listed at all."""


def digest_path(registry: str, digest: str) -> str:
    """Return the path of a digest's page, from the status page."""
    return f"digest/{quote(registry, safe=':')}/{digest}"


def digest_page(
    reports: Sequence[Report], report: Report, digest: Digest, invocation: Invocation
) -> str:
    """Return the page of a digest of one registry; `reports` are those of all registries."""
    home = "../../"
    body = (
        f'<nav class="crumbs" aria-label="Breadcrumb"><ol><li>{link(home, "Status")}</li>'
        f'<li aria-current="page">{text(report.snapshot.registry)}</li></ol></nav>'
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
    yield from section("What it breaks", found)
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
    blocks: list[Block] = [_tags(report, tags[_SHOWN:_MOST], home)]
    if len(tags) > _MOST:
        blocks.append(line(f"… and {len(tags) - _MOST:,} more, in report.json"))
    more = count_words(len(tags) - _SHOWN, "more tag")
    folded = f"<details><summary>{more}</summary>{render(blocks)}</details>"
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
