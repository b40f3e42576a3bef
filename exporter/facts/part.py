"""A part of a snapshot: what it says of some repositories, taken out and put in."""

from collections.abc import Callable, Container
from dataclasses import replace

from exporter.facts.gap import Gap, Scope, bounded
from exporter.facts.snapshot import Snapshot
from exporter.oci.reference import Repository


def part(whole: Snapshot, of: Container[Repository]) -> Snapshot:
    """Return what a snapshot says of some repositories; all that was read stays known."""
    return _restricted(whole, lambda at: at in of)


def with_part(whole: Snapshot, new: Snapshot, of: Container[Repository]) -> Snapshot:
    """Return a snapshot with the word of a newer one on some repositories; its time stays."""
    rest = _restricted(whole, lambda at: at not in of)
    hidden = (gap for gap in rest.gaps if gap.scope is not Scope.REFERENCES)
    return replace(
        rest,
        refreshed_at=new.taken_at,
        roots=(*rest.roots, *new.roots),
        manifests={**rest.manifests, **new.manifests},
        sightings=rest.sightings.amended(new.sightings),
        config_platforms={**rest.config_platforms, **new.config_platforms},
        listed={**rest.listed, **new.listed},
        sealed={**rest.sealed, **new.sealed},
        uses=(*rest.uses, *new.uses),
        admissions=(*rest.admissions, *new.admissions),
        recovered={**rest.recovered, **new.recovered},
        unasked=(*rest.unasked, *new.unasked),
        delisted=(*rest.delisted, *new.delisted),
        disagreements=(*rest.disagreements, *new.disagreements),
        attached={**rest.attached, **new.attached},
        proven_at={**rest.proven_at, **new.proven_at},
        diff_id_mismatches={**rest.diff_id_mismatches, **new.diff_id_mismatches},
        gaps=bounded(dict.fromkeys((*hidden, *new.gaps))),
    )


def _restricted(whole: Snapshot, holds: Callable[[Repository], bool]) -> Snapshot:
    return replace(
        whole,
        roots=tuple(root for root in whole.roots if holds(root.repository)),
        sightings=whole.sightings.within(holds),
        listed={at: count for at, count in whole.listed.items() if holds(at)},
        sealed={at: each for at, each in whole.sealed.items() if holds(at)},
        uses=tuple(use for use in whole.uses if holds(use.reference.repository)),
        admissions=tuple(each for each in whole.admissions if holds(each.repository)),
        recovered={at: words for at, words in whole.recovered.items() if holds(at[0])},
        unasked=tuple(each for each in whole.unasked if holds(each)),
        delisted=tuple(at for at in whole.delisted if holds(at[0])),
        disagreements=tuple(each for each in whole.disagreements if holds(each.repository)),
        attached={at: each for at, each in whole.attached.items() if holds(at[0])},
        proven_at={at: each for at, each in whole.proven_at.items() if holds(at[0])},
        gaps=tuple(gap for gap in whole.gaps if (at := _repository(gap)) is None or holds(at)),
    )


def _repository(gap: Gap) -> Repository | None:
    """Return the repository that a gap is in: its subject may name a tag or digest there."""
    if gap.scope in (Scope.REGISTRY, Scope.REFERENCES):
        return None
    return Repository(gap.subject.partition("@")[0].partition(":")[0])
