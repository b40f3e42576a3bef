"""The tables of the Parquet export and their columns, and the chapter of docs/facts.md on them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class ParquetColumn:
    """One column."""

    name: str
    kind: str
    """`string`, `long`, `integer`, `double` or `boolean`."""
    about: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class ParquetTable:
    """One table."""

    name: str
    about: str
    columns: tuple[ParquetColumn, ...]

    @property
    def all(self) -> tuple[ParquetColumn, ...]:
        """Every column, with those that each row of each table has."""
        return (*ORIGIN, *self.columns)


def documentation() -> str:
    """Return the chapter on the tables in docs/facts.md."""
    return "".join(f"{line}\n" for line in _lines())


def _lines() -> Iterator[str]:
    yield from ("### In every table", "")
    yield from _described(ORIGIN)
    for table in TABLES:
        yield from ("", f"### `{table.name}`", "", table.about, "")
        yield from _described(table.columns)


def _described(columns: Iterable[ParquetColumn]) -> Iterator[str]:
    yield from ("| column | type | meaning |", "|---|---|---|")
    for each in columns:
        kind = f"{each.kind}, may be null" if each.optional else each.kind
        yield f"| `{each.name}` | {kind} | {each.about} |"


def _table(name: str, about: str, *rows: tuple[str, str, str]) -> ParquetTable:
    return ParquetTable(name, about, _columns(*rows))


def _columns(*rows: tuple[str, str, str]) -> tuple[ParquetColumn, ...]:
    """Read rows of name, kind and meaning; a kind with `?` may be null."""
    return tuple(
        ParquetColumn(name, kind.rstrip("?"), about, "?" in kind) for name, kind, about in rows
    )


ORIGIN: Final = _columns(
    ("audit", "string", "Identifies the audit within its shard."),
    ("taken_at", "double", "Start of the audit: seconds since the epoch."),
    ("registry", "string", "The registry's name."),
    ("shard", "integer", "The shard, counted from 0."),
    ("shards", "integer", "Number of shards."),
    ("schema", "integer", "Version of these tables."),
)
_REPOSITORY: Final = ("repository", "string", "The repository.")
_DIGEST: Final = ("digest", "string", "`sha256:…`, or whatever text is in its place.")
_KEY: Final = (
    ("high", "long", "The digest's key: the first eight bytes, as a signed big-endian number."),
    ("low", "long", "The next eight."),
)
_MAYBE_KEY: Final = tuple((name, "long?", about) for name, _, about in _KEY)
_PARENT: Final = (
    ("parent_high", "long", "Key of the manifest."),
    ("parent_low", "long", "Likewise."),
)
_CHILD: Final = (
    ("child_high", "long", "Key of what it references."),
    ("child_low", "long", "Likewise."),
)
_STATE: Final = ("state", "string", "`present`, `missing`, `broken` or `unknown`.")
_PROOF: Final = ("proof", "string", "How that was established: `head`, `stored`, `last-byte` …")
_SIZE: Final = ("size", "long", "Bytes.")
_CLASS: Final = ("class", "string", "`live`, `idle`, `rollback`, `latest` or `selected`.")

TABLES: Final = (
    _table(
        "repositories",
        "Every repository audited over the API.",
        _REPOSITORY,
        ("tags", "long?", "Number of listed tags; null if the list may be incomplete."),
        ("sealed", "boolean", "Whether all of its tags are known, so that absence is proven."),
    ),
    _table(
        "tags",
        "Every tag and pinned digest in scope.",
        _REPOSITORY,
        ("tag", "string?", "Null for a pinned digest."),
        ("digest", "string?", "The digest that it references."),
        *_MAYBE_KEY,
        _CLASS,
        _STATE,
    ),
    _table(
        "manifests",
        "Every audited manifest, by repository.",
        _REPOSITORY,
        _DIGEST,
        *_KEY,
        ("media_type", "string?", "Null if its body was never read."),
        ("size", "long", "Bytes of the body."),
        _STATE,
        _PROOF,
        (
            "protected",
            "boolean?",
            "Whether the registry keeps it while what references it stays. Null if unknown.",
        ),
        (
            "expected",
            "boolean",
            "Whether this registry must have it; a sparse mirror may omit it.",
        ),
    ),
    _table(
        "blobs",
        "Every audited configuration, layer and other blob, by repository.",
        _REPOSITORY,
        _DIGEST,
        *_KEY,
        _SIZE,
        _STATE,
        _PROOF,
    ),
    _table(
        "edges",
        "References of each manifest that was read, once per audit.",
        *_PARENT,
        *_CHILD,
        ("kind", "string", "`child`, `config`, `layer`, `blob` or `subject`."),
        ("size", "long?", "Bytes, as the reference states them."),
        ("platform", "string?", "`os/architecture[/variant]` of an index's entry."),
    ),
    _table(
        "uses",
        "Users of images.",
        ("owner", "string", "A line of a file, or a workload."),
        _REPOSITORY,
        ("tag", "string?", "The tag that it names."),
        ("digest", "string?", "The digest that it names."),
        _CLASS,
    ),
    _table(
        "gaps",
        "Gaps in coverage.",
        ("scope", "string", "`registry`, `repository`, `object`, `content` or `references`."),
        ("subject", "string", "What could not be read."),
        ("reason", "string", "One of docs/reasons.md."),
        ("detail", "string", "Explanation for people."),
    ),
    _table(
        "stored_tags",
        "Every tag in the storage.",
        _REPOSITORY,
        ("tag", "string", "The tag."),
        *_MAYBE_KEY,
    ),
    _table(
        "stored_revisions",
        "Every manifest of every repository in the storage, tagged or not.",
        _REPOSITORY,
        *_KEY,
    ),
    _table(
        "stored_blobs",
        "Every stored blob, manifests included, once for the registry.",
        _DIGEST,
        *_KEY,
        _SIZE,
        ("modified", "long", "When it was written: nanoseconds since the epoch."),
    ),
    _table(
        "stored_edges",
        "References of each stored manifest, including duplicates.",
        *_PARENT,
        *_CHILD,
    ),
    _table(
        "stored_uploads",
        "Uploads that were neither finished nor purged.",
        _REPOSITORY,
        ("upload", "string", "Its identifier."),
        _SIZE,
        ("modified", "long", "When it was last written to: nanoseconds since the epoch."),
    ),
)
SEEN: Final = tuple(each for each in TABLES if not each.name.startswith("stored_"))
STORED: Final = tuple(each for each in TABLES if each.name.startswith("stored_"))
