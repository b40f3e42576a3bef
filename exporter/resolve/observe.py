"""The snapshot of one registry: lists, then tags, manifests, seals and blobs."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import chain, islice
from typing import Final

from exporter.facts.focus import Focus
from exporter.facts.gap import UNREACHED, Gap, Reason, Scope, bounded
from exporter.facts.inventory import Inventory
from exporter.facts.proof import GONE, HEADER, STORED, Proof, Sighting, State, unknown
from exporter.facts.registry_kind import UNKNOWN_KIND, Collector, RegistryKind
from exporter.facts.sightings import Sightings
from exporter.facts.snapshot import Role, Root, Sealed, Snapshot
from exporter.facts.use import Use
from exporter.oci.digest import Digest
from exporter.oci.links import Descriptor
from exporter.oci.platform import mirrored
from exporter.oci.reference import Place, Repository
from exporter.ports import Listing, Unseen
from exporter.resolve import listing
from exporter.resolve.attachments import attachments, unsettled
from exporter.resolve.blobs import BlobCheck
from exporter.resolve.confirm import carry
from exporter.resolve.contradictions import AuditAnswers, contradictions
from exporter.resolve.credential_checks import admissions
from exporter.resolve.due import Due, FullReadPlan, Resting, with_kept
from exporter.resolve.listing import Listings
from exporter.resolve.scope import WantedImage, select, settled, suspected_first
from exporter.resolve.seals import seals
from exporter.resolve.stored import ALWAYS_ASKED, StorageProofs
from exporter.resolve.tags import Answer, TagName, resolve, roots, tag_names, unasked, verify
from exporter.resolve.target import Target
from exporter.resolve.walk import Walk

_PROXIED: Final = unknown(
    Reason.BY_DESIGN, "in a pull-through cache: a request would fetch from upstream"
)
_WITH_DATABASE: Final = frozenset({"harbor", "gitlab"})
"""Kinds that keep content in distribution's layout, and find it by a database."""
_NETWORK: Final = UNREACHED | {Reason.SERVER_ERROR}


async def observe(
    target: Target,
    uses: Listing[Use],
    before: Snapshot | None,
    now: float,
    by: Focus | Inventory | None = None,
) -> Snapshot:
    """Return the snapshot of a registry; `now` is in seconds since the epoch.

    By a focus, only that is asked for, and what was not there before; by an inventory of its
    storage, what that does not prove (`resolve/stored.py`); else what the target's periods name.

    It never raises `Unseen`: what cannot be seen becomes a gap or an unknown. Confirmed losses of
    the snapshot before are kept, under their own age, where nothing can be seen now.
    """
    empty = _begun(target, uses, before, now)
    away = await _away(target)
    if away is not None:
        named = _unseen(target, empty.uses, away)
        gone = away.reason is not Reason.CONSENT
        return replace(empty, roots=named, gone=gone, gaps=(*uses.gaps, away))
    catalogue = await listing.catalogue(target)
    repositories = listing.repositories(target, empty.uses, before, catalogue)
    asked = [each for each in repositories.entries if target.asks(each)]
    proxied = tuple(each for each in repositories.entries if not target.asks(each))
    listings = await listing.listings(target, asked, frozenset(catalogue.entries))
    seen = replace(empty, unasked=proxied)
    examined = target.attachments.classes if target.attachments else frozenset()
    due = Due(before or empty, now, _follow(target), target.periods, examined)
    if isinstance(by, Inventory) and await _is_its_files(target, before):
        due, seen = replace(due, periods={}), replace(seen, sampled_at=now)
        seen = await _sampled(target, seen, listings, due, by)
    else:
        focus = by if isinstance(by, Focus) else None
        seen = await _resolve(target, seen, listings, replace(due, focus=focus))
    told = (*seen.gaps, *await asyncio.to_thread(_throttled, seen))
    gaps = bounded((*uses.gaps, *repositories.gaps, *listing.gaps(listings), *told))
    stumbled = await asyncio.to_thread(_stumbled, seen, gaps)
    away = await _away(target) if stumbled else None
    declared, kind = target.collector, await _kind(target, seen, before)
    return replace(
        await asyncio.to_thread(carry, seen, before),
        listed=listing.counts(listings),
        delisted=listing.delisted(target, catalogue, listings, before),
        gaps=(*gaps, away) if away else gaps,
        gone=away is not None,
        kind=kind,
        collector=declared if declared is not Collector.UNKNOWN else kind.collector,
    )


def _begun(target: Target, uses: Listing[Use], before: Snapshot | None, now: float) -> Snapshot:
    """Return a snapshot before the first request."""
    return Snapshot(
        registry=target.registry.name,
        address=target.address,
        taken_at=now,
        role=target.role,
        platforms=target.platforms,
        parts=target.parts,
        collector=target.collector,
        uses=tuple(settled(target.scope, use) for use in uses.entries if target.concerns(use)),
        sampled_at=before.sampled_at if before else None,
    )


async def _sampled(
    target: Target, empty: Snapshot, listings: Listings, due: Due, inventory: Inventory
) -> Snapshot:
    """Resolve with what the storage proves; once more without it if both disagree.

    Nor is a storage believed that cannot be asked again about what seems to differ.
    """
    proofs = await asyncio.to_thread(
        StorageProofs, inventory, due.before, empty.taken_at, target.asked_within
    )
    seen = await _resolve(target, empty, listings, due, proofs)
    if proofs.used and (proofs.disagreements or proofs.gap):
        seen = await _resolve(target, empty, listings, due)
    gaps = (*seen.gaps, proofs.gap) if proofs.gap else seen.gaps
    return replace(seen, disagreements=proofs.disagreements, gaps=gaps)


async def _resolve(
    target: Target,
    empty: Snapshot,
    listings: Listings,
    due: Due,
    proofs: StorageProofs | None = None,
) -> Snapshot:
    """Resolve tags, manifests, protection and blobs, in this order; long steps in threads."""
    before = due.before
    wanted, proxied = await asyncio.to_thread(_wanted, target, listings, before, empty.uses)
    answers = await _answered(target, wanted, due, proofs)
    earlier = due.known, before.taken_at
    starts = await asyncio.to_thread(roots, wanted, answers, listings, *earlier)
    del wanted  # requests take long, and it much memory
    kept = await asyncio.to_thread(due.kept, starts)
    walk = await _walk(target, due, kept)
    always = await _walked(walk, starts, kept, proofs)
    walk.bare.update(_named(starts))
    if await _verified(target, walk, answers):
        wanted, proxied = await asyncio.to_thread(_wanted, target, listings, before, empty.uses)
        starts = await asyncio.to_thread(roots, wanted, answers, listings, *earlier)
        led = (place for place in _places(starts, kept) if place not in walk.sightings)
        await walk.run(led)
        walk.bare.update(_named(starts))
    told = _told(listings, chain(walk.sightings.items(), kept.sightings.items()))
    answers = {**dict(due.sealed(listings)), **answers} if due.focus else answers
    sealed = await _sealed(target, told, answers, due, lambda: _needed(walk, kept, starts))
    answers = answers if proofs else {}
    del told
    blobs = BlobCheck(walk, proofs, always)
    await blobs.prove()
    if proofs:
        asked_for = AuditAnswers(walk.sightings, walk.manifests, blobs.asked, answers)
        await _compare(target, proofs, asked_for)
    asked = [each for each in starts if each not in kept.roots]
    seen = replace(
        empty,
        roots=(*starts, *proxied),
        manifests=walk.manifests,
        sightings=walk.sightings,
        config_platforms=blobs.platforms,
        sealed=sealed,
        recovered=walk.recovered,
        read_in_full=blobs.read if walk.content.ranges is False else None,
        attached=await attachments(target, walk, asked, listings),
        require_attached=target.attachments.require if target.attachments else (),
    )
    seen = await asyncio.to_thread(with_kept, seen, kept, due)
    gaps = tuple(unsettled(starts, seen.attached, seen.require_attached))
    return replace(seen, gaps=gaps, admissions=await admissions(target, seen))


async def _answered(
    target: Target, wanted: Iterable[WantedImage], due: Due, proofs: StorageProofs | None
) -> dict[TagName, Answer]:
    """Return the digests of tags, also of those that are not requested."""
    known = await asyncio.to_thread(_spared, wanted, due, proofs)
    moved = [each for each in tag_names(wanted) if each not in known]
    limits, read = target.limits, due.before.manifests
    found = await resolve(target.registry, moved, limits, target.progress, read)
    found.update(known)
    return found


def _needed(walk: Walk, kept: Resting, starts: Iterable[Root]) -> Iterable[Place]:
    """Return manifests needed without a tag of their own: children and pinned digests."""
    pinned = ((each.repository, each.digest) for each in starts if each.digest and not each.tag)
    return chain(walk.children(), kept.children(), pinned)


async def _sealed(
    target: Target,
    told: Listings,
    answers: dict[TagName, Answer],
    due: Due,
    needed: Callable[[], Iterable[Place]],
) -> dict[Repository, Sealed]:
    """Return the seals; by all present tags where fewer name a needed manifest than before."""
    sealed = await seals(target, told, answers, needed(), ())
    bared = due.bared(sealed, needed())
    again = await seals(target, {at: told[at] for at in bared}, {}, needed(), ()) if bared else {}
    found = {at: each for at, each in sealed.items() if at not in bared} | again
    known = due.before.sealed  # what both audits hold is held once
    return {at: last if (last := known.get(at)) == each else each for at, each in found.items()}


async def _compare(target: Target, proofs: StorageProofs, asked: AuditAnswers) -> None:
    """Note where the storage and the registry disagree about the same content."""
    if target.storage:
        width = target.limits.width
        differ = contradictions(asked, proofs, target.storage, target.registry, width)
        proofs.disagreements, gap = await differ
        proofs.gap = gap or proofs.gap


def _wanted(
    target: Target, listings: Listings, before: Snapshot, uses: Iterable[Use]
) -> tuple[tuple[WantedImage, ...], tuple[Root, ...]]:
    """Return the images to request, and those in a pull-through cache."""
    wanted = select(target.scope, listing.entries(listings, before), uses)
    proxied = unasked((each for each in wanted if not target.asks(each.repository)), _PROXIED)
    asked = (each for each in wanted if target.asks(each.repository))
    return suspected_first(asked, uses), proxied


async def _walked(
    walk: Walk, starts: Iterable[Root], kept: Resting, proofs: StorageProofs | None
) -> frozenset[Place]:
    """Walk the manifests; return those that are requested whatever the storage proves."""
    places, always = await asyncio.to_thread(_places, starts, kept), frozenset[Place]()
    if proofs:
        first = await asyncio.to_thread(_always_asked, starts)
        await walk.run(place for place in places if place in first)
        always = frozenset(walk.sightings)
        places = [place for place in places if place not in always]
    await walk.run(places, proofs)
    return always


async def _walk(target: Target, due: Due, kept: Resting) -> Walk:
    """Return a walk that begins with the known content of the registry."""
    read = due.before.manifests
    walk = Walk(target.registry, target.memory, target.limits, due.follow, read)
    walk.sightings = Sightings(before=due.before.sightings)
    walk.progress, walk.foreseen = target.progress, due.foresees
    walk.make_room(kept.manifests.values())
    if target.full_reads:
        walk.plan = FullReadPlan(target.registry.name, target.full_reads, due.now)
        walk.rereads = target.registry.leaves_trace is False
        await asyncio.to_thread(walk.plan.recall) if walk.rereads else None
    return walk


def _spared(
    wanted: Iterable[WantedImage], due: Due, proofs: StorageProofs | None
) -> dict[TagName, Answer]:
    """Return the digests of tags that are not requested, by the storage or by the last audit."""
    if proofs is None:
        return due.unresolved(wanted)
    often = (each for each in wanted if each.reference_class not in ALWAYS_ASKED)
    return {at: (digest, STORED) for at, digest in proofs.tags(tag_names(often)).items()}


def _always_asked(starts: Iterable[Root]) -> set[Place]:
    often = (root for root in starts if root.reference_class in ALWAYS_ASKED)
    return {(root.repository, root.digest) for root in often if root.digest}


def _told(listings: Listings, seen: Iterable[tuple[Place, Sighting]]) -> Listings:
    """Omit denied repositories if nothing in them was read: the registry may hide their tags.

    zot denies a repository whose index it cannot read; an object store, one without tags.
    """
    if not any(each.denied for each in listings.values()):
        return listings
    there = ((at, look) for at, look in seen if look.state is State.PRESENT)
    read = {at[0] for at, look in there if look.proof is not Proof.STORED}
    return {at: each for at, each in listings.items() if not each.denied or at in read}


def _named(starts: Iterable[Root]) -> Iterator[Place]:
    """Yield the manifests that tags name: they need no index that states their platform."""
    return ((root.repository, root.digest) for root in starts if root.digest)


def _places(starts: Iterable[Root], kept: Resting) -> list[Place]:
    """Return the starts of the walk, live ones first, since there may not be room for all."""
    asked = (root for root in starts if root not in kept.roots)
    ordered = sorted(asked, key=lambda root: root.reference_class.rank)
    return [(root.repository, root.digest) for root in ordered if root.digest]


async def _verified(target: Target, walk: Walk, answers: dict[TagName, Answer]) -> bool:
    """Correct, by their bytes, the tags whose digest a header claims and no manifest has.

    Return whether any references another digest.
    """
    sightings = walk.sightings
    claims = {
        at: digest
        for at, (digest, seen) in answers.items()
        if digest and seen.state is State.PRESENT
        if (place := (at[0], digest)) in sightings and sightings[place].state in GONE
    }
    led = False
    for at, found in (await verify(target.registry, claims, target.limits)).items():
        place = (at[0], claims[at])
        if found == claims[at]:
            continue  # only a cache before the registry has it: nodes ask for the digest
        if isinstance(found, Digest):
            sightings[place] = unknown(Reason.UNCONFIRMED, "its tag references another digest")
            answers[at] = found, HEADER
            led = True
        elif found is not None:
            sightings[place] = found
    return led


def _follow(
    target: Target,
) -> Callable[[Repository, tuple[Descriptor, ...]], Iterable[Descriptor]]:
    """Return the selection of an index's entries: for a sparse mirror, those of its platforms."""

    def held(repository: Repository, entries: tuple[Descriptor, ...]) -> Iterable[Descriptor]:
        part = target.part(repository)
        if part.role is not Role.SPARSE:
            return entries
        there = mirrored(part.platforms, (entry.platform for entry in entries))
        return (entry for position, entry in enumerate(entries) if position in there)

    return held


def _throttled(seen: Snapshot) -> tuple[Gap, ...]:
    """Return one gap for everything that the registry's limit kept from being read."""
    looks = chain(seen.sightings.kinds, (root.sighting for root in seen.roots))
    limited = (look.detail for look in looks if look.reason is Reason.RATE_LIMITED)
    told = islice(limited, 1)
    return tuple(Gap(Scope.REGISTRY, seen.registry, Reason.RATE_LIMITED, each) for each in told)


def _stumbled(seen: Snapshot, gaps: Iterable[Gap]) -> bool:
    """Did anything fail in the way of a registry that is down?"""
    looks = chain(seen.sightings.kinds, (root.sighting for root in seen.roots))
    reasons = chain((look.reason for look in looks), (gap.reason for gap in gaps))
    return any(reason in _NETWORK for reason in reasons)


async def _away(target: Target) -> Gap | None:
    """Return the gap of a registry that does not answer at all."""
    try:
        await target.registry.ping()
    except Unseen as unseen:
        return unseen.gap(Scope.REGISTRY, target.registry.name)
    return None


def _unseen(target: Target, uses: Iterable[Use], away: Gap) -> tuple[Root, ...]:
    """Return the images that uses name, each unknown."""
    wanted = select(target.scope, {}, uses)
    return unasked(wanted, unknown(away.reason, away.detail))


async def _is_its_files(target: Target, before: Snapshot | None) -> bool:
    """Do files alone decide what the registry serves? In Harbor and GitLab a database does."""
    told = UNKNOWN_KIND
    with suppress(Unseen):
        told = await target.registry.kind(None)
    if not told.known and before is not None:
        told = before.kind
    return told.name not in _WITH_DATABASE


async def _kind(target: Target, seen: Snapshot, before: Snapshot | None) -> RegistryKind:
    """Return its kind, by its answers now or before.

    Nothing is requested for it from a pull-through cache, nor where the collector is declared.
    """
    asked = target.collector is Collector.UNKNOWN and target.role is not Role.PROXY
    roots = seen.roots if asked else ()
    found = (root.repository for root in roots if root.digest)
    repository = next(filter(target.asks, found), None)
    told = UNKNOWN_KIND
    with suppress(Unseen):
        told = await target.registry.kind(repository)
    return told if told.known or before is None else before.kind
