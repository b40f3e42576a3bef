"""Pull secrets of pods, tried on a registry as a kubelet tries them.

Source: Kubernetes 1.34, `pkg/credentialprovider/keyring.go`, `config.go` and `secrets/secrets.go`.
"""

import asyncio
import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, Final, Self
from urllib.parse import urlsplit

from exporter.facts.gap import Reason
from exporter.facts.snapshot import Admission
from exporter.oci.digest import Digest, Malformed
from exporter.oci.reference import HUB, Place
from exporter.ports import Unseen
from exporter.sources.registry.credentials import FixedLogin, Login, Uncarried, carried
from exporter.sources.registry.manifests import head
from exporter.sources.registry.session import Session

_REFUSED: Final = frozenset({Reason.UNAUTHORIZED, Reason.DENIED})
_MOST_LOGINS: Final = 32
"""Maximum logins that are tried for one image, a request each."""
_HUB_KEY: Final = "index.docker.io"
_VERSIONS: Final = ("/v1/", "/v2/")
_MOST_ENTRIES: Final = 1_000
"""Entries of all the pull secrets of one pod. Real ones name a handful of registries."""
_LONGEST_KEY: Final = 1_024
"""Characters of an entry's key; no image's host and path are as long."""
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_AUTHORITY: Final = re.compile(r"(?:\[[^\s\[\]]*\]|[^\s:\[\]]*)(?::[0-9]*)?")
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class PullSecretLogins:
    """Logins of pull secrets, by their keys, most specific first."""

    entries: tuple[tuple[str, Login | None], ...] = ()
    """None is a login that no header can carry."""

    @classmethod
    def of(cls, secrets: Iterable[bytes]) -> Self:
        """Read pull secrets, in the order of the pod.

        Large ones take long. Raises `Malformed` for one that a kubelet could not read: it would not
        pull. Raises `Unseen` with `TOO_LARGE` for too many entries.
        """
        found = (entry for secret in secrets for entry in _entries(secret))
        entries = list(islice(found, _MOST_ENTRIES + 1))
        if len(entries) > _MOST_ENTRIES:
            words = f"more than {_MOST_ENTRIES} entries"
            raise Unseen("the pull secrets", Reason.TOO_LARGE, words)
        # The sort is stable: logins under the same key stay in the order of the secrets.
        return cls(tuple(sorted(entries, key=lambda entry: entry[0], reverse=True)))

    def find(self, host: str, repository: str) -> tuple[Login, ...]:
        """Return the logins to try for an image, in order; an empty result means anonymously.

        Raises `Unseen` with `CREDENTIALS` if one of them cannot be sent.
        """
        found = [login for key, login in self.entries if _matches(key, f"{host}/{repository}")]
        if not found and host == HUB:
            found = [login for key, login in self.entries if key == _HUB_KEY]
        logins = tuple(login for login in found if login is not None)
        if len(logins) < len(found):
            words = "credentials that a header cannot contain"
            raise Unseen("the pull secrets", Reason.CREDENTIALS, words)
        return logins


def _entries(secret: bytes) -> Iterator[tuple[str, Login | None]]:
    document = _document(secret)
    if not isinstance(document, Mapping):
        raise Malformed("a pull secret that is no JSON object")
    auths = document.get("auths", document)  # the older type is flat
    if not isinstance(auths, Mapping | None):
        raise Malformed("auths of a pull secret is not a JSON object")
    for key, entry in (auths or {}).items():
        if not isinstance(entry, Mapping | None):
            raise Malformed("an entry of a pull secret is not a JSON object")
        login = _login(entry or {})
        with suppress(ValueError):  # a kubelet passes over a key that is no address
            yield _filed(key), login


def _document(secret: bytes) -> object:
    """Decode JSON as Go does: invalid UTF-8 is replaced, numbers of any length are accepted."""
    try:
        text = secret.decode(errors="replace")
        return json.loads(text, parse_int=float, parse_constant=_refuse)
    except RecursionError as error:
        raise Unseen("the pull secrets", Reason.TOO_LARGE, "nested too deeply") from error
    except ValueError as error:
        raise Malformed("a pull secret that is not JSON") from error


def _refuse(constant: str) -> object:
    raise ValueError(constant)


def _login(entry: Mapping[str, Any]) -> Login | None:
    """Parse an entry: `auth` takes precedence, and tokens are ignored.

    Return None for a login that no header can carry. Raises `Malformed` for an entry that a kubelet
    rejects.
    """
    fields = ("username", "password", "email", "auth")
    folded = {name.lower(): value for name, value in entry.items()}  # Go takes any case
    username, password, _, encoded = (_text(folded, name) for name in fields)
    with suppress(UnicodeDecodeError, Uncarried):
        if encoded:
            username, _, password = _decoded(encoded).decode().partition(":")
        return carried(Login(username, password))
    return None


def _text(entry: Mapping[str, Any], name: str) -> str:
    """Return a field as Go reads it: a lone surrogate is replaced, another type is an error."""
    value = entry.get(name)
    if not isinstance(value, str | None):
        raise Malformed(f"{name} of a pull secret is not a string")
    return _SURROGATE.sub("\ufffd", value or "")


def _decoded(encoded: str) -> bytes:
    """Decode `base64(name:secret)`, padded or not, with line ends in it or not."""
    bare = encoded.replace("\r", "").replace("\n", "")
    whole = bare if encoded.strip().endswith("=") else bare + "=" * (-len(bare) % 4)
    if len(whole) % 4 or not _BASE64.fullmatch(whole):
        raise Malformed("auth of a pull secret is not base64")
    pair = base64.b64decode(whole)
    if b":" not in pair:
        raise Malformed("auth of a pull secret has no colon between user name and password")
    return pair


def _filed(key: str) -> str:
    """Parse the key of an entry: `host` or `host/path`, without the API's version.

    Raises ValueError for anything else.
    """
    if len(key) > _LONGEST_KEY or _CONTROL.search(key):  # urlsplit would drop line ends
        raise ValueError("no address")
    parsed = urlsplit(key if key.startswith(("https://", "http://")) else f"https://{key}")
    host = parsed.netloc.rpartition("@")[2]
    if not _AUTHORITY.fullmatch(host):
        raise ValueError("no address")
    path = parsed.path[3:] if parsed.path.startswith(_VERSIONS) else parsed.path
    return host + path if path not in ("", "/") else host


def _matches(key: str, image: str) -> bool:
    """Does a key match an image? Each part of its host is a pattern; its path is a prefix.

    Paths are compared as text: `host/team` matches `host/teams/app` too.
    """
    (patterns, port, path), (parts, wanted_port, wanted) = _split(key), _split(image)
    return (
        port == wanted_port
        and len(patterns) == len(parts)
        and wanted.startswith(path)
        and all(map(_globs, patterns, parts))
    )


def _globs(pattern: str, text: str) -> bool:
    """Does a pattern match a whole text? `*` is any text; no other wildcard occurs in a host."""
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == text
    *inner, last = rest
    at, end = len(first), len(text) - len(last)
    if at > end or not (text.startswith(first) and text.endswith(last)):
        return False
    for each in inner:
        at = text.find(each, at, end)
        if at < 0:
            return False
        at += len(each)
    return True


def _split(text: str) -> tuple[list[str], str, str]:
    """Return the parts of a host's name, its port as text (as in Go), and the path."""
    host, slash, path = text.partition("/")
    name, colon, port = host.rpartition(":")
    if not colon or "]" in port:
        name, port = host, ""
    return name.strip("[]").split("."), port, slash + path


@dataclass(frozen=True, slots=True)
class PullSecretCheck:
    """Check of further logins at one registry; implements `exporter.ports.CredentialCheck`."""

    session: Session
    secrets: Callable[[], Mapping[str, tuple[bytes, ...]]]
    """Returns the current pull secrets, by the names of their sets."""

    async def admits(self, login: str, host: str, place: Place) -> Admission:
        """Try the logins for an image in turn, until one may read its repository.

        `host` is the registry in the image's reference; the content at `place` is known to exist.
        Other credentials of a node (a credential provider, its runtime's settings) are not seen
        from here.
        """
        said = partial(Admission, login, place[0])
        secrets = self.secrets().get(login)
        if secrets is None:
            return said(None, Reason.CREDENTIALS, "its pull secrets could not be read")
        try:
            # Read anew each time, since they are not kept; it takes as long as they are large.
            known = await asyncio.to_thread(PullSecretLogins.of, secrets)
            logins = await asyncio.to_thread(known.find, host, place[0])
        except Malformed as error:
            return said(False, Reason.CREDENTIALS, f"{error}: a kubelet pulls nothing with it")
        except Unseen as unseen:
            return said(None, unseen.reason, f"{unseen.subject}: {unseen.detail}")
        refused = Reason.UNAUTHORIZED
        for each in logins[:_MOST_LOGINS] or (None,):
            try:
                if await self._opens(each, place):
                    return said(True)
            except Unseen as unseen:
                if unseen.reason not in _REFUSED:
                    return said(None, unseen.reason, unseen.detail)
                refused = unseen.reason
            else:
                detail = "not found with these credentials, though it is there"
                return said(None, Reason.UNCONFIRMED, detail)
        if len(logins) > _MOST_LOGINS:
            return said(None, Reason.TOO_LARGE, f"more than {_MOST_LOGINS} logins for one registry")
        return said(False, refused, _told(len(logins), host))

    async def _opens(self, login: Login | None, place: Place) -> bool:
        session = self.session.of_other(FixedLogin(login))
        return isinstance(await head(session, *place), Digest)


def _told(logins: int, host: str) -> str:
    if not logins:
        return f"no pull secret is for {host}, and nobody is let in without"
    return "the login is refused" if logins == 1 else f"each of {logins} logins is refused"
