"""Which option is to blame for settings that were made of what was typed?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from exporter.commands import Refused
from exporter.config.loading import Misconfigured, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.config.settings import Settings


def settings_of(
    document: Mapping[str, object], options: Mapping[str, str], environ: Mapping[str, str]
) -> Settings:
    """Read settings that were typed; raises `Refused`, which names options where a file has keys.

    `options` says which option gave which key.
    """
    try:
        return parse(json.dumps(document).encode(), environ)
    except Misconfigured as error:
        told = {f"{_blamed(fault.path, options)}: {fault.text}": None for fault in error.faults}
        raise Refused("\n".join(told)) from error


def _blamed(path: tuple[str | int, ...], options: Mapping[str, str]) -> str:
    key = str(path[-1]) if path else ""
    return options.get(key, key)
