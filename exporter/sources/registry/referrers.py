"""Referrers API: the manifests that name a manifest as their subject."""

from contextlib import suppress
from typing import Final

from exporter.facts.gap import Gap, Reason, Scope
from exporter.oci import manifest
from exporter.oci.digest import Digest, Malformed
from exporter.oci.links import OCI_INDEX
from exporter.oci.manifest import Referrer
from exporter.oci.reference import Repository
from exporter.ports import Listing, Unseen
from exporter.sources.registry.messages import BodyEnd, Request, Response
from exporter.sources.registry.paging import next_query
from exporter.sources.registry.responses import check_whole, error_entries, refusal
from exporter.sources.registry.session import Session

MOST: Final = 1_000
"""Maximum referrers of one manifest; beyond it is a gap."""
_MOST_PAGES: Final = 100
_PAGE_BYTES: Final = 4 * 2**20
"""The size to which registries limit manifests (OCI distribution-spec 1.1)."""
_OK, _NOT_FOUND = 200, 404
_DENIALS: Final = frozenset({"MANIFEST_UNKNOWN", "NAME_UNKNOWN"})


async def referrers(
    session: Session, repository: Repository, subject: Digest
) -> Listing[Referrer] | None:
    """Return the referrers of a manifest; None if the registry has no referrers API.

    A registry that has it answers 200 for any digest, so 404 means that it has none: then clients
    use a fallback tag (OCI distribution-spec 1.1, "Unavailable Referrers API"). A registry that
    denies the manifest or the repository has it. Raises `Unseen` if the first page could not be
    read.
    """
    path = f"/v2/{repository}/referrers/{subject}"
    name = f"{repository}@{subject}"
    found: dict[Digest, Referrer] = {}
    query, asked, fault = "", {""}, ""
    while len(asked) <= _MOST_PAGES:
        try:
            page = await _page(session, repository, name, f"{path}?{query}" if query else path)
            if page is None:
                return _cut(found, name, "404 for a further page") if query else None
            entries, query, fault = page
        except Unseen as unseen:
            if not query:
                raise
            return _cut(found, name, unseen.detail or str(unseen.reason))
        for each in entries:
            found.setdefault(each.target.digest, each)
        if fault or len(found) > MOST:
            return _cut(found, name, fault or f"more than {MOST:,} referrers")
        if not query:
            return Listing(tuple(found.values()))
        if query in asked:
            break
        asked.add(query)
    return _cut(found, name, "its pages do not end")


def _cut(found: dict[Digest, Referrer], name: str, words: str) -> Listing[Referrer]:
    gap = Gap(Scope.CONTENT, name, Reason.INCOMPLETE_LIST, words)
    return Listing(tuple(found.values())[:MOST], (gap,))


async def _page(
    session: Session, repository: Repository, name: str, path: str
) -> tuple[tuple[Referrer, ...], str, str] | None:
    """Return a page's entries, the query of the next one, and the fault of the list.

    None for 404. Raises `Unseen`.
    """
    scope = f"repository:{repository}:pull"
    request = Request(
        "referrers", name, path, scope, repository, accept=OCI_INDEX, most=_PAGE_BYTES
    )
    response = await session.send(request)
    if response.status == _NOT_FOUND and response.media_type != "text/html":
        denied = [each.code for each in error_entries(response) if each.code in _DENIALS]
        if denied:  # of what was just read there
            raise Unseen(name, Reason.UNCONFIRMED, f"404 {denied[0]} of its referrers")
        return None
    if response.status != _OK:
        raise refusal(response, name)
    entries = _entries(response, name)
    if response.headers.get("oci-filters-applied"):
        return entries, "", "a filter was applied that was not asked for"
    with suppress(Malformed):
        asked = session.address + path
        return entries, next_query(response.headers.get("link", ""), asked), ""
    return entries, "", "a Link header that cannot be followed"


def _entries(response: Response, name: str) -> tuple[Referrer, ...]:
    check_whole(response, name)
    if response.media_type != OCI_INDEX:
        words = f"200 with {response.media_type[:80] or 'no type'}"
        raise Unseen(name, Reason.NOT_A_REGISTRY, words)
    if response.end is BodyEnd.SHORT:
        raise Unseen(name, Reason.TRUNCATED, "a list that was cut short")
    try:
        return manifest.referrers(response.body)
    except Malformed as error:
        raise Unseen(name, Reason.MALFORMED, str(error)) from error
