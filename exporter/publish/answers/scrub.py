"""What `scrub` tells beside the answer of `check`: how much was read, and what could not be."""

from collections import Counter
from collections.abc import Iterator, Mapping

from exporter.facts.proof import Sighting
from exporter.oci.reference import Place
from exporter.publish.formatting import age_words, size_words
from exporter.tally import ScrubTally


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
