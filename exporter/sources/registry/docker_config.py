"""Which login do docker's and podman's own files hold for a registry?

Source: docker/cli `cli/config`, containers/image `docs/containers-auth.json.5.md`.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

from exporter.facts.gap import Reason
from exporter.oci.reference import HUB
from exporter.sources import Unseen
from exporter.sources.registry.credentials import Login, login_of
from exporter.sources.registry.helper import Helpers

Json = Mapping[str, Any]

_HUB_KEY: Final = "https://index.docker.io/v1/"
"""Under this name, and no other, docker and its helpers file the login for the Hub."""
_HUB_HOSTS: Final = frozenset({HUB, "index.docker.io", "registry-1.docker.io"})
_MOST_BYTES: Final = 2**20


@dataclass(frozen=True, slots=True)
class DockerConfig:
    """The first of these files that has a login for a repository decides."""

    paths: tuple[Path, ...]
    helpers: Helpers = field(default_factory=Helpers)

    @classmethod
    def usual(cls, environ: Mapping[str, str], home: Path) -> Self:
        """Look where docker, then podman keep them; REGISTRY_AUTH_FILE alone where it is set."""
        if chosen := environ.get("REGISTRY_AUTH_FILE"):
            return cls((Path(chosen),))
        docker = Path(environ.get("DOCKER_CONFIG") or home / ".docker")
        runtime = environ.get("XDG_RUNTIME_DIR")
        config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
        podman = (*((Path(runtime),) if runtime else ()), config)
        files = (docker / "config.json", *(each / "containers/auth.json" for each in podman))
        return cls((*files, home / ".dockercfg"))

    async def find(self, host: str, repository: str) -> Login | None:
        """Return the login for a repository, None where no file has one.

        Files are read anew each time, since logins rotate. Raises `Unseen` with `CREDENTIALS`.
        """
        for path in self.paths:
            config = await asyncio.to_thread(_load, path)
            login = await self._within(config, host, repository) if config else None
            if login is not None:
                return login
        return None

    async def _within(self, config: Json, host: str, repository: str) -> Login | None:
        """One file: a host's own helper, else the general store, else what is written down."""
        keys = _keys(host, repository)
        helpers = {_filed(key): str(name) for key, name in _mapping(config, "credHelpers").items()}
        mine = next(((key, helpers[key]) for key in keys if key in helpers), None)
        server = _HUB_KEY if host in _HUB_HOSTS else host
        store = config.get("credsStore")
        if mine is not None:
            server = server if mine[0] in (host, *_HUB_HOSTS) else mine[0]
            return await self.helpers.ask(mine[1], server)
        if isinstance(store, str) and store:
            login = await self.helpers.ask(store, server)
            if login is not None:
                return login
        auths = _mapping(config, "auths") if "auths" in config else config  # .dockercfg is flat
        filed = {_filed(key): entry for key, entry in auths.items() if isinstance(entry, dict)}
        found = next((filed[key] for key in keys if key in filed), None)
        return _login(found) if found else None


def _keys(host: str, repository: str) -> tuple[str, ...]:
    """Under which names a login may be filed, most specific first: namespaces, then the host."""
    hosts = ("index.docker.io", HUB, "registry-1.docker.io") if host in _HUB_HOSTS else (host,)
    parts = repository.split("/") if repository else []
    tails = ("/".join(parts[:count]) for count in range(len(parts), -1, -1))
    return tuple(f"{each}/{tail}".rstrip("/") for tail in tails for each in hosts)


def _filed(key: str) -> str:
    """Return a key as `host[/namespace]`: docker writes `https://host/v1/`, podman does not."""
    if "://" in key:
        return urlsplit(key).netloc
    stripped = key.rstrip("/")
    return stripped.removesuffix("/v1").removesuffix("/v2")


def _login(entry: Json) -> Login | None:
    """Read one entry: `auth` overrules `username` and `password`, a token overrules both."""
    username, password = str(entry.get("username") or ""), str(entry.get("password") or "")
    if encoded := entry.get("auth"):
        username, password = _decoded(str(encoded))
    if token := entry.get("registrytoken"):
        return Login(registry_token=str(token))
    if token := entry.get("identitytoken"):
        return Login(username, identity_token=str(token))
    return login_of(username, password) if password else None


def _decoded(encoded: str) -> tuple[str, str]:
    """Split `base64(name:secret)`, padded or not."""
    try:
        text = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise Unseen("an auth entry", Reason.CREDENTIALS, "not base64") from error
    username, _, password = text.partition(":")
    return username, password.rstrip("\0")


def _load(path: Path) -> Json | None:
    """Read a file, None where there is none."""
    try:
        with path.open("rb") as file:
            document = json.loads(file.read(_MOST_BYTES))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise Unseen(str(path), Reason.CREDENTIALS, error.strerror or "unreadable") from error
    except (ValueError, RecursionError) as error:
        raise Unseen(str(path), Reason.CREDENTIALS, "not JSON") from error
    if not isinstance(document, dict):
        raise Unseen(str(path), Reason.CREDENTIALS, "not a JSON object")
    return document


def _mapping(config: Json, name: str) -> Json:
    value = config.get(name)
    return value if isinstance(value, dict) else {}
