"""The real helm, and the chart as it renders it."""

from __future__ import annotations

import functools
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tests.parts.needs import asset
from tests.parts.process import PATIENCE

Json = dict[str, Any]

CHART: Final = Path(__file__).parents[2] / "helm"
FEATURES: Final = tuple(sorted(CHART.glob("ci/*-values.yaml")))
"""One file of values for each feature."""
DEFAULT: Final = CHART / "ci" / "default-values.yaml"
"""The least that is needed."""
NAMESPACE: Final = "audit"
_RELEASE: Final = ("release", f"--namespace={NAMESPACE}")


@dataclass(frozen=True, slots=True)
class Said:
    """What helm said."""

    code: int
    output: str
    errors: str


def helm(*words: str, typed: str = "") -> Said:
    """Run helm, without what whoever runs the tests has configured."""
    kept = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "HELM_CACHE_HOME": "/nonexistent"}
    done = subprocess.run(
        [asset("helm"), *words],
        input=typed,
        capture_output=True,
        text=True,
        check=False,
        env=kept,
        timeout=PATIENCE,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def template(*words: str, values: Json | None = None) -> Said:
    """Render the chart with files of values that words name, and with values that win."""
    return _template(words, yaml.safe_dump(values or {}))


@functools.cache
def _template(words: tuple[str, ...], values: str) -> Said:
    """The same words make the same objects: many claims are about one rendering."""
    return helm("template", *_RELEASE, str(CHART), *words, "--values=-", typed=values)


def rendered(*words: str, values: Json | None = None) -> dict[tuple[str, str], Json]:
    """The objects of a chart by kind and name; `namespace/name` where that is not the release's."""
    said = template(*words, values=values)
    assert said.code == 0, said.errors
    made = [each for each in yaml.load_all(said.output, yaml.CSafeLoader) if each]
    objects = {(each["kind"], _name(each["metadata"])): each for each in made}
    assert len(objects) == len(made), "two objects are one"
    return objects


def _name(metadata: Json) -> str:
    where = metadata.get("namespace", NAMESPACE)
    return str(metadata["name"] if where == NAMESPACE else f"{where}/{metadata['name']}")
