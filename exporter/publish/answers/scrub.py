"""The answer of `scrub`: that of `check`, and the content that is corrupt or wrong."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from exporter.facts.proof import Sighting
from exporter.judge.impact import users_of
from exporter.judge.report import BrokenTag, Cause, Report
from exporter.oci.reference import Place
from exporter.publish.answers import check
from exporter.publish.blocks import Block, Item, item, listed, section
from exporter.publish.formatting import age_words, size_words, used_words
from exporter.tally import ScrubTally

_MOST: Final = 100
"""Blobs of a kind, and tags of each, that are written out."""


def blocks(reports: Sequence[Report], most: int, again: str = "") -> Iterator[Block]:
    """Return what is corrupt and what is wrong, if anything is, after the answer of `check`."""
    yield from check.blocks(reports, most, again)
    yield from damage(reports)


def damage(reports: Sequence[Report]) -> Iterator[Block]:
    """Return a section on what is corrupt and one on what is wrong; nothing where nothing is."""
    found = [cause for report in reports for cause in report.causes]
    for title, part in (
        ("Corrupt", [each for each in found if each.lack.corrupt]),
        (
            "Wrong diff ID",
            [each for each in found if each.lack.wrong_diff_id and not each.lack.corrupt],
        ),
    ):
        yield from section(title, listed(map(_cause, part), _MOST))


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


def _cause(cause: Cause) -> Item:
    lack = cause.lack
    size = "" if lack.size is None else f" ({size_words(lack.size)})"
    tags = listed(map(_broken, cause.breaks), _MOST)
    return item(f"{lack.kind} {lack.digest}{size}: {lack.detail}", below=tags)


def _broken(broken: BrokenTag) -> str:
    verdict = broken.verdict
    where = ", ".join(map(str, broken.platforms))
    needed = "" if broken.required else ", optional"
    on = f" on {where}" if where else ""
    used = used_words(users_of(verdict.uses))
    return f"breaks {verdict.name} ({verdict.root.reference_class}){on}{needed}{used}"
