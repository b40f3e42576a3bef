"""The mixin makes the shipped files, changed everywhere as its configuration says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from tests.parts.needs import program
from tests.shipped.grafana import documents, expressions
from tests.shipped.promql import selectors
from tests.shipped.rules import FILES

if TYPE_CHECKING:
    from collections.abc import Iterator

TREE: Final = Path(__file__).parents[2]
EXAMPLE: Final = TREE / "examples" / "mixin.yml"
WANTED: Final = {("job", "=", "registry-audit"), ("env", "=", "prod")}


def mixin(configuration: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, TREE / "scripts" / "mixin", configuration, folder]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mixin")
    done = mixin(EXAMPLE, folder)
    assert done.returncode == 0, done.stderr
    return folder


def rules(folder: Path) -> dict[str, dict[str, Any]]:
    """Every rule by its name."""
    groups = [
        group
        for path in (folder / "alerts" / each.name for each in FILES)
        for group in yaml.safe_load(path.read_text())["groups"]
    ]
    return {rule.get("alert") or rule["record"]: rule for each in groups for rule in each["rules"]}


def test_without_a_configuration_the_files_are_the_shipped_ones(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.yml"
    nothing.write_text("")

    assert mixin(nothing, tmp_path).returncode == 0
    for path in FILES:
        made = yaml.safe_load((tmp_path / "alerts" / path.name).read_text())
        assert made["groups"] == yaml.safe_load(path.read_text())["groups"]
    for name, document in documents().items():
        assert json.loads((tmp_path / "dashboards" / name).read_text()) == document


def test_the_thresholds_of_the_example_are_the_defaults_but_for_one(tmp_path: Path) -> None:
    alone = tmp_path / "alone.yml"
    configuration = yaml.safe_load(EXAMPLE.read_text())
    configuration["thresholds"] |= {"many_live_tags": 10}
    alone.write_text(yaml.safe_dump({"thresholds": configuration["thresholds"]}))

    assert mixin(alone, tmp_path).returncode == 0
    shipped = {name: rule["expr"] for name, rule in rules(TREE).items()}
    made = {name: rule["expr"] for name, rule in rules(tmp_path).items()}
    assert made == shipped


def asked(folder: Path) -> Iterator[str]:
    """Every expression of the rules, their texts and the dashboards."""
    for rule in rules(folder).values():
        yield rule["expr"]
        notes = " ".join(rule.get("annotations", {}).values())
        for query in re.findall(r'query \(printf "((?:[^"\\]|\\.)*)"', notes):
            yield query.replace('\\"', '"').replace("%q", '"x"')
    for path in folder.glob("dashboards/*.json"):
        yield from expressions(json.loads(path.read_text()))


def test_every_metric_is_asked_for_with_the_job_and_the_selector(example: Path) -> None:
    found = [each for ask in asked(example) for each in selectors(ask)]

    assert len(found) > 200
    for each in found:
        recorded = ":" in each.name or each.name == "ALERTS"
        assert recorded or each.matchers >= WANTED, each.name
    text = (example / "dashboards" / "overview.json").read_text()
    assert (
        'label_values(pullproof_build_info{job=\\"registry-audit\\",env=\\"prod\\"}, job)' in text
    )


def test_the_rules_are_sound_and_as_configured(example: Path) -> None:
    files = sorted(example.glob("alerts/*.yml"))
    done = subprocess.run(
        [program("promtool"), "check", "rules", *files], capture_output=True, text=True, check=False
    )
    made = rules(example)

    assert done.returncode == 0, done.stdout + done.stderr
    assert ") >= 20" in made["RegistryManyLiveTagsBroken"]["expr"]
    assert made["RegistryLiveTagBrokenElsewhere"]["labels"] == {"severity": "critical"}
    stale = made["RegistryAuditStale"]
    assert (stale["for"], stale["labels"]) == ("30m", {"severity": "warning", "team": "platform"})
    assert "RegistryReclaimableHigh" not in made


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("selektor: x", "selektor: unknown key"),
        ("selector: env=prod", "selector: env=prod is no matcher"),
        ("thresholds: {many: 3}", "thresholds.many: unknown"),
        ("thresholds: {many_live_tags: few}", "must be a positive number"),
        ("alerts: {RegistryLate: {for: 5m}}", "alerts.RegistryLate: there is no such alert"),
        (
            "alerts: {RegistryAuditStale: {after: 5m}}",
            "alerts.RegistryAuditStale.after: unknown key",
        ),
        ("alerts: [RegistryAuditStale]", "alerts: must be a mapping"),
        ("job: 'a\"b'", "job: no quotes"),
        ("- x", "it must be a mapping"),
    ],
)
def test_a_wrong_configuration_is_one_line(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "wrong.yml").write_text(text)

    done = mixin(tmp_path / "wrong.yml", tmp_path)

    assert done.returncode == 1
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "alerts").exists()


def test_the_files_from_which_it_makes_its_own_are_never_overwritten(tmp_path: Path) -> None:
    copy = tmp_path / "pullproof"
    for part in ("alerts", "dashboards", "scripts"):
        shutil.copytree(TREE / part, copy / part)
    before = {path: path.read_bytes() for path in copy.rglob("*.*") if path.is_file()}
    (tmp_path / "link").symlink_to(copy)

    for folder in (copy, tmp_path / "link"):
        command = [sys.executable, copy / "scripts" / "mixin", EXAMPLE, folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "choose another folder" in done.stderr
    assert {path: path.read_bytes() for path in before} == before
