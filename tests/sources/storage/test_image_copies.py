"""Layouts and archives that tell the truth, and those that lie, are cut short or lead astray."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from exporter.oci.digest import Digest
from exporter.oci.links import OCI_MANIFEST, Descriptor
from exporter.oci.reference import Repository
from exporter.ports import Absent, Unseen, Wrong
from exporter.repair.spool import ShortText
from exporter.wiring.registry_storage import copies
from tests.parts import layout
from tests.worlds import encoded, two_platforms

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.ports import Bytes

APP = two_platforms("app")
LAYER = APP.children[0].layers[0]
ANY = Repository("any")


def written(folder: Path) -> Path:
    layout.write(folder / "layout", APP, "v1")
    return folder / "layout"


def packed(folder: Path, *more: tarfile.TarInfo) -> Path:
    """A layout in a tar, with further members that hold nothing."""
    with tarfile.open(folder / "image.tar", "w") as tar:
        tar.add(written(folder), ".")
        for each in more:
            tar.addfile(each)
    return folder / "image.tar"


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.linkname = kind, target
    return found


async def read(content: Bytes, digest: Digest, size: int | None = None) -> bytes | Absent | Wrong:
    text = ShortText(1 << 20)
    kind = OCI_MANIFEST if size is None else "application/octet-stream"
    wrong = await content.prove(ANY, Descriptor(kind, digest, size), text)
    return bytes(text.content) if wrong is None else wrong


def refused(text: str) -> str:
    with pytest.raises(Unseen) as caught:
        copies(text, {}, plain_http=False)
    return caught.value.detail


@pytest.mark.parametrize("kind", ["oci", "oci-archive", "docker-archive"])
@pytest.mark.parametrize("tag", ["", ":v1"])
async def test_what_is_there_is_read_and_hashed(tmp_path: Path, kind: str, tag: str) -> None:
    path = written(tmp_path) if kind == "oci" else packed(tmp_path)

    found = copies(f"{kind}:{path}{tag}", {}, plain_http=False)

    assert found.digest == APP.digest
    assert await read(found.content, APP.digest) == APP.body
    assert await read(found.content, LAYER.digest, len(LAYER.body)) == LAYER.body
    assert isinstance(await read(found.content, Digest.of(b"nothing"), 7), Absent)


async def test_docker_s_archive_is_read_by_what_its_files_hash_to(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "saved.tar", "w") as tar:
        for name, body in (("manifest.json", b"[]"), ("0a/layer.tar", LAYER.body)):
            info = member(name)
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
        tar.addfile(member("0b/layer.tar", tarfile.SYMTYPE, "../0a/layer.tar"))

    found = copies(f"docker-archive:{tmp_path / 'saved.tar'}", {}, plain_http=False)

    assert found.digest is None
    assert await read(found.content, LAYER.digest, len(LAYER.body)) == LAYER.body


@pytest.mark.parametrize("kind", ["oci", "oci-archive"])
@pytest.mark.parametrize("body", [b"", b"?" * len(LAYER.body), LAYER.body + b"more"])
async def test_wrong_bytes_under_a_right_name_are_no_copy(
    tmp_path: Path, kind: str, body: bytes
) -> None:
    folder = written(tmp_path)
    (folder / "blobs" / "sha256" / LAYER.digest.encoded).write_bytes(body)
    path = folder
    if kind != "oci":
        path = tmp_path / "wrong.tar"
        with tarfile.open(path, "w") as tar:
            tar.add(folder, ".")

    found = copies(f"{kind}:{path}", {}, plain_http=False)

    assert isinstance(await read(found.content, LAYER.digest, len(LAYER.body)), Wrong)


async def test_a_link_in_a_layout_is_not_followed(tmp_path: Path) -> None:
    folder = written(tmp_path)
    blob = folder / "blobs" / "sha256" / LAYER.digest.encoded
    (tmp_path / "outside").write_bytes(LAYER.body)
    blob.unlink()
    blob.symlink_to(tmp_path / "outside")

    with pytest.raises(Unseen, match="a symbolic link, not followed"):
        await read(copies(f"oci:{folder}", {}, plain_http=False).content, LAYER.digest, 601)

    (folder / "blobs").rename(tmp_path / "elsewhere")
    (folder / "blobs").symlink_to(tmp_path / "elsewhere")
    assert refused(f"oci:{folder}") == "Not a directory"


ASTRAY = {"mediaType": OCI_MANIFEST, "digest": "sha256:../../../etc/passwd", "size": 1}
INDEXES = [
    (encoded({"schemaVersion": 2, "manifests": [ASTRAY]}), "not a sha256 or sha512 digest"),
    (b"{", "not JSON"),
    (b"[]", "not a JSON object"),
    (b"{}", "not a JSON object"),
    (b'{"manifests": ["' + b"x" * (5 << 20) + b'"]}', "index.json: "),
]


@pytest.mark.parametrize(("index", "why"), INDEXES)
@pytest.mark.parametrize("kind", ["oci", "oci-archive"])
def test_an_index_that_is_none_or_leads_astray_is_refused(
    tmp_path: Path, kind: str, index: bytes, why: str
) -> None:
    folder = written(tmp_path)
    (folder / "index.json").write_bytes(index)
    with tarfile.open(tmp_path / "image.tar", "w") as tar:
        tar.add(folder, ".")

    path = folder if kind == "oci" else tmp_path / "image.tar"
    assert why in refused(f"{kind}:{path}")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (member("../../etc/cron.d/x"), "leads out of the archive"),
        (member("/etc/cron.d/x"), "leads out of the archive"),
        (member("blobs/sha256/" + "0" * 64, tarfile.SYMTYPE, "/etc/passwd"), "is a link"),
        (member("blobs/sha256/" + "0" * 64, tarfile.LNKTYPE, "index.json"), "is a link"),
        (member("index.json", tarfile.SYMTYPE, "/etc/passwd"), "is a link"),
        (member("a" * (2 << 20)), "a header of more than 1 MiB"),
    ],
)
def test_an_archive_that_leads_astray_is_refused(
    tmp_path: Path, more: tarfile.TarInfo, why: str
) -> None:
    assert why in refused(f"oci-archive:{packed(tmp_path, more)}")


def test_an_archive_cut_short_anywhere_is_refused_or_lacks_what_was_cut(tmp_path: Path) -> None:
    path = packed(tmp_path)
    whole, said = path.read_bytes(), set[str]()
    for length in range(0, len(whole) - 10240, 700):
        path.write_bytes(whole[:length])
        try:
            found = copies(f"oci-archive:{path}", {}, plain_http=False)
        except Unseen as unseen:
            said.add(unseen.detail)
        else:
            assert found.digest == APP.digest
    assert said
    assert not any("\n" in each or not each for each in said)


def test_what_is_no_source_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no archive, but a text that is long enough " * 40)
    path = packed(tmp_path)
    (tmp_path / "empty").mkdir()

    assert "no blobs/ here" in refused(f"oci:{tmp_path}")
    assert refused(f"oci:{tmp_path / 'nowhere'}") == "No such file or directory"
    assert refused(f"oci-archive:{tmp_path / 'nowhere'}") == "No such file or directory"
    assert refused(f"oci-archive:{tmp_path}") == "not a regular file"
    assert "cut short, or not a tar archive (invalid header)" in refused(
        f"oci-archive:{tmp_path / 'text'}"
    )
    assert refused(f"oci-archive:{path}:v9") == "it has no tag v9 (it has v1)"
    assert "not the root directory of a registry" in refused(f"storage:{tmp_path / 'empty'}")
