"""A real Gitea as a registry: its owners, its cleanup rules, and the files that it keeps."""

from __future__ import annotations

import base64
import os
import pwd
import re
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx

from tests.parts.client import Client
from tests.parts.needs import asset
from tests.parts.ports import held
from tests.parts.process import PATIENCE, running, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.oci.digest import Digest
    from tests.worlds import Made

ADMIN: Final = "root-of-gitea"
PASSWORD: Final = "a-password-of-tests"
_LISTENING: Final = r"Starting new Web server: tcp:([\d.:]+) on"
_TOKEN: Final = re.compile(r"\b[0-9a-f]{40}\b")
_CONFIG: Final = """
APP_NAME = tests
RUN_USER = {user}
RUN_MODE = prod
WORK_PATH = {folder}
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true

[server]
HTTP_ADDR = {host}
HTTP_PORT = {port}
ROOT_URL = http://{host}:{port}/
STATIC_ROOT_PATH = {static}
DISABLE_SSH = true
OFFLINE_MODE = true

[database]
DB_TYPE = sqlite3
PATH = {folder}/gitea.db
SQLITE_JOURNAL_MODE = WAL

[security]
INSTALL_LOCK = true
SECRET_KEY = tests
INTERNAL_TOKEN = eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJuYmYiOjB9.dGVzdHM
PASSWORD_HASH_ALGO = bcrypt$4

[service]
DISABLE_REGISTRATION = true

[oauth2]
ENABLED = false

[indexer]
ISSUE_INDEXER_TYPE = db

[queue]
TYPE = channel

[cron.cleanup_packages]
RUN_AT_START = false
OLDER_THAN = 0s

[webhook]
ALLOWED_HOST_LIST = loopback

[log]
MODE = console
LEVEL = Info
"""
"""A collection takes at once what no package names: by default it waits for a day."""


@dataclass(frozen=True, slots=True)
class Gitea:
    """A server that is up. Packages belong to organisations, which anybody may read."""

    host: str
    """`127.0.0.1:port`, as it stands in references."""
    folder: Path
    token: str
    """Of the administrator: it may do everything, and stands for a password too."""

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    @property
    def authorization(self) -> str:
        """A header of the administrator."""
        return f"Basic {base64.b64encode(f'{ADMIN}:{self.token}'.encode()).decode()}"

    @contextmanager
    def owner(self, name: str) -> Iterator[None]:
        """Make an organisation; in the end it goes, with its packages and their bytes."""
        self.own(name)
        yield
        self.forget(name)

    def own(self, name: str) -> None:
        """Make an organisation that anybody may see."""
        self.call("POST", "orgs", {"username": name, "visibility": "public"})

    def forget(self, name: str) -> None:
        """Delete what an organisation owns and itself, if it is still there."""
        if self._answer("GET", f"orgs/{name}").status_code == httpx.codes.NOT_FOUND:
            return
        for package in {each["name"] for each in self._packages(name)}:
            self.call("DELETE", f"packages/{name}/container/{package.replace('/', '%2F')}")
        self.call("DELETE", f"orgs/{name}")
        self.clean()

    def drop(self, owner: str, package: str) -> None:
        """Delete a package: a repository with every version of it."""
        for each in self._packages(owner):
            if each["name"] == package:
                version = f"{package.replace('/', '%2F')}/{each['version']}"
                self.call("DELETE", f"packages/{owner}/container/{version}")

    def rename(self, owner: str, name: str) -> None:
        """Give an organisation another name."""
        self.call("POST", f"orgs/{owner}/rename", {"new_name": name})

    def rule(self, owner: str, remove: str) -> None:
        """Make a cleanup rule of an organisation as its page does: there is no API for it."""
        form = {"type": "container", "enabled": "on", "action": "save"}
        form |= {"keep_count": "0", "remove_days": "0", "remove_pattern": remove}
        with httpx.Client(base_url=self.url, trust_env=False, timeout=PATIENCE) as browser:
            login = {"user_name": ADMIN, "password": PASSWORD}
            _moved(browser.post("/user/login", data=login))
            _moved(browser.post(f"/org/{owner}/settings/packages/rules/add", data=form))

    def notify(self, owner: str, address: str, secret: str) -> None:
        """Have an organisation's package events sent to an address, signed with a secret."""
        config = {"url": address, "content_type": "json", "secret": secret}
        hook = {"type": "gitea", "active": True, "events": ["package"], "config": config}
        self.call("POST", f"orgs/{owner}/hooks", hook)

    def clean(self) -> None:
        """Run what Gitea runs every night: the rules, then what no version names any more."""
        self.call("POST", "admin/cron/cleanup_packages")

    @contextmanager
    def client(self, repository: str) -> Iterator[Client]:
        """A client that may do everything to one repository."""
        with Client.to(self.url, repository, None, self.authorization) as client:
            yield client

    def push(self, repository: str, made: Made, *tags: str) -> None:
        """Push an image by hand, and point tags at it."""
        with self.client(repository) as client:
            client.push(made, *tags)

    def data(self, digest: Digest) -> Path:
        """The file that holds a blob's or manifest's bytes, whichever repositories use it."""
        name = digest.encoded
        return self.folder / "data/packages" / name[:2] / name[2:4] / name

    def call(self, method: str, path: str, body: dict[str, object] | None = None) -> httpx.Response:
        """Ask its API as the administrator; anything but a success fails."""
        return self._answer(method, path, body).raise_for_status()

    def _packages(self, owner: str) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self.call("GET", f"packages/{owner}?limit=50").json()
        return found

    def _answer(
        self, method: str, path: str, body: dict[str, object] | None = None
    ) -> httpx.Response:
        where, allowed = f"{self.url}/api/v1/{path}", {"Authorization": self.authorization}
        with httpx.Client(headers=allowed, trust_env=False, timeout=PATIENCE) as client:
            return client.request(method, where, json=body)


@contextmanager
def gitea(folder: Path) -> Iterator[Gitea]:
    """Run a Gitea whose configuration, database, packages and log are in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "app.ini"
    with held() as address:
        host, _, port = address.partition(":")
        told = {"user": pwd.getpwuid(os.getuid()).pw_name, "static": asset("gitea-files")}
        config.write_text(_CONFIG.format(folder=folder, host=host, port=port, **told))
        command = (asset("gitea"), "--config", str(config))
        _done(*command, "migrate", folder=folder)
        words = ("admin", "user", "create", "--admin", "--access-token", "--username", ADMIN)
        more = (
            "--password",
            PASSWORD,
            "--email",
            "root@example.com",
            "--must-change-password=false",
        )
        said = _done(*command, *words, *more, folder=folder)
        token = _TOKEN.search(said)
        assert token, said
        alone = {"HOME": str(folder), "GITEA_WORK_DIR": str(folder)}
        with running((*command, "web"), _LISTENING, folder / "gitea.log", alone) as server:
            started = Gitea(server.address, folder, token[0])
            until(lambda: _up(started), "Gitea answers")
            yield started


def _up(server: Gitea) -> bool:
    try:
        return httpx.get(f"{server.url}/api/healthz", trust_env=False).is_success
    except httpx.TransportError:
        return False


def _moved(answer: httpx.Response) -> None:
    """A form of Gitea's that was taken leads to another page."""
    assert answer.is_redirect, f"{answer.url}: {answer.status_code}"


def _done(*command: str, folder: Path) -> str:
    alone = {"HOME": str(folder), "GITEA_WORK_DIR": str(folder), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=PATIENCE, env=alone
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout
