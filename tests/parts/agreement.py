"""What does pullproof say of an image, and can other clients pull it? The table of all kinds."""

from __future__ import annotations

import os
import subprocess
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from tests.parts.needs import asset, program
from tests.parts.process import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

PROPERTY: Final = "agreement"
"""Under this name a test records its cells, and the end of the session prints them."""
_LOST: Final = ("missing", "broken")
_SAME_LENGTH: Final = ("config flipped", "layer flipped")


@dataclass(frozen=True, slots=True)
class Cell:
    """One damage on one kind of registry."""

    kind: str
    damage: str
    check: str
    """The verdict of `check`, which reads last bytes."""
    scrub: str
    """The verdict of `scrub`, which reads all."""
    pulled: str
    """`works`, `fails`, or both where skopeo and crane differ."""
    untold: bool = False
    """Can nobody tell, as of a tag whose answer is 500 and names no digest to ask for?"""

    @property
    def holds(self) -> bool:
        """Does the verdict say what a full pull does?"""
        expected = {"works": ("present",), "fails": _LOST}.get(self.pulled, ())
        told = self.scrub in expected and (self.check in expected or self.only_whole)
        mute = self.untold and self.check == self.scrub == "unknown"
        return told or (mute and self.pulled == "fails")

    @property
    def only_whole(self) -> bool:
        """Bytes that are other ones, as many: only who reads them all can tell."""
        return self.damage in _SAME_LENGTH and self.check == "present"

    @property
    def text(self) -> str:
        """What the table shows of it."""
        said = self.check if self.check == self.scrub else f"{self.check}, scrub {self.scrub}"
        return f"{said} | {self.pulled}{'' if self.holds else ' <<'}"

    def recorded(self) -> tuple[str, dict[str, object]]:
        """A property of a test's report, which is sent between processes."""
        return PROPERTY, asdict(self)


def pulled(repository: str, tag: str, folder: Path, account: Mapping[str, str]) -> str:
    """Pull every platform of an image with skopeo and with crane, and say what came of it.

    `account` are the variables by which they find credentials.

    As nodes do it: containerd and CRI-O resolve a tag first, and then pull by digest.
    """
    resolve = (asset("crane"), "digest", f"{repository}:{tag}")
    variables = {**os.environ, **account}
    done = subprocess.run(
        resolve, check=False, capture_output=True, text=True, timeout=PATIENCE, env=variables
    )
    if done.returncode:
        return "fails"
    folder.mkdir(parents=True)
    reference = f"{repository}@{done.stdout.strip()}"
    source, to = f"docker://{reference}", f"dir:{folder}/skopeo"
    codes = (
        _code(variables, program("skopeo"), "copy", "--all", "--src-tls-verify=false", source, to),
        _code(variables, asset("crane"), "pull", "--format=oci", reference, f"{folder}/crane"),
    )
    if any(codes) and not all(codes):
        return f"skopeo {codes[0]}, crane {codes[1]}"
    return "fails" if all(codes) else "works"


def table(properties: Iterable[tuple[str, object]]) -> Iterator[str]:
    """Yield the lines of the table: damages by kinds, the verdict beside what a pull does."""
    cells = [Cell(**found) for name, found in properties if name == PROPERTY]  # type: ignore[arg-type] # it came as a dict
    kinds = list(dict.fromkeys(cell.kind for cell in cells))
    shown = {(cell.damage, cell.kind): cell.text for cell in cells}
    damages = dict.fromkeys(cell.damage for cell in cells)
    rows = [("verdict | full pull", *kinds)]
    rows += [(each, *(shown.get((each, kind), "-") for kind in kinds)) for each in damages]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows if cells else ():
        yield "  ".join(f"{word:{width}}" for word, width in zip(row, widths, strict=True)).rstrip()


def _code(variables: Mapping[str, str], *command: str) -> int:
    done = subprocess.run(
        command, check=False, capture_output=True, timeout=PATIENCE, env=variables
    )
    return done.returncode
