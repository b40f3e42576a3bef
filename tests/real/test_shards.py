"""Do four shards of a real registry say, through Prometheus and our rules, what one says?"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.parts import monitoring
from tests.parts.monitoring import Prometheus
from tests.parts.process import until
from tests.parts.product import Exporter, exporter, run
from tests.parts.registry import registry
from tests.worlds import two_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator


pytestmark = pytest.mark.real

ALERTS = Path(__file__).parents[2] / "alerts"
NAMES: Final = tuple(f"team/app{at}" for at in range(12))
HURT: Final = NAMES[::3]
LOSSES: Final = "registry_repository_tag_class:pullproof_tag_losses:sum"
TAGS: Final = """
sum by (registry, state) (max by (registry, class, state, shard) (pullproof_tags))
"""


@dataclass(frozen=True, slots=True)
class Site:
    """Four shards of one registry, one process for all of it, and two Prometheus."""

    shards: tuple[Exporter, ...]
    whole: Exporter
    parts: Prometheus
    """Scrapes the four."""
    one: Prometheus
    """Scrapes the one."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    rules = [monitoring.impatient(path, tmp_path / "rules") for path in _rules()]
    with ExitStack() as stack:
        server = stack.enter_context(registry(tmp_path / "registry"))
        for name in NAMES:
            server.push(name, two_platforms(name), "v1", "latest")
        for name in HURT:
            with server.client(name) as client:
                client.delete(two_platforms(name).children[1].digest)
        live = tmp_path / "live.txt"
        live.write_text("".join(f"{server.host}/{name}:v1\n" for name in NAMES))
        common = {
            "registries": [{"url": server.url, "name": "main", "plain_http": True}],
            "references": [{"file": str(live)}],
        }
        shards = tuple(
            stack.enter_context(exporter(tmp_path / str(at), common | {"shard": f"{at}/4"}))
            for at in range(4)
        )
        whole = stack.enter_context(exporter(tmp_path / "whole", common))
        for each in (*shards, whole):
            each.audited()
        parts, one = (
            stack.enter_context(
                monitoring.prometheus(
                    tmp_path / name,
                    {"static_configs": [{"targets": [each.address for each in targets]}]},
                    rules,
                )
            )
            for name, targets in (("parts", shards), ("one", (whole,)))
        )
        yield Site(shards, whole, parts, one)


def _rules() -> list[Path]:
    return [path for path in sorted(ALERTS.glob("*.yml")) if path.name != "alertmanager.yml"]


def test_each_tag_is_shown_once_and_a_killed_shard_is_named(site: Site) -> None:
    documents = [each.report().document for each in site.shards]
    said = site.whole.report().document

    for what in ("tags", "findings"):
        assert len(said[what]) == sum(len(each[what]) for each in documents)
        for one in said[what]:
            assert sum(alike(one) in map(alike, each[what]) for each in documents) == 1

    hurt = {(name, "v1") for name in HURT}
    until(lambda: broken(site.parts) == broken(site.one) == hurt, "both fire")
    all_scraped = "until all of its targets are scraped, Prometheus knows a part"
    until(lambda: sum(values(site.parts, TAGS).values()) == 2 * len(NAMES), all_scraped)
    for query in (LOSSES, TAGS):
        # A rule's series follow the scrape by an evaluation.
        until(lambda query=query: values(site.parts, query) == values(site.one, query), all_scraped)
    until(lambda: not missing(site.parts), all_scraped)

    lost = site.shards[2]
    theirs = {each["repository"] for each in documents[2]["tags"]}
    lost.server.kill()

    until(lambda: missing(site.parts) == {("2", "4")}, "the missing is named, and no other")
    for each, before in zip(site.shards, documents, strict=True):
        if each is not lost:
            assert [alike(tag) for tag in each.audited().document["tags"]] == [
                alike(tag) for tag in before["tags"]
            ]
    others = {(name, "v1") for name in HURT if name not in theirs}
    until(lambda: others <= broken(site.parts), "what the others know fires on")


def test_a_shard_is_typed_named_by_the_environment_or_read_off_the_pod(tmp_path: Path) -> None:
    config = tmp_path / "pullproof.yml"
    config.write_text('{"registries": [{"url": "https://registry.invalid"}]}')
    words = ("serve", "--config", str(config))

    typed = run(*words, "--shard", "4/4")
    named = run(*words, variables={"PULLPROOF_SHARD": "auto/4", "HOSTNAME": "laptop"})

    assert (typed.code, named.code) == (2, 2)
    assert "pullproof: --shard: of 4 shards the last is 3/4" in typed.errors
    assert "pullproof: PULLPROOF_SHARD: HOSTNAME does not end in -NUMBER" in named.errors


def broken(prometheus: Prometheus) -> set[tuple[str, str]]:
    """The tags that page."""
    firing = (each["labels"] for each in prometheus.firing("RegistryLiveTagBroken"))
    return {(each["repository"], each["tag"]) for each in firing}


def missing(prometheus: Prometheus) -> set[tuple[str, str]]:
    """The shards that nothing is heard of, each with the number of all."""
    firing = (each["labels"] for each in prometheus.firing("RegistryShardMissing"))
    return {(each["shard"], each["shards"]) for each in firing}


def values(prometheus: Prometheus, query: str) -> dict[frozenset[tuple[str, str]], float]:
    """What a query gives: each series by its labels, and the same labels never twice."""
    rows = prometheus.query(query)
    found = {frozenset(row["metric"].items()): float(row["value"][1]) for row in rows}
    assert len(found) == len(rows)
    return found


def alike(entry: dict[str, Any]) -> dict[str, Any]:
    """What must be the same whoever audits: not since when somebody knows it."""
    return {key: value for key, value in entry.items() if key != "since"}
