"""Is an export that is killed in its midst ever read, on a disk or on S3, and what does it leave?

A process that exports is killed at many points, each time beside an export that was whole. Every
export says of one tag more than the one before, so that readers show which one they read.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from exporter import cli
from exporter.facts.proof import Proof, Sighting, State
from exporter.facts.snapshot import Root, Snapshot
from exporter.facts.use import ReferenceClass
from exporter.oci.digest import Digest
from exporter.oci.reference import Repository, Tag
from exporter.publish.exports.schema import SEEN
from exporter.sources.export_folder import ExportFolder
from tests.fakes import HOST, NOW
from tests.parts.front import before
from tests.parts.http import RESET
from tests.parts.process import PATIENCE
from tests.publish.exports.buckets import releases
from tests.sources.storage.bucket import bucket
from tests.store.layout import encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.parts.http import Answer, Asked

pytestmark = pytest.mark.real

TAGS: Final = 3_000
FILES: Final = len(SEEN) + 1
"""Of one export: its tables and its release."""
PRESENT: Final = Sighting(State.PRESENT, Proof.HASH)
DAY: Final = 86_400
LAST: Final = 99
WITHIN: Final = (0, 1, len(SEEN) // 2, len(SEEN))
"""So many files are put when an export to S3 is killed: at last all but its release."""


@dataclass(frozen=True)
class Place:
    """Where facts go, and how they are read there."""

    room: Path
    """For snapshots."""
    bucket: ExportFolder
    objects: Path
    """Where the files are in truth: all of them, half ones too."""
    location: str
    words: tuple[str, ...] = ()

    @contextmanager
    def exporting(self, number: int) -> Iterator[subprocess.Popen[bytes]]:
        """Export what was seen when there was this number of tags more, by a process."""
        kept = self.room / f"{number}.snapshot"
        kept.write_bytes(encode(snapshot(number)))
        command = (sys.executable, "-m", "exporter", "facts", "export", "--from", str(kept))
        with subprocess.Popen(
            [*command, "--to", self.location, "--keep", "1", *self.words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as process:
            yield process

    def export(self, number: int) -> None:
        with self.exporting(number) as process:
            _, errors = process.communicate(timeout=PATIENCE)
            assert (process.returncode, errors) == (0, b"")

    def read(self, capsys: pytest.CaptureFixture[str]) -> tuple[int, int]:
        """Which export does `capacity` read, and which is the newest release, whole?"""
        there = ("--facts", self.location, "--max-age", "9999d", "--output", "json")
        assert cli.main(["capacity", *there, *self.words]) == 0, capsys.readouterr().out
        (told,) = json.loads(capsys.readouterr().out)["registries"]
        newest, sizes = releases(self.bucket)[-1], self.bucket.sizes()
        assert {file.path: file.size for file in newest.files}.items() <= sizes.items()
        return told["seen"]["tags"] - TAGS, round(newest.taken_at - NOW)

    @property
    def left(self) -> set[Path]:
        """All files that are there, whoever may read them."""
        return {Path(at, name) for at, _, names in os.walk(self.objects) for name in names}

    def ends_tidy(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A day later, the next export is read, and nothing but that is there."""
        for path in self.left:
            written = path.stat().st_mtime
            os.utime(path, (written - DAY, written - DAY))
        self.export(LAST)
        assert self.read(capsys) == (LAST, LAST)
        assert len(self.left) == FILES
        assert len([each for each in self.objects.glob("*/*/*") if each.is_dir()]) == 1


def snapshot(number: int) -> Snapshot:
    name = Repository("app")
    digests = [Digest(f"sha256:{at:064x}") for at in range(TAGS + number)]
    roots = [
        Root(name, Tag(f"v{at}"), digest, PRESENT, ReferenceClass.SELECTED)
        for at, digest in enumerate(digests)
    ]
    seen = {(name, digest): PRESENT for digest in digests}
    return Snapshot(HOST, NOW + number, roots=tuple(roots), sightings=seen, listed={name: 1})


def test_on_a_disk_nothing_of_a_killed_export_is_read_and_nothing_of_it_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "facts"
    disk = Place(tmp_path, ExportFolder.at(str(there), {}), there, str(there))
    disk.export(0)
    last, number, cut = 0, 0, 0

    while cut < 3 or number < FILES:  # on a busy machine many end before they are killed
        number += 1
        assert number < LAST, "none was killed in its midst"
        known, after = disk.left, 1 + number % FILES
        with disk.exporting(number) as process:
            while len(disk.left - known) < after and process.poll() is None:
                pass  # no pause: a file takes a millisecond
            process.kill()
        if releases(disk.bucket)[-1].taken_at == NOW + number:
            last = number
        cut += last != number
        assert disk.read(capsys) == (last, last), f"killed after {after} files"

    assert len(disk.left) > FILES
    disk.ends_tidy(capsys)


def test_on_s3_nothing_of_a_killed_export_is_read_and_nothing_of_it_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with bucket(tmp_path / "s3") as store, Guillotine.before(f"http://{store.address}") as blade:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", store.options["access_key_id"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", store.options["secret_access_key"])
        there = ExportFolder.at("s3://registry/facts", store.options, plain_http=True)
        words = ("--endpoint", blade.url, "--region", store.options["region"])
        objects = store.folder / "objects/registry/facts"
        s3 = Place(tmp_path, there, objects, "s3://registry/facts", words)
        s3.export(0)

        for put in WITHIN:
            with s3.exporting(1 + put) as process:
                blade.falls(process, after=put)
            assert process.returncode == -signal.SIGKILL
            assert s3.read(capsys) == (0, 0), f"killed with {put} files put"
        with s3.exporting(FILES + 1) as process:
            blade.falls(process, after=FILES)
        assert process.returncode == -signal.SIGKILL

        assert s3.read(capsys) == (FILES + 1, FILES + 1), "killed while it removed what is old"
        assert len(s3.left) == 2 * FILES + sum(WITHIN)
        s3.ends_tidy(capsys)


@dataclass
class Guillotine:
    """Kills a process once it has changed so much in a store, before it learns that it has."""

    url: str = ""
    process: subprocess.Popen[bytes] | None = None
    more: int = 0

    @classmethod
    @contextmanager
    def before(cls, server: str) -> Iterator[Guillotine]:
        """Stand before a store."""
        blade = cls()
        with before(server, blade.strike) as front:
            blade.url = front.url
            yield blade

    def falls(self, process: subprocess.Popen[bytes], after: int) -> None:
        """Kill it instead of its next change after so many."""
        self.more, self.process = after, process
        process.wait(PATIENCE)
        self.process = None

    def strike(self, request: Asked) -> Answer | None:
        if self.process is None or request.method not in {"PUT", "DELETE", "POST"}:
            return None
        if self.more:
            self.more -= 1
            return None
        self.process.kill()
        return RESET
