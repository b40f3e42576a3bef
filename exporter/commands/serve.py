"""`serve`: the exporter, until it is told to stop."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from exporter.commands import Refused
from exporter.config.loading import Misconfigured, load
from exporter.config.shard import VARIABLE, ShardName
from exporter.oci.digest import Malformed
from exporter.serve.logs import configure
from exporter.wiring.service import Service, Unstartable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from exporter.facts.shard import Shard


def run(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Answer the command."""
    try:
        settings = load(words.config, environ)
    except Misconfigured as error:
        raise Refused(str(error)) from error
    if words.check_config:
        sys.stdout.write(f"{words.config}: {len(settings.registries)} registries, no faults\n")
        return 0
    shard = _shard(words, environ)
    configure(settings.log_level)
    try:
        asyncio.run(Service(words.config, settings, environ, shard).run())
    except Unstartable as error:
        raise Refused(str(error)) from error
    return 0


def _shard(words: argparse.Namespace, environ: Mapping[str, str]) -> Shard | None:
    """Return the shard that was typed, or that the environment names; None for the file's own."""
    text = words.shard or environ.get(VARIABLE)
    if not text:
        return None
    try:
        return ShardName.parse(text).settled(environ)
    except Malformed as error:
        raise Refused(f"{'--shard' if words.shard else VARIABLE}: {error}") from error
