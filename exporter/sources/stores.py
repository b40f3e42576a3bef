"""Object stores, of registries' buckets and of exports: how one is opened, and its errors."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from obstore import exceptions
from obstore.store import ObjectStore, from_url

from exporter.facts.gap import Reason
from exporter.ports import Unseen

if TYPE_CHECKING:
    from obstore.store import ClientConfig

_ERRORS: Final = (exceptions.BaseError, OSError)
"""All that the library raises: its local store is a folder."""
_REASONS: Final = (
    (exceptions.UnauthenticatedError, Reason.UNAUTHORIZED),
    (exceptions.PermissionDeniedError, Reason.DENIED),
    (exceptions.NotFoundError, Reason.UNREADABLE),
    (OSError, Reason.UNREADABLE),
    (exceptions.BaseError, Reason.SERVER_ERROR),
)
# All that the library has for a server that never answered is its debug output.
_WAYS: Final = (
    ('"dns error"', Reason.DNS, "the name has no address"),
    ("kind: Connect,", Reason.CONNECT, "no connection"),
    ("kind: Timeout,", Reason.TIMEOUT, "no answer in time"),
    ("source: BadScheme", Reason.CONNECT, "plain http was not asked for"),
)
# Without keys of its own the library asks the cloud's machine, which names them or does not.
_MACHINE: Final = "http://169.254.169.254/"
_NO_KEYS: Final = "no credentials are set, and the machine provides none"
_CODE: Final = re.compile(r"<Code>(\w{1,64})</Code>")
"""An S3's own word for its answer: `NoSuchBucket`, `InvalidAccessKeyId`."""
# A list that is refused has no error of its own in the library.
_CODES: Final = {
    "AccessDenied": Reason.DENIED,
    "ExpiredToken": Reason.UNAUTHORIZED,
    "InvalidAccessKeyId": Reason.UNAUTHORIZED,
    "SignatureDoesNotMatch": Reason.UNAUTHORIZED,
}


def store(url: str, options: Mapping[str, str], *, plain_http: bool) -> ObjectStore:
    """Open `s3://bucket/root` and the like; credentials as the clouds' own clients find them.

    Options are obstore's own, such as `endpoint` and `region`. Raises `Unseen`.
    """
    client: ClientConfig = {"allow_http": plain_http}
    try:
        found: ObjectStore = from_url(url, config=dict(options), client_options=client)  # type: ignore[call-overload] # three stores' words
    except (*_ERRORS, ValueError) as error:
        raise Unseen(url, Reason.UNSUPPORTED, str(error)) from error
    return found


@contextmanager
def errors(subject: str) -> Iterator[None]:
    """Raise `Unseen` for whatever the library raises within a `with`."""
    try:
        yield
    except _ERRORS as error:
        raise missed(subject, error) from error


def missed(subject: str, error: Exception) -> Unseen:
    """Return what is to be raised; nothing of the library's own words, which may hold secrets."""
    reason = next(reason for kind, reason in _REASONS if isinstance(error, kind))
    unnamed = "cannot be used" if isinstance(error, OSError) else type(error).__name__
    detail = getattr(error, "strerror", None) or unnamed
    if reason is Reason.SERVER_ERROR:
        said = str(error)
        if _MACHINE in said:
            return Unseen(subject, Reason.CREDENTIALS, _NO_KEYS)
        code = _CODE.search(said)
        told = (_CODES.get(code[1], reason), code[1]) if code else (reason, detail)
        reason, detail = next(((way, words) for sign, way, words in _WAYS if sign in said), told)
    return Unseen(subject, reason, detail)
