"""Can a blob's bytes be read, up to the very last one? Registries answer HEAD from their caches."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from exporter.facts.gap import Reason
from exporter.oci.digest import Digest
from exporter.sources import Absent, Unseen, Wrong
from exporter.sources.registry.answers import (
    announced,
    check_content,
    check_whole,
    faults,
    refusal,
)
from exporter.sources.registry.question import Answer, End, Question
from exporter.sources.registry.streaming import Hashing

if TYPE_CHECKING:
    from exporter.oci.manifest import Descriptor
    from exporter.oci.reference import Repository
    from exporter.sources import Sink
    from exporter.sources.registry.line import Line

_CONTENT_RANGE: Final = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")
_UNSATISFIED: Final = re.compile(r"bytes \*/(\d{1,18})")
_NO_LIMIT: Final = 2**63
_OK, _PARTIAL, _NOT_SATISFIABLE = 200, 206, 416


async def last_byte(line: Line, repository: Repository, blob: Descriptor) -> bytes | Absent | Wrong:
    """Read the last byte of the stated size: it is there, and nothing before it is cut off.

    Raises `Unseen`.
    """
    if blob.size == 0:
        return await _all(line, _question(repository, blob), blob)
    last = "-1" if blob.size is None else f"{blob.size - 1}-{blob.size - 1}"
    question = _question(repository, blob, span=f"bytes={last}")
    answer = await line.ask(question)
    if answer.status == _PARTIAL:
        return _judge_part(answer, question, blob)
    if answer.status != _NOT_SATISFIABLE:
        return await _judge_all(line, answer, question, blob)
    length = _UNSATISFIED.fullmatch(answer.headers.get("content-range", ""))
    ours = answer.media_type != "text/html"  # else it may be the length of somebody's page
    if ours and length and blob.size and int(length[1]) < blob.size:
        return Wrong(f"{length[1]} of {blob.size} bytes")
    return await _all(line, _question(repository, blob), blob)


async def whole(line: Line, repository: Repository, blob: Descriptor) -> bytes | Absent | Wrong:
    """Read every byte, as many as a manifest may have, and hash them. Raises `Unseen`."""
    most = line.limits.manifest_bytes
    question = replace(_question(repository, blob), kept=True, most=blob.size or most)
    if question.most > most:
        raise Unseen(question.subject, Reason.TOO_LARGE, f"{blob.size} bytes, more than {most}")
    content = await _all(line, question, blob)
    if isinstance(content, bytes) and not blob.digest.names(content):
        return Wrong(f"hashes to {Digest.of(content, blob.digest.algorithm)}", mismatch=True)
    return content


async def streamed(
    line: Line, repository: Repository, blob: Descriptor, sink: Sink, *, fresh: bool
) -> Absent | Wrong | None:
    """Read every byte, however many, and hash them; None where they are right. Raises `Unseen`."""
    hashing = Hashing(sink, blob.digest.algorithm)
    question = replace(_question(repository, blob), sink=hashing, fresh=fresh)
    answer = await line.ask(question)
    judged = await _judge_all(line, answer, question, blob)
    if isinstance(judged, Absent | Wrong):
        return judged
    if hashing.digest == blob.digest:
        return None
    if answer.end is End.UNFRAMED:
        raise Unseen(question.subject, Reason.TRUNCATED, "ended without a stated length")
    return Wrong(f"hashes to {hashing.digest}", mismatch=True)


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


async def _all(line: Line, question: Question, blob: Descriptor) -> bytes | Absent | Wrong:
    return await _judge_all(line, await line.ask(question), question, blob)


async def _judge_all(
    line: Line, answer: Answer, question: Question, blob: Descriptor
) -> bytes | Absent | Wrong:
    """Judge an answer that should be the whole blob: a server may ignore ranges."""
    if answer.status != _OK:
        return await line.absence(answer, question.subject)
    check_content(answer, question.subject)
    announced(answer, blob.digest, question.subject)
    if blob.size is None:
        check_whole(answer, question.subject)
        return answer.body if answer.received else _short(answer, question, blob)
    if answer.end is End.OVER:
        return Wrong(f"more than {blob.size} bytes")
    if answer.received < blob.size:
        if faults(answer):  # a denial under the wrong status is no content, and no proof either
            raise refusal(answer, question.subject)
        return _short(answer, question, blob)
    if not blob.size and not blob.digest.names(b""):
        return Wrong("no content of 0 bytes has this digest")
    return answer.body


def _judge_part(answer: Answer, question: Question, blob: Descriptor) -> bytes | Wrong:
    """Judge a 206: is it the last byte, of a blob of the stated size, and did it really come?"""
    if answer.media_type == "text/html":
        check_content(answer, question.subject)
    announced(answer, blob.digest, question.subject)
    if answer.end is End.OVER:
        raise Unseen(question.subject, Reason.NOT_A_REGISTRY, "206 with more than was asked for")
    part = _CONTENT_RANGE.fullmatch(answer.headers.get("content-range", ""))
    if part is None:
        raise Unseen(question.subject, Reason.NOT_A_REGISTRY, "206 without a Content-Range")
    first, last, total = part.groups()
    if total != "*" and blob.size not in (None, int(total)):
        check_content(answer, question.subject)  # compressed, it has a length of its own
        return Wrong(f"{total} bytes instead of {blob.size}")
    end = int(last) + 1 if total == "*" else int(total)
    if first != last or int(last) + 1 != (blob.size or end) or answer.received > 1:
        raise Unseen(question.subject, Reason.NOT_A_REGISTRY, "206 with another range")
    return answer.body if answer.received else _short(answer, question, blob)


def _short(answer: Answer, question: Question, blob: Descriptor) -> Wrong:
    """Return what a short body proves; where its length was never stated, it proves nothing."""
    if answer.end is End.UNFRAMED:
        raise Unseen(question.subject, Reason.TRUNCATED, "ended without a stated length")
    return Wrong(f"{answer.received} of {blob.size or 'some'} bytes")


def _question(repository: Repository, blob: Descriptor, span: str = "") -> Question:
    return Question(
        endpoint="blob",
        subject=f"{repository}@{blob.digest}",
        path=f"/v2/{repository}/blobs/{blob.digest}",
        scope=f"repository:{repository}:pull",
        repository=repository,
        accept="*/*",
        span=span,
        most=_NO_LIMIT if blob.size is None else blob.size,
        kept=False,
    )
