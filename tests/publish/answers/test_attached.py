"""What is attached to an image is told in its tree and in the report."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from exporter.facts.attached import Attachment, Attachments
from exporter.facts.gap import Reason
from exporter.facts.proof import LAST_BYTE, State, gone, unknown
from exporter.oci.digest import Digest
from exporter.oci.reference import Tag
from exporter.publish.answers.report import document
from exporter.publish.status import RegistryStatus
from tests.publish.answers.saying import inspect_text
from tests.publish.reports import child, report, tag

if TYPE_CHECKING:
    from exporter.judge.report import Report

SIG: Final = "application/vnd.dev.cosign.artifact.sig.v1+json"
WHOLE: Final = Attachment(Digest.of(b"a"), SIG, Tag("sha256-0.sig"), LAST_BYTE)
LOST: Final = Attachment(Digest.of(b"b"), "", None, gone(State.MISSING, "404 MANIFEST_UNKNOWN"))


def about(*entries: Attachment, doubt: Reason | None = None) -> Report:
    verdict = tag("app:v1", child())
    attached = Attachments(entries, unknown(doubt, "403") if doubt else None)
    assert verdict.root.digest is not None
    return report(replace(verdict, attached=((verdict.root.digest, attached),)))


def test_the_tree_shows_what_is_attached_and_how_it_was_found() -> None:
    text = inspect_text(about(WHOLE, LOST, doubt=Reason.DENIED))

    assert re.search(rf"attached {re.escape(SIG)}  ok .* by tag sha256-0.sig", text)
    assert re.search(r"attached of unknown type  MISSING .* by the referrers API", text)
    assert re.search(r"further attachments  (?i:unknown) .*denied, 403", text)


def test_that_nothing_is_attached_is_told() -> None:
    assert "Nothing is attached to it" in inspect_text(about())
    assert "Nothing is attached" not in inspect_text(about(doubt=Reason.DENIED))
    assert "attached" not in inspect_text(report(tag("app:v1", child())))


def test_the_report_has_them_with_the_reason_where_there_may_be_more() -> None:
    told = document([RegistryStatus.once(about(WHOLE, LOST, doubt=Reason.DENIED))], 0.0)

    ((attached,),) = (each.attached for each in told.tags)
    assert (attached.complete, attached.reason) == (False, Reason.DENIED)
    states = [(each.artifact_type, each.tag, each.state) for each in attached.attachments]
    assert states == [(SIG, "sha256-0.sig", State.PRESENT), ("", None, State.MISSING)]
