"""The scope of an audit: its repositories and tags, and how much each matters."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING

from exporter.facts.proof import HEADER, Sighting
from exporter.facts.shard import WHOLE, Shard
from exporter.facts.snapshot import Root
from exporter.facts.use import Nodes, ReferenceClass, Use
from exporter.oci.digest import Digest
from exporter.oci.platform import Platform
from exporter.oci.reference import Repository, Tag

if TYPE_CHECKING:
    from exporter.facts.inventory import Inventory

Name = Tag | Digest
"""The name of an image within its repository."""


@dataclass(frozen=True, slots=True)
class Promotion:
    """Tags of a higher class than their name gives: a site without a cluster names live ones."""

    repository: str
    """A shell pattern."""
    tag: str
    """A shell pattern."""
    reference_class: ReferenceClass
    platforms: frozenset[Platform] = frozenset()


@dataclass(frozen=True, slots=True)
class AuditScope:
    """The scope of an audit. Patterns are those of a shell (`*`, `?`, `[…]`), case-sensitive."""

    catalogue: bool = True
    """Whether to read the registry's catalogue."""
    listed: tuple[Repository, ...] = ()
    """Repositories that are audited whether or not the catalogue names them."""
    namespaces: tuple[str, ...] = ()
    """The parts of the registry that are listed; empty is all of it."""
    only: tuple[str, ...] = ("*",)
    leave_out: tuple[str, ...] = ()
    latest: tuple[str, ...] = ("latest",)
    """Tags that always count as latest."""
    select: tuple[str, ...] = ()
    """Further tags to audit."""
    leave_out_tags: tuple[str, ...] = ()
    """Tags that are left out although `select` matches them."""
    only_tags: tuple[str, ...] = ("*",)
    """Listed tags that may be audited at all, latest ones included."""
    never_tags: tuple[str, ...] = ()
    """Listed tags that are never audited."""
    promotions: tuple[Promotion, ...] = ()
    require: frozenset[Platform] = frozenset()
    """Platforms that must run every tag, besides those that uses and promotions need."""
    shard: Shard = WHOLE
    """The part of the repositories that is audited, whoever names them."""

    @property
    def whole(self) -> bool:
        """Is every repository of the registry audited, by this shard or another?"""
        every = self.catalogue and not self.namespaces
        return every and set(self.only) == {"*"} and not self.leave_out

    def admits(self, repository: Repository) -> bool:
        """Is a repository of the catalogue audited?"""
        return _matches(repository, self.only) and not _matches(repository, self.leave_out)

    def covers(self, repository: Repository) -> bool:
        """Would this shard audit a repository if the registry listed it?"""
        if not self.shard.holds(repository):
            return False
        if repository in self.listed:
            return True
        within = not self.namespaces or repository.startswith(
            tuple(f"{name.lower()}/" for name in self.namespaces)
        )
        return self.catalogue and within and self.admits(repository)


@dataclass(frozen=True, slots=True)
class WantedImage:
    """One image to audit, and why."""

    repository: Repository
    name: Name
    reference_class: ReferenceClass
    nodes: Nodes
    used: bool
    """Does a use name it (it is looked for even where no list has it)?"""

    def root(self, tag: Tag | None, digest: Digest | None, sighting: Sighting) -> Root:
        """Return the image as it was resolved."""
        nodes = self.nodes
        name = (self.repository, tag, digest)
        return Root(*name, sighting, self.reference_class, nodes.platforms, nodes.admitted)


def select(
    scope: AuditScope,
    listings: Mapping[Repository, Sequence[Tag]],
    uses: Iterable[Use],
) -> tuple[WantedImage, ...]:
    """Return every image in scope once, under its highest class."""
    wanted: dict[tuple[Repository, Name], WantedImage] = {}
    for each in (*_used(scope, uses), *_listed(scope, listings)):
        key = (each.repository, each.name)
        wanted[key] = merge(wanted[key], each) if key in wanted else each
    return tuple(wanted.values())


def suspected_first(wanted: Iterable[WantedImage], uses: Iterable[Use]) -> tuple[WantedImage, ...]:
    """Return the images that pods fail to pull now before all others."""
    suspected = {
        (use.reference.repository, use.reference.digest or use.reference.tag)
        for use in uses
        if use.failing_pulls
    }
    if not suspected:
        return tuple(wanted)
    return tuple(sorted(wanted, key=lambda each: (each.repository, each.name) not in suspected))


def merge(first: WantedImage, second: WantedImage) -> WantedImage:
    """Return the union of two reasons for the same image.

    Where one of two equally important reasons does not know its platforms, none are known: then
    every platform that the image offers must be there. A use that does not know them is judged by
    itself (`judge.choice.demand`), and takes nothing from what the others know.
    """
    used = first.used or second.used
    if first.reference_class is second.reference_class:
        both = first.used and second.used
        nodes = first.nodes.also(second.nodes) if both else first.nodes | second.nodes
        return replace(first, nodes=nodes, used=used)
    top = min(first, second, key=lambda each: each.reference_class.rank)
    return replace(top, used=used)


def _used(scope: AuditScope, uses: Iterable[Use]) -> Iterator[WantedImage]:
    for use in uses:
        name = use.reference.digest or use.reference.tag
        if name is not None:
            nodes = Nodes(scope.require).also(use.nodes)
            yield WantedImage(use.reference.repository, name, use.reference_class, nodes, used=True)


def settled(scope: AuditScope, use: Use) -> Use:
    """Return a use with its platforms: where it says none, those that every tag must run on."""
    return use if use.nodes.known else replace(use, platforms=scope.require)


def _listed(
    scope: AuditScope, listings: Mapping[Repository, Sequence[Tag]]
) -> Iterator[WantedImage]:
    for repository, tags in listings.items():
        if repository not in scope.listed and _matches(repository, scope.leave_out):
            continue  # only the images that somebody names
        for tag in tags:
            for reference_class, platforms in _reasons(scope, repository, tag):
                yield WantedImage(repository, tag, reference_class, _nodes(platforms), used=False)


@lru_cache(16)
def _nodes(platforms: frozenset[Platform]) -> Nodes:
    return Nodes(platforms)  # the same for nearly all tags


def _reasons(
    scope: AuditScope, repository: Repository, tag: Tag
) -> Iterator[tuple[ReferenceClass, frozenset[Platform]]]:
    """Every reason to look at a listed tag; none means that it is out of scope."""
    if not _matches(tag, scope.only_tags) or _matches(tag, scope.never_tags):
        return
    for promotion in scope.promotions:
        if _matches(repository, (promotion.repository,)) and _matches(tag, (promotion.tag,)):
            yield promotion.reference_class, promotion.platforms | scope.require
    if _matches(tag, scope.latest):
        yield ReferenceClass.LATEST, scope.require
    if _matches(tag, scope.select) and not _matches(tag, scope.leave_out_tags):
        yield ReferenceClass.SELECTED, scope.require


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def stored_roots(
    inventory: "Inventory", scope: AuditScope, uses: Sequence[Use]
) -> tuple[Root, ...]:
    """Return the tags in scope and the pinned digests, with their classes.

    Names alone decide that: nothing is resolved, and where a tag leads is left open.
    """
    named = {*scope.listed, *(use.reference.repository for use in uses)}
    tags = {
        repository: tuple(map(Tag, inventory.tags.named(at)))
        for at, repository in enumerate(map(Repository, inventory.repositories))
        if repository in named or (scope.catalogue and scope.admits(repository))
    }
    return tuple(_roots(select(scope, tags, uses)))


def _roots(wanted: Iterable[WantedImage]) -> Iterable[Root]:
    for each in wanted:
        digest = each.name if isinstance(each.name, Digest) else None
        tag = None if digest else Tag(each.name)
        yield Root(each.repository, tag, digest, HEADER, each.reference_class)
