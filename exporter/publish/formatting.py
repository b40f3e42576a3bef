"""Words and tones for states, sizes, times, names and users."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from exporter.facts.gap import Gap
from exporter.facts.proof import Proof, State
from exporter.facts.snapshot import Root
from exporter.facts.use import ReferenceClass
from exporter.judge.finding import MERELY, aside
from exporter.judge.impact import Impact, User
from exporter.judge.keep_tags import ReferencedManifest
from exporter.judge.report import Report, TagReport
from exporter.judge.tag_verdict import Child, ChildKind, TagVerdict
from exporter.oci.reference import is_host_alone, names_host, spellings
from exporter.publish.blocks import Cell, Tone

ABSENT: Final = Cell("-", Tone.QUIET)
"""Nothing is offered, and nothing needs it."""
LACKING: Final = Cell("LACKING", Tone.BAD)
"""Nothing is offered, and something must run it."""
BY_DESIGN: Final = Cell("by design", Tone.QUIET)
"""Need not be here: a pull-through cache, a sparse mirror."""

_CELLS: Final = {
    State.PRESENT: Cell("ok", Tone.GOOD),
    State.UNKNOWN: Cell("unknown", Tone.UNSURE),
    State.MISSING: Cell("MISSING", Tone.BAD),
    State.BROKEN: Cell("BROKEN", Tone.BAD),
}
_PROOFS: Final = {
    Proof.NOTHING: "not verified",
    Proof.HEAD: "header only",
    Proof.STORED: "stored",
    Proof.LAST_BYTE: "last byte verified",
    Proof.HASH: "full hash verified",
    Proof.INLINE: "inline",
    Proof.EXTERNAL: "external",
    Proof.CONFIRMED: "confirmed twice",
}
_MOST_USERS: Final = 5
_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")
_STEP: Final = 1024


def state_cell(state: State) -> Cell:
    """Return a state as a cell."""
    return _CELLS[state]


def child_cell(child: Child) -> Cell:
    """Return the state of a child; in lower case if nothing needs it."""
    if not child.expected:
        return BY_DESIGN
    cell = _CELLS[child.state]
    if child.required:
        return cell
    return Cell(cell.text.lower(), Tone.UNSURE if cell.tone is Tone.BAD else cell.tone)


def verdict_cell(verdict: TagVerdict) -> Cell:
    """Return the state of a tag, with the class that it fails if not its own."""
    if verdict.by_design:
        return BY_DESIGN
    if verdict.failing and not verdict.broken_for_own_class:
        return Cell(f"{verdict.failing[0]} {verdict.overall}", Tone.BAD)
    return Cell(str(verdict.state), _CELLS[verdict.state].tone)


def child_words(child: Child) -> str:
    """Return the platform of an image; for anything else, its kind."""
    return str((child.kind is ChildKind.IMAGE and child.platform) or child.kind)


def manifest_words(manifest: ReferencedManifest) -> str:
    """Return the platform and kind of a manifest, and the tags that reference it."""
    platform = f"{manifest.platform} " if manifest.platform else ""
    return f"{platform}{manifest.what} of {', '.join(manifest.needed_by)}"


def proof_words(proof: Proof) -> str:
    """Return how something was verified."""
    return _PROOFS[proof]


def size_words(size: int | None) -> str:
    """Return a number of bytes with three digits at most; `?` if unknown."""
    if size is None:
        return "?"
    amount, unit = float(size), 0
    while amount >= _STEP and unit < len(_UNITS) - 1:
        amount, unit = amount / _STEP, unit + 1
    digits = 1 if unit and amount < 10 else 0  # noqa: PLR2004 - two digits at least
    return f"{amount:.{digits}f} {_UNITS[unit]}"


def moment(seconds: float) -> str:
    """Write seconds since the epoch as RFC 3339, UTC, to the second."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def time_words(seconds: float) -> str:
    """Return seconds since the epoch as a time to the minute, UTC."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%d %H:%M UTC")


def age_words(seconds: float) -> str:
    """Return a duration in seconds, roughly."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(0, int(seconds))} s"


def ago_words(seconds: float | None, now: float, head: str = "") -> str:
    """Return how long ago something was, after a head; nothing if it never was."""
    return "" if seconds is None else f"{head}{age_words(now - seconds)} ago"


def since_words(seconds: float | None, now: float, head: str = "") -> str:
    """Return when something was, and how long ago: the first stays true on a page left open."""
    if seconds is None:
        return ""
    return f"{head}{time_words(seconds)} ({ago_words(seconds, now)})"


def count_words(count: int, singular: str) -> str:
    """Return `1 tag`, `2 tags`, `20,000 repositories`."""
    if count == 1:
        return f"{count:,} {singular}"
    return f"{count:,} {singular[:-1]}ies" if singular[-1] == "y" else f"{count:,} {singular}s"


def gap_words(gap: Gap) -> str:
    """Return what could not be read, and why."""
    # `_catalog` is how the API names the list of repositories, `_catalog of team` a part of it.
    listing = gap.subject.partition(" ")[0] == "_catalog"
    rest = gap.subject.removeprefix("_catalog")
    what = f"cannot list repositories{rest}" if listing else f"{gap.scope} {gap.subject}"
    return f"{what}: {gap.reason}{f': {gap.detail}' if gap.detail else ''}"


def host(report: Report) -> str:
    """Return the registry's host as references name it; `HOST` if only its name is known."""
    scheme, _, asked = report.snapshot.address.partition("://")
    if not asked:
        label = report.snapshot.registry
        return label if names_host(label) else "HOST"
    # A name without a dot or a port would be read as one of Docker Hub.
    known = filter(names_host, spellings(asked, secure=scheme == "https"))
    return min(known, key=len, default=asked)


def whole_registry(report: Report) -> str:
    """Return the registry as commands take it without an image: `registry:5000` would be one."""
    name = host(report)
    scheme, _, known = report.snapshot.address.partition("://")
    return name if is_host_alone(name) or not known else f"{scheme}://{name}"


def damage_words(count: int) -> str:
    """Return how many tags are broken already."""
    return f"{count_words(count, 'tag')} cannot be pulled already."


def address(report: Report, verdict: TagVerdict) -> str:
    """Return the address that a node would pull."""
    return f"{host(report)}/{verdict.name}"


def names(texts: Iterable[str]) -> str:
    """Return several names in a row: `a, b and c`."""
    *before, last = texts
    return f"{', '.join(before)} and {last}" if before else last


def user_words(user: User) -> str:
    """Return who uses an image: on which platforms, how many containers, when next."""
    if user.workload is None:
        return user.name
    platforms = ", ".join(map(str, user.fails_on or user.platforms))
    parts = (
        user.name + (f" on {platforms}" if platforms else ""),
        "" if user.reference_class is ReferenceClass.LIVE else str(user.reference_class),
        f"{user.running:,} running" if user.running else "",
        "" if user.next_run is None else f"next run {time_words(user.next_run)}",
    )
    return ", ".join(part for part in parts if part)


def used_words(users: Sequence[User]) -> str:
    """Return the first few users after a comma; nothing if there are none."""
    if not users:
        return ""
    more = len(users) - _MOST_USERS
    rest = f" and {more:,} more" if more > 0 else ""
    return f", used by {'; '.join(map(user_words, users[:_MOST_USERS]))}{rest}"


def needed_words(
    root: Root, required_by: ReferenceClass | None, *, possible: bool = False
) -> tuple[str, ...]:
    """Return which class needs something of a tag, if not the tag's own, and if it need not."""
    if required_by is None:
        return ("no required platform needs it",)
    return tuple(filter(None, (aside(root, required_by), MERELY if possible else "")))


def impact_words(found: Impact) -> Iterator[str]:
    """Yield the workloads that the loss of a tag affects, one line each, and what not to do now."""
    for user in found.workloads[:_MOST_USERS]:
        yield f"{'affects' if user.stops else 'affects, if it starts there,'} {user_words(user)}"
    if len(found.workloads) > _MOST_USERS:
        yield f"affects {count_words(len(found.workloads) - _MOST_USERS, 'more workload')}"
    if found.certain.running:
        running = count_words(found.certain.running, "container")
        yield f"do not restart or reschedule: {running} running on layers cached on their nodes"


def failing_words(tag: TagReport) -> str:
    """Return how many pods fail to pull a tag, and a node's message; empty if none do."""
    if not tag.failing_pulls:
        return ""
    pods = "1 pod is" if tag.failing_pulls == 1 else f"{tag.failing_pulls:,} pods are"
    said = f": {tag.pull_error}" if tag.pull_error else ""
    return f"{pods} failing to pull this already{said}"
