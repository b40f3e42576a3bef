"""Google Artifact Registry."""

from typing import Final

from exporter.sources.registry.kind_facts import Fact, KindFacts, Signs, Sweep, Verified


def _recognise(signs: Signs) -> str | None:
    google = signs.host == "gcr.io" or signs.host.endswith((".gcr.io", "-docker.pkg.dev"))
    return "" if google else None


KINDS: Final = (
    KindFacts(
        "gar",
        "Google Artifact Registry",
        _recognise,
        untagged=Fact(
            Sweep.RULE,
            "Configure cleanup policies (Google): by tag state, prefix or age",
            Verified.READ,
        ),
    ),
)
