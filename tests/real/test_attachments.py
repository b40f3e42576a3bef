"""Attachments as oras and cosign's tags make them, on real registries."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from tests import worlds
from tests.parts import tree
from tests.parts.needs import asset
from tests.parts.process import PATIENCE
from tests.parts.product import run
from tests.parts.registry import Settings, registry

if TYPE_CHECKING:
    from pathlib import Path

    from tests.parts.gitea import Gitea
    from tests.parts.registry import Registry

pytestmark = pytest.mark.real
IMAGE: Final = worlds.image("app")
SIGNATURE: Final = worlds.signature(IMAGE)
SBOM: Final = "application/spdx+json"
SIG: Final = "application/vnd.dev.cosign.artifact.sig.v1+json"


def attach(server: Registry, folder: Path) -> None:
    """Attach a bill of materials by oras, and a signature by cosign's tag."""
    server.push("app", IMAGE, "v1")
    server.push("app", SIGNATURE, worlds.signature_tag(IMAGE))
    (folder / "sbom.json").write_text("{}")
    command = [asset("oras"), "attach", "--plain-http", "--artifact-type", SBOM]
    reference = f"{server.host}/app:v1"
    subprocess.run([*command, reference, "sbom.json"], cwd=folder, check=True, timeout=PATIENCE)


def attached(host: str, repository: str = "app") -> dict[str, tuple[str | None, str]]:
    """What `inspect` tells: tag and state by artifact type."""
    quick = ("--plain-http", "--output", "json", "--confirm-after", "0s")
    told = run("inspect", f"{host}/{repository}:v1", *quick)
    tag = told.said.tag(f"{repository}:v1")
    (found,) = tag["attached"]
    assert (told.code, tag["state"], found["complete"]) == (0, "present", True), told.errors
    return {each["artifact_type"]: (each["tag"], each["state"]) for each in found["attachments"]}


@pytest.mark.parametrize("version", [2, 3])
def test_the_fallback_tags_of_distribution_are_read(version: int, tmp_path: Path) -> None:
    with registry(tmp_path / "registry", Settings(version, cache=False)) as server:
        attach(server, tmp_path)

        assert attached(server.host) == {
            SBOM: (worlds.fallback_tag(IMAGE), "present"),
            SIG: (worlds.signature_tag(IMAGE), "present"),
        }

        tree.data(server.root, SIGNATURE.layers[0].digest).unlink()

        assert attached(server.host)[SIG] == (worlds.signature_tag(IMAGE), "broken")


def test_the_fallback_tag_of_gitea_is_read(gitea_server: Gitea) -> None:
    """Gitea 1.26.0 answers 404 to the referrers API."""
    with gitea_server.owner("attached"):
        gitea_server.push("attached/app", IMAGE, "v1")
        assert attached(gitea_server.host, "attached/app") == {}

        listed = worlds.index(worlds.referrer(IMAGE))
        gitea_server.push("attached/app", listed, worlds.fallback_tag(IMAGE))

        assert attached(gitea_server.host, "attached/app") == {
            worlds.EMPTY_CONFIG: (worlds.fallback_tag(IMAGE), "present")
        }
