"""`inspect`: what is below one image, what of it is there, and which tags protect it?"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping

from exporter.commands import Refused
from exporter.commands.answer import as_json, exit_code, save, style
from exporter.commands.looking import look
from exporter.commands.running import finished
from exporter.commands.saved import judged
from exporter.commands.settings import typed
from exporter.commands.subjects import platforms, read, with_file
from exporter.judge.report import Report
from exporter.oci.quoting import without_credentials
from exporter.publish.text.markdown import inspect_markdown
from exporter.publish.text.tree import inspect_text


def run(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Answer the command."""
    report = _report(words, environ)
    if words.save:
        save([report], words.save)
    sys.stdout.write(_said(words, report))
    return exit_code([report], whole=False)


def _report(words: argparse.Namespace, environ: Mapping[str, str]) -> Report:
    if words.saved:
        return judged(words.saved)
    subjects = read(words.subjects, platforms(words.platform))
    if subjects.registries:
        named = without_credentials(words.subjects[0])
        raise Refused(f"{named}: inspect needs one image; use check for registries")
    asked = typed(words, subjects.hosts, environ)
    if words.refs or words.kube is not None:
        subjects = subjects.by_their_users()
    subjects = with_file(subjects, words.refs, frozenset())
    return finished(look(words, subjects, asked))[0]


def _said(words: argparse.Namespace, report: Report) -> str:
    if words.output == "json":
        return as_json([report], time.time())
    return (
        inspect_markdown(report)
        if words.output == "markdown"
        else inspect_text(report, style(words))
    )
