"""The line of progress says what is read, how much of it is done, and that a loss is confirmed."""

from __future__ import annotations

import asyncio
import re

from exporter.audit import audit
from exporter.commands.auditing import ProgressLine
from exporter.ports import Listing
from exporter.resolve.scope import AuditScope
from exporter.resolve.target import AuditLimits
from exporter.tally import AuditProgress
from tests.fakes import Fake, target
from tests.worlds import two_platforms


def test_an_estimate_needs_some_seconds_of_the_stage() -> None:
    audited = AuditProgress()
    line = ProgressLine({"one": audited})

    assert line.text(0.0) == "listing repositories and tags"
    audited.expect("blobs", 1_000)
    assert line.text(10.0) == "reading blobs: 0 of 1,000"
    audited.done = 100
    assert line.text(11.0) == "reading blobs: 100 of 1,000"
    assert line.text(20.0) == "reading blobs: 100 of 1,000, about 90 s left"
    audited.expect("blobs", 9_000)
    assert line.text(20.0) == "reading blobs: 100 of 10,000, about 16 min left"


def test_of_several_registries_the_one_with_the_most_to_do_is_named() -> None:
    few, many = AuditProgress(), AuditProgress()
    few.expect("tags", 10)
    many.expect("tags", 300)
    line = ProgressLine({"few": few, "many": many})

    assert line.text(0.0) == "many: reading tags: 0 of 300"
    with few.confirming(1):
        assert line.text(0.0) == "few: confirming 1 apparent loss with a second request"


async def test_an_audit_tells_each_step_and_counts_to_its_end() -> None:
    registry = Fake()
    image = two_platforms("app")
    registry.push(image, "v1")
    registry.sweep(image.children[0].layers[0].digest)
    audited = target(
        registry, scope=AuditScope(select=("*",)), limits=AuditLimits(confirm_after=0.05)
    )
    line = ProgressLine({"one": audited.progress})
    seen: list[str] = []

    async def watch() -> None:
        while True:
            seen.append(line.text(0.0))
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    await audit(audited, Listing(()), None, 0.0)
    watching.cancel()

    told = list(dict.fromkeys(re.sub(r":.*", "", each) for each in seen))
    assert [each for each in told if each.startswith("reading")][:3] == [
        "reading tags",
        "reading manifests",
        "reading blobs",
    ]
    assert "confirming 1 apparent loss with a second request" in told
    for text in seen:
        counts = [int(each) for each in re.findall(r"\d+(?= of|$)", text)]
        assert counts == sorted(counts), text
    assert audited.progress.done == audited.progress.total
