"""How is the answer of a preflight said where there is much of it, or something odd in it?"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.use import ReferenceClass
from exporter.judge.blast import Hit, hits
from exporter.judge.preflight.answer import (
    Answer,
    Broken,
    Checked,
    Going,
    Hazard,
    Hurt,
    Lost,
    Needed,
)
from exporter.publish.preflight.document import preflight_json
from exporter.publish.preflight.markdown import preflight_markdown
from exporter.publish.preflight.text import preflight_text
from exporter.publish.preflight.words import going_words, headline, hurt_words, loss_words
from exporter.publish.text.terminal import Style
from tests.publish.reports import cron_job, deployment

LIVE = ReferenceClass.LIVE
EMPTY = Answer("the plan x", (), (), (), Going(), Checked(1, 2, 3))
GAP = Gap(Scope.REFERENCES, "live.txt", Reason.UNREADABLE, "gone")


def hurt(name: str, *lost: Lost, owners: tuple[str, ...] = ()) -> Hurt:
    needed = Needed("app", name, "", ReferenceClass.LIVE, tuple(map(Hit, owners)))
    return Hurt(needed, tag_gone=False, broken=(Broken("sha256:c", "linux/arm64", lost),))


def gone(kind: str, size: int | None = 7) -> Lost:
    return Lost(f"sha256:{kind}", kind, size, gone=True)


def test_each_verdict_says_what_it_means() -> None:
    assert headline(EMPTY) == "the plan x would break no tag and no image in use"
    assert headline(replace(EMPTY, gaps=(GAP,))).endswith("but there are gaps")
    broken = replace(EMPTY, hurt=(hurt("v1", gone("layer")), hurt("v2", gone("layer"))))
    assert headline(broken) == "the plan x would break 2 images: 1 manifest, 7 B removed for good"


def test_a_tag_that_goes_and_breaks_nothing_is_no_manifest() -> None:
    tag = Hurt(Needed("app", "v1", "", ReferenceClass.LIVE, (Hit("x"),)), tag_gone=True, broken=())

    assert headline(replace(EMPTY, hurt=(tag,))) == "the plan x would break 1 image"
    assert hurt_words(tag) == "app:v1 (live), tag removed, used by x"


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        ((gone("manifest"),), "manifest removed; 7 B removed"),
        ((Lost("d", "manifest", None, gone=False),), "manifest unlinked"),
        (
            (gone("config"), gone("layer"), gone("layer")),
            "config removed, 2 layers removed; 21 B removed",
        ),
        ((Lost("d", "layer", 7, gone=False),), "1 layer no longer served"),
        ((gone("blob", None),), "1 blob removed"),
    ],
)
def test_what_is_lost_is_said_piece_by_piece(lost: tuple[Lost, ...], words: str) -> None:
    assert loss_words(Broken("sha256:c", "", lost)) == words


def test_what_goes_is_counted_with_its_bytes_where_they_are_known() -> None:
    assert going_words(replace(EMPTY, going=Going(1, 2, 3, 4, 2048))) == (
        "1 tag, 2 manifests, 3 blobs, 4 layer links, 2.0 KiB"
    )
    assert going_words(replace(EMPTY, going=Going(manifests=1, size=None))) == "1 manifest"
    assert going_words(EMPTY) == "nothing"
    assert going_words(replace(EMPTY, going=None)) == "unknown"


def test_many_owners_are_counted() -> None:
    owners = tuple(f"o{at}" for at in range(7))

    assert hurt_words(hurt("v1", owners=owners)).endswith("used by o0; o1; o2; o3; o4 and 2 more")


def test_long_lists_end_with_how_many_more_there_are() -> None:
    many = replace(
        EMPTY,
        hurt=tuple(hurt(f"v{at}", gone("layer")) for at in range(4)),
        gaps=(GAP,) * 5,
        hazards=(Hazard("young-blobs", "app", "d"),) * 6,
        more=10,
    )

    text, markdown = preflight_text(many, Style(most=3)), preflight_markdown(many, 3)

    for more in ("… and 11 more image", "… and 2 more", "… and 3 more"):
        assert more in text
        assert more.removesuffix(" image") in markdown
    assert "would break 14 images\n" in text
    assert json.loads(preflight_json(many))["victims_more"] == 10


def test_nothing_that_others_wrote_moves_the_cursor_or_breaks_the_layout() -> None:
    needed = Needed("app\x1b[2J", "v*1", "", ReferenceClass.LIVE, (Hit("a|b"),))
    odd = replace(EMPTY, hurt=(Hurt(needed, tag_gone=True, broken=()),), asked="\udcff")

    assert "\x1b" not in preflight_text(odd, Style())
    assert "v\\*1" in preflight_markdown(odd, 10)
    assert json.loads(preflight_json(odd))["asked"] == "\\udcff"


def test_the_workloads_of_a_victim_are_named_with_their_nodes_and_next_runs() -> None:
    needed = Needed("shop/app", "v1", "", LIVE, hits([deployment(), cron_job()]))
    victim = Hurt(needed, tag_gone=True, broken=())

    assert hurt_words(victim) == (
        "shop/app:v1 (live), tag removed, used by "
        "CronJob shop/sync (prod) on linux/amd64, linux/arm64, next run 2026-05-01 03:00 UTC; "
        "Deployment shop/web (prod) on linux/amd64, linux/arm64, 12 running"
    )
    (told,) = json.loads(preflight_json(replace(EMPTY, hurt=(victim,))))["victims"]
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
    soon, late = (hits([cron_job(next_run=when)]) for when in (5.0, 9.0))
    needed = [
        Needed("app", "a", "", LIVE),
        Needed("app", "b", "", LIVE, late),
        Needed("app", "c", "", LIVE, soon),
        Needed("app", "d", "", ReferenceClass.IDLE, soon),
    ]

    assert [each.tag for each in sorted(needed, key=lambda each: each.rank)] == ["c", "b", "a", "d"]
