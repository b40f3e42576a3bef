"""Helm releases: the images that a rollback would need, as Helm keeps them in Secrets.

Whoever may create a Secret chooses what is in it, so every step is bounded as it is taken.
"""

from __future__ import annotations

import base64
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import yaml

from exporter.facts.gap import Gap, Reason
from exporter.facts.use import ReferenceClass, Workload
from exporter.oci.digest import Malformed
from exporter.ports import Unseen
from exporter.sources.cluster.api import Api
from exporter.sources.cluster.gaps import Gaps
from exporter.sources.cluster.images import PodImage
from exporter.sources.cluster.objects import ApiStruct, LabelledMeta, PartialObjectMetadata, Secret
from exporter.sources.cluster.resources import HELM_SECRETS, decoded
from exporter.sources.cluster.text import plain

_PACKED: Final = 1_400_000
"""Characters in the Secret: Kubernetes keeps at most 1 MiB, which is this long in base64."""
_UNPACKED: Final = 16 * 1024 * 1024
"""Bytes of a release, with its chart."""
_HOOKS: Final = 2 * 1024 * 1024
"""Bytes of all hooks."""
_MANIFEST: Final = 8 * 1024 * 1024
"""Characters of all manifests."""
_DOCUMENT: Final = 2 * 1024 * 1024
"""Characters of one document in them: etcd keeps no object of more than 1.5 MiB.

It bounds one step of libyaml, which lets no other thread run meanwhile.
"""
_DOCUMENTS: Final = 20_000
_EVENTS: Final = 200_000
"""Of all manifests: keys, values, and the ends of maps and lists. Each takes a microsecond or two.

The largest charts that are published (kube-prometheus-stack, GitLab) make less than half of it.
"""
_DIRECTIVES: Final = 100
"""Each `%TAG` is compared with all before it, in one step."""
_SECONDS: Final = 3.0
"""Of processor time, should a machine be that slow, or a manifest dearer than is known."""
_CHECKED: Final = 1_000
"""Events between two looks at the clock."""
_DEEPEST: Final = 64
_GZIP: Final = 16 + zlib.MAX_WBITS
_MAGIC: Final = b"\x1f\x8b\x08"
_GROUPS: Final = frozenset({"containers", "initContainers", "ephemeralContainers"})
_MARK: Final = "\n---"
_BLANK: Final = frozenset(" \t\r\n\x85\u2028\u2029")


class TooLarge(Malformed):
    """It is more than is read of one release."""


class HelmHook(ApiStruct, frozen=True):
    """A job or pod that Helm starts beside the release."""

    manifest: str = ""


class HelmRelease(ApiStruct, frozen=True):
    """What is read of a release."""

    manifest: str = ""
    hooks: msgspec.Raw = msgspec.Raw(b"null")


_RELEASE: Final = msgspec.json.Decoder(HelmRelease)
_HOOK_LIST: Final = msgspec.json.Decoder(tuple[HelmHook, ...] | None)


def images(packed: str, seconds: float = _SECONDS) -> list[str]:
    """Return the images of a release's pods, each once, from the Secret's `data.release`.

    It is base64 (the API's) of base64 (Helm's) of gzip of JSON, whose manifest is YAML. Raises
    `TooLarge`, also where it takes more than `seconds` of processor time, and `Malformed`.
    """
    if len(packed) > _PACKED:
        raise TooLarge(f"a release of more than {_PACKED} characters")
    try:
        manifests = _manifests(_inflated(base64.b64decode(base64.b64decode(packed))))
        walk = _Walk(time.thread_time() + seconds)
        documents = (part for each in manifests for part in _documents(each))
        return list(dict.fromkeys(image for each in documents for image in walk.images(each)))
    except (ValueError, zlib.error, msgspec.DecodeError, RecursionError) as error:
        raise (
            error if isinstance(error, Malformed) else Malformed("not a release of Helm")
        ) from error
    except yaml.YAMLError as error:
        raise Malformed("a manifest that is not YAML") from error


def _inflated(body: bytes) -> bytes:
    if not body.startswith(_MAGIC):
        return body  # as Helm kept it before it packed
    inflating = zlib.decompressobj(_GZIP)
    document = inflating.decompress(body, _UNPACKED)
    if inflating.unconsumed_tail:
        raise TooLarge(f"a release of more than {_UNPACKED} bytes")
    if not inflating.eof:
        raise Malformed("a truncated release")
    return document


def _manifests(document: bytes) -> Sequence[str]:
    release = _RELEASE.decode(document)
    if len(release.hooks) > _HOOKS:
        raise TooLarge(f"hooks of more than {_HOOKS} bytes")
    hooks = _HOOK_LIST.decode(release.hooks) or ()
    manifests = [release.manifest, *(hook.manifest for hook in hooks if hook.manifest)]
    if sum(map(len, manifests)) > _MANIFEST:
        raise TooLarge(f"manifests of more than {_MANIFEST} characters")
    return manifests


def _documents(manifest: str) -> Iterator[str]:
    """Yield the documents of a manifest, by the lines that begin with `---`.

    libyaml would find them too, but only after it has read all before the next one.
    """
    if manifest.count("%TAG") > _DIRECTIVES or manifest.count(_MARK) > _DOCUMENTS:
        raise TooLarge(f"a manifest of more than {_DOCUMENTS} documents, or of many directives")
    # A directive belongs to what follows the mark.
    whole = manifest.startswith("%") or "\n%" in manifest
    for document in (manifest,) if whole else _parts(manifest):
        if len(document) > _DOCUMENT:
            raise TooLarge(f"a document of more than {_DOCUMENT} characters")
        yield document


def _parts(manifest: str) -> Iterator[str]:
    first, *others = f"\n{manifest}".split(_MARK)
    document = [first[1:]]
    for each in others:
        if not each or each[0] in _BLANK:
            yield "".join(document)
            document = ["---", each]
        else:
            document += (_MARK, each)
    yield "".join(document)


@dataclass(slots=True)
class _Walk:
    """A walk over the events of documents: nothing is built, so no text grows beyond its length."""

    until: float
    """Of the thread's processor time."""
    events: int = 0
    path: list[Any] = field(default_factory=list)

    def images(self, document: str) -> Iterator[str]:
        """Yield what stands where containers and volumes name images."""
        path = self.path
        path.clear()
        for event in yaml.parse(document, yaml.CSafeLoader):
            self._count()
            kind = type(event)
            if kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                if len(path) > _DEEPEST or (path and path[-1] is None):
                    raise Malformed(
                        "a manifest that is nested too deeply, or has a key that is not a string"
                    )
                path.append(None if kind is yaml.MappingStartEvent else 0)
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                path.pop()
                _step(path)
            elif isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
                text = event.value if isinstance(event, yaml.ScalarEvent) else f"*{event.anchor}"
                if path and path[-1] is None:
                    path[-1] = text
                    continue
                if text and _is_image(path):
                    yield text
                _step(path)

    def _count(self) -> None:
        self.events += 1
        if self.events > _EVENTS:
            raise TooLarge(f"manifests of more than {_EVENTS} keys and values")
        if not self.events % _CHECKED and time.thread_time() > self.until:
            raise TooLarge("manifests that take too long to parse")


def _step(path: list[Any]) -> None:
    """Go on to the next key of a map, or to the next item of a list."""
    if path:
        path[-1] = None if isinstance(path[-1], str) or path[-1] is None else path[-1] + 1


def _is_image(path: list[Any]) -> bool:
    """Is this the image of some container, or of a volume?"""
    match path:
        case [*_, str(group), int(), "image"]:
            return group in _GROUPS
        case [*_, "volumes", int(), "image", "reference"]:
            return True
    return False


_SECRET: Final = msgspec.json.Decoder(Secret)
_TARGETS: Final = frozenset({"deployed", "superseded"})
"""The states of revisions to which one would go back."""
_DIGITS: Final = 18
"""Of a revision's number; a label may be anything."""
_SHARE: Final = 0.5
"""Of the time that is left: other Secrets are read after these."""

Version = tuple[str, str, str, str]
"""What no two contents of Secrets share: namespace, name, uid and `resourceVersion`."""


@dataclass(slots=True)
class HelmHistory:
    """The Helm releases of one cluster. What was read of a Secret is kept until it changes."""

    cluster: str
    depth: int
    """How many revisions before the one in force."""
    _known: dict[Version, list[str] | Unseen] = field(default_factory=dict)
    """Images, also where there are none; or why it cannot be read, which would be so again."""

    def wants(
        self, secrets: Iterable[PartialObjectMetadata], api: Api, gaps: list[Gap]
    ) -> list[PodImage]:
        """Return what the revisions want to which one could go back; adds what cannot be read."""
        metas = [each for release in _families(secrets) for each in release[: self.depth]]
        within, unread = api.within(_SHARE), Gaps(self.cluster, "revisions of Helm releases")
        found: list[PodImage] = []
        for meta in metas:
            names = (self.cluster, meta.namespace, HELM_SECRETS.name, meta.labels["name"])
            workload = Workload(*map(plain, names))
            images = self._images(meta, within)
            if isinstance(images, Unseen):
                unread.note(images)
            else:
                found += [PodImage(workload, image, ReferenceClass.ROLLBACK) for image in images]
        gaps.extend(unread.all())
        known = {_version(meta) for meta in metas}
        self._known = {each: images for each, images in self._known.items() if each in known}
        return found

    def _images(self, meta: LabelledMeta, api: Api) -> list[str] | Unseen:
        known = self._known.get(_version(meta))
        if known is not None:
            return known
        subject = f"{self.cluster}: Secret {plain(meta.namespace)}/{plain(meta.name)}"
        try:
            body = api.one(subject, f"{HELM_SECRETS.path(meta.namespace)}/{meta.name}")
        except Unseen as unseen:
            return unseen  # of this moment, or of a Secret that is too large to be told
        images = [] if body is None else _read(body, subject, meta)
        if meta.uid and meta.resource_version:
            self._known[_version(meta)] = images
        return images


def _read(body: bytes, subject: str, meta: LabelledMeta) -> list[str] | Unseen:
    try:
        return images(decoded(body, _SECRET).data.get("release", ""))
    except Malformed as error:
        reason = Reason.TOO_LARGE if isinstance(error, TooLarge) else Reason.MALFORMED
        release = plain(f"release {meta.labels['name']}, revision {meta.labels['version']}")
        return Unseen(subject, reason, f"{release}: {error}")


def _version(meta: LabelledMeta) -> Version:
    return meta.namespace, meta.name, meta.uid, meta.resource_version


def _families(secrets: Iterable[PartialObjectMetadata]) -> list[list[LabelledMeta]]:
    """Group by release those to which one would go back: before the newest, newest first.

    Behind an upgrade that failed or is under way, that begins with the one in force.
    """
    families: dict[tuple[str, str], list[LabelledMeta]] = {}
    for each in secrets:
        meta, marks = each.metadata, each.metadata.labels
        number = marks.get("version", "")
        if "name" in marks and number.isdecimal() and len(number) <= _DIGITS:
            families.setdefault((meta.namespace, marks["name"]), []).append(meta)
    for family in families.values():
        family.sort(key=lambda meta: int(meta.labels["version"]), reverse=True)
    return [
        [meta for meta in family[1:] if meta.labels.get("status") in _TARGETS]
        for family in families.values()
    ]
