"""Logins in the files of docker and podman, and in their credential helpers.

Sources: docker/cli `cli/config`, containers/image `docs/containers-auth.json.5.md`,
docker/docker-credential-helpers `credentials/credentials.go`.
"""

import asyncio
import base64
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self
from weakref import WeakValueDictionary

from exporter.documents import read_regular
from exporter.facts.gap import Reason
from exporter.oci.digest import Malformed
from exporter.oci.reference import HUB
from exporter.ports import Unseen
from exporter.sources.program import Program
from exporter.sources.registry.credentials import Login, Uncarried, login_of, presentable

_KEPT_FOR: Final = 300.0
"""Seconds for which an answer is cached: one audit asks for very many repositories."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NOT_FOUND: Final = b"credentials not found in native keychain"

_HUB_KEY: Final = "https://index.docker.io/v1/"
"""Key under which docker and its helpers file the login for Docker Hub."""
_HUB_HOSTS: Final = frozenset({HUB, "index.docker.io", "registry-1.docker.io"})
_MOST_BYTES: Final = 2**20
_AUTHORITY_END: Final = re.compile("[/?#]")

Json = Mapping[str, Any]


@dataclass(slots=True)
class Helpers:
    """The credential helpers of this machine. Concurrent requests share one call."""

    timeout: float = 10.0
    """Timeout of a call, in seconds."""
    failed_for: float = 10.0
    """Seconds for which a failure is cached: not every repository waits for it."""
    _kept: dict[tuple[str, str], tuple[Login | Unseen | None, float]] = field(
        default_factory=dict, repr=False
    )
    """By helper and server: its answer, and the time until which that is cached."""
    _turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = field(
        default_factory=WeakValueDictionary, repr=False
    )

    async def ask(self, name: str, server: str) -> Login | None:
        """Return the login of a helper for a server, or None.

        Raises `Unseen` with `CREDENTIALS` if it is not installed, fails, or times out. Its output
        is never repeated: it may hold the secret.
        """
        if not _NAME.fullmatch(name):
            raise Unseen(name[:80], Reason.CREDENTIALS, "not the name of a credential helper")
        async with self._turns.setdefault((name, server), asyncio.Lock()):
            found, until = self._kept.get((name, server), (None, 0.0))
            if until <= _now():
                try:
                    found = await _ask(f"docker-credential-{name}", server, self.timeout)
                    until = _now() + _KEPT_FOR
                except Unseen as failure:
                    found, until = failure, _now() + self.failed_for
                self._kept[name, server] = found, until
        if isinstance(found, Unseen):
            raise Unseen(found.subject, found.reason, found.detail)
        return found

    def forget(self, login: Login) -> None:
        """Call again for a login that has expired: those of ECR and GAR are valid for hours."""
        for key in [key for key, (found, _) in self._kept.items() if found == login]:
            del self._kept[key]


async def _ask(program: str, server: str, patience: float) -> Login | None:
    asked = server.encode(errors="replace")
    code, printed = await Program((program, "get"), patience, asked).run()
    if code != 0:
        if _NOT_FOUND in printed:
            return None
        raise Unseen(program, Reason.CREDENTIALS, f"exited with code {code}")
    try:
        document = json.loads(printed)
        username, secret = document["Username"], document["Secret"]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise Unseen(program, Reason.CREDENTIALS, "its answer is not a login") from error
    try:
        return presentable(login_of(username, secret))
    except Uncarried as error:
        raise Unseen(program, Reason.CREDENTIALS, str(error)) from error


def _now() -> float:
    return asyncio.get_running_loop().time()


@dataclass(frozen=True, slots=True)
class DockerConfig:
    """Files with logins; the first that has one for a repository decides."""

    paths: tuple[Path, ...]
    helpers: Helpers = field(default_factory=Helpers)
    required: bool = False
    """Must the files exist? If one is configured, nothing is requested without its login."""

    @classmethod
    def usual(cls, environ: Mapping[str, str], home: Path) -> Self:
        """Use the files of docker, then podman; only REGISTRY_AUTH_FILE, if it is set."""
        if chosen := environ.get("REGISTRY_AUTH_FILE"):
            return cls((Path(chosen),))
        docker = Path(environ.get("DOCKER_CONFIG") or home / ".docker")
        runtime = environ.get("XDG_RUNTIME_DIR")
        config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
        podman = (*((Path(runtime),) if runtime else ()), config)
        files = (docker / "config.json", *(each / "containers/auth.json" for each in podman))
        return cls((*files, home / ".dockercfg"))

    async def find(self, host: str, repository: str) -> Login | None:
        """Return the login for a repository, or None.

        Files are read each time, since logins rotate. Raises `Unseen` with `CREDENTIALS`.
        """
        for path in self.paths:
            try:
                entry = await asyncio.to_thread(_entry, path, host, repository, self.required)
                login = await self._login(entry) if entry else None
            except Malformed as error:
                raise Unseen(str(path), Reason.CREDENTIALS, str(error)) from error
            if login is not None:
                return login
        return None

    async def namespaces(self, host: str) -> tuple[str, ...]:
        """Return each `host/namespace` with a login of its own. Raises `Unseen`."""
        found: dict[str, None] = {}
        for path in self.paths:
            try:
                found |= dict.fromkeys(await asyncio.to_thread(_names, path, host))
            except Malformed as error:
                raise Unseen(str(path), Reason.CREDENTIALS, str(error)) from error
        return tuple(found)

    def forget(self, login: Login) -> None:
        """Call the helpers again for a login that has expired."""
        self.helpers.forget(login)

    def check(self, host: str) -> None:
        """Raise `Malformed` for an unusable file or login of a host. No helper runs."""
        for path in self.paths:
            try:
                for name in (host, *_names(path, host)):
                    entry = _entry(path, host, name.partition("/")[2], self.required)
                    _check(entry) if entry else None
            except Malformed as error:
                raise Malformed(f"{path}: {error}") from error

    async def _login(self, entry: "_Entry") -> Login | None:
        """Return the login of the host's helper, else of the general one, else the written one."""
        if entry.helper is not None:
            return await self.helpers.ask(entry.helper, entry.server)
        if entry.store and (login := await self.helpers.ask(entry.store, entry.server)):
            return login
        return entry.written


@dataclass(frozen=True, slots=True)
class _Entry:
    """The entries of one file that concern a repository."""

    server: str
    """The name of the registry for helpers."""
    helper: str | None
    """The registry's own helper."""
    store: str
    """The helper of all registries; empty is none."""
    key: str = ""
    fields: Json = field(default_factory=dict, repr=False)

    @property
    def written(self) -> Login | None:
        """The login in the file itself. Raises `Malformed`, without secrets."""
        try:
            return _written(self.fields)
        except Malformed as error:
            raise Malformed(f"{self.key[:100]!r}: {error}") from error


def _check(entry: _Entry) -> None:
    """Raise `Malformed` for a login that cannot be looked up or parsed."""
    helper = entry.store if entry.helper is None else entry.helper
    if helper or entry.helper is not None:
        if not _NAME.fullmatch(helper):
            raise Malformed(f"{helper[:80]!r} is not the name of a credential helper")
        if shutil.which(program := f"docker-credential-{helper}") is None:
            raise Malformed(f"{program}: not installed")
    _ = entry.written


def _names(path: Path, host: str) -> list[str]:
    """Return the namespaces of a host with logins of their own."""
    config = _load(path) or {}
    filed = (*_mapping(config, "credHelpers"), *_mapping(config, "auths"))
    return [each for each in map(_filed, filed) if each.startswith(f"{host}/")]


def _entry(path: Path, host: str, repository: str, required: bool) -> _Entry | None:  # noqa: FBT001 - by position, into a thread
    """Read a file; None if it does not exist. Raises `Malformed`, without secrets."""
    config = _load(path)
    if config is None:
        if required:
            raise Malformed("no such file")
        return None
    keys = _keys(host, repository)
    server = _HUB_KEY if host in _HUB_HOSTS else host
    helpers = {_filed(key): name for key, name in _mapping(config, "credHelpers").items()}
    mine = next((key for key in keys if key in helpers), None)
    if mine is not None:
        helper = helpers[mine]
        server = server if mine in (host, *_HUB_HOSTS) else mine
        return _Entry(server, helper if isinstance(helper, str) else "", "")
    store = config.get("credsStore")
    auths = _mapping(config, "auths") if "auths" in config else config  # .dockercfg is flat
    filed = {_filed(key): (key, entry) for key, entry in auths.items() if isinstance(entry, dict)}
    found = next((filed[key] for key in keys if key in filed), ("", {}))
    return _Entry(server, None, store if isinstance(store, str) else "", *found)


def _keys(host: str, repository: str) -> tuple[str, ...]:
    """Return the keys of a login, most specific first: namespaces, then the host."""
    hosts = ("index.docker.io", HUB, "registry-1.docker.io") if host in _HUB_HOSTS else (host,)
    parts = repository.split("/") if repository else []
    tails = ("/".join(parts[:count]) for count in range(len(parts), -1, -1))
    return tuple(f"{each}/{tail}".rstrip("/") for tail in tails for each in hosts)


def _filed(key: str) -> str:
    """Return a key as `host[/namespace]`: docker writes `https://host/v1/`."""
    if "://" in key:
        return _AUTHORITY_END.split(key.partition("://")[2], maxsplit=1)[0]
    stripped = key.rstrip("/")
    return stripped.removesuffix("/v1").removesuffix("/v2")


def _written(entry: Json) -> Login | None:
    """Parse one entry: `auth` overrides `username` and `password`, a token overrides both."""
    username, password = _text(entry, "username"), _text(entry, "password")
    if encoded := _text(entry, "auth"):
        username, password = _decoded(encoded)
    if token := _text(entry, "registrytoken"):
        return presentable(Login(registry_token=token))
    if token := _text(entry, "identitytoken"):
        return presentable(Login(username, identity_token=token))
    return presentable(login_of(username, password)) if password else None


def _text(entry: Json, name: str) -> str:
    value = entry.get(name)
    if not isinstance(value, str | None):
        raise Malformed(f"{name} is not text")
    return value or ""


def _decoded(encoded: str) -> tuple[str, str]:
    """Split `base64(name:secret)`, padded or not."""
    try:
        text = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True).decode()
    except ValueError as error:  # binascii.Error is one
        raise Malformed("auth is not valid base64 of text") from error
    username, _, password = text.partition(":")
    return username, password.rstrip("\0")


def _load(path: Path) -> Json | None:
    try:
        content = read_regular(path, _MOST_BYTES + 1)
        document = json.loads(content) if len(content) <= _MOST_BYTES else None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise Malformed(error.strerror or "unreadable") from error
    except (ValueError, RecursionError) as error:
        raise Malformed("not JSON") from error
    if len(content) > _MOST_BYTES:
        raise Malformed(f"more than {_MOST_BYTES} bytes")
    if not isinstance(document, dict):
        raise Malformed("not a JSON object")
    return document


def _mapping(config: Json, name: str) -> Json:
    value = config.get(name)
    return value if isinstance(value, dict) else {}
