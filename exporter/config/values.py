"""Values in the configuration: durations, sizes, addresses, patterns, names."""

import difflib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Final, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError

from exporter.facts.registry_kind import Collector, Pulls
from exporter.facts.shard import MOST, Shard
from exporter.facts.snapshot import Role
from exporter.facts.use import ReferenceClass
from exporter.oci.digest import Malformed, quoted
from exporter.oci.platform import Platform
from exporter.oci.reference import host, repository
from exporter.sources.cluster.custom import FieldPath
from exporter.sources.cluster.resources import RESOURCES
from exporter.sources.registry.address import Address


class Section(BaseModel):
    """Keys that belong together; unknown ones are errors, and values are never guessed at."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


def invalid(*path_and_text: str | int) -> PydanticCustomError:
    """Return the error of one key, by its path within the section."""
    *path, text = path_and_text
    return PydanticCustomError("invalid", "{text}", {"path": tuple(path), "text": str(text)})


SHARD_VARIABLE: Final = "PULLPROOF_SHARD"
"""Environment variable that can name the shard."""
_NAME: Final = re.compile(r"(auto|[0-9]{1,4})/([0-9]{1,4})")
_ORDINAL: Final = re.compile(r".*-([0-9]{1,4})")
"""Name of a StatefulSet's pod, which is also its host name."""


@dataclass(frozen=True, slots=True)
class ShardName:
    """A shard as written."""

    index: int | None
    """None: by the name of the pod."""
    count: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `INDEX/COUNT` or `auto/COUNT`. Raises `Malformed` for anything else."""
        found = _NAME.fullmatch(text)
        if found is None:
            raise Malformed(f"not a shard such as 0/4 or auto/4: {quoted(text, 40)}")
        index, count = None if found[1] == "auto" else int(found[1]), int(found[2])
        if not 1 <= count <= MOST:
            raise Malformed(f"shards are counted from 1 to {MOST}: {quoted(text)}")
        if index is not None and index >= count:
            raise Malformed(f"of {count} shards the last is {count - 1}/{count}: {quoted(text)}")
        return cls(index, count)

    def __str__(self) -> str:
        """Return it as written."""
        return f"{'auto' if self.index is None else self.index}/{self.count}"

    def settled(self, environ: Mapping[str, str]) -> Shard:
        """Return the shard. Raises `Malformed` if the host name has no number."""
        if self.index is not None:
            return Shard(self.index, self.count)
        name = environ.get("HOSTNAME", "")
        found = _ORDINAL.fullmatch(name)
        if found is None:
            raise Malformed(f"HOSTNAME does not end in -NUMBER as a StatefulSet's does: {name!r}")
        if int(found[1]) >= self.count:
            raise Malformed(f"{name} is none of {self.count} shards: fewer pods, or more shards")
        return Shard(int(found[1]), self.count)


Choice = TypeVar("Choice", bound=StrEnum)

_UNITS: Final = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
_DURATION: Final = re.compile("".join(rf"(?:([0-9]{{1,6}}){unit})?" for unit in _UNITS))
VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
GLOB: Final = re.compile(r"(?:[A-Za-z0-9._/*?-]|\[!?[A-Za-z0-9._/*?-]+\])+")
_TYPE_GLOB: Final = re.compile(r"[A-Za-z0-9!#$&^_.+/*?\[\]-]{1,255}")
_ADDRESS: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]*)):([0-9]{1,5})")
PATTERN: Final = re.compile(r"([^/]+)/([^:@]+):([^:@/]+)")
_PREFIX: Final = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*")
PAGE: Final = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(?:/[A-Za-z0-9._~/-]*)?")
_API: Final = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(?:/[A-Za-z0-9._~-]+)*/?")
_OWNER: Final = re.compile(
    r"[A-Za-z0-9_][A-Za-z0-9._-]{0,254}(?:/[A-Za-z0-9_][A-Za-z0-9._-]{0,254}){0,19}"
)
BUCKET: Final = re.compile(r"(s3|gs|az)://[^/]+(/.*)?")
_ENDPOINT: Final = re.compile(r"https?://[^/@]+/?")
_LABEL: Final = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_NAMESPACE: Final = re.compile(_LABEL)
_GROUP: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_PORT: Final = re.compile(r":([0-9]+)$")
_LAST_PORT: Final = 65535
_DIGITS: Final = 9
"""Maximum digits of a port."""
_LONGEST_NAME: Final = 255
_LONGEST_PATH: Final = 4095
"""Maximum bytes of a name and a path on Linux (limits.h, `NAME_MAX` and `PATH_MAX`)."""


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class HostPort:
    """Where to listen; an empty host is every interface, port 0 any free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `host:port`, `:port` or `[v6]:port`. Raises `ValueError` for anything else."""
        found = _ADDRESS.fullmatch(text)
        if found is None or int(found[3]) > _LAST_PORT:
            raise ValueError(f"not an address such as 0.0.0.0:10470 or [::1]:10470: {quoted(text)}")
        return cls(found[1] or found[2], int(found[3]))

    def __str__(self) -> str:
        """Return `host:port`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class ImagePattern:
    """Which tags of a registry's repositories; `*` is any text, `?` one character."""

    registry: str
    """The host[:port], without wildcards."""
    repository: str
    tag: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `registry/repository:tag`. Raises `ValueError` for anything else."""
        found = PATTERN.fullmatch(text)
        if found is None:
            raise ValueError(
                f"not a pattern such as host/team/*:*, tag included: {quoted(text, 200)}"
            )
        return cls(host(found[1]), glob(found[2]), glob(found[3]))

    def __str__(self) -> str:
        """Return `registry/repository:tag`."""
        return f"{self.registry}/{self.repository}:{self.tag}"


def duration(text: str) -> timedelta:
    """Parse `90s`, `15m`, `1h30m`: units d, h, m, s, ms, the largest first, each at most once."""
    found = _DURATION.fullmatch(text)
    if found is None or not text:
        raise ValueError(f"not a duration such as 90s, 15m or 1h30m: {quoted(text, 40)}")
    counts = (int(count or 0) for count in found.groups())
    return sum((n * unit for n, unit in zip(counts, _UNITS.values(), strict=True)), timedelta())


def spell(length: timedelta) -> str:
    """Return a duration as the configuration spells it."""
    parts = []
    for name, unit in _UNITS.items():
        count, length = divmod(length, unit)
        parts += [f"{count}{name}"] if count else []
    return "".join(parts) or "0s"


def authority(url: str) -> str:
    """Return the `host[:port]` of an address."""
    return url.partition("://")[2]


def nearest(text: str, known: Iterable[str]) -> str:
    """Return the way out for an unknown word: `did you mean live?`, or all known words."""
    words, text = sorted(known), text[:80]
    close = difflib.get_close_matches(text, words, 2)
    likeness = {difflib.SequenceMatcher(None, text, each).ratio() for each in close}
    if not close or len(likeness) < len(close):
        # Of two that are as near, neither may be guessed: a collector decides about verdicts.
        return f"known: {', '.join(words)}"
    return f"did you mean {close[0]}?"


def unexpanded(path: Path) -> str:
    """Return a hint for a path that does not exist: only a shell expands `~` and `$`."""
    shells = "~" in path.parts or "$" in str(path)
    return "; write it out: ~ and $ have no meaning here" if shells else ""


def choice(kind: type[Choice], value: object) -> Choice:
    """Parse a word of a closed set. Raises `ValueError` with the way out."""
    if isinstance(value, kind):
        return value
    if isinstance(value, str) and value in set(kind):
        return kind(value)
    raise ValueError(f"not one of the choices: {_shown(value)}; {nearest(str(value), kind)}")


def _shown(value: object) -> str:
    return quoted(value, 40) if isinstance(value, str) else f"{value!r:.40}"


def _collector(value: object) -> Collector | None:
    found = None if value is None else choice(Collector, value)
    if found is Collector.UNKNOWN:
        raise ValueError("unknown is the default: omit the key")
    return found


def _read(parse: Callable[[str], object], value: object) -> object:
    """Parse text; accept parsed values, and leave other types to the model."""
    return parse(value) if isinstance(value, str) else value


def _parsed(kind: type, parse: Callable[[str], object], value: object) -> object:
    found = _read(parse, value)
    if not isinstance(found, kind):
        raise ValueError("must be text; put it in quotes")  # noqa: TRY004 - pydantic reports ValueError
    return found


def at_least(least: timedelta, value: timedelta) -> timedelta:
    """Check a minimum duration. Raises `ValueError`."""
    if value < least:
        raise ValueError(f"must be at least {spell(least)}")
    return value


def matching(what: str, grammar: re.Pattern[str], text: str) -> str:
    """Check text by its grammar. Raises `ValueError` that says `what` it is not."""
    if not grammar.fullmatch(text):
        raise ValueError(f"not {what}: {quoted(text)}")
    return text


def glob(text: str) -> str:
    """Check a shell pattern of names. Raises `ValueError`."""
    return matching("a pattern (letters, digits, . _ - / and * ? [])", GLOB, text)


def bucket_url(text: str) -> str:
    """Check the address of a bucket with a folder. Raises `ValueError`."""
    known = "an address such as s3://bucket, s3://bucket/root, gs://bucket or az://bucket"
    return matching(known, BUCKET, text)


endpoint: Final = partial(matching, "an address such as https://s3.example.com", _ENDPOINT)
"""Checks the address of an object store; raises `ValueError` for anything else."""


def registry_url(text: str) -> str:
    """Check a registry's address, and return it as `scheme://host[:port]`."""
    if "@" in text:
        raise ValueError("no credentials in an address; use username and password_file")
    scheme, separator, rest = text.partition("://")
    if scheme not in ("https", "http") or not separator:
        raise ValueError(f"not an address such as https://registry.example.com: {quoted(text)}")
    name, _, path = rest.partition("/")
    if path:
        raise ValueError("a registry has no path: only https://host[:port]")
    named_host(name)
    try:
        Address.of_registry(text)
    except Malformed as error:  # a host that is too long, or no IPv6 address
        raise ValueError(f"not a registry host: {quoted(name)}") from error
    return f"{scheme}://{name.lower()}"


def named_host(text: str) -> str:
    """Check a `host[:port]`, and return it as references name it."""
    found = host(text)
    port = _PORT.search(text)
    if port and not (len(port[1]) <= _DIGITS and 0 < int(port[1]) <= _LAST_PORT):
        raise ValueError(f"a port is a number from 1 to {_LAST_PORT}")
    return found


def path_prefix(text: str) -> str:
    """Check the prefix of every path; a slash at its end is dropped."""
    return matching("a path such as /registry-audit", _PREFIX, text.rstrip("/"))


def page_address(text: str) -> str:
    """Check the address of a web server; a slash at its end is dropped."""
    return matching("an address such as https://audit.example.com/pull", PAGE, text).rstrip("/")


def _api_url(text: str) -> str:
    """Check the address of an API; a slash at its end is dropped."""
    if "@" in text:
        raise ValueError("no credentials in an address; use api_token_file")
    return matching("an address such as https://api.github.com", _API, text).rstrip("/")


def _path(value: object, info: ValidationInfo) -> object:
    """Parse a path, relative to the folder of the configuration file."""
    if not isinstance(value, str):
        return value
    if not value or "\0" in value:
        raise ValueError("not a path")
    path = Path(info.context["folder"], value) if info.context else Path(value)
    names = [len(os.fsencode(name)) for name in path.parts]
    if max(names, default=0) > _LONGEST_NAME or sum(names) + len(names) > _LONGEST_PATH:
        raise ValueError(
            f"not a valid path: too long, or one name in it has more than {_LONGEST_NAME} bytes"
        )
    return path


def kind_name(text: str) -> str:
    """Check a kind of Kubernetes. Raises `ValueError` for an unsupported one."""
    if text not in RESOURCES:
        raise ValueError(f"not a supported kind: {quoted(text, 40)}; {nearest(text, RESOURCES)}")
    return text


def variable_name(text: str) -> str:
    """Check the name of an environment variable. Raises `ValueError`."""
    # The text is not repeated: people put the secret itself here.
    if not VARIABLE.fullmatch(text):
        raise ValueError("the name of an environment variable is meant, not its value")
    return text


Duration = Annotated[timedelta, BeforeValidator(partial(_read, duration))]
Interval = Annotated[Duration, AfterValidator(partial(at_least, timedelta(seconds=1)))]
Period = Annotated[Duration, AfterValidator(partial(at_least, timedelta(minutes=1)))]
Timeout = Annotated[Duration, AfterValidator(partial(at_least, timedelta(milliseconds=100)))]
Size = Annotated[ByteSize, Field(ge=1, le=10**18)]
FilePath = Annotated[Path, BeforeValidator(_path)]
Glob = Annotated[str, AfterValidator(glob)]
TypeGlob = Annotated[
    str, AfterValidator(partial(matching, "a media type, or a pattern of some", _TYPE_GLOB))
]
BucketUrl = Annotated[str, AfterValidator(bucket_url)]
Endpoint = Annotated[str, AfterValidator(endpoint)]
Host = Annotated[str, AfterValidator(named_host)]
ApiUrl = Annotated[str, AfterValidator(_api_url)]
Owner = Annotated[str, AfterValidator(partial(matching, "the name of an owner", _OWNER))]
RepositoryName = Annotated[str, AfterValidator(repository)]
PathPrefix = Annotated[str, AfterValidator(path_prefix)]
PageAddress = Annotated[str, AfterValidator(page_address)]
Url = Annotated[str, AfterValidator(registry_url)]
Variable = Annotated[str, AfterValidator(variable_name)]
ListenAddress = Annotated[HostPort, PlainValidator(partial(_parsed, HostPort, HostPort.parse))]
Images = Annotated[ImagePattern, PlainValidator(partial(_parsed, ImagePattern, ImagePattern.parse))]
ShardText = Annotated[ShardName, PlainValidator(partial(_parsed, ShardName, ShardName.parse))]
PlatformName = Annotated[Platform, PlainValidator(partial(_parsed, Platform, Platform.parse))]
PullsName = Annotated[Pulls, PlainValidator(partial(choice, Pulls))]
RoleName = Annotated[Role, PlainValidator(partial(choice, Role))]
LevelName = Annotated[LogLevel, PlainValidator(partial(choice, LogLevel))]
ClassName = Annotated[ReferenceClass, PlainValidator(partial(choice, ReferenceClass))]
CollectorName = Annotated[Collector | None, PlainValidator(_collector)]
FieldPathText = Annotated[FieldPath, PlainValidator(partial(_parsed, FieldPath, FieldPath.parse))]
KindName = Annotated[str, AfterValidator(kind_name)]
NamespaceName = Annotated[str, AfterValidator(partial(matching, "a namespace", _NAMESPACE))]
GroupName = Annotated[str, AfterValidator(partial(matching, "an API group", _GROUP))]
VersionName = Annotated[str, AfterValidator(partial(matching, "an API version", _NAMESPACE))]
ResourceName = Annotated[str, AfterValidator(partial(matching, "a plural name", _NAMESPACE))]
