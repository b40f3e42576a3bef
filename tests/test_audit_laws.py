"""What holds of every audit, whatever a registry holds and however it stumbles."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.gap import Reason
from exporter.facts.proof import GONE, State
from exporter.judge.explanation import explain
from exporter.oci.reference import Repository
from exporter.ports import Wrong
from tests import worlds
from tests.fakes import APP, NO_BLOB, NO_MANIFEST, NO_NAME, TRUTH, Fake, Notes, audited, target, use

if TYPE_CHECKING:
    from exporter.judge.report import Report
    from exporter.judge.tag_verdict import Child
    from exporter.oci.digest import Digest

A, B = worlds.two_platforms("app").children
NESTED = worlds.index(B, worlds.chart("c"))
BUILT = worlds.index(A, NESTED, worlds.attestation(A))
PLAIN = worlds.image("plain", layers=(A.layers[0],))
EVERY = [*BUILT.walk(), PLAIN]
THINGS = sorted({each.digest for made in EVERY for each in (made, *made.blobs)})
TAGS = ("v1", "v2", "direct")
NAMES = [("app", name) for name in (*TAGS, *THINGS, "*")] + [("", "*")]

STUMBLES = st.sampled_from(sorted(set(Reason) - {Reason.BY_DESIGN}))
LIES = {"*": NO_NAME, **dict.fromkeys((*TAGS, *(each.digest for each in EVERY)), NO_MANIFEST)}
FAULTS = st.one_of(
    st.just("lie"), st.just("wrong"), STUMBLES, st.tuples(STUMBLES, st.just("for ever"))
)
SWEPT = st.sets(st.sampled_from(THINGS), max_size=3)
SPOILT = st.dictionaries(st.sampled_from(NAMES), FAULTS, max_size=5)


def stocked(swept: set[Digest], again: set[Digest]) -> Fake:
    registry = Fake()
    registry.push(BUILT, "v1")
    registry.push(PLAIN, "v2")
    registry.push(B, "direct")
    registry.sweep(*swept, *again)
    return registry


def spoil(registry: Fake, faults: dict[tuple[str, str], object]) -> None:
    """Let each place lie once, or stumble once or for ever, and then tell the truth."""
    for (repository, name), fault in faults.items():
        if isinstance(fault, tuple):
            answers = [fault[0]]
        elif fault == "lie":
            answers = [LIES.get(name, NO_BLOB), TRUTH]
        else:
            answers = [Wrong("1 of 9 bytes") if fault == "wrong" else fault, TRUTH]
        registry.spoil(name, *answers, repository=Repository(repository))  # type: ignore[arg-type] # as listed


def needs(child: Child) -> set[Digest]:
    """Everything that a pull of this child reads."""
    made = next((each for each in EVERY if each.digest == child.digest), None)
    return {child.digest} if made is None else {made.digest, *(blob.digest for blob in made.blobs)}


def check(report: Report, lost: set[Digest]) -> None:
    for verdict in report.verdicts:
        for child in verdict.children:
            if child.state is State.PRESENT:
                assert not needs(child) & lost
            if child.state in GONE:
                assert {each.digest for each in child.lacks if each.state in GONE} & lost
        if verdict.state in GONE:
            assert lost
        if verdict.state is State.PRESENT:
            assert verdict.root.digest not in lost


@given(SWEPT, SPOILT)
def test_explain_and_check_never_disagree(
    swept: set[Digest], faults: dict[tuple[str, str], object]
) -> None:
    registry = stocked(swept, set())
    spoil(registry, faults)

    report = asyncio.run(audited(registry, use("app:v1", "linux/amd64"), use("app:direct")))

    for verdict in report.verdicts:
        root = verdict.root
        told = explain(report, root.repository, root.tag, None if root.tag else root.digest)
        assert (told.state, told.cannot_be_pulled) == (verdict.state, verdict.cannot_be_pulled)
        for child in verdict.children:
            if child.digest and child.expected and root.sighting.state is State.PRESENT:
                assert explain(report, root.repository, None, child.digest).state is child.state


@given(SWEPT, SPOILT)
def test_one_audit_claims_neither_health_nor_loss_that_is_not_so(
    swept: set[Digest], faults: dict[tuple[str, str], object]
) -> None:
    registry = stocked(swept, set())
    spoil(registry, faults)

    report = asyncio.run(audited(registry, use("app:v1", "linux/amd64")))

    check(report, swept)
    assert registry.most_under_way <= 4


@given(
    swept=SWEPT,
    later=SWEPT,
    spells=st.lists(SPOILT, min_size=2, max_size=3),
    kept=st.booleans(),
)
def test_nor_does_a_row_of_audits(
    *,
    swept: set[Digest],
    later: set[Digest],
    spells: list[dict[tuple[str, str], object]],
    kept: bool,
) -> None:
    report, notes = None, Notes()
    lost = set(swept)
    for n, faults in enumerate(spells):
        registry = stocked(swept, lost)
        spoil(registry, faults)
        told = target(registry, notes if kept else None)
        report = asyncio.run(audited(told, use("app:v1"), before=report, now=float(n)))
        check(report, lost)
        lost |= later


@given(SWEPT, SPOILT)
def test_a_loss_does_not_vanish_while_it_is_so(
    swept: set[Digest], faults: dict[tuple[str, str], object]
) -> None:
    before = asyncio.run(audited(stocked(swept, set())))
    registry = stocked(swept, set())
    spoil(registry, faults)

    report = asyncio.run(audited(registry, before=before, now=900.0))

    told = {each.root.name: each.state for each in report.verdicts}
    for verdict in before.verdicts:
        if verdict.state in GONE:
            assert told[verdict.root.name] in GONE


@given(SWEPT)
def test_without_a_stumble_every_loss_is_found(swept: set[Digest]) -> None:
    report = asyncio.run(audited(stocked(swept, set())))

    for verdict in report.verdicts:
        assert verdict.state is not State.UNKNOWN
        for child in verdict.children:
            assert (child.state in GONE) is bool(needs(child) & swept)
    assert not report.snapshot.gaps
    assert report.snapshot.listed == {APP: 3}
