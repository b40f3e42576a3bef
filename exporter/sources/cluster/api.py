"""The Kubernetes API: lists read to their end or not at all, and Secrets."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import msgspec
import urllib3
from kubernetes.client import ApiClient, ApiException
from msgspec import UNSET
from urllib3 import exceptions as http

from exporter.facts.gap import UNREACHED, Gap, Reason, Scope
from exporter.oci.digest import Malformed
from exporter.ports import KindStatus, Unseen
from exporter.sources.cluster.names import plain
from exporter.sources.cluster.objects import ObjectList, Secret
from exporter.sources.cluster.resources import JSON, POOLS, SECRETS, ApiResource, Document, decoded

_LARGEST: Final = 32 * 1024 * 1024
"""Bytes of one page; larger ones are asked for again in parts."""
_LARGEST_OBJECT: Final = 4 * 1024 * 1024
"""Bytes of one object: an API server takes requests of 3 MiB, etcd keeps 1.5 MiB by default."""
_LIMIT: Final = 500
"""Objects of one page."""
_PART: Final = 8
"""By how much less is asked for where a page is too large."""
_CHUNK: Final = 1 << 18
_MOST_PAGES: Final = 2_000
_STARTS: Final = 3
"""How often a list is begun; a server forgets its place in a list after some minutes."""
_SECRET: Final = msgspec.json.Decoder(Secret)

_STATUSES: Final[dict[int, tuple[Reason, str]]] = {
    HTTPStatus.UNAUTHORIZED: (Reason.UNAUTHORIZED, "the credentials are refused"),
    HTTPStatus.FORBIDDEN: (Reason.DENIED, "the role does not allow it"),
    HTTPStatus.NOT_FOUND: (Reason.UNSUPPORTED, "not served by this API server"),
    HTTPStatus.GONE: (Reason.INCOMPLETE_LIST, "the list expired on every attempt"),
    HTTPStatus.TOO_MANY_REQUESTS: (Reason.RATE_LIMITED, "rate limited"),
}
_OF_THE_SERVER: Final = UNREACHED | {Reason.UNAUTHORIZED}
"""Reasons that will hold for the next list too."""


class _Expired(Exception):
    """The server has forgotten the place in the list, or goes on with another list."""


@dataclass(frozen=True, slots=True)
class Api:
    """A cluster's API, asked within bounds."""

    cluster: str
    client: ApiClient
    timeout: float
    """Seconds for one page."""
    deadline: float
    """When everything must have been read, on the monotonic clock."""

    def listed(self, resource: ApiResource, namespace: str = "", most: int = _LIMIT) -> list[Any]:
        """Return a whole list as it was at one moment, `most` objects a page; raise `Unseen`.

        Without a `resourceVersion` the first page is the newest there is, and the others belong to
        it. A list that does not end well is none.
        """
        where = f" in {namespace}" if namespace else ""
        subject = f"{self.cluster}: {resource.subject}{where}"
        for _ in range(_STARTS):
            try:
                return self._whole(subject, resource, namespace, most)
            except _Expired:
                continue
            except Unseen as unseen:
                if unseen.reason is Reason.DENIED:
                    detail = f"{unseen.detail}: add {resource.rule}"
                    raise Unseen(subject, Reason.DENIED, detail) from unseen
                raise
        raise Unseen(subject, *_STATUSES[HTTPStatus.GONE])

    def secret(self, namespace: str, name: str) -> Secret | None:
        """Return one Secret, None where there is none; raise `Unseen`."""
        subject = plain(f"{self.cluster}: Secret {namespace}/{name}")
        path = f"{SECRETS.path(namespace)}/{name}"
        status, body = self._get(subject, path, {}, JSON, _LARGEST_OBJECT)
        if status == HTTPStatus.NOT_FOUND:
            return None
        return _decoded(subject, _good(subject, status, body), _SECRET)

    def _whole(self, subject: str, resource: ApiResource, namespace: str, most: int) -> list[Any]:
        found: list[Any] = []
        path, limit = resource.path(namespace), most
        version = further = ""
        for _ in range(_MOST_PAGES):
            query = {"limit": str(limit), **dict(resource.selectors)}
            if further:
                query["continue"] = further
            try:
                status, body = self._get(subject, path, query, resource.accept, _LARGEST)
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
                return found
        raise Unseen(subject, Reason.TOO_LARGE, f"more than {_MOST_PAGES} pages")

    def _get(
        self, subject: str, path: str, query: dict[str, str], accept: str, most: int
    ) -> tuple[int, bytes]:
        end = min(time.monotonic() + self.timeout, self.deadline)
        method, url, headers, _, _ = self.client.param_serialize(
            "GET",
            path,
            query_params=list(query.items()),
            header_params={"Accept": accept},
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
    page = _decoded(subject, _good(subject, status, body), resource.decoder)
    # Whatever has no items or no version is no list, and above all not an empty one.
    if page.items is UNSET or not page.metadata.resource_version:
        raise Unseen(subject, Reason.MALFORMED, "not a list of the Kubernetes API")
    return page


def _decoded(subject: str, body: bytes, of: msgspec.json.Decoder[Document]) -> Document:
    try:
        return decoded(body, of)
    except Malformed as error:
        raise Unseen(subject, Reason.MALFORMED, str(error)) from error


def _good(subject: str, status: int, body: bytes) -> bytes:
    if status == HTTPStatus.OK:
        return body
    reason, detail = _STATUSES.get(status, (Reason.MALFORMED, f"answered with status {status}"))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        reason = Reason.SERVER_ERROR
    elif HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        reason = Reason.REDIRECT
    raise Unseen(subject, reason, detail)


def _broken(error: BaseException) -> tuple[Reason, str]:
    """Say why there was no answer; the library wraps the reason in a failed retry."""
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
"""The more special first: a connection that fails is a timeout too in urllib3's order."""


@dataclass(slots=True)
class ListedObjects:
    """The objects of a cluster's lists, and what is missing of them."""

    objects: dict[ApiResource, list[Any]] = field(default_factory=dict)
    partial: set[ApiResource] = field(default_factory=set)
    """Resources whose list may be incomplete."""
    gaps: list[Gap] = field(default_factory=list)
    kinds: list[KindStatus] = field(default_factory=list)
    """How each resource was listed."""

    def of(self, resource: ApiResource) -> list[Any]:
        """Return the objects of a resource; none where it was not listed."""
        return self.objects.get(resource, [])


@dataclass(slots=True)
class ClusterLists:
    """The lists of one cluster. One that fails is a gap, and keeps its last content."""

    clock: Callable[[], float]
    """Tells the seconds since the epoch."""
    namespaces: tuple[str, ...] = ()
    """Empty is all of them, which needs the right to list in all."""
    _last: dict[tuple[ApiResource, str], list[Any]] = field(default_factory=dict)
    _synced: dict[ApiResource, float] = field(default_factory=dict)

    def read(self, api: Api, resources: list[ApiResource]) -> ListedObjects:
        """Read every list; raise `Unseen` where the server answers for none of them."""
        listed, now = ListedObjects(), self.clock()
        fresh, first = False, list[Unseen]()
        for resource in resources:
            failed = list[Unseen]()
            for namespace in (self.namespaces if resource.namespaced else ()) or ("",):
                key = (resource, namespace)
                try:
                    self._last[key] = api.listed(resource, namespace)
                    fresh = True
                except Unseen as unseen:
                    failed.append(unseen)
                    if not fresh and unseen.reason in _OF_THE_SERVER:
                        raise
                listed.objects.setdefault(resource, []).extend(self._last.get(key, ()))
            first += failed[:1]
            if resource in POOLS and any(each.reason is Reason.UNSUPPORTED for each in failed):
                continue  # its autoscaler is not installed
            self._settle(listed, resource, failed, now)
        if first and not fresh:
            raise first[0]
        return listed

    def _settle(
        self, listed: ListedObjects, resource: ApiResource, failed: list[Unseen], now: float
    ) -> None:
        """Note how a resource was listed at this moment."""
        if not failed:
            self._synced[resource] = now
        synced = self._synced.setdefault(resource, now)
        gaps = tuple(unseen.gap(Scope.REFERENCES) for unseen in failed)
        listed.kinds.append(KindStatus(resource.subject, not failed, synced, gaps))
        listed.gaps += gaps
        if failed:
            listed.partial.add(resource)
