"""Platforms, and which of an index's images a node chooses."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Self

from exporter.oci.digest import Malformed, quoted

_NAMES: Final = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64"}
_FIXED: Final = {"armhf": ("arm", "v7"), "armel": ("arm", "v6"), "i386": ("386", "")}
"""Architectures that settle their variant, whatever is stated."""
_VARIANTS: Final = {
    "amd64": {"v1": ""},
    "arm64": {"8": "", "v8": "", "v8.0": "", "9": "v9", "9.0": "v9", "v9.0": "v9"},
    "arm": {"": "v7", "5": "v5", "6": "v6", "7": "v7", "8": "v8"},
}
_AMD64: Final = ("v4", "v3", "v2", "")
_ARM: Final = ("v8", "v7", "v6", "v5")
_ARM64: Final = re.compile(r"v(8|9)(?:\.([1-9]))?")
_PART: Final = re.compile(r"[A-Za-z0-9_.-]{0,64}")
"""As containerd takes them (`platforms.go`, `specifierRe`); a longer one is no platform."""
MOST_PARTS: Final = 3


@dataclass(frozen=True, slots=True)
class Platform:
    """An operating system and a processor, in the normal form that containerd compares."""

    os: str
    architecture: str
    variant: str = ""

    @classmethod
    def of(cls, os: str, architecture: str, variant: str = "") -> Self:
        """Return the normal form: `x86_64` is `amd64`, `arm64/v8` is `arm64`, `arm` is `arm/v7`.

        Source: containerd `platforms/database.go`. Raises `Malformed` for parts that are no names.
        """
        if not all(_PART.fullmatch(part) for part in (os, architecture, variant)):
            raise Malformed(f"not a platform: {(os, architecture, variant)!r:.140}")
        system = "darwin" if os.lower() == "macos" else os.lower()
        stated = architecture.lower()
        name, chosen = _FIXED.get(stated, (_NAMES.get(stated, stated), variant.lower()))
        return cls(system, name, _VARIANTS.get(name, {}).get(chosen, chosen))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `os/architecture[/variant]`; raise `Malformed` for anything else."""
        parts = text.split("/")
        if not 1 < len(parts) <= MOST_PARTS or not all(parts):
            raise Malformed(f"not a platform (os/architecture[/variant]): {quoted(text)}")
        return cls.of(*parts)

    @property
    def unknown(self) -> bool:
        """Is this `unknown/unknown`, as BuildKit marks its attestations?"""
        return self.os == "unknown" or self.architecture == "unknown"

    def __str__(self) -> str:
        """Return `os/architecture[/variant]`."""
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))


def accepted(node: Platform) -> Iterator[Platform]:
    """Yield what a node of this platform runs, best first, by containerd's rules.

    An amd64 node also runs lower levels and 386; arm runs lower versions; arm64 also 32-bit arm.
    Source: containerd `platforms/compare.go` (`platformVector`).
    """
    if node.architecture == "arm64":
        names = _VARIANTS["arm64"]
        levels = (names.get(each, each) for each in _arm64(node.variant))
        yield from (Platform(node.os, "arm64", level) for level in levels)
        yield from (Platform(node.os, "arm", variant) for variant in _ARM)
        return
    yield node
    if node.architecture == "amd64":
        lower = _below(_AMD64, node.variant)
        yield from (Platform(node.os, "amd64", variant) for variant in lower)
        yield Platform(node.os, "386")
    elif node.architecture == "arm":
        yield from (Platform(node.os, "arm", variant) for variant in _below(_ARM, node.variant))


def _below(ladder: tuple[str, ...], variant: str) -> tuple[str, ...]:
    return ladder[ladder.index(variant) + 1 :] if variant in ladder else ()


def _arm64(variant: str) -> Iterator[str]:
    """Yield a level and those below it; v9.n also runs everything up to v8.(n+5)."""
    level = _ARM64.fullmatch(variant)
    if level is None:
        yield variant
        return
    minor = int(level[2] or 0)
    tops = {"8": minor} if level[1] == "8" else {"9": minor, "8": min(minor + 5, 9)}
    for major, top in tops.items():
        yield from (f"v{major}.{n}" for n in range(top, 0, -1))
        yield f"v{major}"


def choose(node: Platform, offered: Iterable[Platform | None]) -> int | None:
    """Return the position of the entry of an index that a node pulls; None where none fits.

    An entry without a platform fits anything and is taken last (containerd `images/image.go`).
    """
    entries = list(offered)
    for wanted in accepted(node):
        if wanted in entries:
            return entries.index(wanted)
    return entries.index(None) if None in entries else None


def eligible(node: Platform, offered: Iterable[Platform | None]) -> tuple[int, ...]:
    """Return the entries that a node may pull: the chosen one; on Windows all of that platform.

    There the node's build decides among them (`os.version`), and nobody tells us that.
    """
    entries = list(offered)
    chosen = choose(node, entries)
    if chosen is None or node.os != "windows":
        return () if chosen is None else (chosen,)
    return tuple(n for n, entry in enumerate(entries) if entry == entries[chosen])


def mirrored(nodes: Iterable[Platform], offered: Iterable[Platform | None]) -> set[int]:
    """Return the entries that a mirror for these platforms holds: those that one of them chooses.

    Entries that do not say where they run (None, `unknown/unknown`) are for all.
    """
    entries = [None if each is None or each.unknown else each for each in offered]
    for_all = {n for n, entry in enumerate(entries) if entry is None}
    return for_all.union(*(eligible(node, entries) for node in nodes))
