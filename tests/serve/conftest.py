"""Where what is read whole is remembered: in memory, on a clock that stands still."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exporter.store.ledger import Ledger
from tests.fakes import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger(None, lambda: NOW) as opened:
        yield opened
