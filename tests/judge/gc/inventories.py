"""Which storages does a property hold for? Inventories made of values, without any file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from exporter.facts.body import Body
from exporter.facts.inventory import Driver, Folder
from exporter.facts.inventory_builder import InventoryBuilder

if TYPE_CHECKING:
    from exporter.facts.inventory import Inventory

_LAYERS = tuple(f"layer {at}" for at in range(6))
_IMAGES = tuple(f"image {at}" for at in range(5))
_INDEXES = tuple(f"index {at}" for at in range(3))
_NAMES = ("a", "a-b", "a/1", "b")
_TAGS = ("t1", "t2", "t3")


def digest(word: str) -> str:
    return "sha256:" + hashlib.sha256(word.encode()).hexdigest()


@dataclass(frozen=True)
class Held:
    """What one repository has, in words."""

    manifests: frozenset[str]
    layers: frozenset[str]
    tags: Mapping[str, str]
    has_tags: bool


@dataclass(frozen=True)
class World:
    """A storage in words: which manifests refer to what, and who has what."""

    references: Mapping[str, Sequence[str]]
    stored: frozenset[str]
    repositories: Mapping[str, Held]

    def inventory(self, *, backwards: bool = False) -> Inventory:
        """Deliver the facts, in one order or in the opposite one."""
        builder = InventoryBuilder(Driver.FILESYSTEM)
        order = -1 if backwards else 1
        for word in sorted(self.stored)[::order]:
            builder.blobs("sha256", [digest(word)[7:]], [len(word)], [0])
        for name in sorted(self.repositories)[::order]:
            self._repository(name, builder)
        for word in sorted(self.references)[::order]:
            if word in self.stored:
                references = tuple(digest(each) for each in self.references[word])
                builder.manifests.add(digest(word), Body(references, word in _INDEXES))
        return builder.inventory()

    def _repository(self, name: str, builder: InventoryBuilder) -> None:
        held = self.repositories[name]
        for kind, words in ((builder.revisions, held.manifests), (builder.layers, held.layers)):
            kind.add("sha256", sorted(digest(word)[7:] for word in words))
        for tag, word in sorted(held.tags.items()) if held.has_tags else ():
            builder.tags.add(tag, digest(word), [digest(word)])
        folders = Folder.LAYERS | Folder.MANIFESTS | Folder.REVISIONS
        builder.close(name, folders | Folder.TAGS if held.has_tags else folders)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    references = {
        **{word: draw(_some(_LAYERS)) for word in _IMAGES},
        **{word: draw(_some((*_IMAGES, *_INDEXES[:at]))) for at, word in enumerate(_INDEXES)},
    }
    lost = draw(st.frozensets(st.sampled_from((*_LAYERS, *references)), max_size=2))
    names = draw(st.lists(st.sampled_from(_NAMES), min_size=1, unique=True))
    return World(
        references,
        frozenset((*_LAYERS, *references, "orphan")) - lost,
        {name: draw(_held(references)) for name in names},
    )


def _some(words: Sequence[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(words), max_size=3, unique=True)


@st.composite
def _held(draw: st.DrawFn, references: Mapping[str, Sequence[str]]) -> Held:
    manifests = draw(st.frozensets(st.sampled_from(sorted(references))))
    tagged = st.sampled_from(sorted(manifests)) if manifests else st.nothing()
    tags = draw(st.dictionaries(st.sampled_from(_TAGS), tagged)) if manifests else {}
    layers = frozenset(each for word in manifests for each in references[word] if each in _LAYERS)
    return Held(manifests, layers, tags, bool(tags) or draw(st.booleans()))
