"""A real distribution registry, in the settings that people run, and its garbage collector."""

from __future__ import annotations

import base64
import json
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import bcrypt

from tests.parts.certificates import Authority
from tests.parts.client import Client
from tests.parts.needs import asset, program
from tests.parts.process import PATIENCE, Running, running
from tests.parts.tokens import ISSUER, PASSWORD, SERVICE, USER, Tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.worlds import Made

Json = dict[str, object]

_LISTENING: Final = r"listening on ([\w.:]+)"
_ANYWHERE: Final = "127.0.0.1:0"


@dataclass(frozen=True, slots=True)
class Settings:
    """How a registry is run. The defaults are the official image's, with deletion allowed."""

    version: int = 2
    """2: Debian's docker-registry 2.8. 3: distribution 3.1, which `make assets` builds."""
    cache: bool = True
    """Keeps descriptors in memory, as the official image does: after a collection it lies."""
    delete: bool = True
    authority: Authority | None = None
    """Serves TLS with a certificate that this authority signs."""
    basic: bool = False
    """Asks for USER and PASSWORD by Basic authentication."""
    tokens: Tokens | None = None
    """Sends clients to a token server."""
    schema1: bool = False
    """Accepts the withdrawn schema 1 manifests (2.x only)."""
    mirror_of: str | None = None
    """The address of the registry whose pull-through cache it is."""
    most_listed: int | None = None
    """Repositories that one page of its catalogue may hold; it refuses to give more."""
    bucket: Json | None = None
    """The S3 driver's parameters, where it does not keep its content in its folder."""
    address: str = _ANYWHERE
    """Where it listens: a free port, or a former registry's address to take its place."""
    notify: tuple[str, str] | None = None
    """The address that it sends its events to, and the token that it shows there."""


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry that is up."""

    settings: Settings
    folder: Path
    server: Running

    @property
    def host(self) -> str:
        """`127.0.0.1:port`, as it stands in references."""
        return self.server.address

    @property
    def url(self) -> str:
        return f"http{'s' if self.settings.authority else ''}://{self.host}"

    @property
    def root(self) -> Path:
        """Its storage, for `tests.parts.tree`."""
        return self.folder / "storage"

    @contextmanager
    def client(self, repository: str) -> Iterator[Client]:
        """A client that may do everything to one repository."""
        tokens, authority = self.settings.tokens, self.settings.authority
        allowed = None
        if self.settings.basic:
            allowed = f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"
        if tokens:
            allowed = tokens.bearer(f"repository:{repository}:pull,push,delete")
        trusted = authority.certificate if authority else None
        with Client.to(self.url, repository, trusted, allowed) as client:
            yield client

    def push(self, repository: str, made: Made, *tags: str) -> None:
        """Push an image by hand, and point tags at it."""
        with self.client(repository) as client:
            client.push(made, *tags)

    def collect(self, *options: str) -> str:
        """Run the garbage collector on the storage of the running server; return its output."""
        config = str(self.folder / "config.yml")
        command = [_binary(self.settings), "garbage-collect", *options, config]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE)
        return done.stdout


@contextmanager
def registry(folder: Path, settings: Settings | None = None) -> Iterator[Registry]:
    """Run a registry whose configuration, storage and log are in a folder."""
    settings = settings or Settings()
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "config.yml"
    config.write_text(json.dumps(_config(folder, settings)))  # JSON is YAML
    command = [_binary(settings), "serve", str(config)]
    with running(command, _LISTENING, folder / "registry.log", _VARIABLES) as server:
        yield Registry(settings, folder, server)


_VARIABLES: Final = {"OTEL_TRACES_EXPORTER": "none"}


def _binary(settings: Settings) -> str:
    return program("docker-registry") if settings.version == 2 else asset("registry")


def _config(folder: Path, settings: Settings) -> Json:
    storage: Json = {"filesystem": {"rootdirectory": str(folder / "storage")}}
    if settings.bucket:
        storage = {"s3": settings.bucket}
    storage["delete"] = {"enabled": settings.delete}
    if settings.cache:
        storage["cache"] = {"blobdescriptor": "inmemory"}
    http: Json = {"addr": settings.address, "secret": "shared by nobody"}
    if settings.authority:
        pair = settings.authority.sign("registry")
        http["tls"] = {"certificate": str(pair.certificate), "key": str(pair.key)}
    config: Json = {"version": "0.1", "log": {"level": "info"}, "storage": storage, "http": http}
    # Without this a foreign layer's `urls` are refused.
    config["validation"] = {"manifests": {"urls": {"allow": ["^https://"]}}}
    if settings.mirror_of:
        config["proxy"] = {"remoteurl": settings.mirror_of}
    if settings.most_listed:
        config["catalog"] = {"maxentries": settings.most_listed}
    if settings.notify:
        address, token = settings.notify
        endpoint: Json = {"name": "pullproof", "url": address, "timeout": "5s", "threshold": 3}
        endpoint |= {"backoff": "1s", "headers": {"Authorization": [f"Bearer {token}"]}}
        config["notifications"] = {"endpoints": [endpoint]}
    if settings.schema1:
        config["compatibility"] = {"schema1": {"enabled": True}}
    return config | _auth(folder, settings)


def _auth(folder: Path, settings: Settings) -> Json:
    if settings.basic:
        users = folder / "htpasswd"
        users.write_bytes(f"{USER}:".encode() + bcrypt.hashpw(PASSWORD.encode(), _QUICK))
        return {"auth": {"htpasswd": {"realm": "tests", "path": str(users)}}}
    if settings.tokens:
        token: Json = {"realm": settings.tokens.realm, "service": SERVICE, "issuer": ISSUER}
        return {"auth": {"token": token | {"rootcertbundle": str(settings.tokens.bundle)}}}
    return {}


_QUICK: Final = bcrypt.gensalt(rounds=4)
