"""`check`: can these images be pulled, on every platform that must run them?"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence

from exporter.commands.answer import MOST_ROWS, as_json, exit_code, save, style
from exporter.commands.looking import look
from exporter.commands.options import again
from exporter.commands.running import finished
from exporter.commands.saved import judged
from exporter.commands.settings import typed
from exporter.commands.subjects import asked_for
from exporter.judge.report import Report
from exporter.publish.text.markdown import check_markdown
from exporter.publish.text.terminal import check_text


def run(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Answer the command."""
    reports, whole = _reports(words, environ)
    if words.save:
        save(reports, words.save)
    sys.stdout.write(_said(words, reports))
    return exit_code(reports, whole=whole)


def _reports(
    words: argparse.Namespace, environ: Mapping[str, str]
) -> tuple[Sequence[Report], bool]:
    if words.saved:
        return [judged(words.saved)], True
    subjects = asked_for(words)
    whole = bool(subjects.registries) or not subjects.hosts
    settings = typed(words, subjects.hosts, environ)
    return finished(look(words, subjects, settings)), whole


def _said(words: argparse.Namespace, reports: Sequence[Report]) -> str:
    if words.output == "json":
        return as_json(reports, time.time())
    if words.output == "markdown":
        return check_markdown(reports, MOST_ROWS, again(words))
    return check_text(reports, style(words))
