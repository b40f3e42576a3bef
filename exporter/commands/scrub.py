"""`scrub`: are all the bytes still those that their digests name? Read whole, and hashed."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import ValidationError

from exporter.commands import Refused
from exporter.commands.answer import MOST_ROWS, as_json, exit_code, save, style
from exporter.commands.looking import aimed
from exporter.commands.scrubbing import scrub_once
from exporter.commands.settings import Typed, typed
from exporter.commands.subjects import asked_for
from exporter.config.scrub import ScrubSettings, Source
from exporter.config.storage import StorageSettings
from exporter.config.words import duration, size
from exporter.publish.markdown import check_markdown
from exporter.publish.scrub_text import damage_markdown, damage_text
from exporter.publish.text import check_text
from exporter.wiring.assembly import assembled

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from exporter.commands.subjects import Subjects
    from exporter.config.registry import RegistrySettings
    from exporter.judge.report import Report


def run(words: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Answer the command."""
    subjects = asked_for(words)
    asked = _with_scrubs(words, typed(words, subjects.hosts, environ))
    reports = asyncio.run(_read(words, subjects, asked))
    if words.save:
        save(reports, words.save)
    sys.stdout.write(_said(words, reports))
    return exit_code(reports, whole=bool(subjects.registries) or not subjects.hosts)


async def _read(words: argparse.Namespace, subjects: Subjects, asked: Typed) -> list[Report]:
    """Scrub one registry after the other."""
    async with assembled(asked.settings, asked.environ) as assembly:
        wanted = await assembly.references()
        uses = subjects.with_uses(wanted.uses)
        targets = [
            # What its storage holds for nothing is not asked here.
            replace(aimed(words, subjects, each.target), storage=None)
            for each in assembly.watched
        ]
        return [await scrub_once(target, uses) for target in targets]


def _with_scrubs(words: argparse.Namespace, asked: Typed) -> Typed:
    """Add what was typed to what the configuration says of every registry's scrub."""
    registries = asked.settings.registries
    if words.storage and len(registries) != 1:
        raise Refused("--storage is of one registry; name one")
    update: dict[str, object] = {
        "registries": tuple(_with_scrub(words, each) for each in registries)
    }
    if words.ledger:
        update["ledger"] = words.ledger
    return Typed(asked.settings.model_copy(update=update), asked.environ)


def _with_scrub(words: argparse.Namespace, registry: RegistrySettings) -> RegistrySettings:
    scrub: dict[str, object] = {}
    update: dict[str, object] = {}
    try:
        if words.limit_rate:
            scrub["bytes_per_second"] = size(words.limit_rate)
        if words.period:
            scrub["period"] = duration(words.period)
        if words.storage:
            scrub["read_from"] = Source.STORAGE
            update["storage"] = _storage(words)
    except ValidationError as error:
        raise Refused(f"--storage {words.storage}: {error.errors()[0]['msg']}") from error
    except ValueError as error:
        raise Refused(str(error)) from error
    told = registry.scrub or ScrubSettings()
    return registry.model_copy(update={**update, "scrub": told.model_copy(update=scrub)})


def _storage(words: argparse.Namespace) -> StorageSettings:
    bucket = "://" in words.storage
    where: dict[str, object] = {"url" if bucket else "path": words.storage}
    given = {"endpoint": words.endpoint, "region": words.region}
    where |= {name: value for name, value in given.items() if value is not None}
    return StorageSettings.model_validate(where)


def _said(words: argparse.Namespace, reports: Sequence[Report]) -> str:
    if words.output == "json":
        return as_json(reports, time.time())
    if words.output == "markdown":
        return check_markdown(reports, MOST_ROWS) + damage_markdown(reports)
    return check_text(reports, style(words)) + damage_text(reports)
