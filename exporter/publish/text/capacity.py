"""How is said what a whole registry holds, or why that may not be said?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from exporter.facts.exports import Capacity, Seen, Stored, Untold
from exporter.publish.words import count_words, size_words, time_words
from exporter.screen import plain

_MOST: Final = 20
"""Repositories that a person is shown."""


def capacity_json(answers: Iterable[Capacity | Untold]) -> str:
    """Return the answers for a program; a registry without an answer has `untold`.

    What is not all has another name: it is never taken for all by who does not look for more.
    """
    document = {"registries": [_document(each) for each in answers]}
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _document(each: Capacity | Untold) -> dict[str, object]:
    if isinstance(each, Untold):
        return {"registry": each.registry, "untold": each.reasons}
    stored, whole = each.stored, not each.incomplete
    part = {} if whole else {"incomplete": each.incomplete, "seen_in_part": each.seen}
    return {
        "registry": each.registry,
        "shards": each.shards,
        "taken_at": each.taken_at,
        "seen": each.seen if whole else None,
        **part,
        "stored": stored and _stored_document(stored),
    }


def _stored_document(stored: Stored) -> dict[str, object]:
    numbers: dict[str, object] = msgspec.to_builtins(stored)
    return {
        **numbers,
        "reclaimable_bytes": stored.reclaimable_bytes,
        "exclusive": dict(stored.exclusive),
    }


def capacity_text(answers: Iterable[Capacity | Untold]) -> str:
    """Return the answers for a person."""
    return "\n".join("".join(f"{plain(line)}\n" for line in _lines(each)) for each in answers)


def _lines(each: Capacity | Untold) -> Iterator[str]:
    if isinstance(each, Untold):
        yield f"{each.registry}: inconclusive"
        yield from (f"  {reason}" for reason in each.reasons)
        return
    parts = "" if each.shards == 1 else f" by {each.shards} shards"
    yield f"{each.registry}: exported{parts} since {time_words(each.taken_at)}"
    yield from (f"  incomplete: {reason}" for reason in each.incomplete)
    yield from _seen(each.seen, "partial: " if each.incomplete else "")
    if each.stored is None:
        yield "  no shard reads the storage: unreferenced data is unknown"
    else:
        yield from _stored(each.stored)


def _seen(seen: Seen, part: str) -> Iterator[str]:
    tags = count_words(seen.tags, "tag")
    where = count_words(seen.repositories, "repository", "repositories")
    size = size_words(seen.referenced_bytes)
    yield f"  {part}{size} present of what {tags} in scope in {where} need"
    children = count_words(seen.unprotected_children, "unprotected child", "unprotected children")
    unsealed = count_words(seen.unsealed_repositories, "repository", "repositories")
    yield f"  {part}{children}" + (
        f", {unsealed} not counted" if seen.unsealed_repositories else ""
    )


def _stored(stored: Stored) -> Iterator[str]:
    orphans = count_words(stored.orphaned_manifests, "manifest")
    for name, size, more in (
        ("stored", stored.stored_bytes, count_words(stored.blobs, "blob")),
        ("referenced", stored.referenced_bytes, "by a manifest"),
        ("reclaimable", stored.reclaimable_bytes, "in total"),
        ("  orphaned", stored.orphaned_bytes, count_words(stored.orphaned_blobs, "blob")),
        ("  untagged", stored.untagged_bytes, f"{orphans} without a tag"),
        ("  uploads", stored.stale_upload_bytes, "unfinished"),
    ):
        yield f"  {name:<14}{size_words(size):>9}  {more}"
    yield "  exclusive to a repository"
    for repository, size in stored.exclusive[:_MOST]:
        yield f"  {'':<14}{size_words(size):>9}  {repository}"
    if len(stored.exclusive) > _MOST:
        yield f"  and {len(stored.exclusive) - _MOST} more: --output json has all of them"
