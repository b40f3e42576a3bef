"""Meaning of responses: content, proven absence, or neither."""

import asyncio
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final

from exporter.facts.gap import Reason
from exporter.oci.digest import Digest, Malformed
from exporter.ports import Absent, Unseen
from exporter.sources.registry.messages import ERROR_BYTES, BodyEnd, NoAnswer, Response

_ABSENCE: Final = frozenset({"MANIFEST_UNKNOWN", "BLOB_UNKNOWN", "NAME_UNKNOWN"})
"""OCI distribution-spec 1.1, "Error Codes": the three codes of absence."""
_EXPIRED: Final = "TAG_EXPIRED"
"""Quay, for a deleted tag as long as it can be restored (two weeks): pulls fail."""
_UNAUTHORIZED: Final = 401
_POLICY: Final = 412
"""Harbor: a project's policy forbids the pull, with a reason."""
_FAILED: Final = 500
_BAD_GATEWAY: Final = 502
_SYNTAX: Final = ("unexpected end of JSON input", "invalid character '")
"""Prefixes of errors in the bytes themselves, by Go's JSON parser (encoding/json, scanner.go)."""
_NO_MANIFEST: Final = (
    "json: cannot unmarshal ",
    "unrecognized manifest schema version ",
    "errors verifying manifest: unrecognized manifest content type ",
)
"""Prefixes of errors of JSON that is no manifest (3.1.1, registry/storage/manifeststore.go)."""
_TYPE_ERROR: Final = {"Value", "Type", "Offset", "Struct", "Field"}
"""Fields of Go's error for a wrong type (encoding/json, decode.go)."""
_LONGEST_WORDS: Final = 200
_REASONS: Final = {
    "UNAUTHORIZED": Reason.UNAUTHORIZED,
    "DENIED": Reason.DENIED,
    "TOOMANYREQUESTS": Reason.RATE_LIMITED,
}
_STATUSES: Final = {
    _UNAUTHORIZED: Reason.UNAUTHORIZED,
    403: Reason.DENIED,
    _POLICY: Reason.DENIED,
    429: Reason.RATE_LIMITED,
}
_STORE_CODE: Final = re.compile(rb"<Code>(NoSuchKey|BlobNotFound)</Code>")
"""S3 and Google, Azure."""
_PLAIN: Final = frozenset({"chunked", "identity", ""})
"""Transfer codings that do not change the bytes (RFC 9112, section 7)."""
_LONG_AGO: Final = 1e9
"""A number of seconds from here on is a time, not a duration."""
_QUIET: Final = 0.1
"""Seconds to wait for the rest of a body that is too short."""
_REVISION: Final = re.compile(r"revision=(sha\d+:[0-9a-f]+)")


@dataclass(frozen=True, slots=True)
class ErrorEntry:
    """One entry of a registry's error body."""

    code: str
    message: str
    detail: Any


def error_entries(response: Response) -> tuple[ErrorEntry, ...]:
    """Return the entries of an error body; none for any other body.

    A body as long as a manifest is not parsed.
    """
    if len(response.body) > ERROR_BYTES:
        return ()
    try:
        entries = json.loads(response.body)["errors"]
        return tuple(
            ErrorEntry(each["code"], str(each.get("message", "")), each.get("detail"))
            for each in entries
            if isinstance(each["code"], str)
        )
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return ()


def missing_project(response: Response, repository: str) -> str:
    """Return Harbor's message for a project that does not exist; else nothing.

    It looks up the project before the rights, and answers every account alike: 401 without a
    challenge (Harbor 2.15.2, src/server/middleware/v2auth, run). Without its database, the same
    answer has another message: only this sentence, with this project's name, is proof.
    """
    words = f"project {repository.partition('/')[0]} not found"
    unchallenged = response.status == _UNAUTHORIZED and not response.challenged
    if not unchallenged or response.foreign or response.end is not BodyEnd.WHOLE:
        return ""
    said = error_entries(response)
    return words if said == (ErrorEntry("UNAUTHORIZED", f"{words}: {words}", None),) else ""


def has_proxy_caches(response: Response) -> bool | None:
    """Does Quay state that its organizations may be proxy caches (`/config`, endpoints/web.py)?

    None if it states nothing, as before 3.7, which has no such feature.
    """
    try:
        features = json.loads(response.body)["features"]
        return str(features.get("PROXY_CACHE", False)).lower() == "true"
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return None


def absence(response: Response, subject: str) -> Absent:
    """Return the absence that a response proves. Raises `Unseen` for any other."""
    if words := missing_project(response, subject.partition("@")[0].partition(":")[0]):
        return Absent(words)
    found = error_entries(response)
    if response.end is BodyEnd.SHORT:
        raise Unseen(subject, Reason.TRUNCATED, f"{response.status}, cut short")
    if response.status == 404 and found and all(_denies(fault, subject) for fault in found):  # noqa: PLR2004 - HTTP's own number
        if any("accept header" in fault.message for fault in found):
            # 2.x denies an OCI manifest so where a proxy has dropped our Accept header.
            raise Unseen(subject, Reason.NOT_A_REGISTRY, "our Accept header did not arrive")
        return Absent(found[0].code, _revision(found[0]))
    if response.status == 404 and response.foreign and (store := _STORE_CODE.search(response.body)):  # noqa: PLR2004 - as above
        return Absent(store[1].decode())
    raise refusal(response, subject)


def _denies(fault: ErrorEntry, subject: str) -> bool:
    """Does an entry state that the subject does not exist?

    Harbor has messages of its own (`src/controller/artifact`, `src/pkg/repository`), for those who
    may see the project. They name the subject; without it they are no proof.
    """
    if fault.code == _EXPIRED:
        return ":" in subject and "@" not in subject
    if fault.code != "NOT_FOUND":
        return fault.code in _ABSENCE
    repository = subject.partition("@")[0].partition(":")[0]
    said = (f"artifact {subject} not found", f"repository {repository} not found")
    return fault.message in said


class Unparsable(Unseen):
    """The registry states that its file of a manifest is none."""


def refusal(response: Response, subject: str) -> Unseen:
    """Return why a response proves neither content nor absence."""
    found = error_entries(response)
    own = response.status == _FAILED and not response.foreign
    if own and len(found) == 1 and (why := _unreadable(found[0])):
        return Unparsable(subject, Reason.SERVER_ERROR, why)
    code = _printable(found[0].code[:40]) if found else ""
    words = f"{response.status} {code}".strip()
    if response.status == _POLICY and found and (why := _printable(found[0].message)):
        words = f"{words}: {why[:_LONGEST_WORDS]}"
    reason = _STATUSES.get(response.status) or _REASONS.get(code)
    if reason is None and response.status >= 500:  # noqa: PLR2004 - HTTP's own number
        reason = Reason.SERVER_ERROR
    if reason is None:
        reason = Reason.UNSUPPORTED if found else Reason.NOT_A_REGISTRY
    own = response.status == _BAD_GATEWAY and not response.foreign
    return (NoAnswer if own else Unseen)(subject, reason, words)


def _unreadable(fault: ErrorEntry) -> str:
    """Return distribution's error for stored bytes that are no manifest; nothing for others.

    2.8.3 has Go's error in the detail: `{"Offset": 245}`, fields for a wrong type, and `[{}]` for
    an unknown media type; 3.1.1 its text (both run). A failed read of its storage has other errors.
    """
    detail = fault.detail
    if fault.code != "UNKNOWN":
        return ""
    if isinstance(detail, dict) and type(detail.get("Offset")) is int:
        if detail.keys() == {"Offset"}:
            return f"stored bytes are no JSON from byte {detail['Offset']} on"
        if detail.keys() == _TYPE_ERROR:
            return f"stored bytes are no manifest, by byte {detail['Offset']}"
    if detail == [{}]:
        return "stored bytes are no manifest: unknown media type"
    if isinstance(detail, str) and detail.startswith(_SYNTAX + _NO_MANIFEST):
        what = "JSON" if detail.startswith(_SYNTAX) else "manifest"
        return f"stored bytes are no {what}: {ascii(detail[:80])[1:-1]}"
    return ""


def _printable(text: str) -> str:
    """Return a text that any report can hold; nothing for other values."""
    return text if text.isascii() and text.isprintable() else ""


def check_content(response: Response, subject: str) -> None:
    """Raise `Unseen` for a 2xx without the requested content of a registry."""
    if response.media_type == "text/html":
        raise Unseen(subject, Reason.NOT_A_REGISTRY, f"{response.status} with HTML")
    if response.headers.get("content-encoding", "identity") != "identity":
        raise Unseen(subject, Reason.NOT_A_REGISTRY, "compressed, which was not asked for")
    check_transfer(response, subject)


def check_transfer(response: Response, subject: str) -> None:
    """Raise `Unseen` for encoded bytes: bodies are read as they are sent."""
    codings = response.headers.get("transfer-encoding", "").lower().split(",")
    if any(coding.strip() not in _PLAIN for coding in codings):
        raise Unseen(subject, Reason.NOT_A_REGISTRY, "compressed on its way")


def check_whole(response: Response, subject: str) -> None:
    """Raise `Unseen` likewise, and for content longer than the maximum."""
    check_content(response, subject)
    if response.end is BodyEnd.OVER:
        raise Unseen(subject, Reason.TOO_LARGE, "longer than is read")


async def check_ended(response: Response, subject: str) -> None:
    """Raise `Unseen` for a body that continues after its Content-Length.

    A body that is short, or has another hash, only because of that header proves no loss.
    """
    await asyncio.sleep(_QUIET)
    if response.overrun():
        raise Unseen(subject, Reason.NOT_A_REGISTRY, "the body is longer than its Content-Length")


def announced(response: Response, asked: str, subject: str) -> Digest | None:
    """Return the digest in a response's header, or None without a usable one.

    Raises `Unseen` if a digest was requested and another one of its algorithm is stated.
    """
    try:
        digest = Digest.parse(response.headers.get("docker-content-digest", ""))
    except Malformed:
        return None
    if isinstance(asked, Digest) and digest != asked:
        if digest.algorithm != asked.algorithm:
            return None  # distribution files sha512 content under its sha256
        raise Unseen(subject, Reason.WRONG_DIGEST, f"announced as {digest}")
    return digest


def wait_wanted(response: Response) -> float | None:
    """Return the seconds of a Retry-After; None without one.

    RFC 9110, section 10.2.3; Docker Hub's X-Retry-After may also be a time in seconds since 1970. A
    time is compared with the response's Date: both are the server's clock.
    """
    headers = response.headers
    wanted = headers.get("retry-after") or headers.get("x-retry-after") or ""
    with suppress(ValueError, OverflowError):
        if wanted.strip().isdigit() and (seconds := float(wanted)) < _LONG_AGO:
            return seconds
        moment = float(wanted) if wanted.strip().isdigit() else _timestamp(wanted)
        return max(0.0, moment - _timestamp(headers.get("date", "")))
    return None


def _timestamp(text: str) -> float:
    return parsedate_to_datetime(text).timestamp()


def _revision(fault: ErrorEntry) -> Digest | None:
    """Return the digest of a dangling tag: 2.x states it in a field, 3.x in a sentence."""
    detail = fault.detail
    if isinstance(detail, dict):
        text = detail.get("Revision")
    else:
        named = _REVISION.search(detail) if isinstance(detail, str) else None
        text = named[1] if named else None
    try:
        return Digest.parse(text) if isinstance(text, str) else None
    except Malformed:
        return None
