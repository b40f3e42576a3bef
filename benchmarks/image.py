"""How large is the image, and how soon does a container of it answer?

Builds the Dockerfile on the Debian that `make assets` made, and runs it as a container engine does:
nobody's user, a root that cannot be written to. Needs root.
"""

from __future__ import annotations

import resource
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.parts.image import image
from tests.parts.process import running, until
from tests.parts.product import LISTENING, Exporter, configure

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.parts.image import Image

_RUNS: Final = 10
_OURS: Final = "opt/pullproof"
_LARGEST: Final = 6


def main() -> None:
    """Print sizes, then times."""
    with image() as built, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        _sizes(built.root)
        print(f"\n{'':28}{'CPU ms':>8}{'wall ms':>9}   best of {_RUNS}")
        _time("pullproof --help", lambda: _to_its_end(built.command(folder, "--help")))
        _time("serve, until it answers", lambda: _until_it_answers(built, folder))


def _sizes(root: Path) -> None:
    packages = next((root / _OURS).glob("lib/python*/site-packages"))
    print(f"{'':28}{'MB':>8}")
    _size("the image", _bytes(root))
    _size("of it ours", _bytes(root / _OURS))
    sizes = {each.name: _bytes(each) for each in packages.iterdir()}
    for largest in sorted(sizes, key=lambda name: -sizes[name])[:_LARGEST]:
        _size(f"  {largest}", sizes[largest])


def _bytes(folder: Path) -> int:
    files = (each for each in folder.rglob("*") if each.is_file() and not each.is_symlink())
    return sum(each.stat().st_size for each in files)


def _size(what: str, size: int) -> None:
    print(f"{what:28}{size / 1e6:8.1f}")


def _time(what: str, run: Callable[[], None]) -> None:
    spent = [_spent(run) for _ in range(_RUNS)]
    cpu, wall = (min(each) * 1000 for each in zip(*spent, strict=True))
    print(f"{what:28}{cpu:8.0f}{wall:9.0f}")


def _spent(run: Callable[[], None]) -> tuple[float, float]:
    """Seconds of CPU of everything that it started, and until it ended."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    run()
    ended, after = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used, ended - began


def _to_its_end(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _until_it_answers(built: Image, folder: Path) -> None:
    """With one registry, which nobody runs."""
    nobody = {"url": "http://127.0.0.1:1", "plain_http": True, "tries": 1}
    configure(folder / "pullproof.yml", {"registries": [nobody]})
    with running(built.command(folder), LISTENING, folder / "log") as server:
        exporter = Exporter(server, folder / "pullproof.yml")
        until(lambda: exporter.get("/-/healthy").is_success, "it answers")


if __name__ == "__main__":
    main()
