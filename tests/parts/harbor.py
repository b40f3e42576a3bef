"""A real Harbor as a registry, where PULLPROOF_HARBOR names its sources with the programs built.

How to build it: docs/registries/harbor.md.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import ExitStack, contextmanager, suppress
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import bcrypt
import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from exporter.sources.registry.credentials import Login
from tests.parts.client import Client
from tests.parts.databases import DatabaseServer, databases
from tests.parts.http import Answer
from tests.parts.needs import program
from tests.parts.ports import held
from tests.parts.process import PATIENCE, running, until
from tests.parts.recorded import PUBLIC, nameless, one
from tests.parts.stand import RecordedKind, basic, kept
from tests.parts.tree import data, home

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from exporter.oci.digest import Digest
    from tests.parts.recorded import Stage

Json = dict[str, object]

SOURCES: Final = os.environ.get("PULLPROOF_HARBOR", "")
"""A checkout of Harbor v2.15.2, with its programs in `bin`; empty where there is none."""
VERSION: Final = "v2.15.2"
"""Of the Harbor whose answers are recorded."""
ADMIN: Final = Login("admin", "A-password-0f-tests")
LOGIN: Final = basic(ADMIN)
SCANNER: Final = "scanner"
"""How the names of robots begin that it takes for scanners."""
_SECRET: Final = "0123456789abcdef"
_TASKS: Final = "select id, vendor_type, status from task"
_MOST: Final = 100
"""Entries of a page of its API."""


class Harbor(DatabaseServer):
    """A Harbor that is up. Its owners are projects, which anybody may read."""

    @property
    def root(self) -> Path:
        """The storage of its distribution."""
        return self.folder / "storage"

    def own(self, name: str, **more: object) -> None:
        """Make a project that anybody may read, if it is not there."""
        if not self.call("GET", f"projects?name={name}").json():
            body = {"project_name": name, "metadata": {"public": "true"}, **more}
            self.call("POST", "projects", body)

    def drop(self, repository: str) -> None:
        """Delete a repository, as its page does."""
        project, _, name = repository.partition("/")
        self.call("DELETE", f"projects/{project}/repositories/{quote(quote(name, ''), '')}")

    def drop_owner(self, project: str) -> None:
        """Delete a project with its repositories."""
        for each in self.call("GET", f"projects/{project}/repositories?page_size={_MOST}").json():
            self.drop(each["name"])
        self.call("DELETE", f"projects/{project}")

    def forget(self) -> None:
        """Delete all projects, all files, and what its database and cache know of them."""
        for each in self.call("GET", f"projects?page_size={_MOST}").json():
            self.drop_owner(each["name"])
        self.sql("truncate blob, project_blob, artifact_blob")
        shutil.rmtree(home(self.root, ".").parent, ignore_errors=True)
        self.cold()

    def cold(self) -> None:
        """Make its distribution forget what it has cached."""
        self.cache.ask("-n", "1", "flushdb")

    def retain(self, project: str, template: str, tags: str = "**", **params: int) -> None:
        """Run a retention policy with one rule, and wait for its end."""
        (found,) = self.call("GET", f"projects?name={project}").json()
        rule = {
            "action": "retain",
            "template": template,
            "params": params,
            "tag_selectors": [
                {
                    "kind": "doublestar",
                    "decoration": "matches",
                    "pattern": tags,
                    "extras": '{"untagged":false}',
                }
            ],
            "scope_selectors": {
                "repository": [{"kind": "doublestar", "decoration": "repoMatches", "pattern": "**"}]
            },
        }
        policy = {
            "algorithm": "or",
            "rules": [rule],
            "trigger": {"kind": "Schedule", "settings": {"cron": ""}},
            "scope": {"level": "project", "ref": found["project_id"]},
        }
        made = self.call("POST", "retentions", policy)
        where = made.headers["Location"].rpartition("/api/v2.0/")[2]
        self._run(f"{where}/executions", {"dry_run": False}, "RETENTION")

    def collect(self) -> None:
        """Run its garbage collection, with untagged artifacts, and wait for its end."""
        self.sql("update blob set update_time = now() - interval '1 day'")
        what = {"delete_untagged": True, "workers": 1}
        body = {"schedule": {"type": "Manual"}, "parameters": what}
        self._run("system/gc/schedule", body, "GARBAGE_COLLECTION")

    def robot(self, project: str, name: str) -> tuple[str, str]:
        """Make a robot of a project that may pull; return its name and password."""
        allowed = [{"resource": "repository", "action": each} for each in ("pull", "list")]
        permission = {"kind": "project", "namespace": project, "access": allowed}
        body = {"name": name, "duration": -1, "level": "project", "permissions": [permission]}
        made = self.call("POST", "robots", body).json()
        return made["name"], made["secret"]

    @contextmanager
    def client(self, repository: str) -> Iterator[Client]:
        """A client that may do everything to one repository."""
        with Client.to(self.url, repository, None, self._bearer(repository)) as client:
            # To whoever shows its cookie it is a browser, which must prove where a form came from.
            client.http.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
            yield client

    def delete(self, repository: str, digest: Digest) -> None:
        """Delete a manifest, unless an index references it: Harbor refuses that."""
        with self.client(repository) as client, suppress(httpx.HTTPStatusError):
            client.delete(digest)

    def clean(self, repository: str) -> None:
        """Run a retention policy that keeps no tag of a platform, and the garbage collection."""
        self.retain(repository.partition("/")[0], "always", "{v0,v1}")
        self.collect()

    def authorization(self, repository: str) -> Mapping[str, str]:
        """Return the header of a token for a repository; the catalogue takes passwords only."""
        return {"Authorization": self._bearer(repository) if repository else LOGIN}

    def anonymous(self) -> Stage:
        """Return what it says to those who show no token."""
        with httpx.Client(base_url=self.url, trust_env=False, timeout=PATIENCE) as http:
            said = dict(one(http, "GET", path) for path in PUBLIC)
        token = Answer(200, b'{"token":"recorded"}', {"content-type": "application/json"})
        return {**nameless(said, self.host), "GET /service/token": token}

    def data(self, repository: str, digest: Digest) -> Path:  # noqa: ARG002 - one file for all
        """The file that holds a blob's or manifest's bytes, whichever repositories use it."""
        return data(self.root, digest)

    def call(self, method: str, path: str, body: Json | None = None) -> httpx.Response:
        """Ask its API as the administrator; anything but a success fails."""
        where, allowed = f"{self.url}/api/v2.0/{path}", {"Authorization": LOGIN}
        with httpx.Client(headers=allowed, trust_env=False, timeout=PATIENCE) as client:
            answer = client.request(method, where, json=body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def _bearer(self, repository: str) -> str:
        """Return a token: with a password each request takes most of a second."""
        scope = f"repository:{repository}:pull,push,delete"
        asked = {"service": "harbor-registry", "scope": scope}
        with httpx.Client(headers={"Authorization": LOGIN}, trust_env=False) as http:
            where = f"{self.url}/service/token"
            answer = http.get(where, params=asked, timeout=PATIENCE).raise_for_status()
        return f"Bearer {answer.json()['token']}"

    def _run(self, path: str, body: Json, kind: str) -> None:
        """Start a job, and wait until all its tasks have succeeded."""
        before = set(self.sql(_TASKS))
        self.call("POST", path, body)

        def over() -> bool:
            new = {tuple(each.split("|")[1:]) for each in set(self.sql(_TASKS)) - before}
            states = {state for name, state in new if name == kind}
            assert not states & {"Error", "Stopped"}, path
            return states == {"Success"}

        until(over, path)


@contextmanager
def harbor(folder: Path) -> Iterator[Harbor]:
    """Run a Harbor whose configuration, database, storage and logs are in a folder."""
    with ExitStack() as up:
        database, cache = up.enter_context(databases(folder, "registry"))
        names = ("core", "registry", "registryctl", "jobservice")
        ports = {each: up.enter_context(held()).partition(":")[2] for each in names}
        ports |= {"postgres": database.port, "redis": cache.port}
        _configure(folder, ports)
        registry = (program("docker-registry"), "serve", str(folder / "registry.json"))
        up.enter_context(running(registry, r"listening on ([\w.:]+)", folder / "registry.log"))
        variables = _variables(folder, ports)
        core = (f"{SOURCES}/bin/core",)
        up.enter_context(running(core, "(http server Running)", folder / "core.log", variables))
        server = Harbor(f"127.0.0.1:{ports['core']}", folder, database, cache)
        _until_it_answers(f"{server.url}/api/v2.0/ping")
        for name, path in (("registryctl", "api/health"), ("jobservice", "api/v1/stats")):
            command = (f"{SOURCES}/bin/{name}", "-c", str(folder / f"{name}.json"))
            own = variables | {"PORT": ports[name]}
            up.enter_context(running(command, "(.+)", folder / f"{name}.log", own))
            _until_it_answers(f"http://127.0.0.1:{ports[name]}/{path}")
        server.call("PUT", "configurations", {"quota_per_project_enable": False})  # it is slow
        yield server


def _configure(folder: Path, ports: Mapping[str, str]) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.TraditionalOpenSSL  # with PKCS#8 it hands out no tokens
    pem = key.private_bytes(serialization.Encoding.PEM, form, plain)
    (folder / "private_key.pem").write_bytes(pem)
    (folder / "key").write_text(_SECRET)
    (folder / "app.conf").write_text(
        f"appname = Harbor\nrunmode = prod\n[prod]\n"
        f"httpaddr = 127.0.0.1\nhttpport = {ports['core']}\n"
    )
    hashed = bcrypt.hashpw(_SECRET.encode(), bcrypt.gensalt(rounds=4))
    (folder / "passwd").write_bytes(b"harbor:" + hashed)
    (folder / "storage").mkdir()
    documents = {
        "registry": _registry(folder, ports),
        "registryctl": {
            "protocol": "http",
            "port": ports["registryctl"],
            "registry_config": str(folder / "registry.json"),
        },
        "jobservice": {
            "protocol": "http",
            "port": int(ports["jobservice"]),
            "worker_pool": {
                "workers": 2,
                "backend": "redis",
                "redis_pool": {
                    "redis_url": f"redis://127.0.0.1:{ports['redis']}/2",
                    "namespace": "harbor",
                },
            },
            "job_loggers": [{"name": "STD_OUTPUT", "level": "INFO"}],
            "loggers": [{"name": "STD_OUTPUT", "level": "INFO"}],
        },
    }
    for name, document in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(document))  # JSON is YAML


def _registry(folder: Path, ports: Mapping[str, str]) -> Json:
    """Return what Harbor's installer writes for its distribution: its cache is Redis."""
    return {
        "version": "0.1",
        "storage": {
            "cache": {"layerinfo": "redis"},
            "filesystem": {"rootdirectory": str(folder / "storage")},
            "delete": {"enabled": True},
        },
        "redis": {"addr": f"127.0.0.1:{ports['redis']}", "db": 1},
        "http": {"addr": f"127.0.0.1:{ports['registry']}", "secret": _SECRET},
        "auth": {"htpasswd": {"realm": "harbor", "path": str(folder / "passwd")}},
        "validation": {"disabled": True},
        "compatibility": {"schema1": {"enabled": True}},
    }


def _variables(folder: Path, ports: Mapping[str, str]) -> dict[str, str]:
    core = f"http://127.0.0.1:{ports['core']}"
    return {
        "CONFIG_PATH": str(folder / "app.conf"),
        "KEY_PATH": str(folder / "key"),
        "TOKEN_PRIVATE_KEY_PATH": str(folder / "private_key.pem"),
        "POSTGRES_MIGRATION_SCRIPTS_PATH": f"{SOURCES}/make/migrations/postgresql",
        "_REDIS_URL_CORE": f"redis://127.0.0.1:{ports['redis']}/0",
        "_REDIS_URL_REG": f"redis://127.0.0.1:{ports['redis']}/1",
        "EXT_ENDPOINT": core,
        "CORE_URL": core,
        "CORE_LOCAL_URL": core,
        "TOKEN_SERVICE_URL": f"{core}/service/token",
        "REGISTRY_URL": f"http://127.0.0.1:{ports['registry']}",
        "REGISTRY_CONTROLLER_URL": f"http://127.0.0.1:{ports['registryctl']}",
        "JOBSERVICE_URL": f"http://127.0.0.1:{ports['jobservice']}",
        "REGISTRY_CREDENTIAL_USERNAME": "harbor",
        "REGISTRY_CREDENTIAL_PASSWORD": _SECRET,
        "DATABASE_TYPE": "postgresql",
        "POSTGRESQL_HOST": "127.0.0.1",
        "POSTGRESQL_PORT": ports["postgres"],
        "POSTGRESQL_USERNAME": "tests",
        "POSTGRESQL_PASSWORD": _SECRET,
        "POSTGRESQL_DATABASE": "registry",
        "POSTGRESQL_SSLMODE": "disable",
        "HARBOR_ADMIN_PASSWORD": ADMIN.password,
        "CORE_SECRET": _SECRET,
        "JOBSERVICE_SECRET": _SECRET,
        "CSRF_KEY": _SECRET * 2,
        "ROBOT_SCANNER_NAME_PREFIX": SCANNER,
        "PERMITTED_REGISTRY_TYPES_FOR_PROXY_CACHE": "docker-registry",
        "REPLICATION_ADAPTER_WHITELIST": "docker-registry",
        "GC_TIME_WINDOW_HOURS": "0",
        "ARTIFACT_PULL_ASYNC_FLUSH_DURATION": "0",
    }


def _until_it_answers(url: str) -> None:
    def answers() -> bool:
        with suppress(httpx.TransportError):
            httpx.get(url, trust_env=False, timeout=PATIENCE)
            return True
        return False

    until(answers, f"{url} answers")


KIND: Final = RecordedKind("harbor", VERSION, SOURCES, kept(harbor), login=ADMIN, lies=True)
"""Its distribution keeps descriptors in Redis."""
