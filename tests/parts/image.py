"""The product's own image: built by buildah without a daemon, and run as it says it is run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, Final

from tests.parts.needs import base_image, program

if TYPE_CHECKING:
    from collections.abc import Iterator

_TREE: Final = Path(__file__).parents[2]
_NAME: Final = "localhost/pullproof:built"
_INDEX: Final = ("index-url", "extra-index-url", "trusted-host", "proxy")
"""What pip inside the build must know of the package index that is used outside."""
_CONFIGURATION: Final = "/etc/pullproof"
_PATIENCE: Final = 3600.0
"""Seconds: a build installs everything."""

_CONFINE: Final = f"""
set -eu
root=$1 configuration=$2 user=$3
shift 3
mkdir -p "$root{_CONFIGURATION}"
mount --bind "$root" "$root"
mount --bind "$configuration" "$root{_CONFIGURATION}"
mount -t tmpfs tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mount -o remount,ro,bind "$root{_CONFIGURATION}"
mount -o remount,ro,bind "$root"
exec chroot --userspec="$user" "$root" "$@"
"""
"""Runs a command on a read-only root with a `/tmp`, in mounts of its own, which end with it."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image that was built, and its content as a folder."""

    store: tuple[str, ...]
    """The command `buildah` with the folders that hold the image."""
    root: Path
    config: dict[str, Any]
    """What it says of itself, as `docker inspect` shows it."""

    def command(self, configuration: Path, *words: str) -> list[str]:
        """The command line that runs it as it says: its entry point with these words.

        None: with its own. `configuration` is its `/etc/pullproof`.
        """
        return self.within(
            configuration, *self.config["Entrypoint"], *(words or self.config["Cmd"])
        )

    def within(self, configuration: Path, *command: str) -> list[str]:
        """The command line that runs a program in it, with its user and variables.

        The network is that of the host.
        """
        alone = ("/usr/bin/env", "--ignore-environment", *self.config["Env"])
        where = (str(self.root), str(configuration), self.config["User"])
        unshared = (program("unshare"), "--mount", "sh", "-c", _CONFINE, "sh")
        return [*unshared, *where, *alone, *command]

    def push(self, reference: str) -> None:
        """Push it to a registry that speaks plain http."""
        _done(*self.store, "push", "--quiet", "--tls-verify=false", _NAME, f"docker://{reference}")


@contextmanager
def image() -> Iterator[Image]:
    """Build the `Dockerfile` on a small Debian with Python, and take all of it away again."""
    folder = Path(mkdtemp(prefix="image-"))
    try:
        store = _store(folder)
        _done(*store, *_build(folder), str(_TREE))
        container = _done(*store, "from", _NAME)
        root = Path(_done(*store, "mount", container))
        described = json.loads(_done(*store, "inspect", "--type", "image", _NAME))
        yield Image(store, root, described["Docker"]["config"])
    finally:
        shutil.rmtree(folder)


def _store(folder: Path) -> tuple[str, ...]:
    places = (f"--root={folder}/images", f"--runroot={folder}/run")
    shared = f"--storage-opt=vfs.imagestore={base_image()}"
    return (program("buildah"), *places, "--storage-driver=vfs", shared)


def _build(folder: Path) -> list[str]:
    words = ["bud", "--isolation=chroot", "--network=host", "--format=docker", f"--tag={_NAME}"]
    return [*words, "--build-arg=BASE=localhost/base:local", *_secrets(folder)]


def _secrets(folder: Path) -> list[str]:
    """Tell the build of the package index that this machine is told of, if it is."""
    listed = _done(sys.executable, "-m", "pip", "config", "list")
    known = dict(re.findall(r"^\S*\.([\w-]+)='(.*)'$", listed, re.MULTILINE))
    lines = ["[global]", *(f"{key} = {known[key]}" for key in _INDEX if key in known)]
    secrets = [f"--secret=id=pip,src={folder / 'pip.conf'}"]
    if "cert" in known:
        lines.append("cert = /run/secrets/ca")
        secrets.append(f"--secret=id=ca,src={known['cert']}")
    (folder / "pip.conf").write_text("\n".join(lines))
    return secrets


def _done(*command: str) -> str:
    """Run a command to its end and return what it printed; fail with what it complained of."""
    variables = os.environ | {"BUILDAH_ISOLATION": "chroot"}
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=_PATIENCE, env=variables
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr[-4000:]}"
    return done.stdout.strip()
