"""Does the image run as its Dockerfile promises, and can it be pulled by its own measure?

Built as a release is, of the commit that is checked out, but on a small Debian, because no registry
of public images is asked. Run in a chroot with mounts of its own: user, variables, entry point and
a root that nobody can write to are as a container engine has them; limits, network and the rest of
an engine's walls are not tried.
"""

from __future__ import annotations

import json
import platform
import re
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.parts import image as images
from tests.parts.needs import asset
from tests.parts.process import PATIENCE, running
from tests.parts.product import LISTENING, Exporter, Told, configure
from tests.parts.registry import registry
from tests.worlds import two_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.parts.image import Image
    from tests.parts.registry import Registry

pytestmark = pytest.mark.real

DOCKERFILE: Final = Path(__file__).parents[2] / "Dockerfile"
PLATFORM: Final = {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}[platform.machine()]
UNCOMPILED: Final = """
import sys, pathlib, exporter.cli, exporter.commands.serve
import exporter.sources.cluster.access, exporter.sources.cluster.api
import exporter.sources.storage.bucket, exporter.resolve.unpacking
exporter.resolve.unpacking.library()
files = [each.__spec__ for each in sys.modules.values() if getattr(each, "__spec__", None)]
print([each.origin for each in files if each.cached and not pathlib.Path(each.cached).exists()])
"""


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    with images.image() as built:
        yield built


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry with the incident in it, and nobody restarts it."""
    with registry(tmp_path_factory.mktemp("registry")) as started:
        started.push("team/app", two_platforms("app"), "v1")
        started.collect("--delete-untagged")
        yield started


@pytest.fixture
def configuration(tmp_path: Path, server: Registry) -> Path:
    (tmp_path / "live.txt").write_text(f"{server.host}/team/app:v1\n")
    settings = {
        "registries": [{"url": server.url, "plain_http": True}],
        "references": [{"file": "live.txt"}],
    }
    configure(tmp_path / "pullproof.yml", settings)
    tmp_path.chmod(0o755)
    return tmp_path


def run(command: list[str]) -> Told:
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE)
    return Told(done.returncode, done.stdout, done.stderr)


def test_nobody_runs_it_and_nothing_of_it_can_be_written(image: Image, configuration: Path) -> None:
    tell = "id -u; id -g; touch /tmp/x && echo written; touch /x /var/lib/pullproof/x"

    told = run(image.within(configuration, "sh", "-c", tell))

    assert told.output.split() == ["65532", "65532", "written"]
    assert told.errors.count("Read-only file system") == 2


def test_it_needs_no_place_to_write_to_and_compiles_nothing(
    image: Image, configuration: Path
) -> None:
    """Every module that is imported, of the base too, has its bytecode in the image."""
    told = run(image.within(configuration, "python3", "-c", UNCOMPILED))

    assert told == Told(0, "[]\n", "")


def test_it_shows_the_incident_that_it_watches(image: Image, configuration: Path) -> None:
    with running(image.command(configuration), LISTENING, configuration / "log") as server:
        exporter = Exporter(server, configuration / "pullproof.yml")
        exporter.ready()
        metrics = exporter.get("/metrics").raise_for_status().text
        healthy = run(image.within(configuration, *check_of_health(server.address)))
    gone = run(image.within(configuration, *check_of_health(server.address)))

    broken = re.search(r"^pullproof_tag_missing_children\{.*\} [1-9]", metrics, re.MULTILINE)
    assert broken
    assert healthy == Told(0, "", "")
    assert gone.code == 1


def check_of_health(port: str) -> list[str]:
    """As the Dockerfile has it: images in OCI's format say nothing of health."""
    (command,) = re.findall(r"HEALTHCHECK .*\\\n +CMD (.*)", DOCKERFILE.read_text())
    return [word.replace("10470", port) for word in json.loads(command)]


def test_it_proves_that_it_can_be_pulled_itself(
    image: Image, configuration: Path, server: Registry
) -> None:
    own = f"{server.host}/tools/pullproof:built"
    image.push(own)

    told = run(image.command(configuration, "check", own, "--plain-http", "--output", "json"))
    validated = run([asset("crane"), "validate", "--remote", own])

    assert told.code == 0, told.errors
    assert told.said.state("tools/pullproof:built") == "present"
    (child,) = told.said.children("tools/pullproof:built").values()
    assert (child["platform"], child["proof"]) == (PLATFORM, "last-byte")
    assert validated.code == 0, validated.errors


def test_a_second_build_gives_the_same_index(image: Image, tmp_path: Path) -> None:
    again = tmp_path / "layout"
    with tarfile.open(images.dist(tmp_path)) as archive:
        archive.extract("./index.json", again, filter="data")

    assert (again / "index.json").read_text() == (image.layout / "index.json").read_text()
