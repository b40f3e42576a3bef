"""References of images, as nodes read them: registry, repository, tag, digest."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NewType, Self

from exporter.oci.digest import Digest, Malformed, quoted

Repository = NewType("Repository", str)
"""A repository's name within its registry: `team/app`."""

Tag = NewType("Tag", str)
"""A tag's name within its repository: `v1`."""

Place = tuple[Repository, Digest]
"""Where content is asked for: registries grant it per repository."""

HUB: Final = "docker.io"
_HUB_ALIASES: Final = frozenset(
    {"index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"}
)

_FAMILIAR: Final = frozenset({"", HUB, "index.docker.io"})
"""Written so, a name without a slash is one of `library/` (distribution/reference)."""

_COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY: Final = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DOMAIN: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_ALONE: Final = re.compile(r"(?:localhost|[^/:@.]*\.[^/:@]*|\[[^/@]*\])(?::[0-9]+)?")
HOST: Final = re.compile(rf"(?:{_DOMAIN}(?:\.{_DOMAIN})*|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?")
_PORT: Final = re.compile(r":[0-9]+$")
_NUMBER: Final = re.compile(r"([0-9]+)")
_LONGEST_NAME: Final = 255
_IDENTIFIER: Final = re.compile(r"[a-f0-9]{64}")


def repository(text: str) -> Repository:
    """Return a repository's name checked against the distribution grammar, or raise `Malformed`."""
    if len(text) > _LONGEST_NAME or not _REPOSITORY.fullmatch(text):
        lower = "; its letters are lower-case" if _REPOSITORY.fullmatch(text.lower()) else ""
        raise Malformed(f"not a repository name: {quoted(text, 300)}{lower}")
    return Repository(text)


def tag(text: str) -> Tag:
    """Return a tag's name checked against the distribution grammar, or raise `Malformed`."""
    if not _TAG.fullmatch(text):
        raise Malformed(f"not a tag: {quoted(text, 140)}")
    return Tag(text)


def natural(name: str) -> tuple[str | int, ...]:
    """Return a sort key: `v2` comes before `v10`."""
    parts = _NUMBER.split(name)
    return (*(int(part) if at % 2 else part for at, part in enumerate(parts)), name)


def host(text: str) -> str:
    """Return a registry's `host[:port]`, lower-cased, Docker Hub's aliases as `docker.io`."""
    if not HOST.fullmatch(text):
        raise Malformed(f"not a registry host: {quoted(text, 140)}")
    lowered = text.lower()
    return HUB if lowered in _HUB_ALIASES else lowered


def spellings(text: str, *, secure: bool = True) -> frozenset[str]:
    """Return how a registry's host may be written: the usual port goes without saying."""
    port = 443 if secure else 80
    bare = host(text).removesuffix(f":{port}")
    return frozenset({bare} if _PORT.search(bare) else {bare, f"{bare}:{port}"})


def names_host(text: str) -> bool:
    """Would a node read this first part of a reference as a registry rather than as a name?

    Source: distribution/reference `splitDockerDomain`.
    """
    return "." in text or ":" in text or text == "localhost" or text.lower() != text


def is_host_alone(text: str) -> bool:
    """Is a text without a repository read as a registry's host rather than as an image?

    With a dot, or `localhost`: `redis:7` is an image, as docker reads it.
    """
    return _ALONE.fullmatch(text) is not None


def split_name(text: str, names: Iterable[str]) -> tuple[str, str]:
    """Split a text behind the longest of these names that it begins with; it may hold slashes.

    The name is empty if it begins with none.
    """
    found = (each for each in names if text == each or text.startswith(f"{each}/"))
    name = max(found, key=len, default="")
    return name, text.removeprefix(name)


@dataclass(frozen=True, slots=True)
class Reference:
    """An image as somebody wrote it. Where both are given, a node pulls by digest, not by tag."""

    registry: str
    repository: Repository
    tag: Tag | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a reference with Docker's defaults (`docker.io`, `library/`, `:latest`).

        Raises `Malformed` naming the part that is wrong. A bare image identifier (64 hexadecimal
        characters) is no reference (distribution/reference `ParseNormalizedNamed`).
        """
        if _IDENTIFIER.fullmatch(text):
            raise Malformed(f"an image identifier is not a reference: {quoted(text)}")
        rest, _, digest_text = text.partition("@")
        digest = Digest.parse(digest_text) if digest_text or text.endswith("@") else None
        head, slash, tail = rest.partition("/")
        named_host = head if slash and names_host(head) else ""
        registry, path = (host(head), tail) if named_host else (HUB, rest)
        name, colon, tag_text = path.partition(":")
        if named_host in _FAMILIAR and "/" not in name:
            name = f"library/{name}"
        named = tag(tag_text) if colon else None
        if named is None and digest is None:
            named = Tag("latest")
        return cls(registry, repository(name), named, digest)

    def __str__(self) -> str:
        """Return the full form, with registry and without defaults left out."""
        named = f":{self.tag}" if self.tag else ""
        pinned = f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{named}{pinned}"
