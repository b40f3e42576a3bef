"""`check`: can these images be pulled, on every platform that must run them?"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence

from exporter.commands.answer import MOST_ROWS, as_json, exit_code, save, style
from exporter.commands.auditing import finished, judged, look
from exporter.commands.options import again, typed
from exporter.commands.subjects import asked_for
from exporter.judge.report import Report
from exporter.publish.text.markdown import check_markdown
from exporter.publish.text.terminal import check_text


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Answer the command."""
    reports, whole = _reports(args, environ)
    if args.save:
        save(reports, args.save)
    sys.stdout.write(_said(args, reports))
    return exit_code(reports, whole=whole)


def _reports(args: argparse.Namespace, environ: Mapping[str, str]) -> tuple[Sequence[Report], bool]:
    if args.saved:
        return [judged(args.saved)], True
    subjects = asked_for(args)
    whole = bool(subjects.registries) or not subjects.hosts
    settings = typed(args, subjects.hosts, environ)
    return finished(look(args, subjects, settings)), whole


def _said(args: argparse.Namespace, reports: Sequence[Report]) -> str:
    if args.output == "json":
        return as_json(reports, time.time())
    if args.output == "markdown":
        return check_markdown(reports, MOST_ROWS, again(args))
    return check_text(reports, style(args))
