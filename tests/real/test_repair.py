"""Does docs/repair.md tell the truth: which commands heal a broken tag, and which do not?"""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.parts import tree
from tests.parts.certificates import Authority
from tests.parts.needs import asset
from tests.parts.pages import Page, Shell
from tests.parts.ports import held
from tests.parts.registry import Settings, registry
from tests.worlds import two_platforms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.parts.registry import Registry

pytestmark = pytest.mark.real

PAGE: Final = Page("docs/repair.md")
APP: Final = two_platforms("app")
NAME: Final = "team/app"
ROWS: Final = tuple(re.findall(r"^\| `(.*)` \| ([\w ]+) \| ([\w ]+) \|$", PAGE.text, re.MULTILINE))
OURS, *HEALING = (command for command, *_ in ROWS)
PUT, CHECK = PAGE.commands


@dataclass(frozen=True, slots=True)
class Site:
    """A registry that will lose something, one that will not, and somebody with tools."""

    stack: ExitStack
    folder: Path
    authority: Authority | None
    tools: Path
    address: str
    """Of the registry, whenever it is started."""

    def stocked(self) -> Registry:
        """A registry whose memory is warm, for somebody looked at all of it."""
        server = self._started()
        server.push(NAME, APP, "v1")
        assert intact(server)
        return server

    def restarted(self, server: Registry) -> Registry:
        server.server.kill()
        return self._started()

    def heal(self, server: Registry, command: str) -> str:
        """Run a command of the page, once for each child if it names one; what came of it?"""
        mirror = self._start("mirror", Settings(authority=self.authority))
        mirror.push(NAME, APP, "v1")
        shell = self.shell(server, {"mirror.example.com": mirror.host})
        runs = {of_child(command, child.digest) for child in APP.children}
        codes = {shell.run(run).returncode for run in runs}
        if intact(server):
            return "repairs"
        return "does nothing" if codes == {0} else "fails"

    def shell(self, server: Registry, here: dict[str, str]) -> Shell:
        here |= {"registry.example.com": server.host, "/var/lib/registry": str(server.root)}
        trusted = self.authority.certificate if self.authority else None
        return Shell(self.folder, trusted, here, (self.tools,))

    def _started(self) -> Registry:
        return self._start("registry", Settings(authority=self.authority, address=self.address))

    def _start(self, name: str, settings: Settings) -> Registry:
        return self.stack.enter_context(registry(self.folder / name, settings))


def intact(server: Registry) -> bool:
    """Can every byte below the tag be had?"""
    with server.client(NAME) as client:
        stands = client.get("manifests", "v1").content == APP.body
        return stands and all(
            client.get("manifests", child.digest).is_success
            and all(client.bytes_of(blob) == (200, len(blob.body)) for blob in child.blobs)
            for child in APP.children
        )


def of_child(command: str, digest: str) -> str:
    number = digest.removeprefix("sha256:")
    command = command.replace("keep-CHILD", f"keep-{number[:12]}")
    return command.replace("CHILD", number).replace("PREFIX", number[:2])


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tools that the page names, as they are called there."""
    folder = tmp_path_factory.mktemp("tools")
    for name in ("crane", "regctl", "oras"):
        (folder / name).symlink_to(asset(name))
    docker = folder / "docker"
    docker.write_text(f'#!/bin/sh\n[ "$1" = buildx ] && shift && exec {asset("buildx")} "$@"\n')
    docker.chmod(0o755)
    return folder


@pytest.fixture
def site(tmp_path: Path, authority: Authority, tools: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        yield Site(stack, tmp_path, authority, tools, stack.enter_context(held()))


def over_tls(command: str) -> bool:
    """Does a tool ask a registry on the loopback over TLS? buildx insists on plain http."""
    return not command.startswith("docker buildx")


def manifests(server: Registry) -> None:
    """A collection of 2.x: children and all their content."""
    server.collect("--delete-untagged")


def layers(server: Registry) -> None:
    """Storage that lost files."""
    for each in {layer.digest for child in APP.children for layer in child.layers}:
        tree.data(server.root, each).unlink()


LOSSES: Final = (manifests, layers)
CASES: Final = [
    (command, lose, result)
    for command, *results in ROWS
    for lose, result in zip(LOSSES, results, strict=True)
]


@pytest.mark.parametrize(("command", "lose", "result"), CASES)
def test_a_command_does_what_its_line_says(
    site: Site, command: str, lose: Callable[[Registry], None], result: str
) -> None:
    site = site if over_tls(command) else replace(site, authority=None)
    server = site.stocked()
    lose(server)

    assert site.heal(site.restarted(server), command) == result


def test_no_command_heals_while_the_registry_remembers(site: Site) -> None:
    server = site.stocked()
    manifests(server)

    found = {each: site.heal(server, each) for each in filter(over_tls, HEALING)}

    assert "repairs" not in found.values()


@pytest.mark.parametrize("lose", LOSSES)
def test_repair_heals_while_the_registry_remembers(
    site: Site, lose: Callable[[Registry], None]
) -> None:
    server = site.stocked()
    lose(server)

    assert site.heal(server, OURS) == "repairs"


def test_a_deleted_manifest_comes_back_from_the_storage(site: Site) -> None:
    server = site.stocked()
    with server.client(NAME) as client:
        for child in APP.children:
            client.delete(child.digest)
    assert not intact(server)

    put = PUT.replace("MEDIA_TYPE", APP.children[0].media_type)

    assert site.heal(server, put) == "repairs"
    assert site.shell(server, {}).run(CHECK).returncode == 0
