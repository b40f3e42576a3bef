"""How does the ledger remember what layers unpack to, so that damage to it is never believed?"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from exporter.facts.gap import Reason
from exporter.facts.misfit import Contents, Inside, Known, Unpacked
from exporter.oci.digest import Digest
from exporter.oci.rootfs import Rootfs
from exporter.store.manifests import key
from exporter.store.scrubs import unkeyed

if TYPE_CHECKING:
    import sqlite3

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS contents (
  registry TEXT NOT NULL, digest BLOB NOT NULL, said TEXT NOT NULL, seal BLOB NOT NULL,
  readings INTEGER NOT NULL, PRIMARY KEY (registry, digest)
) STRICT, WITHOUT ROWID;
"""
LEARN: Final = """
INSERT INTO contents (registry, digest, said, seal, readings) VALUES (?, ?, ?, ?, 1)
ON CONFLICT (registry, digest) DO UPDATE SET
  readings = iif(said = excluded.said AND seal = excluded.seal, readings + 1, 1),
  said = excluded.said, seal = excluded.seal
"""
PRUNE: Final = """
DELETE FROM contents WHERE registry = ? AND NOT EXISTS (
  SELECT 1 FROM proofs
  WHERE proofs.registry = contents.registry AND proofs.digest = contents.digest
)
"""

_RECALL: Final = """
SELECT digest, said, seal, readings FROM contents WHERE registry = ?
AND typeof(digest) = 'blob' AND typeof(said) = 'text' AND typeof(readings) = 'integer'
"""

Row = tuple[str, bytes, str, bytes]


def recall(registry: str, file: sqlite3.Connection) -> Contents:
    """Read what is known of a registry's layers and configurations; damage is not told."""
    found = {}
    for packed, said, seal, readings in file.execute(_RECALL, (registry,)):
        content = _content(json.loads(said)) if seal == _seal(packed, said) else None
        if content is not None:
            found[unkeyed(packed)] = Known(content, readings)
    return found


def row(registry: str, digest: Digest, content: Inside) -> Row:
    """Return what is kept of one, with a seal over it and its digest."""
    packed, said = key(digest), json.dumps(_said(content))
    return registry, packed, said, _seal(packed, said)


def _said(content: Inside) -> dict[str, object]:
    if isinstance(content, Rootfs):
        return {"diff_ids": content.diff_ids}
    return {
        "diff_id": content.diff_id,
        "detail": content.detail,
        "reason": content.reason,
        "packed": content.packed,
    }


def _content(said: dict[str, Any]) -> Inside | None:
    """Read what was kept; None where another release kept it, and meant more by it."""
    try:
        if "diff_ids" in said:
            diff_ids = said["diff_ids"]
            return Rootfs(None if diff_ids is None else tuple(map(Digest.parse, diff_ids)))
        diff_id, reason = said["diff_id"], said["reason"]
        return Unpacked(
            None if diff_id is None else Digest.parse(diff_id),
            said["detail"],
            None if reason is None else Reason(reason),
            said["packed"],
        )
    except (KeyError, TypeError, ValueError):
        return None


def _seal(packed: bytes, said: str) -> bytes:
    return hashlib.sha256(packed + said.encode()).digest()
