"""The images and registries that were given on the command line."""

import argparse
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

from exporter.commands import Refused, refusing
from exporter.config.loading import Misconfigured, load
from exporter.config.values import glob
from exporter.facts.use import ReferenceClass, Use
from exporter.oci.digest import Malformed, without_credentials
from exporter.oci.platform import Platform
from exporter.oci.reference import (
    HOST,
    HUB,
    Reference,
    Repository,
    host,
    is_host_alone,
    names_host,
    split_name,
)
from exporter.ports import Listing, Unseen, joined
from exporter.screen import plain
from exporter.sources.references import ReferenceFile

_SCHEME: Final = re.compile(r"https?://")
_MOST_SHOWN: Final = 300
"""Characters of what was typed: the longest image has some four hundred."""
TYPED: Final = "command line"
"""The owner of the uses that were typed."""
_FORM: Final = "give host/repository:tag, or a host"
_MEANT: Final = (
    (re.compile(r"(?:https?://)?[^/@:]*:[^/@]*@"), "no credentials here: pass --username"),
    (
        re.compile(r"(?!https?:)[a-z][a-z-]*://"),
        "no prefix before the host but https:// or http://",
    ),
    (re.compile(r"[.~]?/|[.~]$"), "not a file: --refs and --config read files"),
    (re.compile(r"(?:https?://)?[0-9a-f]*::?[0-9a-f:]*:"), "an IPv6 address stands in [ ]"),
)
"""Forms that other tools take, and the form to type here."""
_API: Final = re.compile(r"https?://[^/]+/v2(?:/|$)")
"""An address of a registry's API, as a browser or curl takes it."""

Named = tuple[Repository, str | None]
Texts = TypeVar("Texts", str, list[str])
Parsed = TypeVar("Parsed", str, Reference)


@dataclass(frozen=True, slots=True)
class Subjects:
    """The images and registries of the command line."""

    registries: frozenset[str] = frozenset()
    """Hosts whose every tag is asked for."""
    uses: Listing[Use] = Listing(())  # noqa: RUF009 - a frozen value
    beside: tuple[str, ...] = ()
    """Patterns of further tags to audit, in the repositories of the images."""
    within: frozenset[Repository] = frozenset()
    """If any are named, uses of other repositories do not count."""
    alone: frozenset[Named] = frozenset()
    """If any are named, uses of other images do not count."""

    @property
    def hosts(self) -> frozenset[str]:
        """Every registry to audit."""
        return self.registries | {use.reference.registry for use in self.uses.entries}

    def narrowed(self) -> "Subjects":
        """Return the same, with uses of other repositories than the images' left aside."""
        named = frozenset(use.reference.repository for use in self.uses.entries)
        return replace(self, within=self.within | named)

    def by_their_users(self) -> "Subjects":
        """Return the same images, that matter as much as those who use them say, and no others."""
        asked = (replace(use, reference_class=ReferenceClass.SELECTED) for use in self.uses.entries)
        alone = frozenset(map(_name, self.uses.entries))
        return replace(self, uses=replace(self.uses, entries=tuple(asked)), alone=alone)

    def with_uses(self, uses: Listing[Use]) -> Listing[Use]:
        """Return these uses with those that were typed."""
        both = joined(self.uses, uses)
        return replace(both, entries=tuple(filter(self._counts, both.entries)))

    def _counts(self, use: Use) -> bool:
        within = not self.within or use.reference.repository in self.within
        return within and (not self.alone or _name(use) in self.alone)


def _name(use: Use) -> Named:
    """Return the name that a node pulls by: a digest, or a tag if there is none."""
    return use.reference.repository, use.reference.digest or use.reference.tag


def asked_for(args: argparse.Namespace) -> Subjects:
    """Return the images and registries that were typed, and what `--refs` names; raises `Refused`.

    Beside images, a cluster's uses count only of their repositories.
    """
    required = platforms(args.platform)
    _check_patterns(args)
    subjects = with_file(read(args.subjects, required), args.refs, required, args.config)
    if subjects.hosts and not subjects.registries and (args.tags or args.exclude_tags):
        option = "--tags" if args.tags else "--exclude-tags"
        raise Refused(f"{option} selects tags of a registry: name its host, or omit {option}")
    if args.refs and not (subjects.hosts or args.config):
        first = "".join(f"; {gap.subject}: {gap.detail}" for gap in subjects.uses.gaps[:1])
        raise Refused(f"--refs {args.refs}: contains no image{first}")
    return subjects if args.kube is None or subjects.registries else subjects.narrowed()


def _check_patterns(args: argparse.Namespace) -> None:
    """Refuse a pattern that no tag fits as its author meant it; raises `Refused`."""
    given = {"--tags": args.tags or (), "--exclude-tags": args.exclude_tags}
    for option, patterns in given.items():
        for pattern in patterns:
            with refusing(ValueError, option=option):
                glob(pattern)


def is_registry(text: str) -> bool:
    """Is it a registry's host alone, rather than an image? With a scheme, any host is."""
    bare = _bare(text)
    return is_host_alone(bare) or (
        _SCHEME.match(text) is not None and HOST.fullmatch(bare) is not None
    )


def of_registry(args: argparse.Namespace, otherwise: str) -> Subjects:
    """Return the one registry that was typed, if any, and what `--refs` names.

    Raises `Refused`: `otherwise` says why not, where an image was typed.
    """
    subjects = read([args.subjects] if args.subjects else [], frozenset())
    if subjects.uses.entries:
        raise Refused(f"{_shown(args.subjects)}: {otherwise}")
    return with_file(subjects, args.refs, frozenset(), args.config)


def read(texts: Iterable[str], platforms: frozenset[Platform]) -> Subjects:
    """Tell images from registries; raises `Refused` for a text that is neither."""
    registries: set[str] = set()
    uses: list[Use] = []
    for text in texts:
        if is_registry(text):
            registries.add(_parsed(text, host))
        else:
            uses.append(Use(TYPED, image(text), ReferenceClass.LIVE, platforms))
    return Subjects(frozenset(registries), Listing(tuple(uses)))


def image(text: str) -> Reference:
    """Return the image that a text names; raises `Refused`, with a suggestion."""
    if not _bare(text).strip():
        raise Refused(f"empty argument: {_FORM}")
    if _API.match(text):
        raise Refused(f"{_shown(text)}: an address of the API; {_FORM}")
    return _parsed(text, Reference.parse)


def _parsed(text: str, parse: Callable[[str], Parsed]) -> Parsed:
    try:
        return parse(_bare(text))
    except Malformed as error:
        raise Refused(f"{_shown(text)}: {_hint(text) or error}; {_FORM}") from error


def _shown(text: str) -> str:
    """Return a text for one line of an error."""
    said = plain(without_credentials(text))
    return said if len(said) <= _MOST_SHOWN else f"{said[:_MOST_SHOWN]}…"


def _hint(text: str) -> str:
    """Return a suggestion; nothing if the fault itself says more."""
    return next((hint for form, hint in _MEANT if form.match(text)), "")


def _bare(text: str) -> str:
    """Return a text without what browsers put around a host; an image has no slash at its end."""
    rest = _SCHEME.sub("", text)
    alone = rest.rstrip("/")
    return alone if is_host_alone(alone) or (rest != text and "/" not in alone) else rest


def with_file(
    subjects: Subjects,
    path: Path | None,
    platforms: frozenset[Platform],
    config: Path | None = None,
) -> Subjects:
    """Add what a file names, if there is one; raises `Refused` if it cannot be read as a whole.

    No image of it may begin with the name of a registry in the configuration.
    """
    if path is None:
        return subjects
    with refusing(Misconfigured):
        names = load(config, os.environ).names if config else {}
    try:
        listed = ReferenceFile(path, platforms=platforms, registries=names).uses()
    except Unseen as unseen:
        raise Refused(f"--refs {path}: {unseen.detail or unseen.reason}") from unseen
    return replace(subjects, uses=joined(subjects.uses, listed))


def platforms(texts: Iterable[str]) -> frozenset[Platform]:
    """Read `--platform`; raises `Refused`."""
    with refusing(Malformed, option="--platform"):
        return frozenset(Platform.parse(text) for text in texts)


def with_hosts(texts: Texts, config: Path, environ: Mapping[str, str]) -> Texts:
    """Return what was typed with the host for each configured name.

    Raises `Refused` for a first part that is neither a name nor a host: by Docker's rule it would
    be asked of Docker Hub, and a private name be told to a stranger.
    """
    with refusing(Misconfigured):
        settings = load(config, environ)
    hosts = frozenset[str]().union(*(each.hosts for each in settings.registries))
    if isinstance(texts, str):
        return _with_host(texts, settings.names, hosts)
    return [_with_host(each, settings.names, hosts) for each in texts]


def _with_host(text: str, names: Mapping[str, str], hosts: frozenset[str]) -> str:
    known = {each: each for each in hosts} | dict(names)
    name, rest = split_name(text, known)
    if name and not rest and not is_host_alone(known[name]):
        return f"https://{known[name]}"  # else it would be read as an image
    if name:
        return f"{known[name]}{rest}"
    first, slash, _ = text.partition("/")
    if HUB in hosts or is_registry(text) or names_host(first if slash else ""):
        return text
    if text.startswith(("sha256:", "sha512:")) or not text.strip():
        return text
    said = _shown(text)
    listed = ", ".join(sorted(names))
    raise Refused(
        f"{said}: the configuration has no registry of this name (it has {listed}); "
        f"write docker.io/{said} for an image of Docker Hub"
    )
