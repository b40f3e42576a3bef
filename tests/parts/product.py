"""The product itself, run the way people run it: as a process, asked from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.parts.process import PATIENCE, Running, running, until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.parts.registry import Registry

Json = dict[str, Any]

LISTENING: Final = r'"addresses": \[\["127\.0\.0\.1", (\d+)\]\]'
"""How `serve` says on which port of the loopback it listens."""
_TREE: Final = Path(__file__).parents[2]
_ALONE: Final = (
    *("env", "-i", f"PATH={os.environ['PATH']}", "HOME=/nonexistent", f"PYTHONPATH={_TREE}"),
    *("PYTHONWARNINGS=error", "MALLOC_ARENA_MAX=2"),
)
"""What image and unit set, and nothing of the credentials and proxies of whoever runs the tests."""
_COMMAND: Final = (sys.executable, "-m", "exporter")


@dataclass(frozen=True, slots=True)
class Said:
    """A report, as `--output json` prints it and `/report.json` serves it."""

    document: Json

    def tag(self, name: str) -> Json:
        """The one entry of a tag, named `repository:tag` or `repository@digest`."""
        found = [each for each in self.document["tags"] if _name(each) == name]
        assert len(found) == 1, f"{name} among {[_name(each) for each in self.document['tags']]}"
        return dict(found[0])

    def state(self, name: str) -> str:
        """The verdict on a tag."""
        return str(self.tag(name)["state"])

    def children(self, name: str) -> dict[str, Json]:
        """What a tag leads to, by platform; by digest where no platform is known."""
        return {each["platform"] or each["digest"]: each for each in self.tag(name)["children"]}

    def states(self, name: str) -> dict[str, str]:
        """The states of what a tag leads to, likewise."""
        return {of: each["state"] for of, each in self.children(name).items()}

    def found(self, check: str) -> list[Json]:
        """What one check found."""
        return [each for each in self.document["findings"] if each["check"] == check]

    @property
    def registry(self) -> Json:
        """How the only registry stands."""
        (only,) = self.document["registries"]
        return dict(only)


@dataclass(frozen=True, slots=True)
class Told:
    """What a command told its shell."""

    code: int
    output: str
    errors: str

    @property
    def said(self) -> Said:
        """The report that it printed as JSON."""
        return Said(json.loads(self.output))


def run(*words: str, typed: str = "", variables: Mapping[str, str] | None = None) -> Told:
    """Run a command to its end; `typed` is its standing input, `variables` its environment."""
    more = (f"{name}={value}" for name, value in (variables or {}).items())
    done = subprocess.run(
        [*_ALONE, *more, *_COMMAND, *words],
        check=False,
        capture_output=True,
        text=True,
        input=typed,
        timeout=PATIENCE,
    )
    return Told(done.returncode, done.stdout, done.stderr)


def check(*words: str, typed: str = "", variables: Mapping[str, str] | None = None) -> Told:
    """Run `check` for its JSON, without the pause before second looks."""
    quick = ("--output", "json", "--confirm-after", "0s")
    told = run("check", *words, *quick, typed=typed, variables=variables)
    assert told.code in (0, 1, 3), told.errors
    return told


def ask(registry: Registry, name: str, *words: str) -> Told:
    """Check one image, `repository:tag`, of a registry that speaks plain http."""
    return check(f"{registry.host}/{name}", "--plain-http", *words)


@dataclass(frozen=True, slots=True)
class Exporter:
    """A `serve` that is up."""

    server: Running
    config: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.address}"

    @property
    def address(self) -> str:
        """`127.0.0.1:port`, as a scrape configuration names it."""
        return f"127.0.0.1:{self.server.address}"

    def get(self, path: str) -> httpx.Response:
        """Ask for a path, whatever the answer."""
        return httpx.get(f"{self.url}{path}", trust_env=False, timeout=PATIENCE)

    def post(self, path: str) -> httpx.Response:
        """Post nothing to a path, whatever the answer."""
        return httpx.post(f"{self.url}{path}", trust_env=False, timeout=PATIENCE)

    def report(self) -> Said:
        """What it knows now."""
        return Said(self.get("/report.json").raise_for_status().json())

    def value(self, name: str, **labels: str) -> float:
        """The sum of the series of a name with these labels; 0 where there is none."""
        return sum(self.values(name, **labels))

    def values(self, name: str, **labels: str) -> list[float]:
        """The series of a name with these labels."""
        families = text_string_to_metric_families(self.get("/metrics").raise_for_status().text)
        samples = (sample for family in families for sample in family.samples)
        return [
            sample.value
            for sample in samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]

    def configure(self, settings: Json) -> None:
        """Write another configuration; it is not in force before a reload."""
        configure(self.config, settings)

    def ready(self) -> Said:
        """Wait until each registry was tried, or has an old truth, and return what is known."""
        until(lambda: self.get("/-/ready").is_success, "it is ready")
        return self.report()

    def audited(self) -> Said:
        """Wait until of each registry an audit has ended that began from now on; what it left."""
        return self._since(_now())

    def audit(self) -> Said:
        """Have it audit at once, as it does under a configuration read anew; what that left."""
        now = _now()
        self.post("/-/reload").raise_for_status()
        return self._since(now)

    def _since(self, now: float) -> Said:
        began = "pullproof_audit_last_attempt_timestamp_seconds"
        until(lambda: min(self.values(began), default=0.0) > now, "another audit ends")
        return self.report()


ALWAYS: Final = {"idle": "always", "rollback": "always", "selected": "always"}
"""Each audit asks for all content, as tests expect that break something between two."""


@contextmanager
def exporter(
    folder: Path, settings: Json, variables: Mapping[str, str] | None = None, *words: str
) -> Iterator[Exporter]:
    """Run `serve` on a configuration in a folder, with its log there too, and further words."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "pullproof.yml"
    configure(config, settings)
    more = (f"{name}={value}" for name, value in (variables or {}).items())
    command = [*_ALONE, *more, *_COMMAND, "serve", "--config", str(config), *words]
    with running(command, LISTENING, folder / "exporter.log") as server:
        yield Exporter(server, config)


def configure(path: Path, settings: Json) -> None:
    """Write a configuration for a free port and an audit of everything every second, as YAML.

    JSON is YAML.
    """
    common = {"listen": ["127.0.0.1:0"], "interval": "1s", "confirm_after": "100ms"}
    registries = [
        each | {"verify": ALWAYS | each.get("verify", {})}
        for each in settings.get("registries", ())
    ]
    path.write_text(json.dumps(common | settings | {"registries": registries}, indent=1))


def _now() -> float:
    """By the clock that the times are read off which it serves."""
    return time.time()  # noqa: TID251 - theirs is the machine's


def _name(entry: Json) -> str:
    joint = f":{entry['tag']}" if entry["tag"] else f"@{entry['digest']}"
    return f"{entry['repository']}{joint}"
