"""Does Kubernetes, of this version or that, know every key of these objects? kubeconform tells."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from tests.parts.needs import asset
from tests.parts.process import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterable

Json = dict[str, Any]

_MONITORING: Final = ("servicemonitors", "podmonitors", "prometheusrules")
_FILE: Final = "{{ .ResourceKind }}{{ .KindSuffix }}.json"


@dataclass(frozen=True, slots=True)
class Schemas:
    """Those of Kubernetes, and the Prometheus Operator's in a folder made for them."""

    operator: Path

    @classmethod
    def into(cls, folder: Path) -> Schemas:
        """Write the schemas that the Prometheus Operator's definitions hold."""
        for crd in operator_definitions():
            version = crd["spec"]["versions"][0]
            kind = crd["spec"]["names"]["kind"].lower()
            group = crd["spec"]["group"].partition(".")[0]
            path = folder / f"{kind}-{group}-{version['name']}.json"
            path.write_text(json.dumps(_strict(version["schema"]["openAPIV3Schema"])))
        return cls(folder)

    def judge(self, version: str, documents: Iterable[str]) -> list[Json]:
        """How each object is judged, for a version such as `1.25.0`: kind, name, status, msg."""
        kubernetes = f"{asset('kubernetes-schemas')}/v{version}-local-strict/{_FILE}"
        command = [asset("kubeconform"), "-strict", "-verbose", "-output=json"]
        command += [f"-schema-location={each}" for each in (kubernetes, f"{self.operator}/{_FILE}")]
        text = "\n---\n".join(documents)
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
        return list(json.loads(done.stdout)["resources"])


def versions() -> list[str]:
    """The versions of Kubernetes whose schemas are there, the oldest first."""
    folders = Path(asset("kubernetes-schemas")).glob("v*-local-strict")
    names = [each.name.removeprefix("v").removesuffix("-local-strict") for each in folders]
    return sorted(names, key=lambda name: [int(part) for part in name.split(".")])


def operator_definitions() -> list[Json]:
    """The definitions of the Prometheus Operator's kinds that a chart may make."""
    folder = Path(asset("operator-schemas"))
    paths = (folder / f"monitoring.coreos.com_{each}.yaml" for each in _MONITORING)
    return [yaml.load(path.read_text(), yaml.CSafeLoader) for path in paths]


def _strict(schema: Any) -> Any:
    """The same schema without room for keys that it does not name, as an API server prunes them."""
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: _strict(value) for key, value in schema.items()}
    if isinstance(inner.get("properties"), dict) and inner.get("type") == "object":
        inner.setdefault("additionalProperties", False)
    if inner.get("x-kubernetes-int-or-string"):
        inner.pop("type", None)
    return inner
