"""Pull secrets that the registry refuses."""

from collections.abc import Iterator
from typing import Final

from exporter.facts.use import ReferenceClass
from exporter.judge.check import Check, TagContext
from exporter.judge.finding import Finding, FindingKey, Rule, Severity

_RULE: Final = Rule("refused-login", "The registry refuses the pull secrets of a workload.")


def _find(context: TagContext) -> Iterator[Finding]:
    """Yield a finding for every set of pull secrets that was refused.

    It is never critical: a node may know credentials of its own, which nobody sees from here.
    """
    verdict = context.verdict
    refused = [each for each in verdict.admissions if each.admitted is False]
    if not refused:
        return
    users = (use for use in verdict.uses if use.reference_class is ReferenceClass.LIVE)
    live = {use.login for use in users}
    for each in refused:
        severity = Severity.WARNING if each.login in live else Severity.INFO
        detail = f"{each.login}: {each.detail}"
        yield Finding(_RULE, severity, verdict.root, None, None, detail, login=each.login)


def _may_remain(key: FindingKey, context: TagContext) -> bool:
    """May credentials that somebody pulls with still be refused?"""
    verdict = context.verdict
    tried = {each.login for each in verdict.admissions if each.admitted is not None}
    return key.rest in {use.login for use in verdict.uses} - tried


CHECK: Final = Check(_RULE, _find, _may_remain)
