"""The events of registries: their senders, and the audits that they cause."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from exporter.config.registry import EventsSettings
from exporter.config.secrets import NoSecret, events_token
from exporter.config.settings import Settings
from exporter.facts.focus import Focus
from exporter.facts.gap import Reason
from exporter.facts.snapshot import Snapshot
from exporter.oci.reference import Repository
from exporter.ports import Unseen
from exporter.publish.web.event_request import EventReceiver
from exporter.resolve.target import Target
from exporter.serve.audit_job import Watched
from exporter.serve.board import Board
from exporter.serve.event_queue import EventQueue
from exporter.serve.schedule import Schedule
from exporter.tally import EventTally


def event_queues(
    watched: Iterable[Watched],
    board: Board,
    schedule: Schedule,
    wake: Callable[[Callable[[], object]], None],
) -> dict[str, EventQueue]:
    """Return the queue of each registry with events, by its name."""

    def queue(each: Watched, tally: EventTally) -> EventQueue:
        async def request(focus: Focus | None) -> bool:
            before = board.find(each.name)
            await schedule.audited(each.name, focus)
            after = board.find(each.name)
            return after is not None and after.known is not (before.known if before else None)

        audited = AuditedRepositories(each.target, board)
        return EventQueue(each.name, audited.admits, request, wake, tally)

    return {each.name: queue(each, each.events) for each in watched if each.events is not None}


def receivers(settings: Settings, queues: Mapping[str, EventQueue]) -> Mapping[str, EventReceiver]:
    """Return what takes the events of each registry that has a queue, by its name."""
    found = {each.label: each.events for each in settings.registries if each.events}
    return {
        name: EventReceiver(partial(read_token, found[name]), queue.take, queue.tally)
        for name, queue in queues.items()
    }


def read_token(settings: EventsSettings) -> str:
    """Read the token of a registry's events; raises `Unseen`."""
    try:
        return events_token(settings)
    except NoSecret as missing:
        raise Unseen("events", Reason.CREDENTIALS, str(missing)) from missing


@dataclass(slots=True)
class AuditedRepositories:
    """The repositories whose events cause an audit here: those of this shard and in scope.

    Nothing is requested of a proxy, and out of scope only what the last audit looked at all the
    same, because something uses it.
    """

    target: Target
    board: Board
    _snapshot: Snapshot | None = field(default=None, init=False)
    _known: frozenset[Repository] = field(default=frozenset(), init=False)

    def admits(self, repository: Repository) -> bool:
        """May an event of a repository cause an audit?"""
        if not self.target.asks(repository):
            return False
        return self.target.scope.covers(repository) or repository in self._audited()

    def _audited(self) -> frozenset[Repository]:
        status = self.board.find(self.target.registry.name)
        snapshot = status.known.snapshot if status and status.known else None
        if snapshot is not self._snapshot:
            self._snapshot = snapshot
            self._known = (
                frozenset(each.repository for each in snapshot.roots) if snapshot else frozenset()
            )
        return self._known
