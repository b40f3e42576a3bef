"""Amazon ECR."""

from typing import Final

from exporter.sources.registry.kind_facts import KindFacts, Signs

_ENDS: Final = (".amazonaws.com", ".amazonaws.com.cn", ".on.aws")


def _recognise(signs: Signs) -> str | None:
    """The service of its Basic challenge, or the host."""
    private = (".dkr.ecr" in signs.host or ".dkr-ecr" in signs.host) and signs.host.endswith(_ENDS)
    named = signs.service == "ecr.amazonaws.com" or signs.host == "public.ecr.aws"
    return "" if private or named else None


KINDS: Final = (KindFacts("ecr", "Amazon ECR", _recognise),)
