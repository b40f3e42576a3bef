"""The names of configured registries, as the first part of an image on the command line."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from exporter.commands import Refused, refusing
from exporter.config.loading import Misconfigured, load
from exporter.config.values import authority
from exporter.oci.digest import without_credentials
from exporter.oci.reference import HUB, names_host

Texts = TypeVar("Texts", str, list[str])


def with_hosts(texts: Texts, config: Path, environ: Mapping[str, str]) -> Texts:
    """Return what was typed with the host for each configured name.

    Raises `Refused` for a first part that is neither a name nor a host: by Docker's rule it would
    be asked of Docker Hub, and a private name be told to a stranger.
    """
    with refusing(Misconfigured):
        registries = load(config, environ).registries
    names = {each.label: authority(each.url) for each in registries}
    hub = any(HUB in each.hosts for each in registries)
    if isinstance(texts, str):
        return _with_host(texts, names, hub=hub)
    return [_with_host(each, names, hub=hub) for each in texts]


def _with_host(text: str, names: Mapping[str, str], *, hub: bool) -> str:
    first, slash, rest = text.partition("/")
    if first in names:
        return f"{names[first]}{slash}{rest}"
    if hub or names_host(first if slash else first.partition("@")[0].partition(":")[0]):
        return text
    if text.startswith(("sha256:", "sha512:")) or not text.strip():
        return text
    said = without_credentials(text)
    known = ", ".join(sorted(names))
    raise Refused(
        f"{said}: the configuration has no registry of this name (it has {known}); "
        f"write docker.io/{said} for an image of Docker Hub"
    )
