"""`diff`: what changed between two kept looks, and did anything break that somebody needs?"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping

from exporter.commands import Refused
from exporter.commands.auditing import judged
from exporter.judge.change import Diff, compare
from exporter.publish.text.change import change_document, change_markdown, change_text


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:  # noqa: ARG001 - asks nobody
    """Answer the command."""
    old, new = judged(args.old), judged(args.new)
    ours, theirs = old.snapshot.registry, new.snapshot.registry
    if ours != theirs:
        raise Refused(f"{args.old} is of {ours}, {args.new} of {theirs}: give two of one registry")
    if old.snapshot.taken_at > new.snapshot.taken_at:
        raise Refused(f"{args.old} is newer than {args.new}: give the older one first")
    change = compare(old, new)
    sys.stdout.write(_said(args.output, change))
    return change.outcome


def _said(output: str, change: Diff) -> str:
    if output == "json":
        return json.dumps(change_document(change), indent=2) + "\n"
    return change_markdown(change) if output == "markdown" else change_text(change)
