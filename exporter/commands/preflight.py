"""The command `preflight`: what a garbage collection or a deletion would break."""

import argparse
import os
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from exporter.commands import Refused, Unreached
from exporter.commands.answer import Exit, answered
from exporter.commands.auditing import judged
from exporter.commands.needed import Needs, read_needs
from exporter.commands.operation import of_snapshot, operation
from exporter.commands.options import check_place, is_folder, place, plain_http, with_words, words
from exporter.config.registry import RegistrySettings
from exporter.config.values import authority
from exporter.facts import body
from exporter.facts.gap import Scope
from exporter.facts.inventory import Inventory
from exporter.judge.gc.outcome import Aborted, Unpredictable, worst_case
from exporter.judge.gc.paths import removed
from exporter.judge.preflight import from_snapshot, from_storage
from exporter.judge.preflight.from_storage import StoragePrediction
from exporter.judge.preflight.prediction import Checked, Operation, Prediction, Verdict
from exporter.oci.reference import Repository, Tag, is_host_alone
from exporter.ports import Listing, Unseen, joined
from exporter.publish.answers import preflight
from exporter.publish.formatting import gap_words
from exporter.screen import plain
from exporter.wiring.registry_storage import RegistryStorage

_PAUSE: Final = 0.5
"""Seconds between two readings: a push or a deletion is complete by then."""
_EXITS: Final = {
    Verdict.SAFE: Exit.WELL,
    Verdict.UNSAFE: Exit.BROKEN,
    Verdict.INCOMPLETE: Exit.BLIND,
}
_FIRST: Final = os.fsdecode(b"\xa0")
_LAST: Final = os.fsdecode(b"\xff")
"""Bytes that are no UTF-8, as Python represents them; those below control some terminals."""


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run the command."""
    needs = read_needs(args, environ)
    planned = operation(args, needs.hosts)
    if args.saved:
        return _EXITS[_from_snapshot(args, planned, needs).verdict]
    check_place("--storage", args.storage)
    if "://" not in args.storage and not is_folder(args.storage):
        raise Refused(f"--storage {args.storage}: there is no such folder")
    options = place(args, environ, args.storage)
    insecure = args.plain_http or plain_http(options)
    stored = RegistryStorage(args.storage, options, plain_http=insecure)
    if "://" not in args.storage and args.output == "text":
        _insist_on_registry(stored)
    return _EXITS[_from_storage(args, stored, planned, needs).verdict]


def _insist_on_registry(stored: RegistryStorage) -> None:
    """Raise `Unreached` for a folder in which no registry is, or not now: a line tells all."""
    try:
        stored.recognise()
    except Unseen as unseen:
        raise Unreached(f"INCOMPLETE: --storage {stored.location}: {unseen.detail}") from unseen


def _from_snapshot(args: argparse.Namespace, planned: Operation, needs: Needs) -> Prediction:
    report = judged(args.saved)
    if listed := planned.deletions:
        mine = tuple(of_snapshot(listed.deletions, report.snapshot))
        planned = replace(planned, deletions=replace(listed, deletions=mine))
    uses = joined(needs.uses, Listing(report.snapshot.uses))
    answer = from_snapshot.predict(
        report, planned, replace(needs, uses=uses).needed({}), needs.uses.gaps
    )
    _print(args, answer, report.snapshot.registry)
    return answer


def _from_storage(
    args: argparse.Namespace, stored: RegistryStorage, planned: Operation, needs: Needs
) -> Prediction:
    try:
        inventory, found = _predicted(stored, planned, needs)
        if from_storage.is_to_be_confirmed(found):
            time.sleep(_PAUSE)
            inventory, again = _predicted(stored, planned, needs)
            found = from_storage.confirmed(found, again)
    except Unseen as unseen:
        gaps = (unseen.gap(Scope.REGISTRY),)
        answer = Prediction(planned.description, (), (), gaps, None, Checked(0, 0, 0))
        if args.output == "removed":
            _print_gaps(answer)
        else:
            _print(args, answer, owner=needs.owner)
        return answer
    if args.output == "removed":
        _print_removed(found)
    else:
        _print(args, _with_platforms(stored, inventory, found.answer), owner=needs.owner)
    return found.answer


def _predicted(
    stored: RegistryStorage, planned: Operation, needs: Needs
) -> tuple[Inventory, StoragePrediction]:
    """Predict by the storage, with all names in it: more than a registry would accept."""
    inventory = stored.read()
    tags = {
        Repository(name): tuple(map(Tag, inventory.tags.named(at)))
        for at, name in enumerate(inventory.repositories)
    }
    needed, now = needs.needed(tags), time.time_ns()
    return inventory, from_storage.predict(inventory, planned, needed, needs.uses.gaps, now)


def _with_platforms(
    stored: RegistryStorage, inventory: Inventory, answer: Prediction
) -> Prediction:
    """Add platforms from the few indexes whose children break; without them, none is named."""
    digests = from_storage.indexes_above(inventory, answer)
    try:
        bodies = stored.contents(digests, body.LARGEST)
    except Unseen:
        return answer
    read = zip(digests, bodies, strict=True)
    return from_storage.with_platforms(
        answer, {digest: content for digest, content in read if content}
    )


def _print(
    args: argparse.Namespace,
    answer: Prediction,
    registry: str | None = None,
    owner: RegistrySettings | None = None,
) -> None:
    named = _named(args, owner)
    unnamed = named is None and not args.saved and not args.config
    typed = {"from": args.saved} if args.saved else {"config": args.config}
    where = (preflight.UNNAMED,) if unnamed else (named,) if named and not args.saved else ()
    check = with_words(*words(typed, ("--from", "--config"))).line("check", *where)
    answered(
        args,
        lambda now: preflight.document(answer, now, registry),
        lambda most: preflight.blocks(answer, most, check, unnamed=unnamed),
    )


def _named(args: argparse.Namespace, owner: RegistrySettings | None) -> str | None:
    """Return the registry as `check` takes it; None if it is not known."""
    if owner is not None and owner.name:
        return owner.name
    host = authority(owner.url) if owner else next(iter(args.registry), None)
    scheme = "http" if owner and owner.plain_http else "https"
    return host if host is None or is_host_alone(host) else f"{scheme}://{host}"


def _print_removed(found: StoragePrediction) -> None:
    """Print paths for a program; everything else goes to standard error."""
    if found.outcome is None or isinstance(found.outcome, Unpredictable):
        _print_gaps(found.answer)
        return
    _print_names(sorted(set(removed(found.inventory, worst_case(found.outcome)))))
    if isinstance(found.outcome, Aborted):
        sys.stderr.write(f"{plain(found.outcome.complaints[0])}\n")


def _print_names(names: Iterable[str]) -> None:
    """Print names as they are on the disk, even if they are no UTF-8, a line each.

    Of a name that could move a terminal's cursor those characters are replaced.
    """
    for name in names:
        safe = "".join(each if _FIRST <= each <= _LAST else plain(each) for each in name)
        sys.stdout.buffer.write(safe.encode("utf-8", "surrogateescape") + b"\n")
    sys.stdout.flush()


def _print_gaps(answer: Prediction) -> None:
    for gap in answer.gaps:
        sys.stderr.write(f"pullproof: {plain(gap_words(gap))}\n")
