"""The command `repair`: find the bytes of lost content, and, with `--apply`, upload them."""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Final

from exporter.audit import audit
from exporter.commands import Refused, refusing
from exporter.commands.answer import Exit, answered, exit_code, is_empty, tell_empty
from exporter.commands.auditing import (
    aimed,
    borrowing,
    finished,
    opened,
    showing,
    tell_unreached,
)
from exporter.commands.copy_sources import (
    connected,
    named_sources,
    own_copies,
    usual_sources,
)
from exporter.commands.options import Typed, again, typed, words
from exporter.commands.scrub import scrub_once, with_scrubs
from exporter.commands.subjects import Subjects, asked_for
from exporter.config.registry import RegistrySettings
from exporter.facts.proof import HASHED
from exporter.facts.use import ReferenceClass, Use
from exporter.judge.explanation import referencing
from exporter.judge.keep_tags import plan_keep_tags
from exporter.judge.losses import MANIFEST, Repair, broken_by, losses, lost_tags
from exporter.judge.report import Report
from exporter.oci.digest import Digest, Malformed
from exporter.ports import KeepTagger, Listing, Unseen
from exporter.publish.answers import repair as answer
from exporter.repair.repairer import CopySource, Repairer
from exporter.resolve.target import Target
from exporter.sources.registry.docker_config import DockerConfig
from exporter.wiring.assembly import Assembly
from exporter.wiring.uploads import uploader

_SPOOL: Final = "/var/tmp"  # noqa: S108 - on a disk, where /tmp may be memory
_PREFIX: Final = "keep"
_TYPED: Final = (
    "--refs",
    "--kube",
    "--cause",
    "--push-docker-config",
    "--source",
    "--endpoint",
    "--region",
    "--tags",
    "--exclude-tags",
    "--allow-empty",
    "--scrub",
    "--keep-tags",
)
"""Options that decide what is repaired, and from where."""


@dataclass(frozen=True, slots=True)
class _Job:
    """The common part of the repairs of all registries."""

    args: argparse.Namespace
    asked: Typed
    cause: Digest | None
    uses: Listing[Use]
    assembly: Assembly
    named: Sequence[CopySource]
    stack: AsyncExitStack


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run the command."""
    with refusing(Malformed, option="--cause"):
        cause = Digest.parse(args.cause) if args.cause else None
    if args.head_only:
        raise Refused("--head-only trusts what hides a loss: omit it")
    if args.push_docker_config:
        with refusing(Malformed, option="--push-docker-config"):
            DockerConfig((args.push_docker_config,), required=True).check("")
    subjects = asked_for(args)
    images = bool(subjects.hosts) and not subjects.registries
    if images:  # whoever uses them may have them on a node
        subjects = subjects.by_their_users()
    asked = typed(args, subjects.hosts, environ, alone=not images)
    if args.scrub:
        asked = with_scrubs(args, asked)
    repairs = finished(_repaired(args, subjects, asked, cause))
    tell_unreached(args, [each.latest for each in repairs])
    if cause is not None and not any(_knows(each.report, cause) for each in repairs):
        raise Refused(f"--cause {cause}: no audited tag references it")
    answered(
        args,
        lambda now: answer.document(repairs, now, applied=args.apply),
        lambda most: answer.blocks(repairs, most, _typed_again(args), applied=args.apply),
    )
    code = _exit(repairs, whole=not images)
    latest = [each.latest for each in repairs]
    if code is not Exit.WELL or images or not is_empty(args, latest):
        return code
    tell_empty(args, latest)
    return Exit.BLIND


def _exit(repairs: Sequence[Repair], *, whole: bool) -> Exit:
    left = (
        any(step.failure or not step.source for step in each.steps)
        if each.after
        else bool(each.steps)
        for each in repairs
    )
    code = exit_code([each.latest for each in repairs], whole=whole)
    return Exit.BROKEN if any(left) else code


def _knows(report: Report, digest: Digest) -> bool:
    """Does a tag reference a digest, or may one that could not be read?"""
    return bool(report.snapshot.hiding or referencing(report, digest))


def _typed_again(args: argparse.Namespace) -> str:
    """Return the command as it was typed, for the same registries and sources."""
    return again(args).line("repair", *args.subjects, *words(vars(args), _TYPED))


async def _repaired(
    args: argparse.Namespace, subjects: Subjects, asked: Typed, cause: Digest | None
) -> list[Repair]:
    """Audit every registry, and repair one after the other."""
    async with AsyncExitStack() as stack:
        named = named_sources(args, asked, stack)
        assembly = await stack.enter_async_context(opened(borrowing(asked)))
        wanted = await assembly.references()
        job = _Job(args, asked, cause, subjects.with_uses(wanted.uses), assembly, named, stack)
        return [await _repair(job, aimed(args, subjects, each.target)) for each in assembly.watched]


async def _repair(job: _Job, target: Target) -> Repair:
    report = await _audited(job, target)
    tags = report.tags if job.cause is None else broken_by(report, job.cause)
    verdicts = tuple(each.verdict for each in tags)
    found, missing = losses(verdicts), lost_tags(verdicts)
    if not (found or missing):
        return Repair(report, tags)
    settings = next(
        each for each in job.asked.settings.registries if each.label == target.registry.name
    )
    registry = connected(settings, job.asked.environ, job.stack)
    usual = usual_sources(job.args, settings, job.asked, job.assembly.ledger, job.stack)
    repairer = Repairer(
        registry,
        report.snapshot,
        [own_copies(registry, report.snapshot), *(job.named or usual)],
        _spool(job.asked.environ),
        adds_tags=job.args.keep_tags,
    )
    if job.args.apply:
        repairer.writer = await job.stack.enter_async_context(
            uploader(_pushing(job.args, settings), job.asked.environ)
        )
    async with showing(lambda: f"{len(repairer.steps):,} done"):
        await repairer.repair(found, missing)
    result = Repair(report, tags, tuple(repairer.steps), tuple(repairer.refused))
    return await _verified(job, target, repairer, result)


def _spool(environ: Mapping[str, str]) -> str:
    """Return a folder for blobs under way: a container's root may be read-only but for `/tmp`."""
    usual = _SPOOL if os.access(_SPOOL, os.W_OK) else tempfile.gettempdir()
    return environ.get("TMPDIR", usual)


def _pushing(args: argparse.Namespace, settings: RegistrySettings) -> RegistrySettings:
    """Return the settings for writing to a registry: with the credentials for that, if given."""
    if not args.push_docker_config:
        return settings
    update: dict[str, object] = {"docker_config": args.push_docker_config.absolute()}
    return settings.model_copy(update=update)


async def _verified(job: _Job, target: Target, repairer: Repairer, result: Repair) -> Repair:
    """Audit the repaired images again, and set keep tags if requested."""
    writer = repairer.writer
    if writer is None or not any(step.source for step in result.steps):
        return result
    if target.scrub is not None:
        now, proven = time.time(), dict.fromkeys(repairer.hashed, HASHED)
        await asyncio.to_thread(job.assembly.ledger.note, target.registry.name, proven, now)
    after = await _audited(job, target)
    names = {each.name for each in result.asked}
    kept = await _keep(writer, after, result) if job.args.keep_tags else ()
    mine = tuple(each for each in after.tags if each.name in names)
    return replace(result, kept=kept, after=replace(after, tags=mine))


async def _keep(writer: KeepTagger, after: Report, result: Repair) -> tuple[str, ...]:
    """Set a keep tag on each manifest that was restored and has no tag of its own."""
    restored = {
        step.loss.place
        for step in result.steps
        if step.loss.kind == MANIFEST and step.source and not step.failure
    }
    said = []
    for keep in plan_keep_tags(after, ReferenceClass.SELECTED, _PREFIX).wanted:
        if (keep.need.repository, keep.digest) not in restored:
            continue
        name = f"{keep.need.repository}:{keep.tag}"
        try:
            await writer.add_tag(keep.need.repository, keep.digest, keep.tag)
            said.append(f"{name}  set")
        except Unseen as unseen:
            said.append(f"{name}  FAILED: {unseen.detail or unseen.reason}")
    return tuple(said)


async def _audited(job: _Job, target: Target) -> Report:
    if job.args.scrub:
        return await scrub_once(target, job.uses)
    return await audit(target, job.uses, None, time.time())
