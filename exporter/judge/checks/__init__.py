"""The checks: each module here is one."""

import pkgutil
from importlib import import_module
from typing import Final

from exporter.judge.check import Check


def discover() -> tuple[Check, ...]:
    """Return the check of each module of this package: what breaks a pull first, then by code."""
    names = (module.name for module in pkgutil.iter_modules(__path__))
    found: list[Check] = [import_module(f"{__name__}.{name}").CHECK for name in names]
    return tuple(sorted(found, key=lambda each: (not each.rule.breaks_pull, each.rule.code)))


CHECKS: Final = discover()
