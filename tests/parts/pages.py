"""Which commands does a page of the docs show, and what does a shell say to them?"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

TREE: Final = Path(__file__).parents[2]
_PROMPT: Final = "$ "
_PATIENCE: Final = 3600.0
"""Seconds: some commands install things."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the docs, by its path in the tree."""

    path: str

    @property
    def text(self) -> str:
        return (TREE / self.path).read_text()

    def blocks(self, kind: str) -> list[str]:
        """The code blocks of a kind, in order."""
        return re.findall(rf"^```{kind}\n(.*?)^```$", self.text, re.MULTILINE | re.DOTALL)

    @property
    def commands(self) -> tuple[str, ...]:
        """What is typed after a prompt, without the remark behind it, continued lines joined."""
        lines = "".join(self.blocks("console")).replace("\\\n", "").splitlines()
        typed = (line.removeprefix(_PROMPT) for line in lines if line.startswith(_PROMPT))
        return tuple(re.sub(r"\s+", " ", each.partition("  #")[0]).strip() for each in typed)


@dataclass(frozen=True, slots=True)
class Shell:
    """A folder to be in, an authority that the system trusts, and what names stand for here."""

    folder: Path
    authority: Path | None = None
    here: Mapping[str, str] = field(default_factory=dict)
    """Text that is replaced in every command, such as the host of an example; in order."""
    programs: tuple[Path, ...] = ()
    """Folders of programs, before those of the system."""

    @property
    def variables(self) -> dict[str, str]:
        """Nothing of whoever runs the tests, but for pip's index and cache."""
        places = (*self.programs, Path(sys.executable).parent, os.environ["PATH"])
        known = {"PIP_CACHE_DIR": str(Path.home() / ".cache" / "pip")}
        known |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        known |= {"PATH": ":".join(map(str, places)), "HOME": str(self.folder)}
        return known | ({"SSL_CERT_FILE": str(self.authority)} if self.authority else {})

    def said(self, command: str) -> str:
        """The command, with the names that it has here."""
        for there, ours in self.here.items():
            command = command.replace(there, ours)
        return command

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command, whatever comes of it."""
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", self.said(command)],
            check=False,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            cwd=self.folder,
            env=self.variables,
        )
