"""Attachments of images: by the referrers API, by its fallback tag, and by the tags of cosign.

They are read by a walk of their own, so that nothing of them can touch the verdict of an image.
What is attached to an attachment is not looked at.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from exporter.facts.attached import Attachment, Attachments, lacking
from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.proof import GONE, Proof, Sighting, State, gone, unknown
from exporter.facts.snapshot import Root
from exporter.oci import manifest
from exporter.oci.digest import Digest, Malformed
from exporter.oci.links import Kind
from exporter.oci.platform import mirrored
from exporter.oci.reference import Place, Repository, Tag
from exporter.ports import Absent, ManifestBody, Unseen, Wrong
from exporter.resolve.blobs import BlobCheck
from exporter.resolve.concurrency import abreast, pause
from exporter.resolve.listing import Listings
from exporter.resolve.target import AttachmentScope, Target
from exporter.resolve.walk import Walk

_COSIGN: Final = {
    f".{name}": f"application/vnd.dev.cosign.artifact.{name}.v1+json"
    for name in ("sig", "att", "sbom")
}
"""cosign's tags, and the types of the same content as a referrer (cosign 2, `pkg/oci/remote`)."""
_MOST: Final = 100
"""Attachments of one manifest that are read; further ones are unknown."""
_DEPTH: Final = 2
_PART: Final = 4
"""All manifests of attachments may have this part of the entries that those of images may."""
_LADDER: Final = (Proof.NOTHING, Proof.HEAD, Proof.STORED, Proof.LAST_BYTE, Proof.HASH)
_CHANGED: Final = unknown(Reason.UNCONFIRMED, "what is attached changed during the audit")
_SHAPE: Final = len("sha256-") + 64


@dataclass(frozen=True, slots=True)
class _Claim:
    artifact_type: str
    tag: Tag | None


@dataclass(slots=True)
class _List:
    """The listed attachments of one manifest."""

    entries: dict[Digest, _Claim] = field(default_factory=dict)
    doubt: Sighting | None = None
    unserved: bool = False
    """Was the referrers API answered with 404?"""

    def add(self, digest: Digest, artifact_type: str, tag: Tag | None) -> None:
        """Note an entry of a list. A tag of cosign says more than the list of Harbor."""
        known = self.entries.get(digest)
        if artifact_type in _COSIGN.values():
            self.entries[digest] = _Claim(artifact_type, tag)
        elif known is None or not known.artifact_type:
            self.entries[digest] = _Claim(artifact_type, known.tag if known else tag)

    def lacks(self, require: tuple[str, ...]) -> bool:
        return bool(lacking((each.artifact_type for each in self.entries.values()), require))


async def attachments(
    target: Target, images: Walk, roots: Iterable[Root], listings: Listings
) -> dict[Place, Attachments]:
    """Return what is attached to each manifest in scope that is there.

    What seems lost, or is required and not found, is listed once more after a pause; only where
    both lists agree is anything claimed.
    """
    scope = target.attachments
    subjects = dict.fromkeys(_subjects(target, images, roots, scope)) if scope else {}
    if scope is None or not subjects:
        return {}
    limits = replace(target.limits, depth=_DEPTH, entries=target.limits.entries // _PART)
    walk = Walk(target.registry, target.memory, limits, before=images.before)
    walk.plan, walk.rereads, walk.progress = images.plan, images.rereads, images.progress
    repositories = {repository for repository, _ in subjects}
    shown = {
        at: frozenset(listings[at].entries)
        for at in repositories
        if at in listings and listings[at].complete and not listings[at].denied
    }
    search = _Search(target, walk, scope.require, shown)
    lists = await search.lists(subjects)
    await walk.run(place for at, each in lists.items() for place in _read(at, each, scope.require))
    await BlobCheck(walk).prove()
    found = {at: _seen(walk, at, lists[at]) for at in subjects}
    doubtful = [at for at, each in found.items() if _is_doubtful(each, scope.require)]
    await pause(limits.confirm_after, doubtful)
    again = await search.lists(doubtful, every=True)
    return found | {at: _agreed(found[at], each) for at, each in again.items()}


def unsettled(
    roots: Iterable[Root], found: Mapping[Place, Attachments], require: tuple[str, ...]
) -> Iterator[Gap]:
    """Yield a gap for each image whose required attachments are unknown."""
    at = ((root.repository, root.digest) for root in roots if root.digest)
    for repository, digest in dict.fromkeys(at):
        known = found.get((repository, digest))
        if known is None or all(known.has(each) is not None for each in require):
            continue
        unclear = (each.sighting for each in known.entries if each.sighting.reason)
        why = known.doubt or next(unclear, unknown(Reason.UNCONFIRMED, "its type is unknown"))
        words = f"attachments: {why.detail}" if why.detail else "attachments"
        yield Gap(Scope.CONTENT, f"{repository}@{digest}", why.reason or Reason.UNCONFIRMED, words)


def _subjects(
    target: Target, images: Walk, roots: Iterable[Root], scope: AttachmentScope
) -> Iterator[Place]:
    """Yield the manifests of images in scope, and those that its index lists for their nodes."""
    for root in roots:
        place = (root.repository, root.digest) if root.digest else None
        standing = images.standing(place) if place else None
        if place is None or standing is None or root.reference_class not in scope.classes:
            continue
        if _is_fallback(root.tag or ""):
            continue
        yield place
        children = [each for each in standing.children if not each.attestation]
        platforms = [each.platform for each in children]
        held = mirrored(root.nodes.every, platforms) if root.nodes.known else range(len(children))
        below = ((root.repository, children[at].digest) for at in held)
        yield from (each for each in below if target.asks(each[0]) and images.standing(each))


def _is_fallback(tag: str) -> bool:
    return tag.startswith("sha256-") and len(tag.partition(".")[0]) == _SHAPE


def _tags(subject: Digest) -> dict[Tag, str]:
    """Return the tags that may attach something, and the artifact type of each.

    Source: OCI distribution-spec 1.1, "Referrers Tag Schema"; cosign 2.
    """
    stem = f"{subject.algorithm[:32]}-{subject.encoded[:64]}"
    old = _COSIGN if subject.algorithm == "sha256" else {}
    return {Tag(stem): "", **{Tag(stem + suffix): of for suffix, of in old.items()}}


@dataclass(slots=True)
class _Search:
    target: Target
    walk: Walk
    require: tuple[str, ...]
    listings: Mapping[Repository, frozenset[Tag]]
    """The tags of repositories whose tag lists are complete."""
    served: bool = False
    """Did the referrers API answer for any manifest?"""

    async def lists(self, subjects: Iterable[Place], *, every: bool = False) -> dict[Place, _List]:
        """List what is attached; `every` asks for tags that the tag list does not show, too."""

        async def listed(place: Place) -> _List:
            return await self._list(place, every=every)

        found = dict(await abreast(self.target.limits.width, listed, subjects))
        if self.served:  # 404 of a registry that has the API proves nothing
            words = "404 of a referrers API that answers for other images"
            for each in found.values():
                if each.unserved:
                    each.doubt = unknown(Reason.UNCONFIRMED, words)
        return found

    async def _list(self, place: Place, *, every: bool) -> _List:
        found = _List()
        try:
            listing = await self.target.registry.referrers(*place)
        except Unseen as unseen:
            found.doubt = unknown(unseen.reason, unseen.detail)
        else:
            found.unserved = listing is None
            self.served = self.served or listing is not None
            for each in listing.entries if listing else ():
                found.add(each.target.digest, each.artifact_type, None)
            for gap in listing.gaps if listing else ():
                found.doubt = unknown(gap.reason, gap.detail)
        tags = _tags(place[1])
        shown = None if every else self.listings.get(place[0])
        first = [tag for tag in tags if shown is None or tag in shown]
        await self._ask(place, {tag: tags[tag] for tag in first}, found)
        if found.lacks(self.require):
            rest = {tag: of for tag, of in tags.items() if tag not in first}
            await self._ask(place, rest, found)
        return found

    async def _ask(self, place: Place, tags: Mapping[Tag, str], found: _List) -> None:
        for tag, artifact_type in tags.items():
            try:
                await self._resolve(place, tag, artifact_type, found)
            except Unseen as unseen:
                found.doubt = unknown(unseen.reason, f"{tag}: {unseen.detail}")
            except Malformed as error:
                found.doubt = unknown(Reason.MALFORMED, f"{tag}: {error}")

    async def _resolve(self, place: Place, tag: Tag, artifact_type: str, found: _List) -> None:
        repository, subject = place
        answer = await self.target.registry.head(repository, tag)
        if isinstance(answer, Wrong):
            found.doubt = unknown(Reason.UNCONFIRMED, f"{tag}: {answer.detail}")
            return
        digest = answer.revision if isinstance(answer, Absent) else answer
        if digest is None or digest == subject:  # GitLab reads sha256-HEX as that digest
            return
        if artifact_type or isinstance(answer, Absent):
            found.add(digest, artifact_type, tag)
            return
        body = self.target.memory.manifest(digest)
        if body is None:
            read = await self.target.registry.manifest(repository, digest)
            if not isinstance(read, ManifestBody):
                found.add(digest, "", tag)  # the index itself: the walk tells whether it is lost
                return
            body = read.content
            await self.walk.fresh.add(digest, body)
        for each in manifest.referrers(body):
            found.add(each.target.digest, each.artifact_type, tag)


def _read(at: Place, listed: _List, require: tuple[str, ...]) -> list[Place]:
    """Return the attachments to read: those that are required first."""
    ranked = sorted(
        listed.entries,
        key=lambda each: (
            lacking((listed.entries[each].artifact_type,), require) == require,
            listed.entries[each].tag is None,
        ),
    )
    return [(at[0], digest) for digest in ranked[:_MOST]]


def _seen(walk: Walk, at: Place, listed: _List) -> Attachments:
    def attachment(digest: Digest, entry: _Claim) -> Attachment:
        place = (at[0], digest)
        body = walk.standing(place)
        artifact_type, sighting = entry.artifact_type, _whole(walk, place, _DEPTH)
        if body and artifact_type not in _COSIGN.values():
            # Harbor 2.15 lists the type of the configuration (src/server/registry/referrers.go).
            config = body.config.media_type if body.config else artifact_type
            artifact_type = body.artifact_type or config
            subjects = [link.target.digest for link in body.links if link.kind is Kind.SUBJECT]
            if subjects != [at[1]]:
                named = subjects[0] if subjects else "not named"
                sighting = unknown(Reason.WRONG_DIGEST, f"its subject is {named}")
        return Attachment(digest, artifact_type, entry.tag, sighting)

    entries = tuple(attachment(digest, entry) for digest, entry in listed.entries.items())
    return Attachments(entries, listed.doubt)


def _whole(walk: Walk, place: Place, depth: int) -> Sighting:
    """Return the sighting of a manifest with all below it: what is worst, or proven least."""
    unread = unknown(Reason.TOO_LARGE, f"more than {_MOST} attachments: not read")
    own = walk.sightings.get(place, unread)
    body = walk.standing(place)
    if body is None:
        return own
    worst = own
    for link in body.links:
        if link.kind is Kind.SUBJECT:
            continue
        below = (place[0], link.target.digest)
        if link.kind is Kind.CHILD and depth:
            seen = _whole(walk, below, depth - 1)
        else:
            seen = walk.sightings.get(below, unread)
        if seen.state in GONE and not seen.corrupt:
            seen = gone(State.BROKEN, f"{link.kind} {link.target.digest.short}: {seen.detail}")
        worst = min(worst, seen, key=_rank)
    return worst


def _rank(seen: Sighting) -> tuple[int, int]:
    """What is lost comes first, then what is unknown, then what is proven least."""
    state = 0 if seen.state in GONE else 1 if seen.state is State.UNKNOWN else 2
    return state, _LADDER.index(seen.proof) if seen.proof in _LADDER else len(_LADDER)


def _is_doubtful(found: Attachments, require: tuple[str, ...]) -> bool:
    lost = any(each.sighting.state in GONE for each in found.entries)
    return lost or any(found.has(each) is False for each in require)


def _agreed(found: Attachments, again: _List) -> Attachments:
    """Return what two lists agree on."""
    known = {each.digest for each in found.entries}
    entries = tuple(
        each
        if each.digest in again.entries or each.sighting.state not in GONE
        else replace(each, sighting=_CHANGED)
        for each in found.entries
    )
    doubt = found.doubt or again.doubt or (_CHANGED if again.entries.keys() - known else None)
    return Attachments(entries, doubt)
