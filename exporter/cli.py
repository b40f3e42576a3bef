"""The command line: parses it, runs the command and returns its exit code.

Exit codes: 0 all requested images can be pulled, 1 one cannot, 2 usage error, 3 inconclusive, also
for an internal error. Commands import heavy modules themselves, so that `--help` answers at once.
"""

import argparse
import importlib
import io
import os
import re
import signal
import sys
import traceback
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Any, Final, NoReturn

from exporter import __version__
from exporter.commands import Refused, Unreached
from exporter.commands.arguments import COMMANDS, PULLED
from exporter.screen import screened

USAGE: Final = 2
UNTOLD: Final = 3
_OUTPUT: Final = 1
"""The file descriptor of standard output."""
_INTERRUPTED: Final = 130
_READER_GONE: Final = 141
_DEBUG: Final = "PULLPROOF_DEBUG"
_CHOICE: Final = re.compile(r"invalid choice: '([^']*)' \(choose from (.*)")
_UNKNOWN: Final = re.compile(r"unrecognized arguments: (--?[^ =]+)")
_OPTION: Final = re.compile(r"--?[A-Za-z]")
_MANY: Final = 8
"""Choices that are not repeated: the commands."""
_LONGEST: Final = 500
"""Characters of an error's own text."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Whatever goes wrong is one line on standard error; `PULLPROOF_DEBUG=1` adds the traceback.
    """
    _reopen()
    with screened():
        try:
            args = _parser().parse_args(arguments)
        except SystemExit:
            try:
                sys.stdout.flush()
            except OSError:
                _end_output()
            raise
    if args.command == "serve" and not args.check_config:
        _hear()
    else:
        signal.signal(signal.SIGTERM, _die)
    with screened(getattr(args, "color", "auto")):
        return _run(args)


def _run(args: argparse.Namespace) -> int:
    try:
        command = importlib.import_module(f"exporter.commands.{args.command}")
        if getattr(args, "subjects", None) and getattr(args, "config", None):
            subjects = importlib.import_module("exporter.commands.subjects")
            args.subjects = subjects.with_hosts(args.subjects, args.config, os.environ)
        if getattr(args, "verbose", False):
            _log_requests()
        code = int(command.run(args, os.environ))
        sys.stdout.flush()
    except Refused as refused:
        print(f"pullproof: {refused}", file=sys.stderr)  # noqa: T201 - the terminal is ours
        return USAGE
    except Unreached as unreached:
        for line in unreached.args:
            print(f"pullproof: {line}", file=sys.stderr)  # noqa: T201 - the terminal is ours
        return UNTOLD
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:  # whoever read the output went away
        _end_output()
        return _READER_GONE
    except Exception as error:  # noqa: BLE001 - the boundary of a command
        # Python would end with 1, which says that an image cannot be pulled: nothing proves that.
        return _failed(error)
    return code


def _failed(error: Exception) -> int:
    """Say what went wrong; the output may be what failed, or the folder that the shell is in."""
    if fault := getattr(sys.stdout, "fault", None):
        _end_output()
        sys.stderr.write(f"pullproof: the answer cannot be written: {fault.strerror}\n")
    elif isinstance(error, FileNotFoundError) and _is_nowhere():
        sys.stderr.write("pullproof: the current folder was removed; change to another\n")
        return USAGE
    else:
        _tell(error)
    return UNTOLD


def _is_nowhere() -> bool:
    """Was the folder removed that the shell is in?"""
    try:
        os.getcwd()  # noqa: PTH109 - `pathlib` would have to be loaded
    except FileNotFoundError:
        return True
    return False


def _reopen() -> None:
    """Put something in the place of streams that were closed before the start.

    Else the next file that is opened would be in their place. Standard output can then not be
    written, as is right for an answer that nobody can read. Characters that its encoding lacks
    are escaped, as Python does on standard error.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            file = os.open(os.devnull, os.O_RDONLY if number == _OUTPUT else os.O_RDWR)
            if file != number:
                os.dup2(file, number)
                os.close(file)
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8"))  # noqa: SIM115, PTH123 - a stream, open to the end
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _log_requests() -> None:
    import logging  # noqa: PLC0415 - only --verbose needs it

    logging.basicConfig(format="pullproof: %(message)s", stream=sys.stderr)
    logging.getLogger("exporter.sources.registry").setLevel(logging.DEBUG)


def _tell(error: Exception) -> None:
    """Say in one line what went wrong inside, and where more is to be had."""
    if os.environ.get(_DEBUG):
        traceback.print_exception(error)
    said = " ".join(str(error).split())[:_LONGEST]
    sys.stderr.write(
        f"pullproof: internal error: {type(error).__name__}: {said} "
        f"(set {_DEBUG}=1 for the traceback)\n"
    )


def _hear() -> None:
    """Answer signals until the service does: a stop is a stop, and a reload has nothing to do yet.

    The first process of a container would not even notice what it does not ask for.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _die(number: int, _: object) -> None:
    """End by a signal, as if it had not been heard, and leave no helper or plugin behind."""
    if programs := sys.modules.get("exporter.sources.program"):
        programs.end_all()
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)


def _end_output() -> None:
    """Drop what was not written yet: writing it at exit would fail once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), _OUTPUT)


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong: a whole usage would hide it."""

    def __init__(self, **options: Any) -> None:
        """Take options by their whole names: one that is new may not make another ambiguous."""
        super().__init__(allow_abbrev=False, add_help=False, **options)
        self.add_argument("-h", "--help", action="help", help="Show this help and exit")

    def _get_formatter(self) -> argparse.HelpFormatter:
        """Leave room for the longest command: argparse forgets that commands are indented."""
        formatter = super()._get_formatter()
        formatter._action_max_length = max(map(len, COMMANDS)) + 4  # noqa: SLF001 - it has no option
        return formatter

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Read a command's own part; it reports unknown arguments itself, and first."""
        for word in self._own(sys.argv[1:] if args is None else args):
            names = {word.partition("=")[0], word[:2]}
            if _OPTION.match(word) and not names & self._option_string_actions.keys():
                self.error(f"unrecognized arguments: {word}")
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown

    def _own(self, words: Sequence[str]) -> Iterable[str]:
        """Return the words before a command's name, which has a parser of its own."""
        alone = self._subparsers is None
        return takewhile(lambda word: word != "--" and (alone or word.startswith("-")), words)

    def error(self, message: str) -> NoReturn:
        """End with the mistake, and with the nearest known name or the way to the help."""
        known: list[str] = list(self._option_string_actions)
        chosen = _CHOICE.search(message)
        if chosen:
            known = [each.strip(" ')") for each in chosen[2].split(",")]
            if len(known) >= _MANY:
                kind = "command" if self._subparsers else "name"
                message = f"unknown {kind} {chosen[1]}"
            else:  # later Pythons 3.12 and 3.13 do not quote them
                message = message[: chosen.start(2)] + ", ".join(known) + ")"
        typed = chosen or _UNKNOWN.search(message)
        near = _nearest(typed[1], known) if typed else ""
        after = "; options of a command follow its name" if typed and self._subparsers else ""
        help_ = f"see {self.prog} --help{'' if chosen else after}"
        meant = f"did you mean {near}?" if near else help_
        self.exit(USAGE, f"{self.prog}: {message}; {meant}\n")


def _nearest(typed: str, known: Iterable[str]) -> str:
    """Return what was probably meant; empty where nothing is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - only a mistake needs it

    return next(iter(get_close_matches(typed.partition("=")[0], known, 1)), "")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="pullproof",
        description="Prove that every image a cluster may need can still be pulled.",
        epilog=PULLED,
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"pullproof {__version__}",
        help="Show the version and exit",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (add, short, description, exit_codes) in COMMANDS.items():
        add(commands.add_parser(name, help=short, description=description, epilog=exit_codes))
    commands.choices["completion"].set_defaults(parser=parser)
    return parser
