"""Make a small image for two platforms as an OCI layout, and push it: image.py FOLDER REGISTRY.

It needs no other registry. Its name is team/app:v1, its platforms are linux/amd64 and linux/arm64.
"""

import gzip
import io
import json
import sys
import tarfile
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

CONFIG = "application/vnd.oci.image.config.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
REPOSITORY, TAG = "team/app", "v1"


class Push:
    """Writes content into a layout, and uploads it to a repository."""

    def __init__(self, folder: Path, registry: str) -> None:
        self.folder = folder
        self.address = f"http://{registry}/v2/{REPOSITORY}"
        self.http = build_opener(ProxyHandler({}))

    def add(self, body: bytes, media_type: str, tag: str | None = None) -> dict[str, Any]:
        """Store one body, and return its descriptor."""
        digest = sha256(body).hexdigest()
        path = self.folder / "blobs" / "sha256" / digest
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        if media_type in (INDEX, MANIFEST):
            self.put(f"{self.address}/manifests/{tag or 'sha256:' + digest}", body, media_type)
        else:
            begin = Request(f"{self.address}/blobs/uploads/", b"", method="POST")  # noqa: S310 - http
            begun = self.http.open(begin)
            upload = begun.headers["Location"]
            mark = "&" if "?" in upload else "?"
            self.put(f"{upload}{mark}digest=sha256:{digest}", body, "application/octet-stream")
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(body)}

    def put(self, address: str, body: bytes, media_type: str) -> None:
        """Send one body."""
        sent = {"Content-Type": media_type}
        self.http.open(Request(address, body, sent, method="PUT"))  # noqa: S310 - http


def layer(text: bytes) -> bytes:
    """Return a tar archive with one file."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as writer:
        entry = tarfile.TarInfo("hello.txt")
        entry.size = len(text)
        writer.addfile(entry, io.BytesIO(text))
    return archive.getvalue()


def document(**fields: object) -> bytes:
    """Return a JSON object."""
    return json.dumps(fields).encode()


def image(push: Push, architecture: str) -> dict[str, Any]:
    """Push the image of one platform, and return its descriptor."""
    tar = layer(f"hello from {architecture}\n".encode() * 1000)
    unpacked = {"type": "layers", "diff_ids": [f"sha256:{sha256(tar).hexdigest()}"]}
    platform = {"os": "linux", "architecture": architecture}
    config = push.add(document(**platform, config={}, rootfs=unpacked), CONFIG)
    layers = [push.add(gzip.compress(tar, mtime=0), LAYER)]
    manifest = document(schemaVersion=2, mediaType=MANIFEST, config=config, layers=layers)
    return push.add(manifest, MANIFEST) | {"platform": platform}


def main(folder: Path, registry: str) -> None:
    """Push the index of both platforms under its tag."""
    push = Push(folder, registry)
    images = [image(push, architecture) for architecture in ("amd64", "arm64")]
    index = push.add(document(schemaVersion=2, mediaType=INDEX, manifests=images), INDEX, TAG)
    index["annotations"] = {"org.opencontainers.image.ref.name": TAG}
    (folder / "oci-layout").write_bytes(document(imageLayoutVersion="1.0.0"))
    (folder / "index.json").write_bytes(document(schemaVersion=2, manifests=[index]))


main(Path(sys.argv[1]), sys.argv[2])
