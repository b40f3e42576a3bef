"""Findings of lost or wrong content, and the cheapest repair that is known."""

from collections.abc import Callable, Iterator
from typing import Final

from exporter.facts.use import Holder, ReferenceClass
from exporter.judge.finding import Finding, Rule, told, weight
from exporter.judge.tag_verdict import Child, Lack, TagVerdict
from exporter.oci.platform import Platform, eligible
from exporter.oci.reference import Reference

ARCHIVE: Final = "image.tar"
"""The file that commands on nodes export an image to."""


def of_child(rule: Rule, verdict: TagVerdict, child: Child, detail: str) -> Finding:
    """Return a finding as bad as for the highest class that requires the child, with a way out."""
    return Finding(
        rule,
        weight(child.required_by, possible=child.possible),
        verdict.root,
        child.digest,
        child.platform,
        told(verdict.root, detail, child.required_by, possible=child.possible),
        hint(verdict, child.platform),
        required_by=child.required_by,
    )


def of_lacks(
    rule: Rule, verdict: TagVerdict, concerns: Callable[[Lack], bool]
) -> Iterator[Finding]:
    """Yield a finding for each such content and each platform that needs it, by its own digest."""
    if not any(child.lacks for child in verdict.children):
        return
    needed: dict[tuple[str, str], Finding] = {}
    for child in sorted(verdict.children, key=_rank):
        for lack in filter(concerns, child.lacks):
            detail = f"{lack.kind} {lack.digest.short}: {lack.detail}"
            found = Finding(
                rule,
                weight(child.required_by, possible=child.possible),
                verdict.root,
                lack.digest,
                child.platform,
                told(verdict.root, detail, child.required_by, possible=child.possible),
                required_by=child.required_by,
            )
            needed.setdefault((lack.digest, str(child.platform)), found)
    yield from needed.values()


def _rank(child: Child) -> tuple[int, bool]:
    """Return the sort key: the most important first, optional content last."""
    rank = child.required_by.rank if child.required_by else len(ReferenceClass)
    return rank, child.possible


def hint(verdict: TagVerdict, platform: Platform | None) -> str:
    """Return which node has an image cached, with the command to export it; empty if none has."""
    return ": ".join(held(verdict, platform) or ())


def held(
    verdict: TagVerdict, platform: Platform | None, archive: str = ARCHIVE
) -> tuple[str, str] | None:
    """Return which node has an image cached, and the command that exports it there to a file.

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
    return said, save(image, of, archive)


def save(image: str, platform: str, archive: str = ARCHIVE) -> str:
    """Return the command that saves an image on a node, of words of a shell; or of no platform."""
    option = f" --platform {platform}" if platform else ""
    return f"ctr -n k8s.io images export{option} {archive} {image}"


def name(reference: Reference) -> str:
    """Return the name of an image on a node: beside a digest, the tag is dropped.

    Source: containerd `reference/docker` (`ParseDockerRef`), by which its CRI plugin names images.
    """
    tag = None if reference.digest else reference.tag
    return str(Reference(reference.registry, reference.repository, tag, reference.digest))


def _holds(verdict: TagVerdict, holder: Holder, platform: Platform | None) -> bool:
    """Would the node have chosen the image of this platform? Then that is what it has cached."""
    offered = [child.platform for child in verdict.children]
    return any(offered[entry] == platform for entry in eligible(holder.platform, offered))
