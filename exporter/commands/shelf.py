"""Where are facts, as it was typed?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.wiring.facts import opened

if TYPE_CHECKING:
    import argparse

    from exporter.sources.shelf import Shelf


def shelf(words: argparse.Namespace, location: str) -> Shelf:
    """Open a folder or an object store, reached as `--endpoint` and `--region` say.

    Raises `Unseen`.
    """
    named = {"endpoint": words.endpoint, "region": words.region}
    options = {key: value for key, value in named.items() if value}
    plain = (words.endpoint or "").startswith("http:")
    return opened(location, options, plain_http=plain)
