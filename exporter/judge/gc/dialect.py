"""By which rules does a registry's collector decide? A dialect is a value; code reads its fields.

Sources: distribution v2.8.3 and v3.1.1, `registry/storage/garbagecollect.go`. 2.7 collects as 2.8
does, 3.0.0 as 3.1.1.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from exporter.facts.inventory import Driver, Folder, Inventory


class Mode(StrEnum):
    """How `registry garbage-collect` is called."""

    PLAIN = "plain"
    DELETE_UNTAGGED = "delete-untagged"


@dataclass(frozen=True, slots=True)
class Dialect:
    """The differences of one collector from others."""

    name: str
    marker: Folder = Folder.LAYERS
    """The folder that makes a repository: without it, nothing in the repository is marked."""
    descends: bool = False
    """Does marking go on below what a manifest refers to? Where not, a tagged index keeps its
    children's own bytes and nothing below them."""
    finds_links_among_layers: bool = False
    """May a manifest's link be in `_layers` too? Registry 2.1.0 put it there."""
    reads_schema1: bool = False
    needs_tags: bool = False
    """Does a repository without `tags` stop a collection of what is untagged? Where not, its
    manifests are left alone, and everything they refer to is swept."""
    sweeps_layer_links: bool = False
    walks_keys_on_s3: bool = False
    """Does it list an S3 bucket flat? Then repositories come in the order of their keys, and a
    missing folder is an empty one."""

    counts_whole_name: bool = False
    """Does a prefix that looks like a host count in the length of a repository's name?"""

    def flat(self, inventory: Inventory) -> bool:
        """Does it list this storage as flat keys?"""
        return self.walks_keys_on_s3 and inventory.driver is Driver.S3

    def fault(self, inventory: Inventory, manifest: int) -> str:
        """Return why it cannot read a manifest; empty if it can."""
        faults = inventory.faults.get(manifest, ("", ""))
        return faults[0] if self.reads_schema1 else faults[1]


DISTRIBUTION_2: Final = Dialect(
    name="distribution-2",
    finds_links_among_layers=True,
    reads_schema1=True,
    needs_tags=True,
    counts_whole_name=True,
)
DISTRIBUTION_3: Final = Dialect(
    name="distribution-3",
    marker=Folder.MANIFESTS,
    descends=True,
    sweeps_layer_links=True,
    walks_keys_on_s3=True,
)
ZOT: Final = Dialect(name="zot", descends=True)
"""zot's own collector, which `judge/gc/zot.py` follows; only these of its rules are here."""
DIALECTS: Final = {dialect.name: dialect for dialect in (DISTRIBUTION_2, DISTRIBUTION_3)}


def dialects(inventory: Inventory) -> tuple[Dialect, ...]:
    """Return the collectors that may collect this storage."""
    return (ZOT,) if inventory.layouts else tuple(DIALECTS.values())
