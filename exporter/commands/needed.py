"""The needs of a registry: its tags, and the images in use."""

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from exporter.commands import refusing
from exporter.commands.options import clusters
from exporter.config.loading import Misconfigured, load
from exporter.config.registry import RegistrySettings
from exporter.config.settings import Settings
from exporter.facts.gap import Scope
from exporter.facts.use import Use
from exporter.judge.impact import User, users_of
from exporter.judge.preflight.prediction import NeededImage
from exporter.oci.digest import Digest, Malformed
from exporter.oci.reference import Repository, Tag, spellings
from exporter.ports import Listing, ReferenceSource, Unseen, joined
from exporter.resolve import scope
from exporter.sources.references import ReferenceFile
from exporter.wiring import assembly, references


@dataclass(frozen=True, slots=True)
class Needs:
    """The references, and the tags that matter by their names."""

    uses: Listing[Use]
    scope: scope.AuditScope
    hosts: frozenset[str]
    """Hosts that name the registry; empty if unknown: then any host may be its."""
    owner: RegistrySettings | None = None
    """The configured registry that is named, or has the storage, or is the only one."""

    def needed(self, tags: Mapping[Repository, Sequence[Tag]]) -> list[NeededImage]:
        """Return all tags, and everything in use, each once under its highest class."""
        users: dict[tuple[str, str], list[Use]] = {}
        for use in self.uses.entries:
            name = use.reference.digest or use.reference.tag or ""
            users.setdefault((use.reference.repository, name), []).append(use)
        return [
            _needed(each, users_of(users.get((each.repository, each.name), ())))
            for each in scope.select(self.scope, tags, self.uses.entries)
        ]


def _needed(wanted: scope.WantedImage, users: tuple[User, ...]) -> NeededImage:
    pinned = isinstance(wanted.name, Digest)
    tag, digest = ("", wanted.name) if pinned else (wanted.name, "")
    return NeededImage(wanted.repository, tag, digest, wanted.reference_class, users)


def read_needs(args: argparse.Namespace, environ: Mapping[str, str]) -> Needs:
    """Read the references; a file that cannot be read is a gap. Raises `Refused`."""
    with refusing(Malformed, Misconfigured):
        hosts = frozenset[str]().union(*map(spellings, args.registry))
        settings = load(args.config, environ) if args.config else None
    registry = _registry(settings, hosts)
    watched = assembly.scope(settings, registry) if settings and registry else scope.AuditScope()
    hosts |= registry.hosts if registry else frozenset()
    uses = joined(*map(_read, _sources(args, settings, environ)))
    mine = tuple(use for use in uses.entries if not hosts or use.reference.registry in hosts)
    every = replace(watched, select=("*",), leave_out_tags=())
    owner = registry or _stored(settings, args.storage)
    return Needs(Listing(mine, uses.gaps), every, hosts, owner)


def _registry(settings: Settings | None, hosts: frozenset[str]) -> RegistrySettings | None:
    """Return the settings of the registry that is meant: the one that is named, or the only one."""
    known = settings.registries if settings else ()
    mine = [each for each in known if each.hosts & hosts or not hosts]
    return mine[0] if len(mine) == 1 else None


def _stored(settings: Settings | None, location: str | None) -> RegistrySettings | None:
    """Return the one registry that has this storage: a folder, or the address of a bucket."""
    if settings is None or location is None:
        return None
    place, known = _place(location), settings.registries
    mine = [each for each in known if each.storage and _place(each.storage.location) == place]
    return mine[0] if len(mine) == 1 else None


def _place(location: str) -> str:
    return location.rstrip("/") if "://" in location else os.path.realpath(location)


def _sources(
    args: argparse.Namespace, settings: Settings | None, environ: Mapping[str, str]
) -> Iterator[ReferenceSource]:
    """Return the sources that were typed, and those that are configured."""
    names = settings.names if settings else {}
    yield from (ReferenceFile(each, registries=names) for each in args.refs)
    yield from references.files(settings.references if settings else (), names)
    configured = settings.clusters if settings else ()
    chosen = configured if args.kube is None else clusters(args.kube, settings)
    yield from references.clusters(chosen, environ)


def _read(source: ReferenceSource) -> Listing[Use]:
    try:
        return source.uses()
    except Unseen as unseen:
        return Listing((), (unseen.gap(Scope.REFERENCES, source.name),))
