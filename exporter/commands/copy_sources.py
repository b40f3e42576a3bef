"""Sources of copies for `repair`: those that were typed, or all that are configured."""

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, suppress

from exporter.commands import Refused, refusing
from exporter.commands.options import Typed, place, plain_http, typed
from exporter.commands.subjects import is_registry, read, with_hosts
from exporter.config.loading import Misconfigured, load
from exporter.config.registry import RegistrySettings
from exporter.facts.proof import State
from exporter.facts.snapshot import Snapshot
from exporter.memory import Journal
from exporter.oci.digest import Digest, Malformed, without_credentials
from exporter.oci.reference import Repository
from exporter.ports import OpenRegistry, Unseen
from exporter.repair.repairer import CopySource
from exporter.store import snapshot_file
from exporter.wiring.assembly import storage
from exporter.wiring.registries import opened
from exporter.wiring.registry_storage import KINDS, copies


def named_sources(
    args: argparse.Namespace, asked: Typed, stack: AsyncExitStack
) -> list[CopySource]:
    """Open the sources that were typed. Raises `Refused` for one that cannot be used."""
    return [_named(args, text, asked, stack) for text in args.source]


def _named(args: argparse.Namespace, text: str, asked: Typed, stack: AsyncExitStack) -> CopySource:
    kind, colon, location = text.partition(":")
    if colon and kind in KINDS:
        options = place(args, asked.environ, location)
        try:
            found = copies(text, options, plain_http=args.plain_http or plain_http(options))
        except Unseen as unseen:
            raise Refused(f"--source {text}: {unseen.detail or unseen.reason}") from unseen
        return CopySource(text, found.content, digest=found.digest)
    said = without_credentials(text)
    if args.config:
        text = with_hosts(text, args.config, asked.environ)
    with refusing(Refused, option="--source"):
        subjects = read([text], frozenset())
    (host,) = subjects.hosts
    registry = connected(_settings(args, text, host, asked), asked.environ, stack)
    if is_registry(text):
        return CopySource(host, registry, tags=registry)
    (use,) = subjects.uses.entries
    named = use.reference
    tag = None if named.digest else named.tag
    return CopySource(said, registry, named.repository, named.digest, tag, registry)


def _settings(args: argparse.Namespace, text: str, host: str, asked: Typed) -> RegistrySettings:
    """Return how a source is reached. A password that was typed is for the registry alone."""
    with refusing(Misconfigured):
        known = load(args.config, asked.environ).registries if args.config else ()
    for each in (*asked.settings.registries, *known):
        if host in each.hosts:
            return each
    alone: dict[str, object] = {
        "config": None,
        "username": None,
        "password_stdin": False,
        "kube": None,
    }
    plain = text.startswith("http://") or (args.plain_http and not text.startswith("https://"))
    alone |= {"subjects": [text], "plain_http": plain, "ca_file": None if plain else args.ca_file}
    alone["insecure"] = args.insecure and not plain
    words = argparse.Namespace(**{**vars(args), **alone})
    settings = typed(words, {host}, asked.environ, warned=True)
    return settings.settings.registries[0]


def usual_sources(
    args: argparse.Namespace,
    registry: RegistrySettings,
    asked: Typed,
    journal: Journal,
    stack: AsyncExitStack,
) -> Iterator[CopySource]:
    """Yield the registry's own storage, and every other registry that is configured."""
    if registry.storage:
        yield CopySource(f"storage of {registry.label}", storage(registry.storage))
    with refusing(Misconfigured):
        known = load(args.config, asked.environ).registries if args.config else ()
    for each in known:
        if each.label != registry.label:
            connection = connected(each, asked.environ, stack)
            seen = _last(journal, each.label)
            yield CopySource(each.label, connection, tags=connection, places=seen)


def own_copies(registry: OpenRegistry, snapshot: Snapshot) -> CopySource:
    """Return a registry as a source for itself: other repositories of it may have the content."""
    return CopySource(snapshot.registry, registry, places=places(snapshot), own=True)


def places(snapshot: Snapshot) -> Mapping[Digest, Sequence[Repository]]:
    """Return the repositories in which each digest was seen."""
    found: defaultdict[Digest, list[Repository]] = defaultdict(list)
    for (repository, digest), seen in snapshot.sightings.items():
        if seen.state is State.PRESENT:
            found[digest].append(repository)
    return found


def _last(journal: Journal, label: str) -> Mapping[Digest, Sequence[Repository]]:
    """Return the repositories of each digest by the last saved audit; nothing without one."""
    kept = journal.last(label)
    if kept is None:
        return {}
    with kept.snapshot as file, suppress(Malformed):
        return places(snapshot_file.decode(file))
    return {}


def connected(
    settings: RegistrySettings, environ: Mapping[str, str], stack: AsyncExitStack
) -> OpenRegistry:
    """Open a registry that is closed with the stack. Raises `Refused`."""
    try:
        registry = opened(settings, environ)
    except Unseen as unseen:
        raise Refused(f"{unseen.subject}: {unseen.detail or unseen.reason}") from unseen
    stack.push_async_callback(registry.aclose)
    return registry
