"""Which manifests did a listing not show, although a tag or an index names them?

A folder that is listed while it is written to may show an index and not yet its child, which was
there before it; so what tags and indexes name is asked for by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from exporter.facts.inventory import Unlinked
from exporter.facts.inventory_builder import LinkBuilder, Target
from exporter.sources.storage import layout

Known = dict[str, dict[str, "Target"]]
"""By algorithm and encoded part: what each link names."""


def complete(
    known: Known,
    tagged: Iterable[str],
    children: Callable[[str], Iterable[str]],
    look: Callable[[str, str], Target],
) -> None:
    """Read every manifest's children, and add the links that tags and indexes name beyond these.

    `children` reads a body and says what it lists; `look` looks for the link of an algorithm and
    an encoded part.
    """
    pending = [*tagged, *(child for to in named(known) for child in children(to))]
    asked: set[str] = set()
    while pending:
        digest = pending.pop()
        algorithm, _, encoded = digest.partition(":")
        if digest in asked or encoded in known.get(algorithm, ()) or not layout.is_digest(digest):
            continue
        asked.add(digest)
        found = look(algorithm, encoded)
        if found is not Unlinked.ABSENT:
            known.setdefault(algorithm, {})[encoded] = found
        if not isinstance(found, Unlinked):
            pending += children(found)


def named(known: Known) -> list[str]:
    """Return the digests that links name."""
    listed = (to for links in known.values() for to in links.values())
    return [to for to in listed if not isinstance(to, Unlinked)]


def deliver(known: Known, links: LinkBuilder) -> None:
    """Hand a repository's links over, in the order of their paths."""
    for algorithm, named in sorted(known.items()):
        names = sorted(named)
        differing = {
            at: named[name] for at, name in enumerate(names) if named[name] != f"{algorithm}:{name}"
        }
        links.add(algorithm, names, differing)
