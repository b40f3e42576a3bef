"""`inspect`: shows the tree of one image, and the tags that protect it."""

import argparse
import time
from collections.abc import Mapping

from exporter.commands import Refused
from exporter.commands.answer import answered_report, exit_code, save
from exporter.commands.auditing import finished, look
from exporter.commands.options import again, typed
from exporter.commands.saved import replayed
from exporter.commands.subjects import platforms, read, with_file
from exporter.judge.report import Report
from exporter.oci.digest import without_credentials
from exporter.publish.answers import inspect


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Answer the command."""
    report = _report(args, environ)
    if args.save:
        save([report], args.save)
    answered_report(args, [report], lambda _: inspect.blocks(report, time.time(), again(args)))
    return exit_code([report], whole=False)


def _report(args: argparse.Namespace, environ: Mapping[str, str]) -> Report:
    subjects = read(args.subjects, platforms(args.platform))
    if args.saved and not subjects.registries:
        return replayed(args)[0]
    if subjects.registries:
        named = without_credentials(args.subjects[0])
        raise Refused(f"{named}: inspect needs one image; use check for registries")
    asked = typed(args, subjects.hosts, environ)
    if args.refs or args.kube is not None:
        subjects = subjects.by_their_users()
    subjects = with_file(subjects, args.refs, frozenset(), args.config)
    return finished(look(args, subjects, asked))[0]
