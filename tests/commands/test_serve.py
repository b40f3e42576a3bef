"""Is everything that a start would fall over told by `--check-config`?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exporter.cli import USAGE, main

if TYPE_CHECKING:
    from pathlib import Path

ONE = "registries: [{url: 'https://registry.example.com'}]\n"


def checked(tmp_path: Path, text: str) -> int:
    config = tmp_path / "pullproof.yml"
    config.write_text(text)
    return main(["serve", "--check-config", "--config", str(config)])


def test_registries_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(tmp_path, ONE) == 0

    assert capsys.readouterr().out.endswith("pullproof.yml: 1 registry, no faults\n")


@pytest.mark.parametrize(
    ("web", "told"),
    [
        ("hello", "web.yml: must be a section of keys"),
        (
            "tls_server_config: {cert_file: none.pem, key_file: none.pem}",
            "none.pem: No such file or directory",
        ),
    ],
)
def test_a_web_configuration_is_checked_with_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], web: str, told: str
) -> None:
    (tmp_path / "web.yml").write_text(web)

    assert checked(tmp_path, f"{ONE}web_config_file: web.yml\n") == USAGE

    assert told in capsys.readouterr().err
