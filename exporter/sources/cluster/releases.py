"""What would a rollback by Helm start? Its history is in Secrets, so it is read only when told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.use import ReferenceClass, Workload
from exporter.oci.digest import Malformed
from exporter.sources import Unseen
from exporter.sources.cluster import helm
from exporter.sources.cluster.decoding import decoded
from exporter.sources.cluster.kinds import RELEASES
from exporter.sources.cluster.objects.secret import Secret
from exporter.sources.cluster.want import Want

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.sources.cluster.objects.meta import Meta, Named
    from exporter.sources.cluster.pages import Api

_SECRET: Final = msgspec.json.Decoder(Secret)
_TARGETS: Final = frozenset({"deployed", "superseded"})
"""The states of revisions to which one would go back."""


@dataclass(slots=True)
class Releases:
    """The Helm releases of one cluster. A revision never changes, so each is read once."""

    cluster: str
    depth: int
    """How many revisions before the one in force."""
    _images: dict[str, list[str]] = field(default_factory=dict)

    def wants(self, secrets: Iterable[Named], api: Api, gaps: list[Gap]) -> list[Want]:
        """Return what the revisions want to which one could go back; adds what cannot be read."""
        metas = [each for release in _families(secrets) for each in release[: self.depth]]
        found: list[Want] = []
        for meta in metas:
            workload = Workload(self.cluster, meta.namespace, RELEASES.name, meta.labels["name"])
            try:
                images = self._images.get(meta.uid) or self._read(meta, api)
            except Unseen as unseen:
                gaps.append(Gap(Scope.REFERENCES, unseen.subject, unseen.reason, unseen.detail))
                continue
            self._images[meta.uid] = images
            found += [Want(workload, image, ReferenceClass.ROLLBACK) for image in images]
        known = {meta.uid for meta in metas}
        self._images = {uid: images for uid, images in self._images.items() if uid in known}
        return found

    def _read(self, meta: Meta, api: Api) -> list[str]:
        subject = f"{self.cluster}: Secret {meta.namespace}/{meta.name}"
        body = api.one(subject, f"{RELEASES.path(meta.namespace)}/{meta.name}")
        if body is None:
            return []
        try:
            return helm.images(decoded(body, _SECRET).data.get("release", ""))
        except Malformed as error:
            raise Unseen(subject, Reason.MALFORMED, str(error)) from error


def _families(secrets: Iterable[Named]) -> list[list[Meta]]:
    """Group by release those to which one would go back: before the newest, newest first.

    Behind an upgrade that failed or is under way, that begins with the one in force.
    """
    families: dict[tuple[str, str], list[Meta]] = {}
    for each in secrets:
        meta, marks = each.metadata, each.metadata.labels
        if "name" in marks and marks.get("version", "").isdecimal():
            families.setdefault((meta.namespace, marks["name"]), []).append(meta)
    for family in families.values():
        family.sort(key=lambda meta: int(meta.labels["version"]), reverse=True)
    return [
        [meta for meta in family[1:] if meta.labels.get("status") in _TARGETS]
        for family in families.values()
    ]
