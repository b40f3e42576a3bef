"""The Kubernetes API: lists read to their end or not at all, and single objects."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
import urllib3
from kubernetes.client import ApiClient, ApiException
from msgspec import UNSET
from urllib3 import exceptions as http

from exporter.facts.gap import Reason
from exporter.oci.digest import Malformed
from exporter.ports import Unseen
from exporter.sources.cluster.objects import ObjectList
from exporter.sources.cluster.resources import decoded

_LARGEST: Final = 32 * 1024 * 1024
"""Bytes of one page; larger ones are asked for again in parts."""
_LARGEST_OBJECT: Final = 4 * 1024 * 1024
"""Bytes of one object: an API server takes requests of 3 MiB, etcd keeps 1.5 MiB by default."""
_PART: Final = 8
"""By how much less is asked for where a page is too large."""
_CHUNK: Final = 1 << 18
_MOST_PAGES: Final = 2_000
_STARTS: Final = 3
"""How often a list is begun; a server forgets its place in a list after some minutes."""
_JSON: Final = "application/json"

_SAID: Final = {
    401: (Reason.UNAUTHORIZED, "the credentials are refused"),
    403: (Reason.DENIED, "the role does not allow it"),
    404: (Reason.UNSUPPORTED, "not served by this API server"),
    410: (Reason.INCOMPLETE_LIST, "the list expired on every attempt"),
    429: (Reason.RATE_LIMITED, "rate limited"),
}
_GONE: Final = 410
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Question:
    """One list that is asked for."""

    subject: str
    """How it is called in a gap."""
    path: str
    limit: int = 500
    selectors: tuple[tuple[str, str], ...] = ()
    accept: str = _JSON


class Expired(Exception):
    """The server has forgotten the place in the list, or goes on with another list."""


@dataclass(frozen=True, slots=True)
class Api:
    """A cluster's API, asked within bounds. Both methods raise `Unseen`."""

    client: ApiClient
    timeout: float
    """Seconds for one page."""
    deadline: float
    """When everything must have been read, on the monotonic clock."""

    def every(self, question: Question, of: msgspec.json.Decoder[ObjectList[Any]]) -> list[Any]:
        """Return a whole list as it was at one moment.

        Without a `resourceVersion` the first page is the newest there is, and the others belong to
        it. A list that does not end well is none.
        """
        for _ in range(_STARTS):
            try:
                return self._whole(question, of)
            except Expired:
                continue
        raise Unseen(question.subject, *_SAID[_GONE])

    def within(self, share: float) -> Api:
        """Return the same API with a part of the time that is left."""
        now = time.monotonic()
        return replace(self, deadline=now + share * max(0.0, self.deadline - now))

    def one(self, subject: str, path: str) -> bytes | None:
        """Return one object, None where there is none."""
        status, body = self._ask(Question(subject, path), (), _LARGEST_OBJECT)
        if status == 404:  # noqa: PLR2004 - an answer: it is gone
            return None
        return _good(subject, status, body)

    def _whole(self, question: Question, of: msgspec.json.Decoder[ObjectList[Any]]) -> list[Any]:
        found: list[Any] = []
        version = further = ""
        limit = question.limit
        for _ in range(_MOST_PAGES):
            try:
                page = self._page(replace(question, limit=limit), of, further)
            except Unseen as unseen:
                if unseen.reason is not Reason.TOO_LARGE or limit == 1:
                    raise
                # Some objects are large: nobody who makes such may hide all others.
                limit = max(1, limit // _PART)
                continue
            limit = min(question.limit, 2 * limit)
            if version not in ("", page.metadata.resource_version):
                raise Expired
            found.extend(page.items or ())
            version, further = page.metadata.resource_version, page.metadata.further
            if not further:
                return found
        raise Unseen(question.subject, Reason.TOO_LARGE, f"more than {_MOST_PAGES} pages")

    def _page(
        self, question: Question, of: msgspec.json.Decoder[ObjectList[Any]], further: str
    ) -> ObjectList[Any]:
        more = (("continue", further),) if further else ()
        query = (("limit", str(question.limit)), *question.selectors, *more)
        status, body = self._ask(question, query, _LARGEST)
        if status == _GONE:
            raise Expired
        body = _good(question.subject, status, body)
        try:
            page = decoded(body, of)
        except Malformed as error:
            raise Unseen(question.subject, Reason.MALFORMED, "not the list asked for") from error
        # Whatever has no items or no version is no list, and above all not an empty one.
        if page.items is UNSET or not page.metadata.resource_version:
            raise Unseen(question.subject, Reason.MALFORMED, "not a list of the Kubernetes API")
        return page

    def _ask(
        self, question: Question, query: tuple[tuple[str, str], ...], most: int
    ) -> tuple[int, bytes]:
        subject = question.subject
        end = min(time.monotonic() + self.timeout, self.deadline)
        method, url, headers, _, _ = self.client.param_serialize(
            "GET",
            question.path,
            query_params=list(query),
            header_params={"Accept": question.accept},
            auth_settings=["BearerToken"],
        )
        patience = end - time.monotonic()
        if patience <= 0:
            raise Unseen(subject, Reason.TIMEOUT, "timed out before it started")
        try:
            answer = self.client.call_api(
                method, url, header_params=headers, _request_timeout=(patience, patience)
            )
            return answer.status, _body(subject, answer.response, end, most)
        except ApiException as error:  # the client's form of a failed handshake
            raise Unseen(subject, Reason.TLS, "the certificate is not trusted") from error
        except http.HTTPError as error:
            raise Unseen(subject, *_broken(error)) from error
        except OSError as error:
            raise Unseen(subject, Reason.TLS, error.strerror or "no such certificate") from error


def _body(subject: str, answer: urllib3.BaseHTTPResponse, end: float, most: int) -> bytes:
    """Read an answer; where it is not read to its end, its connection is of no further use."""
    parts: list[bytes] = []
    size = 0
    with closing(answer):
        while chunk := answer.read1(_CHUNK):
            parts.append(chunk)
            size += len(chunk)
            if size > most:
                raise Unseen(subject, Reason.TOO_LARGE, f"a response of more than {most} bytes")
            if time.monotonic() > end:
                raise Unseen(subject, Reason.TIMEOUT, "too slow to finish")
    return b"".join(parts)


def _good(subject: str, status: int, body: bytes) -> bytes:
    if status == _OK:
        return body
    reason, detail = _SAID.get(status, (Reason.MALFORMED, f"answered with status {status}"))
    if status >= 500:  # noqa: PLR2004 - HTTP's own border
        reason = Reason.SERVER_ERROR
    elif 300 <= status < 400:  # noqa: PLR2004 - likewise
        reason = Reason.REDIRECT
    raise Unseen(subject, reason, detail)


def _broken(error: BaseException) -> tuple[Reason, str]:
    """Say why there was no answer; the library wraps the reason in a failed retry."""
    if isinstance(error, http.MaxRetryError):
        return _broken(error.reason) if error.reason else (Reason.CONNECT, "no answer")
    for kind, reason, detail in _FAULTS:
        if isinstance(error, kind):
            return reason, detail
    return Reason.CONNECT, "cannot be reached"


_FAULTS: Final = (
    (http.NameResolutionError, Reason.DNS, "the server's name does not resolve"),
    (http.SSLError, Reason.TLS, "the certificate is not trusted"),
    (http.NewConnectionError, Reason.CONNECT, "nothing listens there"),
    (http.TimeoutError, Reason.TIMEOUT, "no answer in time"),
    (http.ResponseError, Reason.REDIRECT, "sent elsewhere"),
    (http.ProtocolError, Reason.RESET, "the connection broke before the whole answer"),
)
"""The more special first: a connection that fails is a timeout too in urllib3's order."""
