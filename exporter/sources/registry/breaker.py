"""Is a registry dead, so that asking it on would only cost time?"""

from __future__ import annotations

import logging
from typing import Final

from exporter.facts.gap import UNREACHED, Reason
from exporter.ports import Unseen
from exporter.sources.registry.limits import RequestLimits

_LOG: Final = logging.getLogger("pullproof.registry")
_DEADLY: Final = UNREACHED | {Reason.RATE_LIMITED, Reason.SERVER_ERROR}
"""What a registry that is gone answers to everything; the rest is about one request."""


class Breaker:
    """Open after so many failures in a row without one sign of life; `now` is in seconds."""

    def __init__(self, registry: str, limits: RequestLimits) -> None:
        self._registry = registry
        self._most = limits.failures
        self._probe_after = limits.probe_after
        self._count = 0
        self._signs = 0
        self._last: Unseen | None = None
        self._next_probe = 0.0

    def admit(self, subject: str, now: float) -> None:
        """Let a request through, or raise the last failure for it: one now and then may probe."""
        if self._last is None:
            return
        if now >= self._next_probe:
            self._next_probe = now + self._probe_after
            return
        raise Unseen(subject, self._last.reason, self._last.detail)

    def failed(self, failure: Unseen, signs: int, now: float) -> None:
        """Note that a request failed for good; `signs` counts the signs of life so far."""
        alive, self._signs = signs != self._signs, signs
        if failure.reason not in _DEADLY:
            if alive:
                self.answered()
            return
        self._count = 0 if alive else self._count + 1
        if self._count >= self._most:
            if self._last is None:
                _LOG.warning("%s: unreachable (%s)", self._registry, failure.reason)
            self._last = failure
            self._next_probe = now + self._probe_after

    def answered(self) -> None:
        """Note a response: everybody may ask again."""
        if self._last is not None:
            _LOG.info("%s: reachable again", self._registry)
        self._count, self._last = 0, None
