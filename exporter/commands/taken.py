"""Options that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path


def tags(parser: argparse.ArgumentParser) -> None:
    """Add the selection of tags of a registry."""
    parser.add_argument(
        "--tags",
        action="append",
        metavar="PATTERN",
        help="Check only these tags of a registry, besides latest (default: all); repeatable",
    )
    parser.add_argument(
        "--exclude-tags",
        action="append",
        default=[],
        metavar="PATTERN",
        help="Skip these tags of a registry, except latest; repeatable",
    )


def listed(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the sources of images in use: a file, a cluster."""
    parser.add_argument("--refs", type=Path, metavar="FILE", help=what)
    kube(parser)


def kube(group: argparse._ActionsContainer) -> None:
    """Add a cluster as a source of images in use."""
    group.add_argument(
        "--kube",
        nargs="?",
        const="",
        metavar="CONTEXT",
        help="Also read images in use from a Kubernetes cluster (default: the current context)",
    )


def store(group: argparse._ActionsContainer) -> None:
    """Add the address of an object store."""
    group.add_argument("--endpoint", metavar="URL", help="Address of an S3-compatible store")
    group.add_argument("--region", metavar="NAME", help="Region of the bucket")


def common(parser: argparse.ArgumentParser) -> None:
    """Add the options of every command that audits once and prints the result."""
    asking(parser)
    saying(parser)
    saving(parser)
    parser.add_argument(
        "--from",
        dest="saved",
        type=Path,
        metavar="FILE",
        help="Read a file written by --save or `snapshot` instead of a registry",
    )


def asking(parser: argparse.ArgumentParser) -> None:
    """Add how registries are reached, and for which platforms."""
    _reaching(parser)
    parser.add_argument(
        "--platform",
        action="append",
        default=[],
        metavar="OS/ARCH",
        help="Required platform; repeatable (default: all that the image offers)",
    )
    _pacing(parser)


def _reaching(parser: argparse.ArgumentParser) -> None:
    """Add the addresses of registries and the credentials."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="Use registries and credentials of the configuration of serve",
    )
    parser.add_argument(
        "--plain-http", action="store_true", help="Use http for registries, without TLS"
    )
    parser.add_argument(
        "--ca-file",
        type=Path,
        metavar="PEM",
        help="Additional CA certificate to trust",
    )
    parser.add_argument("--username", metavar="NAME", help="User name; needs --password-stdin")
    parser.add_argument(
        "--password-stdin",
        action="store_true",
        help="Read the password or token from standard input",
    )
    parser.add_argument(
        "--docker-config",
        type=Path,
        metavar="FILE",
        help="Docker config.json with credentials (default: those of docker and podman)",
    )


def _pacing(parser: argparse.ArgumentParser) -> None:
    """Add limits of the requests, and what counts as proof."""
    parser.add_argument(
        "--concurrency",
        type=int,
        default=16,
        metavar="N",
        help="Maximum parallel requests (default: %(default)s)",
    )
    parser.add_argument(
        "--requests-per-second",
        type=float,
        metavar="N",
        help="Maximum requests per second (default: no limit)",
    )
    parser.add_argument(
        "--timeout",
        default="30s",
        metavar="DURATION",
        help="Timeout of one request (default: %(default)s)",
    )
    parser.add_argument(
        "--confirm-after",
        metavar="DURATION",
        help="Delay before a loss is confirmed by a second request (default: 3s, or as configured)",
    )
    parser.add_argument(
        "--head-only",
        action="store_true",
        help="Trust HEAD responses: faster, but proves nothing about the data",
    )


def saying(parser: argparse.ArgumentParser) -> None:
    """Add the format and colours of the output."""
    parser.add_argument(
        "--output",
        choices=("text", "json", "markdown"),
        default="text",
        help="Output format (default: %(default)s)",
    )
    colour(parser)


def colour(parser: argparse.ArgumentParser) -> None:
    """Add when colours are used."""
    parser.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        help="When to use colours (default: %(default)s, on a terminal)",
    )


def saving(parser: argparse.ArgumentParser) -> None:
    """Add the file to save results to."""
    parser.add_argument(
        "--save", type=Path, metavar="FILE", help="Save the results to a file, for --from"
    )
