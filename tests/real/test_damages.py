"""Does the same damage give the same verdict on every kind, and the one that a full pull gives?"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from shutil import rmtree
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from tests.parts import tree
from tests.parts.agreement import Cell, pulled
from tests.parts.gitea import Gitea
from tests.parts.product import run
from tests.parts.recorded import Conversation, Recording, asked, replayed
from tests.parts.recorded_kinds import RECORDED_KINDS
from tests.parts.registry import Registry, Settings, registry
from tests.parts.stand import Stand
from tests.worlds import Made, image, two_platforms

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.oci.digest import Digest
    from tests.parts.client import Client
    from tests.parts.stand import RecordedKind, Stored

pytestmark = pytest.mark.real


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

    def data(self, digest: Digest) -> Stored:
        return self.stand.data(self.repository, digest)

    def cut(self, digest: Digest) -> None:
        stored = self.data(digest)
        body = stored.read_bytes()
        stored.write_bytes(body[: len(body) // 2])

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
_MAKE: Final = (clean, clean_tagged, overwrite)
"""These push what they damage."""
# What a kind answered is replayed in every run; only the live column needs the program.
_RECORDED: Final = [
    pytest.param(
        kind,
        live,
        id=f"{name}, {'live' if live else 'recorded'}",
        # The recorded twin of each live one runs everywhere.
        marks=pytest.mark.skipif(
            live and not kind.program, reason=f"PULLPROOF_{name.upper()} is not set"
        ),
    )
    for name, kind in RECORDED_KINDS.items()
    for live in (True, False)
]

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


@pytest.mark.parametrize(("kind", "live"), _RECORDED)
def test_every_damage_to_a_recorded_kind_is_judged_as_a_full_pull_ends(  # noqa: PLR0913 - fixtures
    kind: RecordedKind,
    *,
    live: bool,
    recordings: dict[str, Recording],
    stands: ExitStack,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    recording = recordings[kind.name]
    if live:
        cleaned = [_NAMES[each].partition("/")[0] for each in DAMAGES if each.startswith("cleanup")]
        with kind.stand(tmp_path / kind.name, cleaned, stands) as stand:
            cells = column(f"{kind.name}, live", stand, tmp_path, kind)
            heard = asked(stand, _contents(), ("v0", "v1", "v1-amd64", "v1-arm64"))
            recording.anonymous = stand.anonymous()
        pulls = {each.damage: each.pulled for each in cells}
        recording.conversations["damages"] = Conversation([heard], pulls)
    else:
        told = recording.conversations["damages"]
        with replayed(told, recording.anonymous) as replay:
            name = f"{kind.name} {kind.version}, recorded"
            cells = judged(name, replay.host, told.pulled, tmp_path, kind)

    for cell in cells:
        record_property(*cell.recorded())
    assert [cell for cell in cells if not cell.holds] == []


SCRIBBLES: Final[dict[str, Callable[[bytes], bytes]]] = {
    "cut": lambda body: body[: len(body) // 2],
    "emptied": lambda _: b"",
    "nulls": lambda body: bytes(len(body)),
    "not ascii": lambda body: b"\xe2" + body[1:],
    "another type": lambda _: b"[]",
    "another field": lambda body: body.replace(b'"schemaVersion":2', b'"schemaVersion":""'),
    "media type": lambda body: body.replace(b"vnd.oci", b"vnd.ocj", 1),
    "more behind": lambda body: body + b"{}",
    "blank behind": lambda body: body + b" ",
    "fields gone": lambda _: (
        b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json"}'
    ),
}
"""What a disk may leave of a manifest."""


@pytest.mark.parametrize("version", [2, 3])
def test_a_manifest_that_distribution_cannot_read_is_lost_and_never_unknown(
    tmp_path: Path, version: int
) -> None:
    names = {name: f"scribbled/{name.replace(' ', '-')}" for name in SCRIBBLES}
    with registry(tmp_path / "registry", Settings(version=version, cache=False)) as running:
        for name, scribble in SCRIBBLES.items():
            for tag in ("top", "child"):
                made = two_platforms(f"{name} {tag}")
                running.push(names[name], made, tag)
                path = tree.data(running.root, (made if tag == "top" else made.children[1]).digest)
                path.write_bytes(scribble(path.read_bytes()))
        words = ("--plain-http", "--tags", "*", "--confirm-after", "0s", "--output", "json")
        said = run("check", running.host, *words).said

    states = {
        name: said.state(name) for of in names.values() for name in (f"{of}:top", f"{of}:child")
    }
    assert [name for name, state in states.items() if state not in ("missing", "broken")] == []


def _contents() -> dict[str, dict[str, int]]:
    """What may be asked for in each repository: sizes by digest."""
    found: dict[str, dict[str, int]] = {}
    for damage, name in _NAMES.items():
        others = (image("older"), image("newer", "linux/arm64")) if DAMAGES[damage] in _MAKE else ()
        pushed = [each for made in (two_platforms(damage), *others) for each in made.walk()]
        blobs = {it.digest: len(it.body) for each in pushed for it in each.blobs}
        found[name] = {each.digest: len(each.body) for each in pushed} | blobs
    return found


def column(
    kind: str, stand: Stand, folder: Path, recorded: RecordedKind | None = None
) -> list[Cell]:
    """Damage an image in every way, and ask everybody about all of them."""
    for damage, act in DAMAGES.items():
        victim = Victim(stand, _NAMES[damage], two_platforms(damage))
        if act not in _MAKE:
            stand.push(victim.repository, victim.made, "v1")
        act(victim)
    account = _account(stand.host, recorded, folder)
    pulls = {
        damage: pulled(f"{stand.host}/{name}", "v1", folder / "pulled" / name, account)
        for damage, name in _NAMES.items()
    }
    return judged(kind, stand.host, pulls, folder, recorded)


def judged(
    kind: str,
    host: str,
    pulls: Mapping[str, str],
    folder: Path,
    recorded: RecordedKind | None = None,
) -> list[Cell]:
    """Ask pullproof about every damage, beside how full pulls end."""
    references = [f"{host}/{name}:v1" for name in _NAMES.values()]
    own = {"url": f"http://{host}", "plain_http": True, "pulls": "accept", "tries": 1}
    config = folder / "pullproof.json"
    config.write_text(json.dumps({"confirm_after": "0s", "registries": [own]}))
    words = (*references, "--config", str(config), "--output", "json")
    account = _account(host, recorded, folder)
    checked, scrubbed = (run(each, *words, variables=account) for each in ("check", "scrub"))
    return [
        Cell(
            kind,
            damage,
            checked.said.state(f"{name}:v1"),
            scrubbed.said.state(f"{name}:v1"),
            pulls[damage],
            untold=recorded is not None and damage in recorded.untold,
        )
        for damage, name in _NAMES.items()
    ]


def _account(host: str, recorded: RecordedKind | None, folder: Path) -> dict[str, str]:
    """Return the variable by which every client finds the account that may read everything."""
    login = recorded.login if recorded else None
    if login is None:
        return {}
    packed = base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": packed}}}))
    return {"DOCKER_CONFIG": str(folder)}
