"""Do the examples that other people run do what they say, on a real registry?"""

from __future__ import annotations

import shutil
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from exporter.oci.digest import Digest
from tests.parts.monitoring import SCRAPED, prometheus_on
from tests.parts.needs import program
from tests.parts.pages import TREE, Shell
from tests.parts.process import running, until
from tests.parts.product import LISTENING
from tests.parts.registry import Settings, registry
from tests.parts.tokens import PASSWORD, USER
from tests.worlds import layer, two_platforms

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from tests.parts.certificates import Authority
    from tests.parts.registry import Registry

pytestmark = pytest.mark.real

EXAMPLES: Final = TREE / "examples"
APP: Final = two_platforms("app")
NAME: Final = "team/app"
LEFT_OVER: Final = layer("nobody needs this")
PLATFORMS: Final = ("linux/amd64", "linux/arm64")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Registry]:
    with registry(tmp_path / "registry") as started:
        started.push(NAME, APP, "v1")
        with started.client(NAME) as client:
            client.push_blob(LEFT_OVER)
        yield started


def collect(server: Registry, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the cleanup job as cron does; that the registry is told to start again leaves a file."""
    (folder / "live.txt").write_text(f"{server.host}/{NAME}:v1\n")
    settings = {
        "REGISTRY": program("docker-registry"),
        "CONFIG": server.folder / "config.yml",
        "STORAGE": server.root,
        "LIVE": folder / "live.txt",
        "STOP": f"kill {server.server.process.pid}",
        "START": f"touch {folder}/started",
    }
    words = " ".join(f"{key}='{value}'" for key, value in settings.items())
    return Shell(folder).run(f"{words} {EXAMPLES}/cleanup/collect")


def stored(server: Registry) -> set[Path]:
    return {path for path in server.root.rglob("*") if path.is_file()}


def test_the_cleanup_job_does_not_begin_what_would_break_an_image(
    server: Registry, tmp_path: Path
) -> None:
    before = stored(server)

    done = collect(server, tmp_path)

    assert done.returncode == 1
    assert f"{NAME}:v1" in done.stdout
    assert stored(server) == before
    assert (tmp_path / "started").exists()


def test_the_cleanup_job_does_not_begin_what_cannot_be_foretold(
    server: Registry, tmp_path: Path
) -> None:
    for child in APP.children:
        server.push(NAME, child, f"keep-{child.digest.encoded[:12]}")
    (server.root / "docker/registry/v2/repositories/team/other").symlink_to("/nonexistent")
    before = stored(server)

    done = collect(server, tmp_path)

    assert done.returncode == 3
    assert stored(server) == before


def test_the_cleanup_job_collects_what_nobody_needs(server: Registry, tmp_path: Path) -> None:
    for child in APP.children:
        server.push(NAME, child, f"keep-{child.digest.encoded[:12]}")
    before = stored(server)

    done = collect(server, tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    gone = {path.parent.name for path in before - stored(server)}
    assert {Digest(f"sha256:{each}") for each in gone} == {LEFT_OVER.digest}
    assert (tmp_path / "started").exists()


@contextmanager
def private(folder: Path, authority: Authority) -> Iterator[Registry]:
    """A registry that lets in one user, with a sound image and one that lost its platforms."""
    with registry(folder, Settings(authority=authority, basic=True)) as server:
        server.push("lost", APP, "built")
        server.collect("--delete-untagged")
        server.push("sound", APP, "built")
        yield server


CI: Final = [
    ("github", lambda document: document["jobs"]["image"]["steps"][-1]["run"]),
    ("gitlab", lambda document: document["prove-image"]["script"][0]),
]


@pytest.mark.parametrize(("name", "script"), CI, ids=("github", "gitlab"))
def test_a_pipeline_ends_as_what_it_pushed_can_be_pulled(
    tmp_path: Path, authority: Authority, name: str, script: Any
) -> None:
    step = script(yaml.safe_load((EXAMPLES / "ci" / f"{name}.yml").read_text()))
    with private(tmp_path / "registry", authority) as server:
        shell = Shell(tmp_path, authority.certificate, {}, (stand_in(tmp_path),))
        sound, lost = (
            shell.run(f"{variables(server, repository)}\n{step}")
            for repository in ("sound", "lost")
        )

    assert sound.returncode == 0, sound.stderr
    assert lost.returncode == 1, lost.stderr
    for platform in PLATFORMS:
        assert platform in sound.stdout
    assert "missing" in lost.stdout


def stand_in(folder: Path) -> Path:
    """A `docker run` whose container is this machine: nothing here runs containers."""
    docker = folder / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text(
        '#!/bin/sh\n[ "$1 $2 $3" = "run --rm --interactive" ] && shift 4\npullproof "$@"\n'
    )
    docker.chmod(0o755)
    return docker.parent


def variables(server: Registry, repository: str) -> str:
    """What the two services set, for an image that was just pushed."""
    known = {
        "IMAGE": f"{server.host}/{repository}:built",
        "PULLPROOF": "the image",
        "GITHUB_ACTOR": USER,
        "TOKEN": PASSWORD,
        "GITHUB_STEP_SUMMARY": "summary.md",
        "CI_REGISTRY_IMAGE": f"{server.host}/{repository}",
        "CI_COMMIT_SHA": "built",
        "CI_REGISTRY_USER": USER,
        "CI_REGISTRY_PASSWORD": PASSWORD,
    }
    return "; ".join(f"export {key}='{value}'" for key, value in known.items())


def test_the_files_of_compose_watch_a_registry(tmp_path: Path, server: Registry) -> None:
    """The exporter and Prometheus on those very files, but for names, ports and patience."""
    site = tmp_path / "compose"
    shutil.copytree(EXAMPLES / "compose", site)
    (site / "pullproof/live.txt").write_text(f"{server.host}/{NAME}:v1\n")
    here = {
        "http://registry:5000": server.url,
        "aliases: [localhost:5000]": "aliases: []",
        "path: /var/lib/registry": f"path: {server.root}",
        "/var/lib/pullproof/": f"{site}/",
        "scrape_interval: 1m": f"scrape_interval: {SCRAPED}",
        "interval: 1m": "interval: 1s\nlisten: ['127.0.0.1:0']",
        "_interval: 30s": "_interval: 250ms",
        "- pullproof/": f"- {TREE}/alerts/",
    }
    config = rewritten(site / "pullproof/pullproof.yml", here)
    command = [sys.executable, "-m", "exporter", "serve", "--config", str(config)]
    with ExitStack() as stack:
        exporter = stack.enter_context(running(command, LISTENING, site / "log"))
        here["pullproof:10470"] = f"127.0.0.1:{exporter.address}"
        config = rewritten(site / "prometheus.yml", here)
        prometheus = stack.enter_context(prometheus_on(config, site))
        broken = 'pullproof_gc_victims{dialect="distribution-2",mode="delete-untagged"} > 0'

        until(lambda: prometheus.query(broken), "a collection that would break an image")


def rewritten(path: Path, here: dict[str, str]) -> Path:
    text = path.read_text()
    for there, ours in here.items():
        text = text.replace(there, ours)
    path.write_text(text)
    return path
