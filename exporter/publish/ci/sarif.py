"""SARIF 2.1.0, as code scanning reads it: a result for each tag that is not well."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote

from exporter import __version__
from exporter.publish.ci.results import CheckOutcome, CheckResult
from exporter.screen import escaped, plain

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Final = {
    CheckOutcome.FAILED: "error",
    CheckOutcome.INCONCLUSIVE: "warning",
    CheckOutcome.AT_RISK: "note",
}


def render(results: Iterable[CheckResult]) -> str:
    """Return the document. ASCII, whatever names hold."""
    shown = [each for each in results if each.outcome is not CheckOutcome.PASSED]
    rules = {each.rule: each.summary for each in shown}
    numbers = {rule: number for number, rule in enumerate(rules)}
    described = [{"id": rule, "shortDescription": {"text": text}} for rule, text in rules.items()]
    driver = {"name": "pullproof", "semanticVersion": __version__, "rules": described}
    run = {"tool": {"driver": driver}, "results": [_result(each, numbers) for each in shown]}
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return escaped(json.dumps(document, indent=2)) + "\n"


def _result(result: CheckResult, numbers: dict[str, int]) -> dict[str, Any]:
    name = plain(result.name)
    # The same problem of the same tag is one alert, however often it is found.
    same = hashlib.sha256(f"{result.rule} {name}".encode()).hexdigest()
    # Code scanning shows no result without a file; the reference takes its place.
    place = {"artifactLocation": {"uri": quote(name, safe="/")}, "region": {"startLine": 1}}
    return {
        "ruleId": result.rule,
        "ruleIndex": numbers[result.rule],
        "level": _LEVELS[result.outcome],
        "message": {"text": "\n".join(map(plain, (f"{name}: {result.summary}", *result.lines)))},
        "locations": [
            {
                "physicalLocation": place,
                "logicalLocations": [{"fullyQualifiedName": name, "kind": "resource"}],
            }
        ],
        "partialFingerprints": {"reference/v1": same},
    }
