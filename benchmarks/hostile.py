"""Who waits while the report of very many broken tags is judged, shown, stored and read?"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import threading
import time
from io import BytesIO
from pathlib import Path

import httpx
from aiohttp import web

sys.path.insert(0, str(Path(__file__).parents[1]))

from exporter.facts.proof import HEADER, State, gone
from exporter.facts.registry_kind import Collector
from exporter.facts.snapshot import Role, Root, Snapshot
from exporter.facts.use import ReferenceClass
from exporter.heap import Heap
from exporter.judge.judgement import judge
from exporter.oci.digest import Digest
from exporter.oci.reference import Repository, Tag
from exporter.publish.metrics.family import Limits
from exporter.publish.status import AppState, RegistryStatus, Reload
from exporter.publish.web.access_control import AccessControl
from exporter.publish.web.app import Shell, application
from exporter.serve.board import Attempt, Board, seen
from exporter.serve.loop_thread import LoopThread, timed
from exporter.store import snapshot_file
from exporter.tally import LoopTally, Tally

NOW = 1_800_000_000.0
PATHS = ("/metrics", "/", "/report.json", "/snapshot/broken")


class Pulse:
    """Somebody who asks `/-/healthy` all the time; the worst wait of each step, in seconds."""

    def __init__(self, url: str) -> None:
        self.worst = 0.0
        self._url = f"{url}/-/healthy"
        threading.Thread(target=self._feel, daemon=True).start()

    def _feel(self) -> None:
        with httpx.Client(trust_env=False, timeout=300) as client:
            while True:
                began = time.monotonic()
                client.get(self._url).raise_for_status()
                self.worst = max(self.worst, time.monotonic() - began)
                time.sleep(0.02)  # as often as a hasty prober asks

    def step(self) -> float:
        """Return the worst wait since the last step."""
        worst, self.worst = self.worst, 0.0
        return worst


def broken(tags: int) -> Snapshot:
    """A registry of which every tag leads to a manifest that is gone."""
    lost = gone(State.MISSING, "MANIFEST_UNKNOWN")
    roots = tuple(
        Root(
            Repository(f"team{at // 1000}/app"),
            Tag(f"v{at}"),
            Digest.of(b"%d" % at),
            HEADER,
            ReferenceClass.LIVE,
        )
        for at in range(tags)
    )
    sightings = {(root.repository, root.digest): lost for root in roots if root.digest}
    return Snapshot("broken", NOW, roots=roots, sightings=sightings)


async def _serve(tags: int) -> None:
    loops = {"audit": LoopTally(), "web": LoopTally()}
    reload = Reload("", successful=True, last_success=NOW)
    board = Board(AppState((), (), reload, loops=loops), Limits())

    async def nothing(*_: object) -> None:
        return None

    shell = Shell(board, lambda: NOW + 1, nothing, nothing)  # type: ignore[arg-type] # not asked
    runner = web.AppRunner(application(shell, AccessControl({})))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    pulse = Pulse(url)
    await asyncio.sleep(2)
    print(f"{'nothing to do':<22}{'':>9}{pulse.step():>10.3f}")

    heap = Heap()

    async def audits() -> None:
        snapshot = await asyncio.to_thread(broken, tags)
        pulse.step()
        with heap.in_parts():
            async with timed(loops["audit"], heap.step):
                for again in ("", ", again"):
                    began = time.monotonic()
                    report = await asyncio.to_thread(judge, snapshot, {})
                    _tell(f"judge{again}", began, pulse)
                    began = time.monotonic()
                    status = RegistryStatus("broken", Role.OWNED, Collector.UNKNOWN, 60.0, Tally())
                    await board.show(seen(status, report, Attempt(NOW, 1.0)))
                    _tell(f"render{again}", began, pulse)
                    began = time.monotonic()
                    packed = await asyncio.to_thread(b"".join, snapshot_file.encode(snapshot))
                    _tell(f"store{again}", began, pulse)
                    began = time.monotonic()
                    await asyncio.to_thread(snapshot_file.decode, BytesIO(packed))
                    _tell(f"restore{again}", began, pulse)
                    began = time.monotonic()
                    heap.rest()
                    _tell(f"rest{again}", began, pulse)

    async with timed(loops["web"]):
        await LoopThread().run(audits)
        async with httpx.AsyncClient(trust_env=False, timeout=300) as client:
            for path in PATHS:
                began = time.monotonic()
                size = len((await client.get(f"{url}{path}")).content)
                _tell(f"{path} ({size / 1e6:.0f} MB)", began, pulse)
    for name, tally in loops.items():
        print(f"{name} loop: held up for {tally.seconds:.2f} s")
    await runner.cleanup()


def _tell(what: str, began: float, pulse: Pulse) -> None:
    took = time.monotonic() - began
    time.sleep(0.1)  # the answer that waited is counted with what it waited for
    print(f"{what:<22}{took:>9.2f}{pulse.step():>10.3f}")


def main() -> None:
    """Do all of it once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tags", type=int, default=100_000)
    tags = parser.parse_args().tags
    print(f"{tags:,} broken tags{'seconds':>18}{'/-/healthy':>12} at worst, in seconds")
    asyncio.run(_serve(tags))
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB held at most")


if __name__ == "__main__":
    main()
