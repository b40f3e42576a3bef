"""A registry of every kind of content, in which things were pinned, lost and never tagged."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING, Final

from exporter.oci.platform import Platform
from exporter.oci.reference import Repository
from tests import worlds
from tests.fakes import NOW, Fake, use
from tests.parts import tree
from tests.sources.exports.registries import OLD, Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from exporter.facts.use import Use
    from tests.worlds import Made

_PLATFORM: Final = Platform.parse("linux/amd64")


def odd_site(root: Path, seed: int) -> Site:
    """Return the registry of a seed; each fourth is a mirror of one platform."""
    chance, fake = random.Random(seed), Fake()  # noqa: S311 - content, not a secret
    shared = [made for at in range(3) for made in _kinds(f"{seed} {at}")]
    uses: list[Use] = []
    for at in range(9):
        name = Repository(f"team{at % 3}/app{at}")
        fake.tagged.setdefault(name, {})
        tree.layer_link(root, name, shared[0].digest).parents[2].mkdir(parents=True)
        for version in range(chance.randint(0, 5)):
            made = chance.choice(shared)
            tag = f"v{version}" if chance.random() < 0.7 else None
            _push(fake, root, name, made, tag)
            if made.children and chance.random() < 0.3:
                _push(fake, root, name, made.children[0], f"keep-{version}")
            uses += _used(chance, name, made)
    _lose(fake, root, chance)
    for path in root.rglob("data"):
        written = OLD if chance.random() < 0.7 else NOW
        os.utime(path, (written, written))
    return Site(fake, root, tuple(uses), frozenset({_PLATFORM} if seed % 4 == 3 else ()))


def _kinds(seed: str) -> Iterator[Made]:
    both = worlds.two_platforms(seed)
    yield from (both, worlds.image(seed), worlds.windows(seed), worlds.inline(seed))
    yield from (worlds.chart(seed), worlds.build_cache(seed), worlds.signature(both))
    yield from (worlds.referrer(both, seed), worlds.index(), worlds.index(both))
    yield worlds.index(both, worlds.attestation(both.children[0]))
    yield worlds.index(worlds.windows(seed), worlds.image(seed))


def _push(fake: Fake, root: Path, name: Repository, made: Made, tag: str | None) -> None:
    fake.push(made, tag, name)
    tree.write(root, name, made, *([tag] if tag else []))


def _used(chance: random.Random, name: Repository, made: Made) -> Iterator[Use]:
    """Pin it, or a child of it, whether a tag leads there or not; or want a tag that is not."""
    drawn = chance.random()
    if drawn < 0.2:
        yield use(f"{name}@{made.digest}")
    elif drawn < 0.3 and made.children:
        yield use(f"{name}@{made.children[0].digest}")
    elif drawn < 0.35:
        yield use(f"{name}:gone")


def _lose(fake: Fake, root: Path, chance: random.Random) -> None:
    there = [*fake.manifests, *fake.blobs]
    for repository, digest in chance.sample(there, min(len(there), chance.randint(0, 6))):
        fake.sweep(digest, repository=repository)
        if chance.random() < 0.5:
            tree.data(root, digest).unlink(missing_ok=True)
