"""The product's own image: built by buildah without a daemon, and run as it says it is run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, Final

from exporter import __version__
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

    layout: Path
    """The folder in OCI's layout that is released, packed."""
    root: Path
    config: dict[str, Any]
    """What it says of itself, as the OCI image-spec names it."""

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
        """Push the index and all that it references to a registry that speaks plain http."""
        source = f"oci:{self.layout}:{__version__}"
        _done("skopeo", "copy", "--all", "--dest-tls-verify=false", source, f"docker://{reference}")


def dist(folder: Path) -> Path:
    """Build the image as `make dist` does, on a small Debian with Python; return its archive."""
    words = ["--isolation=chroot", "--network=host", *_secrets(folder)]
    given = {"DIST": str(folder), "BASE": str(base_image()), "IMAGE_ARGS": " ".join(words)}
    given |= _store(folder)
    _done(str(_TREE / "scripts" / "dist"), "image", **given)
    return folder / f"pullproof-{__version__}-image.tar"


@contextmanager
def image() -> Iterator[Image]:
    """Build the image of the commit that is checked out, and take all of it away again."""
    folder = Path(mkdtemp(prefix="image-"))
    try:
        layout = folder / "layout"
        with tarfile.open(dist(folder)) as archive:
            archive.extractall(layout, filter="data")
        here = _store(folder)
        stored = f"containers-storage:{_NAME}"
        _done("skopeo", "copy", f"oci:{layout}:{__version__}", stored, **here)
        container = _done("buildah", "from", _NAME, **here)
        root = Path(_done("buildah", "mount", container, **here))
        described = json.loads(_done("buildah", "inspect", container, **here))
        yield Image(layout, root, described["OCIv1"]["config"])
    finally:
        shutil.rmtree(folder)


def _store(folder: Path) -> dict[str, str]:
    """A place of its own for images; copies of layers, since not everywhere can they be stacked."""
    places = {"driver": "vfs", "graphroot": f"{folder}/images", "runroot": f"{folder}/run"}
    lines = ["[storage]", *(f'{key} = "{value}"' for key, value in places.items())]
    (folder / "storage.conf").write_text("\n".join(lines))
    return {"CONTAINERS_STORAGE_CONF": str(folder / "storage.conf")}


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


def _done(name: str, *words: str, **variables: str) -> str:
    """Run a command to its end and return what it printed; fail with what it complained of."""
    done = subprocess.run(
        [program(name), *words],
        check=False,
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        env={**os.environ, "BUILDAH_ISOLATION": "chroot", **variables},
    )
    assert done.returncode == 0, f"{name} {' '.join(words)}\n{done.stderr[-4000:]}"
    return done.stdout.strip()
