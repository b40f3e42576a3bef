"""Which form of the metrics does a scraper want?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from exporter.publish.metrics.exposition import Format

_OPENMETRICS: Final = "application/openmetrics-text"
_TEXT: Final = frozenset({"text/plain", "text/*", "*/*"})


def metrics_format(accept: str) -> Format:
    """Choose the format by an Accept header; without a preference, the older text format."""
    openmetrics = text = 0.0
    for name, parameters, weight in _entries(accept):
        if name == _OPENMETRICS and parameters.get("version", "1.0.0") == "1.0.0":
            openmetrics = max(openmetrics, weight)
        elif name in _TEXT:
            text = max(text, weight)
    return Format.OPENMETRICS if openmetrics > 0 and openmetrics >= text else Format.TEXT


def accepts_gzip(encodings: str) -> bool:
    """May the answer be compressed, by an Accept-Encoding header?"""
    weights = {name: weight for name, _, weight in _entries(encodings)}
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def _entries(header: str) -> Iterator[tuple[str, dict[str, str], float]]:
    """Read names, parameters and weights of a header (RFC 9110, section 12.4.2)."""
    for entry in header.split(","):
        name, *rest = (part.strip() for part in entry.split(";"))
        pairs = (part.partition("=") for part in rest)
        parameters = {key.strip().lower(): value.strip() for key, _, value in pairs}
        yield name.lower(), parameters, _weight(parameters.get("q", "1"))


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
