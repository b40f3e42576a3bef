"""Watches of one cluster: a thread per list follows it, and lists it again after an error."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from kubernetes.client import ApiClient

from exporter.facts.gap import Reason
from exporter.ports import Unseen
from exporter.sources.cluster.access import Access
from exporter.sources.cluster.api import Api, EventStream
from exporter.sources.cluster.kept import KeptList
from exporter.sources.cluster.resources import NODES, PODS, ApiResource

_log: Final = logging.getLogger("pullproof.cluster")

_PAGES: Final = 10
"""Total time for lists, in timeouts of a page."""
_SILENCE: Final = 150.0
"""Seconds without a sign of life after which a watch is opened anew: it may be dead.

API servers send a bookmark a minute, the first after two; older ones none of a kind that has not
changed since they started.
Source: Kubernetes v1.34, `apiserver/pkg/storage/cacher` (`dispatchEvents`).
"""
_OLDEST: Final = 3600.0
"""Seconds after which an audit lists again what is watched: so long a fault of a server's own
cache, or of a proxy, may hide anything."""
_MOST: Final = 100
"""Watches of one cluster, a thread and a connection each; further lists are listed by audits."""
_CREDENTIALS: Final = 300.0
"""Seconds for which new watches use the same credentials."""
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 15.0
"""Seconds between two attempts, doubled for each further one."""
_REFUSED: Final = 300.0
"""Seconds until a denied watch is tried again, if no audit lists its kind before."""
_TOGETHER: Final = 1.0
"""Seconds within which changes count as one."""
_REST, _REST_OF_PODS = 20, 400
"""How many times as long as it took to tell of a change the next one waits. Pods and nodes change
all the time, and what pods want was nearly always known from what makes them."""

_LOST: Final = frozenset({Reason.INCOMPLETE_LIST, Reason.MALFORMED, Reason.TOO_LARGE})
"""Reasons after which later events are missing."""
_FORBIDDEN: Final = frozenset({Reason.DENIED, Reason.UNSUPPORTED})

ListName = tuple[ApiResource, str]
"""A kind and a namespace; empty is all namespaces."""


class ClusterWatch:
    """Watches of one cluster. `changed` is called, in a thread, soon after any change."""

    def __init__(self, access: Access, changed: Callable[[], None]) -> None:
        """Begin without watches."""
        self._changed = changed
        self._connection = _Connection(access)
        self._followers: dict[ListName, _Follower] = {}
        self._over = threading.Event()
        self._news, self._urgent = threading.Event(), threading.Event()
        threading.Thread(target=self._tell, name="cluster-news", daemon=True).start()

    def api(self) -> Api:
        """Return the API with recent credentials. Raises `Unseen`."""
        return self._connection.api()

    def follow(self, name: ListName, kept: KeptList) -> None:
        """Watch a list that was just read; at once if that failed before."""
        if known := self._followers.get(name):
            known.retry()
        elif len(self._followers) < _MOST:
            follower = _Follower(*name, kept, self._connection, self._note, self._over)
            self._followers[name] = follower
            threading.Thread(target=follower.run, name="cluster-watch", daemon=True).start()

    def is_current(self, name: ListName) -> bool:
        """Does a watch keep a list current?"""
        follower = self._followers.get(name)
        return follower is not None and follower.is_current

    def follows(self, name: ListName) -> bool | None:
        """Is a list watched, whether or not any event came yet?

        None if it cannot be: the server serves no watch of it, or there are too many lists.
        """
        if follower := self._followers.get(name):
            return follower.follows
        return False if len(self._followers) < _MOST else None

    def close(self) -> None:
        """End all watches."""
        for event in (self._over, self._news, self._urgent):
            event.set()
        # A copy: an audit that still runs may add one meanwhile.
        for follower in tuple(self._followers.values()):
            follower.interrupt()

    def _note(self, resource: ApiResource) -> None:
        if resource not in (NODES, PODS):
            self._urgent.set()
        self._news.set()

    def _tell(self) -> None:
        ended = cost = 0.0
        while not self._over.is_set():
            self._news.wait()
            self._over.wait(_TOGETHER)
            self._urgent.wait(max(0.0, ended + _REST_OF_PODS * cost - time.monotonic()))
            self._over.wait(max(0.0, ended + _REST * cost - time.monotonic()))
            if self._over.is_set():
                return
            self._news.clear()
            self._urgent.clear()
            began = time.thread_time()
            try:
                self._changed()
            except Exception:  # noqa: BLE001 - the next audit sees what is not told here
                _log.exception("change of a cluster not told")
            ended, cost = time.monotonic(), time.thread_time() - began


@dataclass(slots=True)
class _Connection:
    """One client for all watches. Its credentials are renewed every few minutes."""

    access: Access
    _client: ApiClient | None = None
    _opened: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def api(self) -> Api:
        with self._lock:
            now = time.monotonic()
            if self._client is None or now > self._opened + _CREDENTIALS:
                self._client, self._opened = self.access.open(), now
            timeout = self.access.timeout
            return Api(self.access.name, self._client, timeout, now + _PAGES * timeout)

    def forget(self) -> None:
        """Renew the credentials at the next use."""
        self._client = None


@dataclass(slots=True)
class _Follower:
    """The watch of one list, in a thread of its own."""

    resource: ApiResource
    namespace: str
    kept: KeptList
    connection: _Connection
    changed: Callable[[ApiResource], None]
    over: threading.Event
    again: threading.Event = field(default_factory=threading.Event)
    """Ends the pause before the next attempt."""
    follows: bool | None = False
    """Did the last attempt succeed? None if the server serves no watch of the list."""
    _stream: EventStream | None = None
    _listing: int = 0
    """Number of the list that the stream follows."""
    _tried: float = 0.0
    """Start of the last attempt, on the monotonic clock."""

    @property
    def is_current(self) -> bool:
        """Does the watch keep the list current? Only if an event came lately."""
        stream, listed = self._stream, self.kept.listed
        if stream is None or stream.heard is None or listed is None:
            return False
        now = time.monotonic()
        fresh = now - stream.heard < _SILENCE and now - listed < _OLDEST
        return fresh and self._listing == self.kept.position[0]

    def interrupt(self) -> None:
        """End the open watch, or the pause before the next."""
        self.again.set()
        if stream := self._stream:
            stream.close()

    def retry(self) -> None:
        """Try again now, if the last attempt was not just made."""
        if time.monotonic() - self._tried > _LONGEST_PAUSE:
            self.again.set()

    def run(self) -> None:
        """Watch the list until it ends."""
        pause = 0.0
        while True:
            self.again.wait(pause)
            self.again.clear()
            if self.over.is_set():
                return
            try:
                pause = self._attempt(pause)
            except Exception:  # noqa: BLE001 - audits list what is not followed
                _log.exception("watch failed", extra=self._named())
                pause = _REFUSED

    def _attempt(self, pause: float) -> float:
        """Run one watch to its end; return the pause before the next."""
        began, heard = time.monotonic(), False
        self._tried = began
        try:
            heard = self._follow()
        except Unseen as unseen:
            self.follows = None if unseen.reason is Reason.UNSUPPORTED else False
            if unseen.reason in _FORBIDDEN:
                _log.info("kind is listed, not watched", extra=self._named(unseen))
                return _REFUSED
            if unseen.reason is Reason.UNAUTHORIZED:
                self.connection.forget()
            if unseen.reason in _LOST:
                self._relist()
        if time.monotonic() - began > _LONGEST_PAUSE:
            return 0.0  # it ended as they do, or was silent
        return _FIRST_PAUSE if heard else min(max(_FIRST_PAUSE, 2 * pause), _LONGEST_PAUSE)

    def _follow(self) -> bool:
        """Run one watch; return whether any event came. Raises `Unseen`."""
        self._listing, version = self.kept.position
        if not version:
            return False
        stream = self.connection.api().watched(self.resource, self.namespace, version, _SILENCE)
        self._stream = stream
        if self.over.is_set():
            stream.close()
        if not self.follows:
            self.follows = True
            self.changed(self.resource)
        try:
            for event in stream:
                changed = self.kept.apply(event, self._listing)
                if changed:
                    self.changed(self.resource)
                if changed is None or self.over.is_set():
                    break
        finally:
            self._stream = None
            stream.close()
        return stream.heard is not None

    def _relist(self) -> None:
        try:
            found = self.connection.api().listed(self.resource, self.namespace)
        except Unseen:
            return  # an audit lists it again, and tells why it cannot
        if self.kept.replace(*found):
            self.changed(self.resource)

    def _named(self, cause: object = "") -> dict[str, object]:
        named = {"source": self.connection.access.name, "kind": self.resource.subject}
        return {**named, "cause": str(cause)}
