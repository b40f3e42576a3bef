"""Can a blob's bytes be read, up to the very last one? Registries answer HEAD from their caches."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from exporter.facts.gap import Reason
from exporter.oci.digest import Digest
from exporter.oci.manifest import Descriptor
from exporter.oci.reference import Repository
from exporter.ports import Absent, Sink, Unseen, Wrong
from exporter.sources.registry.answers import (
    announced,
    check_content,
    check_ended,
    check_transfer,
    check_whole,
    faults,
    refusal,
)
from exporter.sources.registry.line import Line
from exporter.sources.registry.question import Answer, End, Question
from exporter.sources.registry.streaming import Hashing

_CONTENT_RANGE: Final = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")
_LONGEST: Final = 2**37
"""Bytes: as much is read of a blob whose size nobody states (schema 1)."""
_OK, _PARTIAL, _NOT_SATISFIABLE = 200, 206, 416


async def last_byte(line: Line, repository: Repository, blob: Descriptor) -> bytes | Absent | Wrong:
    """Read the last byte of the stated size: it is there, and nothing before it is cut off.

    An answer that suggests a loss proves none, since its headers may be wrong: the blob is then
    asked for as a whole, and its bytes decide. Raises `Unseen`.
    """
    hashing = Hashing(blob.digest.algorithm)
    whole = _question(repository, blob, hashing)
    if blob.size == 0:
        return await _counted(line, whole, blob, hashing)
    last = "-1" if blob.size is None else f"{blob.size - 1}-{blob.size - 1}"
    question = replace(whole, span=f"bytes={last}")
    answer = await line.ask(question)
    if answer.status == _PARTIAL:
        if _is_last_byte(answer, question, blob):
            return hashing.last
    elif answer.status == _OK:  # a server may ignore ranges
        answer.body = bytes(hashing.beginning) + answer.body
        wrong = await _wrong(answer, question.subject, blob, hashing.digest)
        if wrong is None or (blob.size is not None and answer.received >= blob.size):
            return wrong or hashing.last
    elif answer.status != _NOT_SATISFIABLE:
        return await line.absence(answer, question.subject)
    return await _counted(line, whole, blob, hashing)


async def whole(line: Line, repository: Repository, blob: Descriptor) -> bytes | Absent | Wrong:
    """Read every byte, as many as a manifest may have, and hash them. Raises `Unseen`."""
    most = line.limits.manifest_bytes
    question = replace(_question(repository, blob), most=blob.size or most)
    if question.most > most:
        raise Unseen(question.subject, Reason.TOO_LARGE, f"{blob.size} bytes, more than {most}")
    answer = await line.ask(question)
    if answer.status != _OK:
        return await line.absence(answer, question.subject)
    found = Digest.of(answer.body, blob.digest.algorithm)
    return await _wrong(answer, question.subject, blob, found) or answer.body


async def streamed(
    line: Line, repository: Repository, blob: Descriptor, sink: Sink, *, fresh: bool
) -> Absent | Wrong | None:
    """Read every byte, however many, and hash them; None where they are right. Raises `Unseen`."""
    hashing = Hashing(blob.digest.algorithm, sink)
    question = replace(_question(repository, blob, hashing), fresh=fresh)
    read = await _counted(line, question, blob, hashing)
    return None if isinstance(read, bytes) else read


async def claimed_size(line: Line, repository: Repository, blob: Descriptor) -> int | Absent | None:
    """Return the length that HEAD claims, None where it claims none. Raises `Unseen`."""
    question = replace(_question(repository, blob), method="HEAD")
    answer = await line.ask(question)
    if answer.status == _OK:
        check_content(answer, question.subject)
        announced(answer, blob.digest, question.subject)
        length = answer.headers.get("content-length", "")
        return int(length) if length.isdigit() else None
    seen = await last_byte(line, repository, blob)  # a HEAD has no error body to trust
    return seen if isinstance(seen, Absent) else None


async def _counted(
    line: Line, question: Question, blob: Descriptor, hashing: Hashing
) -> bytes | Absent | Wrong:
    """Ask for the whole blob and count its bytes; return the last one where they are right."""
    answer = await line.ask(question)
    if answer.status != _OK:
        return await line.absence(answer, question.subject)
    answer.body = bytes(hashing.beginning) + answer.body
    return await _wrong(answer, question.subject, blob, hashing.digest) or hashing.last


async def _wrong(answer: Answer, subject: str, blob: Descriptor, found: Digest) -> Wrong | None:
    """Return what the bytes of a 200 prove against a blob; None where they are the right ones.

    `found` is the digest of what came. Raises `Unseen` where they prove nothing.
    """
    check_content(answer, subject)
    if found == blob.digest and blob.size in (None, answer.received):
        return None
    announced(answer, blob.digest, subject)  # where it says itself that it is something else
    _check_no_message(answer, subject)
    if blob.size is None:
        check_whole(answer, subject)
    elif answer.end is End.OVER:
        return Wrong(f"more than {blob.size} bytes")
    elif answer.received == blob.size:
        empty = "no content of 0 bytes has this digest"
        return _other(found) if blob.size else Wrong(empty)
    return await _short(answer, subject, blob, found)


def _check_no_message(answer: Answer, subject: str) -> None:
    """Raise `Unseen` for bytes that are meant for a person or a client: they prove no loss.

    A denial under the wrong status is no content, and no proof either; nor is a page in plain text.
    """
    if faults(answer):
        raise refusal(answer, subject)
    if answer.media_type.startswith("text/"):
        words = f"{answer.status} with {answer.media_type[:80]}"
        raise Unseen(subject, Reason.NOT_A_REGISTRY, words)


async def _short(answer: Answer, subject: str, blob: Descriptor, found: Digest) -> Wrong:
    """Return what a body proves that ended early; where no length was stated, that is nothing."""
    if answer.end is End.UNFRAMED:
        raise Unseen(subject, Reason.TRUNCATED, "ended without a stated length")
    if answer.end is End.WHOLE:
        await check_ended(answer, subject)
    if blob.size is None and answer.received:  # then all that is there counts
        return _other(found)
    return Wrong(f"{answer.received} of {blob.size or 'some'} bytes")


def _other(found: Digest) -> Wrong:
    return Wrong(f"hashes to {found}", mismatch=True)


def _is_last_byte(answer: Answer, question: Question, blob: Descriptor) -> bool:
    """Is a 206 the last byte of a blob of the stated size, and did that byte come?

    False where only the whole blob can tell. Raises `Unseen` for an answer to another question.
    """
    if answer.media_type == "text/html":
        check_content(answer, question.subject)
    check_transfer(answer, question.subject)
    announced(answer, blob.digest, question.subject)
    if answer.end is End.OVER or answer.overrun():
        raise Unseen(question.subject, Reason.NOT_A_REGISTRY, "206 with more than was asked for")
    part = _CONTENT_RANGE.fullmatch(answer.headers.get("content-range", ""))
    if part is None:
        raise Unseen(question.subject, Reason.NOT_A_REGISTRY, "206 without a Content-Range")
    first, last, total = part.groups()
    if total != "*" and blob.size not in (None, int(total)):
        check_content(answer, question.subject)  # compressed, it has a length of its own
        return False
    end = int(last) + 1 if total == "*" else int(total)
    if first != last or int(last) + 1 != (blob.size or end) or answer.received > 1:
        raise Unseen(question.subject, Reason.NOT_A_REGISTRY, "206 with another range")
    if not answer.received and answer.headers.get("content-length") == "0":
        raise Unseen(question.subject, Reason.NOT_A_REGISTRY, "206 without content")
    return answer.received == 1


def _question(repository: Repository, blob: Descriptor, sink: Sink | None = None) -> Question:
    return Question(
        endpoint="blob",
        subject=f"{repository}@{blob.digest}",
        path=f"/v2/{repository}/blobs/{blob.digest}",
        scope=f"repository:{repository}:pull",
        repository=repository,
        accept="*/*",
        most=_LONGEST if blob.size is None else blob.size,
        sink=sink,
    )
