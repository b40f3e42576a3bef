"""Nothing that pullproof does changes what a registry's own cleanup decides, without consent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest

from exporter import cli
from tests.parts.counting import Counting
from tests.worlds import two_platforms

if TYPE_CHECKING:
    from pathlib import Path

IMAGE: Final = two_platforms("app")
LOSSY: Final = two_platforms("lossy")
LAYERLESS: Final = two_platforms("layerless")
DECIDING: Final = ("harbor", "artifactory", "nexus", "ecr")
"""The kinds whose cleanup decides by what a read changes."""
COMMANDS: Final = (
    "check {host}",
    "check {host}/team/app:v1",
    "check {host}/team/app:v1 --head-only",
    "inspect {host}/team/app:v1",
    "explain {host}/team/app:v1",
    "snapshot {folder}/s {host}",
    "protect {host}",
    "protect {host} --apply",
    "scrub {host}",
    "scrub {host}/team/app:v1",
    "repair {host}/team/app:v1",
    "repair {host}/team/app:v1 --apply --scrub",
    "facts export {host} --to {folder}/lake",
)


def stocked(kind: str) -> Counting:
    registry = Counting(kind)
    registry.push(IMAGE, "v1")
    registry.push(LOSSY, "v2")
    del registry.manifests[LOSSY.children[0].digest]
    registry.push(LAYERLESS, "v3")
    del registry.blobs[LAYERLESS.children[0].layers[0].digest]
    return registry


@pytest.fixture(params=DECIDING)
def registry(request: pytest.FixtureRequest) -> Counting:
    return stocked(request.param)


def run(line: str, *more: object) -> int:
    words = [*line.split(), "--plain-http", "--confirm-after", "0s", *map(str, more)]
    return cli.main(words)


@pytest.mark.parametrize("line", COMMANDS)
def test_no_command_sends_a_request_that_decides_without_consent(
    registry: Counting, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    docker = tmp_path / "config.json"
    with registry.served() as host:
        docker.write_text(json.dumps({"auths": {host: {"auth": "YTpi"}}}))
        code = run(line.format(host=host, folder=tmp_path), "--docker-config", docker)

    said = capsys.readouterr()
    assert (registry.records, code) == ((0, {}), 3), said
    assert "pulls: accept" in said.out + said.err
