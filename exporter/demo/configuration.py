"""The configuration of the demonstration."""

from pathlib import Path
from typing import Final

_SETTINGS: Final = """\
# What `pullproof demo` runs with. docs/configuration.md lists all that can stand here.
listen: ["{listen}"]
external_url: http://{listen}
interval: 30s
confirm_after: 1s
registries:
  - name: registry.example.com
    url: http://{owned}
    aliases: [registry.example.com]
    plain_http: true
    collector: distribution-2
    tags: {{select: ["*"]}}
    storage: {{path: registry, grace: 0s}}
  - name: mirror.example.com
    url: http://{mirror}
    aliases: [mirror.example.com]
    plain_http: true
    role: proxy
    tags: {{select: ["*"]}}
references:
  - file: running.txt
    platforms: [linux/amd64, linux/arm64]
  - file: running-on-amd64.yaml
    platforms: [linux/amd64]
"""

_RUNNING: Final = """\
# Images in use on nodes of both platforms.
{owned}/shop/frontend:1.9.0
{owned}/shop/checkout:2.4.1
{owned}/platform/payments:3.0.7
{owned}/platform/search:5.2.0
"""

_ON_AMD64: Final = """\
- image: {owned}/infra/backup:0.9
- image: {mirror}/library/postgres:17
"""


def write(folder: Path, *, owned: str, mirror: str, listen: str) -> Path:
    """Write the configuration and the references that it names; return the configuration's path.

    `owned` and `mirror` are the `host:port` of the registries, `listen` is the exporter's own.
    """
    files = {
        "running.txt": _RUNNING,
        "running-on-amd64.yaml": _ON_AMD64,
        "pullproof.yml": _SETTINGS,
    }
    for name, text in files.items():
        (folder / name).write_text(text.format(owned=owned, mirror=mirror, listen=listen), "utf-8")
    return folder / "pullproof.yml"
