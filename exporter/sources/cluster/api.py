"""The Kubernetes API: complete lists, their watches, and Secrets."""

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import msgspec
import urllib3
from kubernetes.client import ApiClient, ApiException
from msgspec import UNSET
from urllib3 import exceptions as http

from exporter.facts.gap import Reason
from exporter.oci.digest import Malformed
from exporter.ports import Unseen
from exporter.sources.cluster.answers import (
    ApiGroup,
    ApiResourceList,
    ApiStatus,
    ObjectList,
    Versioned,
    WatchEvent,
)
from exporter.sources.cluster.names import plain
from exporter.sources.cluster.objects import Secret
from exporter.sources.cluster.resources import JSON, SECRETS, ApiResource, Document, decoded

_LARGEST: Final = 32 * 1024 * 1024
"""Maximum bytes of one page; larger ones are requested in parts."""
_LARGEST_OBJECT: Final = 4 * 1024 * 1024
"""Maximum bytes of one object: API servers accept 3 MiB, etcd 1.5 MiB by default."""
_LIMIT: Final = 500
"""Objects of one page."""
_PART: Final = 8
"""Divisor of the page size if a page is too large."""
_CHUNK: Final = 1 << 18
_MOST_PAGES: Final = 2_000
_STARTS: Final = 3
"""Attempts at a list; a server's continuation expires after some minutes."""
_SHORTEST_WATCH: Final = 300
"""Seconds after which a server may end a watch, up to twice that, as its own clients ask for."""
_GATHERED: Final = 0.5
"""Seconds in which further events are collected after a pause: each wake-up costs more than a few
events."""
_WAITED: Final = 0.005
"""Seconds of a pause."""
_GET_SECRETS: Final = '{apiGroups: [""], resources: ["secrets"], verbs: ["get"]}'
_SECRET: Final = msgspec.json.Decoder(Secret)
_EVENT: Final = msgspec.json.Decoder(WatchEvent)
_STATUS: Final = msgspec.json.Decoder(ApiStatus)
_VERSIONED: Final = msgspec.json.Decoder(Versioned)
_GROUP: Final = msgspec.json.Decoder(ApiGroup)
_RESOURCES: Final = msgspec.json.Decoder(ApiResourceList)
_EVENT_TYPES: Final = frozenset({"ADDED", "MODIFIED", "DELETED", "BOOKMARK"})
"""Source: Kubernetes `apimachinery/pkg/watch` (v1.34)."""

_STATUSES: Final[dict[int, tuple[Reason, str]]] = {
    HTTPStatus.UNAUTHORIZED: (Reason.UNAUTHORIZED, "the credentials are refused"),
    HTTPStatus.FORBIDDEN: (Reason.DENIED, "the role does not allow it"),
    HTTPStatus.NOT_FOUND: (Reason.UNSUPPORTED, "not served by this API server"),
    HTTPStatus.GONE: (Reason.INCOMPLETE_LIST, "the list expired"),
    HTTPStatus.TOO_MANY_REQUESTS: (Reason.RATE_LIMITED, "rate limited"),
}


class _Expired(Exception):
    """The continuation of a list expired, or belongs to another list."""


@dataclass(frozen=True, slots=True)
class Api:
    """API of one cluster, with limits on each request."""

    cluster: str
    client: ApiClient
    timeout: float
    """Timeout of one page, in seconds."""
    deadline: float
    """Deadline of all requests, on the monotonic clock."""

    def listed(
        self, resource: ApiResource, namespace: str = "", most: int = _LIMIT
    ) -> tuple[list[Any], str]:
        """Return a whole list, and the version that it had then, `most` objects a page.

        Without a `resourceVersion` the first page is the newest there is, and the others belong to
        it. A list that does not end well is none: raises `Unseen`.
        """
        subject = self._subject(resource, namespace)
        with _way_out(resource):
            for _ in range(_STARTS):
                with suppress(_Expired):
                    return self._whole(subject, resource, namespace, most)
        raise Unseen(subject, Reason.INCOMPLETE_LIST, "the list expired on every attempt")

    def counted(self, resource: ApiResource, namespace: str = "") -> int | None:
        """Return the current number of objects in a list; None if unknown. Raises `Unseen`."""
        subject = self._subject(resource, namespace)
        query = {"limit": "1", **dict(resource.selectors)}
        with _way_out(resource):
            answer = self._get(subject, resource.paths(namespace), query, resource.accept, _LARGEST)
            try:
                page = _page(subject, *answer, resource)
            except _Expired:
                raise Unseen(subject, *_STATUSES[HTTPStatus.GONE]) from None
        if page.metadata.further and page.metadata.remaining is None:
            return None
        return len(page.items or ()) + (page.metadata.remaining or 0)

    def watched(
        self, resource: ApiResource, namespace: str, version: str, silence: float
    ) -> "EventStream":
        """Open the watch of a list from a version of it on; one silent for so long has ended.

        Raises `Unseen`, with the reason `INCOMPLETE_LIST` where that version is too old, and
        `UNSUPPORTED` where the server serves no watch of the list.
        """
        subject = self._subject(resource, namespace)
        lasts = str(_SHORTEST_WATCH + secrets.randbelow(_SHORTEST_WATCH))
        query = {"watch": "1", "allowWatchBookmarks": "true", "timeoutSeconds": lasts}
        query |= {"resourceVersion": version, **dict(resource.selectors)}
        accept = resource.accept.replace("MetadataList;", "Metadata;")
        patience = max(self.deadline - time.monotonic(), 0.001)
        with _told(subject):
            answer = self._call(resource.paths(namespace), query, accept, (patience, silence))
            if answer.status != HTTPStatus.OK:
                answer.response.close()
                _good(subject, answer.status, b"", otherwise=Reason.UNSUPPORTED)
        return EventStream(subject, resource, answer.response)

    def secret(self, namespace: str, name: str) -> Secret | None:
        """Return one Secret, or None. Raises `Unseen`."""
        subject = plain(f"{self.cluster}: Secret {namespace}/{name}")
        path = f"{SECRETS.paths(namespace)[0]}/{name}"
        status, body = self._get(subject, (path,), {}, JSON, _LARGEST_OBJECT)
        if status == HTTPStatus.NOT_FOUND:
            return None
        if status == HTTPStatus.FORBIDDEN:  # so are all others of the namespace: one gap
            reason, detail = _STATUSES[HTTPStatus.FORBIDDEN]
            subject = plain(f"{self.cluster}: {SECRETS.subject} in {namespace}")
            raise Unseen(subject, reason, f"{detail}: add {_GET_SECRETS}")
        return _decoded(subject, _good(subject, status, body), _SECRET)

    def other_versions(self, resource: ApiResource) -> list[str]:
        """Return the served versions of a resource that are not read. Raises `Unseen`."""
        subject, base = self._subject(resource, ""), f"/apis/{resource.group}"
        group = self._discovered(subject, base, _GROUP)
        found = []
        for each in group.versions if group else ():
            version = f"{resource.group}/{each.version}"
            if version in resource.versions:
                continue
            if not each.version.isalnum():
                raise Unseen(subject, Reason.MALFORMED, "not a version of the Kubernetes API")
            served = self._discovered(subject, f"{base}/{each.version}", _RESOURCES)
            if served and any(one.name == resource.plural for one in served.resources):
                found.append(version)
        return found

    def _discovered(
        self, subject: str, path: str, of: msgspec.json.Decoder[Document]
    ) -> Document | None:
        """Return a document of discovery; None if nothing is served there. Raises `Unseen`."""
        status, body = self._get(subject, (path,), {}, JSON, _LARGEST_OBJECT)
        if status == HTTPStatus.NOT_FOUND:
            return None
        if status == HTTPStatus.FORBIDDEN:
            reason, detail = _STATUSES[HTTPStatus.FORBIDDEN]
            raise Unseen(subject, reason, f"{detail}: bind ClusterRole system:discovery")
        return _decoded(subject, _good(subject, status, body), of)

    def _subject(self, resource: ApiResource, namespace: str) -> str:
        where = f" in {namespace}" if namespace else ""
        return f"{self.cluster}: {resource.subject}{where}"

    def _whole(
        self, subject: str, resource: ApiResource, namespace: str, most: int
    ) -> tuple[list[Any], str]:
        found: list[Any] = []
        paths, limit = resource.paths(namespace), most
        version = further = ""
        for _ in range(_MOST_PAGES):
            query = {"limit": str(limit), **dict(resource.selectors)}
            if further:
                query["continue"] = further
            try:
                status, body = self._get(subject, paths, query, resource.accept, _LARGEST)
            except Unseen as unseen:
                if unseen.reason is not Reason.TOO_LARGE or limit == 1:
                    raise
                # Some objects are large: nobody who makes such may hide all others.
                limit = max(1, limit // _PART)
                continue
            limit = min(most, 2 * limit)
            page = _page(subject, status, body, resource)
            if version not in ("", page.metadata.resource_version):
                raise _Expired
            found.extend(page.items or ())
            version, further = page.metadata.resource_version, page.metadata.further
            if not further:
                return found, version
        raise Unseen(subject, Reason.TOO_LARGE, f"more than {_MOST_PAGES} pages")

    def _get(
        self, subject: str, paths: tuple[str, ...], query: dict[str, str], accept: str, most: int
    ) -> tuple[int, bytes]:
        end = min(time.monotonic() + self.timeout, self.deadline)
        patience = end - time.monotonic()
        if patience <= 0:
            raise Unseen(subject, Reason.TIMEOUT, "timed out before it started")
        with _told(subject):
            answer = self._call(paths, query, accept, (patience, patience))
            return answer.status, _body(subject, answer.response, end, most)

    def _call(
        self,
        paths: tuple[str, ...],
        query: dict[str, str],
        accept: str,
        patience: tuple[float, float],
    ) -> Any:
        """Request the first of the paths that the server serves; the last if it serves none."""
        for path in paths:
            method, url, headers, _, _ = self.client.param_serialize(
                "GET",
                path,
                query_params=list(query.items()),
                header_params={"Accept": accept},
                auth_settings=["BearerToken"],
            )
            answer = self.client.call_api(
                method, url, header_params=headers, _request_timeout=patience
            )
            if answer.status != HTTPStatus.NOT_FOUND or path == paths[-1]:
                break
            answer.response.close()
        return answer


class EventStream:
    """An open watch: the events of a list since a version."""

    def __init__(
        self, subject: str, resource: ApiResource, answer: urllib3.BaseHTTPResponse
    ) -> None:
        """Wrap a response before any of it is read."""
        self._subject, self._resource, self._answer = subject, resource, answer
        self._closed = threading.Event()
        self.heard: float | None = None
        """Time of the last event, on the monotonic clock; a proxy may delay all of them."""

    def __iter__(self) -> Iterator["ListEvent"]:
        """Yield events until the server ends the watch, as it does every few minutes.

        Raises `Unseen`, with the reason `INCOMPLETE_LIST` where some events are lost.
        """
        waiting, waited = b"", False
        with closing(self._answer), _told(self._subject):
            began = time.monotonic()
            while chunk := self._answer.read1(_CHUNK):
                self.heard = time.monotonic()
                waited = waited or self.heard - began > _WAITED
                *lines, waiting = (waiting + chunk).split(b"\n")
                yield from (self._event(line) for line in lines if line.strip())
                if len(waiting) > _LARGEST_OBJECT:
                    detail = f"an event of more than {_LARGEST_OBJECT} bytes"
                    raise Unseen(self._subject, Reason.TOO_LARGE, detail)
                if lines and waited:
                    waited = self._closed.wait(_GATHERED)
                began = time.monotonic()

    def close(self) -> None:
        """End the watch, also while another thread waits for an event."""
        self._closed.set()
        with suppress(OSError, ValueError, RuntimeError):  # it has ended already
            self._answer.shutdown()

    def _event(self, line: bytes) -> "ListEvent":
        event = _decoded(self._subject, line, _EVENT)
        if event.type == "ERROR":
            status = _decoded(self._subject, event.object, _STATUS)
            _good(self._subject, status.code, b"")
        version = _decoded(self._subject, event.object, _VERSIONED).metadata.resource_version
        if event.type not in _EVENT_TYPES or not version:
            raise Unseen(self._subject, Reason.MALFORMED, "not an event of the Kubernetes API")
        if event.type == "BOOKMARK":
            return ListEvent(version)
        found = _decoded(self._subject, event.object, self._resource.items)
        return ListEvent(version, found, gone=event.type == "DELETED")


@dataclass(frozen=True, slots=True)
class ListEvent:
    """One event of a list."""

    version: str
    """Version of the list afterwards."""
    object: Any = None
    """Added, changed or removed object; None for a bookmark."""
    gone: bool = False


@contextmanager
def _way_out(resource: ApiResource) -> Iterator[None]:
    """Return the RBAC rule that a denied list needs."""
    try:
        yield
    except Unseen as unseen:
        if unseen.reason is not Reason.DENIED:
            raise
        detail = f"{unseen.detail}: add {resource.rule}"
        raise Unseen(unseen.subject, Reason.DENIED, detail) from unseen


@contextmanager
def _told(subject: str) -> Iterator[None]:
    """Raise `Unseen` for the errors of the client library."""
    try:
        yield
    except ApiException as error:  # the client's form of a failed handshake
        raise Unseen(subject, Reason.TLS, "the certificate is not trusted") from error
    except http.HTTPError as error:
        raise Unseen(subject, *_broken(error)) from error
    except OSError as error:
        raise Unseen(subject, Reason.TLS, error.strerror or "no such certificate") from error


def _body(subject: str, answer: urllib3.BaseHTTPResponse, end: float, most: int) -> bytes:
    """Read a response; after an error, close its connection."""
    body = bytearray()
    with closing(answer):
        while chunk := answer.read1(_CHUNK):
            body += chunk
            if len(body) > most:
                raise Unseen(subject, Reason.TOO_LARGE, f"a response of more than {most} bytes")
            if time.monotonic() > end:
                raise Unseen(subject, Reason.TIMEOUT, "too slow to finish")
    return bytes(body)


def _page(subject: str, status: int, body: bytes, resource: ApiResource) -> ObjectList[Any]:
    if status == HTTPStatus.GONE:
        raise _Expired
    page = _decoded(subject, _good(subject, status, body), resource.lists)
    # Whatever has no items or no version is no list, and above all not an empty one.
    if page.items is UNSET or not page.metadata.resource_version:
        raise Unseen(subject, Reason.MALFORMED, "not a list of the Kubernetes API")
    return page


def _decoded(
    subject: str, body: bytes | msgspec.Raw, of: msgspec.json.Decoder[Document]
) -> Document:
    try:
        return decoded(body, of)
    except Malformed as error:
        raise Unseen(subject, Reason.MALFORMED, str(error)) from error


def _good(subject: str, status: int, body: bytes, *, otherwise: Reason = Reason.MALFORMED) -> bytes:
    if status == HTTPStatus.OK:
        return body
    reason, detail = _STATUSES.get(status, (otherwise, f"answered with status {status}"))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        reason = Reason.SERVER_ERROR
    elif HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        reason = Reason.REDIRECT
    raise Unseen(subject, reason, detail)


def _broken(error: BaseException) -> tuple[Reason, str]:
    """Return why there was no answer; the library wraps the reason in a failed retry."""
    if isinstance(error, http.MaxRetryError) and error.reason:
        return _broken(error.reason)
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
"""Order matters: in urllib3 a connection error is a timeout too."""
