"""What is asked of a registry, and what does it say? Values only; the errors' words are 2.8's."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self

from exporter.oci.digest import Malformed
from exporter.oci.reference import Repository, repository

JSON: Final = "application/json; charset=utf-8"


class Endpoint(StrEnum):
    """What a request is for."""

    BASE = "base"
    CATALOG = "catalog"
    TAGS = "tags"
    MANIFEST = "manifest"
    BLOB = "blob"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Question:
    """One request."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    """Their names in lower case."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One response. HEAD gets it too, without the body."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    announced: int | None = None
    """The length that is stated, where the body is shorter: then the connection closes."""


_NO_NAME: Final = Repository("")


@dataclass(frozen=True, slots=True)
class Route:
    """Where a path leads."""

    endpoint: Endpoint
    repository: Repository = _NO_NAME
    reference: str = ""
    """A tag or a digest as it stands there, checked only as far as the route demands."""

    @classmethod
    def of(cls, path: str) -> Self:
        """Read a path; what no route fits is `OTHER`."""
        if path in _FIXED:
            return cls(_FIXED[path])
        found = _UNDER_NAME.fullmatch(path)
        if found is None:
            return cls(Endpoint.OTHER)
        endpoint = _ENDPOINTS[found["kind"]]
        if not _REFERENCES[endpoint].fullmatch(found["reference"]):
            return cls(Endpoint.OTHER)
        try:
            return cls(endpoint, repository(found["name"]), found["reference"])
        except Malformed:
            return cls(Endpoint.OTHER)


_DIGEST: Final = r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+"
"""What go-digest takes for the look of a digest: more than what is one."""
_TAG: Final = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_UNDER_NAME: Final = re.compile(
    r"/v2/(?P<name>.+)/(?P<kind>tags|manifests|blobs)/(?P<reference>[^/]+)"
)
_FIXED: Final = {"/v2/": Endpoint.BASE, "/v2/_catalog": Endpoint.CATALOG}
_ENDPOINTS: Final = {
    "tags": Endpoint.TAGS,
    "manifests": Endpoint.MANIFEST,
    "blobs": Endpoint.BLOB,
}
_REFERENCES: Final = {
    Endpoint.TAGS: re.compile("list"),
    Endpoint.MANIFEST: re.compile(f"{_TAG}|{_DIGEST}"),
    Endpoint.BLOB: re.compile(_DIGEST),
}


def listing(document: object, headers: Mapping[str, str] | None = None) -> Answer:
    """Answer 200 with a JSON document, as Go's encoder writes it."""
    return Answer(200, {"Content-Type": JSON, **(headers or {})}, _json(document))


def failure(code: str, detail: object = None) -> Answer:
    """Answer with an error body: code, message and, where there is one, detail."""
    status, message = _FAILURES[code]
    error: dict[str, object] = {"code": code, "message": message}
    if detail is not None:
        error["detail"] = detail
    return Answer(status, {"Content-Type": JSON}, _json({"errors": [error]}))


def moved(path: str) -> Answer:
    """Answer 301: the same path with its last slash, or without it."""
    told = {"Content-Type": "text/html; charset=utf-8", "Location": path}
    return Answer(301, told, f'<a href="{path}">Moved Permanently</a>.\n\n'.encode())


def plain(status: int, text: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Answer as Go's own `http.Error` does, for what the registry's code never sees."""
    told = {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}
    return Answer(status, told | dict(headers or {}), f"{text}\n".encode())


_FAILURES: Final = {
    "BLOB_UNKNOWN": (404, "blob unknown to registry"),
    "DIGEST_INVALID": (400, "provided digest did not match uploaded content"),
    "MANIFEST_UNKNOWN": (404, "manifest unknown"),
    "NAME_UNKNOWN": (404, "repository name not known to registry"),
    "PAGINATION_NUMBER_INVALID": (400, "invalid number of results requested"),
    "UNKNOWN": (500, "unknown error"),
}


def _json(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"
