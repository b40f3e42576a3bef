"""The commands that a tag calls for: to audit it again, to repair it, to protect it."""

import shlex
from typing import Final

from exporter.facts.proof import State
from exporter.judge.content_findings import ARCHIVE, held, save
from exporter.judge.report import Report
from exporter.judge.tag_verdict import Child, TagVerdict
from exporter.oci.digest import Digest
from exporter.publish.blocks import Command
from exporter.publish.formatting import address, whole_registry
from exporter.publish.invocation import Invocation
from exporter.screen import plain

_FIND: Final = "Find copies of the lost content; --source looks in another registry or an archive"
_AGAIN: Final = (
    "Upload the lost content; the account must be allowed to push (--push-docker-config FILE)"
)


def remedies(report: Report, verdict: TagVerdict, invocation: Invocation) -> tuple[Command, ...]:
    """Return the commands that a tag's state calls for, in the order in which to type them."""
    name = address(report, verdict)

    def typed(*words: str) -> str:
        return invocation.command(report, *words, name)

    found = [Command("Audit it again", typed("inspect"))]
    lost = [each for each in verdict.children if each.required and _is_lost(each)]
    if lost:
        found += [Command(_FIND, typed("repair")), Command(_AGAIN, typed("repair", "--apply"))]
        # One file each: what one node exports must not replace what another did.
        archives = [ARCHIVE, *(f"image-{number}.tar" for number in range(2, len(lost) + 1))]
        exports = zip(lost, archives, strict=True)
        found += [_from_node(name, verdict, child, archive) for child, archive in exports]
        found += invocation.pushes(report, archives, "repair", "--apply", name)
    if lost or verdict.lacking_platforms:
        found.append(Command("Verify the repair", typed("check")))
    if verdict.root.tag and any(map(_is_bare, verdict.children)):
        found += [
            Command("List the keep tags that would protect it", typed("protect")),
            Command("Set the keep tags", typed("protect", "--apply")),
        ]
    return tuple(found)


def cause_remedies(report: Report, digest: Digest, invocation: Invocation) -> tuple[Command, ...]:
    """Return the commands that repair every tag that one digest breaks; none that breaks none."""
    causes = (each for each in report.causes if each.lack.digest == digest)
    if all(each.lack.wrong_diff_id for each in causes):
        return ()
    words = "repair", whole_registry(report), "--cause", digest
    return (
        Command(_FIND, invocation.command(report, *words)),
        Command(_AGAIN, invocation.command(report, *words, "--apply")),
    )


def _from_node(name: str, verdict: TagVerdict, child: Child, archive: str) -> Command:
    found = held(verdict, child.platform, archive)
    if found is not None:
        who, command = found
        return Command(f"Or export the image: {who}", command)
    platform = str(child.platform) if child.platform else ""
    kind = f"{platform} node" if platform else "node"
    command = save(_word(name), _word(platform) if platform else "", archive)
    return Command(f"Or export the image from a {kind} that still has it", command)


def _is_lost(child: Child) -> bool:
    """Return whether the same content repairs it: not if only its diff ids are wrong."""
    wrong = any(lack.wrong_diff_id for lack in child.lacks)
    return child.gone and not (wrong and not any(lack.is_loss for lack in child.lacks))


def _is_bare(child: Child) -> bool:
    """Return whether it is present, and the registry may remove it."""
    return child.expected and child.state is State.PRESENT and child.risk.endangers


def _word(text: str) -> str:
    """Return one word of a shell's line: registries write parts of it."""
    return shlex.quote(plain(text))
