"""`diff`: what changed between two kept looks, and did anything break that somebody needs?"""

import argparse
from collections.abc import Mapping

from exporter.commands import Refused
from exporter.commands.answer import answered
from exporter.commands.auditing import judged
from exporter.judge.change import compare
from exporter.publish.answers import diff


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:  # noqa: ARG001 - asks nobody
    """Answer the command."""
    old, new = judged(args.old), judged(args.new)
    ours, theirs = old.snapshot.registry, new.snapshot.registry
    if ours != theirs:
        raise Refused(f"{args.old} is of {ours}, {args.new} of {theirs}: give two of one registry")
    if old.snapshot.taken_at > new.snapshot.taken_at:
        raise Refused(f"{args.old} is newer than {args.new}: give the older one first")
    change = compare(old, new)
    answered(args, lambda now: diff.document(change, now), lambda _: diff.blocks(change))
    return change.outcome
