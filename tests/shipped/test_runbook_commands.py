"""A command of a runbook reaches the registries of the exporter."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

RUNBOOKS = sorted((Path(__file__).parents[2] / "docs" / "runbooks").glob("*.md"))
ASKS = re.compile(
    r"^ +(pullproof (?:inspect|check|explain|scrub|protect|repair) .*REGISTRY.*)$", re.MULTILINE
)


@pytest.mark.parametrize("runbook", RUNBOOKS, ids=lambda path: path.stem)
def test_a_command_is_typed_with_the_configuration_and_where_that_is(runbook: Path) -> None:
    text = runbook.read_text()
    commands = [each for each in ASKS.findall(text) if "--storage" not in each]

    assert all("--config /etc/pullproof/pullproof.yml" in each for each in commands)
    assert not commands or re.search("kubectl -n NAMESPACE exec POD --", text)
