"""With which logins would a kubelet try to pull an image, given the pull secrets of a pod?

Source: Kubernetes `pkg/credentialprovider/keyring.go` and `secrets/secrets.go`.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final, Self
from urllib.parse import urlsplit

from exporter.oci.digest import Malformed
from exporter.oci.reference import HUB
from exporter.sources.registry.credentials import Login

_HUB_KEY: Final = "index.docker.io"
_VERSIONS: Final = ("/v1/", "/v2/")


@dataclass(frozen=True, slots=True)
class Keyring:
    """The logins of some pull secrets, by what they are filed under, most specific first."""

    entries: tuple[tuple[str, Login], ...] = ()

    @classmethod
    def of(cls, secrets: Iterable[bytes]) -> Self:
        """Read pull secrets' contents, in the order in which a pod names them.

        Raises `Malformed` for one that a kubelet could not read; it would not pull then.
        """
        entries = [entry for secret in secrets for entry in _entries(secret)]
        # The sort is stable: logins under the same key stay in the order of the secrets.
        return cls(tuple(sorted(entries, key=lambda entry: entry[0], reverse=True)))

    def find(self, host: str, repository: str) -> tuple[Login, ...]:
        """Return the logins to try for an image, one after the other; none means: as nobody."""
        found = [login for key, login in self.entries if _matches(key, f"{host}/{repository}")]
        if not found and host == HUB:
            found = [login for key, login in self.entries if key == _HUB_KEY]
        return tuple(found)


def _entries(secret: bytes) -> Iterator[tuple[str, Login]]:
    try:
        document = json.loads(secret)
    except (ValueError, RecursionError) as error:
        raise Malformed("a pull secret that is not JSON") from error
    if not isinstance(document, Mapping):
        raise Malformed("a pull secret that is no JSON object")
    auths = document.get("auths", document)  # the older type is flat
    for key, entry in auths.items() if isinstance(auths, Mapping) else ():
        if isinstance(entry, Mapping):
            login = _login(entry)
            with suppress(ValueError):  # a kubelet passes over a key that is no address
                yield _filed(key), login


def _login(entry: Mapping[str, Any]) -> Login:
    """Read an entry: `auth` overrules what else it says, and tokens are not looked at."""
    encoded = entry.get("auth")
    if not encoded:
        return Login(str(entry.get("username") or ""), str(entry.get("password") or ""))
    try:
        text = base64.b64decode(str(encoded) + "=" * (-len(str(encoded)) % 4)).decode()
    except (binascii.Error, ValueError) as error:
        raise Malformed("a pull secret whose auth is not base64") from error
    username, colon, password = text.partition(":")
    if not colon:
        raise Malformed("a pull secret whose auth has no colon between name and password")
    return Login(username, password)


def _filed(key: str) -> str:
    """Return what an entry is for: `host` or `host/path`, without the API's version before it.

    Raises ValueError for what is no address.
    """
    parsed = urlsplit(key if key.startswith(("https://", "http://")) else f"https://{key}")
    _host(parsed.netloc)
    path = parsed.path[3:] if parsed.path.startswith(_VERSIONS) else parsed.path
    return parsed.netloc + path if path not in ("", "/") else parsed.netloc


def _matches(key: str, image: str) -> bool:
    """Is a key for an image? Each part of its host is a pattern; its path has to lead the image's.

    Paths are compared as texts: `host/team` is for `host/teams/app` too.
    """
    (filed, path), (host, wanted) = _split(key), _split(image)
    patterns, port = _host(filed)
    parts, wanted_port = _host(host)
    return (
        port == wanted_port
        and len(patterns) == len(parts)
        and wanted.startswith(path)
        and all(map(fnmatchcase, parts, patterns))
    )


def _split(text: str) -> tuple[str, str]:
    host, slash, path = text.partition("/")
    return host, slash + path


def _host(host: str) -> tuple[list[str], str]:
    address = urlsplit(f"//{host}")
    name = address.netloc.removesuffix(f":{address.port}")
    return name.strip("[]").split("."), str(address.port or "")
