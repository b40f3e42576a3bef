"""Who waits, and what is held, while a registry with very many broken tags is audited?"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.parts.hostile import attacking
from tests.parts.process import until
from tests.parts.product import exporter
from tests.test_hostile import ended, felt, held, named

_HOUR = 3_600.0


def main() -> None:
    """Audit so many broken tags once, beside a healthy registry."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tags", type=int, default=100_000)
    tags = parser.parse_args().tags
    with (
        TemporaryDirectory() as folder,
        attacking(Path(folder), "many_broken", tags) as broken,
        attacking(Path(folder), "healthy", 3) as healthy,
    ):
        both = [named("broken", broken) | {"interval": "1h"}, named("healthy", healthy)]
        with (
            exporter(Path(folder) / "idle", {"registries": both[1:]}) as idle,
            exporter(Path(folder) / "victim", {"registries": both}) as victim,
            felt(idle) as usual,
            felt(victim) as pulse,
        ):
            began = time.monotonic()
            until(
                lambda: victim.value("pullproof_audits_total", registry="broken"),
                "the broken registry is audited",
                _HOUR,
            )
            took = time.monotonic() - began
            rounds = victim.value("pullproof_audits_total", registry="healthy")
            report = len(victim.get("/report.json").content) / 1e6
            time.sleep(2)
            peak, stopped = held(victim) / 1e6, ended(victim, pulse)
    print(f"{tags:,} broken tags: audited in {took:.0f} s, {peak:.0f} MB held at most")
    print(f"healthy neighbour: {rounds:.0f} audits meanwhile, one a second wanted")
    print(f"/-/healthy: {pulse.worst:.3f} s at worst, {usual.worst:.3f} s where nothing is broken")
    print(f"/report.json: {report:.0f} MB; SIGTERM: ended after {stopped:.2f} s")


if __name__ == "__main__":
    main()
