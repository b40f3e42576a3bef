"""A real S3 server over a folder, and real registries that keep their content in it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.parts.client import Client
from tests.parts.needs import asset, program
from tests.parts.ports import held
from tests.parts.process import running, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.worlds import Made

_KEY: Final = "tests"
_SECRET: Final = "nobody-else-knows"
_REGION: Final = "us-east-1"
_BUCKET: Final = "registry"
_PREFIX: Final = "below/here"
URL: Final = f"s3://{_BUCKET}/{_PREFIX}"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of a server that is up."""

    folder: Path
    address: str

    @property
    def options(self) -> dict[str, str]:
        """What a client must know."""
        return {
            "access_key_id": _KEY,
            "secret_access_key": _SECRET,
            "region": _REGION,
            "endpoint": f"http://{self.address}",
            "virtual_hosted_style_request": "false",
        }

    @property
    def driver(self) -> dict[str, object]:
        """The parameters of a registry's S3 driver."""
        return {
            "accesskey": _KEY,
            "secretkey": _SECRET,
            "region": _REGION,
            "regionendpoint": f"http://{self.address}",
            "bucket": _BUCKET,
            "rootdirectory": f"/{_PREFIX}",
            "secure": False,
            "forcepathstyle": True,
        }

    @property
    def root(self) -> Path:
        """Where the server keeps the objects: to damage them there, for `tests.parts.tree`."""
        return self.folder / "objects" / _BUCKET / _PREFIX

    def push(self, repository: str, made: Made, *tags: str) -> None:
        """Push by a registry that keeps its content here."""
        command = [program("docker-registry"), "serve", str(self._configuration())]
        log = self.folder / "registry.log"
        with (
            running(command, r"listening on ([\w.:]+)", log) as server,
            Client.to(f"http://{server.address}", repository, None, None) as client,
        ):
            client.push(made, *tags)

    def dry_run(self, version: str, *flags: str) -> subprocess.CompletedProcess[str]:
        """Ask a real collector what it would do here."""
        collector = program("docker-registry") if version == "2" else asset("registry")
        command = [collector, "garbage-collect", "--dry-run", *flags, str(self._configuration())]
        unwanted = {"AWS_CA_BUNDLE"}
        variables = {key: value for key, value in os.environ.items() if key not in unwanted}
        variables["OTEL_TRACES_EXPORTER"] = "none"
        return subprocess.run(command, check=False, capture_output=True, text=True, env=variables)

    def _configuration(self) -> Path:
        path = self.folder / "config.yml"
        path.write_text(
            json.dumps(
                {
                    "version": "0.1",
                    "log": {"level": "info"},
                    "storage": {"s3": self.driver, "delete": {"enabled": True}},
                    "http": {"addr": "127.0.0.1:0", "secret": "shared by nobody"},
                }
            )
        )
        return path


@contextmanager
def bucket(folder: Path) -> Iterator[Bucket]:
    """Run an S3 server over an empty bucket."""
    objects = folder / "objects"
    (objects / _BUCKET).mkdir(parents=True)
    command = [asset("versitygw"), "--access", _KEY, "--secret", _SECRET, "--region", _REGION]
    with held() as address:
        command += ["--port", address, "posix", str(objects)]
        with running(command, r"http://(127\.0\.0\.1:\d+)", folder / "s3.log") as server:
            until(lambda: _listens(server.address), "it listens, which it says before it does")
            yield Bucket(folder, server.address)


def _listens(address: str) -> bool:
    host, _, port = address.partition(":")
    try:
        socket.create_connection((host, int(port))).close()
    except ConnectionRefusedError:
        return False
    return True
