"""The exporter as a process: settings in force, web up, audits on schedule, until stopped."""

import asyncio
import hashlib
import logging
import signal
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from exporter.config.loading import Misconfigured, load_usable
from exporter.config.settings import Settings
from exporter.facts.focus import Focus
from exporter.facts.shard import Shard
from exporter.facts.use import Use
from exporter.heap import Heap
from exporter.judge.report import Report
from exporter.oci.digest import Malformed
from exporter.oci.reference import Repository
from exporter.ports import Unseen
from exporter.publish.invocation import Invocation
from exporter.publish.metrics.family import Limits
from exporter.publish.status import AppState, RegistryStatus, Reload
from exporter.publish.web.access_control import AccessControl
from exporter.publish.web.app import Shell, application
from exporter.publish.web.audit_request import AuditRequest, NotScheduled, ScheduledAudit
from exporter.publish.web.event_request import EventReceiver
from exporter.publish.web.probe import Asked
from exporter.publish.web.server import listening
from exporter.serve.audit_job import AuditJob
from exporter.serve.board import Board, aging
from exporter.serve.changes import following
from exporter.serve.event_queue import heard
from exporter.serve.ledger_lock import LedgerLock
from exporter.serve.loop_thread import LoopThread, in_background, timed
from exporter.serve.schedule import Schedule
from exporter.serve.scrub_job import scrubbing
from exporter.sources.program import end_all
from exporter.store.ledger import Ledger
from exporter.tally import LoopTally
from exporter.wiring.assembly import assembled
from exporter.wiring.events import event_queues, receivers
from exporter.wiring.parquet_export import ParquetExport
from exporter.wiring.probing import Probing

_log: Final = logging.getLogger("pullproof.service")

_PATIENCE: Final = 1.5
"""Seconds that a running audit is given to end when the process stops."""
_RETRY: Final = 60.0
"""Seconds until a changed file that could not be put in force is tried again: a file that it names
may come later, as a mounted Secret does."""
_LAST: Final = 2.5
"""Seconds after which nobody waits any more for what is being closed."""


class Unstartable(Exception):
    """The process cannot start: an address that is taken, a ledger or certificate it cannot use."""


class Service:
    """One process. `run` returns when it was stopped."""

    def __init__(
        self,
        path: Path,
        settings: Settings,
        environ: Mapping[str, str],
        shard: Shard | None = None,
        on_stop: Callable[[], object] = lambda: None,
    ) -> None:
        """Hold the settings that were read from a file; nothing is opened yet.

        A shard that is given stays through every reload, whatever the file says. `on_stop` is
        called when the process is stopped.
        """
        self._on_stop = on_stop
        self._path, self._settings, self._environ = path, settings, environ
        self._shard = shard
        limits = Limits(tags=settings.metrics.tags, problems=settings.metrics.problems)
        reload = _loaded(_digest(path), settings)
        self._loops = {name: LoopTally() for name in ("audit", "registry", "web")}
        invocation = Invocation.of_server(path, environ)
        app_state = AppState((), (), reload, loops=self._loops, invocation=invocation)
        self.board = Board(app_state, limits)
        self._audits = LoopThread()
        self._heap = Heap()
        self._ledger_lock = LedgerLock()
        self._told = asyncio.Event()
        self.address = ""
        """`host:port` on which it listens, once it does."""
        self._probing = Probing()
        self._changed = asyncio.Event()
        self._urgent = asyncio.Event()
        """Other settings, or the end: not even running audits are waited for."""
        self._stopping = False
        self._schedule: Schedule | None = None
        """The schedule now; None between two generations: the next one audits all at once."""
        self._receivers: Mapping[str, EventReceiver] = {}
        """The receiver of each registry that sends events."""
        self._reloads: set[asyncio.Future[str | None]] = set()
        self._reload_lock = asyncio.Lock()

    async def run(self, watch_every: float | None = None) -> None:
        """Serve until SIGTERM or SIGINT; SIGHUP reads the configuration again.

        With `watch_every`, a change of its file is looked for after so many seconds each.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)
        access = AccessControl({})
        settings = self._settings
        shell = Shell(
            self.board, time.time, self.reload, self._probe, self.audit_now, self._receiver
        )
        app = application(shell, access, prefix=settings.route_prefix or "")
        addresses = [(each.host, each.port) for each in settings.listen]
        try:
            async with listening(app, access, addresses, settings.web_config_file) as web_server:
                self.address = "{}:{}".format(*web_server.addresses[0])
                _log.info("listening", extra={"addresses": web_server.addresses})
                async with timed(self._loops["web"]), in_background(self._watch_file(watch_every)):
                    await self._until_stopped(self._audits.run(self._generations))
        except (OSError, Malformed, Unseen) as error:
            raise Unstartable(str(error)) from error

    async def _until_stopped(self, running: Coroutine[None, None, None]) -> None:
        """Wait for the audits to end, and not long once the process is stopped."""
        audits = asyncio.ensure_future(running)
        told = asyncio.ensure_future(self._told.wait())
        await asyncio.wait({audits, told}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        _, late = await asyncio.wait({audits}, timeout=_LAST)
        if late:
            _log.warning("stopped before the running audit ended")
            audits.cancel()
            return
        await audits

    async def _watch_file(self, every: float | None) -> None:
        """Reload when the file has changed: two looks must find it alike, or it is half written."""
        if every is None:
            return
        before, tried, again = self.board.app_state.reload.digest, "", 0.0
        while True:
            await asyncio.sleep(every)
            digest, now = await asyncio.to_thread(_digest, self._path), time.monotonic()
            settled, before = digest == before, digest
            last = self.board.app_state.reload
            # One that is put back after a refusal is read as well: else it would stay a failure.
            if not settled or (digest == last.digest and last.successful):
                continue
            if digest != tried or now >= again:
                tried, again = digest, now + _RETRY
                await self.reload()

    async def _generations(self) -> None:
        """Audit, in a thread of its own, until stopped."""
        with self._heap.in_parts():
            async with timed(self._loops["audit"], self._heap.step):
                while not self._stopping:
                    await self._generation()
        self._ledger_lock.release()

    async def _probe(self, asked: Asked) -> Report:
        return await self._audits.call(lambda: self._probing(asked))

    async def _generation(self) -> None:
        """Audit under the settings in force until they change or the process stops."""
        self._changed.clear()
        self._urgent.clear()
        shard = self._shard_of(self._settings)
        export = _parquet_export(self._settings)
        loops = self._loops["registry"]
        self._ledger_lock.take(self._settings.ledger)
        async with assembled(self._settings, self._environ, shard, loops) as assembly:
            references = assembly.references
            job = AuditJob(
                *(self.board, assembly.ledger, references, export),
                latest=references.latest,
                afterwards=self._heap.rest,
            )
            statuses = [await job.restore(each) for each in assembly.watched]
            references.recall(*_remembered(statuses))
            await self.board.watch(statuses, assembly.ledger.tally)
            schedule = Schedule(job, assembly.watched)
            queues = event_queues(assembly.watched, self.board, schedule, self._audits.post)
            patience = self._settings.audit_deadline.total_seconds()
            limits = {each.name: each.max_staleness for each in assembly.watched}
            with self._probing.aimed(assembly.watched):
                self._receivers = receivers(self._settings, queues)
                async with (
                    following(references.watching, self.board, schedule, assembly.watched),
                    aging(self.board, limits, time.time),
                    scrubbing(self.board, assembly.watched),
                    heard(queues.values()),
                ):
                    schedule.start()
                    self._schedule = schedule
                    await self._changed.wait()
                    self._schedule = None
                    await schedule.finished(self._urgent, patience)
                await schedule.stop(_PATIENCE)
                if self._stopping:
                    end_all()  # a plugin that hangs in a thread would be waited for

    def _receiver(self, registry: str) -> EventReceiver | None:
        return self._receivers.get(registry)

    async def audit_now(self, asked: AuditRequest) -> Sequence[ScheduledAudit]:
        """Schedule audits of the registries that are asked for, or of all.

        With a repository, it is audited alone. Raises `NotScheduled` for a registry that is not
        configured, and for another shard's repository.
        """
        return await self._audits.call(lambda: self._audit_now(asked))

    async def _audit_now(self, asked: AuditRequest) -> Sequence[ScheduledAudit]:
        known = sorted(each.label for each in self._settings.registries)
        if strangers := asked.registries.difference(known):
            names = ", ".join(sorted(strangers))
            raise NotScheduled(f"no such registry: {names}; known are {', '.join(known)}")
        shard = self._shard_of(self._settings)
        if asked.repository and not shard.holds(asked.repository):
            raise NotScheduled(f"shard {shard} does not audit {asked.repository}; ask the others")
        wanted = [name for name in known if name in (asked.registries or known)]
        if self._schedule is None:
            return [ScheduledAudit(name, 0.0) for name in wanted]
        named = frozenset({Repository(asked.repository)}) if asked.repository else None
        focus = Focus(repositories=named) if named else None
        return [self._schedule.request(name, focus) for name in wanted]

    def _shard_of(self, settings: Settings) -> Shard:
        return self._shard or settings.shard.settled(self._environ)

    def stop(self) -> None:
        """End in good order."""
        _log.info("stopping")
        self._on_stop()
        self._stopping = True
        self._told.set()
        self._audits.post(self._urgent.set)
        self._audits.post(self._changed.set)

    def _hang_up(self) -> None:
        reloading = asyncio.ensure_future(self.reload())
        self._reloads.add(reloading)
        reloading.add_done_callback(self._reloads.discard)

    async def reload(self) -> str | None:
        """Read the configuration again; return why it stays as it was, or None.

        What the web server was started with keeps until a restart: addresses, prefix, links.
        What is known of a registry stays. One reload at a time: else one that was asked for
        earlier, and read an older file, might be in force under the name of the newer.
        """
        return await self._audits.call(self._reload)

    async def _reload(self) -> str | None:
        async with self._reload_lock:
            try:
                # Before the file is read: what is in force is never older than it is said to be.
                digest = await asyncio.to_thread(_digest, self._path)
                settings = await asyncio.to_thread(self._checked)
            except (Misconfigured, Malformed, Unseen) as error:
                _log.error("configuration reload failed", extra={"cause": str(error)})
                await self.board.reloaded(replace(self.board.app_state.reload, successful=False))
                return str(error)
            if digest != self.board.app_state.reload.digest or settings != self._settings:
                self._urgent.set()
            self._settings = settings
            await self.board.reloaded(_loaded(digest, settings))
            self._changed.set()
            _log.info("configuration reloaded")
            return None

    def _checked(self) -> Settings:
        """Read the settings, and try what they name while others are in force to stay with.

        What was unusable before, and did not change, keeps nothing else from being put in force.
        """
        loaded = load_usable(self._path, self._environ)
        settings = loaded.settings
        if wrong := loaded.unusable(self._settings):
            raise Misconfigured(str(self._path), wrong)
        self._shard_of(settings)
        _parquet_export(settings)
        if settings.ledger != self._settings.ledger:
            self._ledger_lock.try_other(settings.ledger)
            Ledger(settings.ledger, time.time).close()
        return settings


def _parquet_export(settings: Settings) -> ParquetExport | None:
    return ParquetExport.of(settings.facts) if settings.facts else None


def _remembered(statuses: Iterable[RegistryStatus]) -> tuple[list[Use], float | None]:
    """Return the uses of the last reports, and when they were read."""
    known = [each.known.snapshot for each in statuses if each.known is not None]
    uses = [use for snapshot in known for use in snapshot.uses]
    return uses, min((snapshot.taken_at for snapshot in known), default=None)


def _loaded(digest: str, settings: Settings) -> Reload:
    address, oldest = settings.external_url or "", _reference_max_age(settings)
    return Reload(digest, True, time.time(), address, oldest)


def _reference_max_age(settings: Settings) -> float:
    """Return the seconds after which references are stale; sources are read at every audit."""
    return min(settings.oldest(each.interval) for each in settings.registries).total_seconds()


def _digest(path: Path) -> str:
    """Return a hash of a file; nothing for one that `load` rejects."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
