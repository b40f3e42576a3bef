"""With which settings is a registry asked that was typed, or that a configuration knows?"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from exporter.cli import _parser
from exporter.commands import Refused
from exporter.commands.settings import Typed, typed

if TYPE_CHECKING:
    from pathlib import Path

KNOWN = "registry.example.com"


def settings(*words: str, config: Path | None = None) -> Typed:
    given = ["check", KNOWN, *words, *(["--config", str(config)] if config else [])]
    return typed(_parser().parse_args(given), {KNOWN}, {})


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "pullproof.yml"
    path.write_text(f"confirm_after: 7s\nregistries: [{{url: 'https://{KNOWN}'}}]\n")
    return path


def test_a_typed_pause_wins_over_the_configuration(config: Path) -> None:
    assert settings(config=config).settings.confirm_after == timedelta(seconds=7)
    known = settings("--confirm-after", "1s", config=config)
    assert known.settings.confirm_after == timedelta(seconds=1)


def test_a_registry_that_was_only_typed_is_asked_again_sooner() -> None:
    assert settings().settings.confirm_after == timedelta(seconds=3)
    assert settings("--confirm-after", "0s").settings.confirm_after == timedelta()


def test_a_pause_that_is_none_is_refused() -> None:
    with pytest.raises(Refused, match="--confirm-after: not a duration"):
        settings("--confirm-after", "soon")
