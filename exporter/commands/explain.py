"""The command `explain`: what uses and protects one image, and what its removal breaks."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from exporter.commands import Refused
from exporter.commands.answer import Exit, answered, save
from exporter.commands.auditing import finished, judged, look
from exporter.commands.options import typed
from exporter.commands.saved import check_options, reference_in
from exporter.commands.subjects import TYPED, Subjects, image, is_registry, platforms, with_file
from exporter.facts.proof import State
from exporter.facts.use import ReferenceClass, Use
from exporter.judge.explanation import Explanation, explain, places
from exporter.judge.judgement import judge
from exporter.oci.digest import Digest, Malformed, without_credentials
from exporter.oci.reference import Reference, Tag
from exporter.ports import Listing
from exporter.publish.answers import explain as answer

_ALL: Final = ("*",)
_ASKED: Final = "asked for"
_TYPED: Final = frozenset({_ASKED, TYPED})
"""Owners of the uses that a command itself adds: nobody was asked who uses images."""


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Answer the command."""
    found = _kept(args) if args.saved else _looked(args, environ)
    answered(args, lambda now: answer.document(found, now), lambda _: answer.blocks(found))
    if any(each.cannot_be_pulled for each in found):
        return Exit.BROKEN
    return Exit.BLIND if any(each.state is State.UNKNOWN for each in found) else Exit.WELL


def _kept(args: argparse.Namespace) -> Sequence[Explanation]:
    """Explain from a saved audit: a digest in each repository, an image in its own."""
    check_options(args)
    report = judged(args.saved)
    sources = any(each.owner not in _TYPED for each in report.snapshot.uses)
    if args.subjects.startswith(("sha256:", "sha512:")):
        digest = _digest(args.subjects)
        where = places(report, digest)
        if not where:
            raise Refused(f"{digest}: not found in {args.saved}")
        return [explain(report, each, None, digest, sources=sources) for each in where]
    named = _reference(args.subjects, partial(reference_in, args, report.snapshot))
    return [explain(report, named.repository, _tag(named), named.digest, sources=sources)]


def _looked(args: argparse.Namespace, environ: Mapping[str, str]) -> Sequence[Explanation]:
    """Audit every tag of the image's repository, and all uses of them."""
    if args.subjects.startswith(("sha256:", "sha512:")):
        raise Refused("a digest alone needs --from; otherwise give host/repository@sha256:…")
    named = _reference(args.subjects)
    asked = Use(_ASKED, named, ReferenceClass.SELECTED, platforms(args.platform))
    subjects = Subjects(uses=Listing((asked,)), beside=_ALL, within=frozenset({named.repository}))
    subjects = with_file(subjects, args.refs, frozenset(), args.config)
    settings = typed(args, {named.registry}, environ, alone=False)
    report = finished(look(args, subjects, settings))[0]
    if args.save:
        save([report], args.save)
    others = tuple(use for use in report.snapshot.uses if use != asked)
    report = judge(replace(report.snapshot, uses=others), report.since)
    (registry,) = settings.settings.registries
    references = args.refs or settings.settings.references or settings.settings.clusters
    return [
        explain(
            report,
            named.repository,
            _tag(named),
            named.digest,
            latest=registry.tags.latest,
            sources=bool(references),
        )
    ]


def _tag(named: Reference) -> Tag | None:
    """Return the tag in question: beside a digest, none counts."""
    return None if named.digest else named.tag


def _reference(text: str, read: Callable[[str], Reference] = image) -> Reference:
    if is_registry(text):
        named = without_credentials(text)
        raise Refused(f"{named}: explain needs one image; use check for registries")
    return read(text)


def _digest(text: str) -> Digest:
    try:
        return Digest.parse(text)
    except Malformed as error:
        raise Refused(str(error)) from error
