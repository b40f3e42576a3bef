"""`serve`: the exporter, until it is told to stop."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from exporter.commands import Refused
from exporter.commands.settings import shard
from exporter.config.loading import Misconfigured, load
from exporter.serve.logs import configure
from exporter.wiring.service import Service, Unstartable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping


def run(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Answer the command."""
    try:
        settings = load(words.config, environ)
    except Misconfigured as error:
        raise Refused(str(error)) from error
    if words.check_config:
        sys.stdout.write(f"{words.config}: {len(settings.registries)} registries, no faults\n")
        return 0
    part = shard(words, environ)
    configure(settings.log_level)
    try:
        asyncio.run(Service(words.config, settings, environ, part).run())
    except Unstartable as error:
        raise Refused(str(error)) from error
    return 0
