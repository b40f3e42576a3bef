"""Which of the images that are seen are known not to be what their configurations say?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from exporter.facts.gap import Gap, Scope
from exporter.facts.misfit import Difference, Known, Misfit, differences
from exporter.facts.snapshot import Snapshot
from exporter.oci.digest import Digest
from exporter.oci.manifest import Manifest


def fitted(now: Snapshot, before: Snapshot | None, contents: Mapping[Digest, Known]) -> Snapshot:
    """Return what is seen now, with what of it is not what its configuration says.

    What the snapshot before held against an image stays until it was read again and is right,
    should the memory of the readings have been lost.
    """
    compared = {
        digest: found
        for digest, manifest in now.manifests.items()
        if (found := tuple(differences(manifest, contents)))
    }
    proven = {
        digest: {each.misfit.digest: each.misfit for each in found if each.proven}
        for digest, found in compared.items()
    }
    for digest, held in before.misfits.items() if before else ():
        manifest = now.manifests.get(digest)
        for misfit in held if manifest else ():
            if not _disproved(manifest, misfit, compared.get(digest, ()), contents):
                proven.setdefault(digest, {}).setdefault(misfit.digest, misfit)
    misfits = {digest: tuple(found.values()) for digest, found in proven.items() if found}
    gaps = tuple(_gaps(now, compared))
    return replace(now, misfits=misfits, gaps=(*now.gaps, *gaps)) if misfits or gaps else now


def _disproved(
    manifest: Manifest | None,
    misfit: Misfit,
    found: tuple[Difference, ...],
    contents: Mapping[Digest, Known],
) -> bool:
    """Was everything read again that made it a misfit, and does it fit?"""
    config = manifest.config if manifest else None
    read = config is not None and config.digest in contents and misfit.digest in contents
    return read and all(each.misfit.digest != misfit.digest for each in found)


def _gaps(now: Snapshot, compared: Mapping[Digest, tuple[Difference, ...]]) -> Iterator[Gap]:
    """Say of every place of an image what of it could not be compared there."""
    told: set[str] = set()
    for repository, digest in now.sightings if compared else ():
        for doubt in compared.get(digest, ()):
            subject = f"{repository}@{doubt.misfit.digest}"
            if doubt.reason is not None and subject not in told:
                told.add(subject)
                detail = f"not compared: {doubt.misfit.detail}"
                yield Gap(Scope.CONTENT, subject, doubt.reason, detail)
