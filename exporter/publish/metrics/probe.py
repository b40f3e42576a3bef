"""The answer of a probe of one image: metrics for a scrape, and a tree for a person."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from exporter.facts.proof import State
from exporter.judge.report import Report
from exporter.oci.reference import Reference
from exporter.publish.answers import inspect
from exporter.publish.invocation import Invocation
from exporter.publish.metrics.exposition import Samples, expose
from exporter.publish.metrics.family import Family, Group, MetricType
from exporter.publish.render import terminal


def _gauge(name: str, text: str, *labels: str) -> Family:
    return Family(f"probe_{name}", MetricType.GAUGE, labels, text, Group.REQUESTS)


SUCCESS: Final = _gauge("success", "Whether the image is proven to be pullable.")
DURATION: Final = _gauge("duration_seconds", "Duration of the probe.")
TIMED_OUT: Final = _gauge("timed_out", "Whether the probe timed out before it had a result.")
STATE: Final = _gauge("state", "State of the image: 1 for its state, 0 for the others.", "state")
CHILDREN: Final = _gauge(
    "children", "Manifests that the image references, by need and state.", "need", "state"
)
LACKING: Final = _gauge(
    "lacking_platforms", "Platforms that must run the image but for which it has no manifest."
)


@dataclass(frozen=True, slots=True)
class Probed:
    """One probe that has ended."""

    reference: Reference
    report: Report | None
    """None where time was over."""
    seconds: float


def metrics(probed: Probed) -> bytes:
    """Return the metrics of a probe in the text format; every series is always there."""
    # None where the registry could not be asked at all.
    verdict = next(iter(probed.report.verdicts), None) if probed.report else None
    samples = Samples()
    state = verdict.state if verdict else State.UNKNOWN
    samples.put(SUCCESS, state is State.PRESENT)
    samples.put(DURATION, probed.seconds)
    samples.put(TIMED_OUT, probed.report is None)
    for each in State:
        samples.put(STATE, each is state, each)
    children = verdict.children if verdict else ()
    counts = Counter((each.required, each.state) for each in children if each.expected)
    for need, required in (("required", True), ("optional", False)):
        for each in State:
            samples.put(CHILDREN, counts[required, each], need, each)
    samples.put(LACKING, len(verdict.lacking_platforms) if verdict else 0)
    return expose(samples).text.plain


def debug(probed: Probed, invocation: Invocation) -> str:
    """Return what was seen, for a person, with the metrics behind it."""
    if probed.report is None:
        seen = "The probe timed out before it had a result.\n"
    else:
        now = probed.report.snapshot.taken_at
        seen = terminal.render(inspect.blocks(probed.report, now, invocation))
    head = f"{probed.reference}, {probed.seconds:.3f} seconds\n\n"
    return f"{head}{seen}\nMetrics\n{metrics(probed).decode()}"
