"""`inspect`: what is below one image, what of it is there, and which tags protect it?"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping

from exporter.commands import Refused
from exporter.commands.answer import as_json, exit_code, save, style
from exporter.commands.auditing import finished, judged, look
from exporter.commands.options import typed
from exporter.commands.subjects import platforms, read, with_file
from exporter.judge.report import Report
from exporter.oci.quoting import without_credentials
from exporter.publish.text.markdown import inspect_markdown
from exporter.publish.text.tree import inspect_text


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Answer the command."""
    report = _report(args, environ)
    if args.save:
        save([report], args.save)
    sys.stdout.write(_said(args, report))
    return exit_code([report], whole=False)


def _report(args: argparse.Namespace, environ: Mapping[str, str]) -> Report:
    if args.saved:
        return judged(args.saved)
    subjects = read(args.subjects, platforms(args.platform))
    if subjects.registries:
        named = without_credentials(args.subjects[0])
        raise Refused(f"{named}: inspect needs one image; use check for registries")
    asked = typed(args, subjects.hosts, environ)
    if args.refs or args.kube is not None:
        subjects = subjects.by_their_users()
    subjects = with_file(subjects, args.refs, frozenset())
    return finished(look(args, subjects, asked))[0]


def _said(args: argparse.Namespace, report: Report) -> str:
    if args.output == "json":
        return as_json([report], time.time())
    return (
        inspect_markdown(report) if args.output == "markdown" else inspect_text(report, style(args))
    )
