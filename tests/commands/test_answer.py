"""What a shell is told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from exporter.commands import Refused
from exporter.commands.answer import Exit, exit_code, save
from exporter.commands.auditing import judged
from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.snapshot import RegistryPart, Role
from tests.publish.reports import BROKEN, MISSING, UNKNOWN, attestation, child, report, tag

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.facts.proof import State
    from exporter.judge.report import Report


def said(*reports: Report, whole: bool = True) -> Exit:
    return exit_code(reports, whole=whole)


def with_gap(scope: Scope, found: Report) -> Report:
    gap = Gap(scope, "app", Reason.DENIED)
    return replace(found, snapshot=replace(found.snapshot, gaps=(gap,)))


WELL = report(tag("app:v1", child()))


def test_everything_proven_is_zero() -> None:
    assert said(WELL) is Exit.WELL


@pytest.mark.parametrize("state", [MISSING, BROKEN])
def test_a_required_child_that_is_gone_is_one(state: State) -> None:
    assert said(WELL, report(tag("app:v2", child(state=state)))) is Exit.BROKEN


def test_doubt_is_three() -> None:
    assert said(WELL, report(tag("app:v2", child(state=UNKNOWN)))) is Exit.BLIND


def test_proof_of_a_loss_comes_before_doubt() -> None:
    doubt = report(tag("app:v2", child(state=UNKNOWN)))

    assert said(doubt, report(tag("app:v1", child(state=MISSING)))) is Exit.BROKEN


def test_a_lost_attestation_takes_nothing_from_the_image() -> None:
    assert said(report(tag("app:v1", child(), attestation(MISSING)))) is Exit.WELL


@pytest.mark.parametrize("scope", [Scope.REGISTRY, Scope.REFERENCES])
def test_what_was_asked_for_and_could_not_be_seen_is_doubt(scope: Scope) -> None:
    assert said(with_gap(scope, WELL), whole=False) is Exit.BLIND


def test_a_layer_that_was_not_compared_is_doubt_only_where_that_was_asked() -> None:
    odd = with_gap(Scope.CONTENT, WELL)

    assert exit_code([odd], whole=True) is Exit.WELL
    assert exit_code([odd], whole=False, unpacked=True) is Exit.BLIND
    assert exit_code([WELL], whole=True, unpacked=True) is Exit.WELL


def test_a_list_that_was_not_seen_is_doubt_about_a_registry_but_not_about_an_image() -> None:
    unlisted = with_gap(Scope.REPOSITORY, WELL)

    assert said(unlisted, whole=True) is Exit.BLIND
    assert said(unlisted, whole=False) is Exit.WELL


def test_a_cache_is_not_doubted_for_what_it_leaves_out() -> None:
    cache = report(tag("app:v1", child(state=UNKNOWN), state=UNKNOWN))
    cache = replace(cache, snapshot=replace(cache.snapshot, role=Role.PROXY))

    assert said(cache) is Exit.WELL


@pytest.mark.parametrize(("whole", "code"), [(True, Exit.WELL), (False, Exit.BLIND)])
def test_an_image_of_a_proxied_part_is_doubt_only_where_it_was_asked_for(
    *, whole: bool, code: Exit
) -> None:
    beside = report(tag("app:v1", child()), tag("prox/app:v1", child(state=UNKNOWN), state=UNKNOWN))
    parts = (RegistryPart(("prox/*",), Role.PROXY),)
    beside = replace(beside, snapshot=replace(beside.snapshot, parts=parts))

    assert said(beside, whole=whole) is code


def test_what_is_saved_can_be_judged_again(tmp_path: Path) -> None:
    kept = tmp_path / "kept.snapshot"

    save([WELL], kept)

    assert judged(kept).snapshot == WELL.snapshot


def test_only_one_registry_is_saved_in_a_file(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="one registry"):
        save([WELL, WELL], tmp_path / "kept.snapshot")


def test_a_file_that_is_no_snapshot_is_refused_by_name(tmp_path: Path) -> None:
    kept = tmp_path / "kept.snapshot"
    kept.write_bytes(b"something else")

    with pytest.raises(Refused, match=r"kept\.snapshot"):
        judged(kept)
