"""Events that registries send when something is pushed or deleted: a reader for each sender."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

import msgspec

from exporter.facts.focus import ImageEvent
from exporter.oci.digest import Digest, Malformed
from exporter.oci.reference import repository, tag

Body = TypeVar("Body")

Events: TypeAlias = tuple[ImageEvent | None, ...]
"""The events of a message; None for one after which nothing is to be audited."""

_STRUCTURED: Final = "application/cloudevents+json"


@dataclass(frozen=True, slots=True)
class Message:
    """One request. Its body is bounded by whoever received it."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        """The content type without its parameters."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Sender:
    """One kind of software that sends events."""

    name: str
    read: Callable[[Message], Events | None]
    """Returns the events of a message, or None where it is another sender's. Raises `Malformed`."""


def decoded(body: bytes | msgspec.Raw, kind: type[Body]) -> Body:
    """Return JSON as a value of this type. Raises `Malformed`."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"not the JSON that its sender documents: {error}") from error


def image_event(name: str, *references: str, deleted: bool = False) -> ImageEvent | None:
    """Return the event of a repository and what of it is named, each a tag, a digest or empty.

    What is no name is left out; None where nothing is left. Such an event is accepted all the
    same: a sender that repeats it until then would be held up for ever, and the periodic audit
    misses nothing.
    """
    found_tag, found_digest, given = None, None, [each for each in references if each]
    try:
        where = repository(name)
    except Malformed:
        return None
    for each in given:
        with suppress(Malformed):
            if ":" in each:
                found_digest = Digest.parse(each)
            else:
                found_tag = tag(each)
    if given and not (found_tag or found_digest):
        return None
    return ImageEvent(where, found_tag, found_digest, deleted)


class _CloudEvent(msgspec.Struct, gc=False):
    type: str
    data: msgspec.Raw = msgspec.Raw(b"{}")


def cloud_event(message: Message) -> tuple[str, bytes | msgspec.Raw] | None:
    """Return type and data of a CloudEvent 1.0, in binary or structured mode; None for another.

    Source: CloudEvents HTTP protocol binding 1.0.2, sections 3.1 and 3.2. Raises `Malformed`.
    """
    if kind := message.headers.get("ce-type"):
        return kind, message.body
    if message.media_type == _STRUCTURED:
        found = decoded(message.body, _CloudEvent)
        return found.type, found.data
    return None


_NOTIFICATIONS: Final = "application/vnd.docker.distribution.events."
"""`v1+json` from 2.8, `v2+json` from 3.x."""
_UNCHANGED: Final = frozenset({"pull", "mount"})
"""Actions after which everything is as before. An audit causes pulls itself."""
_BLOB: Final = "application/octet-stream"
"""The media type of a pushed blob: the manifest that needs it is pushed after it."""


class _Target(msgspec.Struct, gc=False):
    repository: str = ""
    tag: str = ""
    digest: str = ""
    mediaType: str = ""  # noqa: N815 - as distribution spells it


class _Notification(msgspec.Struct, gc=False):
    action: str
    target: _Target


class _Envelope(msgspec.Struct, gc=False):
    events: list[_Notification]


def _read_distribution(message: Message) -> Events | None:
    """Read notifications of distribution 2.8 and 3.1.1 (run), which GitLab sends too (read).

    An endpoint gets one event after the other, and each again and again until the answer is 2xx or
    3xx (`notifications/http.go`).
    """
    if not message.media_type.startswith(_NOTIFICATIONS):
        return None
    return tuple(map(_notified, decoded(message.body, _Envelope).events))


def _notified(found: _Notification) -> ImageEvent | None:
    target = found.target
    if found.action in _UNCHANGED or (found.action == "push" and target.mediaType == _BLOB):
        return None
    deleted = found.action == "delete"
    return image_event(target.repository, target.tag, target.digest, deleted=deleted)


_GITEA_HEADERS: Final = ("X-Gitea-Event", "X-Forgejo-Event")
"""Gitea sends GitHub's header as well, for receivers that know GitHub only."""


class _GiteaOwner(msgspec.Struct, gc=False):
    login: str


class _GiteaVersion(msgspec.Struct, gc=False):
    type: str
    name: str
    version: str
    """A tag, or the digest of a manifest without one."""
    owner: _GiteaOwner


class _GiteaPackageEvent(msgspec.Struct, gc=False):
    action: str
    package: _GiteaVersion


def _read_gitea(message: Message) -> Events | None:
    """Read the webhook `package` of Gitea (1.26.0, run), which Forgejo sends too (read)."""
    events = {message.headers.get(name) for name in _GITEA_HEADERS} - {None}
    if not events:
        return None
    if events != {"package"}:
        return (None,)
    event = decoded(message.body, _GiteaPackageEvent)
    found = event.package
    if found.type != "container":
        return (None,)
    name, deleted = f"{found.owner.login}/{found.name}".lower(), event.action == "deleted"
    return (image_event(name, found.version, deleted=deleted),)


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


def _read_github(message: Message) -> Events | None:
    """Read webhooks of GitHub for pushes to GHCR: `package` and `registry_package`.

    Source: GitHub Docs, "Webhook events and payloads" (read); octokit/webhooks, payload-examples.
    A deletion causes no event.
    """
    event = message.headers.get("X-GitHub-Event")
    if event is None or any(name in message.headers for name in _GITEA_HEADERS):
        return None
    if event not in ("package", "registry_package"):
        return (None,)
    found = decoded(message.body, _GitHubPackageEvent)
    package = found.package or found.registry_package
    version = package.package_version if package else None
    if package is None or version is None or version.container_metadata is None:
        return (None,)
    tagged = version.container_metadata.tag or _GitHubTag()
    name = f"{package.owner.login}/{package.name}".lower()
    return (image_event(name, tagged.digest, version.version, tagged.name),)


_HARBOR_DELETIONS: Final = frozenset({"DELETE_ARTIFACT", "harbor.artifact.deleted"})
_HARBOR_CHANGES: Final = _HARBOR_DELETIONS | {
    "PUSH_ARTIFACT",
    "harbor.artifact.pushed",
    "harbor.tag.created",
}


class _Resource(msgspec.Struct, gc=False):
    digest: str = ""
    tag: str = ""
    """The digest again, where it has none."""


class _HarborPlace(msgspec.Struct, gc=False):
    repo_full_name: str


class _HarborData(msgspec.Struct, frozen=True, gc=False):
    resources: tuple[_Resource, ...] = ()
    repository: _HarborPlace | None = None


class _HarborEvent(msgspec.Struct, gc=False):
    type: str
    event_data: _HarborData


def _read_harbor(message: Message) -> Events | None:
    """Read webhooks of Harbor, in both of its formats, `Default` and `CloudEvents`.

    Source: goharbor/harbor, src/pkg/notifier/formats and model/event.go (2.15, read).
    """
    if found := cloud_event(message):
        kind, data = found
        if not kind.startswith("harbor."):
            return None
        return _harbor_events(kind, decoded(data, _HarborData))
    if message.media_type != "application/json" or "X-GitHub-Event" in message.headers:
        return None
    event = decoded(message.body, _HarborEvent)
    return _harbor_events(event.type, event.event_data)


def _harbor_events(kind: str, data: _HarborData) -> Events:
    if kind not in _HARBOR_CHANGES or data.repository is None:
        return (None,)
    name, deleted = data.repository.repo_full_name, kind in _HARBOR_DELETIONS
    return tuple(
        image_event(name, each.tag, each.digest, deleted=deleted) for each in data.resources
    )


_ZOT_DELETION: Final = ".image.deleted"
_ZOT_CHANGES: Final = (".image.updated", _ZOT_DELETION)
_ZOT_OTHERS: Final = (".image.lint_failed", ".repository.created")
"""How the types of events end; what stands before is `zotregistry`, or set by `typePrefix`."""


class _ZotImage(msgspec.Struct, gc=False):
    name: str
    reference: str = ""
    """A tag or a digest."""
    digest: str = ""


def _read_zot(message: Message) -> Events | None:
    """Read CloudEvents of zot.

    Source: project-zot/zot, pkg/extensions/events (common.go, events.go, http_sink.go; 2.1, read).
    """
    found = cloud_event(message)
    if found is None:
        return None
    kind, data = found
    if kind.endswith(_ZOT_OTHERS):
        return (None,)
    if not kind.endswith(_ZOT_CHANGES):
        return None
    image = decoded(data, _ZotImage)
    deleted = kind.endswith(_ZOT_DELETION)
    return (image_event(image.name, image.reference, image.digest, deleted=deleted),)


SENDERS: Final = (
    Sender("distribution", _read_distribution),
    Sender("Gitea", _read_gitea),
    Sender("GitHub", _read_github),
    Sender("Harbor", _read_harbor),
    Sender("zot", _read_zot),
)
"""Each knows its own messages: no message is read by two."""


def read(headers: Mapping[str, str], body: bytes) -> Events:
    """Return the events of a message.

    `headers` must find names in any case. Raises `Malformed` for what no known sender sends.
    """
    message = Message(headers, body)
    if message.media_type == "application/x-www-form-urlencoded":
        raise Malformed("a form: choose application/json as the content type of the webhook")
    for sender in SENDERS:
        found = sender.read(message)
        if found is not None:
            return found
    known = ", ".join(sender.name for sender in SENDERS)
    raise Malformed(f"not an event of a known sender ({known})")
