"""The configuration file. All faults are reported at once, with their lines."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from exporter.config.registry import RegistrySettings
from exporter.config.secrets import NoSecret, api_token, credentials, events_token
from exporter.config.settings import Settings
from exporter.config.values import Section, nearest, unexpanded
from exporter.documents import Document, Fault, read_document
from exporter.oci.digest import Malformed
from exporter.ports import Unseen
from exporter.sources.registry.trust import Trust

_LARGEST: Final = 1_048_576
_MOST_VALUES: Final = 50_000
_MOST_FAULTS: Final = 50
_NEEDED: Final = ("ca_file", "certificate_file", "key_file", "docker_config")

_NO_SIZE: Final = "not a size such as 500GiB, 20MB or 4096"
_MESSAGES: Final = {
    "missing": "is missing",
    "string_type": "must be text; put it in quotes",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a number that ends",
    "tuple_type": "must be a list: [one, two]",
    "time_delta_type": "must be a duration such as 90s, 15m or 6h; give the unit",
    "byte_size": _NO_SIZE,
    "byte_size_unit": _NO_SIZE,
    "is_instance_of": "must be a path",
    "model_type": "must be a section of keys",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
}
_HINTS: Final = {
    "password": "secrets are not allowed here; use password_file or password_env",
    "identity_token": "secrets are not allowed here; use identity_token_file or identity_token_env",
    "token": "secrets are not allowed here; use password_file, identity_token_file or token_file",
    "api_token": "secrets are not allowed here; use api_token_file or api_token_env",
    "insecure": "use plain_http: true for http, or ca_file for a private authority",
}


class Misconfigured(ValueError):
    """An unusable configuration; the text names every fault, its line and the way out."""

    def __init__(self, origin: str, faults: tuple[Fault, ...] | str) -> None:
        """Report the faults of a file (or of anything else that `origin` names)."""
        self.faults = faults if isinstance(faults, tuple) else (Fault((), 0, faults),)
        ordered = [str(fault) for fault in sorted(self.faults, key=lambda fault: fault.line)]
        more = len(ordered) - _MOST_FAULTS
        shown = ordered[:_MOST_FAULTS] + ([f"and {more} more"] if more > 0 else [])
        super().__init__("\n".join(f"{origin}: {line}" for line in shown))


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and the files and variables in them that are unusable now."""

    settings: Settings
    absent: tuple[Fault, ...]
    """Those of single registries and clusters. Each affects its own audits only."""

    def unusable(self, before: Settings) -> tuple[Fault, ...]:
        """Return the unusable ones of entries that earlier settings lack."""
        return tuple(fault for fault in self.absent if not self._kept(fault, before))

    def _kept(self, fault: Fault, before: Settings) -> bool:
        section, index = str(fault.path[0]), int(fault.path[1])
        return getattr(self.settings, section)[index] in getattr(before, section)


def load(path: Path, environ: Mapping[str, str]) -> Settings:
    """Load the settings of a file. Raises `Misconfigured`."""
    return parse(read(path), environ, path)


def load_usable(path: Path, environ: Mapping[str, str]) -> Loaded:
    """Load settings that a process can start with, whatever single registries lack.

    Raises `Misconfigured` for every other fault.
    """
    return _loaded(read(path), environ, path)


def read(path: Path) -> bytes:
    """Read the file, at most 1 MiB. Raises `Misconfigured`."""
    try:
        with path.open("rb") as file:
            body = file.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or error
        raise Misconfigured(str(path), f"cannot be read: {cause}") from error
    if len(body) > _LARGEST:
        raise Misconfigured(str(path), "more than 1 MiB; is it the right file?")
    return body


def parse(body: bytes, environ: Mapping[str, str], path: Path | None = None) -> Settings:
    """Parse a configuration. Raises `Misconfigured`.

    Relative paths are relative to the folder of `path`. Its files and variables must exist, except
    those of `references`, which may come and go.
    """
    loaded = _loaded(body, environ, path)
    if loaded.absent:
        raise Misconfigured(_origin(path), loaded.absent)
    return loaded.settings


def _loaded(body: bytes, environ: Mapping[str, str], path: Path | None) -> Loaded:
    origin = _origin(path)
    try:
        document = read_document(body, most=_MOST_VALUES)
    except Malformed as error:
        raise Misconfigured(origin, str(error)) from error
    settings = _validated(document, origin, path)
    # Without it everybody would be let in: it is needed, whatever else is there.
    absent = tuple(_missing(settings, document, environ))
    if faults := tuple(_absent(settings, (), ("web_config_file",), document)):
        raise Misconfigured(origin, (*faults, *absent))
    return Loaded(settings, absent)


def _origin(path: Path | None) -> str:
    return str(path) if path else "configuration"


def _validated(document: Document, origin: str, path: Path | None) -> Settings:
    context = {"folder": path.parent} if path else None
    try:
        settings = Settings.model_validate(
            {} if document.value is None else document.value, context=context
        )
    except ValidationError as error:
        blamed = {fault.path for fault in document.faults}
        found = (_fault(each, document) for each in error.errors(include_url=False))
        faults = document.faults + tuple(fault for fault in found if fault.path not in blamed)
        raise Misconfigured(origin, faults) from error
    if document.faults:
        raise Misconfigured(origin, document.faults)
    return settings


def _fault(error: ErrorDetails, document: Document) -> Fault:
    context = error.get("ctx", {})
    path = (*error["loc"], *context.get("path", ()))
    return document.fault(path, _message(error, context))


def _message(error: ErrorDetails, context: dict[str, Any]) -> str:
    """Return pydantic's error as a message for the author of the file."""
    if error["type"] == "extra_forbidden":
        return _unknown_key(error["loc"])
    if error["type"] == "value_error":
        return str(context["error"])
    if error["type"] in _MESSAGES:
        return _MESSAGES[error["type"]].format(**context)
    return error["msg"]


def _unknown_key(path: tuple[str | int, ...]) -> str:
    key = str(path[-1])
    if key in _HINTS:
        return _HINTS[key]
    return f"unknown key; {nearest(key, _known(path[:-1]))}"


def _known(path: tuple[str | int, ...]) -> Iterator[str]:
    """Return the known keys of the section at a path."""
    section: type[Section] = Settings
    for step in path:
        if isinstance(step, str):
            annotation = section.model_fields[step].annotation
            section = next(
                each
                for each in (annotation, *get_args(annotation))
                if isinstance(each, type) and issubclass(each, Section)
            )
    return (field.alias or name for name, field in section.model_fields.items())


def _missing(settings: Settings, document: Document, environ: Mapping[str, str]) -> Iterator[Fault]:
    """Yield the files and variables of registries and clusters that do not exist."""
    for index, registry in enumerate(settings.registries):
        at = ("registries", index)
        absent = tuple(_absent(registry, at, _NEEDED, document))
        yield from absent or _untrusted(registry, at, document)
        try:
            credentials(registry, environ)
        except NoSecret as missing:
            yield document.fault((*at, missing.key), missing.text)
        try:
            api_token(registry.repositories, environ)
        except NoSecret as missing:
            yield document.fault((*at, "repositories", missing.key), missing.text)
        try:
            events_token(registry.events) if registry.events else None
        except NoSecret as missing:
            yield document.fault((*at, "events", missing.key), missing.text)
    for index, cluster in enumerate(settings.clusters):
        yield from _absent(cluster, ("clusters", index), ("kubeconfig",), document)


def _untrusted(
    registry: RegistrySettings, at: tuple[str | int, ...], document: Document
) -> Iterator[Fault]:
    """Yield the certificates that TLS cannot use: a reload must not find out too late."""
    files = registry.ca_file, registry.certificate_file, registry.key_file
    if not any(files):
        return
    try:
        Trust(*files).contexts()
    except Unseen as unseen:
        key = "ca_file" if unseen.subject == str(registry.ca_file) else "certificate_file"
        yield document.fault((*at, key), f"{unseen.subject}: {unseen.detail}")


def _absent(
    section: Section, at: tuple[str | int, ...], keys: tuple[str, ...], document: Document
) -> Iterator[Fault]:
    for key in keys:
        file = getattr(section, key)
        if file is not None and (fault := _unusable(file)):
            yield document.fault((*at, key), f"{fault}: {file}{unexpanded(file)}")


def _unusable(file: Path) -> str:
    """Return why a file cannot be used, or nothing."""
    try:
        if file.is_file():
            return ""
        return "not a file" if file.exists() else "no such file"
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
