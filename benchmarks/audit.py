"""What does an audit of 20,000 tags over 40,000 manifests and 200,000 blobs take?

Prints one run on this machine: a first audit, what is done with its report, and a second round with
nothing changed; before that a first round at a quarter of the size. It takes a quarter of an hour,
nearly all of it the registry's, which answers half a million questions.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import msgspec

from benchmarks.parts import content
from benchmarks.parts.access import mark
from benchmarks.parts.auditor import Step
from tests.parts.registry import registry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from benchmarks.parts.access import Load
    from tests.parts.registry import Registry

_ROUND: Final = ("audit", "judge", "keep", "render")
_AGAIN: Final = ("audit", "keep", "render")
_STORED: Final = (*("stored", "render", "audit", "render"), *(2 * ("stored", "render")))
"""The third audit finds that the storage proves what requests proved; the fourth, nothing new."""
_COLUMNS: Final = "{:10}{:>9}{:>9}{:>11}{:>9}  {}"


def main(repositories: int, *, storage: bool = False) -> None:
    """Print the cost of one round at a quarter of the size, then of two at all of it.

    With `storage`, of audits in which nothing changed instead: without it, and with it.
    """
    if storage:
        _measure(repositories, _STORED)
        return
    _measure(max(1, repositories // 4), _ROUND)
    _measure(repositories, (*_ROUND, *_AGAIN))


def _measure(repositories: int, steps: Iterable[str]) -> None:
    counts = [repositories * each for each in (content.TAGS, content.MANIFESTS, content.BLOBS)]
    print("\n{:,} tags, {:,} manifests, {:,} blobs".format(*counts))
    with TemporaryDirectory() as name:
        folder = Path(name)
        content.write(folder / "storage", repositories)
        print(_COLUMNS.format("", "seconds", "CPU", "registry's", "peak MB", ""))
        with registry(folder) as served, _auditor(served, folder) as auditor:
            for word in steps:
                before = mark(served)
                step = _ask(auditor, word)
                _print(word, step, before.load())


def _print(word: str, step: Step, load: Load) -> None:
    numbers = (f"{each:.2f}" for each in (step.seconds, step.cpu, load.cpu))
    print(_COLUMNS.format(word, *numbers, f"{step.peak / 1e6:.0f}", step.result), flush=True)
    if load.total:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(load.requests.items()))
        print(f"{'':10}{load.total:,} requests: {kinds}", flush=True)


@contextmanager
def _auditor(served: Registry, folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "benchmarks.parts.auditor", served.url]
    command += [str(folder / "ledger"), str(folder / "storage")]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        yield process


def _ask(auditor: subprocess.Popen[str], word: str) -> Step:
    assert auditor.stdin
    assert auditor.stdout
    print(word, file=auditor.stdin, flush=True)
    return msgspec.json.decode(auditor.stdout.readline(), type=Step)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--repositories", type=int, default=200)
    arguments.add_argument("--storage", action="store_true")
    told = arguments.parse_args()
    main(told.repositories, storage=told.storage)
