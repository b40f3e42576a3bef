"""From where could something lost be had again, at the least cost?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.facts.use import Holder
from exporter.oci.platform import Platform, eligible
from exporter.oci.reference import Reference

if TYPE_CHECKING:
    from exporter.judge.report import TagVerdict


def hint(verdict: TagVerdict, platform: Platform | None) -> str:
    """Say which node still holds an image, and how to get it from there; empty where none does."""
    return ": ".join(held(verdict, platform) or ())


def held(verdict: TagVerdict, platform: Platform | None) -> tuple[str, str] | None:
    """Return which node still holds an image, and the command that saves it there.

    A node says so itself, by name: the bytes have to be compared before they are believed.
    """
    holding = sorted(
        {
            (holder.node, str(holder.platform), name(use.reference))
            for use in verdict.uses
            for holder in use.holders
            if _holds(verdict, holder, platform)
        }
    )
    if not holding:
        return None
    node, of, image = holding[0]
    nodes = len({each[0] for each in holding})
    more = f" (and {nodes - 1} more)" if nodes > 1 else ""
    said = f"node {node} {of}{more} reports that it still has it"
    return said, save(image, of)


def save(image: str, platform: str) -> str:
    """Return the command that saves an image on a node, of words of a shell; or of no platform."""
    option = f" --platform {platform}" if platform else ""
    return f"ctr -n k8s.io images export{option} image.tar {image}"


def name(reference: Reference) -> str:
    """Return the name of an image on a node: beside a digest, the tag is dropped.

    Source: containerd `reference/docker` (`ParseDockerRef`), by which its CRI plugin names images.
    """
    tag = None if reference.digest else reference.tag
    return str(Reference(reference.registry, reference.repository, tag, reference.digest))


def _holds(verdict: TagVerdict, holder: Holder, platform: Platform | None) -> bool:
    """Would the node have chosen what is of this platform among all? Then that is what it holds."""
    offered = [child.platform for child in verdict.children]
    return any(offered[entry] == platform for entry in eligible(holder.platform, offered))
