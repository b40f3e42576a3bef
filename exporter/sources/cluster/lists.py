"""The lists of a cluster. One that fails is a gap, and keeps its last content."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from exporter.facts.gap import UNREACHED, Gap, Reason, Scope
from exporter.ports import Unseen
from exporter.sources.cluster.api import Api, Question
from exporter.sources.cluster.resources import ApiResource

_OF_THE_SERVER: Final = UNREACHED | {Reason.UNAUTHORIZED}
"""Reasons that will hold for the next list too."""


@dataclass(slots=True)
class ClusterLists:
    """The lists of one cluster. What they showed last outlives a failure of one of them."""

    cluster: str
    namespaces: tuple[str, ...] = ()
    """Empty is all of them, which needs the right to list in all."""
    _last: dict[tuple[str, str], list[Any]] = field(default_factory=dict)

    def read(self, api: Api, kinds: list[ApiResource]) -> ListedObjects:
        """Ask for every list. Raises `Unseen` where the server shows none of them."""
        shown = ListedObjects()
        first: Unseen | None = None
        for kind in kinds:
            for namespace in self._where(kind):
                try:
                    found = api.every(self._question(kind, namespace), kind.decoder)
                except Unseen as unseen:
                    first = first or unseen
                    if not shown.fresh and unseen.reason in _OF_THE_SERVER:
                        raise
                    found = self._last.get((kind.subject, namespace), [])
                    shown.gaps.append(_gap(unseen))
                    shown.partial.add(kind.subject)
                else:
                    shown.fresh += 1
                    self._last[kind.subject, namespace] = found
                shown.objects.setdefault(kind.subject, []).extend(found)
        if first is not None and not shown.fresh:
            raise first
        return shown

    def _where(self, kind: ApiResource) -> tuple[str, ...]:
        return (self.namespaces if kind.namespaced else ()) or ("",)

    def _question(self, kind: ApiResource, namespace: str) -> Question:
        where = f" in {namespace}" if namespace else ""
        subject = f"{self.cluster}: {kind.subject}{where}"
        path = kind.path(namespace)
        return Question(subject, path, kind.limit, kind.selectors, kind.accept)


@dataclass(slots=True)
class ListedObjects:
    """What one reading of the lists showed."""

    objects: dict[str, list[Any]] = field(default_factory=dict)
    """By kind, as `Kind.subject` names it."""
    partial: set[str] = field(default_factory=set)
    """Kinds whose list may be incomplete."""
    gaps: list[Gap] = field(default_factory=list)
    fresh: int = 0
    """Lists that were read whole."""

    def of(self, kind: ApiResource) -> list[Any]:
        """Return the objects of a kind; none where it was not asked for."""
        return self.objects.get(kind.subject, [])


def _gap(unseen: Unseen) -> Gap:
    return Gap(Scope.REFERENCES, unseen.subject, unseen.reason, unseen.detail)
