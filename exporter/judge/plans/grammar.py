"""Lines of plans, as the tools print them that delete from registries.

Sources: distribution `garbagecollect.go` and `vacuum.go` (2.6 to 3.1), Azure/acr-cli `purge.go`,
snok/container-retention-policy `client.rs`, dataaxiom/ghcr-cleanup-action `package-repo.ts`,
vlaurin/action-ghcr-prune `index.js`.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from exporter.judge.plans.deletion import Deletion, DeletionKind, parse_deletion

_DIGEST: Final = r"(?P<digest>sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128}))"
_ENCODED: Final = r"(?P<algorithm>sha256|sha512)/(?:[0-9a-f]{2}/)?(?P<encoded>[0-9a-f]{64,128})"
_REPOSITORIES: Final = r".*/repositories/(?P<name>(?!_)(?:(?!/repositories/[^_])\S)+)"
"""The last such folder of a path; no name begins with an underscore. Lines are long and foreign:
every pattern here is linear."""


@dataclass(frozen=True, slots=True)
class ParsedLine:
    """A parsed line."""

    format: str
    """The tool that writes it."""
    deletions: tuple[Deletion, ...] = ()
    repository: str = ""
    """The one that further lines are about."""
    counts: bool = False
    """Does the tool's own summary count the line?"""
    promised: Mapping[DeletionKind, int] = field(default_factory=dict)
    """How many the summary announces."""
    failed: str = ""


_Meaning = Callable[[re.Match[str], str], ParsedLine | None]
"""Parses a line, given its parts and the repository that lines are about."""


def parse_line(text: str, repository: str) -> ParsedLine | None:
    """Parse a line about a repository; None if it is not recognised."""
    for pattern, meaning in _MEANINGS:
        if found := pattern.fullmatch(text):
            return meaning(found, repository)
    listed = parse_deletion(text.removeprefix("- ").strip("\"',"))
    return ParsedLine("list", (listed,), counts=True) if listed else None


def _nothing(whose: str) -> _Meaning:
    return lambda found, _: ParsedLine(whose, repository=found.groupdict().get("name") or "")


def _collected(kind: DeletionKind, *, counts: bool = False) -> _Meaning:
    """Return a parser of a collector's lines: a digest, or the path of what it deletes."""

    def meaning(found: re.Match[str], repository: str) -> ParsedLine:
        parts = found.groupdict()
        digest = parts.get("digest") or f"{parts['algorithm']}:{parts['encoded']}"
        name = "" if kind is DeletionKind.BLOB else parts.get("name") or repository
        return ParsedLine(_GC, (Deletion(kind, name, digest),), counts=counts)

    return meaning


def _summary(found: re.Match[str], _: str) -> ParsedLine:
    manifests = {DeletionKind.MANIFEST: int(found["manifests"])} if found["manifests"] else {}
    return ParsedLine(_GC, promised={DeletionKind.BLOB: int(found["blobs"]), **manifests})


def _failed(found: re.Match[str], _: str) -> ParsedLine:
    return ParsedLine(_GC, failed=found["error"])


def _purged(found: re.Match[str], _: str) -> ParsedLine | None:
    listed = parse_deletion(found["reference"])
    return ParsedLine("acr", (listed,), counts=True) if listed else None


def _purge_total(found: re.Match[str], _: str) -> ParsedLine:
    what = DeletionKind.TAG if found["kind"] == "tags" else DeletionKind.MANIFEST
    return ParsedLine("acr", promised={what: int(found["count"])})


def _snok(found: re.Match[str], _: str) -> ParsedLine:
    return ParsedLine("snok", (Deletion(DeletionKind.VERSION, found["name"], tag=found["tag"]),))


def _package(found: re.Match[str], repository: str) -> ParsedLine:
    tags = (found["tags"] or "").split(",")
    return ParsedLine("dataaxiom", _tagged(repository, found["digest"], tags))


def _tagged(repository: str, digest: str, tags: Iterable[str]) -> tuple[Deletion, ...]:
    """Return a deletion of a manifest for every tag that is meant to go with it."""
    named = [tag.strip() for tag in tags] or [""]
    return tuple(Deletion(DeletionKind.MANIFEST, repository, digest, tag) for tag in named)


def _untagged(found: re.Match[str], _: str) -> ParsedLine:
    tags = (tag.strip() for tag in found["tags"].split(","))
    gone = tuple(Deletion(DeletionKind.TAG, found["name"], tag=tag) for tag in tags if tag)
    return ParsedLine("dataaxiom", gone, repository=found["name"])


def _pruned(found: re.Match[str], repository: str) -> ParsedLine | None:
    try:
        version = json.loads(found["version"])
        listed = parse_deletion(str(version.get("name")))
        tags = [str(tag) for tag in version.get("tags") or ()]
    except (ValueError, AttributeError, TypeError, RecursionError):
        return None
    return ParsedLine("vlaurin", _tagged(repository, listed.digest, tags)) if listed else None


def _pruned_now(found: re.Match[str], repository: str) -> ParsedLine:
    return ParsedLine("vlaurin", (Deletion(DeletionKind.MANIFEST, repository, found["digest"]),))


def _request(found: re.Match[str], _: str) -> ParsedLine | None:
    """A call of the registry's API, as scripts print it: by digest, or by a tag."""
    joint = "@" if found["reference"].startswith(("sha256:", "sha512:")) else ":"
    listed = parse_deletion(f"{found['host'] or ''}{found['name']}{joint}{found['reference']}")
    return ParsedLine("api", (listed,)) if listed else None


_GC: Final = "distribution"
_COUNTS: Final = r"\d+ blobs marked, (?P<blobs>\d+) blobs (?:and (?P<manifests>\d+) manifests )?"
_PURGE_TALK: Final = (
    r"(?:Would delete|Deleting) (?:tags|manifests) for repository: (?P<name>\S+)"
    r"|(?:Tags|Manifests) for this repository would be deleted: \S+"
    r"|DRY RUN: .*|(?:Skipped|Unlocked|Protecting manifest) .*"
)
_PURGE_TOTAL: Final = (
    r"Number of (?:deleted )?(?P<kind>tags|manifests)(?: to be deleted)?: (?P<count>\d+)"
)
_VERSION: Final = (
    r".*(?:Would have deleted|Deleted) (?P<name>[^\s:]+):(?P<tag>[^\s<]\S*) package_version\S*"
)
_PACKAGE_TALK: Final = (
    r"\[(?P<name>\S+)\] (?:Deleting packages|Cleanup statistics).*"
    r"|skipping package id: .*|Nothing to delete"
    r"|(?:multi architecture|total) images deleted = \d+"
)
_REQUEST: Final = (
    r"(?=[^/]*\b(?:DELETE|delete)\b)"
    r"[^/]*(?:(?:(?<=http:)|(?<=https:))//(?P<host>[^/\s]+/)/?v2/|(?<=v2)/|/v2/)"
    r"(?P<name>\S+)/manifests/(?P<reference>[^\s\"']+).*"
)
_MANIFEST: Final = _collected(DeletionKind.MANIFEST, counts=True)
_LINK: Final = _collected(DeletionKind.LAYER_LINK)
_PAIRS: Final[tuple[tuple[str, _Meaning], ...]] = (
    (rf"(?P<name>\S+): marking (?:manifest|blob|configuration) {_DIGEST}", _nothing(_GC)),
    (rf"manifest eligible for deletion: \{{(?P<name>\S+) {_DIGEST} \[.*\]\}}", _MANIFEST),
    (rf"manifest eligible for deletion: {_DIGEST}", _MANIFEST),
    (rf"blob eligible for deletion: {_DIGEST}", _collected(DeletionKind.BLOB, counts=True)),
    (rf"(?P<name>\S+): layer link eligible for deletion: {_DIGEST}", _LINK),
    (
        rf"deleting manifest: {_REPOSITORIES}/_manifests/revisions/{_ENCODED}",
        _collected(DeletionKind.MANIFEST),
    ),
    (rf"Deleting blob: .*/blobs/{_ENCODED}", _collected(DeletionKind.BLOB)),
    (
        rf"Deleting layer link path: {_REPOSITORIES}/_layers/{_ENCODED}/link",
        _LINK,
    ),
    (r"deleting manifest tag reference: .*", _nothing(_GC)),
    (r"manifest tags path of repository \S+ does not exist", _nothing(_GC)),
    (rf"{_COUNTS}eligible for deletion", _summary),
    (r"failed to garbage collect: (?P<error>.*)", _failed),
    (_PURGE_TALK, _nothing("acr")),
    (_PURGE_TOTAL, _purge_total),
    (_VERSION, _snok),
    (r"(?:Would delete:|Deleted) (?P<reference>\S+)", _purged),
    (rf"deleting package id: \d+ digest: {_DIGEST}(?: tag: (?P<tags>.+)| .*)?", _package),
    (r"\[(?P<name>\S+)\] Untagging images: (?P<tags>.*)", _untagged),
    (_PACKAGE_TALK, _nothing("dataaxiom")),
    (r"Dry-run pruning of: (?P<version>\{.*\})", _pruned),
    (rf"Pruning version #\d+ named '{_DIGEST}'\.*", _pruned_now),
    (_REQUEST, _request),
)
_MEANINGS: Final = tuple((re.compile(pattern), meaning) for pattern, meaning in _PAIRS)
