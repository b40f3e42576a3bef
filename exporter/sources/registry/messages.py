"""Requests to a registry and its responses: plain values, without any judgement."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from exporter.facts.gap import Reason
from exporter.ports import Sink, Unseen

ERROR_BYTES = 64 * 2**10
"""The most that is taken of any response which is not the content asked for."""

LIST_BYTES = 32 * 2**20
"""The longest page that is read: 2.x gives all tags of a repository at once."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request."""

    endpoint: str
    """`base|catalog|tags|manifest|referrers|blob|token`, as in `Tally`."""
    subject: str
    """The subject for people: `repository:tag`, `repository@digest`."""
    path: str = ""
    """Path and query below the registry's address."""
    scope: str = ""
    """The scope that a token must grant; empty if none is needed."""
    repository: str = ""
    """The repository whose login is used."""
    method: str = "GET"
    accept: str = "application/json"
    span: str = ""
    """The value of a Range header."""
    most: int = ERROR_BYTES
    """Bytes of a successful response that are taken; one that is longer ends `OVER`."""
    announced: int = 0
    """Bytes that it may announce, where more than `most`: it is read on until enough has come."""
    patient: bool = False
    """May the response take as long as a list may?"""
    sink: Sink | None = field(default=None, compare=False)
    """Where the bytes of a successful response go, instead of being kept; begun for each."""
    fresh: bool = False
    """Must no cache on the way answer it?"""
    url: str = ""
    """An address elsewhere, in place of `path`: a token server's."""
    form: str = field(default="", repr=False)
    """A form or a document to post, encoded; it may hold secrets."""
    form_type: str = "application/x-www-form-urlencoded"
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Further headers; they may hold secrets, so nothing with any is sent on by a redirect."""

    @property
    def lists(self) -> bool:
        """May the answer be a part of the truth, depending on who asks?"""
        return self.endpoint in ("catalog", "tags")


BASE: Final = Request("base", "/v2/", "/v2/")
"""Does it answer at all, and to whom?"""


def for_content(repository: str, kind: str, reference: str, accept: str, most: int) -> Request:
    """Return the request of a manifest or blob; at most so many bytes are taken."""
    joint = "@" if ":" in reference else ":"
    return Request(
        endpoint=kind,
        subject=f"{repository}{joint}{reference}",
        path=f"/v2/{repository}/{kind}s/{reference}",
        scope=f"repository:{repository}:pull",
        repository=repository,
        accept=accept,
        most=most,
    )


class NoAnswer(Unseen):
    """A server closed the connection without an answer, or a gateway before it said so (502)."""


class CutShort(Unseen):
    """A document whose connection was closed cleanly before the length that its header states."""

    def __init__(self, subject: str, body: bytes, stated: str) -> None:
        """So much of the body came, of as many bytes as were stated."""
        super().__init__(subject, Reason.TRUNCATED, f"{len(body)} of {stated} bytes")
        self.body = body


CATALOGUE_SCOPE = "registry:catalog:*"
"""distribution, `docs/spec/auth/scope.md`."""


def for_list(path: str, sink: Sink, repository: str = "") -> Request:
    """Return the request of a page: of a repository's tags, or of the catalogue.

    Source of the scopes: distribution, `docs/spec/auth/scope.md`.
    """
    return Request(
        endpoint="tags" if repository else "catalog",
        subject=repository or "_catalog",
        path=path,
        scope=f"repository:{repository}:pull" if repository else CATALOGUE_SCOPE,
        repository=repository,
        most=LIST_BYTES,
        announced=4 * LIST_BYTES,
        patient=True,
        sink=sink,
    )


class BodyEnd(Enum):
    """How a response's body ended."""

    WHOLE = "whole"
    UNFRAMED = "unframed"
    """When the connection closed, without a stated length: it may be whole."""
    SHORT = "short"
    """Cleanly, before the length that the response's own header states. A blob may end so,
    and an error: distribution announces the blob's length even where it refuses a range."""
    OVER = "over"
    """Longer than was to be taken; it was not read on."""
    ENOUGH = "enough"
    """Its sink wanted no more of it; it was not read on."""


@dataclass(slots=True)
class Response:
    """The response to a request."""

    status: int
    headers: Mapping[str, str]
    """NameReader in lower case; where one came several times, its values joined by commas."""
    body: bytes = field(default=b"", repr=False)
    received: int = 0
    """Bytes of the body that really came."""
    end: BodyEnd = BodyEnd.WHOLE
    foreign: bool = False
    """Was it given after a redirect, by somebody else than the one who was asked?"""
    anonymous: bool = True
    """Was it given to somebody who has not proven who asks?"""
    doubt: tuple[Reason, str] | None = None
    """For a list: why it may be less than the configured login may see."""
    overrun: Callable[[], bool] = field(default=lambda: False, repr=False, compare=False)
    """Have bytes come after the end that its Content-Length states? Some may still come."""

    @property
    def media_type(self) -> str:
        """The Content-Type without its parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def challenged(self) -> bool:
        """Does it say how to log in?"""
        return bool(self.headers.get("www-authenticate", "").strip())

    @property
    def ok(self) -> bool:
        """Is it the content asked for?"""
        return self.status in (200, 206)
