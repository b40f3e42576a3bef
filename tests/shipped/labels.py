"""Which values may a label have?"""

from __future__ import annotations

from typing import Final

from exporter.facts.gap import Reason, Scope
from exporter.facts.proof import State
from exporter.facts.registry_kind import Collector
from exporter.facts.snapshot import Role
from exporter.facts.use import ReferenceClass
from exporter.judge.gc.dialect import DIALECTS, Mode

LABELS: Final = {
    "class": {str(each) for each in ReferenceClass},
    "state": {str(each) for each in State},
    "role": {str(each) for each in Role},
    "collector": {str(each) for each in Collector},
    "scope": {str(each) for each in Scope},
    "reason": {str(each) for each in Reason},
    "need": {"required", "possible", "optional"},
    "dialect": set(DIALECTS),
    "mode": {str(each) for each in Mode},
}
"""Of each label that has a closed set of them, and the same one wherever it stands."""
