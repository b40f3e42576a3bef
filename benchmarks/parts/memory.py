"""How much memory did a process take at most?"""

from __future__ import annotations

from pathlib import Path


def forget_peak() -> None:
    """Let the kernel measure the peak anew (proc(5), `clear_refs`)."""
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    """Return the most bytes that were resident (proc(5), `VmHWM`).

    Not getrusage's: that survives exec, and so begins with what the parent took.
    """
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
