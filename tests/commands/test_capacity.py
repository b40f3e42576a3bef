"""Does `capacity` speak for each registry alone, and of nothing that is not as it was written?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from exporter import cli
from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.proof import Proof, Sighting, State
from exporter.facts.shard import WHOLE
from exporter.facts.snapshot import Role, Root, Snapshot
from exporter.facts.use import ReferenceClass
from exporter.oci.digest import Digest
from exporter.oci.reference import Repository, Tag
from exporter.publish.exports.export import AuditData, export
from exporter.sources.export_folder import ExportFolder
from tests.fakes import NOW

if TYPE_CHECKING:
    from pathlib import Path

PRESENT = Sighting(State.PRESENT, Proof.HASH)
APP = Repository("app")


def write(
    folder: Path,
    registry: str,
    tags: int = 1,
    number: int = 1,
    *gaps: Gap,
    role: Role = Role.OWNED,
) -> str:
    """Export what was seen of a registry with so many tags, and return where its release is."""
    digests = [Digest(f"sha256:{at:064x}") for at in range(tags)]
    roots = [
        Root(APP, Tag(f"v{at}"), digest, PRESENT, ReferenceClass.SELECTED)
        for at, digest in enumerate(digests)
    ]
    sightings = {(APP, digest): PRESENT for digest in digests}
    seen = Snapshot(
        registry,
        NOW,
        role,
        roots=tuple(roots),
        sightings=sightings,
        listed={APP: tags},
        gaps=gaps,
    )
    name = f"20260422T100000{number:06d}Z-00000000"
    return export(
        AuditData(seen, WHOLE, name, whole=True), ExportFolder.at(str(folder), {}), 2
    ).release


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Any:
    def capacity(folder: Path, *words: str) -> tuple[int, dict[str, Any]]:
        given = ("--facts", str(folder), "--max-age", "9999d", "--output", "json", *words)
        code = cli.main(["capacity", *given])
        output = capsys.readouterr().out
        registries = json.loads(output)["registries"] if output else []
        return code, {each["registry"]: each for each in registries}

    return capacity


@pytest.mark.parametrize("odd", ["127.0.0.1:5000", "a b", "höhe", "100%", "x=1", "a*", "[a]", "q'"])
def test_a_registry_may_have_any_name(tmp_path: Path, ask: Any, odd: str) -> None:
    write(tmp_path, odd)
    write(tmp_path, "other", tags=2)

    code, told = ask(tmp_path)

    assert code == 0
    assert {name: each["seen"]["tags"] for name, each in told.items()} == {odd: 1, "other": 2}


@pytest.mark.parametrize("odd", ["size=7", "state=unknown", "[prod]", "what?", "a*b", "o'clock"])
def test_no_name_of_a_folder_changes_an_answer(tmp_path: Path, ask: Any, odd: str) -> None:
    for number, folder in enumerate((odd, "axb", "p"), start=1):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder, "main", tags=number)

    code, told = ask(tmp_path / odd)

    assert (code, told["main"]["seen"]["tags"]) == (0, 1)


def test_a_registry_whose_facts_are_spoilt_takes_no_answer_from_another(
    tmp_path: Path, ask: Any
) -> None:
    write(tmp_path, "well", tags=2)
    (tmp_path / write(tmp_path, "newer")).write_bytes(b'{"schema": 2}')
    rotten = tmp_path / write(tmp_path, "rotten").replace(".release.json", "/tags.parquet")
    content = bytearray(rotten.read_bytes())
    content[40] ^= 1
    rotten.write_bytes(content)

    code, told = ask(tmp_path)

    assert code == 3
    assert told["well"]["seen"]["tags"] == 2
    assert "not a release of facts" in told["newer"]["untold"][0]
    assert "does not match the checksum in its release" in told["rotten"]["untold"][0]


def test_a_source_of_references_that_was_not_read_takes_the_whole_from_what_was_seen(
    tmp_path: Path, ask: Any
) -> None:
    gap = Gap(Scope.REFERENCES, "prod", Reason.CONNECT)
    write(tmp_path, "main", 2, 1, gap)
    write(tmp_path, "other", 3)

    code, told = ask(tmp_path)

    assert code == 3
    assert told["main"]["incomplete"] == ["shard 0 of 1 could not read prod: connect"]
    assert told["main"]["seen"] is None
    assert told["main"]["seen_in_part"]["tags"] == 2
    assert told["other"]["seen"]["tags"] == 3


def test_a_configured_proxy_is_left_out_and_does_not_make_the_answer_incomplete(
    tmp_path: Path, ask: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, "cache", tags=3, role=Role.PROXY)
    write(tmp_path, "main", tags=2)

    code, told = ask(tmp_path)

    assert (code, told["main"]["seen"]["tags"], told["main"]["proxy"]) == (0, 2, False)
    assert (told["cache"]["proxy"], told["cache"]["seen"]) == (True, None)
    given = ["--facts", str(tmp_path), "--max-age", "9999d"]
    assert cli.main(["capacity", *given]) == 0
    line = "cache: not counted: a pull-through cache holds only what was pulled through it"
    assert line in capsys.readouterr().out.splitlines()


def test_only_the_newest_release_is_read(tmp_path: Path, ask: Any) -> None:
    old = write(tmp_path, "main", tags=1)
    write(tmp_path, "main", tags=2, number=2)
    (tmp_path / old).write_bytes(b"of another version")

    code, told = ask(tmp_path)

    assert (code, told["main"]["seen"]["tags"]) == (0, 2)


def test_a_registry_without_anything_holds_nothing(tmp_path: Path, ask: Any) -> None:
    export(
        AuditData(Snapshot("empty", NOW), WHOLE, "20260422T100000000000Z-00000000", whole=True),
        ExportFolder.at(str(tmp_path), {}),
        1,
    )

    code, told = ask(tmp_path)

    assert code == 0
    assert told["empty"]["seen"]["referenced_bytes"] == 0


def test_a_reader_makes_no_folder(tmp_path: Path, ask: Any) -> None:
    assert ask(tmp_path / "typo")[0] == 2
    assert not (tmp_path / "typo").exists()


def test_a_limit_that_the_engine_does_not_take_is_not_understood(tmp_path: Path, ask: Any) -> None:
    write(tmp_path, "main")

    assert ask(tmp_path, "--memory-limit", "lots")[0] == 2
