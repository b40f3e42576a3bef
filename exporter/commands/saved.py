"""What does a snapshot mean that was kept in a file?"""

from __future__ import annotations

from pathlib import Path

from exporter.commands import Refused
from exporter.judge.judgement import judge
from exporter.judge.report import Report
from exporter.oci.digest import Malformed
from exporter.store import snapshot_file


def judged(path: Path) -> Report:
    """Judge a kept snapshot again, asking nobody; raises `Refused` for a file that is none."""
    try:
        with path.open("rb") as file:
            packed = file.read(snapshot_file.LARGEST + 1)
        return judge(snapshot_file.decode(packed), {})
    except OSError as error:
        raise Refused(f"{path}: cannot be read: {error.strerror}") from error
    except Malformed as error:
        raise Refused(f"{path}: {error}") from error
