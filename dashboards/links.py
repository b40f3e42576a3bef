"""Links to the other dashboards with the clicked values, to runbooks, and to pages."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.dashboard import DashboardLink
from grafana_foundation_sdk.models.dashboard import DashboardLinkType

OVERVIEW: Final = "pullproof-overview"
TAG: Final = "pullproof-tag"
CAPACITY: Final = "pullproof-capacity"
AUDITOR: Final = "pullproof-auditor"

MARK: Final = "pullproof"
"""The tag of all dashboards, by which they find each other."""
RUNBOOKS: Final = "${pullproof:raw}/docs/runbooks/"
"""As in the alerts: served by the exporter itself."""
_KEPT: Final = (
    "${datasource:queryparam}&${cluster:queryparam}&${job:queryparam}&${instance:queryparam}"
)

Target = tuple[str, str]
"""A title and an address."""


def drill(title: str, dashboard: str, *fields: str) -> Target:
    """Return a link to another dashboard with the clicked row's values and all choices."""
    chosen = "".join(f"&var-{field}=${{__data.fields.{field}}}" for field in fields)
    return title, f"/d/{dashboard}?{_KEPT}{chosen}&${{__url_time_range}}"


def runbook(alert: str) -> Target:
    """Return the link to an alert's runbook."""
    return f"Runbook: {alert}", f"{RUNBOOKS}{alert}.md"


def own_page(registry: str, repository: str, tag: str) -> Target:
    """Return the link to a tag's page of pullproof, below its configured address."""
    return "Page of pullproof", f"${{pullproof:raw}}/tag/{registry}/{repository}:{tag}"


def page_of_digest(registry: str, digest: str) -> Target:
    """Return the link to a digest's page of pullproof, likewise."""
    return "Page of pullproof", f"${{pullproof:raw}}/digest/{registry}/{digest}"


def panel_link(target: Target) -> DashboardLink:
    """Put a target in the corner of a panel."""
    title, url = target
    return (
        DashboardLink(title).type(DashboardLinkType.LINK).url(url).target_blank(target_blank=True)
    )
