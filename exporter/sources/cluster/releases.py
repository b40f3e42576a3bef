"""What would a rollback by Helm start? Its history is in Secrets, so it is read only when told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from exporter.facts.gap import Gap, Reason
from exporter.facts.use import ReferenceClass, Workload
from exporter.oci.digest import Malformed
from exporter.ports import Unseen
from exporter.sources.cluster import helm
from exporter.sources.cluster.decoding import decoded
from exporter.sources.cluster.gaps import Gaps
from exporter.sources.cluster.kinds import RELEASES
from exporter.sources.cluster.objects.meta import Labelled, Named
from exporter.sources.cluster.objects.secret import Secret
from exporter.sources.cluster.text import plain
from exporter.sources.cluster.want import Want

if TYPE_CHECKING:
    from exporter.sources.cluster.pages import Api

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
class Releases:
    """The Helm releases of one cluster. What was read of a Secret is kept until it changes."""

    cluster: str
    depth: int
    """How many revisions before the one in force."""
    _known: dict[Version, list[str] | Unseen] = field(default_factory=dict)
    """Images, also where there are none; or why it cannot be read, which would be so again."""

    def wants(self, secrets: Iterable[Named], api: Api, gaps: list[Gap]) -> list[Want]:
        """Return what the revisions want to which one could go back; adds what cannot be read."""
        metas = [each for release in _families(secrets) for each in release[: self.depth]]
        within, unread = api.within(_SHARE), Gaps(self.cluster, "revisions of Helm releases")
        found: list[Want] = []
        for meta in metas:
            names = (self.cluster, meta.namespace, RELEASES.name, meta.labels["name"])
            workload = Workload(*map(plain, names))
            images = self._images(meta, within)
            if isinstance(images, Unseen):
                unread.note(images)
            else:
                found += [Want(workload, image, ReferenceClass.ROLLBACK) for image in images]
        gaps.extend(unread.all())
        known = {_version(meta) for meta in metas}
        self._known = {each: images for each, images in self._known.items() if each in known}
        return found

    def _images(self, meta: Labelled, api: Api) -> list[str] | Unseen:
        known = self._known.get(_version(meta))
        if known is not None:
            return known
        subject = f"{self.cluster}: Secret {plain(meta.namespace)}/{plain(meta.name)}"
        try:
            body = api.one(subject, f"{RELEASES.path(meta.namespace)}/{meta.name}")
        except Unseen as unseen:
            return unseen  # of this moment, or of a Secret that is too large to be told
        images = [] if body is None else _read(body, subject, meta)
        if meta.uid and meta.resource_version:
            self._known[_version(meta)] = images
        return images


def _read(body: bytes, subject: str, meta: Labelled) -> list[str] | Unseen:
    try:
        return helm.images(decoded(body, _SECRET).data.get("release", ""))
    except Malformed as error:
        reason = Reason.TOO_LARGE if isinstance(error, helm.TooLarge) else Reason.MALFORMED
        release = plain(f"release {meta.labels['name']}, revision {meta.labels['version']}")
        return Unseen(subject, reason, f"{release}: {error}")


def _version(meta: Labelled) -> Version:
    return meta.namespace, meta.name, meta.uid, meta.resource_version


def _families(secrets: Iterable[Named]) -> list[list[Labelled]]:
    """Group by release those to which one would go back: before the newest, newest first.

    Behind an upgrade that failed or is under way, that begins with the one in force.
    """
    families: dict[tuple[str, str], list[Labelled]] = {}
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
