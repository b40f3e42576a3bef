"""What has one repository, by the keys of its objects?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from exporter.facts.gap import Reason
from exporter.facts.inventory import Folder, Unlinked, Upload
from exporter.facts.inventory_builder import Target
from exporter.sources.storage import layout
from exporter.sources.storage.bodies import Bodies
from exporter.sources.storage.complete import Known, complete, deliver, named
from exporter.sources.storage.noted import Noted
from exporter.sources.storage.objects import Key, Objects
from exporter.sources.storage.repositories import NAMELESS

_REPOSITORIES: Final = "/".join((*layout.ROOT, "repositories"))
_FOLDERS: Final = (
    ("_layers/", Folder.LAYERS),
    ("_manifests/", Folder.MANIFESTS),
    ("_manifests/revisions/", Folder.REVISIONS),
    ("_manifests/tags/", Folder.TAGS),
)


def split(path: str) -> tuple[str, str]:
    """Part a key below `repositories` into the repository's name and the rest; "" for no name.

    No part of a name begins with `_`: collectors do not look any further there.
    """
    at = path.find("/_")
    return ("", path) if at < 0 or path.startswith("_") else (path[:at], path[at + 1 :])


@dataclass(slots=True)
class _Link:
    """A link's object, and what its path says that it names."""

    digest: str
    key: Key


@dataclass(slots=True)
class Keys:
    """One repository's keys, sorted out."""

    folders: Folder = field(default_factory=lambda: Folder(0))
    layers: list[_Link] = field(default_factory=list)
    revisions: list[_Link] = field(default_factory=list)
    current: dict[str, Key] = field(default_factory=dict)
    history: dict[str, list[str]] = field(default_factory=dict)
    """By tag, every tag that has any key at all."""
    uploads: dict[str, list[Key]] = field(default_factory=dict)

    def add(self, rest: str, key: Key, noted: Noted) -> None:
        """Sort one key in. An empty one in a folder's place is some client's mark of the folder."""
        for beginning, folder in _FOLDERS:
            self.folders |= folder if rest.startswith(beginning) else Folder(0)
        match rest.split("/"):
            case ["_layers", algorithm, encoded, "link"] if layout.is_part(algorithm + encoded):
                self.layers.append(_Link(f"{algorithm}:{encoded}", key))
            case ["_manifests", "revisions", algorithm, encoded, "link"] if layout.is_part(
                algorithm + encoded
            ):
                self.revisions.append(_Link(f"{algorithm}:{encoded}", key))
            case ["_manifests", "tags", tag, "current", "link"]:
                self.history.setdefault(tag, [])
                self.current[tag] = key
            case ["_manifests", "tags", tag, "index", algorithm, encoded, "link"]:
                self.history.setdefault(tag, []).append(f"{algorithm}:{encoded}")
            case ["_uploads", identifier, *_]:
                self.uploads.setdefault(identifier, []).append(key)
            case ["_layers" | "_manifests"] | ["_manifests", "tags", _] if key.size:
                noted.gap(rest, Reason.UNSUPPORTED, "a file in a folder's place")
            case ["_layers" | "_manifests", *_, "link"]:
                noted.gap(rest, Reason.UNSUPPORTED, "not where a registry puts it")
            case ["_manifests", "tags", tag, *_]:
                self.history.setdefault(tag, [])
                noted.intake.stray(key.size)
            case _:
                noted.intake.stray(key.size)


@dataclass(frozen=True, slots=True)
class Held:
    """Reads one repository."""

    name: str
    noted: Noted
    objects: Objects

    def read(self, keys: Iterable[Key], bodies: Bodies) -> None:
        """Take note of all that its keys say; read what they do not."""
        sorted_out = Keys()
        for key in keys:
            sorted_out.add(split(key.path)[1], key, self.noted)
        if not self.name:
            if sorted_out.folders:
                self.noted.gap("", Reason.UNSUPPORTED, NAMELESS)
            return
        self._layers(sorted_out.layers)
        self._revisions(sorted_out, bodies)
        for identifier, parts in sorted_out.uploads.items():
            size, latest = sum(key.size for key in parts), max(key.modified for key in parts)
            self.noted.intake.uploads.append(Upload(self.name, identifier, size, latest))
        if sorted_out.folders:
            self.noted.intake.close(self.name, sorted_out.folders)

    def _layers(self, links: Sequence[_Link]) -> None:
        targets = self._targets(links)
        deliver(_known(links, targets), self.noted.intake.layers)

    def _revisions(self, keys: Keys, bodies: Bodies) -> None:
        known = _known(keys.revisions, self._targets(keys.revisions))
        tagged = self._tags(keys)
        bodies.recall(named(known))
        bodies.read_ahead(named(known))
        complete(known, tagged, bodies.children, self._look)
        deliver(known, self.noted.intake.revisions)

    def _tags(self, keys: Keys) -> list[str]:
        tags = sorted(keys.history)
        current: dict[str, Target] = dict.fromkeys(tags, Unlinked.ABSENT)
        pointing = [tag for tag in tags if tag in keys.current]
        guesses = [keys.history[tag] for tag in pointing]
        found = self._named([keys.current[tag] for tag in pointing], guesses)
        current.update(zip(pointing, found, strict=True))
        for tag in tags:
            if not layout.is_part(tag):
                self.noted.gap(f"_manifests/tags/{tag}", Reason.UNSUPPORTED, "no registry's name")
            self.noted.intake.tag(tag, current[tag], keys.history[tag])
        return [to for to in current.values() if not isinstance(to, Unlinked)]

    def _targets(self, links: Sequence[_Link]) -> list[Target]:
        return self._named([link.key for link in links], [[link.digest] for link in links])

    def _named(self, keys: Sequence[Key], guesses: Sequence[Sequence[str]]) -> list[Target]:
        """Say what link objects name: the guess whose MD5 is the ETag, else what is read there."""
        found: list[Target | None] = [
            next(
                (guess for guess in each if _md5(guess) == key.etag and layout.is_digest(guess)),
                None,
            )
            for key, each in zip(keys, guesses, strict=True)
        ]
        unknown = [at for at, target in enumerate(found) if target is None]
        contents = self._contents([keys[at] for at in unknown])
        for at, content in zip(unknown, contents, strict=True):
            found[at] = self._linked(keys[at], content)
        return [Unlinked.ABSENT if target is None else target for target in found]

    def _contents(self, keys: Sequence[Key]) -> list[bytes | None]:
        return self.objects.contents(
            [f"{_REPOSITORIES}/{key.path}" for key in keys], layout.LONGEST_LINK
        )

    def _linked(self, key: Key, content: bytes | None) -> Target:
        if content is None:
            return Unlinked.ABSENT
        target = layout.linked(content)
        if isinstance(target, Unlinked):
            detail = f"a link that names no digest: {target.message}"
            self.noted.gap(split(key.path)[1], Reason.MALFORMED, detail)
        return target

    def _look(self, algorithm: str, encoded: str) -> Target:
        """Look for a manifest's link that the listing did not show."""
        rest = f"_manifests/revisions/{algorithm}/{encoded}/link"
        key = self.objects.head(f"{_REPOSITORIES}/{self.name}/{rest}")
        (content,) = self.objects.contents([key.path], layout.LONGEST_LINK) if key else (None,)
        return Unlinked.ABSENT if content is None else layout.linked(content)


def _known(links: Sequence[_Link], targets: Sequence[Target]) -> Known:
    known: Known = {}
    for link, target in zip(links, targets, strict=True):
        if target is not Unlinked.ABSENT:
            algorithm, _, encoded = link.digest.partition(":")
            known.setdefault(algorithm, {})[encoded] = target
    return known


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
