"""Which tables are there, with which columns, and what does each say? Makes docs/facts.md too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    name: str
    kind: str
    """`string`, `long`, `integer`, `double` or `boolean`."""
    about: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One table."""

    name: str
    about: str
    columns: tuple[Column, ...]

    @property
    def all(self) -> tuple[Column, ...]:
        """Every column, with those that each row of each table has."""
        return (*ORIGIN, *self.columns)


def _columns(*rows: tuple[str, str, str]) -> tuple[Column, ...]:
    """Read rows of name, kind and meaning; a kind with `?` may be null."""
    return tuple(Column(name, kind.rstrip("?"), about, "?" in kind) for name, kind, about in rows)


ORIGIN: Final = _columns(
    ("audit", "string", "Names the audit among those of its shard."),
    ("taken_at", "double", "When it began to look: seconds since the epoch."),
    ("registry", "string", "The registry's name."),
    ("shard", "integer", "Which part of it was audited, from 0."),
    ("shards", "integer", "Of how many."),
    ("schema", "integer", "Version of these tables."),
)
_REPOSITORY: Final = ("repository", "string", "The repository.")
_DIGEST: Final = ("digest", "string", "`sha256:…`; any text that stands in a digest's place.")
_KEY: Final = (
    ("high", "long", "The digest's key: the first eight bytes, as a signed big-endian number."),
    ("low", "long", "The next eight."),
)
_MAYBE_KEY: Final = tuple((name, "long?", about) for name, _, about in _KEY)
_PARENT: Final = (("parent_high", "long", "Key of the manifest."), ("parent_low", "long", "Too."))
_CHILD: Final = (("child_high", "long", "Key of what it refers to."), ("child_low", "long", "Too."))
_STATE: Final = ("state", "string", "`present`, `missing`, `broken` or `unknown`.")
_PROOF: Final = ("proof", "string", "How that was established: `head`, `last-byte`, `hash` …")
_SIZE: Final = ("size", "long", "Bytes.")
_CLASS: Final = ("class", "string", "`live`, `idle`, `rollback`, `latest` or `selected`.")

TABLES: Final = (
    Table(
        "repositories",
        "Every repository that was looked at, over the API.",
        _columns(
            _REPOSITORY,
            ("tags", "long?", "How many tags it lists; null where the list may not be whole."),
            ("sealed", "boolean", "Are all of its tags known, so that absence may be claimed?"),
        ),
    ),
    Table(
        "tags",
        "Every tag and pinned digest in scope.",
        _columns(
            _REPOSITORY,
            ("tag", "string?", "Null where a digest is pinned."),
            ("digest", "string?", "To what it resolves."),
            *_MAYBE_KEY,
            _CLASS,
            _STATE,
        ),
    ),
    Table(
        "manifests",
        "Every manifest that was looked at, by repository.",
        _columns(
            _REPOSITORY,
            _DIGEST,
            *_KEY,
            ("media_type", "string?", "Null where its body was never read."),
            ("size", "long", "Bytes of the body."),
            _STATE,
            _PROOF,
            ("protected", "boolean?", "Does some tag point straight at it? Null where unknown."),
            ("expected", "boolean", "Should this registry hold it? Not where a mirror has holes."),
        ),
    ),
    Table(
        "blobs",
        "Every configuration, layer and other blob that was looked at, by repository.",
        _columns(_REPOSITORY, _DIGEST, *_KEY, _SIZE, _STATE, _PROOF),
    ),
    Table(
        "edges",
        "What each manifest that was read refers to, once for the audit.",
        _columns(
            *_PARENT,
            *_CHILD,
            ("kind", "string", "`child`, `config`, `layer`, `blob` or `subject`."),
            ("size", "long?", "Bytes, as the reference says."),
            ("platform", "string?", "`os/architecture[/variant]` of an index's entry."),
        ),
    ),
    Table(
        "uses",
        "Who wants an image.",
        _columns(
            ("owner", "string", "A file's line, a workload."),
            _REPOSITORY,
            ("tag", "string?", "The tag that it names."),
            ("digest", "string?", "The digest that it names."),
            _CLASS,
        ),
    ),
    Table(
        "gaps",
        "What could not be seen.",
        _columns(
            ("scope", "string", "`registry`, `repository`, `object`, `content` or `references`."),
            ("subject", "string", "What."),
            ("reason", "string", "One of docs/reasons.md."),
            ("detail", "string", "For a person."),
        ),
    ),
    Table(
        "stored_tags",
        "Every tag in the storage.",
        _columns(_REPOSITORY, ("tag", "string", "The tag."), *_MAYBE_KEY),
    ),
    Table(
        "stored_revisions",
        "Every manifest of every repository in the storage, tagged or not.",
        _columns(_REPOSITORY, *_KEY),
    ),
    Table(
        "stored_blobs",
        "Every stored blob, manifests included, once for the registry.",
        _columns(
            _DIGEST,
            *_KEY,
            _SIZE,
            ("modified", "long", "When it was written: nanoseconds since the epoch."),
        ),
    ),
    Table(
        "stored_edges",
        "What each stored manifest refers to, repeats and all.",
        _columns(*_PARENT, *_CHILD),
    ),
    Table(
        "stored_uploads",
        "Uploads that were begun and neither finished nor purged.",
        _columns(
            _REPOSITORY,
            ("upload", "string", "Its identifier."),
            _SIZE,
            ("modified", "long", "When it was last written to: nanoseconds since the epoch."),
        ),
    ),
)
SEEN: Final = tuple(each for each in TABLES if not each.name.startswith("stored_"))
STORED: Final = tuple(each for each in TABLES if each.name.startswith("stored_"))
