"""Is what is typed after `scrub` understood, and is nothing concluded from what was not read?"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter.cli import UNTOLD, USAGE, main
from exporter.commands.scrub import Progress, recognise, scrub_once
from exporter.facts.diff_ids import Unpacked
from exporter.facts.gap import Reason
from exporter.facts.proof import State, unknown
from exporter.oci.digest import Digest
from exporter.ports import Listing, Unseen, Wrong
from exporter.publish.answers.check import tally_words, unread_lines
from exporter.resolve.target import DAY, Scrub, Terms
from exporter.resolve.unpacking import Unpacker
from exporter.scrub import doubted
from exporter.store.ledger import Ledger
from exporter.tally import ScrubTally
from exporter.wiring.registry_storage import RegistryStorage
from tests import worlds
from tests.fakes import APP, NOW, Fake, audited, target, verdict
from tests.serve.scrubs import Shelf, full_reads

if TYPE_CHECKING:
    from exporter.judge.tag_verdict import TagVerdict

IMAGE = worlds.image("app")
MIB = 2**20


def test_a_registry_that_is_away_gives_no_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scrub", "127.0.0.1:1/app:v1", "--plain-http", "--confirm-after", "0s"]) == UNTOLD

    said = capsys.readouterr()
    assert said.out == ""
    assert "127.0.0.1:1: connect: Connection refused" in said.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--limit-rate", "fast"], "--limit-rate: not a size such as 500GiB"),
        (["--limit-rate", "0"], "--limit-rate: must be at least 1"),
        (["--period", "monthly"], "--period: not a duration such as"),
        (["--period", "1s"], "--period: must be at least 1m"),
        (["--storage", "ftp://bucket"], "--storage: not an address such as s3://bucket"),
        (["--storage", "s3://"], "--storage: not an address such as s3://bucket"),
        (["--storage", "/no/such"], "--storage /no/such: no such folder"),
        (["other.example.com/app:v1", "--storage", "/srv"], "--storage needs exactly one registry"),
        (["--storage", "/srv", "--region", "eu"], "--region: goes with url"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_asked(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scrub", "registry.example.com/app:v1", *words]) == USAGE

    assert told in capsys.readouterr().err


def test_the_bar_grows_with_the_bytes_and_never_past_its_end() -> None:
    tally = ScrubTally(1.0, size=25 * MIB, blobs={"match": 3, "mismatch": 1})
    progress = Progress(tally, 100 * MIB, 10)

    assert (
        progress.line(5.0) == f"[{'#' * 7}{'.' * 23}]  25%  25 MiB of 100 MiB, 4 of 10, 5.0 MiB/s"
    )
    tally.size = 300 * MIB  # second reads count as well
    assert progress.line(5.0).startswith(f"[{'#' * 30}] 100%")
    assert Progress(tally, 0, 0).line(0.0).endswith("? /s".replace(" ", ""))


def test_what_was_read_is_said_in_one_line() -> None:
    tally = ScrubTally(1.0, size=25 * MIB, blobs={"match": 3, "mismatch": 1})

    assert tally_words(tally, 5.0) == "read 25 MiB in 5 s, 5.0 MiB per second: 3 match, 1 mismatch"
    assert tally_words(ScrubTally(1.0), 1.0).endswith("nothing was due")


def test_a_folder_that_is_no_registrys_is_not_read_at_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["scrub", "127.0.0.1:1", "--plain-http", "--storage", str(tmp_path)]

    assert main(words) == UNTOLD

    said = capsys.readouterr()
    assert f"nothing verified: {tmp_path}: unreadable" in said.err
    assert "not the root directory of a registry" in said.err
    assert not said.out


@dataclass(frozen=True)
class Asked(RegistryStorage):
    """A bucket that cannot be listed."""

    why: Reason = Reason.DENIED

    def recognise(self) -> None:
        raise Unseen(self.location, self.why)


def test_a_bucket_that_may_not_be_listed_may_be_read() -> None:
    recognise([Asked("s3://bucket")])

    with pytest.raises(Unseen):
        recognise([Asked("s3://bucket", why=Reason.CREDENTIALS)])


def test_why_bytes_are_not_known_to_be_right_is_told_with_one_case_of_each() -> None:
    first, second, third = (Digest.of(word) for word in (b"1", b"2", b"3"))
    away = unknown(Reason.TIMEOUT)
    short = unknown(Reason.UNCONFIRMED, "full read: 3 of 4 bytes")

    told = [*unread_lines({(APP, first): away, (APP, second): short, (APP, third): short})]

    case = min(second, third)
    assert told == [
        f"could not verify: unconfirmed (full read: 3 of 4 bytes): {APP}@{case}, and 1 more",
        f"could not verify: timeout: {APP}@{first}",
    ]


async def test_what_could_not_be_read_whole_is_unknown_though_its_last_byte_is_there() -> None:
    fake, made = Fake(), worlds.image("app")
    fake.push(made, "v1")
    seen = (await audited(fake)).snapshot
    layer = (APP, made.layers[0].digest)
    lost = (APP, made.layers[1].digest)
    fake.sweep(lost[1])
    after = (await audited(fake)).snapshot
    unread = {layer: unknown(Reason.SERVER_ERROR), lost: unknown(Reason.SERVER_ERROR)}

    doubts = doubted(after, unread)

    assert seen.sightings[layer].state is State.PRESENT
    assert doubts.sightings[layer].state is State.UNKNOWN
    assert doubts.sightings[lost].state is State.MISSING, "a proven loss is no doubt"
    assert replace(doubts, sightings=after.sightings) == after


async def scrubbed(
    wrong: dict[str, Wrong | Reason], unpacker: Unpacker | None = None
) -> TagVerdict:
    """What a scrub says of an image whose last bytes are all there."""
    fake = Fake()
    fake.push(IMAGE, "v1")
    bodies = {blob.digest: blob.body for blob in IMAGE.blobs}
    with Ledger(None, lambda: NOW) as ledger:
        told = Scrub(Shelf(wrong, bodies), ledger, Terms(), ScrubTally(DAY), unpacker)
        asked = target(fake, scrub=told, full_reads=full_reads(told))
        report = await scrub_once(asked, Listing(()))
    return verdict(report)


@pytest.mark.parametrize(
    "wrong", [Wrong("3 of 9 bytes"), Reason.TIMEOUT, Wrong("hashes to x", mismatch=True)]
)
async def test_nothing_that_was_read_and_was_not_right_can_be_pulled_for_sure(
    wrong: Wrong | Reason,
) -> None:
    corrupt = isinstance(wrong, Wrong) and wrong.mismatch

    assert (await scrubbed({})).state is State.PRESENT
    found = await scrubbed({IMAGE.layers[0].digest: wrong})
    assert found.state is (State.BROKEN if corrupt else State.UNKNOWN)


class Ill(Unpacker):
    """A machine on which a layer is something else each time."""

    times = 0

    def end(self) -> Unpacked:
        self.times += 1
        return Unpacked(Digest.of(b"%d" % self.times))


async def test_a_layer_that_is_something_else_each_time_is_unknown() -> None:
    assert (await scrubbed({}, Unpacker(MIB, lambda _: None))).state is State.PRESENT
    assert (await scrubbed({}, Ill(MIB, lambda _: None))).state is State.UNKNOWN


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="Python brings it")
def test_unpacking_without_its_library_is_refused_by_the_extra_that_brings_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "backports.py").write_text("raise ImportError")
    settings = tmp_path / "pullproof.yml"
    settings.write_text(
        "registries: [{url: https://r.example.com, scrub: {uncompressed: true}}]\nledger: null\n"
    )
    typed = ["scrub", "r.example.com/app:v1", "--uncompressed"]
    read = ["serve", "--config", str(settings), "--check-config"]

    for words in (typed, read):
        told = subprocess.run(
            [sys.executable, "-m", "exporter", *words],
            env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{Path.cwd()}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert told.returncode == USAGE, told.stderr
        assert "install 'pullproof[zstd]'" in told.stderr
        assert "uncompressed" in told.stderr
        assert "Traceback" not in told.stderr
