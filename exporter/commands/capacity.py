"""The command `capacity`: storage use of a whole registry, from the exports of all its shards."""

import argparse
import hashlib
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from exporter.commands import Refused, refusing
from exporter.commands.answer import Exit, answered
from exporter.commands.options import check_place, export_folder, is_folder, place
from exporter.config.values import duration
from exporter.facts.exports import Capacity, NoCapacity, Release
from exporter.facts.gap import Reason
from exporter.judge.export_coverage import doubts, newest
from exporter.oci.digest import Malformed
from exporter.ports import Unseen
from exporter.publish.answers import capacity
from exporter.publish.exports.release import decode, named
from exporter.sources.exports.queries import answer
from exporter.wiring.parquet_export import imported

if TYPE_CHECKING:
    from exporter.sources.export_folder import ExportFolder

_TRIES: Final = 3
_PROXY: Final = "not counted: a pull-through cache holds only what was pulled through it"


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Answer the command."""
    try:
        answers = _answers(args, environ)
    except Unseen as unseen:
        if unseen.subject.startswith("--"):  # an option that the engine does not take
            raise Refused(f"{unseen.subject}: {unseen.detail}") from unseen
        sys.stderr.write(f"pullproof: inconclusive: {unseen}\n")
        return Exit.BLIND
    answered(args, lambda now: capacity.document(answers, now), lambda _: capacity.blocks(answers))
    return Exit.WELL if all(map(_is_whole, answers)) else Exit.BLIND


def _is_whole(each: Capacity | NoCapacity) -> bool:
    return each.proxy if isinstance(each, NoCapacity) else not each.incomplete


def _answers(args: argparse.Namespace, environ: Mapping[str, str]) -> list[Capacity | NoCapacity]:
    check_place("--facts", args.facts)
    oldest = time.time() - _age(args.max_age)
    if "://" not in args.facts and not is_folder(args.facts):
        raise Refused(f"{args.facts}: no exports found")  # a reader makes no folder
    facts = export_folder(args, environ, args.facts)
    wanted = args.registry or sorted(newest(named(facts.sizes())))
    if not wanted:
        raise Refused(f"{args.facts}: no exports found")
    return [_answer(args, environ, facts, name, oldest) for name in wanted]


def _answer(
    args: argparse.Namespace,
    environ: Mapping[str, str],
    facts: "ExportFolder",
    name: str,
    oldest: float,
) -> Capacity | NoCapacity:
    """Answer for one registry; by the next exports if those being read are removed meanwhile."""
    untold, tried = NoCapacity(name, ("no export of it found",)), None
    for _ in range(_TRIES):
        sizes = facts.sizes()
        plan = newest(named(sizes)).get(name)
        if not plan or plan == tried:
            break
        tried = plan
        try:
            shards = {index: decode(facts.get(each.path)) for index, each in plan.items()}
            if any(each.proxy for each in shards.values()):
                return NoCapacity(name, (_PROXY,), proxy=True)
            doubt = doubts(name, shards, sizes, (oldest, time.time()))
            return doubt or _told(args, environ, facts, shards)
        except (Unseen, Malformed) as error:
            if isinstance(error, Unseen) and error.reason is Reason.UNSUPPORTED:
                raise  # of no registry will the engine tell
            untold = NoCapacity(name, (str(error),))
    return untold


def _age(text: str) -> float:
    with refusing(ValueError, option="--max-age"):
        return duration(text).total_seconds()


def _told(
    args: argparse.Namespace,
    environ: Mapping[str, str],
    facts: "ExportFolder",
    shards: Mapping[int, Release],
) -> Capacity | NoCapacity:
    ordered = [shards[index] for index in sorted(shards)]
    if args.engine == "spark":
        return _by_spark(args, environ, ordered)
    return _by_duckdb(args, facts, ordered)


def _by_spark(
    args: argparse.Namespace, environ: Mapping[str, str], shards: Sequence[Release]
) -> Capacity | NoCapacity:
    """Spark's workers read object stores themselves, by the names that Hadoop has for them."""
    spark = imported("exporter.sources.exports.spark")
    root = args.facts.rstrip("/").replace("s3://", "s3a://", 1)
    if "://" not in root:
        root = Path(args.facts).absolute()
    with spark.spark(args.master, spark.s3a(place(args, environ, args.facts))) as engine:
        return answer(engine, shards, lambda path: f"{root}/{path}")


def _by_duckdb(
    args: argparse.Namespace, facts: "ExportFolder", shards: Sequence[Release]
) -> Capacity | NoCapacity:
    """DuckDB reads files of a folder, or copies of those of an object store."""
    duck = imported("exporter.sources.exports.duck").duck
    written = {file.path: file.sha256 for release in shards for file in release.files}
    with TemporaryDirectory(prefix="pullproof-capacity-") as folder:

        def located(path: str) -> str:
            there = Path(args.facts).absolute() / path
            if "://" in args.facts:
                there = Path(folder) / path.replace("/", "_")
                facts.fetch(path, there)
            _verify(path, there, written[path])
            return str(there)

        with duck(args.memory_limit, Path(folder) / "spilled") as engine:
            return answer(engine, shards, located)


def _verify(path: str, there: Path, sha256: str) -> None:
    """Hash a file before it is read: a disk that rots would falsify a sum without a word."""
    try:
        with there.open("rb") as file:
            same = hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError as error:
        raise Unseen(path, Reason.UNREADABLE, error.strerror or "") from error
    if not same:
        raise Unseen(path, Reason.WRONG_DIGEST, "does not match the checksum in its release")
