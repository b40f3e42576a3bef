"""Which images does a Helm release name, as Helm keeps it in a Secret?"""

from __future__ import annotations

import base64
import zlib
from typing import TYPE_CHECKING, Any, Final

import msgspec
import yaml

from exporter.oci.digest import Malformed
from exporter.sources.cluster.objects.meta import Shape

if TYPE_CHECKING:
    from collections.abc import Iterator

_LARGEST: Final = 32 * 1024 * 1024
"""Bytes of a release, unpacked; a Secret holds at most one packed megabyte."""
_DEEPEST: Final = 64
_GZIP: Final = 16 + zlib.MAX_WBITS
_MAGIC: Final = b"\x1f\x8b\x08"
_GROUPS: Final = frozenset({"containers", "initContainers", "ephemeralContainers"})


class Hook(Shape, frozen=True):
    """A job or pod that Helm starts beside the release."""

    manifest: str = ""


class Release(Shape, frozen=True):
    """What is read of a release."""

    manifest: str = ""
    hooks: tuple[Hook, ...] | None = ()


def images(packed: str) -> list[str]:
    """Return the images of a release's pods, each once, from the Secret's `data.release`.

    It is base64 (the API's) of base64 (Helm's) of gzip of JSON, whose manifest is YAML. Raises
    `Malformed`.
    """
    try:
        body = base64.b64decode(base64.b64decode(packed))
        release = msgspec.json.decode(_inflated(body), type=Release)
        manifests = (release.manifest, *(hook.manifest for hook in release.hooks or ()))
        return list(dict.fromkeys(image for each in manifests for image in _named(each)))
    except (ValueError, zlib.error, msgspec.DecodeError, RecursionError) as error:
        raise (
            error if isinstance(error, Malformed) else Malformed("not a release of Helm")
        ) from error
    except yaml.YAMLError as error:
        raise Malformed("a manifest that is not YAML") from error


def _inflated(body: bytes) -> bytes:
    if not body.startswith(_MAGIC):
        return body  # as Helm kept it before it packed
    inflating = zlib.decompressobj(_GZIP)
    document = inflating.decompress(body, _LARGEST)
    if inflating.unconsumed_tail or not inflating.eof:
        raise Malformed(f"a release that is cut off, or of more than {_LARGEST} bytes")
    return document


def _named(manifest: str) -> Iterator[str]:
    """Walk the events of all documents: nothing is built, so no text can grow beyond its length."""
    path: list[Any] = []
    for event in yaml.parse(manifest, yaml.CSafeLoader):
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            if len(path) > _DEEPEST or (path and path[-1] is None):
                raise Malformed("a manifest nested too deeply, or with a key that is no text")
            path.append(None if isinstance(event, yaml.MappingStartEvent) else 0)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            path.pop()
            _step(path)
        elif isinstance(event, yaml.AliasEvent | yaml.ScalarEvent):
            text = event.value if isinstance(event, yaml.ScalarEvent) else f"*{event.anchor}"
            if path and path[-1] is None:
                path[-1] = text
                continue
            if _is_image(path) and text:
                yield text
            _step(path)


def _step(path: list[Any]) -> None:
    """Go on to the next key of a map, or to the next item of a list."""
    if path:
        path[-1] = None if isinstance(path[-1], str) or path[-1] is None else path[-1] + 1


def _is_image(path: list[Any]) -> bool:
    """Is this the image of some container, or of a volume?"""
    match path:
        case [*_, str(group), int(), "image"]:
            return group in _GROUPS
        case [*_, "volumes", int(), "image", "reference"]:
            return True
    return False
