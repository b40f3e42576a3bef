"""Which option is to blame for settings made of what was typed, and which reach it again?"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
from collections.abc import Mapping
from typing import Final

from exporter.commands import Refused
from exporter.config.loading import Misconfigured, parse
from exporter.config.settings import Settings
from exporter.config.storage import NO_PLACE, PLACE
from exporter.oci.quoting import quoted
from exporter.publish.summary import PLAIN_HTTP

_PLACE: Final = re.compile(PLACE)
_REACHING: Final = (
    "--config",
    PLAIN_HTTP,
    "--ca-file",
    "--username",
    "--password-stdin",
    "--docker-config",
)


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


def check_place(option: str, text: str) -> None:
    """Raise `Refused` for what is neither a folder nor an address of an object store."""
    if "://" in text and not _PLACE.fullmatch(text):
        raise Refused(f"{option}: {NO_PLACE}: {quoted(text, 200)}")


def is_folder(text: str) -> bool:
    """Is there a folder of this name? A name that no system takes is of none."""
    return os.path.isdir(text)  # noqa: PTH112 - `Path.is_dir` raises where a name is too long


def again(args: argparse.Namespace) -> str:
    """Return the options by which the next command reaches the same registry."""
    typed = vars(args)
    found = []
    for option in _REACHING:
        value = typed.get(option.removeprefix("--").replace("-", "_"))
        found += [option] if value is True else [option, str(value)] if value else []
    return shlex.join(found)


def _blamed(path: tuple[str | int, ...], options: Mapping[str, str]) -> str:
    key = str(path[-1]) if path else ""
    return options.get(key, key)
