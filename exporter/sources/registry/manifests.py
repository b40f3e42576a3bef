"""Manifests and tags, verified by the bytes that they resolve to."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final, TypeVar

from exporter.facts.gap import Reason
from exporter.oci import strict
from exporter.oci.digest import Digest, Malformed
from exporter.oci.links import ACCEPT, MANIFESTS, SCHEMA1, SCHEMA1_SIGNED
from exporter.oci.manifest import schema1_payload
from exporter.oci.reference import Repository, Tag
from exporter.ports import Absent, ManifestBody, Unseen, Wrong
from exporter.sources.registry.messages import BodyEnd, CutShort, Request, Response, for_content
from exporter.sources.registry.responses import (
    Unparsable,
    announced,
    check_ended,
    check_whole,
)
from exporter.sources.registry.session import Session

_ACCEPT: Final = ", ".join(ACCEPT)
_OLD: Final = frozenset({SCHEMA1, SCHEMA1_SIGNED})
_LARGEST_OLD: Final = 2**20
"""Maximum bytes of a schema 1 manifest; real ones have some kilobytes a layer."""
_OK: Final = 200
_FAILED: Final = frozenset({Reason.SERVER_ERROR, Reason.TRUNCATED})
"""Answers of a registry whose file of a manifest is truncated or unreadable."""

_Read = TypeVar("_Read")


async def head(
    session: Session, repository: Repository, reference: Tag | Digest
) -> Digest | Absent | Wrong:
    """Return the digest of HEAD; if it states none, or fails for a tag, that of GET's body.

    GET also decides every denial: a HEAD has no error body. `Wrong` for a tag if the registry
    states that it cannot parse its file. Raises `Unseen`.
    """
    request = _request(session, repository, reference)
    digest = None
    try:
        response = await session.send(replace(request, method="HEAD"))
    except Unseen as failure:
        if failure.reason is not Reason.SERVER_ERROR or isinstance(reference, Digest):
            raise
        told = await _told(session, request, failure)
        if isinstance(told, Wrong):
            return told
        response = told
    else:
        if response.status == _OK and response.media_type in MANIFESTS:
            with suppress(Unseen):  # of another digest than the one asked for GET's bytes decide
                digest = announced(response, reference, request.subject)
        if digest is None:
            response = await session.send(request)
    if response.status != _OK:
        return await session.absence(response, request.subject)
    digest = digest or await _digest(response, reference, request.subject)
    if response.media_type not in _OLD or isinstance(reference, Digest):
        return digest
    # If a proxy drops our Accept header, 2.x converts the tag's manifest to schema 1. The digest in
    # that answer names nothing that exists.
    if isinstance(await head(session, repository, digest), Absent):
        raise Unseen(request.subject, Reason.NOT_A_REGISTRY, "our Accept header did not arrive")
    return digest


async def _told(session: Session, request: Request, failure: Unseen) -> Wrong | Response:
    """Return what GET serves where HEAD fails, or how its body explains the failure.

    A denial proves nothing beside a failure: zot gives both for a damaged `index.json`.
    """
    try:
        response = await session.send(request)
    except Unparsable as told:
        return Wrong(told.detail)
    except Unseen:
        raise failure from None
    if response.status != _OK:
        raise failure
    return response


async def verify_tag(
    session: Session, repository: Repository, tag: Tag, claimed: Digest
) -> Digest | Absent | Wrong:
    """Return the digest of the bytes that a tag serves, whatever its headers state.

    They may hash to another digest than `claimed`. If that one is served, the tag references it. If
    it is not, and GET states the same digest as HEAD, the stored bytes do not match their digest:
    `Wrong`. Raises `Unseen`.
    """
    request = _request(session, repository, tag)
    if await session.silent():
        return await _silent_tag(session, repository, tag, claimed)
    try:
        response = await session.send(request)
    except Unseen as failure:
        if failure.reason not in _FAILED:
            raise
        stored = await manifest(session, repository, claimed)
        if not isinstance(stored, Wrong):
            raise
        return stored
    if response.status != _OK:
        return await session.absence(response, request.subject)
    _check(response, request.subject)
    if await _is_named(claimed, response, request.subject):
        return claimed
    await check_ended(response, request.subject)
    found = await _of_whole(response, request.subject)
    if isinstance(await manifest(session, repository, found), ManifestBody):
        return found
    if announced(response, tag, request.subject) != claimed:
        words = f"announced as {claimed}, hashes to {found}"
        raise Unseen(request.subject, Reason.WRONG_DIGEST, words)
    return Wrong(f"hashes to {found}", mismatch=True)


async def _digest(response: Response, reference: Tag | Digest, subject: str) -> Digest:
    """Return the digest of a received manifest, which is the requested one. Raises `Unseen`."""
    _check(response, subject)
    if not isinstance(reference, Digest):
        return announced(response, reference, subject) or await _of_whole(response, subject)
    if not await _is_named(reference, response, subject):
        words = f"hashes to {Digest.of(await _covered(response, subject), reference.algorithm)}"
        raise Unseen(subject, Reason.WRONG_DIGEST, words)
    return reference


async def _of_whole(response: Response, subject: str) -> Digest:
    """Return the digest of a complete body."""
    if response.end is BodyEnd.UNFRAMED:
        try:
            await _read(strict.document, response.body)
        except Malformed as error:
            raise Unseen(subject, Reason.TRUNCATED, "ended without a stated length") from error
    return Digest.of(await _covered(response, subject))


async def manifest(
    session: Session, repository: Repository, digest: Digest
) -> ManifestBody | Absent | Wrong:
    """Return a manifest whose bytes were hashed; `Wrong` for other bytes. Raises `Unseen`.

    A manifest that is truncated or answered with 5xx cannot be pulled: the stored bytes decide
    whether that is a loss.
    """
    if await session.silent():
        return await _silently(session, repository, digest)
    request = _request(session, repository, digest)
    try:
        response = await session.send(request)
    except Unseen as failure:
        return await _stored(session, repository, digest, failure)
    if response.status != _OK:
        return await session.absence(response, request.subject)
    _check(response, request.subject)
    if await _is_named(digest, response, request.subject):
        return ManifestBody(digest, response.body)
    announced(response, digest, request.subject)  # where it says itself that it is something else
    if response.end is BodyEnd.UNFRAMED:
        raise Unseen(request.subject, Reason.TRUNCATED, "ended without a stated length")
    await check_ended(response, request.subject)
    return Wrong(f"hashes to {Digest.of(response.body, digest.algorithm)}", mismatch=True)


async def _silently(
    session: Session, repository: Repository, digest: Digest
) -> ManifestBody | Absent | Wrong:
    """Return a manifest without a request that counts as a pull. Raises `Unseen`.

    HEAD decides whether the repository has it; the blobs also hold files of deleted manifests.
    """
    try:
        there = await head(session, repository, digest)
    except Unseen as failure:
        return await _stored(session, repository, digest, failure)
    if not isinstance(there, Digest):
        return there
    subject = f"{repository}@{digest}"
    unserved = Unseen(subject, Reason.UNCONFIRMED, "HEAD finds it, its file is not served")
    stored = await _file(session, repository, digest, unserved)
    if stored is None or stored.end is BodyEnd.SHORT:
        raise unserved
    if digest.names(stored.body):
        return ManifestBody(digest, stored.body)
    return Wrong(f"hashes to {Digest.of(stored.body, digest.algorithm)}", mismatch=True)


async def _silent_tag(
    session: Session, repository: Repository, tag: Tag, claimed: Digest
) -> Digest | Absent | Wrong:
    """Return the result of `verify_tag`, without a request that counts as a pull."""
    found = await head(session, repository, tag)
    if found != claimed:
        return found
    stored = await _silently(session, repository, claimed)
    if isinstance(stored, Absent):
        words = f"announced as {claimed}, which is not there"
        raise Unseen(f"{repository}:{tag}", Reason.UNCONFIRMED, words)
    return stored if isinstance(stored, Wrong) else claimed


async def _stored(
    session: Session, repository: Repository, digest: Digest, failure: Unseen
) -> Wrong:
    """Return what the stored bytes prove of a manifest that its own endpoint fails to serve.

    zot 2.1 answers 500 for one that it cannot parse, Gitea 1.26 sends the rest of it; both serve
    the file among the blobs, as it is (run). Right bytes there prove nothing: pulls fail all the
    same, perhaps not for long. Raises `failure` if nothing is proven.
    """
    if isinstance(failure, Unparsable):
        return Wrong(failure.detail)
    cut = failure.body if isinstance(failure, CutShort) else None
    if failure.reason not in _FAILED or (cut is not None and await _is_document(cut)):
        raise failure
    stored = await _file(session, repository, digest, failure)
    if stored is not None and digest.names(stored.body):
        raise failure
    if cut is not None:
        return Wrong(failure.detail)
    if stored is None:
        raise failure
    return Wrong(f"hashes to {Digest.of(stored.body, digest.algorithm)}", mismatch=True)


async def _is_document(body: bytes) -> bool:
    """Is a body complete, whatever length its header stated?"""
    with suppress(Malformed):
        await _read(strict.document, body)
        return True
    return False


async def _file(
    session: Session, repository: Repository, digest: Digest, failure: Unseen
) -> Response | None:
    """Return the file of a manifest, as it is served among the blobs, or None.

    Other bytes count only if the registry itself names them by the digest: they may be an error
    page of a proxy.
    """
    most = session.limits.manifest_bytes
    request = for_content(repository, "blob", digest, "*/*", most)
    try:
        response = await session.send(request)
        check_whole(response, request.subject)
        await check_ended(response, request.subject)
        named = announced(response, digest, request.subject) == digest
    except Unseen:
        return None
    if response.end is BodyEnd.SHORT and not named:
        raise failure  # whatever comes this way is cut: that is no file's fault
    framed = response.status == _OK and response.end in (BodyEnd.WHOLE, BodyEnd.SHORT)
    return response if framed and (named or digest.names(response.body)) else None


def _request(session: Session, repository: Repository, reference: str) -> Request:
    most = session.limits.manifest_bytes
    return for_content(repository, "manifest", reference, _ACCEPT, most)


def _check(response: Response, subject: str) -> None:
    check_whole(response, subject)
    if response.media_type not in MANIFESTS:
        words = f"a manifest of type {response.media_type[:80] or 'nothing'}"
        raise Unseen(subject, Reason.NOT_A_REGISTRY, words)


async def _is_named(digest: Digest, response: Response, subject: str) -> bool:
    """Does a digest match a manifest, with the signatures of schema 1 or without?"""
    return digest.names(response.body) or digest.names(await _covered(response, subject))


async def _covered(response: Response, subject: str) -> bytes:
    """Return the bytes that a manifest's digest covers: schema 1 leaves its signatures out.

    Not every registry states signatures in the media type. Raises `Unseen` for a body larger than
    any schema 1 manifest: it is unknown what its digest covers.
    """
    if response.media_type not in _OLD:
        return response.body
    if len(response.body) > _LARGEST_OLD:
        words = f"a manifest of schema 1 of more than {_LARGEST_OLD:,} bytes"
        raise Unseen(subject, Reason.TOO_LARGE, words)
    try:
        return await _read(schema1_payload, response.body)
    except Malformed:
        return response.body


async def _read(reader: Callable[[bytes], _Read], body: bytes) -> _Read:
    """Parse a body, in a thread if it is large."""
    return await asyncio.to_thread(reader, body) if len(body) >= strict.LARGE else reader(body)
