from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter.sources.storage import hand
from exporter.sources.storage.crew import Crew

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNT = 9_000
"""So many that each hand has several pieces."""


@pytest.fixture(scope="module")
def names() -> list[str]:
    return [f"{number:064x}" for number in range(COUNT)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> Iterator[int]:
    root = tmp_path_factory.mktemp("links")
    for number, name in enumerate(names):
        (root / name).mkdir()
        if number % 7:
            said = name if number % 11 else name[::-1]
            (root / name / "link").write_text(f"sha256:{said}")
            (root / name / "data").write_bytes(b"x" * (number % 100))
    opened = os.open(root, os.O_RDONLY)
    yield opened
    os.close(opened)


def descriptors() -> set[tuple[str, str]]:
    """What is open; that of other tests may close at any time."""
    found = set()
    for each in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the one for this list
            found.add((each.name, str(each.readlink())))
    return found


def alone(task: hand.Task, folder: int, names: list[str]) -> list[int]:
    return [*task(folder, b"sha256", [name.encode() for name in names])]


def children() -> list[int]:
    lists = Path("/proc/self/task").glob("*/children")
    return [int(number) for each in lists for number in each.read_text().split()]


@pytest.mark.parametrize("task", hand.TASKS)
def test_many_hands_find_what_one_finds_alone(
    task: hand.Task, folder: int, names: list[str]
) -> None:
    with Crew() as crew:
        assert [*crew.ask(task, folder, "sha256", names).numbers()] == alone(task, folder, names)


def test_what_was_asked_first_may_be_read_last(folder: int, names: list[str]) -> None:
    with Crew() as crew:
        parts = [names[at : at + 1_000] for at in range(0, COUNT, 1_000)]
        asked = [crew.ask(hand.blobs, folder, "sha256", part) for part in parts]
        found = [[*each.numbers()] for each in reversed(asked)]

    assert [*reversed(found)] == [alone(hand.blobs, folder, part) for part in parts]


def test_hands_that_die_over_their_work_cost_nothing_but_time(
    folder: int, names: list[str]
) -> None:
    before = {*children()}
    with Crew() as crew:
        begun = crew.ask(hand.links, folder, "sha256", names)
        hired = {*children()} - before
        for number in hired:
            os.kill(number, signal.SIGKILL)
        after = crew.ask(hand.blobs, folder, "sha256", names)
        found = [*begun.numbers()], [*after.numbers()]

    assert hired
    assert found == (alone(hand.links, folder, names), alone(hand.blobs, folder, names))


def test_no_process_and_no_descriptor_is_left_behind(folder: int, names: list[str]) -> None:
    before = {*children()}, descriptors()
    with Crew() as crew:
        crew.ask(hand.links, folder, "sha256", names).numbers()

    assert {*children()} <= before[0]
    assert descriptors() <= before[1]


def test_a_few_names_are_worth_no_process(folder: int, names: list[str]) -> None:
    before = {*children()}
    with Crew() as crew:
        found = [*crew.ask(hand.links, folder, "sha256", names[:8]).numbers()]
        assert {*children()} <= before

    assert found == [1, 0, 0, 0, 0, 0, 0, 1]


ONE = "a1" * 32
OTHER = "b2" * 32


def planted(root: Path, links: dict[str, str]) -> int:
    for path, said in links.items():
        (root / path).parent.mkdir(parents=True)
        (root / path).write_text(said)
    return os.open(root, os.O_RDONLY)


@pytest.mark.parametrize(
    ("more", "current", "digest"),
    [
        ({}, ONE, ONE),
        ({f"v1/index/sha256/{OTHER}/link": ""}, ONE, ""),  # it moved
        ({f"v1/index/sha512/{OTHER * 2}/link": ""}, ONE, ""),
        ({"v1/other/link": ""}, ONE, ""),
        ({}, OTHER, ""),
        ({}, "00" * 32, ""),
        ({}, ONE.upper(), ""),
        ({}, ONE[:8], ""),
    ],
)
def test_only_a_tag_that_never_moved_is_read_at_a_glance(
    tmp_path: Path, more: dict[str, str], current: str, digest: str
) -> None:
    first = ONE if digest or more or current == OTHER else current
    told = {"v1/current/link": f"sha256:{current}", f"v1/index/sha256/{first}/link": ""}
    folder = planted(tmp_path, told | more)

    found = hand.tags(folder, b"sha256", [b"v1"])
    os.close(folder)

    assert found.tobytes().hex() == (digest or "00" * 32)


def test_a_tag_whose_history_lost_its_link_is_not_read_at_a_glance(tmp_path: Path) -> None:
    (tmp_path / "v1/index/sha256" / ONE).mkdir(parents=True)
    folder = planted(tmp_path, {"v1/current/link": f"sha256:{ONE}"})

    found = hand.tags(folder, b"sha256", [b"v1"])
    os.close(folder)

    assert not any(found)
