"""Gaps: what could not be read, the reason, and the scope."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """Why something could not be established: a closed list, since each is a label value."""

    DNS = "dns"
    """The host's name does not resolve."""
    CONNECT = "connect"
    """Nothing listens at the address, or it is unreachable."""
    TLS = "tls"
    """The certificate is not trusted or the handshake failed."""
    TIMEOUT = "timeout"
    """No answer within the deadline, or one too slow to finish."""
    RESET = "reset"
    """The connection broke before a whole answer had come."""
    UNAUTHORIZED = "unauthorized"
    """401: no credentials, or wrong ones."""
    DENIED = "denied"
    """403: known, but not allowed."""
    RATE_LIMITED = "rate-limited"
    """429 until the retries were spent, or less than a tenth of a stated pull limit remains."""
    SERVER_ERROR = "server-error"
    """5xx until the retries were spent."""
    REDIRECT = "redirect"
    """A loop of redirects, too many of them, or one down to plain http."""
    NOT_A_REGISTRY = "not-a-registry"
    """An answer that no registry gives: HTML, a bare 404, a wrong Content-Type."""
    WRONG_DIGEST = "wrong-digest"
    """Content with another digest than the requested one."""
    TRUNCATED = "truncated"
    """Fewer bytes than announced, once; a second request did not agree."""
    MALFORMED = "malformed"
    """A manifest or a list that no specification describes."""
    TOO_LARGE = "too-large"
    """Beyond a limit: body, depth, children, tags, pages, unpacked layer."""
    INCOMPLETE_LIST = "incomplete-list"
    """A list that the registry cut off or that shows the marks of its paging faults."""
    BUDGET = "budget"
    """Past the bytes that one audit may read in full: a later audit reads it."""
    UNCONFIRMED = "unconfirmed"
    """Absent once, but a second request or an intact neighbour disagreed."""
    BY_DESIGN = "by-design"
    """Not requested: in a pull-through cache, or a platform that a sparse mirror leaves out."""
    CONSENT = "consent"
    """Not read: a read would change pull times, and the registry cleans up by them."""
    CREDENTIALS = "credentials"
    """The credential helper or file could not be used, or the registry asked for no login."""
    UNREADABLE = "unreadable"
    """A file or folder that could not be read, or a stored manifest that is not plain JSON."""
    UNSUPPORTED = "unsupported"
    """A layout, interface or packing that must not be judged by our rules."""
    INTERNAL = "internal"
    """A fault of pullproof's own; the log has the trace."""


UNREACHED: Final = frozenset({Reason.DNS, Reason.CONNECT, Reason.TLS, Reason.TIMEOUT, Reason.RESET})
"""No whole answer came: whoever was asked is away, or the way there is closed."""


class Scope(StrEnum):
    """How far a gap reaches."""

    REGISTRY = "registry"
    REPOSITORY = "repository"
    OBJECT = "object"
    CONTENT = "content"
    """Whether a layer unpacks to what its image says, or what is attached to an image: it can be
    pulled, and that is known."""
    REFERENCES = "references"
    """A source of references: a file, a cluster."""


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that could not be read."""

    scope: Scope
    subject: str
    """What: a repository, `repository:tag`, `repository@digest`, a file's path."""
    reason: Reason
    detail: str = ""
    """One sentence for a person; never credentials, never a body."""


def bounded(gaps: Iterable[Gap], most: int = 1_000) -> tuple[Gap, ...]:
    """Return the first `most` gaps of each scope and reason, and the number of the others.

    A registry may have a hundred thousand repositories that all fail alike.
    """
    seen = Counter[tuple[Scope, Reason]]()
    kept: list[Gap] = []
    for gap in gaps:
        kind = (gap.scope, gap.reason)
        seen[kind] += 1
        if seen[kind] <= most:
            kept.append(gap)
    more = ((kind, number - most) for kind, number in seen.items() if number > most)
    kept += [Gap(scope, f"{number:,} more", reason) for (scope, reason), number in more]
    return tuple(kept)
