"""One step of an audit at a time, on a registry made of values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exporter.ports import Listing
from exporter.resolve.blobs import BlobCheck
from exporter.resolve.observe import observe
from exporter.resolve.target import AuditLimits
from exporter.resolve.walk import Walk
from tests.fakes import APP, NOW, Fake, Notes, target

if TYPE_CHECKING:
    from exporter.facts.snapshot import Snapshot
    from exporter.facts.use import Use
    from exporter.oci.digest import Digest
    from exporter.oci.reference import Place
    from tests.worlds import Made


def pushed(*made: Made) -> Fake:
    """A registry with these images, and no tags."""
    registry = Fake()
    for each in made:
        registry.push(each)
    return registry


async def walked(
    registry: Fake,
    *starts: Digest,
    notes: Notes | None = None,
    places: tuple[Place, ...] = (),
    **options: Any,
) -> Walk:
    """What a walk from these digests saw."""
    limits = AuditLimits(width=4, confirm_after=0.0, **options)
    walk = Walk(registry, notes or Notes(), limits)
    await walk.run((*places, *((APP, each) for each in starts)))
    return walk


async def proven(
    registry: Fake, *starts: Made, notes: Notes | None = None, **limits: Any
) -> tuple[Walk, BlobCheck]:
    """What was seen of the blobs below these images; only those questions are counted."""
    notes = notes or Notes()
    walk = await walked(registry, *(each.digest for each in starts), notes=notes, **limits)
    blobs = BlobCheck(walk)
    registry.asked.clear()
    await blobs.prove()
    return walk, blobs


async def looked(
    registry: Fake, *uses: Use, before: Snapshot | None = None, **other: Any
) -> Snapshot:
    """What one audit saw, everything of a registry unless told otherwise."""
    return await observe(target(registry, **other), Listing(uses), before, NOW)
