"""One audit of one registry: observe, judge, and resolve again before a loss is claimed."""

import asyncio
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from typing import Final

from exporter.facts.focus import Focus
from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.inventory import Inventory
from exporter.facts.proof import State
from exporter.facts.scrubbed import recall, with_diff_ids
from exporter.facts.snapshot import Root, Sealed, Snapshot, part
from exporter.facts.use import Use
from exporter.judge.gc.outcome import Unpredictable
from exporter.judge.judgement import judge, report_part, with_report_part
from exporter.judge.remaining import with_vanished
from exporter.judge.report import Report, Urgency
from exporter.judge.storage_use import StorageUse, storage_use
from exporter.oci.reference import Repository
from exporter.ports import Listing, Unseen
from exporter.resolve.concurrency import in_daemon_thread
from exporter.resolve.guard import Faults, guarded
from exporter.resolve.observe import observe
from exporter.resolve.refresh import Refresh
from exporter.resolve.scope import stored_roots
from exporter.resolve.tags import resolve_again
from exporter.resolve.target import FullReads, Target

_CONTRADICTED: Final = Gap(
    Scope.REGISTRY, "storage", Reason.UNCONFIRMED, "it lacks what the registry serves"
)
"""Why the use of a storage is unknown that belongs to another registry, or is behind."""


@dataclass(frozen=True, slots=True)
class Audited:
    """The report of an audit, and the storage that it read."""

    report: Report
    inventory: Inventory | None
    """None without a storage, or where it could not be read, or only in part."""


async def audit(target: Target, uses: Listing[Use], before: Report | None, now: float) -> Report:
    """Return the report on a registry; `now` is in seconds since the epoch."""
    return (await examine(target, uses, before, now, exported=False)).report


async def examine(
    target: Target, uses: Listing[Use], before: Report | None, now: float, *, exported: bool = True
) -> Audited:
    """Audit a registry, and return its storage's inventory as well, if that is to be exported.

    Else it makes room for the verdicts.
    Its storage is read first, where there is one: what is pushed meanwhile is then too young to
    count. Where a tag seems to have lost something, it is resolved once more at the end: if it
    moved or was deleted in the meantime, two different things were read and nothing is claimed.
    An exception that no adapter should raise costs one answer: that is unknown, or a gap. So is
    whatever was not answered when the audit's deadline passes.
    """
    until = asyncio.get_running_loop().time() + target.limits.deadline
    faults = Faults(target.registry.name, until)
    target = guarded(target, faults)
    audited = await _examined(target, uses, before, now, faults, exported=exported)
    gaps = tuple(faults.gaps.values())
    return replace(audited, report=_with_gaps(audited.report, gaps)) if gaps else audited


async def refresh(
    target: Target, uses: Listing[Use], before: Report, focus: Focus, now: float
) -> Report | None:
    """Audit the focus, and images that uses did not need before.

    Return the report before with that in it; None where the registry does not answer. A loss is
    claimed as by an audit of the whole registry, and the storage is not read.
    """
    until = asyncio.get_running_loop().time() + target.limits.deadline
    faults = Faults(target.registry.name, until)
    target = guarded(target, faults)
    lost = tuple((root.repository, root.tag) for root in _lossy(before) if root.tag)
    found = await Refresh(target, uses, before.snapshot, lost, now).of(focus)
    if found is None:
        return None
    earlier = await asyncio.to_thread(report_part, before, found.repositories)
    snapshot = await _recalled(target, found.snapshot, earlier, found.asked)
    report = await _judged(target, snapshot, earlier, found.asked)
    report = _with_gaps(report, tuple(faults.gaps.values()))
    return await asyncio.to_thread(with_report_part, before, report, found.repositories)


async def _examined(  # noqa: PLR0913 - the arguments of `examine`, and its faults
    target: Target,
    uses: Listing[Use],
    before: Report | None,
    now: float,
    faults: Faults,
    *,
    exported: bool,
) -> Audited:
    inventory = await _inventory(target, faults)
    whole = inventory if isinstance(inventory, Inventory) else None
    # What was seen elsewhere proves nothing here; since when a finding is told stays.
    last = before if before and before.snapshot.address == target.address else None
    earlier = last.snapshot if last else None
    if before and not last and target.full_reads:
        await asyncio.to_thread(target.full_reads.proofs.forget, target.registry.name)
    # What a storage proved before was not asked for, so no period of it has begun.
    told = replace(target, periods={}) if isinstance(inventory, Gap) else target
    snapshot = await observe(told, uses, earlier, now, whole)
    snapshot = await _recalled(target, snapshot, last)
    if whole and not snapshot.disagreements:
        snapshot = _with_pointers(snapshot, whole)
    stock = await asyncio.to_thread(_stock, target, snapshot, inventory, uses)
    kept = whole if exported and whole and not whole.partial else None
    del inventory, whole
    report = await _judged(target, snapshot, before)
    if isinstance(stock, StorageUse):
        return Audited(replace(report, storage=stock), kept)
    return Audited(_with_gaps(report, stock) if stock else report, kept)


async def _recalled(
    target: Target,
    snapshot: Snapshot,
    before: Report | None,
    asked: Container[Repository] | None = None,
) -> Snapshot:
    """Record what this audit read in full, and add what earlier full reads proved.

    `asked` are the repositories that were requested now, None for all: nothing else was read.
    """
    reads, scrub = target.full_reads, target.scrub
    noted = snapshot.read_in_full is not None or target.registry.leaves_trace is False
    if reads is None or (scrub is None and not noted):
        return snapshot
    earlier = before.snapshot if before else None

    def recalled() -> Snapshot:
        registry = snapshot.registry
        if noted:
            _record(reads, snapshot if asked is None else part(snapshot, asked))
        if scrub is None and snapshot.read_in_full is None:
            return snapshot
        # Without the history what was corrupt stays so by the report before.
        scrubbed = reads.history(registry)
        found = recall(snapshot, earlier, scrubbed, reads.period)
        unpacks = scrub is not None and scrub.unpacker is not None
        return with_diff_ids(found, earlier, scrubbed.contents) if unpacks else found

    return await asyncio.to_thread(recalled)


def _record(reads: FullReads, snapshot: Snapshot) -> None:
    found = {
        place: seen
        for place, seen in snapshot.sightings.items()
        if (seen.hashed or seen.corrupt) and seen.seen_at is None
    }
    if found:
        reads.proofs.want(snapshot.registry, {digest for _, digest in found})
        reads.proofs.note(snapshot.registry, found, snapshot.taken_at)


async def _judged(
    target: Target,
    snapshot: Snapshot,
    before: Report | None,
    asked: Container[Repository] | None = None,
) -> Report:
    """Judge a snapshot, and resolve again what seems lost; `asked` is None for every repository."""
    history = before.since if before else {}
    # In threads: a second of work on many tags must hold up no other registry's audit.
    report = await asyncio.to_thread(judge, snapshot, history, before=before)
    lossy, used = await asyncio.to_thread(lambda: (_lossy(report), _used(report)))
    lost = await asyncio.to_thread(_lossy, before) if before else []
    told = {(root.repository, root.name) for root in lost}
    doubtful = [root for root in lossy if asked is None or root.repository in asked]
    known = await resolve_again(target, doubtful, used, told)
    roots = tuple(filter(None, (known.get(root, root) for root in snapshot.roots)))
    if roots != snapshot.roots:
        deleted = [root for root in snapshot.roots if known.get(root, root) is None]
        gone = tuple((root.repository, root.tag) for root in deleted if root.tag)
        settled = replace(snapshot, roots=roots, delisted=(*snapshot.delisted, *gone))
        report = await asyncio.to_thread(judge, settled, history, before=before)
    return with_vanished(report, before)


async def _inventory(target: Target, faults: Faults) -> Inventory | Gap | None:
    storage = target.storage
    if storage is None:
        return None
    try:
        return await faults.in_time("storage", lambda: in_daemon_thread(storage.read))
    except Unseen as unseen:
        return unseen.gap(Scope.REGISTRY)


def _with_pointers(snapshot: Snapshot, inventory: Inventory) -> Snapshot:
    """Seal repositories by the storage, which knows every tag, where the lists could not.

    Not where a tag leads elsewhere than the storage, read before, shows it to: others may too.
    """
    if inventory.blind or inventory.taken_at is not None:
        return snapshot
    unlisted = {gap.subject for gap in snapshot.gaps if gap.scope is Scope.REPOSITORY}
    wanted = [root.repository for root in snapshot.roots if root.repository in unlisted]
    stored = inventory.seals(wanted)
    newer = {root.repository for root in snapshot.roots if _is_news(root, stored)}
    whole = {place: each for place, each in stored.items() if place not in newer}
    return replace(snapshot, sealed={**whole, **snapshot.sealed})


def _is_news(root: Root, stored: Mapping[Repository, Sealed]) -> bool:
    sealed = stored.get(root.repository)
    if sealed is None or root.tag is None or root.digest is None:
        return False
    resolved = root.sighting.state is State.PRESENT
    return resolved and root.tag not in sealed.pointing_at(root.digest)


def _stock(
    target: Target, snapshot: Snapshot, inventory: Inventory | Gap | None, uses: Listing[Use]
) -> StorageUse | tuple[Gap, ...]:
    """Return the storage's statistics, over every tag in it, of this shard or not; or the gaps."""
    if not isinstance(inventory, Inventory):
        return (inventory,) if inventory else ()
    if inventory.partial:
        return ()
    if not all(each.stored for each in snapshot.disagreements):
        return (_CONTRADICTED,)
    wants = [use for use in uses.entries if target.names(use)]
    roots = stored_roots(inventory, target.scope, wants)
    taken_at = inventory.taken_at or snapshot.taken_at
    storage = storage_use(inventory, roots, snapshot.collector, target.grace, taken_at)
    return storage.gaps if isinstance(storage, Unpredictable) else storage


def _with_gaps(report: Report, gaps: tuple[Gap, ...]) -> Report:
    seen = report.snapshot
    return replace(report, snapshot=replace(seen, gaps=(*seen.gaps, *gaps)))


def _lossy(report: Report) -> list[Root]:
    """Return the roots that seem to have lost anything, needed or not."""
    return [
        tag.verdict.root
        for tag in report.tags
        if tag.urgency is Urgency.CANNOT_BE_PULLED
        or any(child.gone for child in tag.verdict.children)
    ]


def _used(report: Report) -> frozenset[Root]:
    """Return the tags that a use names without a digest: they must exist."""
    references = (use.reference for use in report.snapshot.uses if not use.reference.digest)
    named = {(reference.repository, reference.tag) for reference in references}
    return frozenset(root for root in report.snapshot.roots if (root.repository, root.tag) in named)
