"""Which words do several commands take alike?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def tags(parser: argparse.ArgumentParser) -> None:
    """Add which tags of a whole registry are meant."""
    parser.add_argument(
        "--tags",
        action="append",
        metavar="PATTERN",
        help="only these tags of a registry (default: all); may be given again",
    )
    parser.add_argument(
        "--exclude-tags",
        action="append",
        default=[],
        metavar="PATTERN",
        help="leave these tags out; may be given again",
    )


def listed(parser: argparse.ArgumentParser, what: str) -> None:
    """Add where it stands what is in use: in a file, in a cluster."""
    parser.add_argument("--refs", type=Path, metavar="FILE", help=what)
    kube(parser)


def kube(group: argparse._ActionsContainer) -> None:
    """Add a cluster that says what is in use."""
    group.add_argument(
        "--kube",
        nargs="?",
        const="",
        metavar="CONTEXT",
        help="ask a cluster too what is in use (default: kubectl's current context)",
    )


def store(group: argparse._ActionsContainer) -> None:
    """Add how an object store is reached."""
    group.add_argument("--endpoint", metavar="URL", help="address of an S3 that is not Amazon's")
    group.add_argument("--region", metavar="NAME", help="region of the bucket")


def common(parser: argparse.ArgumentParser) -> None:
    """Add what every command takes that looks once and says what it saw."""
    asking(parser)
    saying(parser)
    saving(parser)
    parser.add_argument(
        "--from",
        dest="saved",
        type=Path,
        metavar="FILE",
        help="judge what --save or `snapshot` wrote; ask no registry",
    )


def asking(parser: argparse.ArgumentParser) -> None:
    """Add how registries are asked, and for which platforms."""
    _reaching(parser)
    parser.add_argument(
        "--platform",
        action="append",
        default=[],
        metavar="OS/ARCH",
        help="a platform that must run it; may be given again (default: all that it offers)",
    )
    _pacing(parser)


def _reaching(parser: argparse.ArgumentParser) -> None:
    """Add where registries are, and as whom they are asked."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="take registries and credentials from the configuration of serve",
    )
    parser.add_argument(
        "--plain-http", action="store_true", help="ask registries over http, without TLS"
    )
    parser.add_argument(
        "--ca-file",
        type=Path,
        metavar="PEM",
        help="trust this authority too, beside those of the system",
    )
    parser.add_argument("--username", metavar="NAME", help="user name; needs --password-stdin")
    parser.add_argument(
        "--password-stdin",
        action="store_true",
        help="read the password or token from standard input",
    )
    parser.add_argument(
        "--docker-config",
        type=Path,
        metavar="FILE",
        help="a docker config.json (default: where docker and podman keep theirs)",
    )


def _pacing(parser: argparse.ArgumentParser) -> None:
    """Add how much is asked at once, and what is believed."""
    parser.add_argument(
        "--concurrency",
        type=int,
        default=16,
        metavar="N",
        help="most requests at the same time (default: %(default)s)",
    )
    parser.add_argument(
        "--requests-per-second",
        type=float,
        metavar="N",
        help="most requests begun in a second (default: no limit)",
    )
    parser.add_argument(
        "--timeout",
        default="30s",
        metavar="DURATION",
        help="how long one request may take (default: %(default)s)",
    )
    parser.add_argument(
        "--confirm-after",
        metavar="DURATION",
        help="pause before a second look at what seems gone (default: 3s, or as configured)",
    )
    parser.add_argument(
        "--head-only",
        action="store_true",
        help="believe headers and read no last byte: quicker, and no proof",
    )


def saying(parser: argparse.ArgumentParser) -> None:
    """Add how an answer is said."""
    parser.add_argument("--output", choices=("text", "json", "markdown"), default="text")
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto")


def saving(parser: argparse.ArgumentParser) -> None:
    """Add where it is kept what was seen."""
    parser.add_argument(
        "--save", type=Path, metavar="FILE", help="write what was seen to a file, for --from"
    )
