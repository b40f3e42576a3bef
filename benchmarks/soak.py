"""Does the exporter stay as it is for an hour, over a registry that never does?

    python benchmarks/soak.py [--minutes 60] [--interval 60]

Runs `serve` on a real registry that is pushed to, deleted from and collected all the time. After
every audit its memory, open files and threads are noted, and every broken tag must be one that was
broken by what was done. Prints the medians of the four quarters, also where it is interrupted.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from tests.parts.process import until
from tests.parts.product import exporter
from tests.parts.registry import Registry, Settings, registry
from tests.worlds import two_platforms

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.oci.digest import Digest
    from tests.parts.product import Exporter
    from tests.worlds import Made

_REPOSITORIES = 20
_TAGS = 200
_PAUSE = 2.0
"""Seconds between two changes."""

Tag = tuple[str, str]


@dataclass
class Truth:
    """What was done to each tag, and when: it is sound, broken, or gone."""

    states: dict[Tag, list[tuple[float, str]]] = field(default_factory=dict)

    def note(self, tag: Tag, state: str) -> None:
        self.states.setdefault(tag, []).append((_now(), state))

    def now(self, *states: str) -> list[Tag]:
        return [tag for tag, history in self.states.items() if history[-1][1] in states]

    def within(self, tag: Tag, began: float, ended: float) -> set[str]:
        """Every state that a tag had between two moments."""
        history = [(0.0, "gone"), *self.states.get(tag, [])]
        later = [(at, state) for at, state in history if began < at <= ended]
        before = [state for at, state in history if at <= began]
        return {before[-1], *(state for _, state in later)}


@dataclass
class Site:
    registry: Registry
    truth: Truth
    chance: random.Random
    pushed: int = 0
    done: dict[str, int] = field(default_factory=dict)

    def change(self) -> None:
        """Do one thing to the registry."""
        crowded = len(self.truth.now("sound", "broken")) >= _TAGS
        acts = {"push": 0 if crowded else 10, "untag": 10 if crowded else 3, "hurt": 3, "heal": 3}
        acts |= {"collect": 1}
        (name,) = self.chance.choices(list(acts), list(acts.values()))
        self.done[name] = self.done.get(name, 0) + 1
        getattr(self, f"_{name}")()

    def fill(self) -> None:
        for _ in range(_TAGS):
            self._push()

    def _push(self) -> None:
        self.pushed += 1
        tag = (f"app{self.chance.randrange(_REPOSITORIES)}", f"v{self.pushed}")
        self._put(tag)

    def _put(self, tag: Tag) -> None:
        self.registry.push(tag[0], two_platforms(f"{tag[0]} {tag[1]}"), tag[1])
        self.truth.note(tag, "sound")

    def _heal(self) -> None:
        for tag in self.truth.now("broken")[:1]:
            self._put(tag)

    def _hurt(self) -> None:
        self._delete("broken", lambda made: [made.children[1].digest])

    def _untag(self) -> None:
        """Delete all of an image, so that the registry is as large at the end as it was."""
        self._delete("gone", lambda made: [made.digest, *(each.digest for each in made.children)])

    def _delete(self, state: str, parts: Callable[[Made], list[Digest]]) -> None:
        sound = self.truth.now("sound")
        if not sound:
            return
        repository, name = tag = self.chance.choice(sound)
        made = two_platforms(f"{repository} {name}")
        self.truth.note(tag, "under way")
        with self.registry.client(repository) as client:
            for digest in parts(made):
                client.delete(digest)
        self.truth.note(tag, state)

    def _collect(self) -> None:
        self.registry.collect()


def _now() -> float:
    return time.time()  # noqa: TID251 - what the exporter serves was read off the same clock


@dataclass(frozen=True)
class Sample:
    resident: float
    """Megabytes."""
    private: float
    """Megabytes of it that no file holds: the rest comes and goes with the system's cache."""
    files: int
    threads: int
    stored: float
    """Kilobytes in the registry's storage, by which the rest is to be judged."""


def sample(running: Exporter) -> Sample:
    pid = running.server.process.pid
    status = Path(f"/proc/{pid}/status").read_text()
    fields = dict(line.split(":", 1) for line in status.splitlines())
    resident, private = (int(fields[name].split()[0]) / 1000 for name in ("VmRSS", "RssAnon"))
    files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    stored = running.value("pullproof_stored_bytes") / 1000
    return Sample(resident, private, files, int(fields["Threads"]), stored)


def unexplained(running: Exporter, truth: Truth) -> list[str]:
    """Broken tags that nothing broke, and tags that were broken all the time and are not told."""
    when = "pullproof_audit_last_success_timestamp_seconds"
    began = running.value(when)
    ended = began + running.value("pullproof_audit_duration_seconds")
    report = running.report()
    if began != running.value(when):
        return []  # another one ended meanwhile, and is looked at next
    told = {
        (each["repository"], each["tag"])
        for each in report.document["tags"]
        if each["state"] in ("broken", "missing")
    }
    false = [tag for tag in told if truth.within(tag, began - 1, ended) == {"sound"}]
    missed = [
        tag
        for tag in truth.states
        if tag not in told and truth.within(tag, began - 1, ended) == {"broken"}
    ]
    return [f"told without cause: {tag}" for tag in false] + [f"not told: {tag}" for tag in missed]


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--minutes", type=float, default=60)
    asked.add_argument("--interval", type=int, default=60)
    words = asked.parse_args()
    with tempfile.TemporaryDirectory() as name:
        return run(Path(name), words.minutes * 60, words.interval)


def run(folder: Path, seconds: float, interval: int) -> int:
    samples: list[Sample] = []
    wrong: list[str] = []
    with registry(folder / "registry", Settings(cache=False)) as server:
        site = Site(server, Truth(), random.Random(5))
        site.fill()
        settings = {
            "interval": f"{interval}s",
            "ledger": str(folder / "ledger.db"),
            "facts": {"path": str(folder / "facts"), "keep": 2},
            "registries": [
                {
                    "url": server.url,
                    "name": "main",
                    "plain_http": True,
                    "storage": {"path": str(server.root)},
                }
            ],
            "references": [{"images": [f"{server.host}/app*:*"]}],
        }
        with exporter(folder / "exporter", settings) as running:
            until(lambda: running.get("/-/ready").is_success, "the first audit ends", 600)
            with suppress(KeyboardInterrupt):
                watch(running, site, seconds, samples, wrong)
            log = running.server.log.read_text()
    return told(samples, wrong, site.done, log)


def watch(
    running: Exporter, site: Site, seconds: float, samples: list[Sample], wrong: list[str]
) -> None:
    """Change something every other second, and take note of every audit."""
    end, audits = _now() + seconds, 0.0
    while _now() < end:
        site.change()
        time.sleep(_PAUSE)
        ended = running.value("pullproof_audits_total")
        if ended > audits:
            audits = ended
            samples.append(sample(running))
            wrong += unexplained(running, site.truth)
            print(f"audit {ended:.0f}: {samples[-1]}", file=sys.stderr, flush=True)


def told(samples: list[Sample], wrong: list[str], done: dict[str, int], log: str) -> int:
    print(f"{len(samples)} audits; done to the registry: {done}")
    print(f"{'medians of a quarter':20} {'first':>8} {'second':>8} {'third':>8} {'last':>8}")
    for what, of in (
        ("megabytes resident", lambda each: each.resident),
        ("of them private", lambda each: each.private),
        ("open files", lambda each: each.files),
        ("threads", lambda each: each.threads),
        ("kilobytes stored", lambda each: each.stored),
    ):
        print(
            f"{what:20}", *(f"{statistics.median(map(of, part)):8.1f}" for part in parts(samples))
        )
    errors = log.count('"level": "error"')
    print(f"unexplained findings: {wrong or 'none'}; errors in the log: {errors}")
    return 1 if wrong or errors else 0


def parts(samples: list[Sample]) -> list[list[Sample]]:
    """Cut what was seen into quarters."""
    bounds = [len(samples) * n // 4 for n in range(5)]
    return [samples[start:end] for start, end in pairwise(bounds) if start < end]


if __name__ == "__main__":
    sys.exit(main())
