"""Does the same damage give the same verdict on every kind, and the one that a full pull gives?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from shutil import rmtree
from typing import TYPE_CHECKING, Final, Protocol

import httpx
import pytest

from tests.parts import tree
from tests.parts.agreement import Cell, pulled
from tests.parts.gitea import Gitea
from tests.parts.product import check, run
from tests.parts.recorded import Conversation, Recording, asked, replayed
from tests.parts.registry import Registry, Settings, registry
from tests.parts.zot import PROGRAM, VERSION, Zot, zot
from tests.worlds import Made, image, two_platforms

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.oci.digest import Digest
    from tests.parts.client import Client

pytestmark = pytest.mark.real


class Stand(Protocol):
    """A registry of some kind, and the hands that fill and damage it."""

    host: str

    def client(self, repository: str) -> AbstractContextManager[Client]: ...
    def push(self, repository: str, made: Made, *tags: str) -> None: ...
    def data(self, repository: str, digest: Digest) -> Path: ...
    def delete(self, repository: str, digest: Digest) -> None: ...
    def drop(self, repository: str) -> None: ...
    def drop_owner(self, owner: str) -> None: ...
    def clean(self, repository: str) -> None:
        """Run the kind's own: a collection, or a rule for untagged ones and tags of platforms."""


@dataclass
class OnDisk:
    """A distribution registry."""

    running: Registry

    @property
    def host(self) -> str:
        return self.running.host

    def client(self, repository: str) -> AbstractContextManager[Client]:
        return self.running.client(repository)

    def push(self, repository: str, made: Made, *tags: str) -> None:
        self.running.push(repository, made, *tags)

    def data(self, repository: str, digest: Digest) -> Path:  # noqa: ARG002 - one file for all
        return tree.data(self.running.root, digest)

    def delete(self, repository: str, digest: Digest) -> None:
        with self.client(repository) as client:
            client.delete(digest)

    def drop(self, repository: str) -> None:
        rmtree(tree.home(self.running.root, repository))

    def drop_owner(self, owner: str) -> None:
        rmtree(tree.home(self.running.root, owner))

    def clean(self, repository: str) -> None:  # noqa: ARG002 - it collects all of them
        self.running.collect("--delete-untagged")


@dataclass
class InGitea:
    """A Gitea, in which each owner is an organisation."""

    running: Gitea

    @property
    def host(self) -> str:
        return self.running.host

    def client(self, repository: str) -> AbstractContextManager[Client]:
        return self.running.client(repository)

    def push(self, repository: str, made: Made, *tags: str) -> None:
        with suppress(httpx.HTTPStatusError):  # it is there
            self.running.own(repository.partition("/")[0])
        self.running.push(repository, made, *tags)

    def data(self, repository: str, digest: Digest) -> Path:  # noqa: ARG002 - one file for all
        return self.running.data(digest)

    def delete(self, repository: str, digest: Digest) -> None:
        with self.client(repository) as client:
            client.delete(digest)

    def drop(self, repository: str) -> None:
        owner, _, package = repository.partition("/")
        self.running.drop(owner, package)

    def drop_owner(self, owner: str) -> None:
        self.running.forget(owner)

    def clean(self, repository: str) -> None:
        self.running.rule(repository.partition("/")[0], r"sha256:.*|.*-(amd64|arm64)")
        self.running.clean()


@dataclass
class InZot:
    """A zot, which collects by itself."""

    running: Zot

    @property
    def host(self) -> str:
        return self.running.host

    def client(self, repository: str) -> AbstractContextManager[Client]:
        return self.running.client(repository)

    def push(self, repository: str, made: Made, *tags: str) -> None:
        self.running.push(repository, made, *tags)

    def data(self, repository: str, digest: Digest) -> Path:
        return self.running.data(repository, digest)

    def delete(self, repository: str, digest: Digest) -> None:
        with self.client(repository) as client, suppress(httpx.HTTPStatusError):  # an index has it
            client.delete(digest)

    def drop(self, repository: str) -> None:
        self.running.drop(repository)

    def drop_owner(self, owner: str) -> None:
        self.running.drop(owner)

    def clean(self, repository: str) -> None:
        self.running.collected(repository)


@dataclass(frozen=True)
class Victim:
    """An image of two platforms, alone in the repository of an owner of its own."""

    stand: Stand
    repository: str
    made: Made

    @property
    def child(self) -> Made:
        return self.made.children[1]

    def push_children(self) -> None:
        """Push it as `docker manifest create` does: its children by tags of their own."""
        self.stand.push(self.repository, image("older"), "v0")
        with self.stand.client(self.repository) as client:
            for child, name in zip(self.made.children, ("v1-amd64", "v1-arm64"), strict=True):
                for blob in child.blobs:
                    client.push_blob(blob)
                client.put(child, name).raise_for_status()
            client.put(self.made, "v1").raise_for_status()

    def data(self, digest: Digest) -> Path:
        return self.stand.data(self.repository, digest)

    def cut(self, digest: Digest) -> None:
        path = self.data(digest)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    def flip(self, digest: Digest) -> None:
        path = self.data(digest)
        body = bytearray(path.read_bytes())
        body[len(body) // 2] ^= 1
        path.write_bytes(body)


def clean(victim: Victim) -> None:
    victim.stand.push(victim.repository, victim.made, "v1")
    victim.stand.clean(victim.repository)


def clean_tagged(victim: Victim) -> None:
    victim.push_children()
    victim.stand.clean(victim.repository)


def overwrite(victim: Victim) -> None:
    victim.push_children()
    victim.stand.push(victim.repository, image("newer", "linux/arm64"), "v1-arm64")


DAMAGES: Final[dict[str, Callable[[Victim], object]]] = {
    "cleanup, untagged children": clean,
    "cleanup, tagged children": clean_tagged,
    "tag pushed anew": overwrite,
    "none": lambda _: None,
    "child gone": lambda it: it.stand.delete(it.repository, it.child.digest),
    "child file gone": lambda it: it.data(it.child.digest).unlink(),
    "manifest gone": lambda it: it.data(it.made.digest).unlink(),
    "config gone": lambda it: it.data(it.child.config.digest).unlink(),
    "layer gone": lambda it: it.data(it.child.layers[0].digest).unlink(),
    "manifest cut": lambda it: it.cut(it.made.digest),
    "child cut": lambda it: it.cut(it.child.digest),
    "config cut": lambda it: it.cut(it.child.config.digest),
    "layer cut": lambda it: it.cut(it.child.layers[0].digest),
    "manifest flipped": lambda it: it.flip(it.made.digest),
    "child flipped": lambda it: it.flip(it.child.digest),
    "config flipped": lambda it: it.flip(it.child.config.digest),
    "layer flipped": lambda it: it.flip(it.child.layers[0].digest),
    "repository gone": lambda it: it.stand.drop(it.repository),
    "owner gone": lambda it: it.stand.drop_owner(it.repository.partition("/")[0]),
}
"""What is done to an image that was whole. The collection first: it is of the whole registry."""
_NAMES: Final = {damage: f"{damage.replace(', ', '-').replace(' ', '-')}/app" for damage in DAMAGES}
"""The repository in which each is done."""
# What zot answered is replayed in every run; only the live column needs the program.
_LIVE: Final = pytest.mark.skipif(not PROGRAM, reason="PULLPROOF_ZOT names no zot")
_MAKE: Final = (clean, clean_tagged, overwrite)
"""These push what they damage."""


KINDS: Final = {
    "distribution 2.8": Settings(cache=False),
    "2.8 with a cache": Settings(),
    "distribution 3.1.1": Settings(version=3, cache=False),
    "3.1.1 with a cache": Settings(version=3),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_damage_to_distribution_is_judged_as_a_full_pull_ends(
    tmp_path: Path, kind: str, record_property: Callable[[str, object], None]
) -> None:
    with registry(tmp_path / "registry", KINDS[kind]) as running:
        cells = column(kind, OnDisk(running), tmp_path)

    for cell in cells:
        record_property(*cell.recorded())
    assert [cell for cell in cells if not cell.holds] == []


def test_every_damage_to_gitea_is_judged_as_a_full_pull_ends(
    gitea_server: Gitea, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    cells = column("Gitea 1.26.0", InGitea(gitea_server), tmp_path)

    for cell in cells:
        record_property(*cell.recorded())
    assert [cell for cell in cells if not cell.holds] == []


@pytest.mark.parametrize("live", [pytest.param(True, marks=_LIVE), False], ids=["live", "recorded"])
def test_every_damage_to_zot_is_judged_as_a_full_pull_ends(
    *,
    live: bool,
    zot_recording: Recording,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    if live:
        cleaned = (_NAMES[each].partition("/")[0] for each in DAMAGES if each.startswith("cleanup"))
        with zot(tmp_path / "zot", tuple(cleaned)) as running:
            cells = column("zot, live", InZot(running), tmp_path)
            heard = asked(running.url, _contents(), ("v0", "v1", "v1-amd64", "v1-arm64"))
        pulls = {each.damage: each.pulled for each in cells}
        zot_recording.conversations["damages"] = Conversation([heard], pulls)
    else:
        told = zot_recording.conversations["damages"]
        with replayed(told) as replay:
            cells = judged(f"zot {VERSION}, recorded", replay.host, told.pulled)

    for cell in cells:
        record_property(*cell.recorded())
    assert [cell for cell in cells if not cell.holds] == []


def _contents() -> dict[str, dict[str, int]]:
    """What may be asked for in each repository: sizes by digest."""
    found: dict[str, dict[str, int]] = {}
    for damage, name in _NAMES.items():
        others = (image("older"), image("newer", "linux/arm64")) if DAMAGES[damage] in _MAKE else ()
        pushed = [each for made in (two_platforms(damage), *others) for each in made.walk()]
        blobs = {it.digest: len(it.body) for each in pushed for it in each.blobs}
        found[name] = {each.digest: len(each.body) for each in pushed} | blobs
    return found


def column(kind: str, stand: Stand, folder: Path) -> list[Cell]:
    """Damage an image in every way, and ask everybody about all of them."""
    for damage, act in DAMAGES.items():
        victim = Victim(stand, _NAMES[damage], two_platforms(damage))
        if act not in _MAKE:
            stand.push(victim.repository, victim.made, "v1")
        act(victim)
    pulls = {
        damage: pulled(f"{stand.host}/{name}", "v1", folder / "pulled" / name)
        for damage, name in _NAMES.items()
    }
    return judged(kind, stand.host, pulls)


def judged(kind: str, host: str, pulls: Mapping[str, str]) -> list[Cell]:
    """Ask pullproof about every damage, beside how full pulls end."""
    references = [f"{host}/{name}:v1" for name in _NAMES.values()]
    checked = check(*references, "--plain-http").said
    scrubbed = run(
        "scrub", *references, "--plain-http", "--output", "json", "--confirm-after", "0s"
    ).said
    return [
        Cell(
            kind,
            damage,
            checked.state(f"{name}:v1"),
            scrubbed.state(f"{name}:v1"),
            pulls[damage],
        )
        for damage, name in _NAMES.items()
    ]
