"""Content that an audit requests again, or reads in full, and content that it keeps from before."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final
from zlib import crc32

from exporter.facts.focus import Focus
from exporter.facts.proof import DISPUTED, GONE, HEADER, LAST_BYTE, Sighting, State
from exporter.facts.scrubbed import Scrubbed
from exporter.facts.shared_digests import share_digests
from exporter.facts.sightings import Sightings
from exporter.facts.snapshot import Root, Sealed, Snapshot
from exporter.facts.use import ReferenceClass
from exporter.oci.digest import Digest
from exporter.oci.links import Descriptor, Kind
from exporter.oci.manifest import Manifest
from exporter.oci.reference import Place, Repository
from exporter.resolve.listing import Listings
from exporter.resolve.scope import Name, WantedImage
from exporter.resolve.tags import Answer, TagName
from exporter.resolve.target import FullReads

_AT_HAND: Final = 64
"""Repositories whose roots are indexed: most are looked up one repository after the other."""
Follow = Callable[[Repository, tuple[Descriptor, ...]], Iterable[Descriptor]]


@dataclass(frozen=True, slots=True)
class Resting:
    """Roots that are not requested again, with the sightings below them: all were present."""

    roots: set[Root] = field(default_factory=set)
    sightings: Sightings = field(default_factory=Sightings)
    manifests: dict[Digest, Manifest] = field(default_factory=dict)
    proven_at: dict[Place, float] = field(default_factory=dict)
    """When the content of each root was last requested: seconds since the epoch."""

    def children(self) -> Iterator[Place]:
        """Yield the direct children of each index."""
        for repository, digest in self.sightings:
            manifest = self.manifests.get(digest)
            for entry in manifest.children if manifest else ():
                if (repository, entry.digest) in self.sightings:
                    yield repository, entry.digest


def with_kept(seen: Snapshot, kept: Resting, due: "Due") -> Snapshot:
    """Return the sightings of now, and those kept below roots that were not requested.

    Manifests share the digests of its sightings. Not after an event, whose cost must not grow with
    its repository.
    """
    found = _with_kept(seen, kept, due.before)
    if due.focus is None:
        share_digests(found.manifests, found.sightings)
    return found


def _with_kept(seen: Snapshot, kept: Resting, before: Snapshot) -> Snapshot:
    """Return both in one snapshot.

    What a manifest or a configuration said stays known of one that is not there any more: it
    never changes, and findings name platforms.
    """
    lost = (digest for (_, digest), _ in seen.sightings.having(_is_gone))
    read = {digest: before.manifests[digest] for digest in lost if digest in before.manifests}
    more = {**read, **kept.manifests}
    manifests = {**more, **seen.manifests} if more else seen.manifests
    known = before.config_platforms
    read_from = manifests.values() if known else ()
    configs = {key for each in read_from for key in each.keys_of(Kind.CONFIG)}
    stated = {at: each for at, each in known.items() if at.packed in configs}
    if not kept.roots:
        platforms = {**stated, **seen.config_platforms}
        return replace(seen, manifests=manifests, config_platforms=platforms)
    sightings = kept.sightings.amended(seen.sightings)
    sightings = sightings.amended(dict.fromkeys(_disputed(seen, kept), DISPUTED))
    recovered = {at: words for at, words in before.recovered.items() if at in kept.sightings}
    attached = {at: each for at, each in before.attached.items() if at in kept.sightings}
    earlier = {at: each for at, each in kept.proven_at.items() if at not in seen.sightings}
    return replace(
        seen,
        manifests=manifests,
        sightings=sightings,
        config_platforms={**stated, **seen.config_platforms},
        recovered={**recovered, **seen.recovered},
        attached={**attached, **seen.attached},
        proven_at=earlier,
    )


def _is_gone(seen: Sighting) -> bool:
    return seen.state in GONE


def _disputed(seen: Snapshot, kept: Resting) -> Iterator[Place]:
    """Yield content that is lost by the size of a new manifest, where a kept one states another."""
    lost = {at for at, _ in seen.sightings.having(_is_gone)}
    lost = {at for at in lost if at in kept.sightings}
    stated: defaultdict[Place, set[int | None]] = defaultdict(set)
    for known, read in ((seen.sightings, seen.manifests), (kept.sightings, kept.manifests)):
        for repository in {repository for repository, _ in lost}:
            for digest, look in known.of(repository).items():
                manifest = read.get(digest) if look.state is State.PRESENT else None
                for each in manifest.content if manifest else ():
                    stated[repository, each.digest].add(each.size)
    yield from (at for at in lost if len(stated[at] - {None}) > 1)


@dataclass(frozen=True, slots=True)
class Due:
    """The selection of what is requested again of all that the audit before read.

    What was not wholly there always is, and so is a tag that moved or matters more than before.
    """

    before: Snapshot
    now: float
    """Seconds since the epoch."""
    follow: Follow
    """The entries of an index that are audited."""
    periods: Mapping[ReferenceClass, float]
    """Seconds within which the content of a tag is requested once, by class; of a class without
    a period, at each audit."""
    examined: frozenset[ReferenceClass] = frozenset()
    """The classes whose attachments are audited."""
    focus: Focus | None = None
    """Request this alone; None is what is due by its period."""
    known: Callable[[Repository], Mapping[Name | None, Root]] = field(init=False)
    """Returns the roots of a repository at the audit before."""

    def __post_init__(self) -> None:
        """Group the roots of the audit before."""
        roots = defaultdict[Repository, list[Root]](list)
        for each in self.before.roots:
            roots[each.repository].append(each)

        @lru_cache(_AT_HAND)
        def known(repository: Repository) -> Mapping[Name | None, Root]:
            return {each.tag or each.digest: each for each in roots.get(repository, ())}

        object.__setattr__(self, "known", known)

    def unresolved(self, wanted: Iterable[WantedImage]) -> dict[TagName, Answer]:
        """Return the tags that are not resolved again, with their former digests."""
        found: dict[TagName, Answer] = {}
        for each in wanted if self.focus is not None else ():
            last = self.known(each.repository).get(each.name)
            if last is None or last.digest is None or isinstance(each.name, Digest):
                continue
            if last.sighting.state is State.PRESENT and self._rests(
                each.repository, each.name, each.reference_class, last.digest
            ):
                found[each.repository, each.name] = last.digest, HEADER
        return found

    def kept(self, roots: Iterable[Root]) -> Resting:
        """Return the roots that are not requested again, with the sightings below them."""
        kept = Resting(sightings=Sightings(before=self.before.sightings))
        for root in roots:
            if root.digest is None or root.sighting.state is not State.PRESENT:
                continue
            name, place = root.tag or root.digest, (root.repository, root.digest)
            if seen := self._rests(root.repository, name, root.reference_class, root.digest):
                kept.roots.add(root)
                kept.sightings.update(seen)
                kept.proven_at[place] = self._proven_at(place)
        read = self.before.manifests
        kept.manifests.update((at[1], read[at[1]]) for at in kept.sightings if at[1] in read)
        return kept

    def foresees(self, place: Place) -> bool:
        """Was it lost in the audit before, or does an event say that it was deleted?

        Of what was pushed just now, a replica of the registry may know nothing yet.
        """
        if self.focus is None or place in self.focus.places - self.focus.deleted:
            return False
        seen = self.before.sightings.get(place)
        return place in self.focus.deleted or (seen is not None and seen.state in GONE)

    def sealed(self, listings: Listings) -> Iterator[tuple[TagName, Answer]]:
        """Yield listed tags with their digests of the audit before; all of them in a focus."""
        for repository, listing in listings.items() if self.focus is not None else ():
            if sealed := self.before.sealed.get(repository):
                known = {tag: digest for digest, tags in sealed.tags.items() for tag in tags}
                named = (tag for tag in listing.entries if tag in known)
                yield from (((repository, tag), (known[tag], HEADER)) for tag in named)

    def bared(
        self, sealed: Mapping[Repository, Sealed], needed: Iterable[Place]
    ) -> set[Repository]:
        """Return where fewer tags name a needed manifest than before: one out of focus may now."""
        before = self.before.sealed if self.focus is not None else {}
        return {
            at
            for at, digest in (needed if before else ())
            if at in sealed and at in before
            if len(sealed[at].pointing_at(digest)) < len(before[at].pointing_at(digest))
        }

    def _rests(
        self, repository: Repository, name: Name, reference_class: ReferenceClass, digest: Digest
    ) -> dict[Place, Sighting] | None:
        """Return the places at and below a root that is not requested; None if it is."""
        last = self.known(repository).get(name)
        if last is None or last.digest != digest:
            return None
        if reference_class.rank < last.reference_class.rank:
            return None
        place = (repository, digest)
        if reference_class in self.examined and place not in self.before.attached:
            return None
        if self.focus is None and not self._is_fresh(place, reference_class):
            return None
        if self.focus is not None and (
            repository in self.focus.repositories or (repository, name) in self.focus.tags
        ):
            return None
        if self.focus is not None and place in self.before.attached:
            # What came or went in its repository may be attached to it.
            named = (at for at, _ in (*self.focus.places, *self.focus.tags))
            if repository in named:
                return None
        seen = self._below(place)
        if seen is None:
            return None
        return seen if self.focus is None or self.focus.places.isdisjoint(seen) else None

    def _proven_at(self, place: Place) -> float:
        return self.before.proven_at.get(place, self.before.taken_at)

    def _is_fresh(self, place: Place, reference_class: ReferenceClass) -> bool:
        """Was its content requested since its period began?

        It begins at a moment of its own for each manifest, so that what is due is spread evenly.
        """
        period, proven_at = self.periods.get(reference_class, 0.0), self._proven_at(place)
        # Nobody asked the registry for what only its storage proved then.
        if self.before.sampled_at == self.before.taken_at:
            return False
        if period <= 0 or proven_at > self.now:
            return False
        offset = crc32(f"{place[0]}@{place[1]}".encode()) / 2**32 * period
        return (proven_at - offset) // period == (self.now - offset) // period

    def _below(self, start: Place) -> dict[Place, Sighting] | None:
        """Return the places at and below a manifest; None unless all were present."""
        seen, found, waiting = self.before.sightings, dict[Place, Sighting](), [start]
        while waiting:
            place = waiting.pop()
            if place in found:
                continue
            look = seen.get(place)
            if look is None or look.state is not State.PRESENT or look.seen_at is not None:
                return None
            # Only what is read now is noted as read in full.
            found[place] = LAST_BYTE if look.hashed else look
            if manifest := self.before.manifests.get(place[1]):
                entries = (*self.follow(place[0], manifest.children), *manifest.content)
                waiting += ((place[0], each.digest) for each in entries)
        return found


@dataclass(slots=True)
class FullReadPlan:
    """What an audit reads in full of what it knows, within a budget of bytes.

    A cached manifest is requested by HEAD, which a registry may answer for one that it cannot
    send: it is read again once a period, where that leaves no trace. A blob is read in full once
    a period where the registry answers a request for its last byte with the whole blob (Gitea
    1.26.0 and Quay of 2026-08, run).
    """

    registry: str
    terms: FullReads
    now: float
    """Seconds since the epoch."""
    history: Scrubbed = field(default_factory=Scrubbed)
    _left: int = field(init=False)
    _recalled: bool = False

    def __post_init__(self) -> None:
        """Begin with the whole budget."""
        self._left = self.terms.bytes_per_audit

    def recall(self) -> None:
        """Remember what was read before. It may take long the first time."""
        if not self._recalled:
            self._recalled = True
            self.history = self.terms.history(self.registry)

    def ordered(self, places: Iterable[Place]) -> list[Place]:
        """Return places, those first that were never read, then by the age of their proof.

        Of those that were never read, the order stays: live first.
        """
        return sorted(places, key=lambda place: self.history.proven_at(place) or 0.0)

    def proven_at(self, place: Place) -> float | None:
        """Return when a place's bytes were last right, in seconds since the epoch, or None."""
        return self.history.proven_at(place)

    def fresh(self, place: Place) -> bool:
        """Were its bytes right within the period?"""
        return self.history.covers(place, self.now, self.terms.period)

    def afford(self, size: int) -> bool:
        """May so many bytes be read? Then they are taken from the budget."""
        if size > self._left:
            return False
        self._left -= size
        return True
