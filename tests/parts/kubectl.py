"""A kubectl that reaches one pod, which is a folder here: `exec` and `cp`, as strict as the real.

The syntax is that of `kubectl exec --help` and `kubectl cp --help` (1.32). What does not name the
pod as the cluster knows it is refused, as the API server would.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, NoReturn

_TREE: Final = Path(__file__).parents[2]
_STARTED: Final = """
import os, sys
from exporter.cli import main
os.getppid = lambda: 0
sys.exit(main())
"""
"""The program as a container's runtime starts it: its parent is outside."""


@dataclass(frozen=True, slots=True)
class Pod:
    """Where commands are run: how kubectl names it, and what its paths are here."""

    namespace: str
    names: list[str]
    """Its name, and those of the workloads that have it: `deployment/NAME`."""
    containers: list[str]
    mounts: dict[str, str]
    """The folder here of each folder there."""
    variables: dict[str, str] = field(default_factory=dict)
    """What is set in it."""

    def tool(self, folder: Path) -> None:
        """Put a `kubectl` into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "pod.json").write_text(json.dumps(asdict(self)))
        words = f"{sys.executable} -m tests.parts.kubectl {folder / 'pod.json'}"
        (folder / "kubectl").write_text(f'#!/bin/sh\nPYTHONPATH={_TREE} exec {words} "$@"\n')
        (folder / "kubectl").chmod(0o755)

    def here(self, word: str) -> str:
        """A word of a command, with the paths that its own have here."""
        for there, folder in self.mounts.items():
            word = re.sub(rf"(^|:){there}/(?=[^/]+$)", rf"\1{folder}/", word)
        return word

    def exec(self, name: str, container: str | None, command: list[str]) -> list[str]:
        """Return what to run here."""
        if name not in self.names or container not in (None, *self.containers):
            _refuse(f"{name} ({container}) not found")
        program, *words = map(self.here, command)
        if program != "pullproof":
            _refuse(f"exec: {program}: executable file not found in $PATH")
        return [sys.executable, "-c", _STARTED, *words]

    def copy(self, source: str, target: str) -> None:
        """Copy a file into it: `[NAMESPACE/]POD:PATH`."""
        place, _, path = target.partition(":")
        if place not in (f"{self.namespace}/{self.names[0]}", self.names[0]) or not path:
            _refuse(f"{target} not found")
        shutil.copyfile(source, self.here(path))


def main(place: str, *words: str) -> None:
    """Run what was typed after `kubectl`."""
    pod = Pod(**json.loads(Path(place).read_text()))
    cut = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser("kubectl", allow_abbrev=False)
    parser.add_argument("-n", "--namespace", default="default")
    parser.add_argument("-c", "--container")
    parser.add_argument("-i", "--stdin", action="store_true")
    parser.add_argument("verb", choices=["exec", "cp"])
    parser.add_argument("names", nargs="+")
    typed = parser.parse_intermixed_args(words[:cut])
    command = list(words[cut + 1 :])
    if typed.verb == "cp" and len(typed.names) == 2 and not command:
        pod.copy(*typed.names)
        return
    if typed.verb == "cp" or typed.namespace != pod.namespace:
        _refuse(f"namespaces {typed.namespace!r} not found")
    if len(typed.names) != 1 or not command:
        _refuse("you must specify at least one command for the container")
    started = pod.exec(typed.names[0], typed.container, command)
    done = subprocess.run(started, check=False, env=os.environ | pod.variables)
    sys.exit(done.returncode)


def _refuse(text: str) -> NoReturn:
    sys.exit(f"error: {text}")


if __name__ == "__main__":
    main(*sys.argv[1:])
