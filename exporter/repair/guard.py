"""Adapters of a repair behind a guard: an unexpected exception costs one step, never the repair."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from exporter.ports import Full, Unseen
from exporter.resolve.guard import Faults

Adapter = TypeVar("Adapter")


def guarded(adapter: Adapter, faults: Faults) -> Adapter:
    """Return an adapter whose methods raise nothing but `Unseen` and `Full`."""
    return cast("Adapter", _Guarded(adapter, faults))


@dataclass(frozen=True, slots=True)
class _Guarded:
    adapter: object
    faults: Faults

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.adapter, name)
        return self._asking(call) if callable(call) else call

    def _asking(self, call: Callable[..., Any]) -> Callable[..., Any]:
        async def ask(*about: Any, **how: Any) -> Any:
            try:
                return await call(*about, **how)
            except (Unseen, Full):
                raise
            except Exception as error:
                raise self.faults.unseen(str(about[0]), call, error) from error

        return ask
