"""Is every image that a file names found, and every line that cannot be read told?"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.use import ReferenceClass, Use
from exporter.oci.platform import Platform
from exporter.oci.reference import Reference
from exporter.ports import Listing, Unseen
from exporter.sources.references import ReferenceFile

if TYPE_CHECKING:
    from pathlib import Path

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")
PINNED = f"registry.example/app@sha256:{'0' * 64}"


def listing(path: Path, content: str | bytes) -> Listing[Use]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return ReferenceFile(path).uses()


def named(found: Listing[Use]) -> list[str]:
    return [str(use.reference) for use in found.entries]


def told(found: Listing[Use]) -> list[tuple[str, str]]:
    assert {(gap.scope, gap.reason) for gap in found.gaps} <= {(Scope.REFERENCES, Reason.MALFORMED)}
    return [(gap.subject.rpartition("/")[2], gap.detail) for gap in found.gaps]


def test_each_line_is_a_use_that_knows_its_line_its_class_and_its_platforms(tmp_path: Path) -> None:
    path = tmp_path / "live.txt"
    path.write_text("# all that runs\n\nregistry.example/app:v1\n")
    file = ReferenceFile(path, ReferenceClass.IDLE, frozenset({ARM64}))

    assert file.uses().entries == (
        Use(
            f"{path}:3",
            Reference.parse("registry.example/app:v1"),
            ReferenceClass.IDLE,
            frozenset({ARM64}),
        ),
    )


def test_comments_blanks_and_foreign_line_ends_mean_nothing(tmp_path: Path) -> None:
    text = f"\ufeff\r\n  a.b/c:1  # why\r\n#{PINNED}\n\t{PINNED}#x\r\n   \nnginx"
    found = listing(tmp_path / "refs", text)

    assert named(found) == ["a.b/c:1", PINNED, "docker.io/library/nginx:latest"]
    assert found.complete


@pytest.mark.parametrize("content", ["", "\n", "# nothing\n"])
def test_an_empty_file_names_nothing(tmp_path: Path, content: str) -> None:
    assert listing(tmp_path / "refs.txt", content) == Listing(())
    assert listing(tmp_path / "refs.yml", content) == Listing(())


def test_a_bad_line_is_a_gap_and_costs_no_other(tmp_path: Path) -> None:
    lines = [b"a.b/c:1", b"a.b/C:1", b"a.b/\xff", b"a.b/" + b"c" * 2000, b"a.b/c d", b"a.b/d:2"]
    found = listing(tmp_path / "refs.txt", b"\n".join(lines))

    assert named(found) == ["a.b/c:1", "a.b/d:2"]
    assert told(found) == [
        ("refs.txt:2", "not a repository name: 'C'; its letters are lower-case"),
        ("refs.txt:3", "not UTF-8 text"),
        ("refs.txt:4", "longer than 1000 characters"),
        ("refs.txt:5", "not a repository name: 'c d'"),
    ]


def test_a_list_may_say_more_of_an_entry(tmp_path: Path) -> None:
    path = tmp_path / "refs.yaml"
    path.write_text(
        "- a.b/c:1\n"
        "- image: a.b/c:2\n"
        "- {image: a.b/c:3, class: rollback, platforms: [linux/amd64, linux/arm64/v8]}\n"
        "- {image: a.b/c:4, platforms: []}\n"
    )
    found = ReferenceFile(path, ReferenceClass.LIVE, frozenset({AMD64})).uses()

    assert [
        (use.owner, use.reference.tag, use.reference_class, use.platforms) for use in found.entries
    ] == [
        (f"{path}:1", "1", ReferenceClass.LIVE, {AMD64}),
        (f"{path}:2", "2", ReferenceClass.LIVE, {AMD64}),
        (f"{path}:3", "3", ReferenceClass.ROLLBACK, {AMD64, ARM64}),
        (f"{path}:4", "4", ReferenceClass.LIVE, frozenset()),
    ]
    assert found.complete


def test_json_is_read_alike(tmp_path: Path) -> None:
    found = listing(tmp_path / "refs.JSON", '["a.b/c:1",\n {"image": "a.b/c:2", "class": "idle"}]')

    assert named(found) == ["a.b/c:1", "a.b/c:2"]
    assert [use.owner.rpartition(":")[2] for use in found.entries] == ["1", "2"]


def test_a_bad_entry_is_a_gap_and_costs_no_other(tmp_path: Path) -> None:
    found = listing(
        tmp_path / "refs.yml",
        "- a.b/c:1\n"
        "- 7\n"
        "- {image: a.b/c:2, clas: live}\n"
        "- {image: a.b/c:2, class: lve}\n"
        "- {image: a.b/c:2, platforms: linux/amd64}\n"
        "- {image: a.b/c:2, platforms: [7]}\n"
        "- {image: a.b/c:2, platforms: [linux]}\n"
        "- {class: live}\n"
        "- {image: a.b/c:2, image: a.b/c:3}\n"
        "- *all\n"
        "- [a.b/c:2]\n"
        "- {image: a.b/c:2, class: [live]}\n"
        "- {image: a.b/c:2, class: {live: yes}}\n"
        "- {}\n"
        "-\n"
        "- a.b/c:4\n",
    )

    assert named(found) == ["a.b/c:1", "a.b/c:4"]
    assert [subject for subject, _ in told(found)] == [f"refs.yml:{n}" for n in range(2, 16)]
    details = [detail for _, detail in told(found)]
    assert details[1] == "Object contains unknown field `clas`"
    assert details[2] == "Invalid enum value 'lve' - at `$.class`"
    assert details[7] == "given twice, first on line 9"


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        ("image: a.b/c:1", "not a list of references"),
        ("- a: b: c", "line 1: not YAML: mapping values are not allowed in this context"),
        ("[" * 100, "line 1: too deeply nested, or too many values"),
        ("- a\n" * 400_000, "line 400000: too deeply nested, or too many values"),
    ],
)
def test_a_list_that_is_none_is_not_nothing(tmp_path: Path, content: str, detail: str) -> None:
    with pytest.raises(Unseen) as caught:
        listing(tmp_path / "refs.yml", content)

    assert (caught.value.reason, caught.value.detail) == (Reason.MALFORMED, detail)


def test_a_file_that_cannot_be_read_is_not_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    for name, detail in (("no.txt", "No such file"), ("", "not a file"), ("pipe", "not a file")):
        with pytest.raises(Unseen, match=detail) as caught:
            ReferenceFile(tmp_path / name).uses()
        assert caught.value.reason is Reason.UNREADABLE


def test_a_file_past_the_limits_is_not_read_in_part(tmp_path: Path) -> None:
    for content in (b"#" * (16 * 1024 * 1024 + 1), b"\n" * 1_000_001):
        with pytest.raises(Unseen, match="more than") as caught:
            listing(tmp_path / "refs.txt", content)
        assert caught.value.reason is Reason.TOO_LARGE


def test_a_million_lines_are_read(tmp_path: Path) -> None:
    found = listing(tmp_path / "refs.txt", b"# x\n" * 999_999 + b"a.b/c:1")

    assert [use.owner for use in found.entries] == [f"{tmp_path}/refs.txt:1000000"]


def test_of_very_many_bad_lines_the_first_are_named_and_the_rest_counted(tmp_path: Path) -> None:
    found = listing(tmp_path / "refs.txt", "A B\n" * 250)

    assert len(found.gaps) == 101
    assert found.gaps[-1] == Gap(Scope.REFERENCES, "150 more", Reason.MALFORMED)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=40).filter(lambda line: b"\n" not in line), max_size=20))
def test_no_line_is_lost_whatever_it_holds(tmp_path: Path, lines: list[bytes]) -> None:
    found = listing(tmp_path / "refs.txt", b"\n".join([b"", *lines]))
    meant = [line for line in lines if line.partition(b"#")[0].strip()]

    assert len(found.entries) + len(found.gaps) == len(meant)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.sampled_from("-:{}[], \n\"'abimge/1*&!"), max_size=60))
def test_no_list_ends_in_a_traceback(tmp_path: Path, text: str) -> None:
    try:
        found = listing(tmp_path / "refs.yml", text)
    except Unseen:
        return
    assert isinstance(found.entries, tuple)
