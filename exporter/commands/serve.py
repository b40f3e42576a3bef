"""`serve`: the exporter, until a signal stops it."""

import argparse
import asyncio
import logging
import os
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from exporter.commands import Refused, refusing
from exporter.commands.answer import Exit
from exporter.commands.config_check import ConfigCheck
from exporter.commands.options import check_trust, shard
from exporter.config.loading import Misconfigured, load, load_usable
from exporter.config.settings import Settings
from exporter.oci.digest import Malformed, quoted
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
    try:
        ignored = check_trust(settings, environ)
    except Malformed as error:
        ignored = str(error)
    if ignored:
        _log.warning("authorities are not trusted", extra={"cause": ignored})
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
    web = _web(settings)
    if args.probed_at:
        with refusing(Malformed, option="--probed-at"):
            _check_probes(args.probed_at, settings, web)
    check = ConfigCheck(settings, web, environ)
    if check.faults:
        raise Refused("\npullproof: ".join(check.faults))
    for each in check.warnings:
        sys.stderr.write(f"pullproof: warning: {each}\n")
    counts = ((len(settings.registries), "registry"), (len(check.warnings), "warning"))
    registries, warnings = (count_words(*each) for each in counts)
    return f"{args.config}: {registries}, valid{f'; {warnings}' if check.warnings else ''}\n"


def _check_probes(address: str, settings: Settings, web: WebConfig | None) -> None:
    """Raise `Malformed` where a kubelet would get no answer there, and kill what is well."""
    scheme, port, path = "", None, ""
    with suppress(ValueError):  # a port that is none
        probes = urlsplit(address)
        port, scheme, path = probes.port, probes.scheme, probes.path.rstrip("/")
    if scheme not in ("tcp", "http", "https") or port is None:
        raise Malformed(f"not an address such as http://0.0.0.0:10470: {quoted(address)}")
    ports = {each.port for each in settings.listen if not _is_own(each.host)}
    if port not in ports:
        told = ", ".join(map(str, settings.listen))
        raise Malformed(f"port {port}: listen is {told}")
    tls = web.tls if web else None
    if scheme == "tcp":
        return
    if (scheme == "https") != bool(tls):
        told = "has a tls_server_config" if tls else "has no tls_server_config"
        raise Malformed(f"{scheme}: the web configuration {told}")
    if tls and tls.client_auth_type == "RequireAndVerifyClientCert":
        raise Malformed("https: the web configuration requires certificates of clients")
    if path != (settings.route_prefix or ""):
        raise Malformed(f"path {path or '/'}: route_prefix is {settings.route_prefix or '/'}")


def _is_own(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")


def _web(settings: Settings) -> WebConfig | None:
    """Read the web configuration, if there is one; raises `Refused`."""
    path = settings.web_config_file
    with refusing(Malformed):
        return web_config(path) if path else None
