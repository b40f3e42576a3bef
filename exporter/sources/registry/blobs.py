"""Verification of blobs by their bytes: registries answer HEAD from caches."""

import re
from contextlib import suppress
from dataclasses import replace
from typing import Final

from exporter.facts.gap import Reason
from exporter.oci.digest import Digest
from exporter.oci.links import Descriptor
from exporter.oci.reference import Repository
from exporter.ports import Absent, BlobRead, Sink, Unseen, Wrong
from exporter.sources.registry.kind_facts import ReadEffect
from exporter.sources.registry.messages import BodyEnd, NoAnswer, Request, Response, for_content
from exporter.sources.registry.responses import (
    announced,
    check_content,
    check_ended,
    check_transfer,
    check_whole,
    error_entries,
    refusal,
)
from exporter.sources.registry.session import Session
from exporter.sources.registry.streaming import Hashing

_CONTENT_RANGE: Final = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")
_LONGEST: Final = 2**37
"""Maximum bytes that are read of a blob without a stated size (schema 1)."""
_OK, _PARTIAL, _NOT_SATISFIABLE = 200, 206, 416


async def last_byte(
    session: Session, repository: Repository, blob: Descriptor
) -> BlobRead | Absent | Wrong:
    """Read the last byte of the stated size: it proves existence and length.

    A server that ignores ranges sends the whole blob, which is hashed. A response that suggests a
    loss proves none, since its headers may be wrong: the blob is then read in full, and its bytes
    decide. Raises `Unseen`.
    """
    hashing = Hashing(blob.digest.algorithm)
    whole = _request(repository, blob, hashing)
    if blob.size == 0:
        return await _counted(session, whole, blob, hashing)
    last = "-1" if blob.size is None else f"{blob.size - 1}-{blob.size - 1}"
    request = replace(whole, span=f"bytes={last}")
    response = await _sent(session, request, blob)
    if isinstance(response, Wrong):
        return response
    if response.status == _PARTIAL:
        session.ranges = True
        if _is_last_byte(response, request, blob):
            return BlobRead(hashing.last)
    elif response.status == _OK:
        if response.received > 1:
            session.ranges = False
        response.body = bytes(hashing.beginning) + response.body
        wrong = await _wrong(response, request.subject, blob, hashing.digest)
        if wrong is None:
            session.witnesses.add(repository, blob)
        if wrong is None or (blob.size is not None and response.received >= blob.size):
            return wrong or BlobRead(hashing.last, hashed=True)
    elif response.status != _NOT_SATISFIABLE and (
        absent := await _settled_absence(session, response, request.subject)
    ):
        return absent
    return await _counted(session, whole, blob, hashing)


async def _settled_absence(session: Session, response: Response, subject: str) -> Absent | None:
    """Return what a denial of a part proves by itself; None if the whole blob has to be denied too.

    zot may have restored the blob by that very request: there the next look tells.
    """
    absent = await session.absence(response, subject)
    return absent if ReadEffect.RELINK in (session.facts.blob.value or ()) else None


async def whole(
    session: Session, repository: Repository, blob: Descriptor
) -> BlobRead | Absent | Wrong:
    """Read and hash every byte, up to the maximum size of a manifest. Raises `Unseen`."""
    most = session.limits.manifest_bytes
    request = replace(_request(repository, blob), most=blob.size or most)
    if request.most > most:
        raise Unseen(request.subject, Reason.TOO_LARGE, f"{blob.size} bytes, more than {most}")
    response = await _sent(session, request, blob)
    if isinstance(response, Wrong):
        return response
    if response.status != _OK:
        return await session.absence(response, request.subject)
    found = Digest.of(response.body, blob.digest.algorithm)
    wrong = await _wrong(response, request.subject, blob, found)
    if wrong is None:
        session.witnesses.add(repository, blob)
    return wrong or BlobRead(response.body, hashed=True)


async def streamed(
    session: Session, repository: Repository, blob: Descriptor, sink: Sink, *, fresh: bool
) -> Absent | Wrong | None:
    """Read and hash every byte; return None if they match. Raises `Unseen`."""
    hashing = Hashing(blob.digest.algorithm, sink)
    request = replace(_request(repository, blob, hashing), fresh=fresh)
    read = await _counted(session, request, blob, hashing)
    return None if isinstance(read, BlobRead) else read


async def claimed_size(
    session: Session, repository: Repository, blob: Descriptor
) -> int | Absent | None:
    """Return the length that HEAD states, or None. Raises `Unseen`."""
    request = replace(_request(repository, blob), method="HEAD")
    response = await session.send(request)
    if response.status == _OK:
        check_content(response, request.subject)
        announced(response, blob.digest, request.subject)
        length = response.headers.get("content-length", "")
        return int(length) if length.isdigit() else None
    seen = await last_byte(session, repository, blob)  # a HEAD has no error body to trust
    return seen if isinstance(seen, Absent) else None


async def _counted(
    session: Session, request: Request, blob: Descriptor, hashing: Hashing
) -> BlobRead | Absent | Wrong:
    """Read the whole blob and count its bytes; return the last one if they match."""
    response = await _sent(session, request, blob)
    if isinstance(response, Wrong):
        return response
    if response.status != _OK:
        return await session.absence(response, request.subject)
    response.body = bytes(hashing.beginning) + response.body
    wrong = await _wrong(response, request.subject, blob, hashing.digest)
    if wrong is None:
        session.witnesses.add(Repository(request.repository), blob)
    return wrong or BlobRead(hashing.last, hashed=True)


async def _sent(session: Session, request: Request, blob: Descriptor) -> Response | Wrong:
    """Send a request for a blob. Raises `Unseen`.

    Quay with local storage does not answer GET of a blob whose file is lost; behind nginx that is
    502 (Quay of 2026-08-21, run). No answer proves nothing, except for one blob alone: for such a
    kind HEAD has to state the size, and another blob has to come whole between two failures.
    """
    try:
        return await session.send(request)
    except NoAnswer as first:
        witness = session.witnesses.other_than(blob.digest)
        if not session.facts.unanswered.value or witness is None:
            raise
        head = await session.send(replace(request, method="HEAD", span="", sink=None))
        stated = head.headers.get("content-length", "")
        if head.status != _OK or not stated.isdigit() or blob.size not in (None, int(stated)):
            raise
        if not await _comes_whole(session, *witness):
            raise first from None
        try:
            return await session.send(request)
        except NoAnswer:
            return Wrong(f"0 of {stated} bytes: HEAD states them, and GET has no answer")


async def _comes_whole(session: Session, repository: Repository, blob: Descriptor) -> bool:
    """Does a small blob come whole from the registry itself, past all caches, now?"""
    with suppress(Unseen):
        response = await session.send(replace(_request(repository, blob), fresh=True))
        found = Digest.of(response.body, blob.digest.algorithm)
        return response.status == _OK and found == blob.digest
    return False


async def _wrong(response: Response, subject: str, blob: Descriptor, found: Digest) -> Wrong | None:
    """Return what the bytes of a 200 prove against a blob; None if they match.

    `found` is their digest. Raises `Unseen` if they prove nothing.
    """
    check_content(response, subject)
    if found == blob.digest and blob.size in (None, response.received):
        return None
    announced(response, blob.digest, subject)  # where it says itself that it is something else
    _check_no_message(response, subject)
    if blob.size is None:
        check_whole(response, subject)
    elif response.end is BodyEnd.OVER:
        return Wrong(f"more than {blob.size} bytes")
    elif response.received == blob.size:
        empty = "no content of 0 bytes has this digest"
        return _other(found) if blob.size else Wrong(empty)
    return await _short(response, subject, blob, found)


def _check_no_message(response: Response, subject: str) -> None:
    """Raise `Unseen` for an error page or error document with a 2xx: it proves no loss."""
    if error_entries(response):
        raise refusal(response, subject)
    if response.media_type.startswith("text/"):
        words = f"{response.status} with {response.media_type[:80]}"
        raise Unseen(subject, Reason.NOT_A_REGISTRY, words)


async def _short(response: Response, subject: str, blob: Descriptor, found: Digest) -> Wrong:
    """Return what a truncated body proves: nothing, if no length was stated."""
    if response.end is BodyEnd.UNFRAMED:
        raise Unseen(subject, Reason.TRUNCATED, "ended without a stated length")
    if response.end is BodyEnd.WHOLE:
        await check_ended(response, subject)
    if blob.size is None and response.received:  # then all that is there counts
        return _other(found)
    return Wrong(f"{response.received} of {blob.size or 'some'} bytes")


def _other(found: Digest) -> Wrong:
    return Wrong(f"hashes to {found}", mismatch=True)


def _is_last_byte(response: Response, request: Request, blob: Descriptor) -> bool:
    """Is a 206 the last byte of a blob of the stated size?

    False if only the whole blob can decide. Raises `Unseen` for another range.
    """
    if response.media_type == "text/html":
        check_content(response, request.subject)
    check_transfer(response, request.subject)
    announced(response, blob.digest, request.subject)
    if response.end is BodyEnd.OVER or response.overrun():
        raise Unseen(request.subject, Reason.NOT_A_REGISTRY, "206 with more than was asked for")
    part = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", ""))
    if part is None:
        raise Unseen(request.subject, Reason.NOT_A_REGISTRY, "206 without a Content-Range")
    first, last, total = part.groups()
    if total != "*" and blob.size not in (None, int(total)):
        check_content(response, request.subject)  # compressed, it has a length of its own
        return False
    end = int(last) + 1 if total == "*" else int(total)
    if first != last or int(last) + 1 != (blob.size or end) or response.received > 1:
        raise Unseen(request.subject, Reason.NOT_A_REGISTRY, "206 with another range")
    if not response.received and response.headers.get("content-length") == "0":
        raise Unseen(request.subject, Reason.NOT_A_REGISTRY, "206 without content")
    return response.received == 1


def _request(repository: Repository, blob: Descriptor, sink: Sink | None = None) -> Request:
    most = _LONGEST if blob.size is None else blob.size
    return replace(for_content(repository, "blob", blob.digest, "*/*", most), sink=sink)
