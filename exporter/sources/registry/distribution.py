"""Registries that speak the OCI distribution API."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import ClassVar, Self

from exporter.facts.snapshot import Collector
from exporter.oci.digest import Digest
from exporter.oci.manifest import Descriptor
from exporter.oci.reference import Repository, Tag
from exporter.ports import Absent, Listing, ManifestBody, Sink, Unseen, Wrong
from exporter.sources.registry import blobs, catalogue, manifests, tag_list
from exporter.sources.registry.address import Address
from exporter.sources.registry.client import Client
from exporter.sources.registry.credential_check import PullSecretCheck
from exporter.sources.registry.credentials import ANONYMOUS, LoginSource
from exporter.sources.registry.limits import RequestLimits
from exporter.sources.registry.proxies import Proxies
from exporter.sources.registry.session import Session
from exporter.sources.registry.transport import Transport
from exporter.sources.registry.trust import Trust
from exporter.tally import Tally


class Distribution:
    """One registry, asked over HTTP; implements `exporter.ports.OpenRegistry`."""

    way: ClassVar[type[Client]] = Client
    """What carries its requests: it can read, and nothing else."""

    def __init__(self, name: str, client: Client, session: Session) -> None:
        """Use `open`."""
        self.name = name
        self._client = client
        self._session = session
        self._collector = Collector.UNKNOWN

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
        address that is none, `Unseen` for certificates that cannot be used.
        """
        registry = Address.of_registry(base_url)
        proxies = Proxies.of(environ)
        transport = Transport(
            registry.origin, tls.contexts(), proxies, limits.concurrency, limits.connect
        )
        client = cls.way(registry, transport, limits, Tally())
        return cls(name, client, Session(name, client, logins, limits))

    def beside(self) -> Self:
        """Return it over a connection of its own: one request at a time, within its rate."""
        limits = replace(self._session.limits, concurrency=1)
        client = self._client.beside(limits)
        return type(self)(self.name, client, self._session.beside(client, limits))

    def credential_check(
        self, secrets: Callable[[], Mapping[str, tuple[bytes, ...]]]
    ) -> PullSecretCheck:
        """Return what tries sets of pull secrets, of which `secrets` are there at the moment."""
        return PullSecretCheck(self._session, secrets)

    @property
    def tally(self) -> Tally:
        """What was asked since it was opened."""
        return self._client.tally

    async def ping(self) -> None:
        """Does it answer at all (`GET /v2/`)? Raises `Unseen`; a response ends failing fast."""
        await self._session.ping()

    async def repositories(self) -> Listing[Repository]:
        """Return the repositories that it lists. Raises `Unseen`."""
        return await catalogue.repositories(self._session)

    async def tags(self, repository: Repository) -> Listing[Tag] | Absent:
        """Return the tags of a repository. Raises `Unseen`."""
        listing = await tag_list.tags(self._session, repository)
        if isinstance(listing, Absent) or not tag_list.unsorted(listing.entries):
            return listing
        with suppress(Unseen):
            if await self.collector(repository) is Collector.DISTRIBUTION_3:
                return tag_list.with_hidden(listing, repository)
        return listing

    async def collector(self, repository: Repository) -> Collector:
        """Return whose garbage collector is behind it, as far as one denial tells."""
        if self._collector is Collector.UNKNOWN:
            self._collector = await manifests.collector(self._session, repository)
        return self._collector

    async def head(self, repository: Repository, reference: Tag | Digest) -> Digest | Absent:
        """Return what a tag resolves to, or whether a manifest is still there. Raises `Unseen`."""
        return await manifests.head(self._session, repository, reference)

    async def verify_tag(
        self, repository: Repository, tag: Tag, claimed: Digest
    ) -> Digest | Absent | Wrong:
        """Return what a tag resolves to by its bytes, where HEAD claims this. Raises `Unseen`."""
        return await manifests.verify_tag(self._session, repository, tag, claimed)

    async def manifest(
        self, repository: Repository, digest: Digest
    ) -> ManifestBody | Absent | Wrong:
        """Return a manifest whose bytes were hashed. Raises `Unseen`."""
        return await manifests.manifest(self._session, repository, digest)

    async def stat(self, repository: Repository, blob: Descriptor) -> int | Absent | None:
        """Return how many bytes HEAD claims a blob to have. Raises `Unseen`."""
        return await blobs.claimed_size(self._session, repository, blob)

    async def read(
        self, repository: Repository, blob: Descriptor, *, whole: bool = False
    ) -> bytes | Absent | Wrong:
        """Read a blob's last byte, or all of it and hash it. Raises `Unseen`."""
        if whole:
            return await blobs.whole(self._session, repository, blob)
        return await blobs.last_byte(self._session, repository, blob)

    @property
    def shared(self) -> bool:
        """Repositories are asked one by one: not every registry keeps one copy for all."""
        return False

    async def prove(
        self, repository: Repository, target: Descriptor, sink: Sink, *, again: bool = False
    ) -> Absent | Wrong | None:
        """Read every byte and hash it: None where the digest names these bytes. Raises `Unseen`.

        `again` opens another connection, so it is for an instance that nobody else asks.
        """
        if again:
            await self._client.aclose()
        if not target.is_manifest:
            return await blobs.streamed(self._session, repository, target, sink, fresh=again)
        response = await manifests.manifest(self._session, repository, target.digest)
        if isinstance(response, Absent | Wrong):
            return response
        sink.begin()
        await sink.take(response.content)
        return None

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        """Return the registry, open."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection."""
        await self.aclose()
