"""JSON that registries, nodes and we all read alike. Anything else is refused.

Go, in which those are written, takes keys in any case and merges repeated ones; to pass over such
a field would be to see no layers where a node sees some.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Final

from exporter.oci.digest import Malformed

_FIELDS: Final = frozenset(
    {
        *("schemaVersion", "mediaType", "artifactType", "subject", "annotations"),
        *("config", "layers", "manifests", "blobs", "fsLayers", "blobSum"),
        *("digest", "size", "data", "urls", "platform", "os", "architecture", "variant"),
        *("signatures", "protected", "formatLength", "formatTail"),
    }
)
_FOLDED: Final = frozenset(name.casefold() for name in _FIELDS)
LARGE: Final = 64 * 2**10
"""Bodies of at least so many bytes are parsed in a thread, so that nothing waits for them."""
_MOST_VALUES: Final = 100_000
"""JSON values of a manifest: an empty list takes 2 bytes of a body, and 64 of memory."""
CONFIG_VALUES: Final = 200_000
"""Likewise of an image's configuration."""
_URL_SAFE: Final = str.maketrans("-_", "+/")


def bounded(body: bytes, most: int = _MOST_VALUES) -> bytes:
    """Return a body that has no more JSON values than `most`, before anything is made of them.

    Counts what begins a value or stands before the next one, in texts as well. Raises `Malformed`.
    """
    if body.count(b"{") + body.count(b"[") + body.count(b",") > most:
        raise Malformed(f"more than {most:,} JSON values")
    return body


def document(body: bytes, most: int = _MOST_VALUES) -> object:
    """Read JSON; raise `Malformed` where it is none, or where one key stands twice in an object.

    So it does for more than `most` values.
    """
    bounded(body, most)
    try:
        return json.loads(
            body.decode(errors="replace"), object_pairs_hook=_once, parse_constant=_refuse
        )
    except Malformed:
        raise
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not JSON: {error}") from error


def fields(item: object, where: str) -> Mapping[str, object]:
    """Return an object's fields; raise `Malformed` for another value, or a field misspelt."""
    if not isinstance(item, dict):
        raise Malformed(f"{where}: not a JSON object")
    for key in item:
        if key not in _FIELDS and key.casefold() in _FOLDED:
            raise Malformed(f"{where}: a field in another case: {key[:40]!r}")
    return item


def decoded(value: object) -> bytes:
    """Decode base64 of either alphabet, padded or not; raise `Malformed` for anything else."""
    if not isinstance(value, str):
        raise Malformed("embedded data is not text")
    try:
        return base64.b64decode(value.translate(_URL_SAFE) + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed(f"embedded data is not base64: {error}") from error


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("duplicate key in a JSON object")
    return found


def _refuse(constant: str) -> object:
    raise Malformed(f"not JSON: {constant}")
