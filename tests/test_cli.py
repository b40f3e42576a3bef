"""What is typed reaches its command, and the list of commands comes at once."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

HEAVY: Final = "aiohttp", "asyncio", "httpx", "numpy", "pydantic", "yaml"
LOOK: Final = f"""
import sys, exporter.cli
try: exporter.cli.main(["--help"])
except SystemExit: print("loaded:", [each for each in {HEAVY} if each in sys.modules])
"""


def test_the_list_of_commands_loads_none_of_what_they_need() -> None:
    command = [sys.executable, "-I", "-c", LOOK]
    done = subprocess.run(command, check=True, capture_output=True, text=True)

    assert done.stdout.startswith("usage: pullproof")
    assert done.stdout.splitlines()[-1] == "loaded: []"
