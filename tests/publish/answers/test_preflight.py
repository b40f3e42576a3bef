"""How is the answer of a preflight said where there is much of it, or something odd in it?"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.use import ReferenceClass
from exporter.judge.impact import User, users_of
from exporter.judge.preflight.prediction import (
    BrokenManifest,
    Checked,
    Hazard,
    LostContent,
    NeededImage,
    Prediction,
    RemovalTotals,
    Victim,
)
from exporter.publish.answers.document import encode
from exporter.publish.answers.preflight import (
    blocks,
    document,
    going_words,
    headline,
    loss_words,
    victim_words,
)
from exporter.publish.render import markdown, terminal
from tests.publish.reports import cron_job, deployment

LIVE = ReferenceClass.LIVE
EMPTY = Prediction("the plan x", (), (), (), RemovalTotals(), Checked(1, 2, 3))
GAP = Gap(Scope.REFERENCES, "live.txt", Reason.UNREADABLE, "gone")


def victim(name: str, *lost: LostContent, owners: tuple[str, ...] = ()) -> Victim:
    needed = NeededImage("app", name, "", ReferenceClass.LIVE, tuple(map(User, owners)))
    return Victim(
        needed, tag_removed=False, broken=(BrokenManifest("sha256:c", "linux/arm64", lost),)
    )


def gone(kind: str, size: int | None = 7) -> LostContent:
    return LostContent(f"sha256:{kind}", kind, size, removed=True)


def document_of(answer: Prediction) -> Any:
    return json.loads(encode(document(answer, 0.0)))


def test_each_verdict_says_what_it_means() -> None:
    assert headline(EMPTY) == "the plan x would break no tag and no image in use"
    assert headline(replace(EMPTY, gaps=(GAP,))).endswith("but there are gaps")
    broken = replace(EMPTY, victims=(victim("v1", gone("layer")), victim("v2", gone("layer"))))
    assert headline(broken) == "the plan x would break 2 images: 1 manifest, 7 B removed for good"


def test_a_tag_that_goes_and_breaks_nothing_is_no_manifest() -> None:
    tag = Victim(
        NeededImage("app", "v1", "", ReferenceClass.LIVE, (User("x"),)), tag_removed=True, broken=()
    )

    assert headline(replace(EMPTY, victims=(tag,))) == "the plan x would break 1 image"
    assert victim_words(tag) == "app:v1 (live), tag removed, used by x"


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        ((gone("manifest"),), "manifest removed; 7 B removed"),
        ((LostContent("d", "manifest", None, removed=False),), "manifest unlinked"),
        (
            (gone("config"), gone("layer"), gone("layer")),
            "config removed, 2 layers removed; 21 B removed",
        ),
        ((LostContent("d", "layer", 7, removed=False),), "1 layer no longer served"),
        ((gone("blob", None),), "1 blob removed"),
    ],
)
def test_what_is_lost_is_said_piece_by_piece(lost: tuple[LostContent, ...], words: str) -> None:
    assert loss_words(BrokenManifest("sha256:c", "", lost)) == words


def test_what_goes_is_counted_with_its_bytes_where_they_are_known() -> None:
    assert going_words(replace(EMPTY, removed=RemovalTotals(1, 2, 3, 4, 2048))) == (
        "1 tag, 2 manifests, 3 blobs, 4 layer links, 2.0 KiB"
    )
    assert (
        going_words(replace(EMPTY, removed=RemovalTotals(manifests=1, size=None))) == "1 manifest"
    )
    assert going_words(EMPTY) == "nothing"
    assert going_words(replace(EMPTY, removed=None)) == "unknown"


def test_many_owners_are_counted() -> None:
    owners = tuple(f"o{at}" for at in range(7))

    assert victim_words(victim("v1", owners=owners)).endswith(
        "used by o0; o1; o2; o3; o4 and 2 more"
    )


def test_long_lists_end_with_how_many_more_there_are() -> None:
    many = replace(
        EMPTY,
        victims=tuple(victim(f"v{at}", gone("layer")) for at in range(4)),
        gaps=(GAP,) * 5,
        hazards=(Hazard("young-blobs", "app", "d"),) * 6,
        more_victims=10,
    )

    text, ticket = terminal.render(blocks(many, 3)), markdown.render(blocks(many, 3))

    for more in ("… and 11 more", "… and 2 more", "… and 3 more"):
        assert more in text
        assert more in ticket
    assert "would break 14 images\n" in text
    assert document_of(many)["victims_more"] == 10


def test_nothing_that_others_wrote_moves_the_cursor_or_breaks_the_layout() -> None:
    needed = NeededImage("app\x1b[2J", "v*1", "", ReferenceClass.LIVE, (User("a|b"),))
    odd = replace(EMPTY, victims=(Victim(needed, tag_removed=True, broken=()),), operation="\udcff")

    assert "\x1b" not in terminal.render(blocks(odd, 10))
    assert "v\\*1" in markdown.render(blocks(odd, 10))
    assert document_of(odd)["asked"] == "\\udcff"


def test_the_workloads_of_a_victim_are_named_with_their_nodes_and_next_runs() -> None:
    needed = NeededImage("shop/app", "v1", "", LIVE, users_of([deployment(), cron_job()]))
    victim = Victim(needed, tag_removed=True, broken=())

    assert victim_words(victim) == (
        "shop/app:v1 (live), tag removed, used by "
        "CronJob shop/sync (prod) on linux/amd64, linux/arm64, next run 2026-05-01 03:00 UTC; "
        "Deployment shop/web (prod) on linux/amd64, linux/arm64, 12 running"
    )
    (told,) = document_of(replace(EMPTY, victims=(victim,)))["victims"]
    job, web = told["used_by"]
    assert told["owners"] == [job["owner"], web["owner"]]
    assert web["workload"] == {
        "cluster": "prod",
        "namespace": "shop",
        "kind": "Deployment",
        "name": "web",
    }
    assert (web["running"], web["next_run"], job["next_run"]) == (12, None, "2026-05-01T03:00:00Z")


def test_what_a_schedule_starts_soonest_is_told_first() -> None:
    soon, late = (users_of([cron_job(next_run=when)]) for when in (5.0, 9.0))
    needed = [
        NeededImage("app", "a", "", LIVE),
        NeededImage("app", "b", "", LIVE, late),
        NeededImage("app", "c", "", LIVE, soon),
        NeededImage("app", "d", "", ReferenceClass.IDLE, soon),
    ]

    assert [each.tag for each in sorted(needed, key=lambda each: each.rank)] == ["c", "b", "a", "d"]
