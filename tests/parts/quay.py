# ruff: noqa: S608 - statements for a database of the tests' own
"""A real Quay as a registry, where PULLPROOF_QUAY names a checkout with its environment.

How to build one: docs/registries/quay.md.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx

from exporter.sources.registry.credentials import Login
from tests.parts.client import Client
from tests.parts.databases import DatabaseServer, PostgreSQL, Redis, databases
from tests.parts.ports import held
from tests.parts.process import PATIENCE, running
from tests.parts.recorded import PUBLIC, nameless, one
from tests.parts.stand import RecordedKind, basic, kept

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from exporter.oci.digest import Digest
    from tests.parts.recorded import Stage
    from tests.parts.stand import Stored
    from tests.worlds import Made

Json = dict[str, object]

SOURCES: Final = os.environ.get("PULLPROOF_QUAY", "")
"""A checkout of Quay with its environment in `.venv`; empty where there is none."""
VERSION: Final = "ffba0c70e2d8"
"""The commit of the Quay whose answers are recorded, of 2026-08-21."""
ADMIN: Final = Login("admin", "A-password-0f-tests")
_LOGIN: Final = basic(ADMIN)
_CATALOGUE: Final = "registry:catalog:*"
_MONTH: Final = 30 * 24 * 3600 * 1000
"""Milliseconds: longer than temporary tags and the time machine last."""
_BOTH: Final = """
from app import app as application
import registry
import web
"""
_PATCHED: Final = """
from gevent import monkey
monkey.patch_all()
"""
_COLLECTION: Final = """
import sys
from app import app
from data.database import Repository
from data.model.gc import garbage_collect_repo
garbage_collect_repo(Repository.get_by_id(int(sys.argv[1])))
print("collected")
"""


@dataclass(frozen=True, slots=True)
class Row:
    """The bytes of a manifest: Quay keeps them in its database."""

    quay: Quay
    where: str
    """The condition that finds its row."""

    def read_bytes(self) -> bytes:
        """Return the bytes."""
        packed = "encode(convert_to(manifest_bytes, 'UTF8'), 'hex')"
        (line,) = self.quay.sql(f"select {packed} from manifest {self.where}")
        return bytes.fromhex(line)

    def write_bytes(self, body: bytes) -> None:
        """Put other bytes there."""
        text = f"convert_from(decode('{body.hex()}', 'hex'), 'UTF8')"
        self.quay.change(f"update manifest set manifest_bytes = {text} {self.where}")

    def unlink(self) -> None:
        """Delete the row, and leave those that refer to it."""
        alone = "set session_replication_role = replica"
        self.quay.change(f"{alone}; delete from manifest {self.where}")


@dataclass(frozen=True)
class Quay(DatabaseServer):
    """A Quay that is up. Its owners are organizations."""

    token: str
    """For its API, with all rights of the administrator."""

    def own(self, name: str) -> None:
        """Make an organization, if it is not there."""
        if self._answer("GET", f"organization/{name}").is_error:
            self.call("POST", "organization/", {"name": name, "email": f"{name}@example.com"})

    def drop(self, repository: str) -> None:
        """Delete a repository."""
        self.call("DELETE", f"repository/{repository}")
        self.cold()

    def drop_owner(self, owner: str) -> None:
        """Delete an organization with its repositories."""
        self.call("DELETE", f"organization/{owner}")
        self.cold()

    def forget(self) -> None:
        """Delete all repositories and files."""
        self.change("truncate repository, imagestorage cascade")
        shutil.rmtree(self.folder / "storage", ignore_errors=True)

    def change(self, statement: str) -> None:
        """Change its database, and make it forget what it has cached."""
        self.sql(statement)
        self.cold()

    def cold(self) -> None:
        """Make it forget what it has cached, as it does by itself after minutes."""
        self.cache.ask("flushdb")

    def later(self, repository: str) -> None:
        """Let temporary tags end, and what the time machine keeps of deleted ones."""
        ended = f"lifetime_end_ms is not null and repository_id = {self._id(repository)}"
        moved = ", ".join(
            f"{each} = {each} - {_MONTH}" for each in ("lifetime_start_ms", "lifetime_end_ms")
        )
        self.change(f"update tag set {moved} where {ended}")

    def collect(self, repository: str) -> None:
        """Run its garbage collection on a repository."""
        self.script(_COLLECTION, self._id(repository))
        self.cold()

    def script(self, text: str, *words: str) -> str:
        """Run a program in its environment; return the last word of what it prints."""
        file = self.folder / "script.py"
        file.write_text(text)
        return _run(self.folder, str(file), *words).split()[-1]

    def clean(self, repository: str) -> None:
        """Delete the tags of platforms, and run the garbage collection after a month."""
        for tag in ("v1-amd64", "v1-arm64"):
            self._answer("DELETE", f"repository/{repository}/tag/{tag}")
        self.later(repository)
        self.collect(repository)

    def bearer(self, *scopes: str, login: str = _LOGIN) -> str:
        """Return a header with a token for scopes."""
        asked = [("service", self.host), *(("scope", each) for each in scopes)]
        shown = {"Authorization": login}
        with httpx.Client(headers=shown, trust_env=False, timeout=PATIENCE) as http:
            answer = http.get(f"{self.url}/v2/auth", params=asked).raise_for_status()
        return f"Bearer {answer.json()['token']}"

    @contextmanager
    def client(self, repository: str) -> Iterator[Client]:
        """A client that may do everything to one repository."""
        allowed = self.bearer(f"repository:{repository}:pull,push")
        with Client.to(self.url, repository, None, allowed) as client:
            yield client

    def push(self, repository: str, made: Made, *tags: str) -> None:
        """Push an image by hand for an owner, which is made, and point tags at it."""
        super().push(repository, made, *tags)
        self.cold()

    def delete(self, repository: str, digest: Digest) -> None:
        """Delete a manifest: Quay deletes its tags, and denies that there is one without tags."""
        with self.client(repository) as client:
            answer = client.http.delete(f"manifests/{digest}")
        assert answer.is_success or answer.status_code == httpx.codes.NOT_FOUND, answer
        self.cold()

    def authorization(self, repository: str) -> Mapping[str, str]:
        """Return the header of a token for a repository, or for none."""
        scopes = (f"repository:{repository}:pull",) if repository else ()
        return {"Authorization": self.bearer(*scopes)}

    def anonymous(self) -> Stage:
        """Return what it says to those who show no token, that it grants no catalogue, and whether
        it has proxy caches."""
        with httpx.Client(base_url=self.url, trust_env=False, timeout=PATIENCE) as http:
            said = dict(one(http, "GET", path) for path in PUBLIC)
            http.headers["Authorization"] = _LOGIN
            path = f"/v2/auth?service={self.host}&scope={_CATALOGUE}"
            said[f"GET /v2/auth {_CATALOGUE}"] = one(http, "GET", path)[1]
            _, token = one(http, "GET", f"/v2/auth?service={self.host}")
            _, config = one(http, "GET", "/config")
        said["GET /v2/auth"] = replace(token, body=b'{"token":"recorded"}')
        told = {"features": {"PROXY_CACHE": json.loads(config.body)["features"]["PROXY_CACHE"]}}
        said["GET /config"] = replace(config, body=json.dumps(told).encode())
        return nameless(said, self.host)

    def data(self, repository: str, digest: Digest) -> Stored:
        """The file of a blob, whichever repositories use it; the row of a manifest."""
        name = digest.encoded
        file = self.folder / "storage" / digest.algorithm / name[:2] / name
        if file.exists():
            return file
        return Row(self, f"where digest = '{digest}' and repository_id = {self._id(repository)}")

    def call(self, method: str, path: str, body: Json | None = None) -> httpx.Response:
        """Ask its API as the administrator; anything but a success fails."""
        answer = self._answer(method, path, body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def _answer(self, method: str, path: str, body: Json | None = None) -> httpx.Response:
        where, allowed = f"{self.url}/api/v1/{path}", {"Authorization": f"Bearer {self.token}"}
        with httpx.Client(headers=allowed, trust_env=False, timeout=PATIENCE) as client:
            return client.request(method, where, json=body)

    def _id(self, repository: str) -> str:
        owner, _, name = repository.partition("/")
        of = f"""select id from "user" where username = '{owner}'"""
        asked = f"select id from repository where name = '{name}' and namespace_user_id = ({of})"
        (found,) = self.sql(asked)
        return found


@contextmanager
def quay(folder: Path, **more: object) -> Iterator[Quay]:
    """Run a Quay whose configuration, database, storage and logs are in a folder."""
    with ExitStack() as up:
        host = up.enter_context(held())
        database, cache = up.enter_context(databases(folder, "quay"))
        conf = folder / "conf/stack"
        conf.mkdir(parents=True)
        settings = {**_settings(folder, host, database, cache), **more}
        (conf / "config.yaml").write_text(json.dumps(settings))  # JSON is YAML
        files = {"both.py": _BOTH, "gunicorn.conf.py": _PATCHED}
        for name, text in files.items():
            (folder / name).write_text(text)
        database.sql("create extension if not exists pg_trgm")
        _run(folder, "-m", "alembic", "upgrade", "head")
        _run(folder, "boot.py")
        words = ("-m", "gunicorn", "--chdir", SOURCES, "--pythonpath", f"{folder},{SOURCES}")
        more_words = ("--config", str(folder / "gunicorn.conf.py"), "--worker-class", "gevent")
        command = (_python(), *words, *more_words, "--bind", host, "both:application")
        listening = r"(Booting worker)"
        up.enter_context(running(command, listening, folder / "quay.log", _variables(folder)))
        yield Quay(host, folder, database, cache, _initialized(host))


def _settings(folder: Path, host: str, database: PostgreSQL, cache: Redis) -> Json:
    at = {"host": "127.0.0.1", "port": int(cache.port)}
    return {
        "SETUP_COMPLETE": True,
        "SERVER_HOSTNAME": host,
        "PREFERRED_URL_SCHEME": "http",
        "AUTHENTICATION_TYPE": "Database",
        "DB_URI": database.url,
        "DATABASE_SECRET_KEY": "1" * 40,
        "SECRET_KEY": "2" * 40,
        "BUILDLOGS_REDIS": at,
        "USER_EVENTS_REDIS": at,
        "PULL_METRICS_REDIS": {**at, "db": 1},
        "DATA_MODEL_CACHE_CONFIG": {
            "engine": "redis",
            "redis_config": {"primary": at},
        },
        "DISTRIBUTED_STORAGE_CONFIG": {
            "default": ["LocalStorage", {"storage_path": str(folder / "storage")}]
        },
        "DISTRIBUTED_STORAGE_DEFAULT_LOCATIONS": [],
        "DISTRIBUTED_STORAGE_PREFERENCE": ["default"],
        "USERFILES_LOCATION": "default",
        "LOG_ARCHIVE_LOCATION": "default",
        "ACTION_LOG_ARCHIVE_LOCATION": "default",
        "SUPER_USERS": [],
        "FEATURE_USER_INITIALIZE": True,
        "FEATURE_MAILING": False,
        "FEATURE_BUILD_SUPPORT": False,
        "FEATURE_PROXY_CACHE": True,
        "FEATURE_IMAGE_PULL_STATS": True,
        "BROWSER_API_CALLS_XHR_ONLY": False,
        "PROMETHEUS_PUSHGATEWAY_URL": None,
    }


def _initialized(host: str) -> str:
    """Make the first user, and return a token of it for the API."""
    user = {"username": ADMIN.username, "password": ADMIN.password, "access_token": True}
    body = {**user, "email": "admin@example.com"}
    address = f"http://{host}/api/v1/user/initialize"
    with httpx.Client(trust_env=False, timeout=PATIENCE) as http:
        answer = http.post(address, json=body).raise_for_status()
    return str(answer.json()["access_token"])


def _python() -> str:
    return str(Path(SOURCES, ".venv/bin/python"))


def _variables(folder: Path) -> dict[str, str]:
    """What Quay finds its configuration by; nothing of ours is imported there."""
    return {"QUAYCONF": str(folder / "conf"), "PYTHONPATH": SOURCES}


def _run(folder: Path, *words: str) -> str:
    done = subprocess.run(
        (_python(), *words),
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=SOURCES,
        env={**os.environ, **_variables(folder)},
    )
    assert done.returncode == 0, f"{words}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


KIND: Final = RecordedKind(
    "quay",
    VERSION,
    SOURCES,
    kept(quay),
    login=ADMIN,
    lies=True,
    partial=True,
    untold=frozenset({"owner gone"}),
)
"""Of an owner that does not exist it says what it says of a hidden one: 401."""
