"""The fields that the JSON documents of several answers share, and how they are written."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.use import ReferenceClass
from exporter.judge.impact import User
from exporter.judge.keep_tags import ReferencedManifest
from exporter.publish.formatting import moment

VERSION: Final = 1
"""Rises when a field changes its meaning or goes; new fields alone do not raise it."""


def about(text: str) -> Meta:
    """Return the description of a field, for the JSON Schema."""
    return Meta(description=text)


Moment = Annotated[
    str, Meta(description="RFC 3339, UTC.", extra_json_schema={"format": "date-time"})
]
Name = Annotated[str, Meta(min_length=1)]
Sha = Annotated[str, Meta(pattern=r"^sha(256:[0-9a-f]{64}|512:[0-9a-f]{128})$")]
Bytes = Annotated[int, Meta(ge=0)]
Count = Annotated[int, Meta(ge=0)]
OptionalTag = Annotated[Name | None, about("null for a pinned digest.")]
ContentKind = Annotated[str, about("manifest, config, layer or blob.")]
Observed = Annotated[str, about("What was observed, for people.")]
_ENCODER: Final = msgspec.json.Encoder(enc_hook=str)
"""A Digest is text, but a subclass of it."""


class AnswerDocument(Struct, frozen=True):
    """The first fields of every document."""

    version: Literal[1]
    generated: Moment


class GapEntry(Struct, frozen=True):
    """One gap in coverage."""

    registry: Annotated[
        str | None, about("null for a gap of an image source, and if its name is not known.")
    ]
    scope: Scope
    subject: str
    reason: Reason
    detail: str


class WorkloadEntry(Struct, frozen=True):
    """One workload, named as in kubectl."""

    cluster: str
    namespace: str
    kind: str
    name: str


class UserEntry(Struct, frozen=True, rename={"reference_class": "class"}):
    """One workload, or one reference of a file, that uses an image."""

    owner: Annotated[Name, about("Display name.")]
    workload: Annotated[WorkloadEntry | None, about("null for a reference of a file.")]
    reference_class: ReferenceClass
    platforms: Annotated[tuple[Name, ...], about("Platforms of its nodes, if known.")]
    running: Annotated[int, about("Running containers.")]
    next_run: Annotated[Moment | None, about("Next scheduled start.")]


class NeedEntry(Struct, frozen=True):
    """One manifest that tags or pinned digests reference."""

    repository: Name
    digest: Annotated[Sha | None, about("null if the tag does not exist.")]
    kind: Annotated[str, about("image, index, attestation or artifact.")]
    platform: str | None
    needed_by: tuple[Name, ...]
    tags: Annotated[tuple[Name, ...], about("Tags that name it directly.")]


def encode(document: AnswerDocument, *, indent: int = 0) -> bytes:
    """Return a document as JSON, on one line or indented by so many spaces."""
    # Entry by entry: whole, a large one would keep every other thread waiting for seconds.
    fields = (
        b'"%s":%s' % (name.encode(), _encoded(getattr(document, field)))
        for name, field in zip(
            document.__struct_encode_fields__, document.__struct_fields__, strict=True
        )
    )
    body = b"{%s}" % b",".join(fields)
    return msgspec.json.format(body, indent=indent) if indent else body


def _encoded(value: object) -> bytes:
    if isinstance(value, tuple):
        return b"[%s]" % b",".join(map(_encoded, value))
    try:
        return _ENCODER.encode(value)
    except UnicodeEncodeError:
        return _ENCODER.encode(_valid(msgspec.to_builtins(value, enc_hook=str)))


def _valid(value: object) -> object:
    """Return a value that JSON can hold: a file's name may be bytes that are no text."""
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case dict():
            return {_valid(name): _valid(each) for name, each in value.items()}
        case list():
            return list(map(_valid, value))
        case _:
            return value


def schema(kind: type[AnswerDocument], title: str) -> Mapping[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a document."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"pullproof {title}, version {VERSION}",
        **msgspec.json.schema(kind),
    }


def gap_entries(registry: str | None, gaps: Iterable[Gap]) -> tuple[GapEntry, ...]:
    """Return gaps of a registry; those of image sources are gaps of no registry."""
    return tuple(
        GapEntry(
            None if gap.scope is Scope.REFERENCES else registry,
            gap.scope,
            gap.subject,
            gap.reason,
            gap.detail,
        )
        for gap in gaps
    )


def user_entry(user: User) -> UserEntry:
    """Return one of those who use an image."""
    return UserEntry(
        owner=user.name,
        workload=msgspec.convert(user.workload, WorkloadEntry | None, from_attributes=True),
        reference_class=user.reference_class,
        platforms=tuple(map(str, user.platforms)),
        running=user.running,
        next_run=optional_moment(user.next_run),
    )


def need_entry(need: ReferencedManifest) -> NeedEntry:
    """Return a manifest that is needed."""
    return NeedEntry(
        repository=need.repository,
        digest=need.digest,
        kind=need.what,
        platform=optional_text(need.platform),
        needed_by=need.needed_by,
        tags=need.tags or (),
    )


def optional_moment(seconds: float | None) -> str | None:
    """Return a time in seconds since the epoch as a `Moment`, if there is one."""
    return None if seconds is None else moment(seconds)


def optional_text(value: object | None) -> str | None:
    """Return something as text, if there is anything."""
    return str(value) if value else None
