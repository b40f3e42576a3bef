"""Options that several commands share, and how each kind is added. Imports nothing heavy."""

import argparse
from pathlib import Path
from typing import Any, TypeAlias

Options: TypeAlias = argparse._ActionsContainer  # noqa: SLF001 - parsers and groups of options


def value(to: Options, name: str, metavar: str, text: str, **more: Any) -> None:
    """Add an option or argument with one value; of an option, that is not empty."""
    if name.startswith("-"):
        more.setdefault("type", filled)
    to.add_argument(name, metavar=metavar, help=text, **more)


def filled(text: str) -> str:
    """Refuse what an unset variable in quotes leaves: `--cause ""` is not every cause."""
    if not text:
        raise argparse.ArgumentTypeError("must not be empty")
    return text


def path(text: str) -> Path:
    """Read a path likewise: no name is not the current folder."""
    return Path(filled(text))


def file(to: Options, name: str, text: str, metavar: str = "FILE", **more: Any) -> None:
    """Add one that names a file."""
    to.add_argument(name, metavar=metavar, help=text, type=path, **more)


def flag(to: Options, name: str, text: str) -> None:
    """Add an option without a value."""
    to.add_argument(name, action="store_true", help=text)


def choice(
    to: Options,
    name: str,
    choices: tuple[str, ...],
    text: str = "Output format",
    short: str = "",
    **more: Any,
) -> None:
    """Add an option with a fixed set of values; the first is the default."""
    text = f"{text} (default: %(default)s)"
    names = (short, name) if short else (name,)
    to.add_argument(*names, choices=choices, default=choices[0], help=text, **more)


def tags(parser: Options) -> None:
    """Add which tags of a registry are checked."""
    text = "Check only these tags of a registry (default: all); repeatable"
    value(parser, "--tags", "PATTERN", text, action="append", type=str)
    text = "Skip these tags of a registry; repeatable"
    value(parser, "--exclude-tags", "PATTERN", text, action="append", default=[], type=str)
    allow_empty(parser)


def allow_empty(parser: Options) -> None:
    """Add whether a registry may have no tags."""
    flag(parser, "--allow-empty", "Exit with 0 although a registry has no tags in scope")


def uses(parser: Options, text: str) -> None:
    """Add the sources of images in use: a file, a cluster."""
    file(parser, "--refs", text)
    kube(parser)


def kube(group: Options) -> None:
    """Add a cluster as a source of images in use."""
    text = "Also read images in use from a Kubernetes cluster (default: the current context)"
    # An empty name is the current context, as kubectl has it.
    value(group, "--kube", "CONTEXT", text, nargs="?", const="", type=str)


def bucket(group: Options) -> None:
    """Add how an object store is reached."""
    value(group, "--endpoint", "URL", "Address of an S3-compatible store")
    value(group, "--region", "NAME", "Region of the bucket")


def audit_once(parser: Options, *formats: str) -> None:
    """Add the options of every command that audits once and prints the result."""
    requests(parser)
    output(parser, *formats)
    save(parser)
    text = "Read a file written by --save or `snapshot` instead of a registry"
    file(parser, "--from", text, dest="saved")


def requests(parser: Options) -> None:
    """Add how registries are reached, for which platforms, and how fast."""
    parser.set_defaults(attachments=False)
    file(parser, "--config", "Use registries and credentials of the configuration of serve")
    flag(parser, "--plain-http", "Use http for registries, without TLS")
    file(parser, "--ca-file", "Additional CA certificate to trust", "PEM")
    flag(parser, "--insecure", "Do not verify certificates: anyone in between can forge answers")
    value(parser, "--username", "NAME", "User name; needs --password-stdin")
    flag(parser, "--password-stdin", "Read the password or token from standard input")
    text = "Docker config.json with credentials (default: those of docker and podman)"
    file(parser, "--docker-config", text)
    text = "Read manifests even if that changes pull times and the registry cleans up by them"
    flag(parser, "--count-pulls", text)
    text = "Required platform; repeatable (default: all that the image offers)"
    value(parser, "--platform", "OS/ARCH", text, action="append", default=[])
    text = "Maximum parallel requests (default: %(default)s)"
    value(parser, "--concurrency", "N", text, type=int, default=16)
    text = "Maximum requests per second (default: no limit)"
    value(parser, "--requests-per-second", "N", text, type=float)
    text = "Timeout of one request (default: %(default)s)"
    value(parser, "--timeout", "DURATION", text, default="30s")
    text = "Delay before a loss is confirmed by a second request (default: 3s, or as configured)"
    value(parser, "--confirm-after", "DURATION", text)
    text = "Log every request to standard error"
    parser.add_argument("-v", "--verbose", action="store_true", help=text)
    flag(parser, "--head-only", "Trust HEAD responses: faster, but proves nothing about the data")


def output(parser: Options, *more: str, text: str = "Output format") -> None:
    """Add the format of what is printed."""
    choice(parser, "--output", ("text", "json", "markdown", *more), text, short="-o")
    text = "Print nothing: only the exit code tells"
    parser.add_argument("-q", "--quiet", action="store_true", help=text)
    color(parser)


def color(parser: Options) -> None:
    """Add when colours are used."""
    parser.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        help="When to use colours (default: %(default)s, on a terminal)",
    )


def save(parser: Options) -> None:
    """Add a file for the results."""
    file(parser, "--save", "Save the results to a file, for --from")
