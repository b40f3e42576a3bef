"""Helm releases: the images that a rollback would need, as Helm keeps them in Secrets.

Whoever may create a Secret chooses what is in it, so every step is bounded as it is taken.
"""

import base64
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
import yaml

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.use import ReferenceClass, Workload
from exporter.oci.digest import Malformed
from exporter.ports import Unseen
from exporter.sources.cluster.api import Api
from exporter.sources.cluster.images import INJECTED, PodImage
from exporter.sources.cluster.names import plain
from exporter.sources.cluster.objects import (
    HelmHook,
    HelmRelease,
    LabelledMeta,
    PartialObjectMetadata,
    Secret,
)
from exporter.sources.cluster.resources import HELM_SECRETS

_PACKED: Final = 1_400_000
"""Characters in the Secret: Kubernetes accepts 1 MiB, which is this long in base64."""
_UNPACKED: Final = 16 * 1024 * 1024
"""Maximum bytes of a release, with its chart."""
_HOOKS: Final = 2 * 1024 * 1024
"""Maximum bytes of all hooks."""
_MANIFEST: Final = 4 * 1024 * 1024
"""Characters of all manifests. It bounds one step of libyaml, which lets no other thread run:
0.13 s at the most."""
_EVENTS: Final = 200_000
"""Of all manifests: keys, values, and the ends of maps and lists. Each takes a microsecond or two.

The largest charts that are published (kube-prometheus-stack, GitLab) make less than half of it.
"""
_DIRECTIVES: Final = 100
"""Each `%TAG` is compared with all before it, in one step."""
_DEEPEST: Final = 64
_GZIP: Final = 16 + zlib.MAX_WBITS
_GROUPS: Final = frozenset({"containers", "initContainers", "ephemeralContainers"})
_TARGETS: Final = frozenset({"deployed", "superseded"})
"""States of revisions that a rollback can return to."""
_DIGITS: Final = 18
"""Maximum digits of a revision; a label may be any text."""


class TooLarge(Malformed):
    """A release beyond the limits."""


_RELEASE: Final = msgspec.json.Decoder(HelmRelease)
_HOOK_LIST: Final = msgspec.json.Decoder(tuple[HelmHook, ...] | None)


def images(packed: str) -> list[str]:
    """Return the images of a release's pods, each once, from the Secret's `data.release`.

    It is base64 (the API's) of base64 (Helm's) of gzip of JSON, whose manifest is YAML. Raises
    `TooLarge` and `Malformed`.
    """
    if len(packed) > _PACKED:
        raise TooLarge(f"a release of more than {_PACKED} characters")
    try:
        manifests = _manifests(_inflated(base64.b64decode(base64.b64decode(packed))))
        return list(dict.fromkeys(_named(manifests)))
    except Malformed:
        raise
    except (ValueError, zlib.error, msgspec.DecodeError, RecursionError) as error:
        raise Malformed("not a release of Helm") from error
    except yaml.YAMLError as error:
        raise Malformed("a manifest that is not YAML") from error


def _inflated(body: bytes) -> bytes:
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
    if any(each.count("%TAG") > _DIRECTIVES for each in manifests):
        raise TooLarge(f"a manifest of more than {_DIRECTIVES} directives")
    return manifests


def _named(manifests: Iterable[str]) -> Iterator[str]:
    """Yield what stands where containers and volumes name images.

    It walks over the parser's events: nothing is built, so no text grows beyond its length.
    """
    path: list[str | int | None] = []
    events = (each for manifest in manifests for each in yaml.parse(manifest, yaml.CSafeLoader))
    for number, event in enumerate(events):
        if number == _EVENTS:
            raise TooLarge(f"manifests of more than {_EVENTS} keys and values")
        if isinstance(event, yaml.CollectionStartEvent):
            if len(path) > _DEEPEST or (path and path[-1] is None):
                raise Malformed("a manifest nested too deeply, or with a key that is not a string")
            path.append(None if isinstance(event, yaml.MappingStartEvent) else 0)
            continue
        if isinstance(event, yaml.CollectionEndEvent):
            path.pop()
        elif isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
            text = event.value if isinstance(event, yaml.ScalarEvent) else f"*{event.anchor}"
            if path and path[-1] is None:
                path[-1] = text
                continue
            if text and text != INJECTED and _is_image(path):
                yield text
        if path:  # go on to the next item of a list, or to the next key of a map
            path[-1] = path[-1] + 1 if isinstance(path[-1], int) else None


def _is_image(path: list[str | int | None]) -> bool:
    """Is this the image of a container or a volume?"""
    match path:
        case [*_, str(group), int(), "image"]:
            return group in _GROUPS
        case [*_, "volumes", int(), "image", "reference"]:
            return True
    return False


@dataclass(slots=True)
class HelmHistory:
    """Helm releases of one cluster. The content of a Secret is cached until it changes."""

    cluster: str
    depth: int
    """Number of revisions before the current one."""
    _known: dict[tuple[str, ...], list[str] | Unseen] = field(default_factory=dict)
    """Images of a revision, maybe none; or why it cannot be read, which will not change."""

    def images(
        self, secrets: Iterable[PartialObjectMetadata], api: Api, gaps: list[Gap]
    ) -> list[PodImage]:
        """Return the images of the revisions that a rollback can return to; adds gaps."""
        metas = [each for release in _families(secrets) for each in release[: self.depth]]
        found: list[PodImage] = []
        for meta in metas:
            names = (self.cluster, meta.namespace, HELM_SECRETS.kind, meta.labels["name"])
            workload = Workload(*map(plain, names))
            try:
                images = self._images(meta, api)
            except Unseen as unseen:
                gaps.append(unseen.gap(Scope.REFERENCES))
            else:
                found += [PodImage(workload, each, ReferenceClass.ROLLBACK) for each in images]
        known = {meta.version for meta in metas}
        self._known = {each: images for each, images in self._known.items() if each in known}
        return found

    def _images(self, meta: LabelledMeta, api: Api) -> list[str]:
        found = self._known.get(meta.version)
        if found is None:
            secret = api.secret(meta.namespace, meta.name)
            found = _read(secret, meta, self.cluster) if secret else []
            if meta.uid and meta.resource_version:
                self._known[meta.version] = found
        if isinstance(found, Unseen):
            raise found
        return found


def _read(secret: Secret, meta: LabelledMeta, cluster: str) -> list[str] | Unseen:
    try:
        return images(secret.data.get("release", ""))
    except Malformed as error:
        reason = Reason.TOO_LARGE if isinstance(error, TooLarge) else Reason.MALFORMED
        subject = plain(f"{cluster}: Secret {meta.namespace}/{meta.name}")
        release = plain(f"release {meta.labels['name']}, revision {meta.labels['version']}")
        return Unseen(subject, reason, f"{release}: {error}")


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
