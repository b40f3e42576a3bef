"""A PostgreSQL and a Redis of a test, on ports of their own, and registries that need them."""

from __future__ import annotations

import os
import pwd
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.parts.needs import program
from tests.parts.ports import held
from tests.parts.process import PATIENCE, running
from tests.parts.stand import SlowServer

if TYPE_CHECKING:
    from collections.abc import Iterator

_POSTGRES: Final = Path("/usr/lib/postgresql/15/bin")
_USER: Final = "tests"


@dataclass(frozen=True, slots=True)
class PostgreSQL:
    """A server that is up, with one database that anybody may use."""

    port: str
    name: str

    @property
    def url(self) -> str:
        return f"postgresql://{_USER}@127.0.0.1:{self.port}/{self.name}"

    def sql(self, statement: str) -> list[str]:
        """Run statements; return the lines of the answer. The first that fails ends it."""
        command = (str(_POSTGRES / "psql"), "-qAtX", "-v", "ON_ERROR_STOP=1", self.url)
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, input=statement, timeout=PATIENCE
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()


@contextmanager
def postgresql(folder: Path, name: str) -> Iterator[PostgreSQL]:
    """Run a PostgreSQL whose files and log are in a folder."""
    as_postgres: tuple[str, ...] = ()
    if os.geteuid() == 0:  # it refuses to run as root, and the folder is root's
        as_postgres = ("unshare", "--user", f"--map-user={pwd.getpwnam('postgres').pw_uid}")
    tree = folder / "database"
    initdb = (str(_POSTGRES / "initdb"), "-D", str(tree), "-A", "trust", "-U", _USER, "-N")
    subprocess.run((*as_postgres, *initdb), check=True, capture_output=True, timeout=PATIENCE)
    with held() as address:
        port = address.partition(":")[2]
        options = ("-p", port, "-k", "", "-c", "fsync=off")
        command = (*as_postgres, str(_POSTGRES / "postgres"), "-D", str(tree), *options)
        with running(command, "(ready to accept connections)", folder / "postgres.log"):
            where = ("-h", "127.0.0.1", "-p", port, "-U", _USER, name)
            subprocess.run((str(_POSTGRES / "createdb"), *where), check=True, timeout=PATIENCE)
            yield PostgreSQL(port, name)


@dataclass(frozen=True, slots=True)
class Redis:
    """A server that is up."""

    port: str

    def ask(self, *words: str) -> list[str]:
        """Run a command; return the lines of the answer."""
        command = (program("redis-cli"), "-p", self.port, *words)
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE)
        return done.stdout.splitlines()


@contextmanager
def redis(folder: Path) -> Iterator[Redis]:
    """Run a Redis whose log is in a folder."""
    with held() as address:
        port = address.partition(":")[2]
        command = (program("redis-server"), "--port", port, "--save", "", "--dir", str(folder))
        with running(command, "(Ready to accept connections)", folder / "redis.log"):
            yield Redis(port)


@dataclass(frozen=True)
class DatabaseServer(SlowServer):
    """A registry that keeps in a PostgreSQL and a Redis what it knows."""

    host: str
    folder: Path
    database: PostgreSQL
    cache: Redis

    def sql(self, statement: str) -> list[str]:
        """Ask its database; return the lines of the answer."""
        return self.database.sql(statement)


@contextmanager
def databases(folder: Path, name: str) -> Iterator[tuple[PostgreSQL, Redis]]:
    """Run both for a registry whose files are in a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    with postgresql(folder, name) as database, redis(folder) as cache:
        yield database, cache
