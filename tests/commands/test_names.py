"""Images by the configured name of their registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exporter.commands import Refused
from exporter.commands.subjects import with_hosts

if TYPE_CHECKING:
    from pathlib import Path

MAIN = "registries: [{name: main, url: 'https://r.example:5000'}"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "pullproof.yml"
    path.write_text(f"{MAIN}]\n")
    return path


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("main/team/app:v1", "r.example:5000/team/app:v1"),
        ("main", "r.example:5000"),
        ("other.example/app", "other.example/app"),
        ("localhost:5000", "localhost:5000"),
        ("docker.io/library/redis:7", "docker.io/library/redis:7"),
        ("http://other.example/app", "http://other.example/app"),
        (f"sha256:{'0' * 64}", f"sha256:{'0' * 64}"),
    ],
)
def test_a_configured_name_stands_for_its_host(config: Path, typed: str, meant: str) -> None:
    assert with_hosts(typed, config, {}) == meant
    assert with_hosts([typed, typed], config, {}) == [meant, meant]


@pytest.mark.parametrize("typed", ["team/app:v1", "redis:7", "mian", "mian/app@sha256:00"])
def test_a_name_that_is_not_configured_is_told_to_nobody(config: Path, typed: str) -> None:
    with pytest.raises(Refused, match=r"\(it has main\); write docker.io/"):
        with_hosts(typed, config, {})


def test_where_docker_hub_is_configured_its_short_names_are_understood(config: Path) -> None:
    config.write_text(f"{MAIN}, {{url: 'https://docker.io'}}]\n")

    assert with_hosts("team/app:v1", config, {}) == "team/app:v1"
    assert with_hosts("main/app", config, {}) == "r.example:5000/app"
