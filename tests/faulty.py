"""Which call of an adapter fails unexpectedly? Any adapter, with one fault in it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final


class OutOfMemory(MemoryError):
    """What an allocation may raise."""


def _no_utf8() -> Exception:
    return UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")


FAULTS: Final[dict[str, Callable[[], Exception]]] = {
    "RuntimeError": lambda: RuntimeError("a fault"),
    "MemoryError": OutOfMemory,
    "UnicodeEncodeError": _no_utf8,
    "RecursionError": lambda: RecursionError("maximum recursion depth exceeded"),
    "KeyError": lambda: KeyError("missing"),
    "ExceptionGroup": lambda: ExceptionGroup("several", [ValueError("one"), TypeError("two")]),
}


@dataclass
class Injected:
    """One fault: which method raises what, at its first call only or at every one."""

    method: str
    fault: Callable[[], Exception]
    every: bool
    calls: list[tuple[object, ...]] = field(default_factory=list)
    """The arguments of each call that failed."""

    def strike(self, arguments: tuple[object, ...]) -> None:
        if self.every or not self.calls:
            self.calls.append(arguments)
            raise self.fault()


class Faulty:
    """An adapter with a fault in it; all else is as the adapter has it."""

    def __init__(self, adapter: object, injected: Injected) -> None:
        self._adapter, self._injected = adapter, injected

    def __getattr__(self, name: str) -> Any:
        if name == self._injected.method and not callable(getattr(self._adapter, name)):
            self._injected.strike(())
        found = getattr(self._adapter, name)
        if name != self._injected.method or not callable(found):
            return found
        if inspect.iscoroutinefunction(found):

            @functools.wraps(found)
            async def fails(*arguments: object, **named: object) -> Any:
                self._injected.strike(arguments)
                return await found(*arguments, **named)

            return fails

        @functools.wraps(found)
        def fails_at_once(*arguments: object, **named: object) -> Any:
            self._injected.strike(arguments)
            return found(*arguments, **named)

        return fails_at_once
