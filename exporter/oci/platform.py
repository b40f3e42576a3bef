"""On what does an image run, and which of an index's images would a node choose?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from exporter.oci.digest import Malformed

if TYPE_CHECKING:
    from collections.abc import Iterable

_ARCHITECTURES: Final = {
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "aarch64": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
    "i386": ("386", ""),
}
_DEFAULT_VARIANTS: Final = {
    ("amd64", "v1"): "",
    ("arm64", "v8"): "",
    ("arm64", "8"): "",
    ("arm", ""): "v7",
}
_ARM: Final = ("v8", "v7", "v6", "v5")
_MOST_PARTS: Final = 3


@dataclass(frozen=True, slots=True)
class Platform:
    """An operating system and a processor, in the normal form that containerd compares."""

    os: str
    architecture: str
    variant: str = ""

    @classmethod
    def of(cls, os: str, architecture: str, variant: str = "") -> Self:
        """Return the normal form: `x86_64` is `amd64`, `arm64/v8` is `arm64`, `arm` is `arm/v7`.

        Source: containerd `platforms/database.go`.
        """
        lowered = architecture.lower()
        name, implied = _ARCHITECTURES.get(lowered, (lowered, ""))
        chosen = variant.lower() or implied
        return cls(os.lower(), name, _DEFAULT_VARIANTS.get((name, chosen), chosen))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `os/architecture[/variant]`; raise `Malformed` for anything else."""
        parts = text.split("/")
        if not 1 < len(parts) <= _MOST_PARTS or not all(parts):
            raise Malformed(f"not a platform (os/architecture[/variant]): {text[:80]!r}")
        return cls.of(*parts)

    @property
    def unknown(self) -> bool:
        """Is this `unknown/unknown`, as BuildKit marks its attestations?"""
        return self.os == "unknown" or self.architecture == "unknown"

    def __str__(self) -> str:
        """Return `os/architecture[/variant]`."""
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


def accepted(node: Platform) -> tuple[Platform, ...]:
    """What a node of this platform runs, best first, by containerd's rules.

    An amd64 node also runs lower levels and 386; arm runs lower versions; arm64 also 32-bit arm.
    Source: containerd `platforms/compare.go` (`platformVector`).
    """
    same = (node,)
    if node.architecture == "amd64":
        level = int(node.variant[1:]) if node.variant[1:].isdigit() else 1
        lower = tuple(Platform.of(node.os, "amd64", f"v{n}") for n in range(level - 1, 0, -1))
        return (*same, *lower, Platform(node.os, "386"))
    if node.architecture == "arm" and node.variant in _ARM:
        rest = _ARM[_ARM.index(node.variant) + 1 :]
        return (*same, *(Platform(node.os, "arm", variant) for variant in rest))
    if node.architecture == "arm64":
        plain = () if not node.variant else (Platform(node.os, "arm64"),)
        return (*same, *plain, *(Platform(node.os, "arm", variant) for variant in _ARM))
    return same


def choose(node: Platform, offered: Iterable[Platform | None]) -> int | None:
    """Which of an index's entries would a node pull: its position, or None where nothing fits.

    An entry without a platform fits anything and is taken last (containerd `images/image.go`).
    """
    entries = list(offered)
    for wanted in accepted(node):
        if wanted in entries:
            return entries.index(wanted)
    return entries.index(None) if None in entries else None
