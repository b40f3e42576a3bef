"""A real zot as a registry, where PULLPROOF_ZOT names its program: it is no module to be fetched.

How to build one: docs/registries/zot.md.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx

from tests.parts.client import Client
from tests.parts.process import Running, running, until
from tests.parts.stand import RecordedKind, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from contextlib import ExitStack

    from exporter.oci.digest import Digest
    from tests.parts.recorded import Stage

PROGRAM: Final = os.environ.get("PULLPROOF_ZOT", "")
"""The path of a zot, v2.1.20 or newer; empty where there is none."""
VERSION: Final = "v2.1.20"
"""Of the zot whose answers are recorded."""
_LISTENING: Final = r'listening on kernel chosen port","port":(\d+)'
_DELAY: Final = 5
"""Seconds for which its collector spares what is new: a push takes less."""
_BEGAN: Final = "executing gc of orphaned blobs for"
_ENDED: Final = "gc successfully completed for"
_FAILED: Final = "failed to run GC for"
_HOST: Final = "127.0.0.1"


@dataclass(frozen=True)
class Zot(Server):
    """A zot that is up."""

    server: Running
    folder: Path

    @property
    def host(self) -> str:
        return f"{_HOST}:{self.server.address}"

    @property
    def root(self) -> Path:
        """Its storage: an OCI layout for each repository."""
        return self.folder / "storage"

    @contextmanager
    def client(self, repository: str) -> Iterator[Client]:
        """A client that may do everything to one repository."""
        with Client.to(self.url, repository, None, None) as client:
            yield client

    def home(self, repository: str) -> Path:
        """The folder of a repository."""
        apart = self.folder / "collected" / repository.partition("/")[0]
        return (apart if apart.exists() else self.root) / repository

    def data(self, repository: str, digest: Digest) -> Path:
        """The file that holds a blob's or manifest's bytes in a repository."""
        return self.home(repository) / "blobs" / digest.algorithm / digest.encoded

    def delete(self, repository: str, digest: Digest) -> None:
        """Delete a manifest, unless an index references it."""
        with self.client(repository) as client, suppress(httpx.HTTPStatusError):
            client.delete(digest)

    def drop(self, repository: str) -> None:
        """Remove the folder of a repository."""
        shutil.rmtree(self.home(repository))

    drop_owner = drop

    def authorization(self, repository: str) -> Mapping[str, str]:  # noqa: ARG002 - all the same
        """Anybody may do everything."""
        return {}

    def anonymous(self) -> Stage:
        """It has none."""
        return {}

    def clean(self, repository: str) -> None:
        """Wait until all that is there now was old enough for a collection, and one has ended.

        It starts within 30 seconds: zot waits that long before each repository.
        """
        home = self.home(repository)
        newest = max(each.stat().st_mtime for each in home.rglob("*"))
        old = datetime.fromtimestamp(newest + _DELAY, UTC).isoformat()
        log, began = self._lines(self.server.log.stat().st_size), [False]

        def over() -> bool:
            for line in log():
                began[0] |= line["message"] == f"{_BEGAN} {home}" and line["time"] > old
                if began[0] and line["message"] == f"{_ENDED} {home}":
                    return True
            return False

        until(over, f"zot collects {repository}")

    def ran(self, homes: Collection[Path]) -> None:
        """Wait until its collector has come to an end in each repository, or given up twice."""
        ends = {f"{_ENDED} {home}": (home, 2) for home in homes}
        ends |= {f"{_FAILED} {home}": (home, 1) for home in homes}
        log, left = self._lines(0), dict.fromkeys(homes, 2)

        def over() -> bool:
            for line in log():
                if (ended := ends.get(line["message"])) is not None:
                    left[ended[0]] -= ended[1]
            return all(points <= 0 or not home.exists() for home, points in left.items())

        until(over, "zot collects every repository")

    def _lines(self, begin: int) -> Callable[[], list[dict[str, str]]]:
        """Return what reads the lines of its log that have come since it was called last."""
        file, at = self.server.log, [begin]

        def fresh() -> list[dict[str, str]]:
            with file.open("rb") as log:
                log.seek(at[0])
                whole = log.read().rpartition(b"\n")[0]
            at[0] += len(whole)
            return [json.loads(line) for line in whole.splitlines() if line]

        return fresh


@contextmanager
def zot(
    folder: Path,
    collects: Sequence[str] = (),
    storage: Mapping[str, object] | None = None,
    http: Mapping[str, object] | None = None,
) -> Iterator[Zot]:
    """Run a zot whose configuration, storage and log are in a folder.

    It collects again and again the repositories below the first parts `collects`: each of these has
    a storage of its own, since zot waits before each repository.
    """
    folder.mkdir(parents=True, exist_ok=True)
    collecting = {"gc": True, "gcDelay": f"{_DELAY}s", "gcInterval": "1s"}
    parts = {
        f"/{part}": {"rootDirectory": str(folder / "collected" / part), **collecting}
        for part in collects
    }
    own = {"rootDirectory": str(folder / "storage"), "gc": False, "subPaths": parts}
    config = {
        "distSpecVersion": "1.1.1",
        "storage": own | dict(storage or {}),
        "http": {"address": _HOST, "port": "0", "compat": ["docker2s2"]} | dict(http or {}),
        "log": {"level": "info"},
    }
    file = folder / "config.json"
    file.write_text(json.dumps(config))
    with running((PROGRAM, "serve", str(file)), _LISTENING, folder / "zot.log") as server:
        yield Zot(server, folder)


@contextmanager
def _stand(folder: Path, cleaned: Collection[str], _: ExitStack) -> Iterator[Zot]:
    with zot(folder, tuple(cleaned)) as server:
        yield server


KIND: Final = RecordedKind(
    "zot", VERSION, PROGRAM, _stand, shares=True, untold=frozenset({"manifest cut"})
)
"""Of a tag whose manifest does not parse it names no digest."""
