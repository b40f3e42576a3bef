"""What did a scrub read, and whom does that stop which is corrupt or wrong? Text and Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from exporter.facts.proof import Sighting
from exporter.judge.report import BrokenTag, Cause, Report
from exporter.oci.reference import Place
from exporter.publish.formatting import age_words, count_words, size_words
from exporter.screen import plain
from exporter.tally import ScrubTally

_CORRUPT: Final = "Corrupt"
_WRONG: Final = "Wrong diff ID"
_MOST: Final = 100
"""Blobs of a kind, and tags of each, that are written out."""


def damage_text(reports: Sequence[Report]) -> str:
    """Return a section on what is corrupt and one on what is wrong; nothing where nothing is."""
    lines: list[str] = []
    for title, found in _sections(reports):
        lines += ["", title, *(f"  {line}" for each in found[:_MOST] for line in _lines(each))]
        more = len(found) - _MOST
        lines += [f"  and {count_words(more, 'more blob')}"] if more > 0 else []
    return "".join(f"{line}\n" for line in lines)


def damage_markdown(reports: Sequence[Report]) -> str:
    """Return the same as Markdown."""
    lines: list[str] = []
    for title, found in _sections(reports):
        lines += ["", f"## {title}", ""]
        for each in found[:_MOST]:
            head, *stops = _lines(each)
            lines += [f"- `{head}`", *(f"  - {line.strip()}" for line in stops)]
    return "".join(f"{line}\n" for line in lines)


def _sections(reports: Sequence[Report]) -> Iterator[tuple[str, list[Cause]]]:
    found = [cause for report in reports for cause in report.causes]
    corrupt = [each for each in found if each.lack.corrupt]
    wrong = [each for each in found if each.lack.misfit and not each.lack.corrupt]
    yield from ((title, each) for title, each in ((_CORRUPT, corrupt), (_WRONG, wrong)) if each)


def tally_words(tally: ScrubTally, seconds: float) -> str:
    """Say how much was read, and how fast."""
    ended = ", ".join(f"{amount:,} {outcome}" for outcome, amount in tally.blobs.items())
    speed = size_words(int(tally.size / seconds)) if seconds > 0 else "?"
    read = f"read {size_words(tally.size)} in {age_words(seconds)}, {speed} per second"
    return f"{read}: {ended or 'nothing was due'}"


def unread_lines(unread: Mapping[Place, Sighting]) -> Iterator[str]:
    """Say what keeps content from being known to be right: a line for each reason, with a case."""
    amounts = Counter(seen.reason for seen in unread.values())
    for reason, amount in amounts.most_common():
        place, seen = min(
            ((at, each) for at, each in unread.items() if each.reason is reason),
            key=lambda found: found[0],
        )
        repository, digest = place
        detail = f" ({plain(seen.detail)})" if seen.detail else ""
        others = f", and {amount - 1:,} more" if amount > 1 else ""
        yield f"could not verify: {reason}{detail}: {repository}@{digest}{others}"


def _lines(cause: Cause) -> Iterator[str]:
    lack = cause.lack
    size = "" if lack.size is None else f" ({size_words(lack.size)})"
    yield f"{lack.kind} {lack.digest}{size}: {plain(lack.detail)}"
    yield from (f"  {_broken(each)}" for each in cause.breaks[:_MOST])
    more = len(cause.breaks) - _MOST
    if more > 0:
        yield f"  and {count_words(more, 'more tag')}"


def _broken(tag: BrokenTag) -> str:
    where = ", ".join(plain(str(each)) for each in tag.platforms)
    owners = ", ".join(plain(use.owner) for use in tag.verdict.uses)
    used = f", used by {owners}" if owners else ""
    needed = "" if tag.required else ", optional"
    on = f" on {where}" if where else ""
    return (
        f"breaks {plain(tag.verdict.name)} ({tag.verdict.root.reference_class}){on}{needed}{used}"
    )
