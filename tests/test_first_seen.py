"""Since when is something so? What could not be looked at again is neither gone nor new."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tests import worlds
from tests.fakes import TRUTH, Fake, audited, use
from tests.test_audit_laws import NAMES, PLAIN, STUMBLES, SWEPT, A, B, stocked

if TYPE_CHECKING:
    from exporter.facts.gap import Reason
    from exporter.judge.report import Report
    from exporter.oci.digest import Digest
    from tests.worlds import Made

RUNNING = frozenset({PLAIN.digest, A.config.digest, worlds.image("gone").digest})
"""What the tag leads to, what another tag does, and what none does."""
BLIND_SPOTS = st.dictionaries(
    st.sampled_from(NAMES), st.tuples(STUMBLES, st.booleans()), max_size=5
)
"""What stumbles, how, and whether for ever."""
MOVES = st.dictionaries(st.sampled_from(("v1", "v2", "direct")), st.sampled_from((A, B, PLAIN)))


def look(registry: Fake, before: Report | None, now: float) -> Report:
    """Audit a registry whose images are pinned, run, and are wanted where they do not run."""
    asked = audited(
        registry,
        use("app:v1", "linux/amd64", "linux/s390x", admitted=["linux/riscv64"]),
        use("app:v2", "linux/arm64", running=RUNNING),
        use(f"app@{B.digest}"),
        before=before,
        now=now,
    )
    return asyncio.run(asked)


def blinded(registry: Fake, spots: dict[tuple[str, str], tuple[Reason, bool]]) -> Fake:
    for (repository, name), (reason, for_ever) in spots.items():
        answers = [reason] if for_ever else [reason, TRUTH]
        registry.spoil(name, *answers, repository=repository)  # type: ignore[arg-type] # as listed
    return registry


@given(SWEPT, st.lists(BLIND_SPOTS, min_size=1, max_size=3))
def test_what_stays_so_keeps_its_time_through_whatever_cannot_be_seen(
    swept: set[Digest], spells: list[dict[tuple[str, str], tuple[Reason, bool]]]
) -> None:
    first = known = look(stocked(swept, set()), None, 1.0)
    for later, spots in enumerate(spells, start=2):
        report = look(blinded(stocked(swept, set()), spots), known, float(later))
        if report.snapshot.blind is None:
            known = report
            assert first.since.items() <= known.since.items()

    last = look(stocked(swept, set()), known, 9.0)

    assert last.findings == first.findings
    assert last.since == first.since


@given(SWEPT, BLIND_SPOTS, MOVES)
def test_what_is_seen_not_to_be_so_any_more_is_forgotten(
    swept: set[Digest], spots: dict[tuple[str, str], tuple[Reason, bool]], moves: dict[str, Made]
) -> None:
    known = look(stocked(swept, set()), None, 1.0)
    report = look(blinded(stocked(swept, set()), spots), known, 2.0)
    known = known if report.snapshot.blind else report
    whole = stocked(set(), set())
    for tag, made in moves.items():
        whole.push(made, tag)

    last = look(whole, known, 9.0)

    assert last.since.keys() == {each.key for each in last.findings}
