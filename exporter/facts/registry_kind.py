"""Kinds of registries, as far as a verdict on risk needs them."""

from dataclasses import dataclass
from enum import StrEnum


class Collector(StrEnum):
    """How this registry's garbage collector treats the untagged children of a tagged index."""

    DISTRIBUTION_2 = "distribution-2"
    """Sweeps them with `--delete-untagged`."""
    DISTRIBUTION_3 = "distribution-3"
    """Keeps them."""
    PARENT_PROTECTS = "parent-protects"
    """Keeps them (zot, Gitea, Harbor, Quay, GitLab with its database)."""
    NONE = "none"
    """Nothing is ever collected."""
    UNKNOWN = "unknown"


class ChildRemoval(StrEnum):
    """How a registry removes a manifest that a tagged index still references.

    Beside the sweep of untagged manifests, which `Collector` describes.
    """

    MOVED_TAG = "moved-tag"
    """At once, when the only tag that names it is pushed anew: a manifest that was pushed by tag
    belongs to that tag."""
    CLEANED_TAG = "cleaned-tag"
    """With the only tag that names it, when a cleanup rule or a deletion takes that tag."""
    UNTAGGED_PARENT = "untagged-parent"
    """Some time after the push, where neither it nor an index right above it has a tag."""


class Pulls(StrEnum):
    """May manifests be read if that changes pull times, and the registry cleans up by them?"""

    ASK = "ask"
    """No: nothing of such a registry is read."""
    ACCEPT = "accept"
    UNCOUNTED = "uncounted"
    """Yes: the account is one whose pulls the registry does not count."""


@dataclass(frozen=True, slots=True)
class RegistryKind:
    """Which software a registry runs, and how that removes manifests."""

    name: str = "unknown"
    """`zot`, `harbor` …: the name of a page in docs/registries, or `unknown`."""
    version: str = ""
    """As the registry states it; empty if it does not."""
    collector: Collector = Collector.UNKNOWN
    removals: frozenset[ChildRemoval] = frozenset()

    @property
    def known(self) -> bool:
        """Was it recognised?"""
        return self.name != UNKNOWN_KIND.name

    @property
    def belongs_to_tag(self) -> bool:
        """Is a manifest that was pushed by a tag lost with its last tag?"""
        return bool(self.removals & {ChildRemoval.MOVED_TAG, ChildRemoval.CLEANED_TAG})

    def __str__(self) -> str:
        """Return name and version."""
        return f"{self.name} {self.version}".strip()


UNKNOWN_KIND = RegistryKind()
"""The careful default: nothing is known of how it removes manifests."""
