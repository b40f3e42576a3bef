"""What does a probe of one reference answer? Metrics for a scrape, and a tree for a person."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from exporter.facts.proof import State
from exporter.judge.report import Report
from exporter.oci.reference import Reference
from exporter.publish.metrics.exposition import Samples, expose
from exporter.publish.metrics.family import Family, Group, Kind
from exporter.publish.text.terminal import Style
from exporter.publish.text.tree import inspect_text

if TYPE_CHECKING:
    from exporter.judge.report import TagVerdict


def _gauge(name: str, labels: tuple[str, ...], about: str) -> Family:
    return Family(f"probe_{name}", Kind.GAUGE, labels, about, Group.REQUESTS)


SUCCESS: Final = _gauge("success", (), "1 if it is proven that the reference can be pulled.")
DURATION: Final = _gauge("duration_seconds", (), "How long the probe took.")
TIMED_OUT: Final = _gauge("timed_out", (), "1 if time was over before anything was known.")
STATE: Final = _gauge("state", ("state",), "1 for the state of the reference, 0 for the others.")
CHILDREN: Final = _gauge(
    "children", ("need", "state"), "Manifests that the reference leads to, by need and state."
)
LACKING: Final = _gauge(
    "lacking_platforms", (), "Platforms that must run it and for which it offers nothing."
)


@dataclass(frozen=True, slots=True)
class Probed:
    """One probe that has ended."""

    reference: Reference
    report: Report | None
    """None where time was over."""
    seconds: float

    @property
    def verdict(self) -> TagVerdict | None:
        """The one on the reference; None where the registry could not be asked at all."""
        return next(iter(self.report.verdicts), None) if self.report else None


def metrics(probed: Probed) -> bytes:
    """Return the metrics of a probe in the text format; every series is always there."""
    samples, verdict = Samples(), probed.verdict
    state = verdict.state if verdict else State.UNKNOWN
    samples.add(SUCCESS, "", state is State.PRESENT)
    samples.add(DURATION, "", probed.seconds)
    samples.add(TIMED_OUT, "", probed.report is None)
    for each in State:
        samples.add(STATE, f'state="{each}"', each is state)
    children = verdict.children if verdict else ()
    counts = Counter((each.required, each.state) for each in children if each.expected)
    for need, required in (("required", True), ("optional", False)):
        for each in State:
            labels = f'need="{need}",state="{each}"'
            samples.add(CHILDREN, labels, counts[required, each])
    samples.add(LACKING, "", len(verdict.lacking_platforms) if verdict else 0)
    return expose(samples).text.plain


def debug(probed: Probed) -> str:
    """Return what was seen, for a person, with the metrics behind it."""
    if probed.report is None:
        seen = "Time was over before anything was known.\n"
    else:
        seen = inspect_text(probed.report, Style(colour=False))
    head = f"{probed.reference}, {probed.seconds:.3f} seconds\n\n"
    return f"{head}{seen}\nMetrics\n{metrics(probed).decode()}"
