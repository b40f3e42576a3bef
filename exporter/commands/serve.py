"""`serve`: the exporter, until a signal stops it."""

import argparse
import asyncio
import logging
import os
import sys
import threading
from collections.abc import Mapping
from typing import Final

from exporter.commands import Refused, refusing
from exporter.commands.answer import Exit
from exporter.commands.config_check import ConfigCheck
from exporter.commands.options import shard
from exporter.config.loading import Misconfigured, load, load_usable
from exporter.config.settings import Settings
from exporter.oci.digest import Malformed
from exporter.publish.formatting import count_words
from exporter.publish.web.config import WebConfig
from exporter.publish.web.config import load as web_config
from exporter.serve.logs import configure
from exporter.wiring.service import Service, Unstartable

_log: Final = logging.getLogger("pullproof.config")

_LOOK_EVERY: Final = 5.0
"""Seconds between two checks of the configuration file, if it is watched."""
_LAST: Final = 3.0
"""Seconds from the signal to the end of the process."""


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Answer the command."""
    part = shard(args, environ)
    if args.check_config:
        with refusing(Misconfigured):
            settings = load(args.config, environ)
        sys.stdout.write(_checked(args, settings, environ))
        return Exit.WELL
    with refusing(Misconfigured):
        loaded = load_usable(args.config, environ)
    settings = loaded.settings
    _web(settings)
    configure(settings.log_level, args.log_format)
    for each in settings.registries:
        if each.insecure_skip_verify:
            _log.warning("certificates are not verified", extra={"registry": each.label})
    for fault in loaded.absent:
        _log.warning("not usable now; only its own audits are affected", extra={"cause": fault})
    try:
        service = Service(args.config, settings, environ, part, _end_soon)
        asyncio.run(service.run(_LOOK_EVERY if args.watch_config else None))
    except Unstartable as error:
        # The command was understood. An address or a ledger that is taken may be free in a moment:
        # a code of its own lets a service manager try again.
        sys.stderr.write(f"pullproof: {error}\n")
        return Exit.BLIND
    return Exit.WELL


def _end_soon() -> None:
    """End the process a little later, whatever hangs by then: a disk, a share, a computation.

    Python waits at its end for every thread that has work, for as long as that takes.
    """
    last = threading.Timer(_LAST, os._exit, (int(Exit.WELL),))
    last.daemon = True
    last.start()


def _checked(args: argparse.Namespace, settings: Settings, environ: Mapping[str, str]) -> str:
    """Try what else is named, and say that all is well; raises `Refused`."""
    check = ConfigCheck(settings, _web(settings), environ)
    if check.faults:
        raise Refused("\npullproof: ".join(check.faults))
    for each in check.warnings:
        sys.stderr.write(f"pullproof: warning: {each}\n")
    counts = ((len(settings.registries), "registry"), (len(check.warnings), "warning"))
    registries, warnings = (count_words(*each) for each in counts)
    return f"{args.config}: {registries}, valid{f'; {warnings}' if check.warnings else ''}\n"


def _web(settings: Settings) -> WebConfig | None:
    """Read the web configuration, if there is one; raises `Refused`."""
    path = settings.web_config_file
    with refusing(Malformed):
        return web_config(path) if path else None
