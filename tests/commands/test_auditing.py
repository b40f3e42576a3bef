"""What commands share: the line of progress, and a coroutine run to its end."""

from __future__ import annotations

import asyncio
from contextlib import redirect_stderr
from io import StringIO

import pytest

from exporter.cli import _parser
from exporter.commands.auditing import aimed, finished, showing
from exporter.commands.subjects import Subjects
from exporter.resolve.scope import AuditScope
from tests.fakes import APP, Fake, target

WIPE = "\r\x1b[K"


class Terminal(StringIO):
    """Keeps what was written to it."""

    def isatty(self) -> bool:
        return True


async def shown(there: StringIO) -> str:
    with redirect_stderr(there):
        async with showing(lambda: "3 answered"):
            await asyncio.sleep(0)
    return there.getvalue()


async def test_on_a_terminal_the_line_is_shown_and_wiped() -> None:
    assert await shown(Terminal()) == f"{WIPE}3 answered{WIPE}"


async def test_a_file_gets_no_line() -> None:
    assert await shown(StringIO()) == ""


async def failing() -> None:
    async with showing(lambda: "3 answered"):
        await asyncio.sleep(0)
        raise ZeroDivisionError


async def test_the_line_is_wiped_after_a_fault_too() -> None:
    terminal = Terminal()

    with redirect_stderr(terminal), pytest.raises(ZeroDivisionError):
        await failing()

    assert terminal.getvalue().endswith(WIPE)


@pytest.mark.parametrize("catalogue", [True, False])
def test_a_registry_by_its_host_is_listed_as_it_is_configured(*, catalogue: bool) -> None:
    """Quay's token server grants no catalogue: whoever configures that does not want it asked."""
    known = target(Fake(), scope=AuditScope(catalogue=catalogue, listed=(APP,)))
    (host,) = known.hosts
    args = _parser().parse_args(["check", host, "--exclude-tags", "*-rc*"])

    scope = aimed(args, Subjects(registries=known.hosts), known).scope

    assert (scope.catalogue, scope.listed) == (catalogue, (APP,))
    assert (scope.select, scope.only_tags, scope.never_tags) == (("*",), ("*",), ("*-rc*",))


class Large:
    def __repr__(self) -> str:
        raise AssertionError("of a large report no text is made")


def test_no_text_is_made_of_what_a_command_finds() -> None:
    large = Large()

    async def work() -> Large:
        return large

    assert finished(work()) is large
