"""The commands that a tag calls for: to look again, to repair it, to protect it."""

import shlex
from collections.abc import Iterator
from typing import Final

from exporter.facts.proof import State
from exporter.judge.content_findings import held, save
from exporter.judge.report import Child, Report, TagVerdict
from exporter.publish.blocks import Command
from exporter.publish.formatting import address
from exporter.screen import plain

_FIND: Final = "List who still has what is lost; --source names another registry or an archive"
_EXPORTED: Final = "for --source oci-archive:image.tar"


def remedies(report: Report, verdict: TagVerdict, again: str = "") -> tuple[Command, ...]:
    """Return the commands that a tag's state calls for, in the order in which to type them.

    `again` are the options by which pullproof reaches the same registry.
    """
    name = _word(address(report, verdict))
    reached = f"{name} {again}".rstrip()
    found = [Command("Audit it again", f"pullproof inspect {reached}")]
    lost = [each for each in verdict.children if each.required and _is_lost(each)]
    if lost or verdict.lacking_platforms:
        found += _repairs(name, reached, verdict, lost)
        found.append(Command("Verify the repair", f"pullproof check {reached}"))
    if verdict.root.tag and any(map(_is_bare, verdict.children)):
        found += [
            Command("List the keep tags that would protect it", f"pullproof protect {reached}"),
            Command("Set the keep tags", f"pullproof protect --apply {reached}"),
        ]
    return tuple(found)


def _repairs(name: str, reached: str, verdict: TagVerdict, lost: list[Child]) -> Iterator[Command]:
    """Restore the same digests from wherever they still are, cheapest first."""
    if lost:
        yield Command(_FIND, f"pullproof repair {reached}")
        yield Command("Upload it again", f"pullproof repair --apply {reached}")
    for child in lost:
        yield _from_node(name, verdict, child)


def _from_node(name: str, verdict: TagVerdict, child: Child) -> Command:
    found = held(verdict, child.platform)
    if found is not None:
        who, command = found
        return Command(f"Or export it, {_EXPORTED}; {who}", command)
    platform = str(child.platform) if child.platform else ""
    kind = f"{platform} node" if platform else "node"
    command = save(name, _word(platform) if platform else "")
    return Command(f"Or export it from a {kind} that still has it, {_EXPORTED}", command)


def _is_lost(child: Child) -> bool:
    """Return whether the same content heals it: not where only the image's words are wrong."""
    wrong = any(lack.wrong_diff_id for lack in child.lacks)
    return child.gone and not (wrong and not any(lack.is_loss for lack in child.lacks))


def _is_bare(child: Child) -> bool:
    """Return whether it is present, and the registry may remove it."""
    return child.expected and child.state is State.PRESENT and child.risk.endangers


def _word(text: str) -> str:
    """Return one word of a shell's line: registries write parts of it."""
    return shlex.quote(plain(text))
