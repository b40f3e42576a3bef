"""The same content as an OCI image layout on disk, and skopeo to push it the way people do."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tests.parts.needs import program
from tests.parts.process import PATIENCE
from tests.worlds import encoded

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.oci.digest import Digest
    from tests.worlds import Made


def write(folder: Path, made: Made, tag: str) -> None:
    """Write an OCI image layout (image-spec, image-layout.md) with one tag."""
    named = made.descriptor | {"annotations": {"org.opencontainers.image.ref.name": tag}}
    for manifest in made.walk():
        _write(folder, manifest.digest, manifest.body)
        for blob in manifest.blobs:
            if blob.stored:
                _write(folder, blob.digest, blob.body)
    (folder / "oci-layout").write_bytes(encoded({"imageLayoutVersion": "1.0.0"}))
    (folder / "index.json").write_bytes(encoded({"schemaVersion": 2, "manifests": [named]}))


def skopeo_push(folder: Path, tag: str, destination: str, *options: str) -> None:
    """Copy a layout's tag, every platform of it, to `host:port/repository:tag` without a change."""
    command = [program("skopeo"), "copy", "--all", "--preserve-digests", *options]
    command += [f"oci:{folder}:{tag}", f"docker://{destination}"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr


def _write(folder: Path, digest: Digest, body: bytes) -> None:
    path = folder / "blobs" / digest.algorithm / digest.encoded
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
