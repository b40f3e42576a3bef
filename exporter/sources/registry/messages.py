"""Requests to a registry, and responses: plain values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from exporter.facts.gap import Reason
from exporter.ports import Sink, Unseen

ERROR_BYTES = 64 * 2**10
"""Maximum bytes of a response that is not the requested content."""

LIST_BYTES = 32 * 2**20
"""Maximum bytes of a page of a list: 2.x sends all tags of a repository at once."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request."""

    endpoint: str
    """`base|catalog|tags|manifest|referrers|blob|token`, as in `Tally`."""
    subject: str
    """Subject in messages: `repository:tag`, `repository@digest`."""
    path: str = ""
    """Path and query below the registry's address."""
    scope: str = ""
    """Scope of the token; empty if none is needed."""
    repository: str = ""
    """Repository whose login is used."""
    method: str = "GET"
    accept: str = "application/json"
    span: str = ""
    """Value of the Range header."""
    most: int = ERROR_BYTES
    """Maximum bytes of a successful response; a longer one ends `OVER`."""
    announced: int = 0
    """Maximum stated bytes, if more than `most`: reading stops after `most`."""
    patient: bool = False
    """May the response take as long as a list?"""
    sink: Sink | None = field(default=None, compare=False)
    """Sink of a successful response, instead of memory; begun for each response."""
    fresh: bool = False
    """Must the answer bypass caches?"""
    url: str = ""
    """Absolute address, in place of `path`: of a token server."""
    form: str = field(default="", repr=False)
    """Encoded form or document to post; it may hold secrets."""
    form_type: str = "application/x-www-form-urlencoded"
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Further headers; they may hold secrets, so such a request is not redirected."""

    @property
    def lists(self) -> bool:
        """May the answer depend on the account?"""
        return self.endpoint in ("catalog", "tags")


BASE: Final = Request("base", "/v2/", "/v2/")
"""Request of `/v2/`: it shows whether a registry answers, and to whom."""


def for_content(repository: str, kind: str, reference: str, accept: str, most: int) -> Request:
    """Return the request of a manifest or blob; at most so many bytes are read."""
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
    """A server closed the connection without an answer, or a gateway reported that (502)."""


class CutShort(Unseen):
    """A document whose connection was closed cleanly before its stated length."""

    def __init__(self, subject: str, body: bytes, stated: str) -> None:
        """Received and stated bytes of the body."""
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
    """End of a response's body."""

    WHOLE = "whole"
    UNFRAMED = "unframed"
    """The connection closed, without a stated length: it may be complete."""
    SHORT = "short"
    """Cleanly closed before the stated length. A blob may end so, and an error: distribution states
    the blob's length even if it refuses a range."""
    OVER = "over"
    """Longer than the maximum; the rest was not read."""
    ENOUGH = "enough"
    """Its sink stopped; the rest was not read."""


@dataclass(slots=True)
class Response:
    """The response to a request."""

    status: int
    headers: Mapping[str, str]
    """Names are in lower case; values of repeated headers are joined by commas."""
    body: bytes = field(default=b"", repr=False)
    received: int = 0
    """Received bytes of the body."""
    end: BodyEnd = BodyEnd.WHOLE
    foreign: bool = False
    """Was it sent after a redirect, by another host?"""
    anonymous: bool = True
    """Was it sent to a client that has not proven its account?"""
    doubt: tuple[Reason, str] | None = None
    """Of a list: why it may lack entries that the configured login could see."""
    overrun: Callable[[], bool] = field(default=lambda: False, repr=False, compare=False)
    """Did bytes follow the end that its Content-Length states? More may follow."""

    @property
    def media_type(self) -> str:
        """The Content-Type without its parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def challenged(self) -> bool:
        """Does it hold a challenge?"""
        return bool(self.headers.get("www-authenticate", "").strip())

    @property
    def ok(self) -> bool:
        """Is it the requested content?"""
        return self.status in (200, 206)
