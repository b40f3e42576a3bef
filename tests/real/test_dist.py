"""Do two builds of one commit give the same files, and does what they hold work anywhere?"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import jsonschema
import pytest

from exporter import __version__
from tests.parts.needs import asset

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.real

TREE: Final = Path(__file__).parents[2]
SPDX: Final = {
    "type": "object",
    "required": ["spdxVersion", "dataLicense", "SPDXID", "name", "documentNamespace"],
    "properties": {
        "spdxVersion": {"const": "SPDX-2.3"},
        "dataLicense": {"const": "CC0-1.0"},
        "SPDXID": {"const": "SPDXRef-DOCUMENT"},
        "documentNamespace": {"pattern": "^[a-z]+:[^#]+$"},
        "creationInfo": {
            "required": ["created", "creators"],
            "properties": {
                "created": {"pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
                "creators": {"items": {"pattern": "^(Tool|Person|Organization): "}},
            },
        },
        "packages": {
            "minItems": 20,
            "items": {
                "required": ["SPDXID", "name", "versionInfo", "downloadLocation"],
                "properties": {"SPDXID": {"pattern": "^SPDXRef-[A-Za-z0-9.-]+$"}},
            },
        },
    },
}
"""What section 7 of SPDX 2.3 asks of a document and its packages."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make dist` builds without the image: installed, its demo run, and validated."""
    return dist(tmp_path_factory.mktemp("dist"), "package", "trial", "verify", "chart")


def dist(folder: Path, *steps: str, variables: Mapping[str, str] | None = None) -> Path:
    asset("helm")
    done = subprocess.run(
        [TREE / "scripts" / "dist", *steps],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "DIST": str(folder), **(variables or {})},
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_a_second_build_elsewhere_gives_the_same_files(built: Path, tmp_path: Path) -> None:
    elsewhere = {"TZ": "Asia/Kathmandu", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "7"}
    again = dist(tmp_path / "again", "package", "chart", variables=elsewhere)

    found = {path.name: path.read_bytes() for path in again.glob("pullproof-*")}
    assert len(found) == 3
    for name, content in found.items():
        assert content == (built / name).read_bytes(), name


def test_the_checksums_are_those_of_every_file(built: Path) -> None:
    lines = (built / "SHA256SUMS").read_text().splitlines()
    summed = {name: digest for digest, name in (line.split() for line in lines)}

    assert summed == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in built.glob("pullproof*")
    }
    assert "pullproof.1" in summed


def test_the_chart_that_is_packed_is_the_whole_chart(built: Path) -> None:
    package = built / f"pullproof-{__version__}-chart.tgz"
    values = TREE / "helm" / "ci" / "prometheusrule-values.yaml"
    command = [asset("helm"), "template", "x", package, "--values", values]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "RegistryLiveTagBroken" in done.stdout


def test_the_sbom_names_every_package_and_what_needs_it(built: Path) -> None:
    document = json.loads((built / f"pullproof-{__version__}.spdx.json").read_text())
    jsonschema.validate(document, SPDX)

    known = {each["SPDXID"] for each in document["packages"]}
    edges = [
        (each["spdxElementId"], each["relatedSpdxElement"]) for each in document["relationships"]
    ]
    assert {one for edge in edges for one in edge} == known | {"SPDXRef-DOCUMENT"}
    assert ("SPDXRef-Package-pullproof", "SPDXRef-Package-aiohttp") in edges
    locked = (TREE / "requirements" / "image.txt").read_text()
    for each in document["packages"]:
        pinned = f"{each['name']}=={each['versionInfo']} "
        assert each["name"] == "pullproof" or pinned in locked


def test_the_sbom_of_one_environment_is_always_the_same() -> None:
    texts = {
        subprocess.run(
            [sys.executable, TREE / "scripts" / "sbom"],
            check=True,
            capture_output=True,
            env={"PYTHONHASHSEED": seed, "SOURCE_DATE_EPOCH": "1700000000"},
        ).stdout
        for seed in ("1", "2")
    }

    assert len(texts) == 1
