"""Does the same damage give the same verdict on every kind, and the one that a full pull gives?"""

from __future__ import annotations

from collections.abc import Callable
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
from tests.parts.registry import Registry, Settings, registry
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
    def data(self, digest: Digest) -> Path: ...
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

    def data(self, digest: Digest) -> Path:
        return tree.data(self.running.root, digest)

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

    def data(self, digest: Digest) -> Path:
        return self.running.data(digest)

    def drop(self, repository: str) -> None:
        owner, _, package = repository.partition("/")
        self.running.drop(owner, package)

    def drop_owner(self, owner: str) -> None:
        self.running.forget(owner)

    def clean(self, repository: str) -> None:
        self.running.rule(repository.partition("/")[0], r"sha256:.*|.*-(amd64|arm64)")
        self.running.clean()


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

    def delete(self, digest: Digest) -> None:
        with self.stand.client(self.repository) as client:
            client.delete(digest)

    def cut(self, digest: Digest) -> None:
        path = self.stand.data(digest)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    def flip(self, digest: Digest) -> None:
        path = self.stand.data(digest)
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
    "child gone": lambda it: it.delete(it.child.digest),
    "child file gone": lambda it: it.stand.data(it.child.digest).unlink(),
    "manifest gone": lambda it: it.stand.data(it.made.digest).unlink(),
    "config gone": lambda it: it.stand.data(it.child.config.digest).unlink(),
    "layer gone": lambda it: it.stand.data(it.child.layers[0].digest).unlink(),
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


def column(kind: str, stand: Stand, folder: Path) -> list[Cell]:
    """Damage an image in every way, and ask everybody about all of them."""
    names = {damage: f"{damage.replace(', ', '-').replace(' ', '-')}/app" for damage in DAMAGES}
    for damage, act in DAMAGES.items():
        victim = Victim(stand, names[damage], two_platforms(damage))
        if act not in _MAKE:
            stand.push(victim.repository, victim.made, "v1")
        act(victim)
    references = {damage: f"{stand.host}/{name}:v1" for damage, name in names.items()}
    checked = check(*references.values(), "--plain-http").said
    scrubbed = run(
        "scrub", *references.values(), "--plain-http", "--output", "json", "--confirm-after", "0s"
    ).said
    return [
        Cell(
            kind,
            damage,
            checked.state(f"{names[damage]}:v1"),
            scrubbed.state(f"{names[damage]}:v1"),
            pulled(f"{stand.host}/{names[damage]}", "v1", folder / "pulled" / names[damage]),
        )
        for damage in DAMAGES
    ]
