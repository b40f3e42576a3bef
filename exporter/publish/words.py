"""Which words, and in which tone, does a person read for a state, a size, a time?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Final

from exporter.facts.proof import Proof, State
from exporter.oci.platform import Platform
from exporter.screen import plain

if TYPE_CHECKING:
    from exporter.judge.report import Child, TagVerdict


class Tone(Enum):
    """How loud a word is."""

    BAD = "bad"
    UNSURE = "unsure"
    GOOD = "good"
    QUIET = "quiet"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Cell:
    """A short text and its tone."""

    text: str
    tone: Tone = Tone.PLAIN


ABSENT: Final = Cell("-", Tone.QUIET)
"""Nothing is offered, and nothing needs it."""
LACKING: Final = Cell("LACKING", Tone.BAD)
"""Nothing is offered, and something must run it."""
BY_DESIGN: Final = Cell("by design", Tone.QUIET)
"""Need not be here: a pull-through cache, a sparse mirror."""

_CELLS: Final = {
    State.PRESENT: Cell("ok", Tone.GOOD),
    State.UNKNOWN: Cell("unknown", Tone.UNSURE),
    State.MISSING: Cell("MISSING", Tone.BAD),
    State.BROKEN: Cell("BROKEN", Tone.BAD),
}
_PROOFS: Final = {
    Proof.NOTHING: "not verified",
    Proof.HEAD: "header only",
    Proof.LAST_BYTE: "last byte verified",
    Proof.HASH: "full hash verified",
    Proof.INLINE: "inline",
    Proof.EXTERNAL: "external",
    Proof.CONFIRMED: "confirmed twice",
}
_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")
_STEP: Final = 1024


def state_cell(state: State) -> Cell:
    """Say a state."""
    return _CELLS[state]


def child_cell(child: Child) -> Cell:
    """Say how a child is; what nothing needs is said in a low voice."""
    if not child.expected:
        return BY_DESIGN
    cell = _CELLS[child.state]
    return cell if child.required else Cell(cell.text.lower(), _lower(cell.tone))


def verdict_cell(verdict: TagVerdict) -> Cell:
    """Say how a tag is, in the report's own word; and to whom, where not to its own class."""
    if verdict.by_design:
        return BY_DESIGN
    if verdict.failing and not verdict.broken_for_own_class:
        return Cell(f"{verdict.failing[0]} {verdict.overall}", Tone.BAD)
    return Cell(str(verdict.state), _CELLS[verdict.state].tone)


def proof_words(proof: Proof) -> str:
    """Say how something was verified."""
    return _PROOFS[proof]


def size_words(size: int | None) -> str:
    """Say a number of bytes with three digits at most, `?` where it is not known."""
    if size is None:
        return "?"
    amount, unit = float(size), 0
    while amount >= _STEP and unit < len(_UNITS) - 1:
        amount, unit = amount / _STEP, unit + 1
    digits = 1 if unit and amount < 10 else 0  # noqa: PLR2004 - two digits at least
    return f"{amount:.{digits}f} {_UNITS[unit]}"


def moment(seconds: float) -> str:
    """Write seconds since the epoch as RFC 3339, UTC, to the second."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def time_words(seconds: float) -> str:
    """Say seconds since the epoch to the minute, UTC."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%d %H:%M UTC")


def age_words(seconds: float) -> str:
    """Say how long ago something was, roughly."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(0, int(seconds))} s"


def platform_words(platform: Platform) -> str:
    """Say a platform; manifests may write anything there."""
    return plain(str(platform))


def count_words(count: int, singular: str, plural: str = "") -> str:
    """Say `1 tag`, `2 tags`, `20,000 tags`."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"


def _lower(tone: Tone) -> Tone:
    return Tone.UNSURE if tone is Tone.BAD else tone
