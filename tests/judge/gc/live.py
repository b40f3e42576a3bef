"""What does a real collector do to a tree? Runs it, and looks at what is left."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from exporter.judge.gc.dialect import Mode
from tests.judge.gc.collections import Collected

_CONFIGURATION = """\
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {root}}}}}
http: {{addr: 127.0.0.1:0}}
"""


def collect(program: str, root: Path, mode: Mode, *, dry_run: bool = False) -> Collected:
    """Run `garbage-collect` on a root directory."""
    before = _files(root)
    configuration = root.parent / f"{root.name}.yml"
    configuration.write_text(_CONFIGURATION.format(root=root))
    flags = ["--delete-untagged"] * (mode is Mode.DELETE_UNTAGGED) + ["--dry-run"] * dry_run
    ran = subprocess.run(
        [program, "garbage-collect", *flags, str(configuration)],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "OTEL_TRACES_EXPORTER": "none"},
    )
    printed = ran.stdout.removesuffix("\n").split("\n") if ran.stdout else []
    return Collected(ran.returncode, printed, ran.stderr, before - _files(root))


def _files(root: Path) -> frozenset[str]:
    tree = root / "docker" / "registry" / "v2"
    return frozenset(
        (Path(folder) / name).relative_to(tree).as_posix()
        for folder, _, names in os.walk(tree)
        for name in names
    )
