"""Registries that speak the OCI distribution API."""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import ClassVar, Final, Self

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.registry_kind import UNKNOWN_KIND, Collector, Pulls, RegistryKind
from exporter.oci.digest import Digest
from exporter.oci.links import Descriptor
from exporter.oci.manifest import Referrer
from exporter.oci.reference import Repository, Tag
from exporter.ports import (
    Absent,
    BlobRead,
    Listing,
    ManifestBody,
    RepositoryList,
    Sink,
    Unseen,
    Wrong,
)
from exporter.sources.registry import blobs, catalogue, manifests, owners, referrers, tag_list
from exporter.sources.registry.address import Address
from exporter.sources.registry.client import Client
from exporter.sources.registry.credential_check import PullSecretCheck
from exporter.sources.registry.credentials import ANONYMOUS, LoginSource
from exporter.sources.registry.kind_facts import UNKNOWN_FACTS, KindFacts, Visibility
from exporter.sources.registry.kinds import GITEA
from exporter.sources.registry.limits import RequestLimits
from exporter.sources.registry.messages import Response
from exporter.sources.registry.proxies import Proxies
from exporter.sources.registry.recognition import recognise
from exporter.sources.registry.session import Session
from exporter.sources.registry.transport import Transport
from exporter.sources.registry.trust import Contexts, Trust
from exporter.tally import Tally

_REFUSALS: Final = frozenset({Reason.UNAUTHORIZED, Reason.DENIED, Reason.UNSUPPORTED})
"""Of a catalogue, which another account or interface may lift."""


class Distribution(Session):
    """One registry, asked over HTTP; implements `exporter.ports.OpenRegistry`."""

    way: ClassVar[type[Client]] = Client
    """Sends its requests, which only read."""
    shared: ClassVar = False
    """Repositories are asked one by one: not every registry keeps one copy for all."""

    head = manifests.head
    verify_tag = manifests.verify_tag
    manifest = manifests.manifest
    stat = blobs.claimed_size

    lister: RepositoryList | None = None
    """Lists its repositories instead of its catalogue."""
    _recognised = UNKNOWN_KIND, UNKNOWN_FACTS

    @classmethod
    def open(  # noqa: PLR0913 - what one registry's configuration holds
        cls,
        name: str,
        base_url: str,
        *,
        logins: LoginSource = ANONYMOUS,
        tls: Trust = Trust(),  # noqa: B008 - a frozen value
        limits: RequestLimits = RequestLimits(),  # noqa: B008 - a frozen value
        environ: Mapping[str, str] = os.environ,
    ) -> Self:
        """Make ready to ask a registry; nothing is connected before the first request.

        `base_url` is `https://host[:port][/prefix]`, or `http://` where plain http was asked for;
        `environ` names the proxies (HTTPS_PROXY, HTTP_PROXY, NO_PROXY). Raises `Malformed` for an
        address that is none. Certificates that cannot be used are seen at the first request.
        """
        registry = Address.of_registry(base_url)
        proxies = Proxies.of(environ)
        transport = Transport(registry.origin, Contexts(tls), proxies, limits.concurrency)
        return cls(name, cls.way(registry, transport, limits, Tally()), logins, limits)

    def credential_check(
        self, secrets: Callable[[], Mapping[str, tuple[bytes, ...]]]
    ) -> PullSecretCheck:
        """Return what tries sets of pull secrets; `secrets` returns the present ones."""
        return PullSecretCheck(self, secrets)

    async def repositories(self) -> Listing[Repository]:
        """Return the repositories that its catalogue lists, or its lister. Raises `Unseen`."""
        if self.lister is not None:
            return await self.lister.repositories()
        facts = self.facts
        if facts.catalogue.value is Visibility.NONE:
            words = f"{facts.title} has no catalogue: name images, or configure the registry with"
            words = f"{words} repositories: {{from: {facts.lister}, namespaces: [OWNER]}}"
            raise Unseen("_catalog", Reason.UNSUPPORTED, words)
        try:
            return await self._with_public(await catalogue.repositories(self))
        except Unseen as unseen:
            lister = self.facts.lister
            if unseen.reason not in _REFUSALS or not lister:
                raise
            detail = f"{unseen.detail}; its API may list them: repositories: {{from: {lister}}}"
            raise Unseen(unseen.subject, unseen.reason, detail) from unseen

    async def _with_public(self, listing: Listing[Repository]) -> Listing[Repository]:
        """Return the catalogue with a gap for what only clients without a login are shown.

        zot 2.1.20 grants nobody who logs in what its `anonymousPolicy` grants (run).
        """
        if not self.differs_by_login:
            return listing
        try:
            public = await catalogue.repositories(self.of_other(ANONYMOUS))
        except Unseen:
            return listing
        seen = set(listing.entries)
        if not (hidden := [each for each in public.entries if each not in seen]):
            return listing
        more = f" and {len(hidden) - 1} more" if len(hidden) > 1 else ""
        words = f"shown without a login, and not to this account: {hidden[0]}{more}"
        gap = Gap(Scope.REGISTRY, "_catalog", Reason.INCOMPLETE_LIST, words)
        return replace(listing, gaps=(*listing.gaps, gap))

    async def aclose(self) -> None:
        """Close every connection; a request afterwards opens another."""
        if self.lister is not None:
            await self.lister.aclose()
        await super().aclose()

    async def referrers(self, repository: Repository, subject: Digest) -> Listing[Referrer] | None:
        """Return the referrers of a manifest; None where it has no such API. Raises `Unseen`."""
        served = self.facts.referrers.value
        if served is False:
            return None
        found = await referrers.referrers(self, repository, subject)
        if found is None and served:
            words = "404 of the referrers API, which this kind of registry has"
            raise Unseen(f"{repository}@{subject}", Reason.UNCONFIRMED, words)
        return found

    async def tags(self, repository: Repository) -> Listing[Tag] | Absent:
        """Return the tags of a repository. Raises `Unseen`."""
        listing = await tag_list.tags(self, repository)
        if isinstance(listing, Absent) or not tag_list.unsorted(listing.entries):
            return listing
        with suppress(Unseen):
            if (await self.kind(repository)).collector is Collector.DISTRIBUTION_3:
                return tag_list.with_hidden(listing, repository)
        return listing

    async def absence(self, response: Response, subject: str) -> Absent:
        """Return the absence that a response proves; raise `Unseen` where none."""
        if self.facts.name == GITEA and owners.names_no_owner(response):
            return await owners.missing_owner(self, subject)
        return await super().absence(response, subject)

    async def kind(self, repository: Repository | None) -> RegistryKind:
        """Return which software it runs; one denial in a repository may tell. Raises `Unseen`."""
        if not self._recognised[0].known:
            self._recognised = await recognise(self, repository)
        return self._recognised[0]

    async def ping(self) -> None:
        """Does it answer at all, and may it be read? Raises `Unseen`."""
        await super().ping()
        if not self.limits.proxied(""):  # of a pull-through cache nothing is read
            self.check_consent(self.name)

    async def stands(self, repository: Repository, digest: Digest) -> bool:
        """Can a manifest be read at this moment? Raises `Unseen`.

        Where that would leave a trace, HEAD tells, and a page of tags shows that bodies come whole.
        """
        if not self.leaves_trace:
            found = await manifests.manifest(self, repository, digest)
            return isinstance(found, ManifestBody)
        there = await manifests.head(self, repository, digest)
        return isinstance(there, Digest) and await tag_list.answers(self, repository)

    @property
    def leaves_trace(self) -> bool | None:
        """Does reading a manifest change the registry's own records? None is unknown."""
        facts = self.facts
        changed = facts.head.value if facts.silent.value else facts.manifest.value
        if self.limits.pulls is Pulls.UNCOUNTED:
            return None if changed is None else False
        if self.pull_budget.stated:
            return True
        return None if changed is None else bool(changed)

    @property
    def facts(self) -> KindFacts:
        """The facts about its kind, as far as it was recognised."""
        return self._recognised[1] if self._recognised[0].known else super().facts

    async def read(
        self, repository: Repository, blob: Descriptor, *, whole: bool = False
    ) -> BlobRead | Absent | Wrong:
        """Read a blob's last byte, or all of it and hash it. Raises `Unseen`."""
        return await (blobs.whole if whole else blobs.last_byte)(self, repository, blob)

    async def prove(
        self, repository: Repository, target: Descriptor, sink: Sink, *, again: bool = False
    ) -> Absent | Wrong | None:
        """Read every byte and hash it: None where the digest names these bytes. Raises `Unseen`.

        `again` opens another connection, so it is for an instance that nobody else asks.
        """
        if again:
            await self.aclose()
        if not target.is_manifest:
            return await blobs.streamed(self, repository, target, sink, fresh=again)
        found = await manifests.manifest(self, repository, target.digest)
        if isinstance(found, Absent | Wrong):
            return found
        sink.begin()
        await sink.take(found.content)
        return None
