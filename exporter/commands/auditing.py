"""Registries audited once, as the command line asks, or read back from a snapshot file."""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from exporter.audit import Audited, examine
from exporter.commands import Refused, Unreached, refusing
from exporter.commands.options import Typed
from exporter.commands.subjects import Subjects
from exporter.facts.proof import Proof
from exporter.facts.shard import WHOLE, Shard
from exporter.facts.use import ReferenceClass
from exporter.judge.judgement import judge
from exporter.judge.report import Report
from exporter.oci.digest import Malformed
from exporter.oci.platform import Platform
from exporter.ports import Unseen
from exporter.publish.answers import check
from exporter.resolve.scope import AuditScope
from exporter.resolve.target import AttachmentScope, Target
from exporter.serve.loop_thread import in_background
from exporter.store import snapshot_file
from exporter.tally import AuditProgress
from exporter.wiring.assembly import Assembly, assembled

_USE: Final = os.R_OK | os.W_OK
_TICK: Final = 0.2
"""Seconds between two updates of the line of progress."""
_ENOUGH: Final = 2.0
"""Seconds of a stage before its speed says anything."""
_MINUTE: Final = 100.0
"""Estimates from so many seconds on are given in minutes."""
_WIPE: Final = "\r\x1b[K"

Result = TypeVar("Result")


@dataclass(slots=True)
class ProgressLine:
    """The progress of audits that run side by side: that of the one with the most to do."""

    audits: Mapping[str, AuditProgress]
    """By the names of their registries."""
    _began: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict)
    """By registry and stage: when it was first seen, and how much was done by then."""

    def step(self) -> str:
        """Return the current step, without numbers that change all the time."""
        name, audit = self._slowest()
        if audit.suspects:
            losses = "loss" if audit.suspects == 1 else "losses"
            step = f"confirming {audit.suspects:,} apparent {losses} with a second request"
        elif audit.stage:
            step = f"reading {audit.stage}"
        else:
            step = "listing repositories and tags"
        return f"{name}: {step}" if len(self.audits) > 1 else step

    def text(self, now: float) -> str:
        """Return the line; `now` is in seconds of any clock."""
        name, audit = self._slowest()
        if audit.suspects or not audit.stage:
            return self.step()
        done = f"{self.step()}: {audit.done:,} of {audit.total:,}"
        began, before = self._began.setdefault((name, audit.stage), (now, audit.done))
        fresh, spent = audit.done - before, now - began
        if spent < _ENOUGH or not fresh or audit.done >= audit.total:
            return done
        return f"{done}, about {_seconds((audit.total - audit.done) * spent / fresh)} left"

    def _slowest(self) -> tuple[str, AuditProgress]:
        rest = {name: each.total - each.done for name, each in self.audits.items()}
        return max(self.audits.items(), key=lambda each: (bool(each[1].suspects), rest[each[0]]))


def _seconds(left: float) -> str:
    return f"{left:.0f} s" if left < _MINUTE else f"{left / 60:.0f} min"


async def look(args: argparse.Namespace, subjects: Subjects, typed: Typed) -> list[Report]:
    """Audit every requested registry, in parallel."""
    return [audited.report for _, audited in await examined(args, subjects, typed, WHOLE)]


async def examined(
    args: argparse.Namespace, subjects: Subjects, typed: Typed, shard: Shard
) -> list[tuple[Target, Audited]]:
    """Audit the subjects, or this shard of them, and return the targets as well."""
    async with opened(borrowing(typed), shard) as assembly, _told(args, assembly):
        wanted = await assembly.references()
        uses = subjects.with_uses(wanted.uses)
        targets = [aimed(args, subjects, watched.target) for watched in assembly.watched]
        now = time.time()
        found = await asyncio.gather(*(examine(target, uses, None, now) for target in targets))
        tell_unreached(args, [audited.report for audited in found])
        return list(zip(targets, found, strict=True))


def tell_unreached(args: argparse.Namespace, reports: Sequence[Report]) -> None:
    """Raise `Unreached` where no registry answered, and a person reads the answer.

    Else say of each registry that was not read how to consent to that.
    """
    alone = vars(args).get("output", "text") == "text"
    if alone and reports and all(map(check.is_unreached, reports)):
        raise Unreached(*map(check.unreached, reports))
    for each in reports:
        if check.needs_consent(each):
            print(f"pullproof: {check.unreached(each)}", file=sys.stderr)  # noqa: T201 - a terminal


@asynccontextmanager
async def opened(typed: Typed, shard: Shard = WHOLE) -> AsyncIterator[Assembly]:
    """Open what the settings name; raises `Refused` if a file of theirs cannot be used."""
    async with AsyncExitStack() as stack:
        try:
            assembly = await stack.enter_async_context(
                assembled(typed.settings, typed.environ, shard)
            )
        except Unseen as unseen:
            raise Refused(f"{unseen.subject}: {unseen.detail or unseen.reason}") from unseen
        except Malformed as error:  # in the environment
            raise Refused(str(error)) from error
        yield assembly


def borrowing(typed: Typed) -> Typed:
    """Use the exporter's ledger if it exists and may be written, and never create it.

    Made by whoever asks once, it would be a file that the exporter's own user may not write.
    """
    ledger = typed.settings.ledger
    if ledger is None or (os.access(ledger, _USE) and os.access(ledger.parent, _USE)):
        return typed
    return replace(typed, settings=typed.settings.model_copy(update={"ledger": None}))


def aimed(args: argparse.Namespace, subjects: Subjects, target: Target) -> Target:
    """Narrow or widen a target to the subjects: images, a whole registry, or as configured."""
    limits = target.limits
    if args.head_only:
        limits = replace(limits, proof=Proof.HEAD)
    attachments = target.attachments
    if args.attachments:
        attachments = replace(attachments or AttachmentScope(), classes=frozenset(ReferenceClass))
    scope = target.scope
    if subjects.registries & target.hosts or (not subjects.hosts and args.tags):
        scope = replace(
            scope,
            select=("*",),
            leave_out_tags=(),
            only_tags=tuple(args.tags or ("*",)),
            never_tags=tuple(args.exclude_tags),
        )
    elif not subjects.hosts:
        scope = replace(scope, never_tags=tuple(args.exclude_tags))
    elif subjects.beside:
        scope = replace(
            scope, catalogue=False, listed=(), select=subjects.beside, leave_out_tags=()
        )
    else:
        # Platforms that were typed stand in place of configured ones.
        require = frozenset[Platform]() if args.platform else scope.require
        scope = AuditScope(catalogue=False, latest=(), require=require)
    return replace(target, scope=scope, limits=limits, attachments=attachments)


def judged(path: Path) -> Report:
    """Judge a saved snapshot again, without any request; raises `Refused` for any other file."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise Refused(f"{path}: cannot be read: {error.strerror}") from error
    with file, refusing(Malformed, option=str(path)):
        return judge(snapshot_file.decode(file), {})


def finished(work: Coroutine[Any, Any, Result]) -> Result:
    """Return the result of a coroutine.

    `asyncio.run` makes a text of its task at the end, the result included (CPython 3.11 to 3.13:
    `signal.getsignal` looks for the handler among its enum's values). Of the report of 10,000 tags
    that is more than a gigabyte.
    """
    results: list[Result] = []

    async def run() -> None:
        results.append(await work)

    asyncio.run(run())
    return results[0]


@asynccontextmanager
async def _told(args: argparse.Namespace, assembly: Assembly) -> AsyncIterator[None]:
    """Show the progress of the audits: one line on a terminal, or with --verbose one per step."""
    line = ProgressLine({each.name: each.target.progress for each in assembly.watched})
    if not args.verbose:
        async with showing(lambda: line.text(time.monotonic())):
            yield
        return
    async with in_background(_note(line)):
        yield


async def _note(line: ProgressLine) -> None:
    """Print each step as it begins: requests are logged between them."""
    told = ""
    while True:
        if (step := line.step()) != told:
            told = step
            print(f"pullproof: {step}", file=sys.stderr)  # noqa: T201 - asked for
        await asyncio.sleep(_TICK)


@asynccontextmanager
async def showing(line: Callable[[], str]) -> AsyncIterator[None]:
    """Show a line of progress if standard error is a terminal, and wipe it at the end."""
    if not sys.stderr.isatty():
        yield
        return
    try:
        async with in_background(_tick(line)):
            yield
    finally:
        print(_WIPE, end="", file=sys.stderr, flush=True)  # noqa: T201 - as in _tick


async def _tick(line: Callable[[], str]) -> None:
    while True:
        print(f"{_WIPE}{line()}", end="", file=sys.stderr, flush=True)  # noqa: T201 - a terminal
        await asyncio.sleep(_TICK)
