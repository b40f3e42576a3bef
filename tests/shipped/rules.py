"""The rules as Prometheus reads them, and the metrics that they name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ALERTS = Path(__file__).parents[2] / "alerts"
FILES = tuple(ALERTS / f"{name}.yml" for name in ("integrity", "visibility", "meta", "capacity"))
TESTS = tuple(sorted(ALERTS.glob("tests/*.yml")))


@dataclass(frozen=True)
class Alert:
    """One alerting rule."""

    name: str
    expression: str
    wait: str
    keeps: str | None
    """For how long it fires on after what it saw is gone."""
    severity: str
    annotations: dict[str, str]

    @property
    def text(self) -> str:
        """Everything in which a metric may be named."""
        return " ".join((self.expression, *self.annotations.values()))


def alerts() -> tuple[Alert, ...]:
    """Every alerting rule, in order."""
    return tuple(
        Alert(
            rule["alert"],
            rule["expr"],
            rule["for"],
            rule.get("keep_firing_for"),
            **rule["labels"],
            annotations=notes,
        )
        for rule in _rules()
        if "alert" in rule and (notes := rule["annotations"])
    )


def records() -> dict[str, str]:
    """Every recording rule: its name and expression."""
    return {rule["record"]: rule["expr"] for rule in _rules() if "record" in rule}


def metrics(text: str) -> set[str]:
    """The metrics of ours that a text names; those of recording rules do not count."""
    return set(re.findall(r"(?<![\w:])pullproof_[a-z_]+(?![\w:])", text))


def selectors(text: str) -> list[tuple[str, set[str]]]:
    """Each selector of a metric: its name and the labels that it matches."""
    found = re.findall(r"(?<![\w:])(pullproof_[a-z_]+)\{([^}]*)\}", text.replace('\\"', '"'))
    return [(name, set(re.findall(r"(\w+)\s*[=!]~?", inside))) for name, inside in found]


def _rules() -> list[dict[str, Any]]:
    groups = (group for path in FILES for group in yaml.safe_load(path.read_text())["groups"])
    return [rule for group in groups for rule in group["rules"]]
