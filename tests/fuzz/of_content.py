"""Readers of what registries hold: digests, references, manifests, configurations, layers."""

from __future__ import annotations

import gzip
from typing import Final

from exporter.facts import body
from exporter.oci import layers, reference
from exporter.oci.digest import Digest
from exporter.oci.manifest import parse, referrers, schema1_payload
from exporter.oci.platform import Platform, accepted, choose
from exporter.resolve.blobs import stated_platform
from exporter.resolve.unpacking import Unpacker
from tests import worlds
from tests.fuzz.target import Target
from tests.schema1 import schema1

IMAGE: Final = worlds.image("fuzz")
INDEX: Final = worlds.two_platforms("fuzz")
SIGNED: Final = schema1("fuzz", "app", "v1").body
MANIFESTS: Final = (
    *(IMAGE.body, INDEX.body, SIGNED, worlds.two_platforms("fuzz", docker=True).body),
    *(worlds.inline("fuzz").body, worlds.windows("fuzz").body, worlds.build_cache("fuzz").body),
    *(worlds.chart("fuzz").body, worlds.attestation(IMAGE).body, worlds.referrer(IMAGE).body),
)
_PLAIN: Final = b"tar " * 64


def _zstd() -> bytes:
    try:
        from backports import zstd  # noqa: PLC0415 - part of Python itself from 3.14 on
    except ImportError:
        from compression import zstd  # type: ignore[no-redef]  # noqa: PLC0415
    return bytes(zstd.compress(_PLAIN))


def _text(read: object, data: bytes) -> None:
    assert callable(read)
    text = data.decode(errors="surrogateescape")
    found = read(text)
    str(found).encode()  # what is read is told on, in UTF-8


def _manifest(data: bytes) -> None:
    found = parse(data, IMAGE.digest)
    for each in (*found.children, *found.content):
        assert each.inline in (True, False)
        each.media_type.encode()
    choose(Platform("linux", "amd64"), [each.platform for each in found.children])


def _platform(data: bytes) -> None:
    platform = Platform.parse(data.decode(errors="surrogateescape"))
    list(accepted(platform))
    str(platform).encode()


def _stored(data: bytes) -> None:
    """What a storage's manifest refers to; its digests are told on as they stand."""
    try:
        found = body.read(data)
    except body.Unreadable:
        return
    found.outline(len(data))


def _config(data: bytes) -> None:
    layers.rootfs(data)
    str(stated_platform(data)).encode()


def _layer(data: bytes) -> None:
    unpacker = Unpacker(1 << 20, lambda _: None)
    for start in range(0, len(data), 4_096):
        more = unpacker.feed(data[start : start + 4_096])
        while more:
            more = unpacker.feed(b"")
    unpacker.end()


TARGETS: Final = (
    Target(
        "digest",
        lambda data: _text(Digest.parse, data),
        (str(IMAGE.digest).encode(), b"sha512:" + b"0" * 128),
        ("oci.digest",),
    ),
    Target(
        "reference",
        lambda data: _text(reference.Reference.parse, data),
        (
            b"registry.example:5000/team/app:v1",
            f"docker.io/library/app@{IMAGE.digest}".encode(),
            b"[::1]:5000/a/b:c",
            b"app",
        ),
        ("oci.reference",),
    ),
    Target(
        "host",
        lambda data: _text(reference.host, data),
        (b"registry.example", b"[::1]:5000", b"localhost:1"),
        ("oci.reference",),
    ),
    Target(
        "platform",
        _platform,
        (b"linux/amd64", b"linux/arm64/v8", b"windows/amd64"),
        ("oci.platform",),
    ),
    Target("manifest", _manifest, MANIFESTS, ("oci.manifest", "oci.strict")),
    Target("referrers", referrers, MANIFESTS, ("oci.manifest", "sources.registry.referrers")),
    Target("schema1", schema1_payload, (SIGNED,), ("oci.manifest", "oci.strict")),
    Target("stored-manifest", _stored, MANIFESTS, ("facts.body",), ()),
    Target(
        "config",
        _config,
        (IMAGE.config.body, b'{"os":"linux","architecture":"arm64","rootfs":{"type":"layers"}}'),
        ("oci.layers", "resolve.blobs"),
    ),
    Target(
        "layer",
        _layer,
        (gzip.compress(_PLAIN), gzip.compress(_PLAIN) * 2, _zstd(), _zstd() * 2, _PLAIN),
        ("resolve.unpacking",),
        (),
    ),
)
