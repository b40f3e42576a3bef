"""No line of a plan takes longer than its length is worth, and none is believed that is cut."""

from __future__ import annotations

import time

import pytest

from exporter.commands import subjects
from exporter.judge.plans.grammar import parse_line
from exporter.judge.plans.plan import bare, read

SHORT, FACTOR = 1_000, 8
PIECES = (
    *("DELETE ", "delete /v2/", "DELETE v2/a/manifests/", "https://h/v2/a", "/manifests/", "a:"),
    *("/repositories/", "/_manifests/revisions/", "deleting manifest: ", "/blobs/", "Deleted a:b "),
    *("INFO[1] ", "  ", "  a", " a=", "a | ", '\\"', "\x1b[1", "##[a]", "[a] ", "1", "sha256:"),
    *("-", "__", "a-", "A.", "Would have deleted ", "package_version", "eligible for deletion"),
)
HEADS = (
    *("", "DELETE ", "INFO[1] ", "deleting manifest: /repositories/", 'time="a" level=a msg="'),
    *("Deleting layer link path: ", "Deleted ", "Would have deleted a:", "Dry-run pruning of: {"),
)


def read_line(line: str) -> None:
    parse_line(bare(line), "app")


def is_registry(line: str) -> None:
    subjects.is_registry(line)


def seconds(reading: object, line: str) -> float:
    """Of processor time, the least of some goes."""
    taken = []
    for _ in range(3):
        began = time.process_time()
        reading(line)  # type: ignore[operator]
        taken.append(time.process_time() - began)
    return min(taken)


@pytest.mark.parametrize("reading", [read_line, is_registry])
@pytest.mark.parametrize("head", HEADS)
def test_a_line_eight_times_as_long_takes_some_eight_times_as_long(
    reading: object, head: str
) -> None:
    for piece in PIECES:
        for tail in ("", "!", "/ "):
            short, long = (
                seconds(reading, head + piece * (length // len(piece)) + tail)
                for length in (SHORT, SHORT * FACTOR)
            )
            # Quadratic would be 64; what takes no time at all has no ratio.
            assert long < 0.002 or long / short < 4 * FACTOR, (head, piece, tail)


def test_a_line_that_is_too_long_is_doubted_whatever_it_begins_with() -> None:
    listed = read(["app:v1\n", f"app:v2{' ' * 5_000}app:v3\n"])

    assert [str(each) for each in listed.deletions] == ["app:v1"]
    assert (listed.lines, listed.unknown) == (2, 1)
    assert any("more than 4,096 characters" in doubt for doubt in listed.doubts)


def test_a_repository_that_is_called_like_the_folder_of_all_is_read() -> None:
    path = (
        f"/r/docker/registry/v2/repositories/a/repositories/_manifests/revisions/sha256/{'0' * 64}"
    )

    said = parse_line(f"deleting manifest: {path}", "")

    assert said is not None
    assert said.deletions[0].repository == "a/repositories"
