"""The answer of `check` and `scrub`: causes of losses, tags and platforms, gaps in coverage."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count, islice
from typing import Final

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.proof import Sighting, State
from exporter.facts.snapshot import Root
from exporter.judge.finding import Rule, Severity
from exporter.judge.report import Report, TagReport, Urgency
from exporter.judge.tag_verdict import Child, ChildKind
from exporter.oci.reference import Place
from exporter.publish.answers import coverage
from exporter.publish.answers.losses import cause_blocks, is_explained, losses
from exporter.publish.answers.remedies import cause_remedies
from exporter.publish.blocks import (
    Block,
    Code,
    Command,
    Item,
    Span,
    Table,
    TableColumn,
    heading,
    item,
    line,
    listed,
    loudest,
    section,
)
from exporter.publish.formatting import (
    ABSENT,
    LACKING,
    address,
    age_words,
    child_cell,
    count_words,
    failing_words,
    host,
    impact_words,
    proof_words,
    size_words,
    time_words,
    used_words,
    verdict_cell,
    whole_registry,
)
from exporter.publish.invocation import AS_TYPED, PLAIN_HTTP, Invocation, is_plain
from exporter.tally import ScrubTally

COUNT_PULLS: Final = "--count-pulls"
"""The option that consents to requests that count as pulls."""
_MOST_RISKS: Final = 5
_FOLDED: Final = 10
"""Up to so many tags, each is shown in full; of more, only what is wrong, and not all of it."""
_MOST_LOST: Final = 3
"""Lost tags that are shown in full, if there are many."""
_MOST_CAUSES: Final = 5
_UNFOLDED: Final = "--all lists every tag"
_ANY: Final = "any"
"""The column of images without a platform, and of tags that could not be read."""
EMPTY: Final = (
    "No tags in scope: nothing was checked. The login may not be allowed to list any, or --tags or "
    "the configuration selects none; --allow-empty accepts that."
)
_OTHER: Final = "other"
"""The column of content that no node runs: attestations, artifacts, caches, unreadable indexes."""


def blocks(
    reports: Sequence[Report],
    most: int,
    invocation: Invocation = AS_TYPED,
    *,
    every: bool = False,
) -> Iterator[Block]:
    """Return the answer: the causes of losses, then tags, folded where there are many.

    `most` limits every list; `every` unfolds the tags.
    """
    for report in reports:
        snapshot = report.snapshot
        yield heading(
            f"{snapshot.registry} ({snapshot.role}), {time_words(snapshot.taken_at)}", level=1
        )
        # Live tags first, and the worst first within a class.
        ordered = sorted(report.tags, key=lambda each: (each.order, _is_well(each)))
        if every or _is_shared(report):
            yield from cause_blocks([report], *((most, most) if every else (_MOST_CAUSES,)))
            yield from _repair(report, invocation)
        if ordered:
            yield from _table(report, ordered, most, every=every)
        else:
            yield line(EMPTY if report.empty else "No tags in scope.")
        yield from _lost(report, ordered, most, every=every)
        failing = ((each.name, failing_words(each)) for each in ordered if each.failing_pulls)
        told = (f"{name}: {words}" for name, words in failing)
        yield from section("Failing pulls", listed(islice(told, most)))
        yield from section("At risk", listed(_risks(report)))
        yield from coverage.blocks(report, with_sources=len(reports) == 1)
        yield line(f"Checked {_totals(report)}")
    if len(reports) > 1:
        yield from coverage.source_blocks(reports)
    if found := next_command(reports, invocation):
        yield Command("Next", found)


def _repair(report: Report, invocation: Invocation) -> Iterator[Block]:
    """Yield the command that finds copies of the worst cause, if it breaks several tags."""
    worst = report.causes[0] if report.causes else None
    if worst is not None and len(worst.breaks) > 1 and not worst.lack.wrong_diff_id:
        find, _ = cause_remedies(report, worst.lack.digest, invocation)
        yield Command("Find copies of the first one", find.command)


def is_unreached(report: Report) -> bool:
    """Did a registry answer nothing, and for one cause, so that one line is enough?"""
    snapshot = report.snapshot
    if snapshot.blind is None or needs_consent(report) or not report.tags:
        return snapshot.blind is not None
    causes = {(gap.reason, gap.detail) for gap in snapshot.gaps}
    unknown = (each.verdict.overall is State.UNKNOWN for each in report.tags)
    return len(causes) == 1 and all(unknown)


def needs_consent(report: Report) -> bool:
    """Was a registry not read, since reads change pull times and it cleans up by them?"""
    gap = report.snapshot.blind
    return gap is not None and _counts(gap)


def _counts(gap: Gap) -> bool:
    """Does a read that is counted need consent, and not one that would fetch from upstream?"""
    return gap.reason is Reason.CONSENT and "pulls: accept" in gap.detail


def unreached(report: Report) -> str:
    """Return why a registry answered nothing, and the way out, in one line."""
    gap = report.snapshot.blind
    if gap is None:
        raise AssertionError(f"{report.snapshot.registry} answered")
    known = f"{gap.reason}: {gap.detail.rstrip('.')}" if gap.detail else gap.reason
    subjects = {each.subject for each in report.snapshot.gaps}
    named = report.snapshot.registry
    if gap.scope is Scope.REPOSITORY and len(subjects) == 1:
        named = f"{host(report)}/{gap.subject}"
    elif gap.scope is Scope.REPOSITORY:
        named += f", {count_words(len(subjects), 'repository')}"
    way = _way(gap, plain_http=is_plain(report))
    return f"{named}: {known}" if _LOGIN in known else f"{named}: {known}; {way}"


def _way(gap: Gap, *, plain_http: bool) -> str:
    """Return what to try where a registry answered nothing."""
    if "not accept the login" in gap.detail:
        return _WAYS[Reason.UNAUTHORIZED]
    if gap.subject == "_catalog" and gap.reason in (Reason.UNAUTHORIZED, Reason.DENIED):
        return _UNLISTED
    if gap.reason is Reason.UNAUTHORIZED and "the login is right" in gap.detail:
        return _WAYS[Reason.DENIED]
    if gap.reason is Reason.CONSENT and not _counts(gap):
        return "other repositories are audited all the same"
    if plain_http and gap.reason in (Reason.RESET, Reason.NOT_A_REGISTRY):
        return f"{_WAYS[gap.reason]}; if it speaks TLS, omit {PLAIN_HTTP} and http://"
    signs = _TLS_WAYS if gap.reason is Reason.TLS else ()
    return next((way for sign, way in signs if sign in gap.detail), _WAYS.get(gap.reason, _LOGS))


_LOGIN: Final = "docker login"
_AUTHORITY: Final = "--ca-file trusts a private authority"
_TLS_WAYS: Final = (
    ("does not speak TLS", f"{PLAIN_HTTP} asks it without TLS"),
    ("self-signed", _AUTHORITY),
    ("issuer", _AUTHORITY),
    ("not trusted", _AUTHORITY),
    ("expired", "renew the registry's certificate, or correct the clock of this machine"),
    ("not yet valid", "correct the clock of this machine, or of who signed the certificate"),
    ("not valid for", "use a name that the certificate lists"),
)
_UNLISTED: Final = (
    "use a login that may list repositories, or name them: HOST/REPOSITORY:TAG, or `repositories` "
    "in the configuration"
)
"""A login was shown, and is wrong, or may read without listing: robots of a Harbor project."""
_LOGS: Final = "the log of the registry, or of the proxy before it, may say more"
_WAYS: Final = {
    Reason.DNS: "check the name, and the name servers of this machine",
    Reason.CONNECT: "check the port, and any proxy or firewall in between",
    Reason.TIMEOUT: "--timeout waits longer",
    Reason.RESET: "check the port, and any proxy or firewall in between",
    Reason.UNAUTHORIZED: f"{_LOGIN}, or --username NAME --password-stdin",
    Reason.DENIED: "use a login that may read this",
    Reason.CREDENTIALS: "docker login writes it anew; --docker-config reads another file",
    Reason.NOT_A_REGISTRY: "give the registry's own address; a proxy or login page may answer here",
    Reason.RATE_LIMITED: "log in for a higher limit, or try again later",
    Reason.CONSENT: f"{COUNT_PULLS} reads it all the same",
}
"""Ways out if a registry answered nothing."""


def _is_shared(report: Report) -> bool:
    """Does one cause break several tags, or are many broken? Of few, each tag names its own."""
    several = any(len(each.breaks) > 1 for each in report.causes)
    return several or report.cannot_be_pulled > _FOLDED


def next_command(reports: Sequence[Report], invocation: Invocation = AS_TYPED) -> str:
    """Return the next command; nothing if all is well and no configuration could be served."""
    ranked = (
        (each.urgency, each.verdict.stake, position, number)
        for position, report in enumerate(reports)
        for number, each in enumerate(report.tags)
        if each.urgency is not Urgency.NONE
    )
    worst = min(ranked, default=None)
    if worst is not None:
        report = reports[worst[2]]
        return invocation.command(report, *_look_closer(report, report.tags[worst[3]]))
    away = next((report for report in reports if report.snapshot.blind), None)
    if away and needs_consent(away):
        return invocation.command(away, "check", whole_registry(away), COUNT_PULLS)
    return invocation.serve() if away is None else invocation.why(away, whole_registry(away))


def _look_closer(report: Report, tag: TagReport) -> tuple[str, ...]:
    """Return the command that shows more of a tag: `inspect` finds no corruption."""
    lacks = [lack for child in tag.verdict.children for lack in child.lacks]
    name = address(report, tag.verdict)
    if any(lack.wrong_diff_id for lack in lacks):
        return "scrub", name, "--uncompressed"
    return "scrub" if any(lack.corrupt for lack in lacks) else "inspect", name


def _table(
    report: Report, ordered: Sequence[TagReport], most: int, *, every: bool
) -> Iterator[Block]:
    ill = [each for each in ordered if not _is_well(each)]
    folded = not every and len(ordered) > _FOLDED
    wanted = ill[:_FOLDED] if folded else ordered
    room = most - sum(not _is_well(each) for each in wanted)
    place = count()
    shown = [each for each in wanted if not _is_well(each) or next(place) < room]
    if shown:
        yield _tag_table(report, shown)
    well = len(ordered) - len(ill)
    more = len(ill) - sum(not _is_well(each) for each in shown)
    hidden = well - sum(map(_is_well, shown))
    if more:
        yield line(f"… and {count_words(more, 'more tag')} not proven to be complete ({_UNFOLDED})")
    if hidden:
        words = "more complete tag" if shown else "complete tag"
        yield line(f"{'… and ' if shown else ''}{count_words(hidden, words)}")


def _tag_table(report: Report, shown: Sequence[TagReport]) -> Table:
    platforms = _platforms(report)
    return Table(
        (
            TableColumn("Class"),
            TableColumn("Tag", "cut"),
            *(TableColumn(each, "folded") for each in platforms),
            TableColumn("State"),
        ),
        tuple(_row(each, platforms) for each in shown),
    )


def _is_well(tag: TagReport) -> bool:
    return tag.urgency is Urgency.NONE and not tag.incomplete


def _platforms(report: Report) -> tuple[str, ...]:
    """Return the names of the platform columns, the most frequent first."""
    found: Counter[str] = Counter()
    for tag in report.tags:
        found.update({_platform(child) for child in tag.verdict.children})
        found.update({str(each) for each in tag.verdict.lacking_platforms})
    last = [name for name in (_ANY, _OTHER) if found.pop(name, 0)]
    return (*sorted(found, key=lambda name: (-found[name], name)), *last)


def _platform(child: Child) -> str:
    if child.kind is not ChildKind.IMAGE:
        return _OTHER
    return str(child.platform) if child.platform else _ANY


def _row(tag: TagReport, platforms: tuple[str, ...]) -> tuple[Span, ...]:
    verdict = tag.verdict
    cells: dict[str, Span] = dict.fromkeys(map(str, verdict.lacking_platforms), LACKING)
    for child in verdict.children:
        cell, name = child_cell(child), _platform(child)
        cells[name] = loudest((cells.get(name, cell), cell))
    shown = (cells.get(name, ABSENT) for name in platforms)
    return str(verdict.root.reference_class), tag.name, *shown, verdict_cell(verdict)


def _lost(
    report: Report, ordered: Sequence[TagReport], most: int, *, every: bool
) -> Iterator[Block]:
    """Yield the proven losses; of many tags, those that shared causes do not explain."""
    lost = [each for each in ordered if any(losses(each.verdict))]
    if not every and len(lost) > _FOLDED:
        shared = {each.lack.content for each in report.causes if len(each.breaks) > 1}
        lost = [each for each in lost if not is_explained(each.verdict, shared, whole=True)]
        most = _MOST_LOST
    shown = (_lost_tag(each, report.snapshot.taken_at) for each in lost[:most])
    yield from section("Missing or broken", listed(shown, uncounted=max(0, len(lost) - most)))


def _lost_tag(tag: TagReport, taken_at: float) -> Item:
    earlier = tag.since is not None and tag.since < taken_at
    since = f", first seen {time_words(tag.since)}" if earlier and tag.since is not None else ""
    repairs = dict.fromkeys(each.hint for each in tag.findings if each.hint)
    used = () if tag.impact.workloads else (used_words(tag.users).removeprefix(", "),)
    notes = (
        *filter(None, used),
        *impact_words(tag.impact),
        *(f"repair: {each}" for each in repairs),
    )
    below = (
        item(f"{each.where}  ", each.cell, "  ", Code(each.digest), below=map(item, each.details))
        if each.digest
        else item(f"{each.where}  ", each.cell, below=map(item, each.details))
        for each in losses(tag.verdict)
    )
    name = f"{tag.name} ({tag.verdict.root.reference_class}) "
    return item(name, verdict_cell(tag.verdict), since, below=(*below, *map(item, notes)))


def _risks(report: Report) -> Iterator[str]:
    """Yield the risks: a line for each check that warns, with a few tags."""
    found: defaultdict[Rule, dict[str, Root]] = defaultdict(dict)
    for tag in report.tags:
        for each in tag.findings:
            if each.severity is Severity.WARNING and not each.rule.breaks_pull:
                platform = f" {each.platform!s}" if each.platform else ""
                found[each.rule][f"{tag.name}{platform}"] = tag.verdict.root
    for rule, names in found.items():
        many = _many(names.values()) if len(names) > _MOST_RISKS else ""
        yield f"{rule.code}: {rule.summary} {many}{'; '.join(islice(names, _MOST_RISKS))}"


def _many(roots: Iterable[Root]) -> str:
    """Return how many tags of how many repositories these are, before the first few of them."""
    tags = {(each.repository, each.name) for each in roots}
    repositories = {repository for repository, _ in tags}
    where = count_words(len(repositories), "repository")
    return f"{count_words(len(tags), 'tag')} in {where}, among them "


def _totals(report: Report) -> str:
    """Return how much was checked, and how it was verified."""
    counts = report.counts
    children = sum(counts.children.values())
    looked = (
        f"{count_words(len(report.tags), 'tag')}, {count_words(children, 'manifest')} and "
        f"{count_words(sum(counts.blobs.values()), 'blob')} in "
        f"{count_words(len(counts.repositories), 'repository')}"
    )
    ways = sorted(counts.proofs.items(), key=lambda each: -each[1])
    how = ", ".join(f"{amount:,} ({proof_words(proof)})" for proof, amount in ways)
    said = f"{looked}. Blobs present: {how}." if how else f"{looked}."
    read = report.snapshot.read_in_full
    if read is None:
        return said
    return f"{said} The registry ignores ranges: {size_words(read)} read in full."


def tally_words(tally: ScrubTally, seconds: float) -> str:
    """Return how much was read, and how fast."""
    ended = ", ".join(f"{amount:,} {outcome}" for outcome, amount in tally.blobs.items())
    speed = size_words(int(tally.size / seconds)) if seconds > 0 else "?"
    read = f"read {size_words(tally.size)} in {age_words(seconds)}, {speed} per second"
    return f"{read}: {ended or 'nothing was due'}"


def unread_lines(unread: Mapping[Place, Sighting]) -> Iterator[str]:
    """Yield why content could not be verified: a line for each reason, with an example."""
    amounts = Counter(seen.reason for seen in unread.values())
    for reason, amount in amounts.most_common():
        place, seen = min(
            ((at, each) for at, each in unread.items() if each.reason is reason),
            key=lambda found: found[0],
        )
        repository, digest = place
        detail = f" ({seen.detail})" if seen.detail else ""
        others = f", and {amount - 1:,} more" if amount > 1 else ""
        yield f"could not verify: {reason}{detail}: {repository}@{digest}{others}"
