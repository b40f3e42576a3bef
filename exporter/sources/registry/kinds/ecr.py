"""Amazon ECR."""

from typing import Final

from exporter.sources.registry.kind_facts import Fact, KindFacts, ReadEffect, Signs, Sweep, Verified

_ENDS: Final = (".amazonaws.com", ".amazonaws.com.cn", ".on.aws")


def _recognise(signs: Signs) -> str | None:
    """The service of its Basic challenge, or the host."""
    private = (".dkr.ecr" in signs.host or ".dkr-ecr" in signs.host) and signs.host.endswith(_ENDS)
    named = signs.service == "ecr.amazonaws.com" or signs.host == "public.ecr.aws"
    return "" if private or named else None


_PULL: Final = "Amazon ECR User Guide, Pull-time update exclusions"
_LIFECYCLE: Final = "Amazon ECR User Guide, Examples of lifecycle policies"
KINDS: Final = (
    KindFacts(
        "ecr",
        "Amazon ECR",
        _recognise,
        lister="ecr",
        untagged=Fact(Sweep.RULE, f"{_LIFECYCLE}: tagStatus", Verified.READ),
        manifest=Fact(frozenset({ReadEffect.PULL_TIME}), _PULL, Verified.READ),
        decides=Fact(
            frozenset({ReadEffect.PULL_TIME}), f"{_LIFECYCLE}: sinceImagePulled", Verified.READ
        ),
    ),
)
