"""What was denied at first and was there at the second look is told, and is no loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exporter.facts.proof import State
from exporter.judge.finding import Severity
from tests import worlds
from tests.fakes import NO_BLOB, NO_MANIFEST, TRUTH, Answer, Fake, audited, verdict
from tests.store.layout import decode, encode

if TYPE_CHECKING:
    from exporter.oci.digest import Digest

INDEX = worlds.two_platforms("app")
CHILD = INDEX.children[0]
LAYER = CHILD.layers[0].digest


@pytest.mark.parametrize(
    ("digest", "denial"),
    [(LAYER, NO_BLOB), (CHILD.digest, NO_MANIFEST), (CHILD.config.digest, NO_BLOB)],
    ids=["layer", "manifest", "configuration"],
)
async def test_content_that_a_second_look_finds_is_present_and_told(
    digest: Digest, denial: Answer
) -> None:
    registry = Fake()
    registry.push(INDEX, "v1")
    registry.push(worlds.image("other"), "v2")
    registry.spoil(digest, denial, TRUTH)

    report = await audited(registry)

    assert verdict(report).state is State.PRESENT
    (finding,) = (each for each in report.findings if each.rule.code == "recovered-on-read")
    assert (finding.severity, finding.digest, finding.root.name) == (Severity.INFO, digest, "v1")
    assert decode(encode(report.snapshot)) == report.snapshot
    assert not (await audited(registry, before=report)).snapshot.recovered


async def test_what_is_denied_twice_is_lost_and_not_recovered() -> None:
    registry = Fake()
    registry.push(INDEX, "v1")
    registry.sweep(LAYER)

    report = await audited(registry)

    assert verdict(report).state is State.BROKEN
    assert not report.snapshot.recovered
