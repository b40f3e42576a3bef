"""What a person reads says what the report says, and fits where it is read."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.proof import Proof
from exporter.facts.snapshot import Role
from exporter.facts.use import ReferenceClass, Use
from exporter.judge.checks import unprotected_child
from exporter.judge.finding import Finding, Severity
from exporter.oci.platform import Platform
from exporter.oci.reference import Reference
from exporter.publish.answers.check import unreached
from exporter.publish.render.markdown import escape
from exporter.publish.render.terminal import Style
from tests.golden import golden
from tests.publish.answers.saying import (
    check_markdown,
    check_text,
    inspect_markdown,
    inspect_text,
)
from tests.publish.reports import (
    AMD64,
    ARM64,
    BROKEN,
    MISSING,
    UNKNOWN,
    attestation,
    child,
    digest,
    gone,
    incident,
    rejudged,
    report,
    tag,
    unreadable,
)

if TYPE_CHECKING:
    from exporter.judge.report import Report

SAFE = child(protected_by=("v1-amd64",))
STYLE = Style()


def rows(about: Report, most: int = 100) -> list[list[str]]:
    """The table, cell by cell, without its head."""
    lines = check_text([about], most=most).splitlines()[3:]
    table = [line for line in lines[: lines.index("")] if not line.startswith("…")]
    return [re.split("  +", line) for line in table]


def section(about: Report, head: str) -> list[str]:
    lines = check_text([about], STYLE).splitlines()
    found = lines[lines.index(head) + 1 :]
    return [line.strip() for line in (*found, "")[: (*found, "").index("")]]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("check.txt", check_text([incident()], STYLE)),
        ("check-narrow.txt", check_text([incident()], Style(width=60))),
        ("check-colour.txt", check_text([incident()], Style(colour=True))),
        ("check.md", check_markdown([incident()], 100)),
        ("inspect.txt", inspect_text(incident(), STYLE)),
        ("inspect.md", inspect_markdown(incident())),
    ],
)
def test_the_whole_answer_is_what_was_reviewed(name: str, text: str) -> None:
    golden(name, text)


def test_live_tags_come_first_and_broken_ones_first_among_them() -> None:
    about = report(
        tag("app:old", child(state=MISSING), reference=ReferenceClass.SELECTED),
        tag("app:latest", SAFE, reference=ReferenceClass.LATEST),
        tag("app:fine", SAFE),
        unreadable("app:dark"),
        tag("app:hit", child(state=BROKEN)),
    )

    names = [cells[1] for cells in rows(about)]
    assert names == ["app:hit", "app:dark", "app:fine", "app:latest", "app:old"]


def test_each_state_has_its_own_word() -> None:
    about = report(
        tag("app:v1", SAFE, child("arm64", MISSING), child("arm", BROKEN), child("s390x", UNKNOWN))
    )

    assert rows(about) == [["live", "app:v1", "ok", "BROKEN", "MISSING", "unknown", "broken"]]


def test_what_nothing_needs_is_said_in_a_low_voice() -> None:
    about = report(tag("app:v1", SAFE, replace(child("arm64", MISSING), required_by=None)))

    assert rows(about) == [["live", "app:v1", "ok", "missing", "present"]]
    assert "no required platform needs it" in section(about, "Missing or broken")


def test_a_platform_without_an_image_is_lacking_where_it_must_run_and_a_dash_elsewhere() -> None:
    about = report(tag("app:v1", SAFE, lacking=(ARM64,)), tag("app:v2", SAFE))

    assert rows(about) == [
        ["live", "app:v1", "ok", "LACKING", "broken"],
        ["live", "app:v2", "ok", "-", "present"],
    ]
    assert "no image for this platform" in section(about, "Missing or broken")


def test_the_worst_of_two_images_for_one_platform_is_shown() -> None:
    about = report(tag("app:v1", SAFE, child("amd64", MISSING, name="second")))

    assert rows(about) == [["live", "app:v1", "MISSING", "broken"]]


def test_what_need_not_be_here_is_no_loss() -> None:
    about = report(tag("app:v1", child(state=UNKNOWN, expected=False)), role=Role.PROXY)

    assert rows(about)[0][2:] == ["by design", "by design"]
    assert "Next: " not in check_text([about], STYLE)
    assert section(about, "Gaps in coverage") == ["Not expected here and not audited: 1 manifest."]


@pytest.mark.parametrize(
    ("way", "command"),
    [
        ("", "inspect {}"),
        ("corrupt", "scrub {}"),
        ("wrong_diff_id", "scrub {} --uncompressed"),
    ],
)
def test_what_a_last_byte_cannot_show_is_looked_at_by_reading_all(way: str, command: str) -> None:
    broken = child("amd64", BROKEN)
    if way:
        (lack,) = broken.lacks
        broken = replace(broken, lacks=(replace(lack, **{way: True}),))

    last = check_text([report(tag("app:v1", broken))], again="--plain-http").splitlines()[-1]

    expected = command.format("registry.example/app:v1")
    assert last == f"Next: pullproof {expected} --plain-http"


def test_platforms_past_the_width_fold_into_one_column_that_shows_the_worst() -> None:
    many = [child(f"arch{number}") for number in range(20)]
    about = report(tag("team/application:v1", *many, child("zzz", BROKEN)))

    text = check_text([about], Style(width=80))
    head, row = text.splitlines()[2:4]
    assert max(len(head), len(row)) <= 80
    assert re.search(r"\+\d+ more", head)
    assert "BROKEN" in row


def test_a_long_name_is_cut_in_its_middle_and_keeps_both_ends() -> None:
    name = f"team/{'x' * 200}:v1.2.3"

    row = check_text([report(tag(name, SAFE))], Style(width=70)).splitlines()[3]
    cell = re.split("  +", row)[1]
    assert cell.startswith("team/xxx")
    assert cell.endswith("xxx:v1.2.3")
    assert len(row) == 70


def test_a_name_that_just_fits_is_not_cut() -> None:
    about = report(tag("team/application:v1", SAFE))
    whole = check_text([about], STYLE).splitlines()[3]

    assert check_text([about], Style(width=len(whole))).splitlines()[3] == whole
    assert "…" in check_text([about], Style(width=len(whole) - 1)).splitlines()[3]


def test_columns_fold_only_as_far_as_they_must() -> None:
    about = report(tag("app:v1", *(child(f"arch{number}") for number in range(4))))
    head, row = check_text([about], STYLE).splitlines()[2:4]

    assert check_text([about], Style(width=len(row))).splitlines()[2] == head
    folded = check_text([about], Style(width=len(row) - 1)).splitlines()[2]
    assert re.split("  +", folded)[4:] == ["linux/arch2", "+1 more", "STATE"]


def test_tags_that_are_well_are_counted_when_there_are_too_many_but_no_other_is() -> None:
    fine = [tag(f"app:fine{number}", SAFE) for number in range(5)]
    bad = [tag(f"app:bad{number}", child(state=MISSING)) for number in range(3)]
    text = check_text([report(*fine, *bad)], most=4)

    assert text.count("app:fine") == 1
    assert "… and 4 more complete tags" in text
    assert all(f"app:bad{number} " in text for number in range(3))


def test_a_tag_that_lost_something_optional_is_never_counted_only() -> None:
    fine = [tag(f"app:fine{number}", SAFE) for number in range(3)]
    about = report(*fine, tag("app:sbom", SAFE, attestation(MISSING)))

    assert [cells[1] for cells in rows(about, most=1)] == ["app:sbom"]
    assert "… and 3 more complete tags" in check_text([about], most=1)


def test_many_losses_are_counted_after_the_first_ones() -> None:
    lost = [tag(f"app:v{number}", child(state=MISSING)) for number in range(4)]
    text = check_text([report(*lost)], most=2)

    assert text.count("manifest missing") == 2
    assert "… and 2 more\n" in text
    assert "… and 2 more\n" in check_markdown([report(*lost)], 2)
    assert "more tag" not in check_text([report(*lost)], most=4)


def test_a_single_healthy_tag_ends_with_no_loss_and_says_that_all_was_seen() -> None:
    text = check_text([report(tag("app:v1", SAFE))], STYLE)

    assert "Missing or broken" not in text
    assert "Coverage: complete" in text
    assert "Checked 1 tag, 1 manifest and 1 blob in 1 repository." in text
    assert "1 (last byte verified)" in text
    assert "Next: " not in text
    assert check_text([report(tag("app:v1", SAFE))], again="--config a.yml").endswith(
        "Next: pullproof serve --config a.yml\n"
    )


def test_a_broken_image_names_platform_digest_layer_size_and_what_was_seen() -> None:
    lines = section(report(tag("app:v1", child("arm64", BROKEN))), "Missing or broken")

    assert lines[0] == "app:v1 (live) broken, first seen 2026-04-22 08:30 UTC"
    assert lines[1] == f"linux/arm64  BROKEN  {digest('arm64')}"
    layer = digest(f"layer of {digest('arm64')}")
    assert lines[2] == f"layer {layer} (1.0 KiB) broken: 0 of 1034 bytes"


def test_what_is_seen_for_the_first_time_now_is_not_dated() -> None:
    about = report(tag("app:v1", child(state=MISSING)))
    about = rejudged(about, since=about.snapshot.taken_at)

    assert section(about, "Missing or broken")[0] == "app:v1 (live) broken"


def test_a_loss_that_was_confirmed_says_so() -> None:
    lost = child(state=MISSING, proof=Proof.CONFIRMED)

    assert section(report(tag("app:v1", lost)), "Missing or broken")[2] == (
        "manifest missing: 404 MANIFEST_UNKNOWN (confirmed twice)"
    )


def test_a_tag_that_is_gone_is_named_as_such() -> None:
    lines = section(report(gone("app:v1")), "Missing or broken")

    assert "no such tag: 404 MANIFEST_UNKNOWN" in lines


def test_what_could_not_be_seen_is_counted_by_reason() -> None:
    about = report(
        tag("app:v1", child(state=UNKNOWN), child("arm64", UNKNOWN)),
        unreadable("vault:v1"),
        gaps=(Gap(Scope.REPOSITORY, "vault", Reason.DENIED, "403 Forbidden"),),
    )

    assert section(about, "Gaps in coverage") == [
        "3 manifests unknown: 2 timeout, 1 denied.",
        "repository vault: denied: 403 Forbidden",
    ]


def test_why_all_that_is_unknown_is_unknown_is_said_in_the_registrys_words() -> None:
    lines = section(report(unreadable("vault:v1"), unreadable("vault:v2")), "Gaps in coverage")

    assert lines[0] == "2 manifests unknown: 2 denied (403)."


def test_many_gaps_are_counted_after_the_first_ten() -> None:
    gaps = tuple(Gap(Scope.OBJECT, f"app@{n}", Reason.TIMEOUT) for n in range(12))

    lines = section(report(tag("app:v1", SAFE), gaps=gaps), "Gaps in coverage")
    assert len(lines) == 11
    assert lines[-1] == "2 more: 2 timeout."
    assert len(section(report(tag("app:v1", SAFE), gaps=gaps[:10]), "Gaps in coverage")) == 10


def test_a_registry_that_lists_nothing_is_said_with_the_way_out() -> None:
    gap = Gap(Scope.REGISTRY, "_catalog", Reason.UNAUTHORIZED, "no credentials found; run ...")

    (line,) = section(report(tag("app:v1", SAFE), gaps=(gap,)), "Gaps in coverage")
    assert line == "cannot list repositories: unauthorized: no credentials found; run ..."


def test_a_login_that_may_not_list_is_told_to_name_repositories() -> None:
    gap = Gap(Scope.REGISTRY, "_catalog", Reason.UNAUTHORIZED, "401 UNAUTHORIZED")

    told = unreached(report(gaps=(gap,)))

    assert told.startswith("registry.example: unauthorized: 401 UNAUTHORIZED; ")
    assert "may list repositories, or name them" in told


def test_where_not_all_tags_are_known_protection_is_left_open() -> None:
    about = report(tag("app:v1", child(protected_by=None)), sealed={})

    (line,) = section(about, "Gaps in coverage")
    assert line.startswith("Could not list all tags of 1 repository")


def test_a_tag_that_is_known_to_protect_leaves_nothing_open() -> None:
    (line,) = section(report(tag("app:v1", SAFE), sealed={}), "Coverage: complete")
    assert line.startswith("Checked")


@pytest.mark.parametrize(
    ("about", "command"),
    [
        (
            report(unreadable("app:dark"), tag("app:v1", child(state=MISSING))),
            "pullproof inspect registry.example/app:v1",
        ),
        (report(unreadable("app:dark")), "pullproof inspect registry.example/app:dark"),
        (
            report(tag("app@", child(state=MISSING))),
            f"pullproof inspect registry.example/app@{digest('index of app@')}",
        ),
    ],
)
def test_the_next_command_looks_at_the_worst_tag(about: Report, command: str) -> None:
    assert check_text([about], STYLE).endswith(f"\nNext: {command}\n")
    assert f"Next: `{command}`" in check_markdown([about], 100)


def test_the_next_command_reaches_the_registry_as_this_one_did() -> None:
    about, again = report(tag("app:v1", child(state=MISSING))), "--plain-http --ca-file 'a b'"

    command = f"pullproof inspect registry.example/app:v1 {again}"
    assert check_text([about], again=again).endswith(f"\nNext: {command}\n")
    assert f"Next: `{command}`" in check_markdown([about], 100, again)


def test_a_label_that_is_no_host_is_not_typed_as_one() -> None:
    about = report(tag("app:v1", child(state=MISSING)), registry="main")

    assert check_text([about], STYLE).endswith("Next: pullproof inspect HOST/app:v1\n")


def test_the_next_command_finds_the_worst_tag_of_all_registries() -> None:
    fine = report(tag("app:v1", SAFE), registry="one.example")
    bad = report(tag("app:v2", child(state=BROKEN)), registry="localhost:5000")

    text = check_text([fine, bad], STYLE)
    assert text.endswith("Next: pullproof inspect localhost:5000/app:v2\n")


def test_without_colour_there_is_no_escape_and_with_it_the_text_is_the_same() -> None:
    bare, coloured = (check_text([incident()], Style(colour=each)) for each in (False, True))

    assert "\x1b" not in bare
    assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == bare
    tree_bare, tree = (inspect_text(incident(), Style(colour=each)) for each in (False, True))
    assert re.sub("\x1b\\[[0-9;]*m", "", tree) == tree_bare


def test_what_a_registry_says_cannot_move_the_terminal() -> None:
    evil = "\x1b[2J\r\nall is well"
    lost = child(state=BROKEN, platform=Platform("linux", evil))
    lost = replace(lost, lacks=(replace(lost.lacks[0], detail=evil),))
    about = report(tag("app:v1", lost), gaps=(Gap(Scope.REPOSITORY, evil, Reason.MALFORMED, evil),))

    for text in (check_text([about], STYLE), inspect_text(about, STYLE)):
        assert "\x1b" not in text
        assert "\r" not in text
        assert "\nall is well" not in text


def test_a_registry_without_tags_says_so() -> None:
    assert "No tags in scope: nothing was checked" in check_text([report()], STYLE)
    assert "No tags in scope: nothing was checked" in check_markdown([report()], 100)


def test_what_is_at_risk_is_told_by_check_in_one_line_with_the_first_few_tags() -> None:
    names = [f"app:v{n}" for n in range(7)]
    about = report(*(tag(name, SAFE) for name in names))
    risky = tuple(
        Finding(unprotected_child.CHECK.rule, Severity.WARNING, each.root, None, AMD64, "")
        for each in about.verdicts
    )
    told = rejudged(about, *risky, replace(risky[0], severity=Severity.INFO))

    line = f"{unprotected_child.CHECK.rule.code}: {unprotected_child.CHECK.rule.summary} "
    line += "7 tags in 1 repository, among them "
    line += "; ".join(f"{name} linux/amd64" for name in names[:5])
    assert f"At risk\n  {line}\n\nCoverage: complete" in check_text([told], STYLE)
    assert f"### At risk\n\n- {escape(line)}\n" in check_markdown([told], 100)
    assert "At risk" not in check_text([about], STYLE)
    assert "At risk" not in check_markdown([about], 100)


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

    assert "Used by\n\n- deploy.yml:12, live" in inspect_markdown(
        report(tag("app:v1", SAFE, uses=(use,)))
    )
    assert "No known workload or file uses it" in inspect_markdown(report(tag("app:v1", SAFE)))


def test_one_layer_that_breaks_five_hundred_tags_is_told_on_the_first_lines() -> None:
    base = child("amd64", BROKEN).lacks[0].digest
    broken = [tag(f"team/app{at % 3}:v{at}", child("amd64", BROKEN)) for at in range(500)]
    fine = [tag(f"team/fine:v{at}", SAFE) for at in range(1901)]

    lines = check_text([report(*broken, *fine)]).splitlines()

    assert len(lines) <= 40
    (cause,) = (line for line in lines[:8] if str(base) in line)
    assert "BROKEN" in cause
    assert any(
        "breaks 500 tags in 3 repositories (500 live); first seen" in line for line in lines[:8]
    )
    assert any(
        "and 490 more tags not proven to be complete (--all lists every tag)" in line
        for line in lines
    )
    assert any("1,901 more complete tags" in line for line in lines)
    assert not any("team/fine" in line for line in lines)
    assert f"  pullproof repair registry.example --cause {base}" in lines


def test_a_tag_that_also_lacks_a_platform_is_not_folded_into_the_cause_it_shares() -> None:
    shared = [tag(f"app:v{at}", child("amd64", BROKEN)) for at in range(20)]
    worse = tag("app:worse", child("amd64", BROKEN), lacking=(ARM64,))

    told = section(report(*shared, worse), "Missing or broken")

    assert told[0].startswith("app:worse (live) broken")
    assert not any(line.startswith("app:v") for line in told)
    assert "no image for this platform" in told
