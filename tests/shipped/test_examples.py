"""The examples of the docs are right as they stand."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.publish.web.config import load
from tests.parts.needs import program

if TYPE_CHECKING:
    from tests.parts.certificates import Authority

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def test_the_web_configuration_is_right_for_us_and_for_promtool(
    tmp_path: Path, authority: Authority
) -> None:
    """Beside the files that it names: both read them, too."""
    config = Path(shutil.copy(EXAMPLES / "web-config.yml", tmp_path))
    pair = authority.sign("example")
    shutil.copy(pair.certificate, tmp_path / "tls.crt")
    shutil.copy(pair.key, tmp_path / "tls.key")
    shutil.copy(authority.certificate, tmp_path / "clients.crt")

    assert load(config).tls is not None
    command = [program("promtool"), "check", "web-config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
