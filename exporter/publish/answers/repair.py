"""The answer of `repair`: the losses, their sources, and the verdict afterwards."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, Final

from msgspec import Struct

from exporter.facts.proof import State
from exporter.judge.content_findings import held
from exporter.judge.losses import Repair, RepairStep, Way, lost_tags
from exporter.judge.report import TagReport, Urgency
from exporter.publish.answers import coverage
from exporter.publish.answers.document import (
    VERSION,
    AnswerDocument,
    Bytes,
    Count,
    GapEntry,
    Moment,
    Name,
    Sha,
    about,
    gap_entries,
)
from exporter.publish.blocks import (
    Block,
    Cell,
    Code,
    Command,
    Item,
    Tone,
    heading,
    item,
    line,
    listed,
    section,
)
from exporter.publish.formatting import count_words, moment, size_words, verdict_cell

_MOST_BROKEN: Final = 10
"""Tags that are still broken: of more, the reasons above would leave the screen."""

_ELSEWHERE: Final = (
    "--source looks in another registry, an archive or a storage. `pullproof inspect` prints how a "
    "node exports an image that it still has."
)


class StepEntry(Struct, frozen=True):
    """One manifest, blob or tag that a repository lacks."""

    repository: Name
    digest: Sha
    kind: Annotated[str, about("manifest, config, layer, blob or tag.")]
    tag: Annotated[Name | None, about("The tag that does not exist.")]
    size: Annotated[Bytes | None, about("null if unknown.")]
    way: Annotated[Way, about("mount: from another repository of the registry.")]
    source: Annotated[Name | None, about("Who has its bytes; null if nobody.")]
    failure: Annotated[Name | None, about("Why it could not be restored.")]


class TagStateEntry(Struct, frozen=True):
    """One tag or pinned digest that has lost something."""

    name: Annotated[Name, about("repository:tag, or repository@digest.")]
    before: State
    after: Annotated[State | None, about("null if nothing was uploaded.")]


class NodeEntry(Struct, frozen=True):
    """A node that reports that it has an image without a source."""

    node: Name
    command: Annotated[Name, about("Exports the image on the node.")]


class RepairEntry(Struct, frozen=True):
    """The repair of one registry."""

    registry: Name
    taken_at: Annotated[Moment, about("Start of the audit before.")]
    upload_bytes: Annotated[Bytes, about("Bytes to upload, or uploaded.")]
    unsourced: Annotated[Count, about("Steps without a source.")]
    steps: Annotated[tuple[StepEntry, ...], about("In the order of the repair.")]
    tags: tuple[TagStateEntry, ...]
    refused: Annotated[tuple[Name, ...], about("Sources that could not be used.")]
    keep_tags: Annotated[tuple[Name, ...], about("Keep tags that were set.")]
    nodes: tuple[NodeEntry, ...]
    gaps: Annotated[tuple[GapEntry, ...], about("What the audit did not cover.")]


class RepairDocument(AnswerDocument, frozen=True):
    """Repairs: the plan, or what became of it."""

    applied: Annotated[bool, about("Whether content was to be uploaded.")]
    registries: tuple[RepairEntry, ...]


def document(repairs: Sequence[Repair], generated: float, *, applied: bool) -> RepairDocument:
    """Return the answer for a program; `generated` is in seconds since the epoch."""
    return RepairDocument(VERSION, moment(generated), applied, tuple(map(_entry, repairs)))


def blocks(repairs: Sequence[Repair], most: int, again: str, *, applied: bool) -> Iterator[Block]:
    """Return the plan or its result; `again` is the command that was typed."""
    for each in repairs:
        yield heading(f"{each.report.snapshot.registry}: {_sum(each, applied=applied)}", level=1)
        steps = [step for step in each.steps if step.source and not step.failure]
        head = "Restored" if applied else "To restore"
        yield from section(head, listed(map(_step, steps), most))
        yield from section("Failed", listed(_failures(each.steps), most))
        unsourced = [step for step in each.steps if not step.source]
        yield from section("No source has it", listed(map(_step, unsourced), most))
        if unsourced:
            yield line(_ELSEWHERE)
        yield from section("Nodes that report to have it", listed(map(_node, nodes(each)), most))
        yield from section("Sources that were refused", listed(each.refused, most))
        yield from section("Keep tags", listed(each.kept, most))
        yield from coverage.blocks(each.latest)
        yield from _verdicts(each, most)
    if not applied and any(step.source for each in repairs for step in each.steps):
        yield Command("Restore it", f"{again} --apply")


def nodes(repair: Repair) -> tuple[NodeEntry, ...]:
    """Return the nodes that report an image whose lost content has no source."""
    missing = {step.loss.digest for step in repair.steps if not step.source}
    found = {
        held(tag.verdict, child.platform)
        for tag in repair.damaged
        for child in tag.verdict.children
        if missing & {child.digest, *(lack.digest for lack in child.lacks)}
    }
    return tuple(NodeEntry(*each) for each in sorted(filter(None, found)))


def _sum(repair: Repair, *, applied: bool) -> str:
    if not repair.steps:
        return _nothing(repair)
    ways = Counter(step.way for step in repair.steps if step.source and not step.failure)
    unsourced = sum(1 for step in repair.steps if not step.source)
    failed = sum(1 for step in repair.steps if step.source and step.failure)
    parts = (
        f"{count_words(ways[Way.UPLOAD], 'upload')} ({size_words(repair.size)})",
        count_words(ways[Way.MOUNT], "mount") if ways[Way.MOUNT] else "",
        count_words(ways[Way.TAG], "tag") if ways[Way.TAG] else "",
        f"{failed:,} failed" if failed else "",
        f"{unsourced:,} without a source" if unsourced else "",
    )
    damaged = count_words(len(repair.damaged), "damaged tag")
    return f"{damaged}; {'done' if applied else 'plan'}: {', '.join(filter(None, parts))}"


def _nothing(repair: Repair) -> str:
    """Return why there is no step: all is well, or unknown, or no content is lost."""
    missing = len(lost_tags(each.verdict for each in repair.damaged))
    others = len(repair.damaged) - missing
    absent = f"{count_words(missing, 'tag')} not found; --source names an image to restore from"
    unable = f"{count_words(others, 'damaged tag')} that no upload repairs"
    if repair.damaged:
        return "; ".join((*((absent,) if missing else ()), *((unable,) if others else ())))
    doubtful = any(each.urgency is not Urgency.NONE for each in repair.asked)
    known = not (doubtful or repair.report.snapshot.hiding)
    return "nothing to repair" if known else "nothing is known to be lost"


def _step(step: RepairStep) -> Item:
    loss = step.loss
    size = f" {size_words(loss.size)}" if loss.size is not None else ""
    if step.way is Way.TAG:
        return item(f"{loss.repository}:{loss.tag}  tag of ", Code(loss.digest), _from(step))
    return item(f"{loss.repository}  {loss.kind} ", Code(loss.digest), f"{size}{_from(step)}")


def _from(step: RepairStep) -> str:
    return f"  {step.way} from {step.source}" if step.source else ""


def _failures(steps: Sequence[RepairStep]) -> Iterator[Item]:
    """Yield each reason once, with how many steps it stopped: a denial stops all."""
    found: dict[str, list[RepairStep]] = {}
    for step in steps:
        if step.failure:
            found.setdefault(step.failure, []).append(step)
    for why, stopped in found.items():
        first, more = stopped[0].loss, len(stopped) - 1
        rest = f" and {more:,} more" if more else ""
        where = f"{first.repository}  {first.kind} {first.digest}{rest}"
        yield item(Cell(f"FAILED: {why}", Tone.BAD), f"  {where}")


def _node(node: NodeEntry) -> Item:
    return item(f"{node.node}: ", Code(node.command))


def _verdicts(repair: Repair, most: int) -> Iterator[Block]:
    if repair.after is None:
        return
    broken = [tag for tag in repair.after.tags if tag.verdict.cannot_be_pulled]
    well = sum(tag.urgency is Urgency.NONE for tag in repair.after.tags)
    yield heading("Audited again")
    yield line(
        Cell(f"{count_words(well, 'tag')} can be pulled", Tone.GOOD if well else Tone.PLAIN),
        f", {count_words(len(broken), 'tag')} cannot" if broken else "",
    )
    yield from section("Still broken", listed(map(_tag, broken), min(most, _MOST_BROKEN)))


def _tag(tag: TagReport) -> Item:
    return item(f"{tag.name}  ", verdict_cell(tag.verdict))


def _entry(repair: Repair) -> RepairEntry:
    snapshot = repair.report.snapshot
    found = repair.after.tags if repair.after else ()
    after = {each.name: each.verdict.overall for each in found}
    return RepairEntry(
        registry=snapshot.registry,
        taken_at=moment(snapshot.taken_at),
        upload_bytes=repair.size,
        unsourced=sum(1 for step in repair.steps if not step.source),
        steps=tuple(map(_step_entry, repair.steps)),
        tags=tuple(
            TagStateEntry(each.name, each.verdict.overall, after.get(each.name))
            for each in repair.damaged
        ),
        refused=repair.refused,
        keep_tags=repair.kept,
        nodes=nodes(repair),
        gaps=gap_entries(snapshot.registry, snapshot.gaps),
    )


def _step_entry(step: RepairStep) -> StepEntry:
    loss = step.loss
    return StepEntry(
        repository=loss.repository,
        digest=loss.digest,
        kind=loss.kind,
        tag=loss.tag,
        size=loss.size,
        way=step.way,
        source=step.source or None,
        failure=step.failure or None,
    )
