"""Webhooks of GitHub: the events `package` and `registry_package`, for pushes to GHCR.

Source: GitHub Docs, "Webhook events and payloads" (read); octokit/webhooks, payload-examples.
A deletion causes no event.
"""

from typing import Final

import msgspec

from exporter.facts.image_event import ImageEvent
from exporter.sources.events import gitea
from exporter.sources.events.message import Message, Sender, decoded, image_event


class _GitHubTag(msgspec.Struct, gc=False):
    name: str = ""
    digest: str = ""


class _ContainerMetadata(msgspec.Struct, gc=False):
    tag: _GitHubTag | None = None


class _GitHubVersion(msgspec.Struct, gc=False):
    version: str = ""
    """The manifest's digest."""
    container_metadata: _ContainerMetadata | None = None
    """None for packages that are no images."""


class _GitHubOwner(msgspec.Struct, gc=False):
    login: str


class _PublishedPackage(msgspec.Struct, gc=False):
    name: str
    owner: _GitHubOwner
    package_version: _GitHubVersion | None = None


class _GitHubPackageEvent(msgspec.Struct, gc=False):
    package: _PublishedPackage | None = None
    registry_package: _PublishedPackage | None = None


def _read(message: Message) -> tuple[ImageEvent | None, ...] | None:
    event = message.headers.get("X-GitHub-Event")
    if event is None or any(name in message.headers for name in gitea.EVENT_HEADERS):
        return None
    if event not in ("package", "registry_package"):
        return (None,)
    found = decoded(message.body, _GitHubPackageEvent)
    package = found.package or found.registry_package
    version = package.package_version if package else None
    if package is None or version is None or version.container_metadata is None:
        return (None,)
    tag = version.container_metadata.tag or _GitHubTag()
    name = f"{package.owner.login}/{package.name}".lower()
    return (image_event(name, tag.digest, version.version, tag.name),)


SENDER: Final = Sender("GitHub", _read)
