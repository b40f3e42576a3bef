"""A registry and the hands that fill and damage it, and the kinds of them that are recorded."""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from exporter.facts.registry_kind import Collector
from exporter.sources.registry.credentials import Login

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from exporter.oci.digest import Digest
    from tests.parts.client import Client
    from tests.parts.recorded import Stage
    from tests.worlds import Made

_RECORDINGS: Final = Path(__file__).parents[1] / "recordings"


class Stored(Protocol):
    """Where the bytes of a blob or manifest are: a file, or a row of a database."""

    def read_bytes(self) -> bytes: ...
    def write_bytes(self, body: bytes, /) -> object: ...
    def unlink(self) -> None: ...


class Stand(Protocol):
    """A registry that is up."""

    @property
    def host(self) -> str: ...
    def client(self, repository: str) -> AbstractContextManager[Client]: ...
    def push(self, repository: str, made: Made, *tags: str) -> None: ...
    def data(self, repository: str, digest: Digest) -> Stored: ...
    def delete(self, repository: str, digest: Digest) -> None:
        """Delete a manifest by the registry's own API, as far as it allows that."""

    def drop(self, repository: str) -> None: ...
    def drop_owner(self, owner: str) -> None: ...
    def clean(self, repository: str) -> None:
        """Run the kind's own: a collection, or a rule for untagged ones and tags of platforms."""


class Server(ABC):
    """A server of the tests' own that is up, and is pushed to by hand."""

    host: str
    """`127.0.0.1:port`, as it stands in references."""

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    @abstractmethod
    def client(self, repository: str) -> AbstractContextManager[Client]:
        """A client that may do everything to one repository."""

    def push(self, repository: str, made: Made, *tags: str) -> None:
        """Push an image by hand, and point tags at it."""
        with self.client(repository) as client:
            client.push(made, *tags)


class SlowServer(Server):
    """One that takes long to start: it is emptied, and stays up for the session."""

    @abstractmethod
    def own(self, name: str) -> None:
        """Make an owner of repositories, if it is not there."""

    @abstractmethod
    def forget(self) -> None:
        """Delete all that it has."""

    def push(self, repository: str, made: Made, *tags: str) -> None:
        """Push an image by hand for an owner, which is made, and point tags at it."""
        self.own(repository.partition("/")[0])
        super().push(repository, made, *tags)


Slow = TypeVar("Slow", bound=SlowServer)


def kept(
    start: Callable[[Path], AbstractContextManager[Slow]],
) -> Callable[[Path, Collection[str], ExitStack], AbstractContextManager[Slow]]:
    """Return the `stand` of a kind whose server is started once in a session."""
    servers: dict[ExitStack, Slow] = {}

    @contextmanager
    def stand(folder: Path, _: Collection[str], session: ExitStack) -> Iterator[Slow]:
        if (server := servers.get(session)) is None:
            server = servers[session] = session.enter_context(start(folder))
        server.forget()
        server.own("team")  # of an owner that is missing they say other things
        yield server

    return stand


def basic(login: Login) -> str:
    """Return the header that shows a login."""
    shown = base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
    return f"Basic {shown}"


class RecordedStand(Stand, Protocol):
    """One whose answers are recorded."""

    @property
    def url(self) -> str: ...
    def authorization(self, repository: str) -> Mapping[str, str]:
        """Return the headers of whoever may pull from a repository, or list where it is empty."""

    def anonymous(self) -> Stage:
        """Return what it says to those who show no token, and what its token server says."""


@dataclass(frozen=True)
class RecordedKind:
    """A kind of registry that runs where a variable names it, and is replayed elsewhere."""

    name: str
    version: str
    program: str
    """What the variable names; empty where it is not set."""
    stand: Callable[[Path, Collection[str], ExitStack], AbstractContextManager[RecordedStand]]
    """Yields an empty registry.

    Its files are in a folder; cleanups may run below the owners; what is slow to start may stay up
    in the stack of the session.
    """
    collects: Collector = Collector.PARENT_PROTECTS
    login: Login | None = None
    """Of an account that may read everything."""
    shares: bool = False
    """Does a request for a part of a blob bring it over from another repository?"""
    lies: bool = False
    """Does it answer for blobs whose bytes are gone, out of its cache?"""
    partial: bool = False
    """Does its catalogue never show that it is whole?"""
    untold: Collection[str] = field(default_factory=frozenset)
    """Damages that nobody can tell, pullproof neither, though a pull fails."""

    @property
    def path(self) -> Path:
        """Its recording."""
        return _RECORDINGS / f"{self.name}-{self.version}.json.gz"
