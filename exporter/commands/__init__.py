"""One command, one module: each takes the words that were typed and returns an exit code.

What several commands share stands in modules beside them.
"""

from __future__ import annotations


class Refused(Exception):
    """The command cannot be carried out as typed; the text says why, and the way out."""
