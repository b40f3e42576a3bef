"""Intended removals: the tags that a user named, by reference, by pattern, or in a plan."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Final

from exporter.facts.snapshot import Root
from exporter.judge.plans.deletion import Deletion, DeletionKind

_TAGS: Final = frozenset({DeletionKind.MANIFEST, DeletionKind.TAG, DeletionKind.VERSION})
"""Deletions that take tags away."""


def intended(deletions: Iterable[Deletion], patterns: Iterable[str] = ()) -> Callable[[Root], bool]:
    """Return what says of a tag whether its removal was named.

    A digest alone names every tag that referenced it; beside a tag it names that tag only, while
    it references the digest. A pattern is one of `repository:tag`.
    """
    named: dict[str, list[Deletion]] = defaultdict(list)
    for each in deletions:
        if each.kind in _TAGS:
            named[each.tag or each.digest].append(each)
    texts = tuple(patterns)

    def is_intended(root: Root) -> bool:
        found = [*named.get(root.tag or "", ()), *named.get(root.digest or "", ())]
        if any(_names(each, root) for each in found):
            return True
        return any(fnmatchcase(f"{root.repository}:{root.tag}", text) for text in texts)

    return is_intended


def _names(deletion: Deletion, root: Root) -> bool:
    """Tools on GitHub leave the owner of a repository out."""
    place = deletion.repository
    there = not place or root.repository == place or root.repository.endswith(f"/{place}")
    return there and deletion.digest in ("", root.digest) and deletion.tag in ("", root.tag)
