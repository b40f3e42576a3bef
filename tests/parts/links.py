"""Links as people follow them: of pages, of alerts that fire, of dashboards in Grafana."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urldefrag, urljoin

import httpx

from tests.parts.process import PATIENCE
from tests.publish.web.page import Page
from tests.shipped.grafana import choices, chosen, panels
from tests.shipped.promql import filled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.parts.monitoring import Prometheus

Json = dict[str, Any]


def status(url: str) -> int:
    """The status that a browser would be answered with."""
    return httpx.get(url, trust_env=False, timeout=PATIENCE).status_code


def follow(address: str) -> set[str]:
    """Open every page of an exporter from its first one on; return the addresses, all answered."""
    waiting, followed = {address}, set[str]()
    with httpx.Client(trust_env=False, timeout=PATIENCE) as http:
        while waiting:
            url = waiting.pop()
            followed.add(url)
            answer = http.get(url)
            assert answer.status_code == 200, url
            if answer.headers["Content-Type"].startswith("text/html"):
                led = {urldefrag(urljoin(url, each)).url for each in Page(answer).links}
                waiting |= {each for each in led if each.startswith(address)} - followed
    return followed


def firing(watching: Prometheus) -> dict[str, list[Json]]:
    """The alerts that fire, by name."""
    found: dict[str, list[Json]] = {}
    for each in watching.alerts():
        found.setdefault(each["labels"]["alertname"], []).append(each)
    return found


def of_alert(alert: Json) -> list[str]:
    """The links of an alert; its runbook is one."""
    found = re.findall(r"https?://[^\s,;)\"']+", " ".join(alert["annotations"].values()))
    assert alert["annotations"]["runbook_url"] in found
    return [each.rstrip(".") for each in found]


def of_dashboard(
    document: Json, watching: Prometheus, here: Mapping[str, str], registry: str
) -> set[str]:
    """The links of a dashboard, but for those to other dashboards, as Grafana fills them in.

    `here` gives the variables; `registry` stands where all registries are chosen.
    """
    selector = chosen(choices(document)["pullproof"])
    (info,) = watching.query(f"group by (external_url) ({filled(selector, here)})")
    known = {"${pullproof:raw}": info["metric"]["external_url"]}
    known |= {f"${{{key[1:]}:raw}}": value for key, value in here.items()}
    found = set[str]()
    for panel in panels(document):
        rows: list[Json] = [{}]
        for target in panel.get("targets", ())[:1]:
            asked = filled(target["expr"], {**here, "$__rate_interval": "1m"})
            rows = [each["metric"] for each in watching.query(asked)] or [{}]
        fields = panel.get("fieldConfig", {}).get("overrides", ())
        of_rows = {
            each["url"]
            for field in fields
            for part in field["properties"]
            if part["id"] == "links"
            for each in part["value"]
        }
        urls = {each["url"] for each in panel.get("links") or ()}
        urls |= {_drawn(each, row) for each in of_rows for row in rows if row}
        found |= {filled(each, known) for each in urls if not each.startswith("/d/")}
    return {each.replace("/.*/", f"/{registry}/") for each in found}


def _drawn(url: str, row: Json) -> str:
    """A link of a row, as Grafana fills it in."""
    return re.sub(r"\$\{__data\.fields\.(\w+)\}", lambda field: row.get(field[1], ""), url)
