"""Tickets and job summaries show what a terminal shows, and nothing of it as markup."""

from __future__ import annotations

import re

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.use import ReferenceClass, Use
from exporter.oci.reference import Reference
from exporter.publish.text.markdown import check_markdown, inspect_markdown
from tests.publish.reports import (
    BROKEN,
    child,
    report,
    tag,
)

SAFE = child(protected_by=("v1-amd64",))


def test_markdown_shows_special_characters_as_they_are() -> None:
    about = report(
        tag("app:v1", child("a|b", state=BROKEN)),
        gaps=(Gap(Scope.REPOSITORY, "<script>*x*", Reason.MALFORMED),),
    )

    text = check_markdown([about], 100)
    assert r"linux/a\|b" in text
    assert r"\<script\>\*x\*" in text
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) == 1


def test_markdown_counts_what_it_leaves_out_and_folds_many_platforms() -> None:
    many = tag("app:v1", *(child(f"arch{n}") for n in range(12)), reference=ReferenceClass.LATEST)
    text = check_markdown([report(many, tag("app:v2", SAFE))], 1)

    assert "… and 1 more complete tag" in text
    assert "| +3 more | State |" in text


def test_markdown_names_who_uses_it() -> None:
    use = Use("deploy.yml:12", Reference.parse("registry.example/app:v1"), ReferenceClass.LIVE)

    assert "Used by deploy.yml:12." in inspect_markdown(report(tag("app:v1", SAFE, uses=(use,))))
    assert "Used by" not in inspect_markdown(report(tag("app:v1", SAFE)))
