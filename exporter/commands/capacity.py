"""`capacity`: what a whole registry holds, and for what, from the facts of all its shards."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from exporter.commands import Refused
from exporter.commands.answer import Exit
from exporter.commands.options import check_place
from exporter.commands.shelf import place, shelf
from exporter.config.words import duration
from exporter.facts.capacity import Capacity, Untold
from exporter.judge.coverage import doubts, newest
from exporter.oci.digest import Malformed
from exporter.publish.capacity import capacity_json, capacity_text
from exporter.publish.lake.release import decode, names_release
from exporter.sources import Unseen
from exporter.sources.lake.questions import Engine, answer
from exporter.wiring.facts import imported

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from exporter.facts.release import Release
    from exporter.sources.shelf import Shelf


def run(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Answer the command."""
    try:
        answers = _answers(words, environ)
    except (Unseen, Malformed) as error:
        sys.stderr.write(f"pullproof: cannot be told: {error}\n")
        return Exit.BLIND
    said = capacity_json if words.output == "json" else capacity_text
    sys.stdout.write(said(answers))
    return Exit.BLIND if any(isinstance(each, Untold) for each in answers) else Exit.WELL


def _answers(words: argparse.Namespace, environ: Mapping[str, str]) -> list[Capacity | Untold]:
    check_place("--facts", words.facts)
    oldest = time.time() - _age(words.max_age)
    facts = shelf(words, environ, words.facts)
    sizes = facts.sizes()
    releases = newest(decode(facts.get(path)) for path in sizes if names_release(path))
    wanted = words.registry or sorted(releases)
    if not wanted:
        raise Refused(f"{words.facts}: no facts are there")
    answers: list[Capacity | Untold] = []
    for name in wanted:
        if name not in releases:
            answers.append(Untold(name, ("no facts of it are there",)))
            continue
        doubt = doubts(name, releases[name], sizes, oldest)
        answers.append(doubt or _told(words, environ, facts, releases[name]))
    return answers


def _age(text: str) -> float:
    try:
        return duration(text).total_seconds()
    except ValueError as error:
        raise Refused(f"--max-age: {error}") from error


def _told(
    words: argparse.Namespace,
    environ: Mapping[str, str],
    facts: Shelf,
    shards: Mapping[int, Release],
) -> Capacity | Untold:
    with TemporaryDirectory(prefix="pullproof-capacity-") as folder:
        room = Path(folder)
        with _engine(words, environ, room) as engine:
            ordered = [shards[index] for index in sorted(shards)]
            return answer(engine, ordered, _locate(words, facts, room))


def _engine(
    words: argparse.Namespace, environ: Mapping[str, str], room: Path
) -> AbstractContextManager[Engine]:
    if words.engine == "spark":
        spark = imported("exporter.sources.lake.spark")
        opening = spark.spark(words.master, spark.s3a(place(words, environ, words.facts)))
    else:
        opening = imported("exporter.sources.lake.duck").duck(words.memory_limit, room / "spilled")
    engine: AbstractContextManager[Engine] = opening
    return engine


def _locate(words: argparse.Namespace, facts: Shelf, room: Path) -> Callable[[str], str]:
    """Say where an engine finds a file: in its folder, or, of an object store, a copy of it.

    Spark's workers read object stores themselves, by the names that Hadoop has for them.
    """
    if "://" not in words.facts:
        return lambda path: str(Path(words.facts).absolute() / path)
    if words.engine == "spark":
        root = words.facts.rstrip("/").replace("s3://", "s3a://", 1)
        return lambda path: f"{root}/{path}"

    def fetched(path: str) -> str:
        copy = room / path.replace("/", "_")
        facts.fetch(path, copy)
        return str(copy)

    return fetched
