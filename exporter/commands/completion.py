"""`completion`: prints the completion script of a shell, made from the parser."""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Final

from exporter.commands.answer import Exit
from exporter.commands.shared_options import path


@dataclass(frozen=True, slots=True)
class CompletedOption:
    """One option or argument, for completion and for the man page."""

    names: tuple[str, ...]
    """Short and long; none of an argument."""
    metavar: str
    help: str
    takes_value: bool
    choices: tuple[str, ...]
    is_file: bool


@dataclass(frozen=True, slots=True)
class CompletedCommand:
    """One command with its options; those of its actions are its own."""

    name: str
    help: str
    options: tuple[CompletedOption, ...]


def run(args: argparse.Namespace, _: Mapping[str, str]) -> int:
    """Answer the command."""
    sys.stdout.write(_SHELLS[args.shell](completed(args.parser)))
    return Exit.WELL


def completed(parser: argparse.ArgumentParser) -> tuple[CompletedCommand, ...]:
    """Return the commands of a parser."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no other list
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - argparse names it nowhere else
            helps = {each.dest: each.help or "" for each in action._choices_actions}  # noqa: SLF001 - as nowhere public
            return tuple(
                CompletedCommand(name, helps[name], tuple(_options(below)))
                for name, below in action.choices.items()
            )
    return ()


def _options(parser: argparse.ArgumentParser) -> Iterator[CompletedOption]:
    for action in parser._actions:  # noqa: SLF001 - argparse has no other list
        takes = action.nargs != 0
        chosen = tuple(map(str, action.choices or ()))
        said = (action.help or "") % {"default": action.default}
        names = tuple(action.option_strings)
        shown = action.metavar or "|".join(chosen)
        yield CompletedOption(names, str(shown), said, takes, chosen, action.type is path)
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - its actions' options
            for below in action.choices.values():
                yield from _options(below)


def _bash(commands: Sequence[CompletedCommand]) -> str:
    values, words = [], []
    for command in commands:
        named = [name for each in command.options for name in each.names]
        given = [word for each in command.options if not each.names for word in each.choices]
        offered = quote(" ".join(given or dict.fromkeys(named)))
        options = f"; [[ $cur != -* ]] || words={quote(' '.join(dict.fromkeys(named)))}"
        words.append(f"    {command.name}) words={offered}{options if given else ''} ;;")
        for each in command.options:
            if each.names and each.takes_value:
                keys = "|".join(quote(f"{command.name} {name}") for name in each.names)
                found = f"-W {quote(' '.join(each.choices))}" if each.choices else "-f"
                values.append(f'    {keys}) COMPREPLY=($(compgen {found} -- "$cur")); return ;;')
    every = quote(" ".join(each.name for each in commands))
    return _BASH.format(commands=every, values="\n".join(values), words="\n".join(words))


_BASH: Final = """\
# bash: source <(pullproof completion bash)
_pullproof() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}}
  local command=${{COMP_WORDS[1]}} words
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W {commands} -- "$cur"))
    return
  fi
  # bash makes a word of the = in --option=value.
  if [[ $cur == = ]]; then
    cur=
  elif [[ $prev == = ]]; then
    prev=${{COMP_WORDS[COMP_CWORD-2]}}
  fi
  case "$command $prev" in
{values}
  esac
  case $command in
{words}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}}
complete -o default -F _pullproof pullproof
"""


def _zsh(commands: Sequence[CompletedCommand]) -> str:
    listed = "\n".join(f"    {quote(f'{each.name}:{each.help}')}" for each in commands)
    cases = []
    for command in commands:
        specs = (*_rest(command), *(spec for each in command.options for spec in _specs(each)))
        lines = " \\\n".join(f"      {spec}" for spec in specs)
        cases.append(f"    {command.name}) _arguments \\\n{lines} ;;")
    return _ZSH.format(commands=listed, cases="\n".join(cases))


def _rest(command: CompletedCommand) -> Iterator[str]:
    """Yield the specifications of the arguments: `_arguments` takes one at most for the rest."""
    given = [each for each in command.options if not each.names]
    if given and given[0].choices:
        yield quote(f"1:argument:({' '.join(given.pop(0).choices)})")
    if given:
        yield quote("*:argument:_files")


def _specs(option: CompletedOption) -> Iterator[str]:
    """Yield the specifications of an option for `_arguments`: one for each of its names."""
    value = "_files" if option.is_file or not option.choices else f"({' '.join(option.choices)})"
    text = "".join(f"\\{each}" if each in "[]:\\" else each for each in option.help)
    for name in option.names:
        yield quote(f"*{name}[{text}]{f':value:{value}' if option.takes_value else ''}")


_ZSH: Final = """\
#compdef pullproof
# zsh: pullproof completion zsh > "${{fpath[1]}}/_pullproof"
_pullproof() {{
  local -a commands=(
{commands}
  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  shift words
  ((CURRENT--))
  case $words[1] in
{cases}
  esac
}}
if [[ $funcstack[1] == _pullproof ]]; then
  _pullproof
else
  compdef _pullproof pullproof
fi
"""


def _fish(commands: Sequence[CompletedCommand]) -> str:
    lines = ["# fish: pullproof completion fish | source"]
    for command in commands:
        about = f"-a {command.name} -d {_fish_quoted(command.help)}"
        lines.append(f"complete -c pullproof -n __fish_use_subcommand -f {about}")
        seen = f"complete -c pullproof -n '__fish_seen_subcommand_from {command.name}'"
        for each in command.options:
            named = [
                f"-l {name[2:]}" if name[:2] == "--" else f"-s {name[1:]}" for name in each.names
            ]
            if each.choices:
                named.append(f"-a {_fish_quoted(' '.join(each.choices))}")
            if not named:
                continue
            kind = "-r" if each.takes_value and not each.choices else "-x" if each.names else "-f"
            flag = [kind] if each.takes_value else []
            lines.append(" ".join([seen, *named, *flag, "-d", _fish_quoted(each.help)]))
    return "\n".join(lines) + "\n"


def _fish_quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


_SHELLS: Final[Mapping[str, Callable[[Sequence[CompletedCommand]], str]]] = {
    "bash": _bash,
    "zsh": _zsh,
    "fish": _fish,
}
