"""Resolution of tags to digests, at the start of an audit and once more at its end."""

from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from exporter.facts.gap import Reason
from exporter.facts.proof import GONE, HEADER, Sighting, State, gone, unknown
from exporter.facts.snapshot import Root
from exporter.oci.digest import Digest
from exporter.oci.manifest import Manifest
from exporter.oci.reference import Repository, Tag
from exporter.ports import Content, Listing, Unseen
from exporter.resolve.concurrency import abreast, pause, spread
from exporter.resolve.confirm import older, suspicion
from exporter.resolve.listing import Listings, listings, shown
from exporter.resolve.scope import Name, WantedImage
from exporter.resolve.target import AuditLimits, Target
from exporter.tally import AuditProgress

TagName = tuple[Repository, Tag]
Answer = tuple[Digest | None, Sighting]


async def resolve(
    content: Content,
    tags: Collection[TagName],
    limits: AuditLimits,
    progress: AuditProgress | None = None,
    read: Mapping[Digest, Manifest] = MappingProxyType({}),
) -> dict[TagName, Answer]:
    """Resolve each tag once, and apparent losses once more after a pause.

    The digests of manifests that were `read` before are held once.
    """
    answers: dict[TagName, Answer] = {}
    progress = progress or AuditProgress()
    progress.expect("tags", len(tags))

    async def look(name: TagName) -> None:
        try:
            found = await content.head(*name)
        except Unseen as unseen:
            answers[name] = None, unknown(unseen.reason, unseen.detail)
            return
        finally:
            progress.done += 1
        if isinstance(found, Digest):
            answers[name] = read[found].digest if found in read else found, HEADER
        else:
            suspect = suspicion(found)
            answers[name] = suspect.digest, gone(suspect.state, suspect.detail)

    await spread(limits.width, look, tags)
    suspects = [name for name, (_, seen) in answers.items() if seen.state in GONE]
    progress.expect("tags", len(suspects))
    with progress.confirming(len(suspects)):
        await pause(limits.confirm_after, suspects)
        await spread(limits.width, look, suspects)
    return answers


async def verify(
    content: Content, claims: Mapping[TagName, Digest], limits: AuditLimits
) -> dict[TagName, Digest | Sighting | None]:
    """Return the digests of tags by their bytes, where only a header claims one.

    None where the registry denies the tag, or stores other bytes than that digest names.
    """

    async def look(name: TagName) -> Digest | Sighting | None:
        try:
            found = await content.verify_tag(*name, claims[name])
        except Unseen as unseen:
            return unknown(unseen.reason, unseen.detail)
        return found if isinstance(found, Digest) else None

    return dict(await abreast(limits.width, look, claims))


def tag_names(wanted: Iterable[WantedImage]) -> list[TagName]:
    """Return the tags among the wanted images; a pinned digest needs no resolution."""
    return [(each.repository, each.name) for each in wanted if not isinstance(each.name, Digest)]


def unasked(wanted: Iterable[WantedImage], why: Sighting) -> tuple[Root, ...]:
    """Return the images that are not requested at all, each with the reason."""
    pinned = ((each, each.name if isinstance(each.name, Digest) else None) for each in wanted)
    return tuple(
        each.root(None if digest else Tag(each.name), digest, why) for each, digest in pinned
    )


def roots(
    wanted: Iterable[WantedImage],
    answers: Mapping[TagName, Answer],
    listings: Listings,
    known: Callable[[Repository], Mapping[Name | None, Root]],
    taken_at: float,
) -> tuple[Root, ...]:
    """Return the starts of the walk.

    A tag that cannot be resolved now starts where it led at the audit before, whose roots `known`
    returns by repository: what is lost there stays lost, and nothing there can make the tag count
    as healthy. A tag that nobody names, that no list
    shows and that is not there was deleted: it is none.
    """
    listed = shown(listings)
    found: list[Root] = []
    for each in wanted:
        if isinstance(each.name, Digest):
            found.append(each.root(None, each.name, HEADER))
            continue
        at = (each.repository, Tag(each.name))
        last = known(each.repository).get(at[1])
        digest, sighting = answers[at]
        is_listed = at[1] in listed.get(each.repository, ())
        if not (each.used or digest or is_listed or sighting.state is State.UNKNOWN):
            if last is None or last.sighting.state not in GONE:
                continue
            sighting = unknown(Reason.UNCONFIRMED, "neither listed nor found")
        if last and sighting.state is State.UNKNOWN:
            digest = last.digest
            sighting = older(sighting, last.sighting, taken_at)
        root = each.root(at[1], digest, sighting)
        found.append(last if last == root else root)  # what both audits hold is held once
    return tuple(found)


async def resolve_again(
    target: Target,
    doubtful: Sequence[Root],
    used: frozenset[Root],
    claimed: Container[tuple[Repository, str]],
) -> dict[Root, Root | None]:
    """Resolve tags once more, and return the new root of each: None if it was deleted.

    `used` are the roots that a use names: they stay, since a deleted tag cannot be pulled.
    `claimed` names the tags that were lost at the audit before. If such a tag cannot be resolved,
    it keeps its loss; any other may have moved, so nothing is claimed for it.
    """
    tagged = {root: (root.repository, root.tag) for root in doubtful if root.tag}
    answers = await _by_bytes(target, tagged.values())
    vanished = {
        root
        for root, at in tagged.items()
        if root not in used and answers[at][0] is None and answers[at][1].state in GONE
    }
    lists = await listings(target, {root.repository for root in vanished})
    listed = shown(lists)
    return {
        root: _deleted(root, lists[root.repository])
        if root in vanished and at[1] not in listed.get(at[0], ())
        else _settled(root, answers[at], told=(root.repository, root.name) in claimed)
        for root, at in tagged.items()
    }


async def _by_bytes(target: Target, tagged: Collection[TagName]) -> dict[TagName, Answer]:
    """Resolve tags, and read what a header alone claims: nothing below a false digest is theirs.

    Claims are not read where that leaves a trace: a broken tag would be pulled at every audit.
    """
    answers = await resolve(target.registry, tagged, target.limits, target.progress)
    if target.registry.leaves_trace:
        return answers
    claims = {at: digest for at, (digest, seen) in answers.items() if digest and seen == HEADER}
    for at, found in (await verify(target.registry, claims, target.limits)).items():
        if isinstance(found, Digest):
            answers[at] = found, HEADER
        elif found is not None:
            answers[at] = None, found
    return answers


def _settled(root: Root, answer: Answer, *, told: bool) -> Root:
    digest, sighting = answer
    if sighting.state is State.UNKNOWN:
        return root if told else replace(root, digest=None, sighting=sighting)
    if sighting.state is State.PRESENT and digest != root.digest:
        digest, sighting = None, unknown(Reason.UNCONFIRMED, "the tag moved during the audit")
    return replace(root, digest=digest, sighting=sighting)


def _deleted(root: Root, listing: Listing[Tag]) -> Root | None:
    """Return None for a tag that is missing and that no list shows: it was deleted.

    One that was lost before, and that a list with gaps may have left out, is not found by that.
    """
    return root if not listing.complete and root.sighting.state in GONE else None
