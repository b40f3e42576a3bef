"""`check`: checks whether images can be pulled, on every required platform."""

import argparse
import sys
from collections.abc import Mapping, Sequence

from exporter.commands.answer import Exit, answered_report, exit_code, is_empty, save
from exporter.commands.auditing import finished, look
from exporter.commands.options import again, typed
from exporter.commands.saved import replayed
from exporter.commands.subjects import asked_for
from exporter.judge.report import Report
from exporter.publish.answers import check
from exporter.publish.ci import FORMATS, results


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Answer the command."""
    reports, whole = _reports(args, environ)
    if args.save:
        save(reports, args.save)
    if render := FORMATS.get(args.output):
        said = render(results(reports, whole=whole, allow_empty=args.allow_empty))
        sys.stdout.write("" if args.quiet else said)
    else:
        answered_report(
            args, reports, lambda most: check.blocks(reports, most, again(args), every=args.all)
        )
    code = exit_code(reports, whole=whole)
    empty = whole and is_empty(args, reports)
    return Exit.BLIND if code is Exit.WELL and empty else code


def _reports(args: argparse.Namespace, environ: Mapping[str, str]) -> tuple[Sequence[Report], bool]:
    if args.saved:
        report, whole = replayed(args)
        return [report], whole
    subjects = asked_for(args)
    whole = bool(subjects.registries) or not subjects.hosts
    settings = typed(args, subjects.hosts, environ)
    return finished(look(args, subjects, settings)), whole
