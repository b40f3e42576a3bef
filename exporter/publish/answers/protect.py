"""The answer of `protect`: the missing keep tags, and the results of setting them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from msgspec import Struct
from msgspec.structs import asdict

from exporter.facts.registry_kind import Collector
from exporter.judge.keep_tags import KeepTag, KeepTagPlan, ReferencedManifest
from exporter.judge.protection import Risk
from exporter.publish.answers.coverage import gap_lines
from exporter.publish.answers.document import (
    VERSION,
    AnswerDocument,
    Count,
    GapEntry,
    Moment,
    Name,
    NeedEntry,
    about,
    gap_entries,
    need_entry,
)
from exporter.publish.blocks import (
    Block,
    Cell,
    Code,
    Item,
    List,
    Tone,
    heading,
    item,
    line,
    listed,
    section,
)
from exporter.publish.formatting import (
    count_words,
    damage_words,
    host,
    manifest_words,
    moment,
    whole_registry,
)
from exporter.publish.invocation import AS_TYPED, Invocation, is_plain

_KEEP: Final = (
    "Keep tags count like any other tag: a retention policy that keeps the newest N keeps fewer of "
    "your own, and may delete keep tags."
)
_FOR_EVER: Final = {
    Collector.DISTRIBUTION_2: (
        "This registry cannot delete a tag alone (distribution 2.x deletes by digest): removing a "
        "keep tag later would delete its manifest."
    ),
    Collector.UNKNOWN: (
        "The collector of this registry is unknown: distribution 2.x cannot delete a tag alone, "
        "only its manifest."
    ),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of setting one keep tag."""

    keep: KeepTag
    failure: str
    """Why it could not be set; empty if it references its manifest now."""


class KeepTagEntry(NeedEntry, frozen=True):
    """One keep tag."""

    tag: Name


class WantedEntry(KeepTagEntry, frozen=True):
    """One keep tag that is missing."""

    command: Annotated[str, about("Sets the same tag.")]


class FailedEntry(KeepTagEntry, frozen=True):
    """One keep tag that could not be set."""

    why: str


class DoubtfulEntry(NeedEntry, frozen=True):
    """One manifest that may need a keep tag."""

    why: str


class PlanEntry(Struct, frozen=True):
    """Missing keep tags of one registry."""

    registry: Name
    collector: Collector
    taken_at: Annotated[Moment, about("Start of the audit.")]
    protected: Annotated[Count, about("Manifests that the registry keeps already.")]
    wanted: Annotated[tuple[WantedEntry, ...], about("Missing keep tags.")]
    lost: Annotated[tuple[NeedEntry, ...], about("Already missing or broken.")]
    doubtful: Annotated[tuple[DoubtfulEntry, ...], about("Undetermined.")]
    warnings: Annotated[tuple[str, ...], about("To read before setting them.")]
    gaps: Annotated[tuple[GapEntry, ...], about("What the audit did not cover.")]
    cannot_be_pulled: Annotated[Count, about("Tags that are broken already.")]


class ProtectDocument(AnswerDocument, frozen=True):
    """Keep tags: the plan, or what is left of it."""

    applied: Annotated[bool, about("Whether keep tags were to be set.")]
    set: tuple[KeepTagEntry, ...]
    failed: tuple[FailedEntry, ...]
    registries: tuple[PlanEntry, ...]


def document(
    plans: Sequence[KeepTagPlan], outcomes: Sequence[Outcome] | None, generated: float
) -> ProtectDocument:
    """Return the answer for a program; `outcomes` is None if nothing was to be set."""
    done = outcomes or ()
    return ProtectDocument(
        VERSION,
        moment(generated),
        applied=outcomes is not None,
        set=tuple(KeepTagEntry(**_tagged(each.keep)) for each in done if not each.failure),
        failed=tuple(
            FailedEntry(**_tagged(each.keep), why=each.failure) for each in done if each.failure
        ),
        registries=tuple(map(_plan, plans)),
    )


def blocks(
    plans: Sequence[KeepTagPlan],
    outcomes: Sequence[Outcome] | None = None,
    invocation: Invocation = AS_TYPED,
) -> Iterator[Block]:
    """Return the plan, or what is left of it after its outcomes."""
    if outcomes:
        yield List(tuple(map(_done, outcomes)))
    for plan in plans:
        yield heading(f"{plan.report.snapshot.registry}: {_sum(plan)}")
        if broken := plan.report.cannot_be_pulled:
            words = () if invocation.saved else (whole_registry(plan.report),)
            command = Code(invocation.command(plan.report, "check", *words))
            yield line(Cell(damage_words(broken), Tone.BAD), " To see them: ", command)
        if plan.wanted:
            yield List(tuple(map(_wanted, plan.wanted)))
        lost = listed(map(_said, plan.lost))
        yield from section("Already lost; keep tags cannot restore them", lost)
        yield from section("Undetermined", listed(map(_doubt, plan.doubtful)))
        gaps = gap_lines(plan.report.snapshot.gaps, with_sources=True)
        yield from section("Gaps in coverage", listed(gaps))
        yield from section("Warnings", listed(warnings(plan)))
        commands = (item(Code(crane_command(plan, keep))) for keep in plan.wanted)
        yield from section("Equivalent commands", tuple(commands))


def incomplete(plan: KeepTagPlan) -> tuple[str, ...]:
    """Return why a plan may lack keep tags, one line each: its registry, and a gap."""
    snapshot = plan.report.snapshot
    return tuple(
        f"{snapshot.registry}: {words}" for words in gap_lines(snapshot.gaps, with_sources=True)
    )


def warnings(plan: KeepTagPlan) -> tuple[str, ...]:
    """Return the warnings on setting these tags; none if there are none to set."""
    if not plan.wanted:
        return ()
    lasting = _FOR_EVER.get(plan.report.snapshot.collector)
    return (_KEEP, lasting) if lasting else (_KEEP,)


def crane_command(plan: KeepTagPlan, keep: KeepTag) -> str:
    """Return the command of crane that sets the same tag."""
    where = f"{host(plan.report)}/{keep.need.repository}"
    insecure = " --insecure" if is_plain(plan.report) else ""
    return f"crane tag {where}@{keep.digest} {keep.tag}{insecure}"


def _wanted(keep: KeepTag) -> Item:
    return item(f"{keep.need.repository}:{keep.tag}  {manifest_words(keep.need)}")


def _done(each: Outcome) -> Item:
    name = f"{each.keep.need.repository}:{each.keep.tag}"
    failed = Cell(f"FAILED: {each.failure}", Tone.BAD)
    return item(f"{name}  ", failed if each.failure else Cell("set", Tone.GOOD))


def _sum(plan: KeepTagPlan) -> str:
    having = f"{count_words(plan.protected, 'manifest')} already protected"
    if plan.wanted:
        return f"{count_words(len(plan.wanted), 'keep tag')} to set, {having}"
    return (
        f"nothing to do, {having}"
        if not (plan.doubtful or plan.report.snapshot.gaps or plan.report.empty)
        else f"no keep tag is known to be missing, {having}"
    )


def _said(need: ReferencedManifest) -> str:
    digest = f"@{need.digest}" if need.digest else ""
    return f"{need.repository}{digest} {manifest_words(need)}"


def _doubt(need: ReferencedManifest) -> str:
    return f"{_said(need)}: {_why(need)}"


def _why(need: ReferencedManifest) -> str:
    if need.reason:
        return str(need.reason)
    if need.tags is None:
        return "could not list all tags of the repository"
    unsure = need.risk is Risk.UNKNOWN
    return "could not read all tags of the repository" if unsure else "no free tag name"


def _plan(plan: KeepTagPlan) -> PlanEntry:
    snapshot = plan.report.snapshot
    return PlanEntry(
        registry=snapshot.registry,
        collector=snapshot.collector,
        taken_at=moment(snapshot.taken_at),
        protected=plan.protected,
        wanted=tuple(
            WantedEntry(**_tagged(keep), command=crane_command(plan, keep)) for keep in plan.wanted
        ),
        lost=tuple(map(need_entry, plan.lost)),
        doubtful=tuple(
            DoubtfulEntry(**asdict(need_entry(need)), why=_why(need)) for need in plan.doubtful
        ),
        warnings=warnings(plan),
        gaps=gap_entries(snapshot.registry, snapshot.gaps),
        cannot_be_pulled=plan.report.cannot_be_pulled,
    )


def _tagged(keep: KeepTag) -> Mapping[str, Any]:
    return {**asdict(need_entry(keep.need)), "tag": keep.tag}
