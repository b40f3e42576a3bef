"""Do dashboards count each thing once, whatever replicas, shards and caches say of it?"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.parts.needs import program
from tests.shipped.grafana import choices, documents, panels
from tests.shipped.promql import filled

if TYPE_CHECKING:
    from pathlib import Path

REPLICAS = ("pod-a", "pod-b")


def said(name: str, values: str, **labels: str) -> list[dict[str, str]]:
    """What every replica says."""
    return [
        {"series": f"pullproof_{name}{_labels(labels | {'instance': each})}", "values": values}
        for each in REPLICAS
    ]


def _labels(labels: dict[str, str]) -> str:
    pairs = {"job": "pullproof"} | labels
    return "{" + ",".join(f'{name.rstrip("_")}="{value}"' for name, value in pairs.items()) + "}"


def of(part: str, *, broken: int, unknown: int, since: int, up: int) -> list[Any]:
    """One shard of a registry, `name/shard`: its live tags, and how its last audit went."""
    registry, shard = part.split("/")
    where = {"registry": registry, "shard": shard}
    live = where | {"class": "live"}
    return [
        *said("tags", f"{broken}x9", **live, state="broken"),
        *said("tags", f"{unknown}x9", **live, state="unknown"),
        *said("tags", "10x9", **live, state="present"),
        *said("audit_last_success_timestamp_seconds", f"{since}x9", **where),
        *said("audit_interval_seconds", "900x9", **where),
        *said("registry_up", f"{up}x9", **where),
    ]


def info(registry: str, role: str = "owned") -> list[Any]:
    return said("registry_info", "1x9", registry=registry, role=role, collector="distribution-2")


def lost(tag: str, reference: str, *, missing: int, lacking: int, since: int) -> list[Any]:
    """What uses of one class have lost of a tag of `own`; each thing stands under one class."""
    where = {"registry": "own", "repository": "app", "tag": tag, "class": reference}
    need = where | {"need": "required"}
    return [
        *said("tag_missing_children", f"{missing}x9", **need),
        *said("tag_broken_children", "0x9", **need),
        *said("tag_unprotected_children", "1x9", **need),
        *said("tag_lacking_platforms", f"{lacking}x9", **where),
        *said("tag_broken_since_timestamp_seconds", f"{since}x9", **where),
    ]


WORLD = [
    *lost("v1", "live", missing=1, lacking=0, since=200),
    *lost("v1", "idle", missing=2, lacking=1, since=100),
    *lost("old", "latest", missing=1, lacking=1, since=100),
    *lost("well", "latest", missing=0, lacking=0, since=100),
    *said("tags", "1x9", registry="own", shard="0", class_="latest", state="broken"),
    *info("own"),
    *of("own/0", broken=2, unknown=0, since=300, up=1),
    *of("own/1", broken=3, unknown=4, since=100, up=0),
    *info("unclear"),
    *of("unclear/0", broken=0, unknown=1, since=290, up=1),
    *of("unclear/1", broken=0, unknown=0, since=290, up=1),
    *info("well"),
    *of("well/0", broken=0, unknown=0, since=290, up=1),
    *info("idle"),
    *said("tags", "0x9", registry="idle", shard="0", class_="live", state="present"),
    *said("audit_last_success_timestamp_seconds", "290x9", registry="idle", shard="0"),
    *said("audit_interval_seconds", "900x9", registry="idle", shard="0"),
    *info("new"),
    *said("audit_interval_seconds", "900x9", registry="new", shard="0"),
    *info("cache", "proxy"),
    *of("cache/0", broken=7, unknown=1, since=290, up=1),
]
"""At 300 seconds: shard 1 of `own` was last seen whole 200 seconds ago, shard 0 just now."""

CHOSEN = {"tag.json$registry": "own", "tag.json$repository": "app", "tag.json$tag": "v1"}
STANDING = {"own": 7, "new": 4, "unclear": 3, "idle": 2, "cache": 1, "well": 0}
CLAIMS = [
    ("overview.json", "Live tags: cannot be pulled", {"{}": 5}),
    # A latest tag, and a live one of which an idle use has lost something.
    ("overview.json", "Other tags: cannot be pulled", {"{}": 2}),
    ("tag.json", "Platforms without an image", {"{}": 1}),
    ("tag.json", "Unprotected manifests", {"{}": 2}),
    ("tag.json", "Cannot be pulled since", {"{}": 100_000}),
    ("tag.json", "Required manifests of the tag", {"{}": 3}),
    ("overview.json", "Oldest audit results", {"{}": 200}),
    (
        "overview.json",
        "Registry history",
        {f'{{registry="{name}"}}': value for name, value in STANDING.items()},
    ),
    (
        "overview.json",
        "Live tags by state",
        {'{state="broken"}': 5, '{state="unknown"}': 5, '{state="present"}': 50},
    ),
    ("auditor.json", "Incomplete audits", {"{}": 1}),
    # Nobody says it: then it is not zero.
    ("auditor.json", "Running audits", {}),
]


ELSEWHERE = [
    {**each, "series": each["series"].replace("{", '{cluster="b",', 1)}
    for each in WORLD
    if 'registry="well"' not in each["series"]
]
"""Another cluster, where all but one registry bear the same names."""
MERGED = {"Oldest audit results", "Cannot be pulled since", "Platforms without an image"}
MERGED |= {"Unprotected manifests", "Required manifests of the tag"}
"""The worst of all clusters, or of the one that is chosen on the dashboard of a tag."""


@pytest.mark.parametrize(("name", "title", "expected"), CLAIMS)
def test_a_panel_counts_each_thing_once(
    tmp_path: Path, name: str, title: str, expected: dict[str, int]
) -> None:
    agree(tmp_path, WORLD, name, title, expected)


@pytest.mark.parametrize(("name", "title", "expected"), CLAIMS)
def test_registries_of_one_name_in_two_clusters_are_two(
    tmp_path: Path, name: str, title: str, expected: dict[str, int]
) -> None:
    twice = {
        labels: value if title in MERGED or "registry" in labels else 2 * value
        for labels, value in expected.items()
    }
    there = {
        labels.replace("{", '{cluster="b",'): value
        for labels, value in expected.items()
        if "registry" in labels and "well" not in labels
    }
    if title == "Live tags by state":
        twice['{state="present"}'] -= 10  # those of the registry that is in one cluster

    agree(tmp_path, [*WORLD, *ELSEWHERE], name, title, twice | there)


def agree(folder: Path, world: list[Any], name: str, title: str, expected: dict[str, int]) -> None:
    """Let promtool say whether the first query of a panel gives this, after five minutes."""
    document = documents()[name]
    (panel,) = (each for each in panels(document) if each["title"] == title)
    values = {f"${choice}": CHOSEN.get(f"{name}${choice}", ".*") for choice in choices(document)}
    claim = {
        "expr": filled(panel["targets"][0]["expr"], values),
        "eval_time": "5m",
        "exp_samples": [{"labels": labels, "value": value} for labels, value in expected.items()],
    }
    case = {"interval": "1m", "input_series": world, "promql_expr_test": [claim]}
    path = folder / "claim.yml"
    path.write_text(json.dumps({"evaluation_interval": "1m", "tests": [case]}))  # JSON is YAML

    command = [program("promtool"), "test", "rules", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
