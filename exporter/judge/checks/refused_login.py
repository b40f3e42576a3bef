"""Would the credentials of a workload be let in where its image is?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from exporter.facts.use import ReferenceClass
from exporter.judge.finding import Finding, Rule, Severity

if TYPE_CHECKING:
    from exporter.judge.report import TagVerdict

RULE: Final = Rule("refused-login", "The registry refuses the pull secrets of a workload.")


def check(verdict: TagVerdict) -> Iterator[Finding]:
    """Yield a finding for every set of pull secrets that was refused.

    It is never critical: a node may know credentials of its own, which nobody sees from here.
    """
    users = (use for use in verdict.uses if use.reference_class is ReferenceClass.LIVE)
    live = {use.login for use in users}
    for each in verdict.admissions:
        if each.admitted is False:
            severity = Severity.WARNING if each.login in live else Severity.INFO
            detail = f"{each.login}: {each.detail}"
            yield Finding(RULE, severity, verdict.root, None, None, detail, login=each.login)
