"""The table of docs/registries: what is known of each kind, from its facts."""

from collections.abc import Iterable

from exporter.facts.registry_kind import ChildRemoval, Collector
from exporter.sources.registry.kind_facts import Fact, KindFacts, ReadEffect, Verified

BEGIN, END = "<!-- table: made from the facts -->", "<!-- end -->"
_HEAD = (
    "| registry | what removes a child of a tagged index | untagged manifests are removed "
    "| GET of a manifest changes | HEAD changes | GET of a blob changes | its cleanup decides by "
    "| Range | catalogue |"
)
_REMOVED = {
    ChildRemoval.MOVED_TAG: "a push that moves its only tag",
    ChildRemoval.CLEANED_TAG: "a cleanup of its only tag",
    ChildRemoval.UNTAGGED_PARENT: "time, below an untagged nested index",
}


def table(kinds: Iterable[KindFacts]) -> str:
    """One row for each kind."""
    rows = [_HEAD, "|" + "---|" * (_HEAD.count("|") - 1), *map(_row, kinds)]
    return "\n".join(rows)


def sources(kind: KindFacts) -> str:
    """Each fact that was established, with its source."""
    named = ((name, getattr(kind, name)) for name in kind.__slots__)
    facts = ((name, fact) for name, fact in named if isinstance(fact, Fact) and fact.source)
    rows = [f"| {_NAMES[name]} | {_value(name, fact)} | {_how(fact)} |" for name, fact in facts]
    title = f"**{kind.title}**\n\n" if kind.variant else ""
    return f"{title}| fact | value | source |\n|---|---|---|\n" + "\n".join(rows)


_NAMES = {
    "collector": "children without a tag",
    "removals": "what else removes a child",
    "untagged": "untagged manifests are removed",
    "head": "HEAD of a manifest changes",
    "manifest": "GET of a manifest changes",
    "blob": "GET of a blob changes",
    "silent": "manifests are read among the blobs, which changes nothing",
    "decides": "its cleanup decides by",
    "caches": "reads move what it evicts from its proxy caches",
    "ranges": "Range",
    "unanswered": "GET of a blob whose file is lost gets no answer, though HEAD states its size",
    "at_once": "requests at once, at most",
    "referrers": "referrers API",
    "catalogue": "catalogue",
    "denial": "denial",
}


def _row(kind: KindFacts) -> str:
    cells = (
        f"[{kind.title}]({kind.name}.md)",
        _child(kind),
        f"{kind.untagged.value}{_mark(kind.untagged)}",
        *(_effects(each) for each in (kind.manifest, kind.head, kind.blob, kind.decides)),
        _range(kind.ranges),
        f"{kind.catalogue.value}{_mark(kind.catalogue)}",
    )
    return f"| {' | '.join(cells)} |"


def _child(kind: KindFacts) -> str:
    removed = [_REMOVED[each] for each in ChildRemoval if each in kind.removals.value]
    if kind.collector.value is Collector.DISTRIBUTION_2:
        removed.append("`--delete-untagged`, if it has no tag")
    if kind.collector.value is Collector.UNKNOWN:
        return "unknown"
    fact = kind.removals if kind.removals.source else kind.collector
    return f"{', '.join(removed) or 'nothing'}{_mark(fact)}"


def _effects(fact: Fact[frozenset[ReadEffect] | None]) -> str:
    if fact.value is None:
        return "unknown"
    return f"{', '.join(sorted(fact.value)) or 'nothing'}{_mark(fact)}"


def _range(fact: Fact[bool | None]) -> str:
    return "unknown" if fact.value is None else f"{'yes' if fact.value else 'no'}{_mark(fact)}"


def _mark(fact: Fact) -> str:  # type: ignore[type-arg] # of any value
    return "" if fact.verified is Verified.NOT else f" ({fact.verified})"


def _value(name: str, fact: Fact) -> str:  # type: ignore[type-arg] # of any value
    if name in ("ranges", "referrers", "silent", "unanswered", "caches"):
        return "yes" if fact.value else "no"
    if name == "collector":
        return _KEPT[fact.value]
    if isinstance(fact.value, frozenset):
        words = (_REMOVED.get(each, str(each)) for each in sorted(fact.value))
        return ", ".join(words) or "nothing"
    return str(fact.value)


_KEPT = {
    Collector.DISTRIBUTION_2: "removed by `--delete-untagged`",
    Collector.DISTRIBUTION_3: "kept by their index",
    Collector.PARENT_PROTECTS: "kept by their index",
    Collector.NONE: "kept",
    Collector.UNKNOWN: "unknown",
}


def _how(fact: Fact) -> str:  # type: ignore[type-arg] # of any value
    return f"{fact.source} ({fact.verified})"
