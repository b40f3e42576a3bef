"""What is said where that is not installed which facts need?"""

from __future__ import annotations

import re

import pytest

from exporter.ports import Unseen
from exporter.wiring.parquet_export import audit_name, imported


def test_a_missing_extra_is_named() -> None:
    with pytest.raises(Unseen, match=r"pip install 'pullproof\[facts\]'"):
        imported("exporter.no_such_module")


def test_names_of_audits_sort_by_time_and_differ_between_replicas() -> None:
    names = [audit_name(moment) for moment in (9.5, 1_000.000001, 1_000.1, 1_700_000_000.0)]

    assert names == sorted(names)
    assert audit_name(1.0) != audit_name(1.0)
    assert re.fullmatch(r"20231114T221320000000Z-[0-9a-f]{8}", names[3])
