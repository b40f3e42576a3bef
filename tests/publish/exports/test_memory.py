"""What a process that exports keeps between two audits."""

from __future__ import annotations

import subprocess
import sys

ASKED = """
import exporter.publish.exports.export
import pyarrow
print(pyarrow.default_memory_pool().backend_name)
"""


def test_arrow_takes_memory_of_the_system_and_keeps_none_for_itself() -> None:
    """In a process of its own: which pool it is, is decided where Arrow is loaded first."""
    said = subprocess.run([sys.executable, "-c", ASKED], check=True, capture_output=True, text=True)

    assert said.stdout.strip() == "system"
