"""Whatever bytes a snapshot's file has, every command that reads it answers, or refuses it."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter import cli
from exporter.commands.subjects import TYPED
from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.proof import HEADER
from exporter.facts.snapshot import Root, Sealed, Snapshot
from exporter.facts.use import ReferenceClass, Use
from exporter.oci.digest import Digest
from exporter.oci.links import OCI_INDEX, Descriptor, Kind, Link
from exporter.oci.manifest import Manifest
from exporter.oci.reference import Reference, Repository, Tag
from tests.publish.reports import incident
from tests.store.layout import encode, laid_out, packed, start
from tests.store.random_snapshots import snapshots

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

MEBIBYTE: Final = 1 << 20
GOOD: Final = encode(incident().snapshot)
APP: Final = Repository("app")
FORMS: Final = ("text", "json", "markdown")
FORM: Final = st.sampled_from(FORMS)
DEEP: Final = 1_200
"""Levels that nothing can descend that calls itself for each: Python allows a thousand."""
patient = settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def commands(file: Path, other: Path, forms: Iterable[str]) -> list[list[str]]:
    """Every command that reads a snapshot, in forms of its answer."""
    asked = [
        ["check", "--from", file],
        ["inspect", "--from", file, "r.example/app:v1"],
        ["protect", "--from", file, "--all"],
        ["explain", "--from", file, "r.example/app:v1"],
        ["explain", "--from", file, str(Digest.of(b""))],
        ["preflight", "--from", file, "--gc", "distribution-2", "--delete-untagged"],
        ["preflight", "--from", file, "--delete", "app:v1"],
        ["diff", file, other],
        ["diff", other, file],
    ]
    return [[*map(str, words), "--output", form] for words in asked for form in forms]


def said(words: list[str]) -> tuple[int, str, str]:
    output, errors = io.StringIO(), io.StringIO()
    with redirect_stdout(output), redirect_stderr(errors):
        code = cli.main(words)
    return code, output.getvalue(), errors.getvalue()


def check_answers(folder: Path, body: bytes, *forms: str) -> set[int]:
    """Run every command; each answers, or refuses in one line, and writes printable text."""
    file, other = folder / "file", folder / "other"
    file.write_bytes(body)
    other.write_bytes(GOOD)
    codes = set()
    for words in commands(file, other, forms or FORMS):
        code, output, errors = said(words)
        assert code in {0, 1, 2, 3}, words
        assert "internal error" not in errors, words
        assert all(line.isprintable() for line in (output + errors).split("\n")), words
        doubts = words[0] == "protect" and code == cli.UNTOLD and errors  # one line for each
        assert doubts or errors.count("\n") == (code == cli.USAGE), (words, errors)
        codes.add(code)
    return codes


@patient
@given(snapshots, FORM)
def test_every_snapshot_that_can_be_is_answered(
    tmp_path: Path, snapshot: Snapshot, form: str
) -> None:
    check_answers(tmp_path, encode(snapshot), form)


@patient
@given(st.data())
def test_bytes_that_were_changed_are_answered_or_refused(tmp_path: Path, data: Any) -> None:
    body = bytearray(gzip.decompress(GOOD))
    for at in data.draw(st.lists(st.integers(0, len(body) - 1), min_size=1, max_size=4)):
        body[at] = data.draw(st.integers(0, 255))

    check_answers(tmp_path, gzip.compress(bytes(body)), data.draw(FORM))


@patient
@given(st.binary(max_size=64), st.integers(0, len(GOOD)), st.integers(0, 64), FORM)
def test_files_that_were_cut_or_overwritten_are_refused_or_answered(
    tmp_path: Path, other: bytes, at: int, length: int, form: str
) -> None:
    check_answers(tmp_path, GOOD[:at] + other + GOOD[at + length :], form)


NASTY: Final = st.sampled_from(
    [
        *(float("nan"), float("inf"), -1e18, 1e12, 1e300, -1, 2**63, 2**64 - 1, 0, True, None),
        *("", "\x1b[2J\x07", "\u202e", "a" * 300, "UPPER", "../..", "live", "unknown", "child"),
        *(b"", b"\x00" * 32, b"\x00" * 64, [], {}, [[]], {"": 0}),
    ]
)


def replaced(value: object, data: Any) -> object:
    """The same value with something else at one place in it."""
    if isinstance(value, dict) and value and data.draw(st.booleans()):
        key = data.draw(st.sampled_from(list(value)))
        return value | {key: replaced(value[key], data)}
    if isinstance(value, list) and value and data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(value) - 1))
        return [*value[:at], replaced(value[at], data), *value[at + 1 :]]
    return data.draw(NASTY)


@patient
@given(st.data())
def test_values_that_were_changed_are_answered_or_refused(tmp_path: Path, data: Any) -> None:
    records: list[Any] = laid_out(GOOD)
    at = data.draw(st.integers(0, len(records) - 1))
    name, row = records[at]
    records[at] = (name, replaced(row, data))

    check_answers(tmp_path, packed(records), data.draw(FORM))


def nested(length: int, *, round_it_goes: bool = False) -> Snapshot:
    """Indexes each of which lists the next one; the last lists the first where it goes round."""
    digests = [Digest.of(str(number).encode()) for number in range(length)]
    below = [*digests[1:], digests[0] if round_it_goes else Digest.of(b"nowhere")]
    manifests = {
        own: Manifest(own, OCI_INDEX, 9, (Link(Kind.CHILD, Descriptor(OCI_INDEX, child, 9)),))
        for own, child in zip(digests, below, strict=True)
    }
    root = Root(APP, Tag("v1"), digests[0], HEADER, ReferenceClass.LIVE)
    seen = {(APP, own): HEADER for own in digests}
    sealed = {APP: Sealed({digests[0]: (Tag("v1"),)})}
    return Snapshot("r", 1.0, roots=(root,), manifests=manifests, sightings=seen, sealed=sealed)


@pytest.mark.parametrize(
    "snapshot", [nested(DEEP), nested(DEEP, round_it_goes=True), nested(1, round_it_goes=True)]
)
def test_indexes_may_be_nested_however_deep_and_in_a_circle(
    tmp_path: Path, snapshot: Snapshot
) -> None:
    codes = check_answers(tmp_path, encode(snapshot))

    assert codes <= {0, 1, 2, 3}
    code, shown, _ = said(["inspect", "--from", str(tmp_path / "file"), "r.example/app:v1"])
    assert code != cli.USAGE
    assert shown.count("index") < 30


def test_an_index_that_is_nested_too_deep_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(encode(nested(100)))

    assert (
        "nested too deeply to show"
        in said(["inspect", "--from", str(tmp_path / "file"), "r.example/app:v1"])[1]
    )


def test_what_facts_say_in_free_text_reaches_no_terminal(tmp_path: Path) -> None:
    evil = "\x1b]0;x\x07\u202e\x9b31m"
    gap = Gap(Scope.REPOSITORY, evil, Reason.DNS, evil)

    check_answers(tmp_path, encode(Snapshot("r", 1.0, gaps=(gap,))))


@pytest.mark.parametrize("path", ["missing", ".", "x" * 300, "/dev/full", "/dev/zero"])
def test_a_path_that_is_no_snapshot_is_refused_in_one_line(tmp_path: Path, path: str) -> None:
    code, _, errors = said(["check", "--from", str(tmp_path / path)])

    assert code == cli.USAGE
    assert errors.count("\n") == 1


PEAK: Final = """
import sys
from pathlib import Path
from exporter import cli
from exporter.commands.subjects import TYPED
code = cli.main(["check", "--from", sys.argv[1]])
status = Path("/proc/self/status").read_text()
print("peak", int(status.partition("VmHWM:")[2].split()[0]) // 1024, file=sys.stderr)
sys.exit(code)
"""


def long_row(size: int) -> bytes:
    """A record of one field, as long as it says."""
    return size.to_bytes(4, "big") + b"\x92\xa4gaps" + b"\xdd\xff\xff\xff\xff"


def row_of(row: bytes) -> bytes:
    """The record of a row."""
    return len(row).to_bytes(4, "big") + row


def times(part: bytes, count: int) -> Iterator[bytes]:
    """The same bytes again and again, a MiB or more at a time."""
    return repeat(part * (MEBIBYTE // len(part)), count * len(part) // MEBIBYTE)


BOMBS: Final[dict[str, Callable[[], Iterable[bytes]]]] = {
    "zeros": lambda: times(b"\0", 1 << 29),
    "a long row of nothing": lambda: chain((long_row(1 << 30),), times(b"\0", 1 << 29)),
    "a row of nulls": lambda: chain((long_row(15 << 20),), times(b"\xc0", 15 << 20)),
    "a row of short texts": lambda: chain((long_row(15 << 20),), times(b"\xa1a", 8 << 20)),
    "many small rows": lambda: times(row_of(b"\x92\xa6listed\x92\xa1a\x01"), 20 << 20),
}
"""What a file unpacks to, in parts: half a gigabyte is no thing to hold."""


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_file_that_unpacks_to_far_more_takes_little_memory(tmp_path: Path, bomb: str) -> None:
    file = tmp_path / "bomb"
    with gzip.open(file, "wb", 1) as packing:
        packing.write(start())
        packing.writelines(BOMBS[bomb]())

    told = subprocess.run(
        [sys.executable, "-c", PEAK, str(file)], check=False, capture_output=True, text=True
    )

    *errors, peak = told.stderr.splitlines()
    assert told.returncode == cli.USAGE, told.stderr
    assert len(errors) == 1
    assert int(peak.split()[1]) < 300


@pytest.mark.parametrize("form", FORMS)
def test_an_answer_is_written_to_a_terminal_without_unicode(tmp_path: Path, form: str) -> None:
    (tmp_path / "file").write_bytes(encode(nested(3)))
    words = ["inspect", "--from", str(tmp_path / "file"), "r.example/app:v1", "--output", form]
    done = subprocess.run(
        [sys.executable, "-m", "exporter", *words],
        check=False,
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )

    assert (done.returncode, done.stderr) == (said(words)[0], b"")
    assert done.stdout.isascii()


def two_images() -> Snapshot:
    """An image that is there, and one that is lost, in a registry with a name and an address."""
    about = incident().snapshot
    return replace(about, registry="main", address="https://r.example")


def names(snapshot: Snapshot) -> list[str]:
    return [f"{each.repository}:{each.tag}" for each in snapshot.roots if each.tag]


@pytest.mark.parametrize("before", ["", "r.example/", "r.example:443/", "main/"])
def test_a_saved_audit_is_asked_of_the_image_that_was_typed(tmp_path: Path, before: str) -> None:
    snapshot = two_images()
    (tmp_path / "file").write_bytes(encode(snapshot))
    first, *others = names(snapshot)
    for command in ("check", "inspect", "protect"):
        words = [command, "--from", str(tmp_path / "file"), f"{before}{first}"]
        shown = said([*words, "-o", "json"])[1]
        assert first.partition(":")[0] in shown
        tags = json.loads(shown).get("tags", ())
        assert all(f"{each['repository']}:{each['tag']}" == first for each in tags)
        assert tags or command == "protect"
    assert others


@pytest.mark.parametrize("command", ["check", "inspect", "protect", "explain"])
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["other.example/app:v1"], "other.example: FILE is of main"),
        (["other/app:nowhere"], "r.example/other/app:nowhere: FILE has no audit of it"),
        (["--platform", "linux/amd64"], "--platform: has no effect on a saved audit"),
        (["--refs", "x"], "--refs: has no effect on a saved audit"),
        (["--kube"], "--kube: has no effect on a saved audit"),
        (["--head-only"], "--head-only: has no effect on a saved audit"),
    ],
)
def test_a_saved_audit_answers_no_other_question(
    tmp_path: Path, command: str, words: list[str], told: str
) -> None:
    file = tmp_path / "file"
    file.write_bytes(encode(two_images()))
    if words[0].startswith("-"):
        words = [names(two_images())[0], *words]
    code, shown, errors = said([command, "--from", str(file), *words])

    if command == "explain" and "nowhere" in told:
        assert (code, shown.splitlines()[1]) == (cli.UNTOLD, "unknown")
        return
    assert (code, shown) == (cli.USAGE, "")
    assert told.replace("FILE", str(file)) in errors


def test_the_image_that_was_checked_is_not_who_uses_images(tmp_path: Path) -> None:
    """Nobody was asked who uses them, so that nobody does is not known."""
    use = Use(TYPED, Reference.parse("r.example/app:v1"), ReferenceClass.LIVE, frozenset())
    snapshot = replace(nested(1), uses=(use,))
    (tmp_path / "file").write_bytes(encode(snapshot))

    shown = said(["explain", "--from", str(tmp_path / "file"), "r.example/app:v2"])[1]
    assert "Used by something live:  unknown" in shown
