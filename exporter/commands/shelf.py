"""Where are facts, or a registry's own storage, as it was typed?"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING

from exporter.wiring.facts import opened

if TYPE_CHECKING:
    from exporter.sources.shelf import Shelf


def shelf(args: argparse.Namespace, environ: Mapping[str, str], location: str) -> Shelf:
    """Open a folder or an object store; raises `Unseen`."""
    options = place(args, environ, location)
    return opened(location, options, plain_http=plain_http(options))


def place(args: argparse.Namespace, environ: Mapping[str, str], location: str) -> dict[str, str]:
    """Say where an object store is: as `--endpoint` and `--region` say, or S3's variables."""
    known = environ if location.startswith("s3") else {}
    named = {
        "endpoint": args.endpoint or known.get("AWS_ENDPOINT_URL"),
        "region": args.region or known.get("AWS_REGION") or known.get("AWS_DEFAULT_REGION"),
    }
    return {key: value for key, value in named.items() if value}


def plain_http(options: Mapping[str, str]) -> bool:
    """Is a store asked without TLS? Whoever writes `http:` before its address wants that."""
    return options.get("endpoint", "").startswith("http:")
