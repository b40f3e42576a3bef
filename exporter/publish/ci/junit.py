"""JUnit's XML, as Jenkins and GitLab read it: a suite for each registry, a case for each tag."""

from collections import Counter
from collections.abc import Iterable
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from exporter.publish.ci.results import CheckOutcome, CheckResult
from exporter.screen import plain

_ELEMENTS: Final = {CheckOutcome.FAILED: "failure", CheckOutcome.INCONCLUSIVE: "error"}


def render(results: Iterable[CheckResult]) -> str:
    """Return the document; risks are no cases of it. ASCII, whatever names hold."""
    suites: dict[str, list[CheckResult]] = {}
    for each in results:
        suites.setdefault(each.registry, [])
        if each.outcome is not CheckOutcome.AT_RISK:
            suites[each.registry].append(each)
    root = Element("testsuites", name="pullproof")
    for registry, cases in suites.items():
        counts = Counter(each.outcome for each in cases)
        suite = SubElement(
            root,
            "testsuite",
            name=plain(registry),
            tests=str(len(cases)),
            failures=str(counts[CheckOutcome.FAILED]),
            errors=str(counts[CheckOutcome.INCONCLUSIVE]),
        )
        for each in cases:
            _case(suite, each)
    document: bytes = tostring(root, encoding="us-ascii", xml_declaration=True)
    return document.decode("ascii") + "\n"


def _case(suite: Element, result: CheckResult) -> None:
    where = plain(result.repository or result.registry)
    case = SubElement(suite, "testcase", classname=where, name=plain(result.name))
    if element := _ELEMENTS.get(result.outcome):
        wrong = SubElement(case, element, type=result.rule, message=result.summary)
        wrong.text = "\n".join(map(plain, result.lines))
